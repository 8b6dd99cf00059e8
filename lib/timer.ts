/**
 * The clock, and waiting: for a time, and for something with a limit.
 *
 * @module
 */

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

/** Does something when it is due, for as long as there is something to do. */
export class DueTimer {
  readonly #next: () => number | undefined;
  readonly #act: () => void;
  readonly #wait: Wait;
  #callOff?: () => void;

  /**
   * Makes one that is at rest.
   *
   * @param next How long until something is due, in milliseconds; undefined
   * when nothing is. It is asked again then: it may be due later by now.
   * @param act Does what is due.
   * @param wait For tests.
   */
  constructor(
    next: () => number | undefined,
    act: () => void,
    wait: Wait = waitFor,
  ) {
    this.#next = next;
    this.#act = act;
    this.#wait = wait;
  }

  /** Waits until something is due, unless it does already. */
  start(): void {
    if (this.#callOff === undefined) this.#goOn();
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #goOn(): void {
    this.#callOff = undefined;
    if (this.#next() === 0) this.#act();
    const milliseconds = this.#next();
    if (milliseconds === undefined) return;
    this.#callOff = this.#wait(milliseconds, () => this.#goOn());
  }
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
 * @param clock Measures the time.
 */
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
