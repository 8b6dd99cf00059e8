/**
 * Programs as processes: each in a group of its own, so that it can be ended
 * with whatever it started, and what Linux counts of them.
 *
 * @module
 */

import { parseUsage, type Usage } from "./usage.ts";

/** What to run, by path or as found on PATH, and its arguments. */
export type Command = readonly string[];

/** The folder of the project, where every program is run. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** How long a command that only reports or builds may take, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How much of the end of its stderr explains a process's end. */
const TOLD_STDERR = 2_000;

/** How a process is started. */
export interface StartOptions {
  /** Its working directory; {@link ROOT} by default. */
  cwd?: string;
  /** Whether it is given input. */
  hasInput?: boolean;
  /** Whether its output is read. */
  hasOutput?: boolean;
}

/** All processes that run now. */
export class Processes {
  readonly #running = new Set<Running>();

  start(command: Command, options: StartOptions = {}): Running {
    const process = new Running(command, options);
    this.#running.add(process);
    process.ended.then(() => this.#running.delete(process));
    return process;
  }

  /** Runs one to its end, which has to come soon, and returns its output. */
  async read(command: Command, cwd?: string): Promise<string> {
    const process = this.start(command, { cwd, hasOutput: true });
    const timer = setTimeout(() => process.kill(), PATIENCE_MS);
    try {
      const output = await new Response(process.output).text();
      await process.success();
      return output;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What Linux counts of running processes, at one time and in their order. */
  async usage(processes: Running[]): Promise<Usage[]> {
    const files = processes.flatMap(({ pid }) => [
      `/proc/${pid}/status`,
      `/proc/${pid}/stat`,
    ]);
    // Deno itself reads /proc only with every permission there is.
    return parseUsage(await this.read(["cat", ...files]));
  }

  killAll(): void {
    for (const process of this.#running) process.kill();
  }

  /** Ends all and waits until they have. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((process) => process.end()));
  }
}

/** A running process. */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly #command: Command;
  #stderr = "";
  #hasEnded = false;
  /** Settles with its exit code, 128 and more when a signal ended it. */
  readonly ended: Promise<number>;

  constructor(command: Command, options: StartOptions) {
    const [file, ...args] = command;
    const { cwd = ROOT, hasInput, hasOutput } = options;
    this.#command = command;
    this.#child = new Deno.Command(file, {
      args,
      cwd,
      stdin: hasInput ? "piped" : "null",
      stdout: hasOutput ? "piped" : "null",
      stderr: "piped",
      // A group of its own: Ctrl-C reaches the benchmark, which ends the rest.
      detached: true,
    }).spawn();
    const drained = this.#drain();
    this.ended = this.#child.status.then(async ({ code }) => {
      this.#hasEnded = true;
      await drained;
      return code;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its input, where that was wanted. */
  get input(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** Its output, where that was wanted. */
  get output(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  /**
   * The most memory it had, in bytes, after its end; nothing where it was not
   * started under GNU time.
   */
  get peakRss(): number | undefined {
    const lastLine = this.#stderr.trim().split("\n").at(-1);
    const kilobytes = Number(lastLine);
    return kilobytes > 0 ? kilobytes * 1024 : undefined;
  }

  /** Ends it and what it started. */
  kill(): void {
    if (this.#hasEnded) return;
    try {
      Deno.kill(-this.pid, "SIGKILL");
    } catch {
      // It ended in this moment.
    }
  }

  /** Ends it and waits until it has. */
  async end(): Promise<void> {
    this.kill();
    await this.ended;
  }

  /** Waits for its end, and throws when its exit code is not 0. */
  async success(): Promise<void> {
    const code = await this.ended;
    if (code !== 0) throw this.error(`ended with code ${code}`);
  }

  /** An error about it, with the last it said. */
  error(what: string): Error {
    const name = this.#command.slice(0, 7).join(" ");
    const said = this.#stderr.slice(-TOLD_STDERR);
    return new Error(`${name}: ${what}.\n${said}`.trim());
  }

  async #drain(): Promise<void> {
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      this.#stderr += part;
    }
  }
}
