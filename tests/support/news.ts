/** Things that happen while a test waits for them. */

import { Progress } from "../../lib/timer.ts";
import { inTime } from "./patience.ts";

export class News<T> {
  readonly all: T[] = [];
  #passed = 0;
  readonly #progress = new Progress();

  /** Says what they are, for the error when one doesn't come. */
  constructor(private readonly what: string) {}

  add(item: T): void {
    this.all.push(item);
    this.#progress.made();
  }

  async next(matches: (item: T) => boolean = () => true): Promise<T> {
    return (await this.until(matches)).at(-1)!;
  }

  /** All not passed yet, up to one that matches. */
  async until(matches: (item: T) => boolean): Promise<T[]> {
    return await inTime(this.#until(matches), () => {
      const all = Deno.inspect(this.all, { iterableLimit: 20 });
      return `${matches}: not among the ${this.what} ${all}`;
    });
  }

  async #until(matches: (item: T) => boolean): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      while (this.#passed < this.all.length) {
        const item = this.all[this.#passed++];
        items.push(item);
        if (matches(item)) return items;
      }
      await this.#progress.next;
    }
  }

  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}
