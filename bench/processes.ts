/**
 * The processes of the benchmark: each in a group of its own, so that it can be
 * ended with whatever it started, and what Linux counts of them.
 *
 * @module
 */

/** What to run, by path or as found on PATH, and its arguments. */
export type Command = readonly string[];

/** The folder of the project, where programs are run. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** How long a command that only reports or builds may take, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How a process is started, where that is not from {@link ROOT} and silent. */
type Options = Pick<Deno.CommandOptions, "cwd" | "stdin" | "stdout">;

const running = new Set<Running>();

/** Runs one to its end, which has to come soon, and returns its output. */
export async function read(command: Command, cwd = ROOT): Promise<string> {
  const process = new Running(command, { cwd, stdout: "piped" });
  const timer = setTimeout(() => process.kill(), PATIENCE_MS);
  const output = await new Response(process.child.stdout).text();
  await process.success().finally(() => clearTimeout(timer));
  return output;
}

export function killAll(): void {
  for (const process of running) process.kill();
}

/** A running process. */
export class Running {
  readonly #command: Command;
  readonly child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  /** Settles with its exit code, 128 and more when a signal ended it. */
  readonly ended: Promise<number>;

  constructor(command: Command, options?: Options) {
    const [file, ...args] = command;
    this.#command = command;
    this.child = new Deno.Command(file, {
      args,
      cwd: ROOT,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // A group of its own: Ctrl-C reaches the benchmark, which ends the rest.
      detached: true,
      ...options,
    }).spawn();
    this.#stderr = new Response(this.child.stderr).text();
    running.add(this);
    this.ended = this.child.status.then(({ code }) => {
      running.delete(this);
      return code;
    });
  }

  /** Ends it and what it started. */
  kill(): void {
    if (!running.has(this)) return;
    try {
      Deno.kill(-this.child.pid, "SIGKILL");
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
    if (code !== 0) await this.fail(`ended with code ${code}`);
  }

  /** Ends it, and throws with what it said last. */
  async fail(what: string): Promise<never> {
    await this.end();
    const name = this.#command.slice(0, 7).join(" ");
    const said = (await this.#stderr).slice(-2_000);
    throw new Error(`${name}: ${what}.\n${said}`);
  }

  /** The most memory it had, in MB, if it has ended and ran under GNU time. */
  async peakRss(): Promise<number | undefined> {
    const kilobytes = (await this.#stderr).trim().split("\n").at(-1);
    return Number(kilobytes) * 1024 / 1e6 || undefined;
  }

  /** What it has used until now. */
  async usage(): Promise<Usage> {
    const folder = `/proc/${this.child.pid}`;
    // Deno itself reads /proc only with every permission there is.
    return parseUsage(
      await read(["cat", `${folder}/status`, `${folder}/stat`]),
    );
  }
}

/** Time in milliseconds, memory in MB. */
export interface Usage {
  /** On a processor, of all its threads. */
  cpu: number;
  rss: number;
  /** Of it, what no other process can share: not of a file. */
  ownRss: number;
  /** The most since the program was loaded. */
  peakRss: number;
}

/** Reads /proc/PID/status and, behind it, /proc/PID/stat. */
export function parseUsage(text: string): Usage {
  const megabytes = (field: string) => {
    const line = text.match(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m"));
    return Number(line?.[1]) * 1024 / 1e6;
  };
  // proc_pid_stat(5): the second field is a name in brackets, which may hold
  // anything; utime and stime are the 14th and 15th, in ticks of 10 ms.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    cpu: (Number(fields[14 - 3]) + Number(fields[15 - 3])) * 10,
    rss: megabytes("VmRSS"),
    ownRss: megabytes("RssAnon"),
    peakRss: megabytes("VmHWM"),
  };
}
