/**
 * What arrives in a room, and what interrupts it, as one safe line each for a
 * reader. Owns the layout and what is dim; {@link safeText} and its siblings
 * own what may be printed at all. Pure.
 *
 * The layout, with the optional parts in brackets:
 *
 *     14:03:22 [[chat/room] ][(retained) ][(sent 12:59:07) ]alice: hello
 *     14:03:25 [[chat/room] ][(retained) ][(sent 12:59:07) ]-- User bob timed out.
 *     14:03:27 [[chat/room] ]-- 2 joined: dave, erin; 1 left: frank
 *     14:03:29 [[chat/room] ][(retained) ]?? User carol timed out (not JSON)
 *     14:03:30 [[chat/room] ]?? 7 sealed payloads (--secret-file FILE opens them)
 *     14:03:31 == 3 messages came while you were away.
 *
 * In a room with a secret, `(unsealed)` after `(retained)` marks what anybody may
 * have written.
 *
 * No field can imitate another: a name or topic that is more than plain words
 * is quoted, and a plain one never begins with `--`, `??`, `==`, `(` or `[`.
 *
 * @module
 */

import { dim, italic } from "@std/fmt/colors";
import { paintName } from "./color.ts";
import type { Crowd } from "./crowd.ts";
import type { Mention } from "./mention.ts";
import type { Run } from "./sealed_run.ts";
import { localTime, longDay, timeAndDay } from "./time.ts";
import type { Malformed, Received, Sealed } from "../protocol.ts";
import type { PresenceChange } from "./members.ts";
import {
  firstCodePoints,
  safeName,
  safeText,
  safeTopic,
} from "../safe_text.ts";

/** How lines are shown. */
export interface LineOptions {
  /**
   * Whether to colour. `@std/fmt/colors` has a switch of its own: with `true`
   * the caller has called its `setColorEnabled(true)` before.
   */
  color: boolean;
  /** Whether to name the topic in each line. */
  showTopic: boolean;
  /** The reader's own name, which is shown bold and underlined. */
  self?: string;
  /**
   * Whether the reader's client sends messages, too: then one's own is what it
   * sent, and not what a namesake says. Otherwise whatever bears the name, since
   * one sends from another terminal.
   */
  sends?: boolean;
  /** Finds the reader's name in what others say, to have it stand out. */
  mention?: Mention;
  /** Shows a time; `HH:MM:SS` in local time by default. */
  formatTime?: (time: Date) => string;
}

/** What interrupts the flow of a room. */
export type Note =
  /** There was no connection; without a kept session, messages are missing. */
  | {
    type: "gap";
    seconds: number;
    broker: string;
    mayMiss: boolean;
    /** Whether only what was sent at QoS 0 may be missing. */
    mayMissQoS0?: boolean;
    /** How many messages of the time without one a keeper had; they follow. */
    fetched?: number;
  }
  /** Messages that a keeper has kept follow, or nothing is kept. */
  | { type: "history"; count: number; problem?: string; until?: Date }
  /** More messages of the time of the last gap follow. */
  | { type: "fetched"; count: number; mayMiss: boolean }
  /** What a keeper has kept ends here. */
  | { type: "now" }
  /** Payloads of somebody did not arrive. */
  | { type: "lost"; from: string; count: number; topic: string }
  /** More people write than can be remembered. */
  | { type: "uncounted" }
  /** Lines came faster than the output took them. */
  | { type: "dropped"; count: number }
  /** The messages before were kept for us by the broker. */
  | { type: "missed"; count: number };

/** The most code points of a malformed payload that are shown. */
const MAX_UNFORMATTED = 200;

/** Bytes that have as many code points at least: each takes up to four. */
const MAX_UNFORMATTED_BYTES = 4 * MAX_UNFORMATTED;

/** So many names are listed in full; of more, only the first. */
const MAX_LISTED = 5;
const FIRST_LISTED = 3;

/** In the order in which they are told. */
const CHANGES: readonly PresenceChange[] = ["joined", "left", "timed out"];

/**
 * Shows what arrived.
 *
 * @param received What arrived.
 * @param options How to show it.
 * @param showSent Whether to show when it was sent, where the payload says so.
 * @returns The line, without a line break.
 */
export function renderLine(
  received: Received,
  options: LineOptions,
  showSent = false,
): string {
  const { topic, payload, retain, receivedAt, sealed = true } = received;
  if (!sealed && options.color) {
    return faint(
      renderLine(received, { ...options, color: false }, showSent),
      options,
    );
  }
  const marks = (retain ? " (retained)" : "") + (sealed ? "" : " (unsealed)");
  const place = whenAndWhere(receivedAt, topic, options) + marks +
    (showSent ? sent(received) : "");
  switch (payload.type) {
    case "message": {
      const isMine = isOwn(received, options);
      return `${faint(place, options)} ` +
        `${author(payload.from, isMine, options.color)}: ` +
        said(payload.message, isMine, options);
    }
    case "notice":
      return faint(`${place} -- ${safeText(payload.notice)}`, options);
    case "malformed":
      return faint(`${place} ?? ${unformatted(payload)}`, options);
    case "sealed":
      return faint(`${place} ?? ${unopened(payload)}`, options);
    case "history":
      return faint(`${place} ?? a history, out of its place`, options);
  }
}

/** Whether it was the reader who sent something. */
export function isOwn(
  { payload, sentTo, sealed }: Received,
  { self, sends }: Pick<LineOptions, "self" | "sends">,
): boolean {
  if (!("from" in payload) || sealed === false) return false;
  return sends ? sentTo !== undefined : payload.from === self;
}

/** Shows who came and went in a room. */
export function renderCrowd(
  { topic, people }: Crowd,
  time: Date,
  options: LineOptions,
): string {
  const parts = CHANGES.flatMap((change) => {
    const names = [...people].filter(([, last]) => last === change)
      .map(([name]) => name);
    return names.length === 0
      ? []
      : `${names.length} ${change}: ${listed(names)}`;
  });
  const place = whenAndWhere(time, topic, options);
  return faint(`${place} -- ${parts.join("; ")}`, options);
}

/** Shows how many payloads came that were sealed, where there is no secret. */
export function renderRun(
  { count: number, topic }: Run,
  time: Date,
  options: LineOptions,
): string {
  const { showTopic, ...others } = options;
  const place = whenAndWhere(time, topic ?? "", {
    ...others,
    showTopic: showTopic && topic !== undefined,
  });
  const what = count(number, "sealed payload") +
    (topic === undefined ? " in several rooms" : "");
  const them = number === 1 ? "it" : "them";
  return faint(`${place} ?? ${what} (${howToOpen(them)})`, options);
}

/** Shows a note. */
export function renderNote(
  note: Note,
  time: Date,
  options: Pick<LineOptions, "color" | "formatTime">,
): string {
  return ownLine(safeText(sentence(note, time)), time, options);
}

/** Shows that a day has begun. */
export function renderDay(
  time: Date,
  options: Pick<LineOptions, "color" | "formatTime">,
): string {
  return ownLine(longDay(time), time, options);
}

/** Reads bytes as UTF-8, with U+FFFD for what isn't. */
export function readUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The time, and the topic if it's wanted. */
function whenAndWhere(
  time: Date,
  topic: string,
  { showTopic, formatTime = localTime }: LineOptions,
): string {
  return `${formatTime(time)}${showTopic ? ` [${safeTopic(topic)}]` : ""}`;
}

/** When a payload was sent, by its author's clock; the day if it's another. */
function sent({ payload, receivedAt }: Received): string {
  if (!("at" in payload) || payload.at === undefined) return "";
  return ` (sent ${timeAndDay(new Date(payload.at), receivedAt)})`;
}

function author(from: string, isOwn: boolean, color: boolean): string {
  const shown = safeName(from);
  return color ? paintName(shown, from, isOwn) : shown;
}

/** What somebody said; in colour, what is for the eye. */
function said(
  message: string,
  isOwn: boolean,
  { color, mention }: LineOptions,
): string {
  const text = safeText(message);
  if (!color) return text;
  const marked = mention === undefined || isOwn ? text : mention.mark(text);
  return isAction(text) ? italic(marked) : marked;
}

/** Whether a text is what `/me` makes: `*waves*`. */
function isAction(text: string): boolean {
  return text[0] === "*" && text.length > 2 &&
    text.indexOf("*", 1) === text.length - 1;
}

/** Some names, or the first of them and how many more. */
function listed(names: string[]): string {
  if (names.length <= MAX_LISTED) return names.map(safeName).join(", ");
  const first = names.slice(0, FIRST_LISTED).map(safeName).join(", ");
  return `${first} and ${names.length - FIRST_LISTED} more`;
}

/**
 * The beginning of a malformed payload and what is wrong with it. The size is
 * named where the text doesn't show it all, or nothing.
 */
function unformatted({ bytes, reason }: Malformed): string {
  // Enough for the code points shown, so what a cut may split is not shown.
  const start = readUtf8(bytes.subarray(0, MAX_UNFORMATTED_BYTES));
  const shown = firstCodePoints(start, MAX_UNFORMATTED);
  const whole = shown === start && bytes.length <= MAX_UNFORMATTED_BYTES;
  const text = safeText(shown);
  const why = safeText(reason);
  if (whole && text !== "") return `${text} (${why})`;
  return `${whole ? "" : `${text}… `}(${bytes.length} bytes, ${why})`;
}

/** Why what is sealed is not shown. */
function unopened({ reason }: Sealed): string {
  return reason === undefined
    ? `a sealed payload (${howToOpen("it")})`
    : safeText(reason);
}

function howToOpen(them: string): string {
  return `--secret-file FILE opens ${them}`;
}

/** A line of our own: nothing from the network can begin with its mark. */
function ownLine(
  text: string,
  time: Date,
  options: Pick<LineOptions, "color" | "formatTime">,
): string {
  const { formatTime = localTime } = options;
  return faint(`${formatTime(time)} == ${text}`, options);
}

function sentence(note: Note, now: Date): string {
  switch (note.type) {
    case "gap": {
      return `Connected to ${note.broker} after ${note.seconds.toFixed(1)} s ` +
        `without a connection.${whatIsMissing(note)}`;
    }
    case "history":
      return note.count > 0
        ? `${count(note.count, "message")} from before you came` +
          (note.until ? `, as of ${timeAndDay(note.until, now)}` : "")
        : note.problem ?? "This room keeps no history.";
    case "fetched": {
      const rest = note.mayMiss
        ? "others may be missing"
        : "nothing is missing";
      if (note.count === 0) {
        return note.mayMiss
          ? "Notices of that time follow; messages may be missing."
          : "Nothing of that time is missing.";
      }
      const follow = note.count === 1 ? "follows" : "follow";
      return `${count(note.count, "more message")} of that time ${follow}; ` +
        `${rest}.`;
    }
    case "now":
      return "now";
    case "lost":
      return `${note.count.toLocaleString("en")} ` +
        `${note.count === 1 ? "message" : "messages"} of ` +
        `${safeName(note.from)} did not arrive here.`;
    case "uncounted":
      return "More people write here than can be remembered; not every loss " +
        "is reported from now on.";
    case "dropped":
      return `${count(note.count, "line")} dropped here: the output was too ` +
        "slow for them.";
    case "missed":
      return `${count(note.count, "message")} came while you were away.`;
  }
}

/** What is known of what was said without a connection. */
function whatIsMissing(
  { mayMiss, mayMissQoS0, fetched }: Extract<Note, { type: "gap" }>,
): string {
  if (fetched !== undefined && fetched > 0) {
    const rest = mayMiss ? "others may be missing" : "nothing is missing";
    const follow = fetched === 1 ? "follows" : "follow";
    return ` ${count(fetched, "message")} of that time ${follow}; ${rest}.`;
  }
  if (mayMiss) return " Messages may be missing here.";
  if (fetched === 0) return " Nothing is missing.";
  return mayMissQoS0 ? " Only what was sent at QoS 1 or 2 was kept." : "";
}

/** A number and its noun. */
function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}

/** Dims what is not said by anybody. */
function faint(text: string, { color }: Pick<LineOptions, "color">): string {
  return color ? dim(text) : text;
}
