/** The chat of the publisher at a prompt that a test types into. */

import { chat } from "../../lib/cli/chat.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "../../lib/cli/options.ts";
import type { Line } from "../../lib/terminal/input.ts";
import type { Prompt, PromptOptions } from "../../lib/terminal/prompt.ts";
import { type Clock, SYSTEM_CLOCK } from "../../lib/timer.ts";
import { hostOf } from "./brokers.ts";
import { TestClock } from "./clock.ts";
import { inTime, News } from "./patience.ts";

export const ROOM = "chat/room";
export const HALL = "chat/hall";

type Address = { port: number };

const FOLLOW = ["--follow", "--history", "0"];
const JOINED = `-- User ann is now subscribed to ${ROOM}.`;

export class Chatter implements AsyncDisposable {
  /** The lines of the screen, without times, and with the prompt in brackets. */
  readonly screen: News<string> = new News("lines of the screen");
  readonly clock: TestClock = new TestClock(Date.now());
  readonly #code: Promise<number>;
  #typing!: ReadableStreamDefaultController<Line>;
  readonly #lines = new ReadableStream<Line>({
    start: (controller) => {
      this.#typing = controller;
    },
  });
  readonly #opened = Promise.withResolvers<PromptOptions>();
  #prompt?: PromptOptions;

  private constructor(broker: Address, args: string[], clock?: Clock) {
    const request = parsePublisherArgs([
      ...["-h", hostOf(broker), "-t", ROOM, "-n", "ann", "--timeout", "5"],
      ...["--color", "never", ...args],
    ]);
    const people = {
      tell: this.#show,
      complain: this.#show,
      progress: () => {},
      told: () => Promise.resolve(),
    };
    const { options } = request as { options: PublisherOptions };
    const open = (prompt: PromptOptions): Prompt => {
      this.#opened.resolve(prompt);
      return {
        lines: this.#lines,
        show: this.#show,
        clear: () => this.screen.add("[cleared]"),
        setText: (text) => this.screen.add(`[${text}]`),
        close: () => this.#close(),
        flushed: () => Promise.resolve(),
      };
    };
    this.#code = chat(options, people, { open, clock: clock ?? this.clock });
    this.#code.catch(this.#opened.reject);
  }

  static async open(broker: Address, ...args: string[]): Promise<Chatter> {
    return await new Chatter(broker, args).#ready();
  }

  static async follow(broker: Address, ...args: string[]): Promise<Chatter> {
    return await new Chatter(broker, [...FOLLOW, ...args]).#ready(JOINED);
  }

  /** On the clock of the machine, which other processes have. */
  static async followLive(broker: Address, ...args: string[]) {
    const all = [...FOLLOW, ...args];
    return await new Chatter(broker, all, SYSTEM_CLOCK).#ready(JOINED);
  }

  async #ready(line?: string): Promise<this> {
    this.#prompt = await this.#opened.promise;
    if (line) await this.until(line);
    return this;
  }

  enter(...texts: string[]): this {
    for (const text of texts) {
      const { keeps, text: prompt } = this.#prompt!;
      if (keeps()) this.screen.add(prompt + text);
      this.#typing.enqueue({ type: "text", text });
    }
    return this;
  }

  /** Presses Ctrl-D; returns the exit code. */
  async leave(): Promise<number> {
    this.#close();
    return await this.code();
  }

  /** Breaks what is typed into, as a terminal that hangs up. */
  fail(error: Error): void {
    this.#typing.error(error);
  }

  async code(): Promise<number> {
    return await inTime(this.#code);
  }

  async until(line: string): Promise<string[]> {
    return await this.screen.until((shown) => shown === line);
  }

  complete(before: string): string[] {
    const { insert, candidates } = this.#prompt!.complete(before);
    return candidates.length > 0 ? candidates : [insert];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  readonly #show = (line: string) =>
    this.screen.add(line.replace(/^\d\d:\d\d:\d\d /, ""));

  #close(): void {
    try {
      this.#typing.close();
    } catch {
      // It is closed already.
    }
  }
}
