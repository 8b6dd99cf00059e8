/** Times on the reader's clock, and days on the reader's calendar. */

/** A payload that was on its way for longer, in milliseconds, is late. */
export const LATE_MS = 30_000;

/** An older payload, in milliseconds, does not show that its author is present. */
export const STALE_MS = 24 * 60 * 60 * 1_000;

/** As `Date.getDay` counts. English, like every sentence here. */
const WEEKDAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;

/** The time of day on the reader's clock: `HH:MM:SS`. */
export function localTime(time: Date): string {
  const second = Math.floor(time.getTime() / 1000);
  if (second !== shown.second) shown = { second, text: hms(time) };
  return shown.text;
}

/** The last time shown: in a flood, most lines have the same. */
let shown = { second: NaN, text: "" };

/** The time in UTC, as `toISOString`, which takes half a microsecond. */
export function utcTime(time: Date): string {
  const ms = time.getTime();
  if (ms !== written.ms) written = { ms, text: time.toISOString() };
  return written.text;
}

/** The last time written: in a flood, many lines have the same. */
let written = { ms: NaN, text: "" };

function hms(time: Date): string {
  return `${two(time.getHours())}:${two(time.getMinutes())}:${
    two(time.getSeconds())
  }`;
}

/** Whether two times are of one day on the reader's calendar. */
export function isSameDay(time: Date, other: Date): boolean {
  return time.getDate() === other.getDate() &&
    time.getMonth() === other.getMonth() &&
    time.getFullYear() === other.getFullYear();
}

/** The day on the reader's calendar: `YYYY-MM-DD`. */
function localDay(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${
    two(time.getDate())
  }`;
}

/** The day on the reader's calendar, for a heading: `Monday, 2026-11-23`. */
export function longDay(time: Date): string {
  return `${WEEKDAYS[time.getDay()]}, ${localDay(time)}`;
}

/** `14:03:22`, or `2026-11-22 14:03:22` where the day is another than now. */
export function timeAndDay(time: Date, now: Date): string {
  return isSameDay(time, now) ? hms(time) : `${localDay(time)} ${hms(time)}`;
}

/**
 * How long a payload was on its way, in milliseconds, by its author's clock and
 * ours: negative where that is ahead, 0 where the payload doesn't say.
 */
export function age(at: string | undefined, receivedAt: Date): number {
  return at === undefined ? 0 : receivedAt.getTime() - timeOf(at);
}

/** Reads the time in a payload, in milliseconds since 1970. */
export function timeOf(at: string): number {
  if (at !== read.at) read = { at, time: Date.parse(at) };
  return read.time;
}

/** The last time read: that of a message is asked for several times. */
let read = { at: "", time: NaN };

/** A number in two digits. */
function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
