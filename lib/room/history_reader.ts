/**
 * Reading what a keeper has kept of a room: the history is joined for a moment,
 * and let go of.
 *
 * @module
 */

import type { ChatClient } from "../client.ts";
import type { QoS, Received } from "../protocol.ts";
import { type Wait, waitFor } from "../timer.ts";
import { historyTopic, READ_MS, WRITE_MS } from "./history_topic.ts";

/** Why a history is read: one comes, was away, or something is missing. */
export type Occasion = "came" | "gap" | "lost";

/** How a history is read. */
export interface HistoryReaderOptions {
  /** The room. */
  room: string;
  /** The QoS of the history. */
  qos: QoS;
  /** Whether the history stays joined, since this client keeps it as well. */
  keeps?: boolean;
  /**
   * Called with the history as it came, or with nothing where none did; when
   * one comes to a room, once more for each that a keeper writes right after.
   */
  onRead: (history: Received | undefined, occasion: Occasion) => void;
  /** For tests. */
  wait?: Wait;
}

/** How long until a keeper has written what came before the answer. */
const WRITTEN_MS = 1.5 * WRITE_MS;

/** Reads the history of one room, each time it is asked to. */
export class HistoryReader {
  readonly #options: HistoryReaderOptions;
  readonly #topic: string;
  readonly #wait: Wait;
  /** What is read, one after the other. */
  #readings: Promise<unknown> = Promise.resolve();
  #onHistory = (_received: Received) => {};
  #isStopped = false;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(options: HistoryReaderOptions) {
    const { room, wait = waitFor } = options;
    this.#options = options;
    this.#topic = historyTopic(room);
    this.#wait = wait;
  }

  /** Reads it, after what is being read. */
  read(client: ChatClient, occasion: Occasion): void {
    const { onRead } = this.#options;
    this.#readings = this.#readings
      .then(() => this.#read(client, occasion))
      // Where it can't be joined there is none.
      .catch(() => {
        if (!this.#isStopped) onRead(undefined, occasion);
      });
  }

  /** Takes what came on the topic of the history. */
  receive(received: Received): void {
    this.#onHistory(received);
  }

  /** Reads no more. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }

  async #read(client: ChatClient, occasion: Occasion): Promise<void> {
    if (this.#isStopped) return;
    const { qos, keeps = false, onRead } = this.#options;
    const first = Promise.withResolvers<void>();
    let latest: Received | undefined;
    this.#onHistory = (received) => {
      latest = received;
      first.resolve();
    };
    const joined = client.join([this.#topic], qos, true);
    const grants = await Promise.race([joined, this.#stopped.promise]);
    if (grants?.[0].qos === undefined) {
      return this.#isStopped ? undefined : onRead(undefined, occasion);
    }
    const written = this.#after(WRITTEN_MS);
    await Promise.race([first.promise, this.#after(READ_MS)]);
    if (occasion === "gap" && latest !== undefined) await written;
    if (this.#isStopped) return;
    onRead(latest, occasion);
    if (occasion === "came") {
      this.#onHistory = (received) => onRead(received, occasion);
      await written;
    }
    this.#onHistory = () => {};
    if (keeps || this.#isStopped) return;
    // Nobody waits for the answer, which may not come.
    client.leave([this.#topic]).catch(() => {});
  }

  /** Settles after a time, or when there is nothing to wait for any more. */
  #after(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const callOff = this.#wait(milliseconds, resolve);
    return Promise.race([promise, this.#stopped.promise]).finally(callOff);
  }
}
