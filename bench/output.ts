/**
 * A listener's output as a reader of the pipe sees it: how many lines, and
 * when a text has come. Effects.
 *
 * @module
 */

import type { Running } from "./processes.ts";

/** How much of the end of the output is searched, in bytes. */
const TAIL_BYTES = 2_048;

/** A read that brings less than this may be followed by a pause. */
const SMALL_READ_BYTES = 16_384;

/** How long the pause is, in milliseconds. */
const PAUSE_MS = 1;

/** How long to wait for a text, in milliseconds. */
const PATIENCE_MS = 120_000;

const NEWLINE = 0x0a;

/** Reads a listener's output. */
export class Output {
  readonly #process: Running;
  readonly #decoder = new TextDecoder();
  readonly #isPaced: boolean;
  #tail = "";
  #lines = 0;
  #hasEnded = false;
  #news = Promise.withResolvers<void>();

  /**
   * Begins to read.
   *
   * @param process The listener, started with output.
   * @param isPaced Whether to pause for a millisecond after a small read, so
   * that a program that writes each line by itself is not slowed by its reader
   * on a machine with few processors. Not where latency is measured.
   */
  constructor(process: Running, isPaced: boolean) {
    this.#process = process;
    this.#isPaced = isPaced;
    // Only an end can come out of it, which a waiter is told.
    this.#read().catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#news.resolve();
    });
  }

  /** How many lines have come since the last {@link Output.reset}. */
  get lines(): number {
    return this.#lines;
  }

  /** Whether a text is in the last 2 KiB that have come. */
  endsWith(text: string): boolean {
    return this.#tail.includes(text);
  }

  /** Counts the lines from here on, and forgets what has come. */
  reset(): void {
    this.#lines = 0;
    this.#tail = "";
  }

  /**
   * Waits until a text is in the last 2 KiB that have come.
   *
   * @param text The text.
   * @throws {ProcessError} When the listener ends before, or nothing comes for
   * two minutes.
   */
  async until(text: string): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#news.resolve();
    }, PATIENCE_MS);
    while (!this.#tail.includes(text)) {
      if (this.#hasEnded || isLate) {
        clearTimeout(timer);
        throw this.#process.error(
          `${this.#lines} lines came, but not ${JSON.stringify(text)}`,
        );
      }
      await this.#news.promise;
    }
    clearTimeout(timer);
  }

  async #read(): Promise<void> {
    for await (const bytes of this.#process.output) {
      this.#take(bytes);
      if (this.#isPaced && bytes.length < SMALL_READ_BYTES) {
        await new Promise((goOn) => setTimeout(goOn, PAUSE_MS));
      }
    }
  }

  #take(bytes: Uint8Array): void {
    let at = bytes.indexOf(NEWLINE);
    while (at !== -1) {
      this.#lines++;
      at = bytes.indexOf(NEWLINE, at + 1);
    }
    // What a cut through a character spoils is not searched for.
    const end = this.#decoder.decode(bytes.subarray(-TAIL_BYTES));
    this.#tail = (this.#tail + end).slice(-TAIL_BYTES);
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }
}
