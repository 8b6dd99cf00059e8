/** The rows of the benchmark; README.md says what each one does. */

import {
  BareClient,
  batchOf,
  killAll,
  LAST,
  lineOf,
  type Room,
  roomFlags,
  Running,
  startListeners,
  wait,
} from "./clients.ts";
import type { Column, Program } from "./programs.ts";
import { type Figures, PEERS, percentile } from "./report.ts";

interface Setting {
  port: number;
  /** GNU time, which prints the peak memory of a command; or empty. */
  time: readonly string[];
  isShort: boolean;
  /** The numbers of the rows to measure; or empty. */
  only: string;
  figures: Figures;
}

/** Measures a program; returns figures by names that end with the unit. */
type Run = (
  it: Program & Setting & { count: number },
) => Promise<Record<string, number | undefined>>;

type Row = [
  /** Begins with the number that `--only` takes; # is the count. */
  name: string,
  columns: Column[],
  run: Run,
  /** A short run divides it by fifty. */
  count: number,
  rounds?: number,
];

const LISTENERS: Column[] = ["ours", ...PEERS];
const FEW: Column[] = ["ours", "mosquitto"];
// Fifty of MQTT.js are too many for the machine.
const LIGHT: Column[] = [...FEW, "paho"];
const FLAGS: Column[] = [...LISTENERS, "ours, --json", "ours, --keep"];
const SEALED: Column[] = ["ours", "ours, sealed"];
const SIGNED: Column[] = ["ours", "ours, signed"];
const ONE_SHOTS: Column[] = [
  ...["ours", "ours, bundled", "ours, packaged", "ours, compiled"] as const,
  ...["ours, task", ...PEERS, "MQTT.js on Deno", "empty Deno"] as const,
];

const AT_0: Room = { topics: ["chat/bench"], qos: 0 };
const AT_1: Room = { topics: ["chat/bench"], qos: 1 };
// Not the topic of the listeners before: their notices may still come.
const LINES: Room = { topics: ["chat/bench/lines"], qos: 1 };
const PEAK = "peak RSS, MB";

/** With fewer of the messages, as a slow reader gets at QoS 0, a time is void. */
const MOST = 0.99;
/** How long a program may take for its part of a row. */
const PATIENCE_MS = 300_000;
/** What the floods of a row send, by how it is protected. */
const batches = new Map<unknown, Uint8Array>();

const spread = (count: number, start = "chat/bench"): Room => ({
  topics: Array.from({ length: count }, (_, index) => `${start}/${index}`),
  qos: 1,
});

/** Leaves out all figures but the peak memory. */
function peak(run: Run): Run {
  return async (it) => ({ [PEAK]: (await run(it))[PEAK] });
}

/** A program that sends one message. */
const oneShot: Run = async ({ publish, time }) => {
  const flags = [...roomFlags(AT_1), "-m", "The build is green."];
  const begin = performance.now();
  const process = new Running([...time, ...publish, ...flags]);
  await process.success();
  const wall = performance.now() - begin;
  return { "whole process, ms": wall, [PEAK]: await process.peakRss() };
};

/**
 * Sends messages to new listeners. Measures the time from the start of sending
 * to the last line of all, their CPU time together, and the median of their
 * peak memory; nothing when one of them did not print nearly all.
 */
function flood(room: Room, listeners = 1): Run {
  return async ({ port, count, column, listen, protection }) => {
    const batch = batches.get(protection) ?? batchOf(count, room, protection);
    batches.set(protection, batch);
    const command = [...listen!, ...roomFlags(room)];
    const some = [command, room, protection, listeners] as const;
    const started = await startListeners(port, ...some);
    const usages = () => Promise.all(started.map((it) => it.usage()));
    const before = await usages();
    using sender = await BareClient.connect(port);
    const begin = performance.now();
    await Promise.all([
      sender.send(batch),
      sender.until("puback", room.qos * count),
      ...started.map((it) => it.until(LAST)),
    ]);
    const wall = performance.now() - begin;
    const after = await usages();
    await Promise.all(started.map((it) => it.end()));
    const least = Math.min(...started.map(({ lines }) => lines));
    if (least < MOST * count) {
      console.error(`${column}: ${least} of ${count} lines came`);
      return {};
    }
    const cpu = after.reduce((sum, it, i) => sum + it.cpu - before[i].cpu, 0);
    const rss = percentile(after.map((it) => it.peakRss), 0.5);
    return { "ms": wall, "CPU, ms": cpu, [PEAK]: rss };
  };
}

/** Counts the time and memory of a flood for each message and listener. */
function each(room: Room, listeners = 1): Run {
  return async (it) => {
    // The notices of our listeners that come and go are not measured.
    const quiet = it.column === "ours" ? ["--no-announce"] : [];
    const listen = [...it.listen!, ...quiet];
    const { ms, [PEAK]: rss } = await flood(room, listeners)({ ...it, listen });
    const time = ms && ms * 1000 / (it.count * listeners);
    return { "time a message, µs": time, "peak RSS each, MB": rss };
  };
}

/** One publisher of lines, from its start to its end; or the bare client. */
const publishing: Run = async ({ port, time, count, ...program }) => {
  if (program.column === "bare") {
    using sender = await BareClient.connect(port);
    const batch = batchOf(count, LINES);
    const begin = performance.now();
    await Promise.all([sender.send(batch), sender.until("puback", count)]);
    return { "received, lines/s": count / (performance.now() - begin) * 1000 };
  }
  const most = program.isStepwise ? count / 10 : count;
  using subscriber = await BareClient.connect(port, LINES.topics[0]);
  const receiving = subscriber.until("publish", most).catch(() => {});
  const lines = Array.from({ length: most }, (_, i) => lineOf(i) + "\n");
  // In one write: how fast the pipe fills is not measured.
  const input = new TextEncoder().encode(lines.join(""));
  const flags = [...roomFlags(LINES), ...program.lineFlags ?? []];
  const begin = performance.now();
  const process = new Running([...time, ...program.publish, ...flags]);
  // A program that ends early shows in what the subscriber gets.
  const written = process.stdin.write(input)
    .then(() => process.stdin.close()).catch(() => {});
  const code = await process.ended;
  const wall = performance.now() - begin;
  await written;
  for (let before = -1; before < subscriber.came("publish");) {
    before = subscriber.came("publish");
    await Promise.race([receiving, wait(500)]);
  }
  return {
    "received, lines/s": subscriber.came("publish") / wall * 1000,
    "received by a subscriber, %": subscriber.came("publish") / most * 100,
    "exit code": code,
    [PEAK]: await process.peakRss(),
  };
};

/** One message at a time, after a fifth as many that are not counted. */
const latency: Run = async ({ port, count, ...program }) => {
  const command = [...program.listen!, ...roomFlags(AT_1)];
  const [listener] = await startListeners(port, command, AT_1);
  const flags = [...roomFlags(AT_1), ...program.lineFlags ?? []];
  const publisher = new Running([...program.publish, ...flags]);
  const times: number[] = [];
  for (let i = 0; i < count * 6 / 5; i++) {
    const line = new TextEncoder().encode(`This is line ${i}, it says.\n`);
    const begin = performance.now();
    await publisher.stdin.write(line);
    await listener.until(`line ${i},`, false); // a pause would be measured
    times.push(performance.now() - begin);
  }
  await Promise.all([publisher.end(), listener.end()]);
  const of = (share: number) => percentile(times.slice(-count), share);
  return { "p50, ms": of(0.5), "p99, ms": of(0.99) };
};

/** A listener in a silent room of its own, for seconds; or an empty program. */
const idle: Run = async ({ port, count, column, publish, listen }) => {
  const room: Room = { topics: [`chat/bench/idle/${column}`], qos: 1 };
  const process = listen
    ? (await startListeners(port, [...listen, ...roomFlags(room)], room))[0]
    : new Running([...publish, "idle"]);
  await wait(count * 100); // to settle
  const before = await process.usage();
  await wait(count * 1000);
  const { rss, privateRss, cpu } = await process.usage();
  await process.end();
  return {
    "RSS, MB": rss,
    "private memory, MB": privateRss,
    [`CPU in ${count} s, ms`]: cpu - before.cpu,
  };
};

/** A listener of many rooms, each of which gets a message a second. */
const keeping: Run = async ({ port, isShort, count, listen }) => {
  const room = spread(count, "chat/kept");
  const command = [...listen!, "-q", "1", "-t", "chat/kept/+"];
  const [listener] = await startListeners(port, command, room);
  listener.until("no such line").catch(() => {}); // until it is ended
  using sender = await BareClient.connect(port);
  /** Sends a tenth of the messages each tenth of a second. */
  const send = async (seconds: number) => {
    const begin = performance.now();
    for (let tick = 0; tick < seconds * 10; tick++) {
      const start = tick % 10 * count / 10;
      const part = room.topics.slice(start, start + count / 10);
      await sender.send(batchOf(part.length, { topics: part, qos: 1 }));
      await wait(begin + (tick + 1) * 100 - performance.now());
    }
    return performance.now() - begin;
  };
  await send(isShort ? 0 : 3); // to settle
  const before = await listener.usage();
  const wall = await send(isShort ? 1 : 10);
  const { cpu, privateRss } = await listener.usage();
  await listener.end();
  const share = (cpu - before.cpu) / wall * 100;
  return { "CPU, % of a core": share, "private memory, MB": privateRss };
};

const ROWS: Row[] = [
  ["1 one-shot", ONE_SHOTS, oneShot, 1, 15],
  ["2 listener, # messages at QoS 0", FEW, flood(AT_0), 500_000],
  ["2 listener, # messages at QoS 0", LISTENERS, flood(AT_0), 100_000],
  ["2 listener, # messages at QoS 0", ["ours"], peak(flood(AT_0)), 10_000],
  ["2 listener, # messages at QoS 1", FEW, flood(AT_1), 500_000, 1],
  ["2 listener, # messages at QoS 1", FLAGS, flood(AT_1), 100_000],
  ["2 listener, # messages at QoS 1", ["ours"], peak(flood(AT_1)), 10_000],
  ["3 publisher, # lines", [...LISTENERS, "bare"], publishing, 100_000],
  ["3 publisher, # lines", ["ours"], peak(publishing), 10_000, 1],
  ["3 publisher, # lines", ["ours"], peak(publishing), 1_000_000, 1],
  ["4 latency, stdin to screen, QoS 1", LISTENERS, latency, 1_000],
  ["5 idle listener", [...LISTENERS, "empty Deno"], idle, 20, 1],
  ["6 topics of one listener: 1", LISTENERS, each(spread(1)), 10_000],
  ["6 topics of one listener: 10", LISTENERS, each(spread(10)), 10_000],
  ["6 topics of one listener: 100", LISTENERS, each(spread(100)), 10_000],
  ["6 topics of one listener: 1,000", LISTENERS, each(spread(1_000)), 10_000],
  ["6 listeners in one room: 1", LIGHT, each(AT_1), 1_000],
  ["6 listeners in one room: 10", LIGHT, each(AT_1, 10), 1_000],
  ["6 listeners in one room: 50", LIGHT, each(AT_1, 50), 1_000],
  ["7 one-shot", SEALED, oneShot, 1, 15],
  ["7 listener, # messages at QoS 0", SEALED, flood(AT_0), 100_000],
  ["7 listener, # messages at QoS 1", SEALED, flood(AT_1), 100_000],
  ["8 listener, # messages at QoS 0", SIGNED, flood(AT_0), 100_000],
  ["8 publisher, # lines", SIGNED, publishing, 100_000, 1],
  ["9 listener of # rooms", ["ours", "ours, --keep"], keeping, 1_000, 1],
];

/** Measures the programs of each row in turn, round by round, or all at once. */
export async function measureRows(programs: Program[], setting: Setting) {
  const { isShort, only, figures } = setting;
  const size = (full: number) => isShort ? Math.ceil(full / 50) : full;
  for (const [title, columns, run, full, rounds = 3] of ROWS) {
    if (only && !only.includes(title[0])) continue;
    // Of the growth, a short run has the first step.
    if (isShort && /: \d./.test(title)) continue;
    batches.clear();
    const count = size(full);
    const name = title.replace("#", count.toLocaleString("en"));
    const measure = async (program: Program) => {
      const limit = setTimeout(killAll, PATIENCE_MS);
      const found = await run({ ...program, ...setting, count });
      clearTimeout(limit);
      for (const [figure, value] of Object.entries(found)) {
        figures.add(`${name}, ${figure}`, program.column, value);
      }
    };
    const taking = programs.filter(({ column }) => columns.includes(column));
    for (let round = 1; round <= size(rounds); round++) {
      console.error(`${name}, round ${round} of ${size(rounds)}`);
      if (run === idle) await Promise.all(taking.map(measure));
      else for (const program of taking) await measure(program);
    }
  }
}
