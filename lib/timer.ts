/** The clock, and waiting for events. */

/** Times and timers, in milliseconds. Tests replace it; nothing else does. */
export interface Clock {
  /** The wall clock: since 1970, as `Date.now()`. */
  wall(): number;
  /** A clock that is never set, as `performance.now()`. */
  monotonic(): number;
  /** Calls back once after a delay; returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** When to say why a program has not ended yet, in milliseconds. */
export const HINT_MS = 1_000;

/** Announces each of many events to what waits for the next one. */
export class Progress {
  #made = Promise.withResolvers<void>();

  /** Settles at the next event. */
  get next(): Promise<void> {
    return this.#made.promise;
  }

  made(): void {
    this.#made.resolve();
    this.#made = Promise.withResolvers();
  }
}

/** Waits until a promise settles, either way, but no longer than some seconds. */
export async function within(
  seconds: number,
  wanted: Promise<unknown>,
  clock = SYSTEM_CLOCK,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(seconds * 1000, resolve);
  await Promise.race([wanted.catch(() => {}), promise]);
  cancel();
}
