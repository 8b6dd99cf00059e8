/**
 * Lines of our own among those of a room, where its flow was interrupted:
 * marked `==`, a mark nothing that comes from the network can begin with. Pure.
 *
 * @module
 */

import { dim } from "@std/fmt/colors";
import { localTime, longDay } from "./time.ts";
import type { LineOptions } from "./line.ts";
import { safeJson, safeText } from "../safe_text.ts";

/** How notes are shown. */
export type NoteOptions = Pick<LineOptions, "color" | "formatTime">;

/** What interrupted the flow. */
export type Note =
  /** There was no connection; without a kept session, messages are missing. */
  | { type: "gap"; seconds: number; broker: string; mayMiss: boolean }
  /** Lines came faster than the output took them. */
  | { type: "dropped"; count: number }
  /** The messages before were kept for us by the broker. */
  | { type: "missed"; count: number };

/**
 * Shows a note as a line.
 *
 * @param note What it says.
 * @param time When.
 * @param options How to show it.
 * @returns The line, without a line break.
 */
export function renderNote(
  note: Note,
  time: Date,
  options: NoteOptions,
): string {
  return line(safeText(sentence(note)), time, options);
}

/**
 * Shows that a day has begun.
 *
 * @param time A time on that day.
 * @param options How to show it.
 * @returns The line, without a line break.
 */
export function renderDay(time: Date, options: NoteOptions): string {
  return line(longDay(time), time, options);
}

/**
 * Shows a note as a JSON object with `receivedAt`, `type` and its own members.
 *
 * @param note What it says.
 * @param time When.
 * @returns The JSON, without a line break.
 */
export function renderJsonNote(note: Note, time: Date): string {
  return safeJson(JSON.stringify({ receivedAt: time, ...note }));
}

/** A line of our own. */
function line(
  text: string,
  time: Date,
  { color, formatTime = localTime }: NoteOptions,
): string {
  const whole = `${formatTime(time)} == ${text}`;
  return color ? dim(whole) : whole;
}

function sentence(note: Note): string {
  switch (note.type) {
    case "gap": {
      const missing = note.mayMiss ? " Messages may be missing here." : "";
      return `Connected to ${note.broker} after ${note.seconds.toFixed(1)} s ` +
        `without a connection.${missing}`;
    }
    case "dropped":
      return `${count(note.count, "line")} dropped here: the output was too ` +
        "slow for them.";
    case "missed":
      return `${count(note.count, "message")} came while you were away.`;
  }
}

/** A number and its noun. */
function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}
