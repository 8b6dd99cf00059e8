/**
 * Things that happen while a test waits for them, with a limit on the patience.
 *
 * @module
 */

import { PATIENCE_MS } from "./text_lines.ts";

/** Keeps what happened until it is asked for. */
export class News<T> {
  readonly #what: string;
  /** All of it, in order. */
  readonly all: T[] = [];
  #passed = 0;
  #added = Promise.withResolvers<void>();

  /**
   * Begins empty.
   *
   * @param what What they are, for the error when one doesn't come.
   */
  constructor(what: string) {
    this.#what = what;
  }

  /** Takes note of one. */
  add(item: T): void {
    this.all.push(item);
    this.#added.resolve();
    this.#added = Promise.withResolvers();
  }

  /** The next that matches, among those not passed yet. */
  async next(matches: (item: T) => boolean = () => true): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const all = Deno.inspect(this.all, { iterableLimit: 20 });
      late.reject(new Error(`${matches}: not among the ${this.#what} ${all}`));
    }, PATIENCE_MS);
    try {
      for (;;) {
        while (this.#passed < this.all.length) {
          const item = this.all[this.#passed++];
          if (matches(item)) return item;
        }
        await Promise.race([this.#added.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next so many. */
  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}

/** Waits for something that has to happen soon. */
export async function inTime<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error("It did not happen in time.");
  const timer = setTimeout(() => late.reject(error), PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
