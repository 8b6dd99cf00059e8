/**
 * Row 4: from a line on the publisher's stdin to the line on the listener's
 * stdout, one message at a time.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { startListeners } from "../listener.ts";
import { Running } from "../processes.ts";
import { type Program, roomFlags } from "../programs.ts";
import { percentile } from "../table.ts";

const ROOM = { topics: ["chat/bench"], qos: 1 as const };

export async function latency(bench: Bench): Promise<void> {
  const what = "4 latency, stdin to screen, QoS 1";
  const { programs } = bench.found;
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const times = await latencies(bench, program);
    return {
      "p50, ms": percentile(times, 0.5),
      "p99, ms": percentile(times, 0.99),
    };
  });
  bench.figures.want(`${what}, p50, ms`, { to: "MQTT.js", atMost: 1.05 });
}

/** The latencies of one pair, in milliseconds. */
async function latencies(bench: Bench, program: Program): Promise<number[]> {
  const warmUp = bench.size(200, 5);
  const count = bench.size(1_000, 20);
  // A pause of the reader would be measured.
  const reading = { isPaced: false };
  const [listener] = await startListeners(bench.port, program, ROOM, reading);
  const flags = [...roomFlags(ROOM.qos, ROOM.topics), ...program.lineFlags];
  const publisher = new Running([...program.publish, ...flags], {
    stdin: "piped",
  });
  const input = publisher.child.stdin.getWriter();
  const encoder = new TextEncoder();
  const times: number[] = [];
  for (let i = 0; i < warmUp + count; i++) {
    const bytes = encoder.encode(`This is line ${i}, it says.\n`);
    const begin = performance.now();
    await input.write(bytes);
    await listener.until(`line ${i},`);
    times.push(performance.now() - begin);
  }
  await Promise.all([publisher.end(), listener.process.end()]);
  return times.slice(warmUp);
}
