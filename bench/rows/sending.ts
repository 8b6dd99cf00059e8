/**
 * Rows 1, 3 and 4: what sends, as a process for each message, as a pipe of many
 * lines, and line by line until a listener shows them.
 *
 * @module
 */

import { BareClient } from "../bare_client.ts";
import type { Bench } from "../bench.ts";
import { startListeners } from "../listener.ts";
import { batchOf, lineOf } from "../messages.ts";
import { Running } from "../processes.ts";
import { type Program, roomFlags } from "../programs.ts";
import { percentile } from "../table.ts";

const ROOM = { topics: ["chat/bench"], qos: 1 } as const;
const ONE = [...roomFlags(ROOM), "-m", "The build is green."];

// Not that of the listeners before: the broker may still be telling of their end.
const LINES = { topics: ["chat/bench/lines"], qos: 1 } as const;

/** No more is expected when nothing has come for so many seconds. */
const SILENCE_S = 0.5;

const PEAK = "peak RSS, MB";

const TASK = "Deno starts twice: for the task, and for the script";
const LOADING = "what a one-shot loads (below)";
const WINDOW = "20 lines may be unacknowledged, of ours as of paho's";
const YOUNG = "V8's young generation";

export async function oneShot(bench: Bench): Promise<void> {
  await measureOneShots(bench, "1 one-shot", bench.found.oneShots);
  const { figures } = bench;
  const wall = "1 one-shot, whole process, ms";
  figures.want(wall, "ours ≤ 1.45 × paho", LOADING);
  figures.want(wall, "ours, bundled ≤ 1.15 × paho", LOADING);
  figures.want(wall, "ours ≤ 0.5 × MQTT.js", LOADING);
  figures.want(wall, "ours, task ≤ 1.15 × ours", TASK);
}

/** Programs that send one message: the time, and then the memory. */
export async function measureOneShots(
  bench: Bench,
  what: string,
  programs: Program[],
): Promise<void> {
  // The first fills caches.
  for (const { publish } of programs) {
    await new Running([...publish, ...ONE]).success();
  }
  await bench.measure(what, bench.size(15, 1), programs, async (program) => {
    const begin = performance.now();
    await new Running([...program.publish, ...ONE]).success();
    return { "whole process, ms": performance.now() - begin };
  });
  // It hardly varies.
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const command = [...bench.found.time, ...program.publish, ...ONE];
    const process = new Running(command);
    await process.success();
    return { [PEAK]: await process.peakRss() };
  });
}

export async function publishing(bench: Bench): Promise<void> {
  const { ours, figures, found } = bench;
  const named = (count: number) =>
    `3 publisher, ${count.toLocaleString("en")} lines`;
  const count = bench.size(100_000, 2_000);
  const rounds = bench.size(3, 1);
  const programs = [...found.programs, { column: "bare" as const }];
  await bench.measure(named(count), rounds, programs, (program) => {
    if (!("publish" in program)) return sendBare(bench, count);
    return sendLines(bench, program, program.isStepwise ? count / 10 : count);
  });
  const few = bench.size(10_000, 500);
  const many = bench.size(1_000_000, 5_000);
  for (const count of [few, many]) {
    await bench.measure(named(count), 1, [ours], async (program) => {
      return { [PEAK]: (await sendLines(bench, program, count))[PEAK] };
    });
  }
  const rate = `${named(count)}, received, lines/s`;
  figures.want(rate, "ours ≥ 1.4 × paho", WINDOW);
  const [fewPeak, manyPeak] = [few, many].map((it) => `${named(it)}, ${PEAK}`);
  figures.want(manyPeak, "ours ≤ 1.3 × ours", YOUNG, fewPeak);
}

/** One publisher, from its start to its end. */
async function sendLines(bench: Bench, program: Program, count: number) {
  const lines = Array.from({ length: count }, (_, i) => lineOf(i) + "\n");
  // In one write: how fast the pipe fills is not what is measured.
  const input = new TextEncoder().encode(lines.join(""));
  const publish = [...program.publish, ...roomFlags(LINES)];
  const command = [...bench.found.time, ...publish, ...program.lineFlags];
  using subscriber = await BareClient.connect(bench.port);
  await subscriber.subscribe(LINES.topics[0]);
  const begin = performance.now();
  const process = new Running(command, { stdin: "piped" });
  // That it ended and took no more shows in what came.
  const written = ReadableStream.from([input]).pipeTo(process.child.stdin)
    .catch(() => {});
  const code = await process.ended;
  const wall = performance.now() - begin;
  await written;
  const received = await subscriber.wait("publish", count, SILENCE_S);
  return {
    "received, lines/s": received / wall * 1000,
    "received by a subscriber, %": received / count * 100,
    "exit code": code,
    [PEAK]: await process.peakRss(),
  };
}

/** How many messages a second the broker takes and passes on. */
async function sendBare({ port }: Bench, count: number) {
  const { packets } = batchOf(count, LINES);
  using subscriber = await BareClient.connect(port);
  await subscriber.subscribe(LINES.topics[0]);
  using sender = await BareClient.connect(port);
  const begin = performance.now();
  await Promise.all([sender.send(packets), sender.expect("puback", count)]);
  const wall = performance.now() - begin;
  return { "received, lines/s": count / wall * 1000 };
}

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
  bench.figures.want(`${what}, p50, ms`, "ours ≤ 1.05 × MQTT.js");
}

/** One message at a time, in milliseconds. */
async function latencies(bench: Bench, program: Program): Promise<number[]> {
  const { publish, lineFlags } = program;
  const warmUp = bench.size(200, 5);
  const count = bench.size(1_000, 20);
  // A pause of the reader would be measured.
  const reading = { isPaced: false };
  const [listener] = await startListeners(bench.port, program, ROOM, reading);
  const command = [...publish, ...roomFlags(ROOM), ...lineFlags];
  const publisher = new Running(command, { stdin: "piped" });
  const input = publisher.child.stdin.getWriter();
  const times: number[] = [];
  for (let i = 0; i < warmUp + count; i++) {
    const line = new TextEncoder().encode(`This is line ${i}, it says.\n`);
    const begin = performance.now();
    await input.write(line);
    await listener.until(`line ${i},`);
    times.push(performance.now() - begin);
  }
  await Promise.all([publisher.end(), listener.process.end()]);
  return times.slice(warmUp);
}
