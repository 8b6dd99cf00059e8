/**
 * A process's output, line by line, with a limit on the patience.
 *
 * @module
 */

/** How long a test waits for something that should come at once. */
export const PATIENCE_MS = 20_000;

/** Reads the lines of a stream as they come. */
export class TextLineReader {
  readonly #name: string;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #ended: Promise<void>;
  #text = "";
  #position = 0;
  #isEnded = false;
  #news = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>, name: string) {
    this.#name = name;
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#ended = this.#read();
  }

  /** The next line that matches, among those not passed yet. */
  async line(pattern: RegExp, patience = PATIENCE_MS): Promise<string> {
    const deadline = performance.now() + patience;
    for (;;) {
      const line = this.#nextLine();
      if (line !== undefined && pattern.test(line)) return line;
      if (line !== undefined) continue;
      const left = deadline - performance.now();
      if (this.#isEnded || left <= 0 || !await this.#waitForNews(left)) {
        throw new Error(
          `No line like ${pattern} in the ${this.#name}, but:\n${this.#text}`,
        );
      }
    }
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

  /** Reads no more: whoever writes has nobody to write to. */
  async hangUp(): Promise<void> {
    await this.#reader.cancel();
  }

  #nextLine(): string | undefined {
    const end = this.#text.indexOf("\n", this.#position);
    if (end === -1) return undefined;
    const line = this.#text.slice(this.#position, end);
    this.#position = end + 1;
    return line;
  }

  async #waitForNews(milliseconds: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), milliseconds);
    const hasNews = await Promise.race([
      this.#news.promise.then(() => true),
      promise,
    ]);
    clearTimeout(timer);
    return hasNews;
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#text += value;
      this.#wake();
    }
    this.#isEnded = true;
    this.#wake();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
