/**
 * Row 1: a message is sent at QoS 1 and acknowledged, by a process that is
 * started for it and ends.
 *
 * @module
 */

import type { Command } from "../processes.ts";
import type { Case, Column } from "../results.ts";
import { rounds, type Setting } from "../setting.ts";
import { timed } from "../timed.ts";

const TOPIC = "chat/bench";
const TEXT = "The build is green.";

/** How often the memory is read: it hardly varies. */
const MEMORY_ROUNDS = 3;

const WALL: Case = {
  id: "1 wall",
  what: "1 one-shot, whole process",
  unit: "ms",
};
const PEAK: Case = { id: "1 peak", what: "1 one-shot, peak RSS", unit: "MB" };

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measureOneShot(setting: Setting): Promise<void> {
  const { processes, programs, port, results, sizes } = setting;
  for (const round of rounds(setting, "1 one-shot", sizes.oneShots)) {
    for (const { column, sendOne } of programs) {
      const command = sendOne(port, TOPIC, TEXT);
      if (round === 1) await processes.start(command).success();
      const start = performance.now();
      await processes.start(command).success();
      results.add(WALL, column, performance.now() - start);
    }
  }
  const count = Math.min(MEMORY_ROUNDS, sizes.oneShots);
  for (const _ of rounds(setting, "1 one-shot, memory", count)) {
    for (const { column, sendOne } of programs) {
      await measureMemory(setting, column, sendOne(port, TOPIC, TEXT));
    }
  }
}

async function measureMemory(
  setting: Setting,
  column: Column,
  command: Command,
): Promise<void> {
  const { process, peakRss } = timed(setting, command);
  await process.success();
  const peak = await peakRss();
  if (peak) setting.results.add(PEAK, column, peak);
}
