/**
 * Lines on their way to the broker: a bounded window of those that are not
 * acknowledged. Knows nothing of networks; a line's fate is a promise.
 *
 * @module
 */

/** How many messages may be unacknowledged at a time. */
export const WINDOW = 256;

/** A line that was not delivered. */
export interface Failure {
  /** Which line of the input, from 1. */
  line: number;
  /** Why. */
  error: Error;
}

/** The lines that were sent and are not answered, and how many were. */
export class Outbox {
  readonly #window: number;
  readonly #onFailure: (failure: Failure) => void;
  readonly #pending = new Set<number>();
  #progress = Promise.withResolvers<void>();
  /** How many lines were acknowledged. */
  acknowledged = 0;

  /**
   * Makes an empty one.
   *
   * @param onFailure Called for each line that is refused, as it is.
   * @param window The most messages unacknowledged at a time.
   */
  constructor(onFailure: (failure: Failure) => void, window = WINDOW) {
    this.#onFailure = onFailure;
    this.#window = window;
  }

  /** The lines that are neither acknowledged nor refused yet, in order. */
  get pending(): number[] {
    return [...this.#pending];
  }

  /**
   * Takes a line that was sent, and returns as soon as another may follow.
   *
   * @param line Which line of the input, from 1.
   * @param sent Settles when it is acknowledged or refused.
   */
  async add(line: number, sent: Promise<void>): Promise<void> {
    this.#pending.add(line);
    sent.then(
      () => this.#settle(line),
      (error: Error) => this.#settle(line, error),
    );
    while (this.#pending.size >= this.#window) await this.#progress.promise;
  }

  /**
   * Records a line that can't even be tried.
   *
   * @param line Which line of the input, from 1.
   * @param error Why.
   */
  refuse(line: number, error: Error): void {
    this.#onFailure({ line, error });
  }

  /**
   * Waits until nothing is pending, or nothing has moved for a while.
   *
   * @param milliseconds How long nothing may move.
   * @returns Whether all is settled.
   */
  async drain(milliseconds: number): Promise<boolean> {
    while (this.#pending.size > 0) {
      const { promise, resolve } = Promise.withResolvers<"late">();
      const timer = setTimeout(() => resolve("late"), milliseconds);
      const outcome = await Promise.race([this.#progress.promise, promise]);
      clearTimeout(timer);
      if (outcome === "late") return false;
    }
    return true;
  }

  #settle(line: number, error?: Error): void {
    this.#pending.delete(line);
    if (error === undefined) this.acknowledged++;
    else this.refuse(line, error);
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}
