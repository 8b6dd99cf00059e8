/** The scripts at real brokers, and the numbers that they send and show. */

import {
  assertQuietSuccess,
  type Process,
  type ProcessOptions,
  run,
  start,
} from "./processes.ts";

/** Starts a listener; returns once it reads its rooms. */
export async function listen(
  args: string[],
  options?: ProcessOptions,
): Promise<Process> {
  const listener = start("listener.ts", args, options);
  await listener.stderr.line(/^Reading /);
  return listener;
}

/** Sends lines, all of which the broker acknowledges. */
export async function send(
  args: string[],
  lines: (string | number)[],
  options?: ProcessOptions,
): Promise<void> {
  const stdin = lines.map((line) => `${line}\n`).join("");
  const all = { ...options, stdin };
  assertQuietSuccess(await run("publisher.ts", args, all));
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The numbers that lines of an author begin with. */
export function numbersIn(stdout: string, author = "chat"): number[] {
  return [...stdout.matchAll(new RegExp(` ${author}: (\\d+)(?= |$)`, "gm"))]
    .map(([, number]) => Number(number));
}

export type Account = ReturnType<typeof account>;

/** Reads what a listener wrote about the numbers of the author `chat`. */
export function account(stdout: string) {
  const shown = numbersIn(stdout);
  const losses = stdout.matchAll(
    / == ([\d,]+) messages? of chat did not arrive\.$/gm,
  );
  return {
    shown,
    isOrdered: shown.every((n, i) => i === 0 || n > shown[i - 1]),
    /** How many it reported as lost. */
    lost: [...losses]
      .reduce((sum, [, count]) => sum + Number(count.replaceAll(",", "")), 0),
    /** How many gaps it reported, and how many that may lack messages. */
    gaps: stdout.match(/ == Connected to /g)?.length ?? 0,
    mayMiss: stdout.match(/Messages may be missing here/g)?.length ?? 0,
  };
}

/** A publisher that says numbers, and a listener that shows them. */
export class Talk implements AsyncDisposable {
  said = 0;

  private constructor(
    readonly listener: Process,
    readonly publisher: Process,
  ) {}

  /** Starts both; returns once the first number was shown. */
  static async start(reader: string[], writer: string[]): Promise<Talk> {
    const listener = await listen(reader);
    const talk = new Talk(listener, start("publisher.ts", writer));
    await talk.sayUpTo(1);
    await listener.stdout.line(/ chat: 1$/);
    return talk;
  }

  get shown(): number[] {
    return numbersIn(this.listener.stdout.soFar);
  }

  async sayUpTo(number: number): Promise<void> {
    let text = "";
    while (this.said < number) text += `${++this.said}\n`;
    await this.publisher.write(text);
  }

  /** Ends both once the last number was shown. */
  async conclude(): Promise<Account> {
    await this.publisher.endInput();
    const { code, stderr } = await this.publisher.outcome();
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
    await this.listener.stdout.line(new RegExp(` chat: ${this.said}$`));
    // It reports at once what is missing until now.
    return account((await this.listener.stop()).stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener[Symbol.asyncDispose]();
    await this.publisher[Symbol.asyncDispose]();
  }
}

/** Waits until the next wait before a reconnect is the first one again. */
export async function becomesStable(): Promise<void> {
  // Twice a first wait of 1 s (lib/mqtt/attempts.ts).
  await new Promise((stable) => setTimeout(stable, 2_100));
}
