/**
 * Row 6: one listener of more and more topics, and more and more listeners in
 * one room: the time that a message takes, and the memory.
 *
 * @module
 */

import { type Case, type Column, withCommas } from "../results.ts";
import {
  type Listener,
  type ListeningProgram,
  listeningPrograms,
  Messages,
  startListeners,
} from "../room.ts";
import type { Listening } from "../programs.ts";
import { rounds, type Setting } from "../setting.ts";
import { median } from "../statistics.ts";
import { usageOf } from "../processes.ts";

const QOS = 1;

/** Programs whose fifty listeners fit any machine and any patience. */
const ROOM_COLUMNS: readonly Column[] = ["ours", "mosquitto", "paho"];

/** Where something grows. */
export type Growth = "topics" | "listeners";

/**
 * The cases of a point of growth.
 *
 * @param growth What grows.
 * @param count To how many.
 * @returns The time for each message that a listener gets, and the peak memory
 * of one listener.
 */
export function growthCases(
  growth: Growth,
  count: number,
): { time: Case; peak: Case } {
  const id = `6 ${count} ${growth}`;
  const what = growth === "topics"
    ? `6 topics of one listener: ${withCommas(count)}`
    : `6 listeners in one room: ${withCommas(count)}`;
  return {
    time: { id: `${id} time`, what: `${what}, time a message`, unit: "µs" },
    peak: { id: `${id} peak`, what: `${what}, peak RSS each`, unit: "MB" },
  };
}

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measureGrowth(setting: Setting): Promise<void> {
  const { sizes } = setting;
  for (const count of sizes.topics) {
    const cases = growthCases("topics", count);
    const topics = Array.from({ length: count }, (_, i) => `chat/bench/${i}`);
    const messages = new Messages(sizes.topicMessages, topics, QOS);
    for (const _ of rounds(setting, cases.time.what, sizes.rounds)) {
      for (const program of listeningPrograms(setting)) {
        await measure(setting, program, messages, topics, 1, cases);
      }
    }
  }
  const topics = ["chat/bench"];
  const messages = new Messages(sizes.roomMessages, topics, QOS);
  for (const count of sizes.listeners) {
    const cases = growthCases("listeners", count);
    setting.tell(cases.time.what);
    for (const program of listeningPrograms(setting)) {
      if (!ROOM_COLUMNS.includes(program.column)) continue;
      await measure(setting, program, messages, topics, count, cases);
    }
  }
}

/** One program at one point. */
async function measure(
  setting: Setting,
  program: ListeningProgram,
  messages: Messages,
  topics: string[],
  count: number,
  { time, peak }: { time: Case; peak: Case },
): Promise<void> {
  // Notices of those who come and go are not what is measured.
  const flags = ["--no-announce"];
  const listening: Omit<Listening, "port"> = { topics, qos: QOS, flags };
  const listeners = await startListeners(setting, program, listening, count);
  const wall = await messages.send(setting, listeners);
  const usage = await usageOf(listeners.map(({ process }) => process));
  await endAll(listeners);
  const deliveries = messages.count * count;
  setting.results.add(time, program.column, wall * 1000 / deliveries);
  const memory = median(usage.map(({ peakRss }) => peakRss));
  setting.results.add(peak, program.column, memory);
}

async function endAll(listeners: Listener[]): Promise<void> {
  await Promise.all(listeners.map(({ process }) => process.end()));
}
