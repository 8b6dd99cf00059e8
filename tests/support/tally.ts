/**
 * Numbered lines of one publisher, and the account of them: which a listener
 * has shown, and how many it has told as lost.
 *
 * @module
 */

import type { Process } from "./processes.ts";

/** Somebody who says `n 1`, `n 2` and so on. */
export class Counter {
  readonly #publisher: Process;
  readonly #rest: string;
  /** How many lines were said. */
  said = 0;

  /**
   * @param publisher Who says them.
   * @param more How many characters each line has after its number.
   */
  constructor(publisher: Process, more = 0) {
    this.#publisher = publisher;
    this.#rest = more > 0 ? ` ${"x".repeat(more - 1)}` : "";
  }

  /** Says the next lines, up to a number. */
  async sayUpTo(number: number): Promise<void> {
    let text = "";
    while (this.said < number) text += `n ${++this.said}${this.#rest}\n`;
    await this.#publisher.write(text);
  }
}

/** What became of numbered lines at a listener. */
export interface Tally {
  /** The numbers it has shown, as they came. */
  shown: number[];
  /** How many it showed more than once. */
  doubled: number;
  /** How many it told as lost. */
  lost: number;
}

/** Reads what a listener has written. */
export function tally(stdout: string): Tally {
  const shown = [...stdout.matchAll(/ chat: n (\d+)(?= x*$|$)/gm)]
    .map(([, n]) => Number(n));
  const losses = stdout.matchAll(
    / == ([\d,]+) messages? of chat did not arrive\.$/gm,
  );
  const lost = [...losses]
    .reduce((sum, [, count]) => sum + Number(count.replaceAll(",", "")), 0);
  return { shown, doubled: shown.length - new Set(shown).size, lost };
}
