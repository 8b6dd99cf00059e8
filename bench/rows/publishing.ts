/**
 * Row 3: lines from a pipe are sent at QoS 1; a bare client counts what the
 * broker passes on. And what the broker itself takes, from a sender that does
 * nothing but send.
 *
 * @module
 */

import { BareClient } from "../bare_client.ts";
import type { Bench } from "../bench.ts";
import type { Target } from "../figures.ts";
import { batchOf, lineOf } from "../messages.ts";
import { type Program, sendLines } from "../programs.ts";
import { withCommas } from "../table.ts";

// Not that of the listeners before: the broker may still be telling of their end.
const TOPIC = "chat/bench/lines";

/** No more is expected when nothing has come for so many seconds. */
const SILENCE_S = 0.5;

const WINDOW = "20 lines may be unacknowledged, of ours as of paho's";
const YOUNG = "V8's young generation";

export async function publishing(bench: Bench): Promise<void> {
  const count = bench.size(100_000, 2_000);
  const stepwise = bench.size(10_000, 200);
  const what = `3 publisher, ${withCommas(count)} lines`;
  const rate = bench.figure(`${what}, received`, "lines/s", [
    { to: "paho", atLeast: 1.4, bound: WINDOW },
  ]);
  const all = bench.figure(`${what}, received by a subscriber`, "lines");
  const peak = bench.figure(`${what}, peak RSS`, "MB");
  for (const _ of bench.rounds(what, bench.size(3, 1))) {
    for (const program of bench.programs) {
      const { column, isStepwise } = program;
      const run = await publish(bench, program, isStepwise ? stepwise : count);
      rate.add(column, run.received / run.wall * 1000);
      all.add(column, run.received, run.text);
      peak.add(column, run.peakRss);
    }
    rate.add("bare", await bareRate(bench, count));
  }
  await measureMemory(bench);
}

/** Memory of ours after few lines and after many. */
async function measureMemory(bench: Bench): Promise<void> {
  const ours = bench.programs.find(({ column }) => column === "ours")!;
  const after = async (count: number, targets?: Target[]) => {
    const what = `3 publisher, ${withCommas(count)} lines, peak RSS`;
    bench.tell(what);
    const figure = bench.figure(what, "MB", targets);
    figure.add("ours", (await publish(bench, ours, count)).peakRss);
    return figure;
  };
  const few = await after(bench.size(10_000, 500));
  await after(bench.size(1_000_000, 5_000), [
    { to: few, atMost: 1.3, bound: YOUNG },
  ]);
}

/** One publisher, from its start to its end. */
async function publish(bench: Bench, program: Program, count: number) {
  const lines = Array.from({ length: count }, (_, i) => lineOf(i) + "\n");
  const input = new TextEncoder().encode(lines.join(""));
  const command = bench.timed(sendLines(program, TOPIC));
  using subscriber = await BareClient.connect(bench.port);
  await subscriber.subscribe(TOPIC);
  const start = performance.now();
  const process = bench.processes.start(command, { hasInput: true });
  // That it ended and took no more shows in what came.
  const written = ReadableStream.from([input]).pipeTo(process.input).catch(
    () => {},
  );
  const code = await process.ended;
  const wall = performance.now() - start;
  await written;
  const received = await subscriber.wait("publish", count, SILENCE_S);
  // What came, of what was said, and whether the program thinks so too.
  const exit = received === count && code === 0 ? "" : `, exit ${code}`;
  const text = `${withCommas(received)} of ${withCommas(count)}${exit}`;
  return { wall, received, text, peakRss: process.peakRss };
}

/** How many messages a second the broker takes and passes on. */
async function bareRate({ port }: Bench, count: number): Promise<number> {
  const { packets } = batchOf(count, [TOPIC], 1);
  using subscriber = await BareClient.connect(port);
  await subscriber.subscribe(TOPIC);
  using sender = await BareClient.connect(port);
  const start = performance.now();
  await Promise.all([sender.send(packets), sender.expect("puback", count)]);
  return count / (performance.now() - start) * 1000;
}
