/**
 * Rows 2, 5 and 6: listeners that get messages as fast as the broker passes
 * them on, listeners that hear nothing, and more and more of them.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { measureListeners, startListeners } from "../listener.ts";
import { type Batch, batchOf } from "../messages.ts";
import { Running } from "../processes.ts";
import type { Program } from "../programs.ts";

const topics = ["chat/bench"];

/** How long a listener may settle before it idles, in seconds. */
const SETTLE_S = 3;

const TIME = "time a message, µs";
const PEAK = "peak RSS each, MB";

const STEPS = "MQTT.js reads a packet in many small steps";
const WINDOW = "the broker has 20 messages on their way, and waits";
const HEAP = "the heap of V8, and of Deno before a line of ours runs";
const WAKING = "a message that comes alone wakes a process";

export async function listening(bench: Bench): Promise<void> {
  const { ours, figures, found: { programs } } = bench;
  const listen = [...ours.listen, "--json"];
  const json: Program = { ...ours, column: "ours, --json", listen };
  const keeper: Program = {
    ...ours,
    column: "ours, --keep",
    listen: [...ours.listen, "--keep", "100"],
  };
  const qos0 = await measureFlood(bench, "2 listener", 0, programs);
  const qos1 = await measureFlood(bench, "2 listener", 1, [
    ...programs,
    json,
    keeper,
  ]);
  figures.want(`${qos0}, ms`, "ours ≤ 0.9 × mosquitto", STEPS);
  figures.want(`${qos0}, CPU, ms`, "ours ≤ 1.15 × mosquitto", STEPS);
  figures.want(`${qos1}, ms`, "ours ≤ 1.02 × mosquitto", WINDOW);
  figures.want(`${qos1}, CPU, ms`, "ours ≤ 1.15 × mosquitto", STEPS);
  figures.want(`${qos1}, ms`, "ours, --json ≤ 1.2 × ours");
  figures.want(`${qos1}, CPU, ms`, "ours, --json ≤ 1.2 × ours");
  figures.want(`${qos1}, ms`, "ours, --keep ≤ 1.1 × ours");
}

/** One listener of each program in a flood; returns what this is called. */
export async function measureFlood(
  bench: Bench,
  row: string,
  qos: 0 | 1,
  programs: Program[],
): Promise<string> {
  const count = bench.size(100_000, 2_000);
  const what = `${row}, ${count.toLocaleString("en")} messages at QoS ${qos}`;
  const seals = new Set(programs.map(({ seal }) => seal));
  const batches = new Map(
    [...seals].map((seal) => [seal, batchOf(count, { topics, qos }, seal)]),
  );
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const batch = batches.get(program.seal)!;
    const it = await measureListeners(bench.port, program, batch);
    return it && { "ms": it.wall, "CPU, ms": it.cpu, "peak RSS, MB": it.peak };
  });
  return what;
}

/** All programs idle at the same time. */
export async function idle(bench: Bench): Promise<void> {
  const room = { topics, qos: 1 } as const;
  const empty = [Deno.execPath(), "run", "bench/peers/empty.ts", "idle"];
  const idling = await Promise.all([
    ...bench.found.programs.map(async (program) => {
      const [{ process }] = await startListeners(bench.port, program, room);
      return { column: program.column, process };
    }),
    { column: "empty Deno" as const, process: new Running(empty) },
  ]);
  const usageOfAll = () =>
    Promise.all(idling.map(({ process }) => process.usage()));
  const seconds = bench.size(60, 1);
  await wait(Math.min(SETTLE_S, seconds));
  const before = await usageOfAll();
  await wait(seconds);
  const after = await usageOfAll();
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

function wait(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

/** More topics of one listener, and more listeners in one room. */
export async function growth(bench: Bench): Promise<void> {
  // Notices of those who come and go are not what is measured.
  const programs = bench.found.programs.map((program) =>
    program.column === "ours"
      ? { ...program, listen: [...program.listen, "--no-announce"] }
      : program
  );
  const topicCounts = bench.size([1, 10, 100, 1_000], [1, 100]);
  await grow(bench, "topics of one listener", topicCounts, (count) => {
    const topics = Array.from({ length: count }, (_, i) => `chat/bench/${i}`);
    const batch = batchOf(bench.size(20_000, 500), { topics, qos: 1 });
    return { programs, batch, listeners: 1 };
  });
  // Fifty of MQTT.js are too much for the machine, or for anybody's patience.
  const light = programs.filter(({ column }) => column !== "MQTT.js");
  const batch = batchOf(bench.size(4_000, 100), { topics, qos: 1 });
  const counts = bench.size([1, 10, 50], [1, 3]);
  await grow(bench, "listeners in one room", counts, (count) => (
    { programs: light, batch, listeners: count }
  ));
  const named = (count: number) => `6 listeners in one room: ${count}, ${TIME}`;
  bench.figures.want(named(10), "ours ≤ 1.5 × mosquitto", WAKING);
  bench.figures.want(named(50), "ours ≤ 2.7 × mosquitto", WAKING);
}

/** Measures at some counts, and plots that. */
async function grow(
  bench: Bench,
  xLabel: string,
  counts: number[],
  point: (
    count: number,
  ) => { programs: Program[]; batch: Batch; listeners: number },
): Promise<void> {
  const names = new Map(
    counts.map((
      count,
    ) => [count, `6 ${xLabel}: ${count.toLocaleString("en")}`]),
  );
  for (const [count, what] of names) {
    const { programs, batch, listeners } = point(count);
    await bench.measure(what, bench.size(3, 1), programs, async (program) => {
      const { port } = bench;
      const it = await measureListeners(port, program, batch, listeners);
      const shown = batch.count * listeners;
      return it && { [TIME]: it.wall * 1000 / shown, [PEAK]: it.peak };
    });
  }
  bench.plot("µs for each message shown", xLabel, names, TIME);
  bench.plot("MB of one listener, peak", xLabel, names, PEAK);
}
