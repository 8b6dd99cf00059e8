/**
 * When to try a lost connection again. Pure, but for the chance it is given.
 *
 * @module
 */

/** The first wait, in seconds. */
const FIRST_SECONDS = 1;

/** The longest wait, in seconds. */
const LONGEST_SECONDS = 120;

/**
 * How long to wait before a reconnect: 1 s, doubling to 120 s, less up to a
 * quarter, so that the clients of a broker that comes back don't all come in
 * the same moment.
 *
 * @param failures How many attempts have failed since the connection was
 * lost.
 * @param random A number from 0 to 1, as `Math.random` gives.
 * @returns Milliseconds.
 */
export function retryDelay(failures: number, random: number): number {
  const seconds = Math.min(FIRST_SECONDS * 2 ** failures, LONGEST_SECONDS);
  return Math.round(seconds * 1000 * (1 - random / 4));
}
