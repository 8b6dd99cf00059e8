/**
 * Row 4: from a line on the publisher's stdin to the line on the listener's
 * stdout, one message at a time.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { Listener, type ListenOptions } from "../listener.ts";
import { type Program, sendLines } from "../programs.ts";
import { percentile } from "../statistics.ts";

const TOPIC = "chat/bench";

export async function latency(bench: Bench): Promise<void> {
  const what = "4 latency, stdin to screen, QoS 1";
  const p50 = bench.figure(`${what}, p50`, "ms", [
    { to: "MQTT.js", atMost: 1.05 },
  ]);
  const p99 = bench.figure(`${what}, p99`, "ms");
  for (const _ of bench.rounds("4 latency", bench.size(3, 1))) {
    for (const program of bench.programs) {
      const samples = await latencies(bench, program);
      p50.add(program.column, percentile(samples, 0.5));
      p99.add(program.column, percentile(samples, 0.99));
    }
  }
}

/** The latencies of one pair, in milliseconds. */
async function latencies(bench: Bench, program: Program): Promise<number[]> {
  const warmUp = bench.size(200, 5);
  const count = bench.size(1_000, 20);
  const listening: ListenOptions = { topics: [TOPIC], qos: 1, isPaced: false };
  const [listener] = await Listener.start(bench, program, listening);
  const command = sendLines(program, TOPIC);
  const publisher = bench.processes.start(command, { hasInput: true });
  const input = publisher.input.getWriter();
  const encoder = new TextEncoder();
  const times: number[] = [];
  for (let i = 0; i < warmUp + count; i++) {
    const bytes = encoder.encode(`This is line ${i}, it says.\n`);
    const start = performance.now();
    await input.write(bytes);
    await listener.until(`line ${i},`);
    if (i >= warmUp) times.push(performance.now() - start);
  }
  await Promise.all([publisher.end(), listener.process.end()]);
  return times;
}
