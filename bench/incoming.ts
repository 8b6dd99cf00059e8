/**
 * A stream of bytes that somebody waits for.
 *
 * @module
 */

import { Progress, within } from "../lib/timer.ts";

/** A read that brings less than this is followed by a pause, if at all. */
const SMALL_READ_BYTES = 16_384;
const PAUSE_MS = 1;

export class Incoming {
  readonly #progress = new Progress();
  #reads = 0;
  #hasEnded = false;

  /**
   * Reads a stream to its end, and gives `take` all that comes. Paced, it
   * pauses after a small read: else a program that writes line by line would
   * share its processor with its reader.
   */
  constructor(
    stream: ReadableStream<Uint8Array>,
    take: (bytes: Uint8Array) => void,
    isPaced = false,
  ) {
    const read = async () => {
      for await (const bytes of stream) {
        take(bytes);
        this.#reads++;
        this.#progress.made();
        if (!isPaced || bytes.length >= SMALL_READ_BYTES) continue;
        await new Promise((goOn) => setTimeout(goOn, PAUSE_MS));
      }
    };
    // Only the stream's end comes out of it, which a waiter is told.
    read().catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#progress.made();
    });
  }

  /** Until something is so, or so many seconds bring nothing; is it so then? */
  async until(isSo: () => boolean, silence: number): Promise<boolean> {
    let reads = NaN;
    while (!isSo() && !this.#hasEnded && reads !== this.#reads) {
      reads = this.#reads;
      await within(silence, this.#progress.next);
    }
    return isSo();
  }
}
