/**
 * What was said in a room, as a keeper leaves it on the broker: the payload on
 * `<room>/$history`, encoded and decoded. Pure.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  isUtcTime,
  type KeptHistory,
  MAX_NAME_LENGTH,
  MAX_PAYLOAD_BYTES,
  payloadOf,
  type Received,
} from "../protocol.ts";
import { firstCodePoints } from "../safe_text.ts";
import { type Kept, lastOf, merge } from "./history_merge.ts";
import { MAX_KEPT } from "./history_topic.ts";

/** What is kept of a room. */
export interface History {
  /** Who keeps it. */
  from: string;
  /** When it was written: RFC 3339, UTC. */
  at?: string;
  /** Since when the keeper has missed nothing that the broker had for it. */
  since?: string;
  /** What was sent last, oldest first. */
  messages: Kept[];
  /** The names of those who are in the room. */
  here: string[];
}

/** The most names. */
const MAX_HERE = 1_000;

/** The most bytes they take. */
const MAX_HERE_BYTES = 16_384;

/** How far a keeper's clock may be ahead of ours, in milliseconds. */
const AHEAD_MS = 60_000;

/** Before the year 0 a time is written so that it is none when it is read. */
const FIRST_MS = Date.parse("0000-01-01T00:00:00.000Z");

/**
 * The bytes that are left for the rest, at most, whoever keeps it. A message
 * that takes them is not kept: one keeper would leave it out, and another not.
 */
const REST_BYTES = 2_048;

/**
 * Shortens a history to what a payload can take: the oldest messages are left
 * out, and names that are too many, before the newest message is. A message of
 * all but 2 KiB of the limit is left out in any case.
 *
 * @param history Any history.
 * @param bytes How many it may have at most, as JSON in UTF-8.
 * @returns What {@link encodeHistory} would write of it.
 */
export function fitHistory(
  history: History,
  bytes: number = MAX_PAYLOAD_BYTES,
): History {
  const from = firstCodePoints(history.from, MAX_NAME_LENGTH);
  const empty = { ...history, from, messages: [], here: [] };
  // Neither a list's first entry nor the whole has a comma before it.
  const room = bytes - bytesOf(wireOf(empty)) + 2;
  const sized = lastOf(history.messages, MAX_KEPT)
    .map((message) => ({ message, bytes: bytesOf(entryOf(message)) }))
    .filter(({ bytes: size }) => size <= bytes - REST_BYTES);
  const names = history.here.filter(isName).slice(0, MAX_HERE)
    .map((name) => ({ name, bytes: bytesOf(name) }));
  const forNames = room - (sized.at(-1)?.bytes ?? 0);
  const here = fitting(names, Math.min(forNames, MAX_HERE_BYTES));
  const forMessages = room - here.reduce((sum, { bytes }) => sum + bytes, 0);
  const messages = fitting(sized.reverse(), forMessages).reverse();
  return {
    ...empty,
    messages: messages.map(({ message }) => message),
    here: here.map(({ name }) => name),
  };
}

/**
 * Makes a payload of a history.
 *
 * @param history What is kept, as {@link fitHistory} leaves it.
 * @returns What the client sends.
 */
export function encodeHistory(history: History): KeptHistory {
  return { type: "history", wire: wireOf(history) };
}

/**
 * Reads what is on the topic of a history. Never throws. It is strict about
 * `from` and that there are `messages`; what is no chat payload among them is
 * left out, and so is all else that is not as {@link History} has it.
 *
 * @param kept The payload, as the client hands it over.
 * @param now The time, in milliseconds since 1970: nothing was said later.
 * @returns The history, in order; undefined where it is none.
 */
export function decodeHistory(
  { wire }: KeptHistory,
  now: number,
): History | undefined {
  const { from, at, since, messages, here } = wire;
  if (!Array.isArray(messages)) return undefined;
  if (typeof from !== "string" || from === "") return undefined;
  const written = isTime(at) ? at : undefined;
  // Where none says when it was sent, they are in order all the same.
  let time = (written === undefined ? now : Date.parse(written)) -
    messages.length;
  const entries = messages.flatMap((entry): Kept[] => {
    const payload = payloadOf(entry);
    if (typeof payload === "string") return [];
    const said = Math.max(timeIn(entry) ?? time + 1, FIRST_MS);
    time = Math.min(said, now + AHEAD_MS);
    return [{ payload, time, ...said > time && { isAhead: true as const } }];
  });
  const names = Array.isArray(here) ? here.filter(isName) : [];
  return {
    from: from.toWellFormed(),
    ...written !== undefined && { at: written },
    ...isTime(since) && { since },
    messages: merge(entries, [], MAX_KEPT),
    here: [...new Set(names.map((name) => name.toWellFormed()))]
      .slice(0, MAX_HERE),
  };
}

/**
 * Reads what arrived on the topic of a history. Never throws.
 *
 * @param received What arrived, as the client hands it over.
 * @param now As for {@link decodeHistory}.
 * @returns The history; or what is wrong with what is kept of the room, as the
 * end of a sentence. In a room with a secret, what is not sealed may be
 * anybody's.
 */
export function historyIn(
  { payload, sealed }: Pick<Received, "payload" | "sealed">,
  now: number,
): History | string {
  if (sealed === false) return "is not sealed; it is not shown";
  if (payload.type === "sealed") {
    return `is ${payload.reason ?? "sealed (--secret-file FILE opens it)"}`;
  }
  const history = payload.type === "history" && decodeHistory(payload, now);
  return history || "can't be read";
}

/** When a payload was sent, as its entry says. */
function timeIn(entry: { kept?: unknown; at?: unknown }): number | undefined {
  const time = [entry.kept, entry.at].find(isTime);
  return time === undefined ? undefined : Date.parse(time);
}

/** A history as JSON has it. */
function wireOf(
  { from, at, since, messages, here }: History,
): Record<string, unknown> {
  const entries = messages.map(entryOf);
  return { type: "history", from, at, since, messages: entries, here };
}

/** An entry as JSON has it: the payload, and its time where that says another. */
function entryOf({ payload, time }: Kept): object {
  const isSaid = payload.at !== undefined && Date.parse(payload.at) === time;
  return isSaid ? payload : { ...payload, kept: new Date(time).toISOString() };
}

/** How much of the payload an entry takes, with its comma. */
function bytesOf(entry: unknown): number {
  return Buffer.byteLength(JSON.stringify(entry)) + 1;
}

/** The first of what has room. */
function fitting<Sized extends { bytes: number }>(
  sized: Sized[],
  bytes: number,
): Sized[] {
  let left = bytes;
  const end = sized.findIndex((one) => (left -= one.bytes) < 0);
  return end < 0 ? sized : sized.slice(0, end);
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && isUtcTime(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" &&
    value.length <= MAX_NAME_LENGTH;
}
