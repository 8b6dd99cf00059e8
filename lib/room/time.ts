/**
 * Times on the reader's clock and days on the reader's calendar. Pure.
 *
 * @module
 */

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

/**
 * The time of day on the reader's clock.
 *
 * @param time Any time.
 * @returns `HH:MM:SS`.
 */
export function localTime(time: Date): string {
  return `${two(time.getHours())}:${two(time.getMinutes())}:${
    two(time.getSeconds())
  }`;
}

/**
 * The day on the reader's calendar.
 *
 * @param time Any time.
 * @returns `YYYY-MM-DD`.
 */
export function localDay(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${
    two(time.getDate())
  }`;
}

/**
 * The day on the reader's calendar, for a heading.
 *
 * @param time Any time.
 * @returns `Monday, 2026-11-23`.
 */
export function longDay(time: Date): string {
  return `${WEEKDAYS[time.getDay()]}, ${localDay(time)}`;
}

/**
 * A time of day, with the day where that is another one than now.
 *
 * @param time Any time.
 * @param now The time it is told.
 * @returns `14:03:22`, or `2026-11-22 14:03:22`.
 */
export function timeAndDay(time: Date, now: Date): string {
  const day = localDay(time);
  return day === localDay(now) ? localTime(time) : `${day} ${localTime(time)}`;
}

/** Notices when another day has begun on the reader's calendar. */
export class DayWatch {
  /** The day of the time before: its first millisecond, and the next day's. */
  #day?: { from: number; to: number };

  /**
   * Takes note of a time.
   *
   * @param time Any time.
   * @returns Whether its day is another than that of the time before; false
   * for the first time.
   */
  isNewDay(time: Date): boolean {
    const day = this.#day;
    const ms = Number(time);
    // Two comparisons, since this is asked for every line.
    if (day !== undefined && ms >= day.from && ms < day.to) return false;
    const midnight = (plus: number) =>
      Number(
        new Date(time.getFullYear(), time.getMonth(), time.getDate() + plus),
      );
    this.#day = { from: midnight(0), to: midnight(1) };
    return day !== undefined;
  }
}

/** A number in two digits. */
function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
