/**
 * The history of a room: the retained payload on `<room>/$history`, encoded,
 * decoded, cut to size and merged. Pure.
 */

import { Buffer } from "node:buffer";
import { parseId } from "../ids.ts";
import {
  isUtcTime,
  type KeptHistory,
  MAX_ID_LENGTH,
  MAX_KEPT,
  MAX_NAME_LENGTH,
  MAX_PAYLOAD_BYTES,
  type Payload,
  payloadOf,
  type Received,
} from "../protocol.ts";
import { firstCodePoints, safeTopic } from "../safe_text.ts";
import { contentHash } from "./losses.ts";

/** A payload, and when the keeper received it (milliseconds since 1970). */
export interface Entry {
  payload: Payload;
  time: number;
}

/** Entries in the order in which the keeper received them. */
export interface Entries {
  entries: Entry[];
  /**
   * Among and after this many newest entries, no message that the broker sent to
   * the keeper is missing.
   */
  whole: number;
}

export interface History extends Entries {
  /** The keeper's name. */
  from: string;
  /** When it was written, milliseconds since 1970; undefined if not believed. */
  at?: number;
  /** The ids of the last joins that the keeper received. */
  heard: string[];
  /** Members, and when each was last heard. */
  here: Map<string, Date>;
}

/** The most ids in `heard`. */
export const MAX_HEARD = 100;

/**
 * How long, in milliseconds after SUBACK, a retained history may take: brokers
 * send it right behind (1 to 20 ms, measured on one machine).
 */
export const READ_MS = 500;

/** Two keepers that write at once may pass each other by this much. */
export const RACE_MS = 2_000;

const MAX_HERE = 1_000;

/** The most bytes that names take. */
const MAX_HERE_BYTES = 16_384;

/**
 * The bytes that a message leaves to the rest, at least: one keeper would leave
 * a larger one out, and another not.
 */
const REST_BYTES = 2_048;

/** Of the entries and the bytes, notices get this part at most. */
const NOTICES = 1 / 4;

/** A time further ahead than this, in milliseconds, is not believed. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;

/** Two keepers receive a payload within this time, in milliseconds. */
const SAME_MS = 5_000;

const keys = new WeakMap<Payload, string>();

/** Names what was said: the same for two entries of one payload. */
export function keyOf(payload: Payload): string {
  let key = keys.get(payload);
  if (key === undefined) {
    key = `${payload.id ?? ""} ${contentHash(payload)}`;
    keys.set(payload, key);
  }
  return key;
}

/**
 * Cuts entries to the newest that fit: first messages, then notices.
 *
 * @param limit The most messages; notices get a quarter of it.
 * @param bytes The most bytes, encoded.
 * @param largest The most bytes of one entry.
 */
export function cut(
  { entries, whole }: Entries,
  limit: number,
  bytes: number = MAX_PAYLOAD_BYTES,
  largest: number = MAX_PAYLOAD_BYTES - REST_BYTES,
): Entries {
  const kept = new Set<Entry>();
  const listed = new Set<string>();
  let left = bytes;
  const take = (type: Payload["type"], count: number, most: number) => {
    for (let i = entries.length - 1; i >= 0 && count > 0; i--) {
      const { key } = entries[i].payload;
      const full = entries[i].payload.type === type ? sizeOf(entries[i]) : 0;
      if (full === 0 || full > largest) continue;
      const isListed = key !== undefined && listed.has(key);
      const size = isListed ? full - bytesOf(key) : full;
      if (size > Math.min(left, most)) break;
      kept.add(entries[i]);
      if (key !== undefined) listed.add(key);
      count--;
      left -= size;
      most -= size;
    }
  };
  take("message", limit, bytes);
  take("notice", Math.floor(limit * NOTICES), bytes * NOTICES);
  const lastLost = entries.findLastIndex((entry) =>
    entry.payload.type === "message" && !kept.has(entry)
  );
  const start = Math.max(entries.length - whole, lastLost + 1);
  return {
    entries: entries.filter((entry) => kept.has(entry)),
    whole: entries.slice(start).filter((entry) => kept.has(entry)).length,
  };
}

/**
 * Cuts a history to what a payload takes. The newest message comes first, then
 * joins and names, then the other entries.
 */
export function fitHistory(
  history: History,
  limit: number,
  bytes: number = MAX_PAYLOAD_BYTES,
): History {
  const from = firstCodePoints(history.from, MAX_NAME_LENGTH);
  const none = { entries: [], whole: MAX_KEPT, heard: [], here: new Map() };
  let left = bytes - bytesOf(wireOf({ ...history, from, ...none }, 0));
  const largest = bytes - Math.min(REST_BYTES, bytes / 4);
  const newest = cut(history, 1, left, largest).entries[0];
  const reserved = newest === undefined ? 0 : sizeOf(newest);
  left -= reserved;
  const take = <T>(items: T[], most: number) => {
    const end = items.findIndex((item) => (most -= bytesOf(item) + 1) < 0);
    const taken = end < 0 ? items : items.slice(0, end);
    left -= taken.reduce((sum, item) => sum + bytesOf(item) + 1, 0);
    return taken;
  };
  const heard = take(history.heard.slice(-MAX_HEARD).reverse(), left).reverse();
  const names = take(
    [...history.here].filter(([name]) => isName(name)).slice(0, MAX_HERE)
      .map(([name, time]): [string, number] => [name, Number(time)]),
    Math.min(left, MAX_HERE_BYTES),
  );
  const here = new Map(names.map(([name, time]) => [name, new Date(time)]));
  const entries = cut(history, limit, left + reserved, largest);
  return { ...history, from, ...entries, heard, here };
}

/**
 * Encodes a history that {@link fitHistory} has cut.
 *
 * @param now The time by the keeper's clock, in milliseconds since 1970.
 */
export function encodeHistory(history: History, now: number): KeptHistory {
  return { type: "history", wire: wireOf(history, now) };
}

/**
 * Decodes what arrived on the topic of a history. Never throws: returns what is
 * wrong, as the end of a sentence. Times come back by the receiver's clock: only
 * those of a retained history depend on the keeper's clock.
 */
export function decodeHistory(
  { payload, sealed, retain, receivedAt }: Pick<
    Received,
    "payload" | "sealed" | "retain" | "receivedAt"
  >,
): History | string {
  // In a room with a secret, anyone may write what is not sealed.
  if (sealed === false) return "is not sealed; it is not shown";
  if (payload.type === "sealed") {
    return `is ${payload.reason ?? "sealed (--secret-file FILE opens it)"}`;
  }
  if (payload.type !== "history") return "can't be read";
  const { from, at, whole, heard, messages, keys, ago, here } = payload.wire;
  if (!Array.isArray(messages) || typeof from !== "string" || from === "") {
    return "can't be read";
  }
  const now = Number(receivedAt);
  const written = typeof at === "string" && isUtcTime(at)
    ? Date.parse(at)
    : undefined;
  const base = retain ? Math.min(written ?? now, now) : now;
  const timeOf = (ago: unknown, fallback = base) =>
    Number.isSafeInteger(ago) && Number(ago) >= 0 && Number(ago) <= base
      ? base - Number(ago)
      : fallback;
  const found = new Set<string>();
  const entries = messages.flatMap((wire, index): Entry[] => {
    const payload = payloadOf(withKey(wire, listOf(keys)));
    if (typeof payload === "string") return [];
    if (payload.id !== undefined) {
      const key = keyOf(payload);
      if (found.has(key)) return [];
      found.add(key);
    }
    const said = payload.at === undefined ? base : Date.parse(payload.at);
    const fallback = Math.max(0, Math.min(said, base));
    return [{ payload, time: timeOf(listOf(ago)[index], fallback) }];
  });
  return {
    from: from.toWellFormed(),
    ...written !== undefined && written <= now + MAX_AHEAD_MS &&
      { at: written },
    ...cut({ entries, whole: countIn(whole, entries.length) }, MAX_KEPT),
    // Once each, for merge: it puts what is ours behind what it follows.
    heard: [...new Set(listOf(heard).filter(isId))].slice(-MAX_HEARD),
    here: new Map(
      listOf(here).flatMap((pair): [string, Date][] => {
        const [name, ago] = listOf(pair);
        return isName(name)
          ? [[name.toWellFormed(), new Date(timeOf(ago))]]
          : [];
      }).slice(0, MAX_HERE),
    ),
  };
}

/**
 * Merges two keepers' entries. What is whole in ours stays in our order: what we
 * lack of theirs was sent before it, unless it follows one of these there. The
 * rest is in their order, with what they lack behind what it follows in ours.
 *
 * @param isJoined Whether we received all since before theirs were written: then
 * what is whole in theirs is whole here, too.
 */
export function merge(
  mine: Entries,
  theirs: Entries,
  isJoined: boolean,
): Entries {
  const twins = twinsOf(mine.entries, theirs.entries);
  const ours = newest(mine);
  const whole = new Set(ours);
  const start = theirs.entries.findIndex((entry) =>
    whole.has(twins.get(entry)!)
  );
  const split = start < 0 ? theirs.entries.length : start;
  const before = theirs.entries.slice(0, split);
  const after = theirs.entries.slice(split).filter((entry) => {
    const twin = twins.get(entry);
    return twin === undefined || whole.has(twin);
  });
  const theirTwins = new Map([...twins].map(([one, own]) => [own, one]));
  const entries = [
    ...interleave(
      mine.entries.slice(0, mine.entries.length - mine.whole),
      before,
      twins,
      follows,
    ),
    ...interleave(after, ours, theirTwins, follows)
      .map((entry) => twins.get(entry) ?? entry),
  ];
  if (isJoined) {
    for (const entry of newest(theirs)) whole.add(twins.get(entry) ?? entry);
  }
  const end = entries.findLastIndex((entry) => !whole.has(entry));
  return { entries, whole: entries.length - 1 - end };
}

/** Merges two lists of joins, as {@link merge} does entries. */
export function mergeHeard(mine: string[], theirs: string[]): string[] {
  const known = new Set(mine);
  const twins = new Map(
    theirs.filter((id) => known.has(id)).map((id) => [id, id]),
  );
  return interleave(mine, theirs, twins).slice(-MAX_HEARD);
}

/** The entries of which `whole` speaks. */
export function newest({ entries, whole }: Entries): Entry[] {
  return entries.slice(entries.length - whole);
}

/**
 * Finds the same payloads in two lists; maps theirs to mine. Without an id it is
 * the same author and text, received within 5 seconds. The offset of the two
 * clocks shows in what has an id and is next to it: a list may have parts that
 * came by several ways.
 */
export function twinsOf(mine: Entry[], theirs: Entry[]): Map<Entry, Entry> {
  const twins = new Map<Entry, Entry>();
  const byKey = Map.groupBy(mine, ({ payload }) => keyOf(payload));
  const plain: { entry: Entry; same: Entry[]; offsets: number[] }[] = [];
  const guesses: number[] = [];
  let offset: number | undefined;
  let waiting = 0;
  for (const entry of theirs) {
    const same = byKey.get(keyOf(entry.payload));
    if (same === undefined) continue;
    if (entry.payload.id === undefined) {
      const offsets = offset === undefined ? [] : [offset];
      plain.push({ entry, same, offsets });
      guesses.push(same.at(-1)!.time - entry.time);
    } else {
      twins.set(entry, same[0]);
      offset = same[0].time - entry.time;
      while (waiting < plain.length) plain[waiting++].offsets.push(offset);
    }
  }
  const used = new Set<Entry>();
  const guessed = guesses.sort((a, b) => a - b)[guesses.length >> 1];
  for (const guess of [0, guessed]) {
    const pairs = plain.flatMap(({ entry, same, offsets }) => {
      if (twins.has(entry)) return [];
      // A live history has the times of our own clock.
      const likely = offset === undefined ? [guess] : [...offsets, 0];
      return same.map((one) => {
        const far = likely.map((it) => Math.abs(one.time - entry.time - it));
        return { entry, one, apart: Math.min(...far) };
      }).filter(({ apart }) => apart <= SAME_MS);
    });
    // The nearest first, since an author may repeat a text every second.
    for (const { entry, one } of pairs.sort((a, b) => a.apart - b.apart)) {
      if (twins.has(entry) || used.has(one)) continue;
      used.add(one);
      twins.set(entry, one);
    }
  }
  return twins;
}

/** Warns that an older history was put in place of a newer one. */
export function replacedByOlder(room: string): string {
  return `The history of ${safeTopic(room)} was replaced by an older one, ` +
    "which is ignored.";
}

/** Whether a keeper has an entry or a join that the broker lacks. */
export function hasNews(
  mine: Pick<History, "entries" | "heard">,
  theirs: Pick<History, "entries" | "heard">,
): boolean {
  const heard = new Set(theirs.heard);
  const known = new Set(theirs.entries.map(({ payload }) => keyOf(payload)));
  return mine.heard.some((id) => !heard.has(id)) ||
    mine.entries.some(({ payload }) => !known.has(keyOf(payload))) ||
    twinsOf(mine.entries, theirs.entries).size < mine.entries.length;
}

/**
 * Puts two lists together: theirs, with what is only in mine behind what it
 * follows there. Between two common items, `follows` may have some of theirs go
 * first.
 */
function interleave<T>(
  mine: T[],
  theirs: T[],
  twins: Map<T, T>,
  follows: (mine: T, theirs: T) => boolean = () => false,
): T[] {
  const common = new Set(twins.values());
  const lists = new Map<T | undefined, T[]>();
  let last: T | undefined;
  for (const item of mine) {
    if (common.has(item)) last = item;
    else if (lists.get(last)?.push(item) === undefined) lists.set(last, [item]);
  }
  const result: T[] = [];
  let waiting: T[] = [];
  let gap: T[] = [];
  const close = () => {
    for (const item of waiting) {
      const end = gap.findLastIndex((other) => follows(item, other));
      result.push(...gap.splice(0, end + 1), item);
    }
    result.push(...gap);
    gap = [];
  };
  const first = theirs.findIndex((item) => twins.has(item));
  theirs.forEach((item, index) => {
    const twin = twins.get(item);
    if (twin === undefined) return gap.push(item);
    if (index === first) {
      result.push(...gap.splice(0));
      waiting = lists.get(undefined) ?? [];
    }
    close();
    result.push(twin);
    waiting = lists.get(twin) ?? [];
  });
  if (first < 0) return [...theirs, ...mine];
  close();
  return result;
}

/** Whether an entry is a later one of another's run. */
function follows({ payload: { id } }: Entry, other: Entry): boolean {
  const one = parseId(id ?? "");
  const another = parseId(other.payload.id ?? "");
  return one !== undefined && another !== undefined &&
    one.run === another.run && one.number > another.number;
}

/** The members of the JSON object. */
function wireOf(history: History, now: number): Record<string, unknown> {
  const { from, at, whole, heard, entries, here } = history;
  const keys = [
    ...new Set(entries.flatMap(({ payload }) => payload.key ?? [])),
  ];
  const indexes = new Map(keys.map((key, index) => [key, index]));
  return {
    type: "history",
    from,
    at: at === undefined ? undefined : new Date(at).toISOString(),
    whole,
    heard,
    messages: entries.map(({ payload }) =>
      payload.key === undefined
        ? payload
        : { ...payload, key: indexes.get(payload.key) }
    ),
    keys,
    ago: entries.map(({ time }) => Math.max(0, now - time)),
    here: [...here].map((
      [name, time],
    ) => [name, Math.max(0, now - Number(time))]),
  };
}

/** An entry with its key in place of the index; earlier keepers wrote the key. */
function withKey(entry: unknown, keys: unknown[]): unknown {
  const { key } = Object(entry);
  return typeof key === "number" ? { ...Object(entry), key: keys[key] } : entry;
}

const sizes = new WeakMap<Payload, number>();

/**
 * The bytes of an entry: JSON, its `ago` of up to 12 digits, two commas; where
 * there is a key, an index of up to 3 digits and a comma.
 */
function sizeOf({ payload }: Entry): number {
  let size = sizes.get(payload);
  if (size === undefined) {
    size = bytesOf(payload) + (payload.key === undefined ? 14 : 18);
    sizes.set(payload, size);
  }
  return size;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function countIn(value: unknown, most: number): number {
  return Number.isSafeInteger(value)
    ? Math.max(0, Math.min(Number(value), most))
    : 0;
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" &&
    value.length <= MAX_ID_LENGTH;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" &&
    value.length <= MAX_NAME_LENGTH;
}
