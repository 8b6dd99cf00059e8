/**
 * Text → an output that takes its time: one write after the other, each with
 * all there is to write by then, and a bounded queue of lines in front of it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { Progress, within } from "../timer.ts";

/** Where bytes go, as `Deno.stdout` takes them. */
export interface ByteSink {
  /** Writes some of the bytes; returns how many, at once if it can. */
  write(bytes: Uint8Array): number | Promise<number>;
  /** Whether a write is dear enough to wait for all that comes in a turn. */
  readonly gathers?: boolean;
  /** Settles when it breaks, for one that may say so after the write. */
  readonly failed?: Promise<Error>;
}

/**
 * How many bytes a pipe takes or refuses as a whole, where others have set it
 * not to block: POSIX's least PIPE_BUF.
 */
export const WHOLE_BYTES = 512;

/**
 * How much text may wait: 100,000 lines of 400 characters, so that
 * no reader who is merely slow loses one.
 */
const MAX_WAITING = 40 * 1024 * 1024;

/** How much is written at a time, in UTF-16 code units, so that it is seen. */
export const WRITE_LENGTH = 64 * 1024;

/** How long to wait for an output that refused, in milliseconds. */
const RETRY_MS = 10;

/**
 * Writes lines without making the caller wait. A line is written at once; the
 * lines that come while a write is under way go out together after it, so
 * that a flood costs few writes and a single message no delay. Where the
 * output is blocked, the oldest lines that wait are dropped and counted.
 */
export class LineWriter {
  readonly #queue: LineQueue;
  readonly #pump: Pump;

  /**
   * Makes a writer.
   *
   * @param sink Where the lines go.
   * @param onDropped Makes the line to write in place of those dropped.
   * @param maxWaiting How much text may wait, in UTF-16 code units; 42
   * million if none is given.
   */
  constructor(
    sink: ByteSink,
    onDropped: (count: number) => string = (count) => `${count} lines dropped`,
    maxWaiting?: number,
  ) {
    const queue = new LineQueue(onDropped, maxWaiting);
    this.#queue = queue;
    this.#pump = new Pump(
      sink,
      () =>
        queue.isEmpty ? undefined : queue.take(WRITE_LENGTH).join("\n") + "\n",
    );
  }

  /**
   * Settles when nothing can be written any more: with nothing when the reader
   * has gone, as after `| head -3`; with an error when the disk is full.
   */
  get broken(): Promise<Error | undefined> {
    return this.#pump.broken;
  }

  /** Whether there are lines that are not written. */
  get isBehind(): boolean {
    return this.#pump.isBusy;
  }

  /**
   * Takes one line.
   *
   * @param line The text, without a newline.
   */
  write(line: string): void {
    this.#pump.feed(this.#queue, line);
  }

  /**
   * Waits for what was taken, as long as some of it is being written.
   *
   * @param seconds How long nothing may move.
   * @returns Whether all is written, or can't be any more.
   */
  async drained(seconds: number): Promise<boolean> {
    let hasMoved = true;
    while (this.isBehind && hasMoved) {
      hasMoved = false;
      const moved = this.#pump.progress.next.then(() => hasMoved = true);
      await within(seconds, moved);
    }
    return !this.isBehind;
  }

  /**
   * Waits for what was taken.
   *
   * @returns When it is written, or can't be any more.
   */
  flushed(): Promise<void> {
    return this.#pump.flushed();
  }
}

/** Writes what it is given, as long as there is more. */
export class Pump {
  readonly #sink: ByteSink;
  readonly #next: () => string | undefined;
  readonly #encoder = new TextEncoder();
  readonly #broken = Promise.withResolvers<Error | undefined>();
  /** Made when something is written. */
  readonly progress = new Progress();
  #isBusy = false;
  #isBroken = false;
  /** Whether others have set the output not to block. */
  #mayRefuse = false;
  #written: Promise<void> = Promise.resolve();

  /**
   * Makes one that is at rest.
   *
   * @param sink Where the text goes.
   * @param next Gives what to write next, or undefined when there is nothing;
   * called when what it gave before is written.
   */
  constructor(sink: ByteSink, next: () => string | undefined) {
    this.#sink = sink;
    this.#next = next;
    sink.failed?.then((error) => this.#break(error));
  }

  /** Whether something is not written yet. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** As {@link LineWriter.broken}. */
  get broken(): Promise<Error | undefined> {
    return this.#broken.promise;
  }

  /** Takes a line into the queue that what it writes comes from. */
  feed(queue: LineQueue, line: string): void {
    if (this.#isBroken) return;
    queue.add(line);
    if (this.#isBusy) queue.trim();
    else this.start();
  }

  /** Asks for the next text, unless a write is under way and will. */
  start(): void {
    if (this.#isBusy || this.#isBroken) return;
    this.#isBusy = true;
    this.#written = this.#run();
  }

  /** Settles when all there is to write is written, or can't be any more. */
  flushed(): Promise<void> {
    return this.#written;
  }

  async #run(): Promise<void> {
    try {
      if (this.#sink.gathers) await endOfTurn();
      while (!this.#isBroken) {
        const text = this.#next();
        if (text === undefined) return;
        await this.#write(this.#encoder.encode(text));
        this.progress.made();
      }
    } finally {
      this.#isBusy = false;
      this.progress.made();
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let left = bytes;
    while (left.length > 0 && !this.#isBroken) {
      try {
        const part = this.#mayRefuse ? left.subarray(0, WHOLE_BYTES) : left;
        const written = this.#sink.write(part);
        left = left.subarray(
          typeof written === "number" ? written : await written,
        );
      } catch (error) {
        await this.#handle(error as Error);
      }
    }
  }

  /** Waits where the output takes more later; else there is no later. */
  async #handle(error: Error): Promise<void> {
    if (!(error instanceof Deno.errors.WouldBlock)) return this.#break(error);
    this.#mayRefuse = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }

  #break(error: Error & { code?: string }): void {
    const hasLeft = error instanceof Deno.errors.BrokenPipe ||
      error.code === "EPIPE";
    this.#isBroken = true;
    this.#broken.resolve(hasLeft ? undefined : error);
  }
}

/** Lines that wait for a slow output; the oldest are dropped and counted. */
export class LineQueue {
  readonly #onDropped: (count: number) => string;
  readonly #maxWaiting: number;
  #lines: string[] = [];
  /** How many slots at the start of them are used up. */
  #first = 0;
  #dropped = 0;
  #waiting = 0;

  /**
   * Makes an empty one.
   *
   * @param onDropped Makes the line that stands in place of those dropped.
   * @param maxWaiting How much text may wait, in UTF-16 code units.
   */
  constructor(
    onDropped: (count: number) => string,
    maxWaiting = MAX_WAITING,
  ) {
    this.#onDropped = onDropped;
    this.#maxWaiting = maxWaiting;
  }

  /** Whether there is nothing to take. */
  get isEmpty(): boolean {
    return this.#first === this.#lines.length && this.#dropped === 0;
  }

  /** Takes a line in, whatever waits already. */
  add(line: string): void {
    this.#lines.push(line);
    this.#waiting += line.length;
  }

  /** Drops the oldest lines until what waits is within the limit. */
  trim(): void {
    while (this.#waiting > this.#maxWaiting) {
      this.#next();
      this.#dropped++;
    }
    this.#forgetUsed();
  }

  /**
   * Takes lines out.
   *
   * @param limit Stop after this much text, in UTF-16 code units; one line is
   * taken however long it is.
   * @returns The lines, in order.
   */
  take(limit = Infinity): string[] {
    const lines = this.#dropped > 0 ? [this.#onDropped(this.#dropped)] : [];
    this.#dropped = 0;
    for (let size = 0; size < limit && this.#first < this.#lines.length;) {
      const line = this.#next();
      size += line.length;
      lines.push(line);
    }
    this.#forgetUsed();
    return lines;
  }

  #next(): string {
    const line = this.#lines[this.#first];
    this.#lines[this.#first++] = "";
    this.#waiting -= line.length;
    return line;
  }

  /** Gives their slots back, in batches: they too would add up for ever. */
  #forgetUsed(): void {
    if (this.#first <= this.#lines.length / 2) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Settles when all that happens in this turn of the event loop has happened. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}
