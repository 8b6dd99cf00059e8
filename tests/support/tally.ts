/**
 * Numbered lines of one publisher, and the account of them: which a listener
 * has shown, and how many it has told as lost.
 */

import type { Process } from "./processes.ts";

export class Counter {
  readonly #publisher: Process;
  readonly #rest: string;
  said = 0;

  /**
   * Each line has so many characters more after its number.
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

export interface Tally {
  shown: number[];
  doubled: number;
  lost: number;
}

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

/** Waits until the next wait before a reconnect is the first one again. */
export async function becomesStable(): Promise<void> {
  // Twice a first wait of 1 s (lib/mqtt/attempts.ts).
  await new Promise((stable) => setTimeout(stable, 2_100));
}
