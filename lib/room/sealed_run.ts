/**
 * Sealed payloads that come one after the other, to a reader without the
 * secret: they are told in one line, and this says when it is due. Pure state;
 * whoever uses it has the clock and the timer.
 *
 * @module
 */

/** What is told of a run. */
export interface Run {
  count: number;
  /** The room; undefined where they came in several. */
  topic?: string;
}

/** After this long without another, in milliseconds, they are told. */
const PAUSE_MS = 1_000;

/** The longest that the first is held back for the others, in milliseconds. */
const MAX_WAIT_MS = 60_000;

/** The longest pause between two lines of one run, in milliseconds. */
const MAX_PATIENCE_MS = 3_600_000;

/** A run of sealed payloads. Times are in milliseconds, all by one clock. */
export class SealedRun {
  #held?: Run & { first: number; last: number };
  /** Each line of a run that goes on has the next wait for twice as long. */
  #patience = PAUSE_MS;

  /**
   * Takes one.
   *
   * @returns Whether it begins a line; if not, it is counted in one that is due.
   */
  add(topic: string, now: number): boolean {
    const held = this.#held;
    if (held === undefined) {
      this.#held = { count: 1, topic, first: now, last: now };
      return true;
    }
    held.count++;
    held.last = now;
    if (held.topic !== topic) held.topic = undefined;
    return false;
  }

  /** How long until the line is due; undefined where nothing is held back. */
  wait(now: number): number | undefined {
    if (this.#held === undefined) return undefined;
    const { first, last } = this.#held;
    // A clock that was set back would hold it until it caught up.
    if (now < last) return 0;
    const earliest = first + this.#patience;
    const due = Math.min(
      Math.max(earliest, last + PAUSE_MS),
      earliest + MAX_WAIT_MS,
    );
    return Math.max(0, due - now);
  }

  /** Hands over what is held back; the run may go on. */
  take(): Run | undefined {
    if (this.#held === undefined) return undefined;
    const { count, topic } = this.#held;
    this.#held = undefined;
    this.#patience = Math.min(2 * this.#patience, MAX_PATIENCE_MS);
    return { count, topic };
  }

  /** Something else is shown: what comes from now on is another run. */
  end(): Run | undefined {
    const run = this.take();
    this.#patience = PAUSE_MS;
    return run;
  }
}
