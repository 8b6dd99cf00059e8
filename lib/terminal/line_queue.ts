/**
 * Lines that wait for a slow output: a bounded queue that drops the oldest and
 * counts them. Pure state.
 *
 * @module
 */

/** How much text may wait, in UTF-16 code units. */
const MAX_WAITING = 8 * 1024 * 1024;

/** What is taken from the queue at a time. */
export interface TakenLines {
  /** How many lines were dropped before these. */
  dropped: number;
  /** The lines, in order. */
  lines: string[];
}

/** Lines that wait. */
export class LineQueue {
  readonly #maxWaiting: number;
  #lines: string[] = [];
  /** How many slots at the start of them are used up. */
  #first = 0;
  #dropped = 0;
  #waiting = 0;

  /**
   * Makes an empty one.
   *
   * @param maxWaiting How much text may wait, in UTF-16 code units.
   */
  constructor(maxWaiting: number = MAX_WAITING) {
    this.#maxWaiting = maxWaiting;
  }

  /** Whether there is nothing to take. */
  get isEmpty(): boolean {
    return this.#first === this.#lines.length && this.#dropped === 0;
  }

  /**
   * Takes a line in.
   *
   * @param line The line.
   */
  add(line: string): void {
    this.#lines.push(line);
    this.#waiting += line.length;
  }

  /** Drops the oldest lines until what waits is within the limit. */
  trim(): void {
    while (this.#waiting > this.#maxWaiting) {
      this.#next();
      this.#dropped++;
    }
    this.#forgetUsed();
  }

  /**
   * Takes lines out.
   *
   * @param limit Stop after this much text, in UTF-16 code units; one line is
   * taken however long it is.
   * @returns The lines, and how many were dropped before them.
   */
  take(limit = Infinity): TakenLines {
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (limit >= this.#waiting && this.#first === 0) {
      const lines = this.#lines;
      this.#lines = [];
      this.#waiting = 0;
      return { dropped, lines };
    }
    const lines: string[] = [];
    for (let size = 0; size < limit && this.#first < this.#lines.length;) {
      const line = this.#next();
      size += line.length;
      lines.push(line);
    }
    this.#forgetUsed();
    return { dropped, lines };
  }

  #next(): string {
    const line = this.#lines[this.#first];
    this.#lines[this.#first++] = "";
    this.#waiting -= line.length;
    return line;
  }

  /** Gives their slots back, in batches: they too would add up for ever. */
  #forgetUsed(): void {
    if (this.#first <= this.#lines.length / 2) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }
}
