/**
 * Which numbers of one session have come, and which are missing. Pure state,
 * bounded. Times are in milliseconds.
 *
 * @module
 */

/** How long a number may be late, for NATS, which sends again out of order. */
const LATE_MS = 3_000;

/**
 * How many holes are remembered. None of the last 500 numbers, as many as a
 * history has messages, is then in doubt; nor of those that a broker may send
 * again.
 */
const MAX_HOLES = 256;

/** Numbers that have not come, while later ones have. */
interface Hole {
  first: number;
  /** One above the last. */
  end: number;
  /** When something later came. */
  since: number;
}

/** The numbers of one session. */
export class SessionNumbers {
  /** The lowest that came, as far as is remembered. */
  #low: number;
  /** One above the highest that came. */
  #end: number;
  /** What is missing in between, in order. */
  readonly #holes: Hole[] = [];
  /** Holes that begin below this are not to be told, or not again. */
  #told = 0;
  /** One above the highest that came live; 0 before any did. */
  #live = 0;
  /** How many are missing in holes that were forgotten before they were told. */
  #owed = 0;
  #owedSince = 0;
  #hasTold = false;
  /** Whether a number ever came live right after the one before it. */
  #isCounted = false;

  /** Makes one without any; the first to be added must be this one. */
  constructor(first: number) {
    this.#low = first;
    this.#end = first;
  }

  /** Whether something is missing that was not told. */
  get isOpen(): boolean {
    const last = this.#holes.at(-1);
    return last !== undefined && last.first >= this.#told || this.#owed > 0;
  }

  /** How far a number is above all that came. */
  leap(number: number): number {
    return number - this.#end;
  }

  /**
   * Takes note of a number.
   *
   * @param isLive Whether it was said to whoever was in the room. What lies
   * between two of these was said to them too.
   * @returns Whether it is new.
   */
  add(number: number, now: number, isLive: boolean): boolean {
    if (isLive) this.#goLive(number, now);
    if (number === this.#end) {
      this.#end++;
      return true;
    }
    if (number >= this.#low && number < this.#end) return this.#fill(number);
    if (number > this.#end) {
      this.#holes.push({ first: this.#end, end: number, since: now });
      this.#end = number + 1;
    } else {
      if (number + 1 < this.#low) {
        this.#holes.unshift({ first: number + 1, end: this.#low, since: now });
      }
      this.#low = number;
    }
    if (this.#holes.length > MAX_HOLES) this.#forgetOldest();
    return true;
  }

  /** How long until something is to be told; undefined: nothing is. */
  wait(now: number): number | undefined {
    const since = this.#missingSince();
    return since === undefined ? undefined : waitFrom(since, now);
  }

  /**
   * How many have been missing for long enough; each is told once.
   *
   * @param now The time; without it, all that are missing.
   */
  take(now?: number): number {
    const isDue = (since: number) =>
      now === undefined || waitFrom(since, now) === 0;
    const oldest = this.#missingSince();
    if (oldest === undefined || !isDue(oldest)) return 0;
    let count = this.#owed;
    this.#owed = 0;
    for (const { first, end, since } of this.#holes) {
      if (first < this.#told) continue;
      if (first >= this.#live || !isDue(since)) break;
      count += end - first;
      this.#told = end;
    }
    this.#hasTold = true;
    return count;
  }

  /** A number came live: what is missing below is missing from now on. */
  #goLive(number: number, now: number): void {
    if (number < this.#live) return;
    if (number === this.#live) {
      this.#isCounted = true;
    } else if (this.#live === 0) {
      // What is missing until here was said before anybody listened.
      this.#told = Math.max(number, this.#end);
    } else {
      for (let i = this.#holes.length - 1; i >= 0; i--) {
        if (this.#holes[i].first < this.#live) break;
        this.#holes[i].since = now;
      }
    }
    this.#live = number + 1;
  }

  /** Takes note of a number between those that came. */
  #fill(number: number): boolean {
    const holes = this.#holes;
    let index = holes.length - 1;
    while (index >= 0 && holes[index].first > number) index--;
    if (index < 0 || holes[index].end <= number) return false;
    const { first, end, since } = holes[index];
    const parts = [{ first, end: number, since }, {
      first: number + 1,
      end,
      since,
    }].filter(({ first, end }) => first < end);
    holes.splice(index, 1, ...parts);
    if (holes.length > MAX_HOLES) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    const [{ first, end, since }] = this.#holes.splice(0, 1);
    if (first >= this.#told && first < this.#live) {
      if (this.#owed === 0) this.#owedSince = since;
      this.#owed += end - first;
    }
    this.#low = end;
    this.#told = Math.max(this.#told, end);
  }

  /** Since when the oldest that is to be told is missing. */
  #missingSince(): number | undefined {
    // Who never sends two numbers in a row may not count at all: told once.
    if (!this.isOpen || (this.#hasTold && !this.#isCounted)) return undefined;
    if (this.#owed > 0) return this.#owedSince;
    const hole = this.#holes.find(({ first }) => first >= this.#told);
    return hole && hole.first < this.#live ? hole.since : undefined;
  }
}

/** How long until something that is missing since then is to be told. */
function waitFrom(since: number, now: number): number {
  // A clock that was set back would hold it until it caught up.
  return now < since ? 0 : Math.max(0, since + LATE_MS - now);
}
