/**
 * Waiting: for a time, which tests do without where what waits takes a
 * {@link Wait}, and for something, but not for ever.
 *
 * @module
 */

/** After this, in milliseconds, a person wonders why a program has not ended. */
export const HINT_MS = 1_000;

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

/** Wakes whoever waits for the next of many events. */
export class Progress {
  #made = Promise.withResolvers<void>();

  /** Settles at the next event. */
  get next(): Promise<void> {
    return this.#made.promise;
  }

  /** There is one. */
  made(): void {
    this.#made.resolve();
    this.#made = Promise.withResolvers();
  }
}

/**
 * Waits for something that is nice to have, but not for ever.
 *
 * @param seconds How long.
 * @param wanted What to wait for; whether it fails doesn't matter.
 */
export async function within(
  seconds: number,
  wanted: Promise<unknown>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const timer = setTimeout(resolve, seconds * 1000);
  await Promise.race([wanted.catch(() => {}), promise]);
  clearTimeout(timer);
}
