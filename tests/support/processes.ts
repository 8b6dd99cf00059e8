/**
 * The scripts as processes: started with the least permissions, read line by
 * line, ended by the test that started them.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Progress } from "../../lib/timer.ts";
import { inTime, PATIENCE_MS } from "./patience.ts";

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

/** Makes Deno write down each permission that is asked for. */
export const AUDIT = { DENO_AUDIT_PERMISSIONS: "/dev/stderr" };

/** The permissions in an audit; those of loading the modules left out. */
export function audited({ stderr }: { stderr: string }): string[] {
  const asked = stderr.split("\n")
    .filter((line) => line.startsWith('{"v":1,'))
    .map((line): { permission: string; value: string } => JSON.parse(line))
    .filter(({ permission }) => permission !== "import")
    .map(({ permission, value }) => `${permission} ${value}`);
  return [...new Set(asked)];
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
  const child = new Deno.Command(program, {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Process(child, [program, ...args].join(" "));
}

export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly stdout: TextLineReader;
  readonly stderr: TextLineReader;

  constructor(child: Deno.ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
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
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** What the system shows of it (Linux); nothing once it has ended. */
  systemStatus(file: "status" | "cmdline" = "status"): string {
    // Deno reads /proc only with every permission there is.
    const args = [`/proc/${this.#child.pid}/${file}`];
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
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#child.kill("SIGKILL");
    }, patience);
    const [{ code }, stdout, stderr] = await Promise.all([
      this.#child.status,
      this.stdout.all(),
      this.stderr.all(),
    ]);
    clearTimeout(timer);
    if (isLate) throw new Error(`${this.#name} went on:\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.endInput();
    await this.outcome();
  }
}

/** Reads the lines of a stream as they come. */
export class TextLineReader {
  readonly #name: string;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #ended: Promise<void>;
  readonly #progress = new Progress();
  #text = "";
  #position = 0;
  #isEnded = false;

  constructor(stream: ReadableStream<Uint8Array>, name: string) {
    this.#name = name;
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#ended = this.#read();
  }

  /** The next line that matches, among those not passed yet. */
  async line(pattern: RegExp, patience?: number): Promise<string> {
    const missing = () =>
      `No line like ${pattern} in the ${this.#name}, but:\n${this.#text}`;
    const line = await inTime(this.#find(pattern), missing, patience);
    if (line === undefined) throw new Error(missing());
    return line;
  }

  get soFar(): string {
    return this.#text;
  }

  async all(): Promise<string> {
    await this.#ended;
    return this.#text;
  }

  /** Closes the stream, so that the process can write no more. */
  async hangUp(): Promise<void> {
    await this.#reader.cancel();
  }

  /** The next line that matches; undefined when the stream ends without. */
  async #find(pattern: RegExp): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n", this.#position);
      if (end >= 0) {
        const line = this.#text.slice(this.#position, end);
        this.#position = end + 1;
        if (pattern.test(line)) return line;
      } else if (this.#isEnded) return undefined;
      else await this.#progress.next;
    }
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#text += value;
      this.#progress.made();
    }
    this.#isEnded = true;
    this.#progress.made();
  }
}
