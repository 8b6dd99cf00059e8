/**
 * What happens between the program and its terminal or pipes: lines written in
 * batches, a prompt with messages arriving above it, signals. Effects only;
 * what is written comes from elsewhere.
 *
 * @module
 */

import type { Interface } from "node:readline";

/** Where bytes go, as `Deno.stdout` takes them. */
export interface ByteSink {
  /** Writes some of the bytes; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** How much text may wait for a slow output, in UTF-16 code units. */
const MAX_WAITING = 8 * 1024 * 1024;

/**
 * Writes lines without making the caller wait. A line is written at once; the
 * lines that come while a write is under way go out together after it, so
 * that a flood costs few writes and a single message no delay. Where the
 * output is blocked, the oldest lines that wait are dropped and counted.
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #encoder = new TextEncoder();
  readonly #onDropped: (count: number) => string;
  readonly #maxWaiting: number;
  #lines: string[] = [];
  /** How many slots at the start of them hold dropped lines. */
  #first = 0;
  #dropped = 0;
  #waiting = 0;
  #writing: Promise<void> | undefined;
  #resolveBroken: (error: Error | undefined) => void;
  #isBroken = false;
  /**
   * Settles when nothing can be written any more: with nothing when the reader
   * has gone, as after `| head -3`; with an error when the disk is full.
   */
  readonly broken: Promise<Error | undefined>;

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
    maxWaiting = MAX_WAITING,
  ) {
    this.#sink = sink;
    this.#onDropped = onDropped;
    this.#maxWaiting = maxWaiting;
    const { promise, resolve } = Promise.withResolvers<
      Error | undefined
    >();
    this.broken = promise;
    this.#resolveBroken = resolve;
  }

  /**
   * Takes one line.
   *
   * @param line The text, without a newline.
   */
  write(line: string): void {
    if (this.#isBroken) return;
    this.#lines.push(line);
    this.#waiting += line.length;
    while (this.#waiting > this.#maxWaiting && this.#writing !== undefined) {
      this.#waiting -= this.#lines[this.#first].length;
      this.#lines[this.#first++] = "";
      this.#dropped++;
    }
    this.#forgetDropped();
    this.#writing ??= this.#writeAll();
  }

  /** Gives their slots back, in batches: they too would add up for ever. */
  #forgetDropped(): void {
    if (this.#first <= this.#lines.length / 2) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }

  /** Whether there are lines that are not written. */
  get isBehind(): boolean {
    return this.#writing !== undefined;
  }

  /** Takes what waits, with a line in place of what was dropped. */
  #takeWaiting(): string {
    const lines = this.#dropped === 0
      ? this.#lines
      : [this.#onDropped(this.#dropped), ...this.#lines.slice(this.#first)];
    this.#lines = [];
    this.#first = 0;
    this.#dropped = 0;
    this.#waiting = 0;
    return lines.join("\n") + "\n";
  }

  /**
   * Waits for what was taken.
   *
   * @returns When it is written, or can't be any more.
   */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#lines.length > 0 || this.#dropped > 0) {
        let bytes = this.#encoder.encode(this.#takeWaiting());
        while (bytes.length > 0) {
          bytes = bytes.subarray(await this.#sink.write(bytes));
        }
      }
    } catch (error) {
      this.#isBroken = true;
      const hasLeft = error instanceof Deno.errors.BrokenPipe;
      this.#resolveBroken(hasLeft ? undefined : error as Error);
    }
    this.#writing = undefined;
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

/** A prompt at the bottom of the terminal. */
export interface Prompt {
  /** The lines entered, until Ctrl-D, Ctrl-C, or {@link close}. */
  lines: AsyncIterable<string>;
  /** Shows a line above it; what is typed so far stays. */
  show(line: string): void;
  /** Takes the prompt away and gives the terminal back as it was. */
  close(): void;
}

/**
 * Opens a prompt with editing and history on stdin and stdout, which must be
 * terminals. node:readline is loaded only here: pipes don't need it.
 *
 * @param text What stands before the typed text.
 * @returns The prompt.
 */
export async function openPrompt(text: string): Promise<Prompt> {
  const { default: process } = await import("node:process");
  const { createInterface } = await import("node:readline");
  const { stdin: input, stdout: output } = process;
  const readline = createInterface({ input, output, prompt: text });
  let isOpen = true;
  let isRead = true;
  const lines = new ReadableStream<string>({
    cancel() {
      isRead = false;
    },
    start(controller) {
      readline.on("line", (line) => {
        if (isRead) controller.enqueue(line);
        if (isOpen) readline.prompt();
      });
      readline.on("SIGINT", () => readline.close());
      readline.on("close", () => {
        if (isOpen) output.write("\n");
        isOpen = false;
        if (isRead) controller.close();
      });
    },
  });
  readline.prompt();
  return {
    lines,
    show(line) {
      if (!isOpen) return void output.write(line + "\n");
      clearPrompt(readline, output);
      output.write(line + "\n");
      readline.prompt(true);
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      clearPrompt(readline, output);
      readline.close();
    },
  };
}

/** Wipes the prompt and what is typed, over as many rows as they take. */
function clearPrompt(
  readline: Interface,
  output: { write(text: string): unknown },
): void {
  const { rows } = readline.getCursorPos();
  const up = rows > 0 ? `\x1b[${rows}A` : "";
  output.write(`${up}\r\x1b[J`);
}
