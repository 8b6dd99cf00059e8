/**
 * Listeners' processes, their output as a reader of the pipe sees it, and the
 * one way to measure them.
 *
 * @module
 */

import { within } from "../lib/timer.ts";
import { BareClient } from "./bare_client.ts";
import { Incoming } from "./incoming.ts";
import { type Batch, LAST, packetOf, type Room } from "./messages.ts";
import { Running, type Usage } from "./processes.ts";
import { type Program, roomFlags } from "./programs.ts";
import { percentile } from "./table.ts";

/** How much of the end of the output is searched, in bytes. */
const TAIL_BYTES = 2_048;

/** How long to wait for more output, in seconds. */
const PATIENCE_S = 120;

/** How often listeners are asked whether they hear, in seconds. */
const PROBE_S = 0.03;
const PROBE = "Is anybody there?";

/**
 * With fewer of the messages than this a time means nothing. Of 50 of a peer's
 * listeners one was seen to miss one of 4,000; and ours leaves lines out, and
 * says so, where its reader is too slow for a flood at QoS 0.
 */
const MOST = 0.99;

const NEWLINE = 0x0a;

export class Listener {
  readonly process: Running;
  readonly #incoming: Incoming;
  readonly #decoder = new TextDecoder();
  #tail = "";
  /** How many lines have come. */
  lines = 0;

  constructor({ listen }: Program, room: Room, isPaced: boolean) {
    const command = [...listen, ...roomFlags(room)];
    this.process = new Running(command, { stdout: "piped" });
    const take = (bytes: Uint8Array) => this.#take(bytes);
    this.#incoming = new Incoming(this.process.child.stdout, take, isPaced);
  }

  /** Waits until a text is in what has come last; throws when it is not. */
  async until(text: string): Promise<void> {
    const isThere = () => this.#tail.includes(text);
    if (await this.#incoming.until(isThere, PATIENCE_S)) return;
    await this.process.fail(`${this.lines} lines came, but not "${text}"`);
  }

  #take(bytes: Uint8Array): void {
    let at = bytes.indexOf(NEWLINE);
    while (at !== -1) {
      this.lines++;
      at = bytes.indexOf(NEWLINE, at + 1);
    }
    // What a cut through a character spoils is not searched for.
    const end = this.#decoder.decode(bytes.subarray(-TAIL_BYTES));
    this.#tail = (this.#tail + end).slice(-TAIL_BYTES);
  }
}

/** Starts listeners of a program and waits until all of them hear. */
export async function startListeners(
  port: number,
  program: Program,
  room: Room,
  { count = 1, isPaced = true } = {},
): Promise<Listener[]> {
  const listeners = Array.from(
    { length: count },
    () => new Listener(program, room, isPaced),
  );
  // Subscriptions are made in order: who hears the last topic hears them all.
  const topic = room.topics.at(-1)!;
  const probe = packetOf(topic, PROBE, program.seal);
  using client = await BareClient.connect(port);
  let areReady = false;
  const ready = Promise.all(listeners.map((it) => it.until(PROBE)))
    .finally(() => areReady = true);
  while (!areReady) {
    await client.send(probe);
    await within(PROBE_S, ready);
  }
  await ready;
  for (const listener of listeners) listener.lines = 0;
  return listeners;
}

/**
 * Sends a batch to new listeners until all have printed the last of it.
 *
 * @returns From the start of sending to everybody's last line, the time of all
 *   on a processor, and the most memory of one (the median); nothing when one
 *   of them did not print nearly all.
 */
export async function measureListeners(
  port: number,
  program: Program,
  batch: Batch,
  count = 1,
) {
  const listeners = await startListeners(port, program, batch, { count });
  const usageOfAll = () =>
    Promise.all(listeners.map(({ process }) => process.usage()));
  const before = await usageOfAll();
  using sender = await BareClient.connect(port);
  const begin = performance.now();
  const shown = listeners.map((it) => it.until(LAST));
  await Promise.all([sender.send(batch.packets), ...shown]);
  const wall = performance.now() - begin;
  const after = await usageOfAll();
  await Promise.all(listeners.map(({ process }) => process.end()));
  const least = Math.min(...listeners.map(({ lines }) => lines));
  if (least < batch.count) {
    console.error(`${program.column}: ${least} of ${batch.count} lines came`);
  }
  if (least < MOST * batch.count) return undefined;
  const cpu = sum(after) - sum(before);
  return { wall, cpu, peak: percentile(after.map((it) => it.peakRss), 0.5) };
}

const sum = (usages: Usage[]) => usages.reduce((sum, { cpu }) => sum + cpu, 0);
