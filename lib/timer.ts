/**
 * Waiting that tests can do without: what waits takes a {@link Wait}.
 *
 * @module
 */

/**
 * Calls back after a time, in milliseconds; returns how to call it off.
 */
export type Wait = (milliseconds: number, then: () => void) => () => void;

/**
 * Waits by the clock.
 *
 * @param milliseconds How long.
 * @param then What to call.
 * @returns How to call it off.
 */
export function waitFor(milliseconds: number, then: () => void): () => void {
  const timer = setTimeout(then, milliseconds);
  return () => clearTimeout(timer);
}
