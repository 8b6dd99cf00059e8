/**
 * The processes that are measured: started in groups of their own, so that all
 * of them can be ended whatever they started themselves, and what Linux says of
 * their time and memory. Effects.
 *
 * @module
 */

import { parseUsage, type Usage } from "./usage.ts";

/** How to start a program. */
export interface Command {
  /** What to run, by path or as found on PATH. */
  file: string;
  /** Its arguments. */
  args: string[];
  /** Its working directory; that of this process by default. */
  cwd?: string;
}

/** Which ends of a process are wanted. */
export interface Ends {
  /** Whether it is given input. */
  hasInput?: boolean;
  /** Whether its output is read. */
  hasOutput?: boolean;
}

/** A process whose end was not as it should be. */
export class ProcessError extends Error {
  /** The class's name. */
  override name = "ProcessError";
}

/** How much of a process's stderr is kept to explain its end. */
const KEPT_STDERR = 2_000;

/** All processes that run now. */
export class Processes {
  readonly #running = new Set<Running>();

  /**
   * Starts one.
   *
   * @param command What.
   * @param ends Which ends are wanted.
   * @returns The process.
   */
  start(command: Command, ends: Ends = {}): Running {
    const process = new Running(command, ends);
    this.#running.add(process);
    process.ended.then(() => this.#running.delete(process));
    return process;
  }

  /**
   * Runs one to its end and reads what it says.
   *
   * @param command What.
   * @param patience How many milliseconds it may take.
   * @returns Its output.
   * @throws {ProcessError} When its exit code is not 0.
   */
  async read(command: Command, patience: number): Promise<string> {
    const process = this.start(command, { hasOutput: true });
    const timer = setTimeout(() => process.kill(), patience);
    const output = await new Response(process.output).text();
    await process.success();
    clearTimeout(timer);
    return output;
  }

  /** Ends all at once, without waiting. */
  killAll(): void {
    for (const process of this.#running) process.kill();
  }

  /** Ends all and waits until they have. */
  async endAll(): Promise<void> {
    this.killAll();
    await Promise.all([...this.#running].map((process) => process.ended));
  }
}

/** A running process. */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #input?: WritableStreamDefaultWriter<Uint8Array>;
  #stderr = "";
  #hasEnded = false;
  /** Settles with its exit code, 128 and more when a signal ended it. */
  readonly ended: Promise<number>;

  /**
   * Starts it.
   *
   * @param command What.
   * @param ends Which ends are wanted.
   */
  constructor({ file, args, cwd }: Command, { hasInput, hasOutput }: Ends) {
    this.#name = [file, ...args.slice(0, 6)].join(" ");
    this.#child = new Deno.Command(file, {
      args,
      cwd,
      stdin: hasInput ? "piped" : "null",
      stdout: hasOutput ? "piped" : "null",
      stderr: "piped",
      // A group of its own: Ctrl-C reaches the benchmark, which ends the rest.
      detached: true,
    }).spawn();
    if (hasInput) this.#input = this.#child.stdin.getWriter();
    const drained = this.#drain();
    this.ended = this.#child.status.then(async ({ code }) => {
      this.#hasEnded = true;
      await drained;
      return code;
    });
  }

  /** Its output, where that was wanted. */
  get output(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  /**
   * Gives it input. That it has ended and takes none is no error here.
   *
   * @param bytes What.
   */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#input?.write(bytes).catch(() => {});
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input?.close().catch(() => {});
  }

  /** Ends it and what it started. */
  kill(): void {
    if (this.#hasEnded) return;
    try {
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It ended in this moment.
    }
  }

  /** Ends it and waits until it has. */
  async end(): Promise<void> {
    this.kill();
    await this.ended;
  }

  /**
   * Waits for its end.
   *
   * @throws {ProcessError} When its exit code is not 0.
   */
  async success(): Promise<void> {
    const code = await this.ended;
    if (code !== 0) throw this.error(`ended with code ${code}`);
  }

  /**
   * An error about it, with the last it said.
   *
   * @param what What it did, as the end of a sentence.
   * @returns The error.
   */
  error(what: string): ProcessError {
    return new ProcessError(`${this.#name}: ${what}.\n${this.#stderr}`.trim());
  }

  /**
   * What Linux counts of it.
   *
   * @returns The numbers.
   * @throws {ProcessError} When it has ended.
   */
  async usage(): Promise<Usage> {
    const [usage] = await usageOf([this]);
    return usage;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  async #drain(): Promise<void> {
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      this.#stderr = (this.#stderr + part).slice(-KEPT_STDERR);
    }
  }
}

/**
 * What Linux counts of several processes, read at one time.
 *
 * @param processes The processes.
 * @returns The numbers, in the same order.
 * @throws {ProcessError} When one of them has ended.
 */
export async function usageOf(processes: Running[]): Promise<Usage[]> {
  const files = processes.flatMap(({ pid }) => [
    `/proc/${pid}/status`,
    `/proc/${pid}/stat`,
  ]);
  // Deno itself reads /proc only with every permission there is.
  const { success, stdout } = await new Deno.Command("cat", { args: files })
    .output();
  if (!success) throw processes[0].error("ended before it was measured");
  return parseUsage(new TextDecoder().decode(stdout));
}
