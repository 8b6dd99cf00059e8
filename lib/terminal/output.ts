/**
 * Text → an output that takes its time: one write after the other, each with
 * all there is to write by then.
 *
 * @module
 */

/** Where bytes go, as `Deno.stdout` takes them. */
export interface ByteSink {
  /** Writes some of the bytes; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes what it is given, as long as there is more. */
export class Pump {
  readonly #sink: ByteSink;
  readonly #next: () => string | undefined;
  readonly #encoder = new TextEncoder();
  readonly #broken = Promise.withResolvers<Error | undefined>();
  #isBusy = false;
  #isBroken = false;
  #written: Promise<void> = Promise.resolve();

  /**
   * Makes one; nothing is written yet.
   *
   * @param sink Where the text goes.
   * @param next Gives what to write next, or undefined when there is nothing;
   * called when what it gave before is written.
   */
  constructor(sink: ByteSink, next: () => string | undefined) {
    this.#sink = sink;
    this.#next = next;
  }

  /** Whether something is not written yet. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether nothing can be written any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * Settles when nothing can be written any more: with nothing when the reader
   * has gone, as after `| head -3`; with an error when the disk is full.
   */
  get broken(): Promise<Error | undefined> {
    return this.#broken.promise;
  }

  /** There is something to write. */
  start(): void {
    if (this.#isBusy || this.#isBroken) return;
    this.#isBusy = true;
    this.#written = this.#run();
  }

  /**
   * Waits for what there is to write.
   *
   * @returns When it is written, or can't be any more.
   */
  async flushed(): Promise<void> {
    await this.#written;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isBroken) {
        const text = this.#next();
        if (text === undefined) return;
        await this.#write(this.#encoder.encode(text));
      }
    } finally {
      this.#isBusy = false;
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      let left = bytes;
      while (left.length > 0) {
        left = left.subarray(await this.#sink.write(left));
      }
    } catch (error) {
      this.#isBroken = true;
      const hasLeft = error instanceof Deno.errors.BrokenPipe;
      this.#broken.resolve(hasLeft ? undefined : error as Error);
    }
  }
}
