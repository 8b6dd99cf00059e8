/**
 * Row 6: one listener of more and more topics, and more and more listeners in
 * one room: the time that a message takes, and the memory. Also as plots.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { type Column, COLUMNS, type Figure } from "../figures.ts";
import { flood, Listener } from "../listener.ts";
import { type Batch, batchOf } from "../messages.ts";
import type { Program } from "../programs.ts";
import { median } from "../statistics.ts";
import type { Plot, Series } from "../svg.ts";
import { withCommas } from "../table.ts";

/** What is measured where there are so many. */
interface Point {
  count: number;
  /** For each message that a listener gets. */
  time: Figure;
  /** Of one listener. */
  peak: Figure;
}

export async function growth(bench: Bench): Promise<void> {
  const counts = bench.size([1, 10, 100, 1_000], [1, 100]);
  const points = pointsOf(bench, "6 topics of one listener", counts);
  for (const point of points) {
    const topics = Array.from(
      { length: point.count },
      (_, index) => `chat/bench/${index}`,
    );
    const batch = batchOf(bench.size(20_000, 500), topics, 1);
    for (const _ of bench.rounds(point.time.what, bench.size(3, 1))) {
      for (const program of bench.programs) {
        await measure(bench, program, point, batch, topics, 1);
      }
    }
  }
  bench.plots.push(...plotsOf(points, "topics of one listener"));
  await growListeners(bench);
}

async function growListeners(bench: Bench): Promise<void> {
  const counts = bench.size([1, 10, 50], [1, 3]);
  const points = pointsOf(bench, "6 listeners in one room", counts);
  const topics = ["chat/bench"];
  const batch = batchOf(bench.size(4_000, 100), topics, 1);
  for (const point of points) {
    bench.tell(point.time.what);
    for (const program of bench.programs) {
      // Fifty Nodes are more than the patience of anybody, or the machine.
      if (program.column === "MQTT.js") continue;
      await measure(bench, program, point, batch, topics, point.count);
    }
  }
  bench.plots.push(...plotsOf(points, "listeners in one room"));
}

function pointsOf(bench: Bench, what: string, counts: number[]): Point[] {
  return counts.map((count) => {
    const here = `${what}: ${withCommas(count)}`;
    return {
      count,
      time: bench.figure(`${here}, time a message`, "µs"),
      peak: bench.figure(`${here}, peak RSS each`, "MB"),
    };
  });
}

/** So many listeners of one program at one point. */
async function measure(
  bench: Bench,
  program: Program,
  { time, peak }: Point,
  batch: Batch,
  topics: string[],
  count: number,
): Promise<void> {
  const listeners = await Listener.start(bench, program, {
    topics,
    qos: batch.qos,
    count,
    // Notices of those who come and go are not what is measured.
    ourFlags: ["--no-announce"],
  });
  const processes = listeners.map(({ process }) => process);
  const wall = await flood(bench, batch, listeners);
  const usage = await bench.processes.usage(processes);
  await Promise.all(processes.map((process) => process.end()));
  time.add(program.column, wall * 1000 / (batch.count * count));
  peak.add(program.column, median(usage.map(({ peakRss }) => peakRss)));
}

function plotsOf(points: Point[], xLabel: string): Plot[] {
  const series = (valueOf: (point: Point, column: Column) => number) =>
    COLUMNS.map((name): Series => ({
      name,
      points: points.filter(({ time }) => time.has(name))
        .map((point) => [point.count, valueOf(point, name)]),
    })).filter(({ points }) => points.length > 0);
  return [
    {
      title: "µs for each message shown",
      xLabel,
      series: series(({ time }, column) => time.median(column)!),
    },
    {
      title: "MB of one listener, peak",
      xLabel,
      series: series(({ peak }, column) => peak.median(column)! / 1e6),
    },
  ];
}
