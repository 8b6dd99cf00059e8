/**
 * The scripts as processes: started with the least permissions, read line by
 * line, ended by the test that started them; and ports of 127.0.0.1 for them.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { becomesTrue, inTime, News, PATIENCE_MS } from "./patience.ts";

export const ROOT = new URL("../..", import.meta.url);

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ProcessOptions {
  /** What stdin brings; nothing by default. */
  stdin?: string | Uint8Array;
  /** Deno's permission flags; `-N` by default. */
  permissions?: string[];
  /** Environment variables, added to those of the test. */
  env?: Record<string, string>;
}

export async function run(
  script: string,
  args: string[],
  options: ProcessOptions = {},
): Promise<Outcome> {
  await using process = start(script, args, options);
  return await process.finish(options.stdin);
}

/** Fails unless all ended well, in silence. */
export function assertQuietSuccess(outcome: Outcome) {
  assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
}

/** Fails unless it was one line on stderr, by the script, and nothing else. */
export function assertOneLine(outcome: Outcome, code: number, line: RegExp) {
  assertEquals([outcome.code, outcome.stdout], [code, ""], outcome.stderr);
  assertMatch(outcome.stderr, /^(listener|publisher): [^\n]+\n$/);
  assertMatch(outcome.stderr, line);
}

/** Fails unless it ended with a code, and something on stderr. */
export function assertEnds(outcome: Outcome, code: number, said: RegExp) {
  assertEquals(outcome.code, code, outcome.stderr);
  assertMatch(outcome.stderr, said);
}

export function start(
  script: string,
  args: string[],
  { permissions = ["-N"], env }: ProcessOptions = {},
): Process {
  const deno = ["run", "--quiet", "--no-prompt", ...permissions];
  return spawn(Deno.execPath(), [...deno, script, ...args], { env });
}

/** Starts a listener, and waits until it reads the room. */
export async function listening(
  args: string[],
  options?: ProcessOptions,
): Promise<Process> {
  const listener = start("listener.ts", args, options);
  try {
    const isSilent = args.includes("--no-announce");
    if (isSilent) await listener.stderr.line(/^Reading .* at QoS \d\.$/);
    else await listener.stdout.line(/ is now subscribed to /);
    return listener;
  } catch (error) {
    await listener[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts a program, in the folder of the project unless told otherwise. */
export function spawn(
  program: string,
  args: string[],
  { cwd = ROOT, env }: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Process {
  const command = new Deno.Command(program, {
    ...{ args, cwd, env: { NO_COLOR: "1", ...env } },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  });
  return new Process(command.spawn(), [program, ...args].join(" "));
}

export class Process implements AsyncDisposable {
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly stdout: TextLineReader;
  readonly stderr: TextLineReader;

  constructor(
    private readonly child: Deno.ChildProcess,
    private readonly name: string,
  ) {
    this.#stdin = child.stdin.getWriter();
    this.stdout = new TextLineReader(child.stdout, `stdout of ${name}`);
    this.stderr = new TextLineReader(child.stderr, `stderr of ${name}`);
  }

  /** Gives it input. A process that has ended takes none, which is no error. */
  async write(input: string | Uint8Array): Promise<void> {
    const bytes = typeof input === "string"
      ? new TextEncoder().encode(input)
      : input;
    await this.#stdin.write(bytes).catch(() => {});
  }

  async endInput(): Promise<void> {
    await this.#stdin.close().catch(() => {});
  }

  /** Signals it. One that has just ended takes none, which is no error. */
  signal(signal: Deno.Signal): void {
    try {
      this.child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** What the system shows of it (Linux); nothing once it has ended. */
  systemStatus(file: "status" | "cmdline" = "status"): string {
    // Deno reads /proc only with every permission there is.
    const args = [`/proc/${this.child.pid}/${file}`];
    const { stdout } = new Deno.Command("cat", { args }).outputSync();
    return new TextDecoder().decode(stdout);
  }

  /** Gives it the last of its input, and waits for its end. */
  async finish(input: string | Uint8Array = ""): Promise<Outcome> {
    await this.write(input);
    await this.endInput();
    return await this.outcome();
  }

  /** Signals it, and waits for its end. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Outcome> {
    this.signal(signal);
    return await this.outcome();
  }

  /** Waits for its end; ends it, and throws, when that does not come. */
  async outcome(patience = PATIENCE_MS): Promise<Outcome> {
    const late = () => {
      this.signal("SIGKILL");
      return `${this.name} went on:\n${this.stdout.soFar}${this.stderr.soFar}`;
    };
    const [{ code }, stdout, stderr] = await inTime(
      Promise.all([this.child.status, this.stdout.text(), this.stderr.text()]),
      late,
      patience,
    );
    await this.endInput();
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}

/** Reads the lines of a stream as they come. */
export class TextLineReader extends News<string> {
  soFar = "";
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #read: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>, name: string) {
    super(`lines of the ${name}`);
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#read = this.#readAll();
  }

  /** The next line that matches, among those not passed yet. */
  async line(pattern: RegExp, patience?: number): Promise<string> {
    return await this.next(pattern, patience);
  }

  async text(): Promise<string> {
    await this.#read;
    return this.soFar;
  }

  /** Closes the stream, so that the process can write no more. */
  async hangUp(): Promise<void> {
    await this.#reader.cancel();
  }

  async #readAll(): Promise<void> {
    let last = "";
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.soFar += value;
      const lines = (last + value).split("\n");
      last = lines.pop()!;
      for (const line of lines) this.add(line);
    }
    this.end();
  }
}

export function freePort(): number {
  return freePorts(1)[0];
}

/**
 * Different ports that nothing listens on now. They are below 32768: from there
 * on the system gives ports to connections and listeners of other tests, also
 * before a server of this test takes its port.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      ports.add(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return [...ports];
}

/** Waits until a port takes connections, for so many milliseconds. */
export async function accepts(port: number, patience?: number): Promise<void> {
  const isUp = () =>
    Deno.connect({ hostname: "127.0.0.1", port })
      .then((socket) => socket.close())
      .then(() => true, () => false);
  if (await becomesTrue(isUp, patience)) return;
  throw new Error(`Nothing listens on port ${port}.`);
}
