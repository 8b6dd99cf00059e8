/**
 * Writes lines without making the caller wait: one write at a time, with a
 * bounded queue of lines before it; and stdout and stderr as such outputs.
 */

import { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { Progress, within } from "../timer.ts";

/** An output for bytes, such as `Deno.stdout`. */
export interface ByteSink {
  /** Writes some of the bytes; returns how many, at once if it can. */
  write(bytes: Uint8Array): number | Promise<number>;
  /** Whether it is a non-blocking pipe, which takes the lines of a turn at once. */
  readonly isPipe?: boolean;
}

/** A non-blocking output takes all or nothing of so many bytes: POSIX's least PIPE_BUF. */
const WHOLE_BYTES = 512;

/** The same of a pipe of this system. */
const PIPE_BYTES = Deno.build.os === "linux" ? 4096 : WHOLE_BYTES;

/** How much text may wait, in UTF-16 code units: 100,000 lines of 400 characters. */
const MAX_WAITING = 40 * 1024 * 1024;

/** How much is written at a time, in UTF-16 code units. */
const WRITE_LENGTH = 64 * 1024;

/** The first and the longest wait before another try, in milliseconds. */
const RETRY_MS = 1;
const MAX_RETRY_MS = 64;

/**
 * Writes a line at once. Lines that come during a write go out together after
 * it. While the output is blocked, the oldest lines are dropped and counted.
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #queue: LineQueue;
  readonly #render: (lines: string[]) => string;
  readonly #encoder = new TextEncoder();
  readonly #broken = Promise.withResolvers<Error | undefined>();
  readonly #progress = new Progress();
  #nextWrite = Promise.withResolvers<void>();
  #added = 0;
  #written = 0;
  #isStale = false;
  #isBusy = false;
  #isBroken = false;
  /** Whether the output has refused a write: it is non-blocking. */
  #mayRefuse = false;
  #retryMs = RETRY_MS;
  /** {@link added} at the last refusal. */
  #addedBefore = 0;
  #flushed: Promise<void> = Promise.resolve();

  /** `render` makes the text of a write from the lines that it shows. */
  constructor(
    sink: ByteSink,
    onDropped: (count: number) => string | undefined = (count) =>
      `${count} lines dropped`,
    maxWaiting = MAX_WAITING,
    render = (lines: string[]) => lines.join("\n") + "\n",
  ) {
    this.#sink = sink;
    this.#queue = new LineQueue(onDropped, maxWaiting);
    this.#render = render;
  }

  /**
   * Settles when nothing can be written any more: with undefined when the
   * reader has gone, as after `| head -3`; with an error when the disk is full.
   */
  get broken(): Promise<Error | undefined> {
    return this.#broken.promise;
  }

  /** How many lines {@link write} was given. */
  get added(): number {
    return this.#added;
  }

  /** How many of these were written, or dropped. */
  get written(): number {
    return this.#written;
  }

  /** Settles after the next write. */
  get progress(): Promise<void> {
    return this.#progress.next;
  }

  /** Whether so much waits that lines may be dropped soon. */
  get isFull(): boolean {
    return this.#queue.isHalfFull;
  }

  /** Whether there are lines that are not written. */
  get isBehind(): boolean {
    return this.#isBusy;
  }

  /** Writes a line, given without its line break. */
  write(line: string): void {
    this.#added++;
    if (this.#isBroken) return;
    this.#queue.add(line);
    if (this.#isBusy) this.#queue.trim();
    else this.#start();
  }

  /** Writes what `render` makes, even of no lines; settles when it is written. */
  refresh(): Promise<void> {
    const { promise } = this.#nextWrite;
    this.#isStale = true;
    this.#start();
    return promise;
  }

  /**
   * Waits until all is written or the output is broken, as long as some of it
   * is written every so many seconds. Returns whether nothing is left.
   */
  async drained(seconds: number): Promise<boolean> {
    let hasMoved = true;
    while (this.isBehind && hasMoved) {
      hasMoved = false;
      const moved = this.#progress.next.then(() => hasMoved = true);
      await within(seconds, moved);
    }
    return !this.isBehind;
  }

  /** Settles when all is written or the output is broken. */
  flushed(): Promise<void> {
    return this.#flushed;
  }

  #start(): void {
    if (this.#isBusy || this.#isBroken) return;
    this.#isBusy = true;
    this.#flushed = this.#run();
  }

  async #run(): Promise<void> {
    if (this.#sink.isPipe) await endOfTurn();
    while (!this.#isBroken && (this.#isStale || !this.#queue.isEmpty)) {
      const { resolve } = this.#nextWrite;
      this.#nextWrite = Promise.withResolvers();
      this.#isStale = false;
      const text = this.#render(this.#queue.take(WRITE_LENGTH));
      const taken = this.#queue.used;
      await this.#write(this.#encoder.encode(text));
      if (!this.#isBroken) this.#written = taken;
      resolve();
      this.#progress.made();
    }
    this.#isBusy = false;
    this.#progress.made();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let left = bytes;
    while (left.length > 0 && !this.#isBroken) {
      const most = this.#sink.isPipe
        ? PIPE_BYTES
        : this.#mayRefuse
        ? WHOLE_BYTES
        : left.length;
      const part = left.subarray(0, most);
      try {
        const written = this.#sink.write(part);
        // Awaited only where needed: a flood to a pipe is much faster.
        const count = typeof written === "number" ? written : await written;
        left = left.subarray(count);
        this.#retryMs = RETRY_MS;
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) {
          this.#mayRefuse = true;
          await this.#beforeRetry();
        } else this.#break(error as Error);
      }
    }
  }

  /**
   * Waits until a full output may take more. As long as lines come, that is the
   * end of this turn: in a flood Deno finds that a pipe is ready only once in
   * some fifty turns (measured, 2.9), and lines pile up for a waiting reader.
   */
  async #beforeRetry(): Promise<void> {
    if (this.#added > this.#addedBefore) {
      this.#addedBefore = this.#added;
      await endOfTurn();
    } else {
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    }
  }

  #break(error: Error): void {
    const hasReaderLeft = error instanceof Deno.errors.BrokenPipe;
    this.#isBroken = true;
    this.#nextWrite.resolve();
    this.#broken.resolve(hasReaderLeft ? undefined : error);
  }
}

const ANY = /^/;

/** Lines that wait for the output. */
class LineQueue {
  readonly #onDropped: (count: number) => string | undefined;
  readonly #maxWaiting: number;
  #lines: string[] = [];
  /** The index of the oldest line; those before it are used up. */
  #first = 0;
  #dropped = 0;
  #waiting = 0;
  /** How many lines were taken or dropped. */
  used = 0;

  constructor(
    onDropped: (count: number) => string | undefined,
    maxWaiting: number,
  ) {
    this.#onDropped = onDropped;
    this.#maxWaiting = maxWaiting;
  }

  get isHalfFull(): boolean {
    return this.#waiting > this.#maxWaiting / 2;
  }

  get isEmpty(): boolean {
    return this.#first === this.#lines.length && this.#dropped === 0;
  }

  add(line: string): void {
    // To try a pattern makes V8 join the parts of a line, which as a tree of
    // parts would take twice the memory while it waits.
    ANY.test(line);
    this.#lines.push(line);
    this.#waiting += line.length;
  }

  /** Drops the oldest lines until the rest is within the limit. */
  trim(): void {
    while (this.#waiting > this.#maxWaiting) {
      this.#next();
      this.#dropped++;
    }
    this.#forgetUsed();
  }

  /** Takes lines up to a length, at least one; first the line for those dropped. */
  take(limit: number): string[] {
    const line = this.#dropped > 0 ? this.#onDropped(this.#dropped) : undefined;
    const lines = line === undefined ? [] : [line];
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
    this.used++;
    return line;
  }

  /** Frees used slots in batches: to shift them one by one is quadratic. */
  #forgetUsed(): void {
    if (this.#first <= this.#lines.length / 2) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Settles after all other events of this turn of the event loop. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/**
 * Opens stdout. A pipe is made non-blocking, so that a slow reader doesn't stop
 * the connection, and written at once, in parts that it takes or refuses as a
 * whole: of a larger part Deno may write some, and fail without saying how much
 * (measured, 2.9). A socket may do that with any part; it gets `Deno.stdout`,
 * as files and terminals do.
 */
export async function openStdout(): Promise<ByteSink> {
  const { stdout, build } = Deno;
  if (stdout.isTerminal() || build.os === "windows") return stdout;
  // Loaded here: it takes 5 ms (measured).
  const { fstatSync } = await import("node:fs");
  if (!fstatSync(1).isFIFO()) return stdout;
  makeNonBlocking(1);
  return { write: (bytes) => stdout.writeSync(bytes), isPipe: true };
}

/**
 * Opens stderr, which stays blocking, as the programs that share it expect.
 * Each write is so small that a non-blocking pipe takes or refuses all of it.
 */
export function openStderr(): ByteSink {
  return {
    write: (bytes) => Deno.stderr.write(bytes.subarray(0, WHOLE_BYTES)),
  };
}

/** Makes a pipe non-blocking until the end: the next program expects it as it was. */
function makeNonBlocking(fd: number): void {
  const socket = new Socket({ fd, readable: false, writable: true });
  const { _handle: handle } = socket as unknown as {
    _handle?: { setBlocking?: (isBlocking: boolean) => void };
  };
  addEventListener("unload", () => handle?.setBlocking?.(true));
}
