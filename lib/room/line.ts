/**
 * What arrives in a room, as one safe line for a reader or one JSON line for a
 * program. Owns the layout and the colours; {@link safeText} and its siblings
 * own what may be printed at all. Pure.
 *
 * The layout, with the optional parts in brackets:
 *
 *     14:03:22 [[chat/room] ][(retained) ][(sent 12:59:07) ]alice: hello
 *     14:03:25 [[chat/room] ][(retained) ][(sent 12:59:07) ]-- User bob timed out.
 *     14:03:27 [[chat/room] ]-- 2 joined: dave, erin; 1 left: frank
 *     14:03:29 [[chat/room] ][(retained) ]?? User carol timed out (not JSON)
 *
 * No field can imitate another: a name or topic that is more than plain words
 * is quoted, and a plain one never begins with `--`, `??`, `(` or `[`.
 *
 * @module
 */

import { bold, dim, italic, rgb8, underline } from "@std/fmt/colors";
import type { Crowd } from "./crowd.ts";
import { localTime, timeAndDay } from "./time.ts";
import type { Mention } from "./mention.ts";
import type {
  ChatMessage,
  Malformed,
  Payload,
  PresenceChange,
  Received,
} from "../protocol.ts";
import {
  firstCodePoints,
  safeJson,
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
  /** Whether to show when it was sent, where the payload says so. */
  showSent?: boolean;
  /** The reader's own name, which is shown bold and underlined. */
  self?: string;
  /** Finds the reader's name in what others say, to have it stand out. */
  mention?: Mention;
  /** Shows a time; `HH:MM:SS` in local time by default. */
  formatTime?: (time: Date) => string;
}

/** The most code points of a malformed payload that are shown. */
const MAX_UNFORMATTED = 200;

/** The most bytes of UTF-8 that a code point takes. */
const MAX_UTF8_BYTES = 4;

/** So many names are listed in full; of more, only the first. */
const MAX_LISTED = 5;
const FIRST_LISTED = 3;

/** In the order in which they are told. */
const CHANGES: readonly PresenceChange[] = ["joined", "left", "timed out"];

/**
 * Colours of the 256-colour palette, each with a contrast of at least 3.5 on
 * black and 3.5 on white. None is a plain red or green, which many people
 * can't tell apart.
 */
const PALETTE = [30, 32, 63, 99, 100, 134, 162, 164, 166, 168] as const;

/**
 * Shows what arrived as one line, safe to print.
 *
 * @param received What arrived.
 * @param options How to show it.
 * @returns The line, without a line break.
 */
export function renderLine(received: Received, options: LineOptions): string {
  const { payload } = received;
  const paint = options.color ? dim : plain;
  const place = placeOf(received, options);
  switch (payload.type) {
    case "message":
      return `${paint(place)} ${author(payload.from, options)}: ` +
        said(payload, options);
    case "notice":
      return paint(`${place} -- ${safeText(payload.notice)}`);
    case "malformed":
      return paint(`${place} ?? ${unformatted(payload)}`);
  }
}

/**
 * Shows as one line who came and went in a room.
 *
 * @param crowd The room, and who.
 * @param time When.
 * @param options How to show it.
 * @returns The line, without a line break.
 */
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
  const line = `${whenAndWhere(time, topic, options)} -- ${parts.join("; ")}`;
  return options.color ? dim(line) : line;
}

/**
 * Shows what arrived as one JSON object, safe to print raw: every character
 * that could harm a terminal is a `\uXXXX` escape, and parsing gives the exact
 * text. The members are `receivedAt` (RFC 3339, UTC, milliseconds), `topic`,
 * `type` (`message`, `notice` or `malformed`), `from`, `text`, `id`, `at`,
 * `qos`, `retain`, `duplicate`; those that a payload lacks are left out. A
 * malformed one has `reason`, `text` (its bytes read as UTF-8, with U+FFFD for
 * what isn't) and `bytes` (base64) in place of `from` to `at`.
 *
 * @param received What arrived.
 * @returns The JSON, without a line break.
 */
export function renderJson(received: Received): string {
  const { receivedAt, topic, payload, qos, retain, duplicate } = received;
  return safeJson(JSON.stringify({
    receivedAt,
    topic,
    type: payload.type,
    ...content(payload),
    qos,
    retain,
    duplicate,
  }));
}

/**
 * The colour of a name: the same one in every run.
 *
 * @param name Any string.
 * @returns A colour of the 256-colour palette, for `rgb8`.
 */
export function nameColor(name: string): number {
  // FNV-1a over UTF-16 code units: short names that differ in one letter land
  // far apart.
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return PALETTE[(hash >>> 0) % PALETTE.length];
}

/**
 * A name in its colour; one's own stands out.
 *
 * @param shown What is shown, the name and whatever belongs to it.
 * @param name The name, which decides on the colour.
 * @param isOwn Whether it is the reader's.
 * @returns What is shown, with escapes about it.
 */
export function paintName(shown: string, name: string, isOwn: boolean): string {
  const colored = rgb8(shown, nameColor(name));
  // Not all terminals show 256 colours in bold any different.
  return isOwn ? bold(underline(colored)) : colored;
}

/** What comes first in a line: when, where, and whether it is old. */
function placeOf(received: Received, options: LineOptions): string {
  const { receivedAt, topic } = received;
  const start = whenAndWhere(receivedAt, topic, options);
  const retained = received.retain ? " (retained)" : "";
  return `${start}${retained}${options.showSent ? sent(received) : ""}`;
}

/** The time, and the topic if it's wanted. */
function whenAndWhere(
  time: Date,
  topic: string,
  { showTopic, formatTime = localTime }: LineOptions,
): string {
  return `${formatTime(time)}${showTopic ? ` [${safeTopic(topic)}]` : ""}`;
}

/** The author's name, coloured if wanted. */
function author(from: string, { color, self }: LineOptions): string {
  const shown = safeName(from);
  return color ? paintName(shown, from, from === self) : shown;
}

/** What somebody said; in colour, what is for the eye. */
function said(
  { from, message }: ChatMessage,
  { color, self, mention }: LineOptions,
): string {
  const text = safeText(message);
  if (!color) return text;
  const marked = mention === undefined || from === self
    ? text
    : mention.mark(text);
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
  const start = readUtf8(bytes.subarray(0, MAX_UNFORMATTED * MAX_UTF8_BYTES));
  const shown = firstCodePoints(start, MAX_UNFORMATTED);
  const whole = shown === start &&
    bytes.length <= MAX_UNFORMATTED * MAX_UTF8_BYTES;
  const text = safeText(shown);
  const why = safeText(reason);
  if (whole && text !== "") return `${text} (${why})`;
  return `${whole ? "" : `${text}… `}(${bytes.length} bytes, ${why})`;
}

/** Reads bytes as UTF-8, with U+FFFD for what isn't. */
function readUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** What a payload says, as members of a JSON object. */
function content(payload: Payload | Malformed): Record<string, unknown> {
  switch (payload.type) {
    case "message":
    case "notice": {
      const { from, id, at } = payload;
      const text = payload.type === "message"
        ? payload.message
        : payload.notice;
      return { from, text, id, at };
    }
    case "malformed": {
      const { reason, bytes } = payload;
      return { reason, text: readUtf8(bytes), bytes: bytes.toBase64() };
    }
  }
}

/** When a payload was sent, by its author's clock; the day if it's another. */
function sent({ payload, receivedAt }: Received): string {
  if (payload.type === "malformed" || payload.at === undefined) return "";
  return ` (sent ${timeAndDay(new Date(payload.at), receivedAt)})`;
}

/** Leaves a text as it is. */
function plain(text: string): string {
  return text;
}
