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
