/**
 * What arrives in a room, and what interrupts it, as one safe line each.
 * `safe_text.ts` says what may be printed at all.
 *
 * The layout, with the optional parts in brackets:
 *
 *     14:03:22 [[chat/room] ][(retained) ][(sent 12:59:07) ]alice: hello
 *     14:03:25 [[chat/room] ][(retained) ][(sent 12:59:07) ]-- User bob timed out.
 *     14:03:27 [[chat/room] ]-- 2 joined: dave, erin; 1 left: frank
 *     14:03:29 [[chat/room] ][(retained) ]?? Hello World
 *     14:03:29 [[chat/room] ][(retained) ]?? {"temp":21} (no author in `from`)
 *     14:03:30 == 7 sealed payloads[ in chat/room] (--secret-file FILE opens them)
 *     14:03:31 == 3 messages came while you were away.
 *
 * Where lines of a message stand below each other, they follow a gutter. No row
 * but the first begins with a character that the sender chose:
 *
 *     14:03:40 alice: first line
 *     │ second line
 *
 * In a room with a secret, `(unsealed)` follows `(retained)` where the author may
 * be anyone; elsewhere `(another key)`, `(unsigned)`, `(bad signature)` or
 * `(unchecked)`, where the line doesn't speak for the member it names.
 *
 * No field can imitate another: a name or topic that is more than plain words
 * is quoted, and a plain one never begins with `--`, `??`, `==`, `(` or `[`.
 */

import { bold, dim, inverse, italic, rgb8, underline } from "@std/fmt/colors";
import type { Malformed, PresenceChange, Received } from "../protocol.ts";
import {
  firstCodePoints,
  safeName,
  safeText,
  safeTopic,
} from "../safe_text.ts";
import { fingerprint } from "../sign.ts";
import type { Gathered } from "./gather.ts";
import { localTime, longDay, timeAndDay, timeOf } from "./time.ts";

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
   * Whether the reader's client sends messages, too. Then only what it sent is
   * its own; else whatever has its name, sent from another terminal.
   */
  sends?: boolean;
  /**
   * Whether further lines of a message stand below the first, each after a
   * gutter: on a terminal in colour. Else `⏎` stands for a line break.
   */
  multiline?: boolean;
  /** Finds the reader's name in what others say. */
  mention?: Mention;
  /** Shows a time; `HH:MM:SS` in local time by default. */
  formatTime?: (time: Date) => string;
}

/** What interrupts the flow of a room. */
export type Note =
  /** There was no connection. */
  | {
    type: "gap";
    seconds: number;
    broker: string;
    mayMiss: boolean;
    /** Whether only what was sent at QoS 0 may be missing. */
    mayMissQoS0?: boolean;
    /** How many messages of that time a keeper had; they follow. */
    fetched?: number;
  }
  /** Entries of a history follow, or there are none. */
  | { type: "history"; count: number; problem?: string; until?: Date }
  /** More messages of the last gap follow. */
  | { type: "fetched"; count: number; mayMiss: boolean }
  /** The history ends here. */
  | { type: "now" }
  /** Another key signs under a name that has one. */
  | { type: "another"; from: string; key: string }
  /** Too many names are in use for all of their keys to be remembered. */
  | { type: "forgotten" }
  /** Too many signatures arrive for all of them to be verified. */
  | { type: "unchecked" }
  /** Payloads of an author did not arrive. */
  | { type: "lost"; from: string; count: number; topic: string }
  /** Too many people write for all losses to be counted. */
  | { type: "uncounted" }
  /** Lines came faster than the output took them. */
  | { type: "dropped"; count: number }
  /** The broker had kept the messages before this line. */
  | { type: "missed"; count: number };

/** The most code points of a malformed payload that are shown. */
const MAX_UNFORMATTED = 200;

/** Bytes that have as many code points at least: each takes up to four. */
const MAX_UNFORMATTED_BYTES = 4 * MAX_UNFORMATTED;

/** List at most this many names in full; of more, only the first. */
const MAX_LISTED = 5;
const FIRST_LISTED = 3;

/** The most lines of a message that are shown below each other. */
const MAX_LINES = 200;

/** What further lines begin with. */
const GUTTER = "│";

/** In the order of the line. */
const CHANGES: readonly PresenceChange[] = ["joined", "left", "timed out"];

/** Shows what arrived; also when it was sent, where that is wanted and known. */
export function renderLine(
  received: Received,
  options: LineOptions,
  showSent = false,
  mark = received.sealed === false ? "unsealed" : undefined,
): string {
  const { topic, payload, retain, receivedAt } = received;
  if (mark !== undefined && options.color) {
    return faint(
      renderLine(received, { ...options, color: false }, showSent, mark),
      options,
    );
  }
  const marks = (retain ? " (retained)" : "") + (mark ? ` (${mark})` : "");
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
      if (payload.isCut) break;
      return faint(`${place} ?? ${unformatted(payload)}`, options);
  }
  return renderUnread(received, options);
}

/** Whether nothing of a payload is shown. */
export function isUnread({ payload }: Received): boolean {
  if (payload.type === "malformed") return payload.isCut === true;
  return payload.type !== "message" && payload.type !== "notice";
}

/** Says why nothing of a payload is shown. */
export function renderUnread(
  { topic, payload, receivedAt }: Received,
  options: LineOptions,
): string {
  const why = payload.type === "history"
    ? "a history, out of its place"
    : "name" in payload
    ? "a question of /who or its answer, out of its place"
    : "reason" in payload
    ? payload.reason
    : "sealed";
  const text = `A payload${inRoom(topic, options)} is ${why}.`;
  return ownLine(text, receivedAt, options);
}

/** Whether the reader sent it. */
export function isOwn(
  { payload, sentTo }: Received,
  { self, sends }: Pick<LineOptions, "self" | "sends">,
): boolean {
  if (!("from" in payload)) return false;
  return sends ? sentTo !== undefined : payload.from === self;
}

/** Shows what shares a line. */
export function renderGathered(
  gathered: Gathered,
  time: Date,
  options: LineOptions,
): string {
  const { type, topic } = gathered;
  if (type === "people") {
    const place = whenAndWhere(time, topic, options);
    return faint(`${place} -- ${changes(gathered.people)}`, options);
  }
  const where = topic === undefined
    ? " in several rooms"
    : inRoom(topic, options);
  const text = `${count(gathered.count, "sealed payload")}${where} ` +
    `(--secret-file FILE opens ${gathered.count === 1 ? "it" : "them"})`;
  return ownLine(text, time, options);
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

function inRoom(topic: string, { showTopic }: LineOptions): string {
  return showTopic ? ` in ${safeTopic(topic)}` : "";
}

/** The time of sending by the author's clock, with the day if it differs. */
function sent({ payload, receivedAt }: Received): string {
  if (!("at" in payload) || payload.at === undefined) return "";
  return ` (sent ${timeAndDay(new Date(timeOf(payload.at)), receivedAt)})`;
}

function author(from: string, isOwn: boolean, color: boolean): string {
  const shown = safeName(from);
  return color ? paintName(shown, from, isOwn) : shown;
}

/** A message; in colour, with mentions and actions marked. */
function said(
  message: string,
  isOwn: boolean,
  options: LineOptions,
): string {
  const { color, mention, multiline } = options;
  if (!color && !multiline) return safeText(message);
  const mark = (text: string) =>
    !color || isOwn || mention === undefined ? text : mention.mark(text);
  const lines = multiline ? message.split(/\r\n?|\n/) : [message];
  if (lines.length > 1) {
    const shown = lines.slice(0, MAX_LINES).map((line) => mark(safeText(line)));
    const left = lines.length - shown.length;
    if (left > 0) shown.push(faint(`… ${count(left, "more line")}`, options));
    return shown.join(`\n${faint(GUTTER, options)} `);
  }
  const text = safeText(message);
  return color && isAction(text) ? italic(mark(text)) : mark(text);
}

/** Whether a text is what `/me` makes: `*waves*`. */
function isAction(text: string): boolean {
  return text[0] === "*" && text.length > 2 &&
    text.indexOf("*", 1) === text.length - 1;
}

/** Who joined, left or timed out: `2 joined: dave, erin; 1 left: frank`. */
function changes(people: ReadonlyMap<string, PresenceChange>): string {
  return CHANGES.flatMap((change) => {
    const names = [...people].filter(([, last]) => last === change)
      .map(([name]) => name);
    if (names.length === 0) return [];
    return `${names.length} ${change}: ${listed(names)}`;
  }).join("; ");
}

/** Some names, or the first of them and how many more. */
function listed(names: string[]): string {
  if (names.length <= MAX_LISTED) return names.map(safeName).join(", ");
  const first = names.slice(0, FIRST_LISTED).map(safeName).join(", ");
  return `${first} and ${names.length - FIRST_LISTED} more`;
}

/**
 * The beginning of a malformed payload, and what is wrong with it unless it is
 * plain text. The size is named where the text doesn't show it all, or nothing.
 */
function unformatted({ bytes, reason, isText }: Malformed): string {
  // Enough for the code points shown, so what a cut may split is not shown.
  const start = readUtf8(bytes.subarray(0, MAX_UNFORMATTED_BYTES));
  const shown = firstCodePoints(start, MAX_UNFORMATTED);
  const whole = shown === start && bytes.length <= MAX_UNFORMATTED_BYTES;
  const text = whole ? safeText(shown) : `${safeText(shown)}…`;
  const remarks = [
    ...whole && text !== "" ? [] : [`${bytes.length} bytes`],
    ...isText ? [] : [reason],
  ];
  const remark = remarks.length > 0 ? `(${remarks.join(", ")})` : "";
  return [text, remark].filter((part) => part !== "").join(" ");
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
    case "another":
      return `Another ${safeName(note.from)} is here ` +
        `(key ${fingerprint(note.key)}).`;
    case "forgotten":
      return "More names are in use than can be remembered; for some it is " +
        "not known whose they are.";
    case "unchecked":
      return "More signed lines arrive than can be verified; the others count " +
        "as unsigned.";
    case "lost":
      return `${note.count.toLocaleString("en")} ` +
        `${note.count === 1 ? "message" : "messages"} of ` +
        `${safeName(note.from)} did not arrive.`;
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

/** What is known of the messages of a gap. */
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

/** Dims all but messages. */
function faint(text: string, { color }: Pick<LineOptions, "color">): string {
  return color ? dim(text) : text;
}

/**
 * Colours of the 256-colour palette, each with a contrast of at least 3.5 on
 * black and 3.5 on white. None is a plain red or green, which many people
 * can't tell apart.
 */
const PALETTE = [30, 32, 63, 99, 100, 134, 162, 164, 166, 168] as const;

/** The colour of a name, for `rgb8`: the same one in every run. */
function nameColor(name: string): number {
  // FNV-1a over UTF-16 code units: short names that differ in one letter land
  // far apart.
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return PALETTE[(hash >>> 0) % PALETTE.length];
}

/** Shows something in the colour of a name; the reader's own stands out. */
export function paintName(shown: string, name: string, isOwn: boolean): string {
  const colored = rgb8(shown, nameColor(name));
  // Underlined, since not all terminals show 256 colours in bold differently.
  return isOwn ? bold(underline(colored)) : colored;
}

/** Finds a name in what {@link safeText} returns, in linear time. */
interface Mention {
  isIn(text: string): boolean;
  /** Makes the name stand out on dark and on light backgrounds. */
  mark(text: string): string;
}

/** A character of a word; joiners are part of Persian words and of emoji. */
const WORD = "[\\p{L}\\p{M}\\p{N}_\\u200C\\u200D]";

/** A character that changes the emoji before it. */
const EMOJI_GOES_ON = "[\\p{M}\\p{Emoji_Modifier}\\u200D]";

/**
 * Prepares the search for a name as people write it, without quotes: as a whole
 * word, in any case, with accents in one character or in two.
 */
export function mentionOf(name: string): Mention {
  const shown = safeText(name);
  if (shown === "") return { isIn: () => false, mark: (text) => text };
  const pattern = wholeWord(shown);
  const first = new RegExp(pattern, "iu");
  const every = new RegExp(pattern, "giu");
  const isIn = (text: string) => first.test(text);
  return {
    isIn,
    mark: (text) =>
      isIn(text) ? text.replace(every, bold(inverse("$&"))) : text,
  };
}

/** The pattern of a name that is not part of a longer word or emoji. */
function wholeWord(name: string): string {
  const forms = new Set(["NFC", "NFD"].map((form) => name.normalize(form)));
  forms.add(name);
  const either = [...forms].map((form) => RegExp.escape(form)).join("|");
  // A name such as c++ needs no word boundary behind it.
  const before = new RegExp(`^${WORD}`, "u").test(name) ? WORD : "\\u200D";
  const after = new RegExp(`${WORD}$`, "u").test(name) ? WORD : EMOJI_GOES_ON;
  // The look-behind comes first: it refuses most places where a flood of one
  // character would have the name compared to its end.
  return `(?<!${before})(?:${either})(?!${after})`;
}
