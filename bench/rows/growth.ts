/**
 * Row 6: one listener of more and more topics, and more and more listeners in
 * one room: the time that a message takes, and the memory. Also as plots.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { measureListeners } from "../listener.ts";
import { type Batch, batchOf } from "../messages.ts";
import type { Program } from "../programs.ts";

const TIME = "time a message, µs";
const PEAK = "peak RSS each, MB";
const WAKING = "a message that comes alone wakes a process";

/** So many listeners of a batch; the count is what grows. */
interface Point {
  count: number;
  batch: Batch;
  listeners: number;
}

export async function growth(bench: Bench): Promise<void> {
  // Notices of those who come and go are not what is measured.
  const programs = bench.found.programs.map((program) =>
    program.column === "ours"
      ? { ...program, listen: [...program.listen, "--no-announce"] }
      : program
  );
  const ofTopics = bench.size([1, 10, 100, 1_000], [1, 100]).map((count) => {
    const topics = Array.from({ length: count }, (_, i) => `chat/bench/${i}`);
    const batch = batchOf(bench.size(20_000, 500), topics, 1);
    return { count, batch, listeners: 1 };
  });
  await grow(bench, "topics of one listener", programs, ofTopics);
  const batch = batchOf(bench.size(4_000, 100), ["chat/bench"], 1);
  const ofListeners = bench.size([1, 10, 50], [1, 3])
    .map((count) => ({ count, batch, listeners: count }));
  // Fifty of MQTT.js are too much for the machine, or for anybody's patience.
  const light = programs.filter(({ column }) => column !== "MQTT.js");
  const what = await grow(bench, "listeners in one room", light, ofListeners);
  for (const [count, atMost] of [[10, 1.5], [50, 2.7]]) {
    const target = { to: "mosquitto", atMost, bound: WAKING } as const;
    bench.figures.want(`${what(count)}, ${TIME}`, target);
  }
}

/** Measures points, and plots them; returns what each is called. */
async function grow(
  bench: Bench,
  xLabel: string,
  programs: Program[],
  points: Point[],
) {
  const named = (count: number) => `6 ${xLabel}: ${count.toLocaleString("en")}`;
  for (const { count, batch, listeners } of points) {
    const rounds = bench.size(3, 1);
    await bench.measure(named(count), rounds, programs, async (program) => {
      const { port } = bench;
      const it = await measureListeners(port, program, batch, listeners);
      if (it === undefined) return {};
      const time = it.wall * 1000 / (batch.count * listeners);
      return { [TIME]: time, [PEAK]: it.peak };
    });
  }
  const figuresOf = (end: string) =>
    new Map(points.map(({ count }) => [count, `${named(count)}, ${end}`]));
  bench.plot("µs for each message shown", xLabel, figuresOf(TIME));
  bench.plot("MB of one listener, peak", xLabel, figuresOf(PEAK));
  return named;
}
