/**
 * Row 1: a message is sent at QoS 1 and acknowledged, by a process that is
 * started for it and ends.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { sendOne } from "../programs.ts";

const TOPIC = "chat/bench";
const TEXT = "The build is green.";

const TASK = "Deno starts twice: for the task, and for the script";
const LOADING = "what a one-shot loads (below)";

export async function oneShot(bench: Bench): Promise<void> {
  const { oneShots, processes } = bench;
  const wall = bench.figure("1 one-shot, whole process", "ms", [
    { to: "paho", atMost: 1.45, bound: LOADING },
    { ours: "ours, bundled", to: "paho", atMost: 1.15, bound: LOADING },
    { to: "MQTT.js", atMost: 0.5, bound: LOADING },
    { ours: "ours, task", to: "ours", atMost: 1.15, bound: TASK },
  ]);
  const peak = bench.figure("1 one-shot, peak RSS", "MB");
  for (const round of bench.rounds("1 one-shot", bench.size(15, 1))) {
    for (const program of oneShots) {
      const command = sendOne(program, TOPIC, TEXT);
      // The first fills caches.
      if (round === 1) await processes.start(command).success();
      const start = performance.now();
      await processes.start(command).success();
      wall.add(program.column, performance.now() - start);
    }
  }
  // It hardly varies.
  for (const _ of bench.rounds("1 one-shot, memory", bench.size(3, 1))) {
    for (const program of oneShots) {
      const command = bench.timed(sendOne(program, TOPIC, TEXT));
      const process = processes.start(command);
      await process.success();
      peak.add(program.column, process.peakRss);
    }
  }
}
