/**
 * One room as a keeper knows it: what was said last, who is there, and whether
 * that is more than the broker has. Pure state, bounded.
 *
 * @module
 */

import { MAX_PAYLOAD_BYTES, type Payload, type Received } from "../protocol.ts";
import { fitHistory, type History } from "./history.ts";
import {
  areNews,
  areSameNames,
  type Kept,
  kept,
  merge,
  recognizable,
} from "./history_merge.ts";
import { Roster } from "./members.ts";

/**
 * How many UTF-16 code units may come, at most, until what can't be kept of them
 * is forgotten: a history takes a quarter of it, and while it can't be written
 * anybody may send a thousand times as much.
 */
const MAX_RECENT = 4 * MAX_PAYLOAD_BYTES;

/** What is kept of a room, and by whom. */
export class KeptRoom {
  readonly #limit: number;
  readonly #roster = new Roster();
  /**
   * What came, and what others had of it: apart, since one who says the same
   * twice has said it twice, but what two keepers heard was said once.
   */
  #own: Kept[] = [];
  #others: Kept[] = [];
  /** What came since, in the order of its arrival. */
  readonly #recent: Record<Payload["type"], Kept[]> = {
    message: [],
    notice: [],
  };
  /** How many code units that takes. */
  #recentSize = 0;
  /** What the broker has, as far as is known. */
  #onBroker: Pick<History, "messages" | "here"> = { messages: [], here: [] };
  /** Whether somebody came or went since it was written. */
  #hasMoved = false;
  /** How many payloads the last history had no room for. */
  #unfit = 0;
  /** How many there was no room for since it was made. */
  #forgotten = 0;

  /** @param limit How many messages are kept, and how many notices. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many payloads the last history had no room for. */
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
    this.#recentSize += sizeOf(payload);
    if (this.#recentSize > MAX_RECENT) this.#mergeRecent();
  }

  /** Takes what the broker has: ours, another keeper's, or that of a run before. */
  adopt(history: History, receivedAt: Date): void {
    this.#mergeRecent();
    const known = [...this.#own, ...this.#others];
    const messages = recognizable(history.messages, known);
    this.#onBroker = { ...history, messages };
    this.#others = this.#cut(merge(this.#others, messages, this.#limit));
    const at = history.at === undefined ? receivedAt : new Date(history.at);
    this.#roster.noteHere(
      new Map(history.here.map((name) => [name, at])),
      receivedAt,
    );
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
    this.#mergeRecent();
    const messages = merge(this.#own, this.#others, this.#limit);
    const here = this.#roster.list().filter(({ state }) => state === "here")
      .map(({ name }) => name);
    const mine = fitHistory({ ...head, messages, here }, bytes);
    this.#unfit = this.#forgotten + messages.length - mine.messages.length;
    this.#forgotten = 0;
    const { messages: known, here: knownHere } = this.#onBroker;
    const isNews = areNews(mine.messages, known) ||
      (this.#hasMoved && !areSameNames(mine.here, knownHere));
    this.#hasMoved = false;
    if (!isNews) return undefined;
    this.#onBroker = mine;
    return mine;
  }

  #mergeRecent(): void {
    const recent = Object.values(this.#recent).flatMap((all) => all.splice(0));
    this.#recentSize = 0;
    const own = merge([...this.#own, ...recent], [], this.#limit);
    this.#own = this.#cut(own);
    this.#forgotten += own.length - this.#own.length;
  }

  /** Leaves out what no payload has room for. */
  #cut(messages: Kept[]): Kept[] {
    return fitHistory({ from: "", messages, here: [] }).messages;
  }
}

/** How many code units a payload takes, about. */
function sizeOf(payload: Payload): number {
  const text = payload.type === "message" ? payload.message : payload.notice;
  return payload.from.length + text.length;
}
