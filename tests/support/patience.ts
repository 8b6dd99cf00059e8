/** Waiting for what happens, which ends in an error where it doesn't. */

import { Progress } from "../../lib/timer.ts";

/** A failure limit: on a loaded machine a script takes many seconds to start. */
export const PATIENCE_MS = 60_000;

/** Waits for a promise; after `patience` milliseconds throws what `late` says. */
export async function inTime<T>(
  promise: Promise<T>,
  late = () => "It did not happen in time.",
  patience = PATIENCE_MS,
): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(late())), patience);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again; tells whether it became true in time. */
export async function becomesTrue(
  isTrue: () => boolean | Promise<boolean>,
  patience = PATIENCE_MS,
): Promise<boolean> {
  const deadline = performance.now() + patience;
  while (!await isTrue()) {
    if (performance.now() > deadline) return false;
    await new Promise((again) => setTimeout(again, 50));
  }
  return true;
}

/** Registers tests of a subject that fail where they would wait for ever. */
export const timedTests =
  (subject: string) => (name: string, body: () => Promise<void>): void =>
    Deno.test(`${subject}: ${name}`, () => inTime(body()));

/** Which of the things that happen a test waits for. */
type Wanted<T> = RegExp | ((item: T) => boolean);

/** Things that happen while a test waits for them. */
export class News<T> {
  readonly all: T[] = [];
  #passed = 0;
  #hasEnded = false;
  readonly #progress = new Progress();

  /** Says what they are, for the error when one doesn't come. */
  constructor(private readonly what: string) {}

  add(item: T): void {
    this.all.push(item);
    this.#progress.made();
  }

  /** Nothing comes any more: what is waited for now is missing. */
  end(): void {
    this.#hasEnded = true;
    this.#progress.made();
  }

  async next(wanted?: Wanted<T>, patience?: number): Promise<T> {
    return (await this.until(wanted, patience)).at(-1)!;
  }

  /** All not passed yet, up to one that is wanted. */
  async until(
    wanted: Wanted<T> = () => true,
    patience?: number,
  ): Promise<T[]> {
    const missing = () => {
      const newest = Deno.inspect(this.all.slice(-20), {
        strAbbreviateSize: 500,
      });
      return `${wanted}: not among the ${this.what} ${newest}`;
    };
    return await inTime(this.#until(wanted, missing), missing, patience);
  }

  async #until(wanted: Wanted<T>, missing: () => string): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      while (this.#passed < this.all.length) {
        const item = this.all[this.#passed++];
        items.push(item);
        const isWanted = typeof wanted === "function"
          ? wanted(item)
          : wanted.test(`${item}`);
        if (isWanted) return items;
      }
      if (this.#hasEnded) throw new Error(missing());
      await this.#progress.next;
    }
  }

  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}
