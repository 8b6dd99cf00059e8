/**
 * Row 3: lines from a pipe are sent at QoS 1; a bare client counts what the
 * broker passes on. And what the broker itself takes, from a sender that does
 * nothing but send.
 *
 * @module
 */

import { BareClient } from "../bare_client.ts";
import type { Bench } from "../bench.ts";
import { batchOf, lineOf } from "../messages.ts";
import { Running } from "../processes.ts";
import { type Program, roomFlags } from "../programs.ts";

// Not that of the listeners before: the broker may still be telling of their end.
const TOPIC = "chat/bench/lines";

/** No more is expected when nothing has come for so many seconds. */
const SILENCE_S = 0.5;

const WINDOW = "20 lines may be unacknowledged, of ours as of paho's";
const YOUNG = "V8's young generation";

export async function publishing(bench: Bench): Promise<void> {
  const { ours, figures, found } = bench;
  const count = bench.size(100_000, 2_000);
  const what = named(count);
  const rounds = bench.size(3, 1);
  const programs = [...found.programs, { column: "bare" as const }];
  await bench.measure(what, rounds, programs, (program) => {
    if (!("publish" in program)) return measureBare(bench, count);
    return measure(bench, program, program.isStepwise ? count / 10 : count);
  });
  const target = { to: "paho", atLeast: 1.4, bound: WINDOW } as const;
  figures.want(`${what}, received, lines/s`, target);
  const few = bench.size(10_000, 500);
  const many = bench.size(1_000_000, 5_000);
  const peak = "peak RSS, MB";
  for (const count of [few, many]) {
    await bench.measure(named(count), 1, [ours], async (program) => {
      return { [peak]: (await measure(bench, program, count))[peak] };
    });
  }
  const of = `${named(few)}, ${peak}`;
  const growth = { to: "ours", of, atMost: 1.3, bound: YOUNG } as const;
  figures.want(`${named(many)}, ${peak}`, growth);
}

const named = (count: number) =>
  `3 publisher, ${count.toLocaleString("en")} lines`;

/** One publisher, from its start to its end. */
async function measure(bench: Bench, program: Program, count: number) {
  const lines = Array.from({ length: count }, (_, i) => lineOf(i) + "\n");
  // In one write: how fast the pipe fills is not what is measured.
  const input = new TextEncoder().encode(lines.join(""));
  const flags = [...roomFlags(1, [TOPIC]), ...program.lineFlags];
  using subscriber = await BareClient.connect(bench.port);
  await subscriber.subscribe(TOPIC);
  const begin = performance.now();
  const command = [...bench.found.time, ...program.publish, ...flags];
  const process = new Running(command, { stdin: "piped" });
  // That it ended and took no more shows in what came.
  const written = ReadableStream.from([input]).pipeTo(process.child.stdin)
    .catch(() => {});
  const code = await process.ended;
  const wall = performance.now() - begin;
  await written;
  await subscriber.wait("publish", count, SILENCE_S);
  const received = subscriber.count("publish");
  return {
    "received, lines/s": received / wall * 1000,
    "received by a subscriber, %": received / count * 100,
    "exit code": code,
    "peak RSS, MB": await process.peakRss(),
  };
}

/** How many messages a second the broker takes and passes on. */
async function measureBare({ port }: Bench, count: number) {
  const { packets } = batchOf(count, [TOPIC], 1);
  using subscriber = await BareClient.connect(port);
  await subscriber.subscribe(TOPIC);
  using sender = await BareClient.connect(port);
  const begin = performance.now();
  await Promise.all([sender.send(packets), sender.expect("puback", count)]);
  const wall = performance.now() - begin;
  return { "received, lines/s": count / wall * 1000 };
}
