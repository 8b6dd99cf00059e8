/**
 * Row 1: a message is sent at QoS 1 and acknowledged, by a process that is
 * started for it and ends.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { Running } from "../processes.ts";
import { type OneShot, roomFlags } from "../programs.ts";

const FLAGS = [...roomFlags(1, ["chat/bench"]), "-m", "The build is green."];

const TASK = "Deno starts twice: for the task, and for the script";
const LOADING = "what a one-shot loads (below)";

export async function oneShot(bench: Bench): Promise<void> {
  const what = "1 one-shot";
  await measureOneShots(bench, what, bench.found.oneShots);
  bench.figures.want(
    `${what}, whole process, ms`,
    { to: "paho", atMost: 1.45, bound: LOADING },
    { ours: "ours, bundled", to: "paho", atMost: 1.15, bound: LOADING },
    { to: "MQTT.js", atMost: 0.5, bound: LOADING },
    { ours: "ours, task", to: "ours", atMost: 1.15, bound: TASK },
  );
}

/** Time and memory of programs that send one message. */
export async function measureOneShots(
  bench: Bench,
  what: string,
  programs: OneShot[],
): Promise<void> {
  // The first fills caches.
  for (const { publish } of programs) {
    await new Running([...publish, ...FLAGS]).success();
  }
  await bench.measure(what, bench.size(15, 1), programs, async (program) => {
    const begin = performance.now();
    await new Running([...program.publish, ...FLAGS]).success();
    return { "whole process, ms": performance.now() - begin };
  });
  // It hardly varies.
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const command = [...bench.found.time, ...program.publish, ...FLAGS];
    const process = new Running(command);
    await process.success();
    return { "peak RSS, MB": await process.peakRss() };
  });
}
