/**
 * One room as a keeper knows it: what was said last, who is there, and whether
 * that is more than the broker has. Pure state, bounded.
 *
 * @module
 */

import type { Payload, Received } from "../protocol.ts";
import { fitHistory, type History } from "./history.ts";
import {
  areNews,
  areSameNames,
  type Kept,
  kept,
  merge,
} from "./history_merge.ts";
import { Roster } from "./roster.ts";

/** What is kept of a room, and by whom. */
export class KeptRoom {
  readonly #limit: number;
  readonly #roster = new Roster();
  /** As they were merged last. */
  #messages: Kept[] = [];
  /** What came since, in the order of its arrival. */
  readonly #recent: Record<Payload["type"], Kept[]> = {
    message: [],
    notice: [],
  };
  /** What the broker has, as far as is known. */
  #onBroker: Pick<History, "messages" | "here"> = { messages: [], here: [] };
  /** Whether somebody came or went since it was written. */
  #hasMoved = false;
  /** How many messages there were when some were too many. */
  #unfit = 0;

  /** @param limit How many messages are kept, and how many notices. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many messages the last history had no room for. */
  get unfit(): number {
    return this.#unfit;
  }

  /** Takes what arrived in the room. */
  add(received: Received): void {
    const { payload, receivedAt, retain } = received;
    if (!("from" in payload)) return;
    this.#roster.note(received);
    this.#hasMoved ||= payload.type === "notice";
    // What the broker has kept by itself, newcomers get from it.
    if (retain) return;
    const recent = this.#recent[payload.type];
    if (recent.length >= 2 * this.#limit) recent.splice(0, this.#limit);
    recent.push(kept(payload, receivedAt));
  }

  /** Takes what the broker has: ours, another keeper's, or that of a run before. */
  adopt(history: History, receivedAt: Date): void {
    this.#onBroker = history;
    this.#messages = merge(this.#messages, history.messages, this.#limit);
    this.#roster.noteHere(history.here, history.at, receivedAt);
  }

  /** The broker may have forgotten what it had; if not, that comes again. */
  doubt(): void {
    this.#onBroker = { messages: [], here: [] };
  }

  /**
   * What to write in place of what the broker has.
   *
   * @param head Who writes it, when, and since when nothing was missed.
   * @param bytes How many it may take.
   * @returns The history; undefined where the broker has all of it.
   */
  next(
    head: Pick<History, "from" | "at" | "since">,
    bytes: number,
  ): History | undefined {
    const recent = Object.values(this.#recent).flatMap((all) => all.splice(0));
    const messages = merge(this.#messages, recent, this.#limit);
    const here = this.#roster.list().filter(({ state }) => state === "here")
      .map(({ name }) => name);
    const mine = fitHistory({ ...head, messages, here }, bytes);
    this.#unfit = messages.length - mine.messages.length;
    this.#messages = mine.messages;
    const { messages: known, here: knownHere } = this.#onBroker;
    const isNews = areNews(mine.messages, known) ||
      (this.#hasMoved && !areSameNames(mine.here, knownHere));
    this.#hasMoved = false;
    if (!isNews) return undefined;
    this.#onBroker = mine;
    return mine;
  }
}
