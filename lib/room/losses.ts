/**
 * The account of what came, as a reader has it: what is missing for too long is
 * looked up where it may be kept, and told of if it is not there. What is
 * missing, and what came before, `arrivals.ts` knows.
 *
 * @module
 */

import { isOneTopic, topicMatches } from "../mqtt/topic.ts";
import type { Payload, Received } from "../protocol.ts";
import { DueTimer, type Wait } from "../timer.ts";
import { Arrivals, type Loss } from "./arrivals.ts";

/** Who is told. */
export interface LossesOptions {
  /** What is read, as topic filters. */
  topics: string[];
  /**
   * Has what is missing looked up where it may be kept. Returns whether that is
   * done; {@link Losses.lookedUp} is called after it.
   */
  lookUp: () => boolean;
  /** Called once for what does not come. */
  tell: (loss: Loss) => void;
  /** The clock, in milliseconds. */
  now?: () => number;
  /** For tests. */
  wait?: Wait;
}

/** How far an author's clock may be ahead of ours, in milliseconds. */
const AHEAD_MS = 1_000;

/** What a shared subscription begins with (MQTT 5 §4.8.2). */
const SHARED = /^\$share\/[^/]+\//;

/** Tells what is new from what came before, and of what does not come. */
export class Losses {
  readonly #options: LossesOptions;
  /** The one room that is read, in whatever spelling it comes. */
  readonly #room?: string;
  readonly #shared: string[];
  readonly #arrivals = new Arrivals();
  /** Apart: what anybody may write must not make a sealed one seem known. */
  readonly #unsealed = new Arrivals();
  readonly #timer: DueTimer;
  #latest = { made: -Infinity, text: "" };
  /** When what is looked up was due. */
  #lookUpAt?: number;
  /** Whether another client may get a part of what is for this one. */
  #mayBeShared = false;

  /** @param options What is read, and who is told. */
  constructor(options: LossesOptions) {
    const { topics, wait } = options;
    this.#options = options;
    if (topics.length === 1 && isOneTopic(topics[0])) this.#room = topics[0];
    this.#shared = topics.filter((topic) => SHARED.test(topic))
      .map((topic) => topic.replace(SHARED, ""));
    this.#timer = new DueTimer(
      () => this.#lookUpAt === undefined ? this.#wait() : undefined,
      () => this.#onDue(),
      wait,
    );
  }

  /** From now on, another client may get a part of what is for this one. */
  mayBeShared(): void {
    this.#mayBeShared = true;
  }

  /** Takes note of what arrived; returns whether it is new. */
  isNew(received: Received): boolean {
    const { payload, topic, retain, sealed, receivedAt } = received;
    if (!("from" in payload)) return true;
    const room = this.#room ?? topic;
    const now = this.#now();
    if (sealed === false) return this.#unsealed.note(payload, room, now, false);
    const isLive = !retain && !this.#mayBeShared &&
      !this.#shared.some((filter) => topicMatches(filter, topic));
    const latest = this.#latestAt(receivedAt);
    const isNew = this.#arrivals.note(payload, room, now, isLive, latest);
    if (this.#arrivals.isOpen) this.#timer.start();
    return isNew;
  }

  /** Takes note of what was kept of the room; returns whether it is new. */
  isNewKept(payload: Payload, room: string): boolean {
    return this.#arrivals.note(payload, room, this.#now(), false);
  }

  /** What could be found elsewhere was noted: tells of the rest. */
  lookedUp(): void {
    if (this.#lookUpAt === undefined) return;
    this.#tell(this.#lookUpAt);
    this.#lookUpAt = undefined;
    this.#timer.start();
  }

  /** Tells of all that did not come until now, and waits for nothing more. */
  stop(): void {
    this.#timer.stop();
    this.#tell();
  }

  #onDue(): void {
    const now = this.#now();
    if (this.#options.lookUp()) this.#lookUpAt = now;
    else this.#tell(now);
  }

  #tell(now?: number): void {
    this.#arrivals.take(now).forEach(this.#options.tell);
  }

  #wait(): number | undefined {
    return this.#arrivals.wait(this.#now());
  }

  /** The latest time that is believed of what has just arrived. */
  #latestAt(receivedAt: Date): string {
    const time = Number(receivedAt);
    // To write a time down takes longer than all else.
    if (Math.abs(time - this.#latest.made) > AHEAD_MS / 2) {
      const text = new Date(time + AHEAD_MS).toISOString();
      this.#latest = { made: time, text };
    }
    return this.#latest.text;
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }
}
