/**
 * How long something was on its way, and from when on that is late. Pure.
 *
 * @module
 */

/** What took longer, in milliseconds, is late. */
export const LATE_MS = 30_000;

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

/** How many characters of RFC 3339 tell a time to the second. */
const TO_THE_SECOND = "2026-11-22T14:03:22".length;

/**
 * Tells what is late, many times a second: times in UTC are compared as text,
 * and read only where that leaves it open.
 */
export class LateWatch {
  /** The second that is asked about, in milliseconds. */
  #second = NaN;
  /** What was sent in a later second than this is not late in that one. */
  #limit = "";

  /**
   * Whether something is late.
   *
   * @param at When it was sent: RFC 3339, UTC; not late without.
   * @param receivedAt When it arrived.
   * @returns Whether it took longer than {@link LATE_MS}.
   */
  isLate(at: string | undefined, receivedAt: Date): boolean {
    if (at === undefined) return false;
    const second = Math.floor(Number(receivedAt) / 1000) * 1000;
    if (second !== this.#second) {
      this.#second = second;
      const limit = new Date(second - LATE_MS).toISOString();
      this.#limit = limit.slice(0, TO_THE_SECOND);
    }
    // Fractions have various lengths, so the seconds must differ.
    if (at.length > TO_THE_SECOND && at > `${this.#limit}~`) return false;
    return age(at, receivedAt) > LATE_MS;
  }
}
