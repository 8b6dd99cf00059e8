/**
 * Row 3: lines from a pipe are sent at QoS 1; a bare client counts what the
 * broker passes on. And what the broker itself takes, from a sender that does
 * nothing but send.
 *
 * @module
 */

import { BareClient } from "../bare_client.ts";
import { PACKET, publishes } from "../packets.ts";
import type { Program } from "../programs.ts";
import { type Case, withCommas } from "../results.ts";
import { lineOf, payloadOf } from "../room.ts";
import { rounds, type Setting } from "../setting.ts";
import { timed } from "../timed.ts";

const TOPIC = "chat/bench";

/** No more is expected when nothing has come for so many milliseconds. */
const SILENCE_MS = 500;

/** A program that sends the lines of a pipe. */
type LineProgram = Program & Required<Pick<Program, "sendLines">>;

/** What one run of a publisher came to. */
interface Run {
  /** From its start to its end, in milliseconds. */
  wall: number;
  /** How many messages came to the subscriber. */
  received: number;
  /** Its exit code. */
  code: number;
  /** The most memory it had, in bytes, where that is known. */
  peakRss?: number;
}

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measurePublishing(setting: Setting): Promise<void> {
  const { results, sizes } = setting;
  const { messages, stepwise } = sizes;
  const programs = setting.programs.filter((program): program is LineProgram =>
    program.sendLines !== undefined
  );
  const what = `3 publisher, ${withCommas(messages)} lines`;
  const rate: Case = {
    id: "3 rate",
    what: `${what}, received`,
    unit: "lines/s",
  };
  const received: Case = {
    id: "3 received",
    what: `${what}, received by a subscriber`,
    unit: "lines",
  };
  const peak: Case = { id: "3 peak", what: `${what}, peak RSS`, unit: "MB" };
  for (const _ of rounds(setting, what, sizes.rounds)) {
    for (const program of programs) {
      const count = program.isStepwise ? stepwise : messages;
      const run = await publish(setting, program, count);
      const { column } = program;
      results.add(rate, column, run.received / run.wall * 1000);
      results.add(received, column, run.received, shownRun(run, count));
      if (run.peakRss) results.add(peak, column, run.peakRss);
    }
    results.add(rate, "bare", await bareRate(setting, messages));
  }
  for (const program of programs) {
    if (program.column === "ours") await measureMemory(setting, program);
  }
}

/** Memory after few lines and after many. */
async function measureMemory(
  setting: Setting,
  program: LineProgram,
): Promise<void> {
  const { fewLines, manyLines } = setting.sizes;
  for (const [id, count] of [["few", fewLines], ["many", manyLines]] as const) {
    const what = `3 publisher, ${withCommas(count)} lines, peak RSS`;
    setting.tell(what);
    const { peakRss } = await publish(setting, program, count);
    if (!peakRss) continue;
    setting.results.add(
      { id: `3 ${id} peak`, what, unit: "MB" },
      "ours",
      peakRss,
    );
  }
}

/** One publisher, from its start to its end. */
async function publish(
  setting: Setting,
  program: LineProgram,
  count: number,
): Promise<Run> {
  const { port } = setting;
  const lines = Array.from({ length: count }, (_, i) => lineOf(i) + "\n");
  const input = new TextEncoder().encode(lines.join(""));
  using subscriber = await BareClient.connect(port);
  await subscriber.subscribe(TOPIC);
  const start = performance.now();
  const command = program.sendLines(port, TOPIC);
  const { process, peakRss } = timed(setting, command, { hasInput: true });
  const written = process.write(input).then(() => process.endInput());
  const code = await process.ended;
  const wall = performance.now() - start;
  await written;
  while (subscriber.count(PACKET.publish) < count) {
    if (!await subscriber.hasNews(SILENCE_MS)) break;
  }
  const received = subscriber.count(PACKET.publish);
  return { wall, received, code, peakRss: await peakRss() };
}

/** What came, of what was said, and whether the program thinks so too. */
function shownRun({ received, code }: Run, count: number): string {
  const exit = received === count && code === 0 ? "" : `, exit ${code}`;
  return `${withCommas(received)} of ${withCommas(count)}${exit}`;
}

/** How many messages a second the broker takes and passes on. */
async function bareRate({ port }: Setting, count: number): Promise<number> {
  const payload = (index: number) => payloadOf(lineOf(index));
  const batch = publishes({ count, topics: [TOPIC], qos: 1, payload });
  using subscriber = await BareClient.connect(port);
  await subscriber.subscribe(TOPIC);
  using sender = await BareClient.connect(port);
  const start = performance.now();
  const sent = sender.send(batch);
  await sender.untilCount(PACKET.puback, count);
  const wall = performance.now() - start;
  await sent;
  return count / wall * 1000;
}
