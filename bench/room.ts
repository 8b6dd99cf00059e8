/**
 * A room for a benchmark: chat messages in the real wire format, listeners
 * that are known to hear, and the sending of a batch to them. Effects.
 *
 * @module
 */

import { encode } from "../lib/protocol.ts";
import { BareClient } from "./bare_client.ts";
import { Output } from "./output.ts";
import { publishes } from "./packets.ts";
import type { Running } from "./processes.ts";
import type { Listening, Program } from "./programs.ts";
import type { Setting } from "./setting.ts";

/** How often listeners are asked whether they hear, in milliseconds. */
const PROBE_MS = 30;

/** What the last message of a batch says, and no other. */
const LAST = "and that was the last one.";

const PROBE = "Is anybody there?";
const END_OF_PROBES = "Everybody is there.";

/** A program that can listen. */
export type ListeningProgram = Program & Required<Pick<Program, "listen">>;

/** A listener's process and what it prints. */
export interface Listener {
  /** The process. */
  process: Running;
  /** What it prints. */
  output: Output;
}

/**
 * A line of about 80 bytes.
 *
 * @param index Its number, which makes it unique.
 * @returns The text.
 */
export function lineOf(index: number): string {
  const number = `${index}`.padStart(7, "0");
  return `${number} The build is green, and lunch is at half past twelve ` +
    "in the usual place.";
}

/**
 * A chat message in the wire format, of about 200 bytes.
 *
 * @param message The text.
 * @returns The payload.
 */
export function payloadOf(message: string): Uint8Array {
  return encode({
    type: "message",
    from: "Ada",
    message,
    id: crypto.randomUUID(),
    at: new Date().toISOString(),
  });
}

/**
 * Starts listeners of a program and waits until all of them hear.
 *
 * @param setting The broker.
 * @param program The program.
 * @param listening What they listen to.
 * @param count How many.
 * @param isPaced See {@link Output}.
 * @returns The listeners; their outputs are reset.
 */
export async function startListeners(
  setting: Setting,
  program: ListeningProgram,
  listening: Omit<Listening, "port">,
  count = 1,
  isPaced = true,
): Promise<Listener[]> {
  const { processes, port } = setting;
  const listeners = Array.from({ length: count }, () => {
    const command = program.listen({ ...listening, port });
    const process = processes.start(command, { hasOutput: true });
    return { process, output: new Output(process, isPaced) };
  });
  // Subscriptions are made in order: who hears the last topic hears them all.
  await untilReady(port, listening.topics.at(-1)!, listeners);
  for (const { output } of listeners) output.reset();
  return listeners;
}

/**
 * The programs that can listen.
 *
 * @param setting All programs.
 * @returns Those.
 */
export function listeningPrograms({ programs }: Setting): ListeningProgram[] {
  return programs.filter((program): program is ListeningProgram =>
    program.listen !== undefined
  );
}

/**
 * With fewer of the messages than this a time means nothing. Of 50 of a peer's
 * listeners one was seen to miss one of 4,000.
 */
const MOST = 0.99;

/** Messages for listeners, encoded once and sent as often as needed. */
export class Messages {
  /** How many. */
  readonly count: number;
  readonly #qos: 0 | 1;
  readonly #packets: Uint8Array;

  /**
   * Encodes them.
   *
   * @param count How many.
   * @param topics The topics in turn.
   * @param qos The QoS.
   */
  constructor(count: number, topics: string[], qos: 0 | 1) {
    this.count = count;
    this.#qos = qos;
    const payload = (index: number) =>
      payloadOf(lineOf(index) + (index === count - 1 ? ` ${LAST}` : ""));
    this.#packets = publishes({ count, topics, qos, payload });
  }

  /**
   * Sends them, and waits until every listener has printed the last of them. It
   * is told where one did not print all.
   *
   * @param setting The broker.
   * @param listeners The listeners.
   * @returns From the start of sending to the last line, in milliseconds.
   * @throws {Error} When one of them did not print nearly all.
   */
  async send({ port, tell }: Setting, listeners: Listener[]): Promise<number> {
    using sender = await BareClient.connect(port);
    const start = performance.now();
    const sent = sender.send(this.#packets);
    await Promise.all(listeners.map(({ output }) => output.until(LAST)));
    const wall = performance.now() - start;
    await sent;
    for (const { process, output } of listeners) {
      const { lines } = output;
      if (lines >= this.count) continue;
      const loss = process.error(
        `${lines} of ${this.count} messages came at QoS ${this.#qos}`,
      );
      if (lines < this.count * MOST) throw loss;
      tell(loss.message);
    }
    return wall;
  }
}

/** Sends probes until each listener has printed one, then a last one. */
async function untilReady(
  port: number,
  topic: string,
  listeners: Listener[],
): Promise<void> {
  using client = await BareClient.connect(port);
  const say = (text: string) => {
    const payload = () => payloadOf(text);
    return client.send(
      publishes({ count: 1, topics: [topic], qos: 0, payload }),
    );
  };
  const everybodyPrints = (text: string) =>
    Promise.all(listeners.map(({ output }) => output.until(text)));
  let isReady = false;
  const ready = everybodyPrints(PROBE).then(() => isReady = true);
  while (!isReady) {
    await say(PROBE);
    const pause = new Promise((again) => setTimeout(again, PROBE_MS));
    await Promise.race([ready, pause]);
  }
  await say(END_OF_PROBES);
  await everybodyPrints(END_OF_PROBES);
}
