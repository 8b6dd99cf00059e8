/**
 * Row 6: one listener of more and more topics, and more and more listeners in
 * one room: the time that a message takes, and the memory. Also as plots.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { type Column, COLUMNS, type Figure, type Target } from "../figures.ts";
import { flood, Listener } from "../listener.ts";
import { type Batch, batchOf } from "../messages.ts";
import type { Program } from "../programs.ts";
import { median } from "../statistics.ts";
import type { Plot, Series } from "../svg.ts";
import { withCommas } from "../table.ts";

const WAKING = "a message that comes alone wakes a process";

/** What is measured where so many are reached. */
interface Point {
  count: number;
  /** For each message that a listener gets. */
  time: Figure;
  /** Of one listener. */
  peak: Figure;
}

export async function growth(bench: Bench): Promise<void> {
  await growTopics(bench);
  await growListeners(bench);
}

async function growTopics(bench: Bench): Promise<void> {
  const what = "topics of one listener";
  const points = pointsOf(
    bench,
    what,
    bench.size([1, 10, 100, 1_000], [1, 100]),
  );
  for (const point of points) {
    const indexes = [...Array(point.count).keys()];
    const topics = indexes.map((index) => `chat/bench/${index}`);
    const batch = batchOf(bench.size(20_000, 500), topics, 1);
    for (const _ of bench.rounds(point.time.what, bench.size(3, 1))) {
      for (const program of bench.programs) {
        await measure(bench, program, point, batch, topics);
      }
    }
  }
  bench.plots.push(...plotsOf(points, what));
}

async function growListeners(bench: Bench): Promise<void> {
  const what = "listeners in one room";
  const counts = bench.size([1, 10, 50], [1, 3]);
  const points = pointsOf(bench, what, counts, { 10: 1.5, 50: 2.7 });
  const topics = ["chat/bench"];
  const batch = batchOf(bench.size(4_000, 100), topics, 1);
  for (const point of points) {
    for (const _ of bench.rounds(point.time.what, bench.size(3, 1))) {
      for (const program of bench.programs) {
        // Fifty are too much for the machine, or for anybody's patience.
        if (program.column === "MQTT.js") continue;
        await measure(bench, program, point, batch, topics, point.count);
      }
    }
  }
  bench.plots.push(...plotsOf(points, what));
}

function pointsOf(
  bench: Bench,
  what: string,
  counts: number[],
  atMost: Record<number, number> = {},
): Point[] {
  return counts.map((count) => {
    const here = `6 ${what}: ${withCommas(count)}`;
    const target: Target = {
      to: "mosquitto",
      atMost: atMost[count],
      bound: WAKING,
    };
    const targets = count in atMost ? [target] : [];
    return {
      count,
      time: bench.figure(`${here}, time a message`, "µs", targets),
      peak: bench.figure(`${here}, peak RSS each`, "MB"),
    };
  });
}

/** Listeners of one program at one point. */
async function measure(
  bench: Bench,
  program: Program,
  { time, peak }: Point,
  batch: Batch,
  topics: string[],
  count = 1,
): Promise<void> {
  // Notices of those who come and go are not what is measured.
  const ourFlags = ["--no-announce"];
  const listening = { topics, qos: batch.qos, count, ourFlags };
  const listeners = await Listener.start(bench, program, listening);
  const processes = listeners.map(({ process }) => process);
  const wall = await flood(bench, batch, listeners);
  const usage = await bench.processes.usage(processes);
  await Promise.all(processes.map((process) => process.end()));
  if (wall === undefined) return;
  time.add(program.column, wall * 1000 / (batch.count * count));
  peak.add(program.column, median(usage.map(({ peakRss }) => peakRss)));
}

function plotsOf(points: Point[], xLabel: string): Plot[] {
  const plot = (
    title: string,
    valueOf: (point: Point, of: Column) => number,
  ) => {
    const series = COLUMNS.map((name): Series => ({
      name,
      points: points.filter(({ time }) => time.has(name))
        .map((point) => [point.count, valueOf(point, name)]),
    }));
    const measured = series.filter(({ points }) => points.length > 0);
    return { title, xLabel, series: measured };
  };
  return [
    plot("µs for each message shown", ({ time }, of) => time.median(of)!),
    plot("MB of one listener, peak", ({ peak }, of) => peak.median(of)! / 1e6),
  ];
}
