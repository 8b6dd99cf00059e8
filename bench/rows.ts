/** The rows of the benchmark; README.md says what each one does. */

import type { Protection } from "../lib/codec.ts";
import {
  BareClient,
  batchOf,
  LAST,
  lineOf,
  Listener,
  type Room,
  wait,
} from "./clients.ts";
import { Running } from "./processes.ts";
import { type Program, roomFlags } from "./programs.ts";
import { type Column, PEERS, percentile, type Target } from "./report.ts";

/** Measures a program; returns figures by names that end with the unit. */
type Run = (
  program: Program,
) => Promise<Record<string, number | undefined> | undefined>;

export interface Row {
  /** Begins with the number that `--only` takes. */
  name: string;
  columns: readonly Column[];
  run: Run;
  rounds: number;
  /** Whether all programs run at the same time. */
  isAtOnce?: boolean;
}

/** What the rows share. */
export interface Setting {
  port: number;
  /** GNU time, which prints the peak memory of a command; or empty. */
  time: readonly string[];
  isShort: boolean;
}

const LISTENERS = ["ours", ...PEERS] as const;
// Fifty of MQTT.js are too many for the machine.
const LIGHT = LISTENERS.filter((column) => column !== "MQTT.js");
const ONE_SHOTS: readonly Column[] = [
  ...["ours", "ours, bundled", "ours, compiled", "ours, task"] as const,
  ...[...PEERS, "MQTT.js on Deno", "empty Deno"] as const,
];
const WITH_FLAGS = [...LISTENERS, "ours, --json", "ours, --keep"] as const;
const IDLE = [...LISTENERS, "empty Deno"] as const;
const SEALED = ["ours", "ours, sealed"] as const;
const SIGNED = ["ours", "ours, signed"] as const;

const topics = ["chat/bench"];
const ROOM: Room = { topics, qos: 1 };
// Not the topic of the listeners before: their notices may still come.
const LINES: Room = { topics: ["chat/bench/lines"], qos: 1 };
const PEAK = "peak RSS, MB";

/**
 * With fewer of the messages than this a time means nothing. Of 50 of a peer's
 * listeners one was seen to miss one of 4,000; and ours drops lines, and says
 * so, where its reader is too slow for a flood at QoS 0.
 */
const MOST = 0.99;

export function rowsOf(setting: Setting): Row[] {
  const { port, isShort } = setting;
  /** How much is measured: for figures that count, or to see that it works. */
  const size = <T>(full: T, short: T) => isShort ? short : full;
  const usual = size(3, 1);
  const row = (
    name: string,
    columns: readonly Column[],
    run: Run,
    rounds = usual,
  ): Row => ({ name, columns, run, rounds });

  const shot = oneShot(setting);
  const often = size(15, 1);
  const flooding = size(100_000, 2_000);
  const [few, many] = size([10_000, 1_000_000], [500, 5_000]);
  const messages = `${inWords(flooding)} messages`;
  const flooded = (qos: 0 | 1) => flood(port, flooding, { topics, qos });
  const lines = (count: number) => `publisher, ${inWords(count)} lines`;
  const published = publishing(setting, flooding);
  const spread = size([1, 10, 100, 1_000], [1, 100]).map((count) => {
    const topics = Array.from({ length: count }, (_, i) => `chat/bench/${i}`);
    const messages = size(20_000, 500);
    const run = each(flood(port, messages, { topics, qos: 1 }), messages);
    return row(`6 topics of one listener: ${inWords(count)}`, LISTENERS, run);
  });
  const crowds = size([1, 10, 50], [1, 3]).map((count) => {
    const messages = size(4_000, 100);
    const run = each(flood(port, messages, ROOM, count), messages * count);
    return row(`6 listeners in one room: ${count}`, LIGHT, run);
  });
  const idling = idle(setting, size(60, 1));
  return [
    row("1 one-shot", ONE_SHOTS, shot, often),
    row(`2 listener, ${messages} at QoS 0`, LISTENERS, flooded(0)),
    row(`2 listener, ${messages} at QoS 1`, WITH_FLAGS, flooded(1)),
    row(`3 ${lines(flooding)}`, [...LISTENERS, "bare"], published),
    row(`3 ${lines(few)}`, ["ours"], onlyPeak(publishing(setting, few)), 1),
    row(`3 ${lines(many)}`, ["ours"], onlyPeak(publishing(setting, many)), 1),
    row("4 latency, stdin to screen, QoS 1", LISTENERS, latency(setting)),
    { ...row("5 idle listener", IDLE, idling, 1), isAtOnce: true },
    ...spread,
    ...crowds,
    row("7 one-shot", SEALED, shot, often),
    row(`7 listener, ${messages} at QoS 0`, SEALED, flooded(0)),
    row(`7 listener, ${messages} at QoS 1`, SEALED, flooded(1)),
    row(`8 listener, ${messages} at QoS 0`, SIGNED, flooded(0)),
    row(`8 ${lines(flooding)}`, SIGNED, published),
  ];
}

const inWords = (count: number) => count.toLocaleString("en");

const onlyPeak = (run: Run): Run => async (program) => ({
  [PEAK]: (await run(program))?.[PEAK],
});

/** A program that sends one message; its memory by a run of its own. */
function oneShot({ time }: Setting): Run {
  const flags = [...roomFlags(ROOM), "-m", "The build is green."];
  return async ({ publish }) => {
    const begin = performance.now();
    await new Running([...publish, ...flags]).success();
    const wall = performance.now() - begin;
    const process = new Running([...time, ...publish, ...flags]);
    await process.success();
    return { "whole process, ms": wall, [PEAK]: await process.peakRss() };
  };
}

/** Counts the time and memory of a flood for each message and listener. */
const each = (run: Run, shown: number): Run => async (program) => {
  // The notices of our listeners that come and go are not measured.
  const quiet = program.column === "ours" ? ["--no-announce"] : [];
  const it = await run({ ...program, listen: [...program.listen!, ...quiet] });
  return it && {
    "time a message, µs": it.ms! * 1000 / shown,
    "peak RSS each, MB": it[PEAK],
  };
};

/**
 * Sends messages to new listeners. Measures the time from the start of sending
 * to the last line of all, their CPU time together, and the median of their
 * peak memory; nothing when one of them did not print nearly all.
 */
function flood(port: number, count: number, room: Room, listeners = 1): Run {
  const batches = new Map<Protection | undefined, Uint8Array>();
  return async (program) => {
    const { column, protection } = program;
    const batch = batches.get(protection) ?? batchOf(count, room, protection);
    batches.set(protection, batch);
    const started = await Listener.start(port, program, room, {
      count: listeners,
    });
    const usages = () => Promise.all(started.map((it) => it.process.usage()));
    const before = await usages();
    using sender = await BareClient.connect(port);
    const begin = performance.now();
    const shown = started.map((it) => it.until(LAST));
    await Promise.all([sender.send(batch), ...shown]);
    const wall = performance.now() - begin;
    const after = await usages();
    await Promise.all(started.map(({ process }) => process.end()));
    const least = Math.min(...started.map(({ lines }) => lines));
    if (least < count) {
      console.error(`${column}: ${least} of ${count} lines came`);
    }
    if (least < MOST * count) return undefined;
    const cpu = after.reduce((sum, it, i) => sum + it.cpu - before[i].cpu, 0);
    const peak = percentile(after.map((it) => it.peakRss), 0.5);
    return { "ms": wall, "CPU, ms": cpu, [PEAK]: peak };
  };
}

/** One publisher of lines, from its start to its end; or the bare client. */
function publishing({ port, time }: Setting, most: number): Run {
  const [topic] = LINES.topics;
  return async ({ column, publish, lineFlags = [], isStepwise }) => {
    using subscriber = await BareClient.connect(port, topic);
    if (column === "bare") {
      const batch = batchOf(most, LINES);
      using sender = await BareClient.connect(port);
      const begin = performance.now();
      await Promise.all([sender.send(batch), sender.expect("puback", most)]);
      const wall = performance.now() - begin;
      return { "received, lines/s": most / wall * 1000 };
    }
    const count = isStepwise ? most / 10 : most;
    const lines = Array.from({ length: count }, (_, i) => lineOf(i) + "\n");
    // In one write: how fast the pipe fills is not measured.
    const input = new TextEncoder().encode(lines.join(""));
    const command = [...time, ...publish, ...roomFlags(LINES), ...lineFlags];
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
  };
}

/** One message at a time. */
function latency({ port, isShort }: Setting): Run {
  const [warmUp, count] = isShort ? [5, 20] : [200, 1_000];
  return async (program) => {
    const { publish, lineFlags = [] } = program;
    const reading = { isPaced: false }; // a pause would be measured
    const [listener] = await Listener.start(port, program, ROOM, reading);
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
    const [p50, p99] = [0.5, 0.99]
      .map((share) => percentile(times.slice(warmUp), share));
    return { "p50, ms": p50, "p99, ms": p99 };
  };
}

/** A listener in a silent room of its own; or an empty program. */
function idle({ port, isShort }: Setting, seconds: number): Run {
  return async (program) => {
    const topics = [`chat/bench/idle/${program.column}`];
    const process = program.listen
      ? (await Listener.start(port, program, { topics, qos: 1 }))[0].process
      : new Running([...program.publish, "idle"]);
    await wait(isShort ? 1_000 : 3_000); // to settle
    const before = await process.usage();
    await wait(seconds * 1000);
    const { rss, privateRss, cpu } = await process.usage();
    await process.end();
    return {
      "RSS, MB": rss,
      "private memory, MB": privateRss,
      [`CPU in ${seconds} s, ms`]: cpu - before.cpu,
    };
  };
}

const SHOT = "1 one-shot, whole process, ms";
const AT_QOS_0 = "2 listener, 100,000 messages at QoS 0";
const AT_QOS_1 = "2 listener, 100,000 messages at QoS 1";
const SHORT = `3 publisher, 10,000 lines, ${PEAK}`;
const LONG = `3 publisher, 1,000,000 lines, ${PEAK}`;
const CROWD = "6 listeners in one room";

/** The targets of a whole run. */
export const TARGETS: Target[] = [
  [SHOT, "ours ≤ 1.45 × paho"],
  [SHOT, "ours, bundled ≤ 1.15 × paho"],
  [SHOT, "ours ≤ 0.5 × MQTT.js"],
  [SHOT, "ours, task ≤ 1.15 × ours"],
  [`${AT_QOS_0}, ms`, "ours ≤ 0.9 × mosquitto"],
  [`${AT_QOS_0}, CPU, ms`, "ours ≤ 1.15 × mosquitto"],
  [`${AT_QOS_1}, ms`, "ours ≤ 1.02 × mosquitto"],
  [`${AT_QOS_1}, CPU, ms`, "ours ≤ 1.15 × mosquitto"],
  [`${AT_QOS_1}, ms`, "ours, --json ≤ 1.2 × ours"],
  [`${AT_QOS_1}, CPU, ms`, "ours, --json ≤ 1.2 × ours"],
  [`${AT_QOS_1}, ms`, "ours, --keep ≤ 1.1 × ours"],
  ["3 publisher, 100,000 lines, received, lines/s", "ours ≥ 1.4 × paho"],
  [LONG, "ours ≤ 1.3 × ours", SHORT],
  ["4 latency, stdin to screen, QoS 1, p50, ms", "ours ≤ 1.05 × MQTT.js"],
  ["5 idle listener, private memory, MB", "ours ≤ 0.6 × MQTT.js"],
  [`${CROWD}: 10, time a message, µs`, "ours ≤ 1.5 × mosquitto"],
  [`${CROWD}: 50, time a message, µs`, "ours ≤ 2.7 × mosquitto"],
  ["7 listener, 100,000 messages at QoS 0, ms", "ours, sealed ≤ 2 × ours"],
  ["7 listener, 100,000 messages at QoS 1, ms", "ours, sealed ≤ 2 × ours"],
];
