/** The benchmark's processes, and what Linux counts of them. */

/** A program, by path or as found on PATH, and its arguments. */
export type Command = readonly string[];

/** The project's folder, where programs run. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

const running = new Set<Running>();

/** Runs a command, for at most a minute, and returns its output. */
export async function read(command: Command, cwd = ROOT): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const process = new Running(command, { cwd, signal, stdout: "piped" });
  const output = await new Response(process.child.stdout).text();
  await process.success();
  return output;
}

export function killAll(): void {
  for (const process of running) process.kill();
}

export class Running {
  readonly child: Deno.ChildProcess;
  /** Resolves to the exit code. */
  readonly ended: Promise<number>;
  readonly #command: Command;
  readonly #stderr: Promise<string>;

  constructor(
    command: Command,
    options?: Pick<Deno.CommandOptions, "cwd" | "signal" | "stdin" | "stdout">,
  ) {
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

  /** Kills it and its children. */
  kill(): void {
    try {
      if (running.has(this)) Deno.kill(-this.child.pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  async end(): Promise<void> {
    this.kill();
    await this.ended;
  }

  /** Waits for its end; throws when its exit code is not 0. */
  async success(): Promise<void> {
    const code = await this.ended;
    if (code !== 0) await this.fail(`ended with code ${code}`);
  }

  /** Kills it, and throws with the end of its stderr. */
  async fail(what: string): Promise<never> {
    await this.end();
    const name = this.#command.slice(0, 7).join(" ");
    throw new Error(`${name}: ${what}.\n${(await this.#stderr).slice(-2_000)}`);
  }

  /** Returns its peak memory in MB, if it has ended and ran under GNU time. */
  async peakRss(): Promise<number | undefined> {
    const kilobytes = (await this.#stderr).trim().split("\n").at(-1);
    return Number(kilobytes) * 1024 / 1e6 || undefined;
  }

  /** Returns the CPU time of all its threads in ms, and its memory in MB. */
  async usage() {
    const folder = `/proc/${this.child.pid}`;
    // Deno itself reads /proc only with every permission.
    const text = await read(["cat", `${folder}/status`, `${folder}/stat`]);
    const megabytes = (field: string) => {
      const line = text.match(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m"));
      return Number(line?.[1]) * 1024 / 1e6;
    };
    // proc_pid_stat(5): utime and stime are fields 14 and 15, in ticks of 10
    // ms; the second field is a name in brackets, of any characters.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return {
      cpu: (Number(fields[14 - 3]) + Number(fields[15 - 3])) * 10,
      rss: megabytes("VmRSS"),
      privateRss: megabytes("RssAnon"),
      peakRss: megabytes("VmHWM"),
    };
  }
}
