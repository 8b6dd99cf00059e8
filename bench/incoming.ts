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
  #bytes = 0;
  #hasEnded = false;

  /**
   * Reads a stream to its end.
   *
   * @param stream What is read.
   * @param take Is given all that comes.
   * @param isPaced Whether to pause after a small read: else a program that
   *   writes line by line would share its processor with its reader.
   */
  constructor(
    stream: ReadableStream<Uint8Array>,
    take: (bytes: Uint8Array) => void,
    isPaced = false,
  ) {
    const read = async () => {
      for await (const bytes of stream) {
        this.#bytes += bytes.length;
        take(bytes);
        this.#progress.made();
        if (isPaced && bytes.length < SMALL_READ_BYTES) {
          await new Promise((goOn) => setTimeout(goOn, PAUSE_MS));
        }
      }
    };
    // Only the stream's end comes out of it, which a waiter is told.
    read().catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#progress.made();
    });
  }

  /**
   * Waits until something is so, or nothing has come for so many seconds; tells
   * whether it is so.
   */
  async until(isSo: () => boolean, silence: number): Promise<boolean> {
    while (!isSo()) {
      const before = this.#bytes;
      if (!this.#hasEnded) await within(silence, this.#progress.next);
      if (this.#bytes === before) break;
    }
    return isSo();
  }
}
