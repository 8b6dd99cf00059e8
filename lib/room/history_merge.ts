/**
 * Histories of one room put together, the same way whoever does it, and
 * compared with each other and with what somebody has seen. Pure.
 *
 * @module
 */

import { parseId } from "../ids.ts";
import type { Payload } from "../protocol.ts";

/** A payload that was sent to a room, and when. */
export interface Kept {
  /** What was sent. */
  payload: Payload;
  /**
   * When, in milliseconds since 1970: by its author's clock, or by the keeper's
   * where the author's is not to be trusted. Orders a history.
   */
  time: number;
  /** Whether its keeper says a time that has not come: it may be any other. */
  isAhead?: true;
}

/**
 * How far, in milliseconds, an author's clock may be from when the keeper got
 * the message: beyond it the keeper's own orders the history.
 */
const TRUSTED_MS = 2_000;

/**
 * How far apart, in milliseconds, two keepers may have got a message without
 * an id.
 */
const SAME_MS = 5_000;

/**
 * What a keeper keeps of a payload.
 *
 * @param payload What came.
 * @param receivedAt When it came.
 * @returns It, with the time its author says where that is about the same;
 * else with the time it came, as live readers saw it.
 */
export function kept(payload: Payload, receivedAt: Date): Kept {
  const arrived = Number(receivedAt);
  const sent = payload.at === undefined ? NaN : Date.parse(payload.at);
  const isTrusted = Math.abs(arrived - sent) <= TRUSTED_MS;
  return { payload, time: isTrusted ? sent : arrived };
}

/**
 * Puts two histories of a room together. A message that is in both comes once,
 * with the earlier of its times: one with the same id; without ids, one with
 * the same author and text and a time within 5 seconds.
 *
 * @param some Messages, in any order.
 * @param others More of them.
 * @param limit How many of the last messages to keep, and of the last notices.
 * @returns The messages, oldest first: by time, but those of one session always
 * by their number. The same whichever of the two comes first.
 */
export function merge(some: Kept[], others: Kept[], limit: number): Kept[] {
  const byId = new Map<string, Kept>();
  for (const message of [...some, ...others]) {
    const { id } = message.payload;
    if (id === undefined) continue;
    const known = byId.get(id);
    byId.set(id, known === undefined ? message : earlier(known, message));
  }
  const plain = pairs(some, others).map(([one, other]) =>
    other === undefined ? one : earlier(one, other)
  );
  return lastOf(inOrder([...byId.values(), ...plain]), limit);
}

/**
 * The end of a history.
 *
 * @param messages The history, oldest first.
 * @param limit How many messages of it, and how many notices.
 * @returns Those, oldest first.
 */
export function lastOf(messages: Kept[], limit: number): Kept[] {
  const left = { message: limit, notice: limit };
  return messages.toReversed()
    .filter(({ payload }) => left[payload.type]-- > 0).reverse();
}

/**
 * Leaves out of a history what has neither an id nor a time to be known by, where
 * the same was said: each time it is read it would seem to be another one, and
 * two keepers whose clocks are far apart would keep it over and over.
 *
 * @param messages The history.
 * @param known What somebody has of the room.
 * @returns The history, in the same order.
 */
export function recognizable(messages: Kept[], known: Kept[]): Kept[] {
  const isVague = ({ payload, isAhead }: Kept) =>
    isAhead === true && payload.id === undefined;
  if (!messages.some(isVague)) return messages;
  const said = new Set(known.map(whoSaidWhat));
  return messages.filter((message) =>
    !isVague(message) || !said.has(whoSaidWhat(message))
  );
}

/**
 * What of a history somebody has not seen.
 *
 * @param messages The history, oldest first.
 * @param plain What they have seen without an id, each like one of a history.
 * @param isNew Takes note of a payload with an id, as `Losses.isNewKept`
 * does; called once for each, oldest first.
 * @returns The messages they have not seen, oldest first.
 */
export function unseen(
  messages: Kept[],
  plain: Kept[],
  isNew: (payload: Payload) => boolean,
): Kept[] {
  const strange = new Set<Kept>();
  for (const [one, other] of pairs(messages, plain)) {
    if (other === undefined) strange.add(one);
  }
  return messages.filter((message) =>
    message.payload.id === undefined
      ? strange.has(message)
      : isNew(message.payload)
  );
}

/**
 * Whether a history reaches back to before somebody was away, so that together
 * with what it has nothing is missing. May be false where it does.
 *
 * @param messages The history, oldest first.
 * @param unseen What of it they have not seen.
 * @param lostAt Since when they were away, in milliseconds since 1970.
 * @returns Whether its oldest message was seen, and sent before.
 */
export function reachesBack(
  messages: Kept[],
  unseen: Kept[],
  lostAt: number,
): boolean {
  const [oldest] = messages;
  return oldest !== undefined && oldest !== unseen[0] && oldest.time <= lostAt;
}

/**
 * Whether a keeper has messages that are to be written: not where more is kept
 * than it has. So two keepers settle, also where one of them has less room.
 *
 * @param mine What would be written, as `fitHistory` leaves it.
 * @param kept What is kept.
 * @returns Whether the kept messages lack one of them.
 */
export function areNews(mine: Kept[], kept: Kept[]): boolean {
  const keyOf = (message: Kept) => `${message.time} ${textOf(message)}`;
  const left = Map.groupBy(kept, keyOf);
  return mine.some((message) => left.get(keyOf(message))?.pop() === undefined);
}

/**
 * Whether two histories name the same people.
 *
 * @param some Some names.
 * @param others Some names.
 */
export function areSameNames(some: string[], others: string[]): boolean {
  return new Set(some).symmetricDifference(new Set(others)).size === 0;
}

/**
 * The messages without an id: what is the same in both lists together, every
 * other one alone. What was said twice is twice in each list.
 */
function pairs(some: Kept[], others: Kept[]): [Kept, Kept?][] {
  const isPlain = ({ payload }: Kept) => payload.id === undefined;
  const left = Map.groupBy(some.filter(isPlain), whoSaidWhat);
  const right = Map.groupBy(others.filter(isPlain), whoSaidWhat);
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].flatMap((key) =>
    pairsInTime(left.get(key) ?? [], right.get(key) ?? [])
  );
}

function whoSaidWhat({ payload }: Kept): string {
  const text = payload.type === "message" ? payload.message : payload.notice;
  return JSON.stringify([payload.type, payload.from, text]);
}

/**
 * Messages that differ in their times at most. Each goes with the nearest: where
 * the same is said every second, and one list begins earlier than the other, all
 * would else be taken for the ones before, and the last be lost.
 */
function pairsInTime(some: Kept[], others: Kept[]): [Kept, Kept?][] {
  const left = some.toSorted(compare);
  const right = others.toSorted(compare);
  const found: [Kept, Kept?][] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const apart = apartIn(left[i], right[j]);
    const isSame = apart <= SAME_MS &&
      apart <= apartIn(left[i + 1], right[j]) &&
      apart <= apartIn(left[i], right[j + 1]);
    if (isSame) found.push([left[i++], right[j++]]);
    else if (left[i].time < right[j].time) found.push([left[i++]]);
    else found.push([right[j++]]);
  }
  for (const rest of [...left.slice(i), ...right.slice(j)]) found.push([rest]);
  return found;
}

/** How far apart two are in time, in milliseconds. */
function apartIn(one?: Kept, other?: Kept): number {
  return one && other ? Math.abs(one.time - other.time) : Infinity;
}

/** A message, and what orders it. */
interface Placed {
  message: Kept;
  session: string;
  number: number;
  time: number;
  at: number;
}

/**
 * Orders messages. One that would come after a later one of its session, since
 * a clock was set back or it was sent again, goes right before that: so what is
 * left when the first ones are cut off is still in order.
 */
function inOrder(messages: Kept[]): Kept[] {
  const placed = messages.map((message): Placed => {
    const { payload: { id = "", at }, time } = message;
    const { run, number } = parseId(id) ?? { run: id, number: 0 };
    const sent = at === undefined ? time : Date.parse(at);
    return { message, session: run, number, time, at: sent };
  });
  const latest = new Map<string, Placed>();
  const counted = placed.filter(({ number }) => number > 0);
  for (const one of counted.toSorted((a, b) => b.number - a.number)) {
    const next = latest.get(one.session);
    if (next !== undefined && isBefore(next, one)) {
      one.time = next.time;
      one.at = next.at;
    }
    latest.set(one.session, one);
  }
  placed.sort((a, b) =>
    a.time - b.time || a.at - b.at || byText(a.session, b.session) ||
    a.number - b.number || byText(textOf(a.message), textOf(b.message))
  );
  return placed.map(({ message }) => message);
}

function isBefore(one: Placed, other: Placed): boolean {
  return one.time < other.time ||
    (one.time === other.time && one.at < other.at);
}

/** The one of two that are the same message that is kept. */
function earlier(one: Kept, other: Kept): Kept {
  return compare(one, other) <= 0 ? one : other;
}

function compare(one: Kept, other: Kept): number {
  return one.time - other.time || byText(textOf(one), textOf(other));
}

/** Orders texts the same everywhere. */
function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function textOf({ payload }: Kept): string {
  return JSON.stringify(payload);
}
