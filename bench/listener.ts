/**
 * A listener's process, and its output as a reader of the pipe sees it: how
 * many lines, and when a text has come.
 *
 * @module
 */

import { Progress, within } from "../lib/timer.ts";
import { BareClient } from "./bare_client.ts";
import type { Bench } from "./bench.ts";
import { type Batch, LAST, packetOf } from "./messages.ts";
import type { Running } from "./processes.ts";
import { listenTo, type Program } from "./programs.ts";

/** How much of the end of the output is searched, in bytes. */
const TAIL_BYTES = 2_048;

/** A read that brings less than this may be followed by a pause. */
const SMALL_READ_BYTES = 16_384;

/** How long the pause is, in milliseconds. */
const PAUSE_MS = 1;

/** How long to wait for more output, in seconds. */
const PATIENCE_S = 120;

/** How often listeners are asked whether they hear, in seconds. */
const PROBE_S = 0.03;

const PROBE = "Is anybody there?";
const END_OF_PROBES = "Everybody is there.";

/**
 * With fewer of the messages than this a time means nothing. Of 50 of a peer's
 * listeners one was seen to miss one of 4,000; and ours leaves lines out, and
 * says so, where its reader is too slow for a flood at QoS 0.
 */
const MOST = 0.99;

const NEWLINE = 0x0a;

/** How listeners are started. */
export interface ListenOptions {
  topics: string[];
  qos: 0 | 1;
  /** Flags for ours. */
  ourFlags?: string[];
  /** How many of them; 1 by default. */
  count?: number;
  /**
   * Whether its reader pauses for a millisecond after a small read, so that a
   * program that writes each line by itself is not slowed by it on a machine
   * with few processors; the default. Not where latency is measured.
   */
  isPaced?: boolean;
}

/** A listener under measurement. */
export class Listener {
  readonly process: Running;
  readonly #decoder = new TextDecoder();
  readonly #progress = new Progress();
  #tail = "";
  #bytes = 0;
  #lines = 0;
  #hasEnded = false;

  private constructor(process: Running, isPaced: boolean) {
    this.process = process;
    // Only an end can come out of it, which a waiter is told.
    this.#read(isPaced).catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#progress.made();
    });
  }

  /** Starts listeners of a program and waits until all of them hear. */
  static async start(
    { processes, port }: Bench,
    program: Program,
    options: ListenOptions,
  ): Promise<Listener[]> {
    const { topics, qos, ourFlags = [], count = 1, isPaced = true } = options;
    const command = listenTo(program, topics, qos);
    if (program.column === "ours") command.push(...ourFlags);
    const listeners = Array.from({ length: count }, () => {
      const process = processes.start(command, { hasOutput: true });
      return new Listener(process, isPaced);
    });
    // Subscriptions are made in order: who hears the last topic hears them all.
    await untilReady(port, topics.at(-1)!, listeners);
    for (const listener of listeners) listener.#lines = 0;
    return listeners;
  }

  /** How many lines have come since it was ready. */
  get lines(): number {
    return this.#lines;
  }

  /**
   * Waits until a text is in the last 2 KiB that have come; throws when the
   * listener ends before, or nothing comes for two minutes.
   */
  async until(text: string): Promise<void> {
    while (!this.#tail.includes(text)) {
      const before = this.#bytes;
      if (!this.#hasEnded) await within(PATIENCE_S, this.#progress.next);
      if (this.#bytes > before) continue;
      const wanted = JSON.stringify(text);
      throw this.process.error(`${this.#lines} lines came, but not ${wanted}`);
    }
  }

  async #read(isPaced: boolean): Promise<void> {
    for await (const bytes of this.process.output) {
      this.#take(bytes);
      if (isPaced && bytes.length < SMALL_READ_BYTES) {
        await new Promise((goOn) => setTimeout(goOn, PAUSE_MS));
      }
    }
  }

  #take(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    let at = bytes.indexOf(NEWLINE);
    while (at !== -1) {
      this.#lines++;
      at = bytes.indexOf(NEWLINE, at + 1);
    }
    // What a cut through a character spoils is not searched for.
    const end = this.#decoder.decode(bytes.subarray(-TAIL_BYTES));
    this.#tail = (this.#tail + end).slice(-TAIL_BYTES);
    this.#progress.made();
  }
}

/**
 * Sends a batch, and waits until every listener has printed the last of it.
 *
 * @returns From the start of sending to the last line, in milliseconds; nothing
 *   when one of them did not print nearly all, as on a machine that is busy.
 */
export async function flood(
  { port, tell }: Bench,
  { count, qos, packets }: Batch,
  listeners: Listener[],
): Promise<number | undefined> {
  using sender = await BareClient.connect(port);
  const start = performance.now();
  const shown = listeners.map((listener) => listener.until(LAST));
  await Promise.all([sender.send(packets), ...shown]);
  const wall = performance.now() - start;
  for (const { process, lines } of listeners) {
    if (lines >= count) continue;
    const loss = `${lines} of ${count} messages came at QoS ${qos}`;
    tell(process.error(loss).message);
    if (lines < count * MOST) return undefined;
  }
  return wall;
}

/** Sends probes until each listener has printed one, then a last one. */
async function untilReady(
  port: number,
  topic: string,
  listeners: Listener[],
): Promise<void> {
  using client = await BareClient.connect(port);
  const everybodyPrints = (text: string) =>
    Promise.all(listeners.map((listener) => listener.until(text)));
  let isReady = false;
  const ready = everybodyPrints(PROBE).finally(() => isReady = true);
  while (!isReady) {
    await client.send(packetOf(topic, PROBE));
    await within(PROBE_S, ready);
  }
  await ready;
  await client.send(packetOf(topic, END_OF_PROBES));
  await everybodyPrints(END_OF_PROBES);
}
