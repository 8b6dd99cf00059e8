/** The rows of the benchmark; README.md says what each one does. */

import { RoomSeal } from "../lib/seal.ts";
import { Signer } from "../lib/sign.ts";
import {
  BareClient,
  type Batch,
  batchOf,
  lineOf,
  measureListeners,
  type Room,
  startListeners,
  wait,
} from "./clients.ts";
import { Running } from "./processes.ts";
import { type Found, ours, type Program, roomFlags } from "./programs.ts";
import {
  type Column,
  COLUMNS,
  Figures,
  percentile,
  type Plot,
} from "./report.ts";

const topics = ["chat/bench"];
const ROOM: Room = { topics, qos: 1 };
const ONE = [...roomFlags(ROOM), "-m", "The build is green."];
// Not the topic of the listeners before: their notices may still come.
const LINES: Room = { topics: ["chat/bench/lines"], qos: 1 };
const PEAK = "peak RSS, MB";

// What bounds a row, as measured on 6f34838.
const TASK = "Deno starts twice: for the task, and for the script";
const LOADING = "of 60 ms: node: polyfills 15, MQTT.js 9 to 13, Deno 12, " +
  "our modules 9, the network";
const SHARES = "CPU: decode 21 %, reader and losses 20 %, GC and JIT 13 %, " +
  "MQTT.js and its parser 12 %, node emulation 8 %";
const PACED = "the broker sends one message at a time; system calls and " +
  "wake-ups are 38 % of the CPU time";
const WINDOW =
  "max_inflight_messages: 45,200 lines/s with 20, 63,500 with 1,000";
const YOUNG = "V8's young generation";
const HEAP = "the heap of V8, and of Deno before a line of ours runs";
const WAKING = "a message that comes alone wakes a process";

/** What the rows share: the programs, how much to measure, and the figures. */
export class Bench {
  readonly figures = new Figures();
  readonly plots: Plot[] = [];
  readonly ours: Program;

  constructor(
    readonly port: number,
    readonly folder: string,
    readonly isShort: boolean,
    readonly found: Found,
  ) {
    this.ours = found.programs.find(({ column }) => column === "ours")!;
  }

  /** How much is measured: for figures that count, or to see that it works. */
  size<T>(full: T, short: T): T {
    return this.isShort ? short : full;
  }

  /** Measures programs in turn, round by round; `run` returns figures. */
  async measure<P extends { column: Column }>(
    what: string,
    rounds: number,
    programs: P[],
    run: (
      program: P,
    ) => Promise<Record<string, number | undefined> | undefined>,
  ): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      console.error(`${what}, round ${round} of ${rounds}`);
      for (const program of programs) {
        for (const [name, value] of Object.entries(await run(program) ?? {})) {
          this.figures.add(`${what}, ${name}`, program.column, value);
        }
      }
    }
  }
}

/** Programs that send one message; the memory by a run of its own. */
async function oneShots(bench: Bench, what: string, programs: Program[]) {
  await bench.measure(what, bench.size(15, 1), programs, async (program) => {
    const begin = performance.now();
    await new Running([...program.publish, ...ONE]).success();
    const wall = performance.now() - begin;
    const command = [...bench.found.time, ...program.publish, ...ONE];
    const process = new Running(command);
    await process.success();
    return { "whole process, ms": wall, [PEAK]: await process.peakRss() };
  });
}

/** One listener of each program in a flood; returns the name of the figures. */
async function flood(bench: Bench, row: string, qos: 0 | 1, all: Program[]) {
  const count = bench.size(100_000, 2_000);
  const what = `${row}, ${count.toLocaleString("en")} messages at QoS ${qos}`;
  const protections = new Set(all.map(({ protection }) => protection));
  const batches = new Map(
    [...protections].map((protection) => [
      protection,
      batchOf(count, { topics, qos }, protection),
    ]),
  );
  await bench.measure(what, bench.size(3, 1), all, async (program) => {
    const batch = batches.get(program.protection)!;
    const it = await measureListeners(bench.port, program, batch);
    return it && { "ms": it.wall, "CPU, ms": it.cpu, [PEAK]: it.peak };
  });
  return what;
}

async function oneShot(bench: Bench): Promise<void> {
  await oneShots(bench, "1 one-shot", bench.found.oneShots);
  const { figures } = bench;
  const wall = "1 one-shot, whole process, ms";
  figures.want(wall, "ours ≤ 1.45 × paho", LOADING);
  figures.want(wall, "ours, bundled ≤ 1.15 × paho", LOADING);
  figures.want(wall, "ours ≤ 0.5 × MQTT.js", LOADING);
  figures.want(wall, "ours, task ≤ 1.15 × ours", TASK);
}

async function listening(bench: Bench): Promise<void> {
  const { ours, figures, found: { programs } } = bench;
  const withFlags = (column: Column, ...flags: string[]): Program => (
    { ...ours, column, listen: [...ours.listen!, ...flags] }
  );
  const json = withFlags("ours, --json", "--json");
  const keeper = withFlags("ours, --keep", "--keep", "100");
  const qos0 = await flood(bench, "2 listener", 0, programs);
  const qos1 = await flood(bench, "2 listener", 1, [...programs, json, keeper]);
  figures.want(`${qos0}, ms`, "ours ≤ 0.9 × mosquitto", SHARES);
  figures.want(`${qos0}, CPU, ms`, "ours ≤ 1.15 × mosquitto", SHARES);
  figures.want(`${qos1}, ms`, "ours ≤ 1.02 × mosquitto", PACED);
  figures.want(`${qos1}, CPU, ms`, "ours ≤ 1.15 × mosquitto", PACED);
  figures.want(`${qos1}, ms`, "ours, --json ≤ 1.2 × ours");
  figures.want(`${qos1}, CPU, ms`, "ours, --json ≤ 1.2 × ours");
  figures.want(`${qos1}, ms`, "ours, --keep ≤ 1.1 × ours");
}

async function publishing(bench: Bench): Promise<void> {
  const { ours, figures, found } = bench;
  const named = (count: number) =>
    `3 publisher, ${count.toLocaleString("en")} lines`;
  const count = bench.size(100_000, 2_000);
  const programs = [...found.programs, { column: "bare" as const }];
  await bench.measure(named(count), bench.size(3, 1), programs, (program) => {
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
  // In one write: how fast the pipe fills is not measured.
  const input = new TextEncoder().encode(lines.join(""));
  const publish = [...program.publish, ...roomFlags(LINES)];
  const command = [...bench.found.time, ...publish, ...program.lineFlags ?? []];
  using subscriber = await BareClient.connect(bench.port);
  await subscriber.subscribe(LINES.topics[0]);
  const begin = performance.now();
  const process = new Running(command, { stdin: "piped" });
  // A program that ends early shows in what the subscriber gets.
  const written = ReadableStream.from([input]).pipeTo(process.child.stdin)
    .catch(() => {});
  const code = await process.ended;
  const wall = performance.now() - begin;
  await written;
  const received = await subscriber.wait("publish", count, 0.5);
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

async function latency(bench: Bench): Promise<void> {
  const what = "4 latency, stdin to screen, QoS 1";
  const { programs } = bench.found;
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const times = await latencies(bench, program);
    const [p50, p99] = [0.5, 0.99].map((share) => percentile(times, share));
    return { "p50, ms": p50, "p99, ms": p99 };
  });
  bench.figures.want(`${what}, p50, ms`, "ours ≤ 1.05 × MQTT.js");
}

/** One message at a time, in milliseconds. */
async function latencies(bench: Bench, program: Program): Promise<number[]> {
  const { publish, lineFlags = [] } = program;
  const [warmUp, count] = bench.size([200, 1_000], [5, 20]);
  const reading = { isPaced: false }; // a pause would be measured
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

/** All programs idle at the same time. */
async function idle(bench: Bench): Promise<void> {
  const empty = [Deno.execPath(), "run", "bench/peers/empty.ts", "idle"];
  const idling = await Promise.all([
    ...bench.found.programs.map(async (program) => {
      const [{ process }] = await startListeners(bench.port, program, ROOM);
      return { column: program.column, process };
    }),
    { column: "empty Deno" as const, process: new Running(empty) },
  ]);
  const usages = () => Promise.all(idling.map((it) => it.process.usage()));
  const seconds = bench.size(60, 1);
  await wait(bench.size(3_000, 1_000)); // to settle
  const before = await usages();
  await wait(seconds * 1000);
  const after = await usages();
  await bench.measure("5 idle listener", 1, idling, async (program) => {
    await program.process.end();
    const index = idling.indexOf(program);
    const { rss, ownRss, cpu } = after[index];
    return {
      "RSS, MB": rss,
      "private memory, MB": ownRss,
      [`CPU in ${seconds} s, ms`]: cpu - before[index].cpu,
    };
  });
  const own = "5 idle listener, private memory, MB";
  bench.figures.want(own, "ours ≤ 0.6 × MQTT.js", HEAP);
}

/** More topics of one listener, and more listeners in one room. */
async function growth(bench: Bench): Promise<void> {
  // The notices of listeners that come and go are not measured.
  const programs = bench.found.programs.map((program) =>
    program === bench.ours
      ? { ...program, listen: [...program.listen!, "--no-announce"] }
      : program
  );
  const topicCounts = bench.size([1, 10, 100, 1_000], [1, 100]);
  await grow(bench, "topics of one listener", topicCounts, (count) => {
    const topics = Array.from({ length: count }, (_, i) => `chat/bench/${i}`);
    const batch = batchOf(bench.size(20_000, 500), { topics, qos: 1 });
    return { programs, batch, listeners: 1 };
  });
  // Fifty of MQTT.js are too many for the machine.
  const light = programs.filter(({ column }) => column !== "MQTT.js");
  const batch = batchOf(bench.size(4_000, 100), ROOM);
  const counts = bench.size([1, 10, 50], [1, 3]);
  await grow(bench, "listeners in one room", counts, (count) => (
    { programs: light, batch, listeners: count }
  ));
  const time = (count: number) =>
    `6 listeners in one room: ${count}, time a message, µs`;
  bench.figures.want(time(10), "ours ≤ 1.5 × mosquitto", WAKING);
  bench.figures.want(time(50), "ours ≤ 2.7 × mosquitto", WAKING);
}

/** Measures at some counts, and plots that. */
async function grow(
  bench: Bench,
  xLabel: string,
  counts: number[],
  point: (
    n: number,
  ) => { programs: Program[]; batch: Batch; listeners: number },
): Promise<void> {
  const [time, peak] = ["time a message, µs", "peak RSS each, MB"];
  const named = (count: number) => `6 ${xLabel}: ${count.toLocaleString("en")}`;
  for (const count of counts) {
    const { programs, batch, listeners } = point(count);
    const rounds = bench.size(3, 1);
    await bench.measure(named(count), rounds, programs, async (program) => {
      const { port } = bench;
      const it = await measureListeners(port, program, batch, listeners);
      const shown = batch.count * listeners;
      return it && { [time]: it.wall * 1000 / shown, [peak]: it.peak };
    });
  }
  for (
    const [title, figure] of [
      ["µs for each message shown", time],
      ["MB of one listener, peak", peak],
    ]
  ) {
    const lines: Plot["lines"] = new Map();
    for (const column of COLUMNS) {
      const points = counts.flatMap((x): [number, number][] => {
        const y = bench.figures.median(`${named(x)}, ${figure}`, column);
        return y ? [[x, y]] : [];
      });
      if (points.length > 0) lines.set(column, points);
    }
    bench.plots.push({ title, xLabel, lines });
  }
}

async function sealed(bench: Bench): Promise<void> {
  const secret = "correct horse battery staple";
  const file = `${bench.folder}/secret`;
  await Deno.writeTextFile(file, secret);
  const sealed: Program = {
    ...ours(bench.port, [`-R=${file}`], ["--secret-file", file]),
    column: "ours, sealed",
    protection: { seal: new RoomSeal(secret) },
  };
  await oneShots(bench, "7 one-shot", [bench.ours, sealed]);
  for (const qos of [0, 1] as const) {
    const what = await flood(bench, "7 listener", qos, [bench.ours, sealed]);
    bench.figures.want(`${what}, ms`, "ours, sealed ≤ 2 × ours");
  }
}

async function signed(bench: Bench): Promise<void> {
  const { generateKeyPairSync } = await import("node:crypto");
  const pem = String(
    generateKeyPairSync("ed25519").privateKey
      .export({ type: "pkcs8", format: "pem" }),
  );
  const file = `${bench.folder}/sign.key`;
  await Deno.writeTextFile(file, pem);
  const flags = ["--sign-key", file, "--name", "Ada"];
  const signed: Program = {
    ...ours(bench.port, [`-R=${file}`], flags),
    column: "ours, signed",
    protection: { signer: Signer.fromPem(pem) },
  };
  const programs = [bench.ours, signed];
  await flood(bench, "8 listener", 0, programs);
  const count = bench.size(100_000, 2_000);
  const what = `8 publisher, ${count.toLocaleString("en")} lines`;
  await bench.measure(
    what,
    bench.size(3, 1),
    programs,
    (program) => sendLines(bench, program, count),
  );
}

/** By number less one. */
export const ROWS = [
  oneShot,
  listening,
  publishing,
  latency,
  idle,
  growth,
  sealed,
  signed,
];
