/** Randomness that is the same in each run, for tests of many cases. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    // Mulberry32, by Tommy Ettinger.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  one<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)];
  }

  /** Whether something happens that does so with a probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }
}
