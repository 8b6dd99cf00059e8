/**
 * What happens between the program and its terminal or pipes: lines written in
 * batches, signals, the end. Effects only; what is written comes from elsewhere.
 *
 * @module
 */

import { LineQueue } from "./line_queue.ts";
import { type ByteSink, Pump } from "./output.ts";

/**
 * Writes lines without making the caller wait. A line is written at once; the
 * lines that come while a write is under way go out together after it, so
 * that a flood costs few writes and a single message no delay. Where the
 * output is blocked, the oldest lines that wait are dropped and counted.
 */
export class LineWriter {
  readonly #onDropped: (count: number) => string;
  readonly #queue: LineQueue;
  readonly #pump: Pump;

  /**
   * Makes a writer.
   *
   * @param sink Where the lines go.
   * @param onDropped Makes the line to write in place of those dropped.
   * @param maxWaiting How much text may wait, in UTF-16 code units.
   */
  constructor(
    sink: ByteSink,
    onDropped: (count: number) => string = (count) => `${count} lines dropped`,
    maxWaiting?: number,
  ) {
    this.#onDropped = onDropped;
    this.#queue = new LineQueue(maxWaiting);
    this.#pump = new Pump(sink, () => this.#takeWaiting());
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
    if (this.#pump.isBroken) return;
    this.#queue.add(line);
    if (this.#pump.isBusy) this.#queue.trim();
    else this.#pump.start();
  }

  /**
   * Waits for what was taken.
   *
   * @returns When it is written, or can't be any more.
   */
  flushed(): Promise<void> {
    return this.#pump.flushed();
  }

  /** Takes what waits, with a line in place of what was dropped. */
  #takeWaiting(): string | undefined {
    if (this.#queue.isEmpty) return undefined;
    const { dropped, lines } = this.#queue.take();
    if (dropped > 0) lines.unshift(this.#onDropped(dropped));
    return lines.join("\n") + "\n";
  }
}

/**
 * Calls back when the program is asked to end: Ctrl-C everywhere, SIGTERM
 * where the system has it, and SIGHUP where there is a terminal to hang up:
 * a handler would undo what nohup does.
 *
 * @param onSignal Called each time.
 * @returns A function that stops listening.
 */
export function onEndSignals(onSignal: () => void): () => void {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : Deno.stdin.isTerminal()
    ? ["SIGINT", "SIGTERM", "SIGHUP"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  };
}

/**
 * Waits until somebody presses Enter, or the terminal ends.
 */
export async function nextEnter(): Promise<void> {
  // A terminal that hangs up gives EIO, which is an end as well.
  await Deno.stdin.read(new Uint8Array(1024)).catch(() => null);
}

/** The end of a program: asked for once, and hurried when asked for twice. */
export class Ending {
  readonly #begun = Promise.withResolvers<Error | undefined>();
  readonly #hurried = Promise.withResolvers<void>();
  #hasBegun = false;

  /** Settles when the end is asked for; with an error where that is why. */
  get begun(): Promise<Error | undefined> {
    return this.#begun.promise;
  }

  /** Settles when a person asks again. */
  get hurried(): Promise<void> {
    return this.#hurried.promise;
  }

  /**
   * Asks for the end.
   *
   * @param error Why, if it is one.
   */
  begin(error?: Error): void {
    this.#hasBegun = true;
    this.#begun.resolve(error);
  }

  /** Asks for it as a person does: the second time without ceremony. */
  insist(): void {
    if (this.#hasBegun) this.#hurried.resolve();
    this.begin();
  }
}
