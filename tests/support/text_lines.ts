/**
 * A process's output, line by line.
 *
 * @module
 */

import { Progress } from "../../lib/timer.ts";
import { inTime } from "./patience.ts";

/** Reads the lines of a stream as they come. */
export class TextLineReader {
  readonly #name: string;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #ended: Promise<void>;
  readonly #progress = new Progress();
  #text = "";
  #position = 0;
  #isEnded = false;

  constructor(stream: ReadableStream<Uint8Array>, name: string) {
    this.#name = name;
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#ended = this.#read();
  }

  /** The next line that matches, among those not passed yet. */
  async line(pattern: RegExp, patience?: number): Promise<string> {
    const missing = () =>
      `No line like ${pattern} in the ${this.#name}, but:\n${this.#text}`;
    const line = await inTime(this.#find(pattern), missing, patience);
    if (line === undefined) throw new Error(missing());
    return line;
  }

  /** Everything so far. */
  get soFar(): string {
    return this.#text;
  }

  /** Everything, once the stream has ended. */
  async all(): Promise<string> {
    await this.#ended;
    return this.#text;
  }

  /** Closes the stream, so that the process can write no more. */
  async hangUp(): Promise<void> {
    await this.#reader.cancel();
  }

  /** The next line that matches; undefined when the stream ends without. */
  async #find(pattern: RegExp): Promise<string | undefined> {
    for (;;) {
      const line = this.#nextLine();
      if (line !== undefined && pattern.test(line)) return line;
      if (line !== undefined) continue;
      if (this.#isEnded) return undefined;
      await this.#progress.next;
    }
  }

  #nextLine(): string | undefined {
    const end = this.#text.indexOf("\n", this.#position);
    if (end === -1) return undefined;
    const line = this.#text.slice(this.#position, end);
    this.#position = end + 1;
    return line;
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#text += value;
      this.#progress.made();
    }
    this.#isEnded = true;
    this.#progress.made();
  }
}
