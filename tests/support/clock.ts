/** A clock that stands still until a test moves it. */

import type { Clock } from "../../lib/timer.ts";

export class TestClock implements Clock {
  #now: number;
  readonly #start: number;
  readonly #due = new Map<() => void, number>();

  constructor(start = Date.UTC(2026, 0, 2, 14, 30)) {
    this.#start = start;
    this.#now = start;
  }

  wall(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const entry = () => callback();
    this.#due.set(entry, this.#now + milliseconds);
    return () => this.#due.delete(entry);
  }

  get nextIn(): number | undefined {
    const times = [...this.#due.values()];
    return times.length === 0 ? undefined : Math.min(...times) - this.#now;
  }

  /**
   * Lets time pass: timers fire in order, and what they start settles between
   * two of them, as far as microtasks and one turn of the event loop do.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await turn();
    for (;;) {
      const [next] = [...this.#due].sort(([, a], [, b]) => a - b);
      if (next === undefined || next[1] > end) break;
      const [callback, at] = next;
      this.#due.delete(callback);
      this.#now = Math.max(this.#now, at);
      callback();
      await turn();
    }
    this.#now = end;
    await turn();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
