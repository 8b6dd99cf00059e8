/**
 * Times on the reader's clock, days on the reader's calendar, and how long
 * something was on its way. Pure.
 *
 * @module
 */

/** What took longer, in milliseconds, is late. */
export const LATE_MS = 30_000;

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
  return `${two(time.getHours())}:${two(time.getMinutes())}:${
    two(time.getSeconds())
  }`;
}

/** The day on the reader's calendar: `YYYY-MM-DD`. */
export function localDay(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${
    two(time.getDate())
  }`;
}

/** The day on the reader's calendar, for a heading: `Monday, 2026-11-23`. */
export function longDay(time: Date): string {
  return `${WEEKDAYS[time.getDay()]}, ${localDay(time)}`;
}

/**
 * A time of day, `14:03:22`; with the day, `2026-11-22 14:03:22`, where that is
 * another one than now.
 */
export function timeAndDay(time: Date, now: Date): string {
  const day = localDay(time);
  return day === localDay(now) ? localTime(time) : `${day} ${localTime(time)}`;
}

/**
 * How long something was on its way, by its author's clock and ours.
 *
 * @param at When it was sent, as its payload says.
 * @param receivedAt When it arrived.
 * @returns Milliseconds, negative where the author's clock is ahead; 0 where
 * the payload doesn't say when it was sent.
 */
export function age(at: string | undefined, receivedAt: Date): number {
  return at === undefined ? 0 : Number(receivedAt) - Date.parse(at);
}

/** Notices when another day has begun on the reader's calendar. */
export class DayWatch {
  #day?: string;

  /** Whether the day is another than that of the time before, if there was one. */
  isNewDay(time: Date): boolean {
    const before = this.#day;
    this.#day = localDay(time);
    return before !== undefined && before !== this.#day;
  }
}

/** A number in two digits. */
function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
