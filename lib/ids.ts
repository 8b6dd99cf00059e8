/**
 * Ids of payloads: `<run>-<n>`, a random run for each client and room and a
 * counter from 1, so that readers can count losses.
 */

import { remember } from "./bounded.ts";

/** Bytes of randomness in a run. */
const RUN_BYTES = 12;

/** The characters of such a run in base64url; others have as many at least. */
const RUN_LENGTH = 16;

/**
 * Digits of a number at most: neither times in seconds or milliseconds nor the
 * end of a UUID are taken for counters.
 */
const MAX_DIGITS = 9;

/** Rooms whose runs are remembered; each may begin a new one. */
const MAX_ROOMS = 1_000;

const ZERO = "0".charCodeAt(0);
const DASH = "-".charCodeAt(0);

/** An id that counts. */
interface CountedId {
  /** 96 random bits in base64url, for each client and room. */
  run: string;
  /** Counts from 1. */
  number: number;
}

/** Reads an id; undefined where it can't be of this kind. */
export function parseId(id: string): CountedId | undefined {
  const number = numberIn(id);
  if (number === 0) return undefined;
  const run = runIn(id);
  return /^[\w-]+$/.test(run) ? { run, number } : undefined;
}

/**
 * The number at the end of an id, or 0 where {@link parseId} finds none; the run
 * is not checked. Fast, for a hundred thousand ids a second.
 */
export function numberIn(id: string): number {
  let number = 0;
  let scale = 1;
  let at = id.length - 1;
  for (; at >= RUN_LENGTH; at--, scale *= 10) {
    const digit = id.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    number += digit * scale;
  }
  const isNumber = at >= RUN_LENGTH && id.charCodeAt(at) === DASH &&
    id.length - 1 - at <= MAX_DIGITS && id.charCodeAt(at + 1) !== ZERO;
  return isNumber ? number : 0;
}

/** A join notice of ours; `over` means that another is due. */
interface Join {
  id: string;
  state: "due" | "sent" | "answered" | "refused" | "over";
}

/** A run of ours; the number is the next one. */
interface OwnRun extends CountedId {
  join?: Join;
}

/** The id of a will: that of the join notice of its connection, and a letter. */
export function willId(joinId: string): string {
  return `${joinId}w`;
}

/** The id of the join notice that a will names; undefined for any other id. */
export function joinOfWill(id: string): CountedId | undefined {
  return id.endsWith("w") ? parseId(id.slice(0, -1)) : undefined;
}

export function runIn(id: string): string {
  return id.slice(0, id.lastIndexOf("-"));
}

/** Makes ids, and recognises its own. */
export class IdSource {
  readonly #rooms = new Map<string, OwnRun>();
  /** By run. */
  readonly #topics = new Map<string, string>();

  next(topic: string): string {
    const room = this.#rooms.get(topic) ?? this.#begin(topic);
    return `${room.run}-${room.number++}`;
  }

  /** Returns a room's join notice on this connection, or the next one. */
  join(topic: string, isNext = false): Join {
    const room = this.#rooms.get(topic) ?? this.#begin(topic);
    const { state = "over" } = room.join ?? {};
    return state === "over" || (isNext && state !== "due")
      ? room.join = { id: this.next(topic), state: "due" }
      : room.join!;
  }

  /** The connection is lost. An unanswered join notice is sent again by itself. */
  lost(): void {
    for (const { join } of this.#rooms.values()) {
      if (join?.state === "answered") join.state = "over";
    }
  }

  /** The topic that an id was made for; undefined for those of others. */
  topicOf(id: string): string | undefined {
    // Most ids are others', and to look one up takes longer.
    if (id.charCodeAt(RUN_LENGTH) !== DASH) return undefined;
    return this.#topics.get(runIn(id));
  }

  #begin(topic: string): OwnRun {
    const bytes = crypto.getRandomValues(new Uint8Array(RUN_BYTES));
    const run = bytes.toBase64({ alphabet: "base64url" });
    const room = { run, number: 1 };
    remember(this.#rooms, topic, room, MAX_ROOMS);
    remember(this.#topics, run, topic, MAX_ROOMS);
    return room;
  }
}
