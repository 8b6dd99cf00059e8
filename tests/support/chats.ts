/** The chat of the publisher at a prompt that a test types into. */

import { chat } from "../../lib/cli/chat.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "../../lib/cli/options.ts";
import type { Line } from "../../lib/terminal/input.ts";
import type { Prompt, PromptOptions } from "../../lib/terminal/prompt.ts";
import { type Clock, Progress, SYSTEM_CLOCK } from "../../lib/timer.ts";
import { hostOf } from "./brokers.ts";
import { TestClock } from "./clock.ts";
import { News } from "./news.ts";
import { inTime } from "./patience.ts";

export const ROOM = "chat/room";
export const HALL = "chat/hall";

interface Address {
  port: number;
}

const followed = (args: string[]) => ["--follow", "--history", "0", ...args];

export class Chatter implements AsyncDisposable {
  /** The lines of the screen, without times, and with the prompt in brackets. */
  readonly screen: News<string> = new News("lines of the screen");
  readonly clock: TestClock = new TestClock(Date.now());
  readonly #code: Promise<number>;
  readonly #lines: Line[] = [];
  readonly #progress = new Progress();
  readonly #opened = Promise.withResolvers<PromptOptions>();
  #prompt?: PromptOptions;
  #isOpen = true;
  #error?: Error;

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
    const { options: parsed } = request as { options: PublisherOptions };
    const open = (prompt: PromptOptions) => this.#openPrompt(prompt);
    this.#code = chat(parsed, people, { open, clock: clock ?? this.clock });
    this.#code.catch(this.#opened.reject);
  }

  static async open(broker: Address, ...args: string[]): Promise<Chatter> {
    return await new Chatter(broker, args).#ready();
  }

  static async follow(broker: Address, ...args: string[]): Promise<Chatter> {
    return await new Chatter(broker, followed(args)).#joined();
  }

  /** On the clock of the machine, which other processes have. */
  static async followLive(broker: Address, ...args: string[]) {
    return await new Chatter(broker, followed(args), SYSTEM_CLOCK).#joined();
  }

  async #ready(): Promise<this> {
    this.#prompt = await this.#opened.promise;
    return this;
  }

  async #joined(): Promise<this> {
    await this.#ready();
    await this.until("-- User ann is now subscribed to chat/room.");
    return this;
  }

  enter(...texts: string[]): this {
    for (const text of texts) {
      const { keeps, text: prompt } = this.#prompt!;
      if (keeps()) this.screen.add(prompt + text);
      this.#lines.push({ type: "text", text });
    }
    this.#progress.made();
    return this;
  }

  /** Presses Ctrl-D; returns the exit code. */
  async leave(): Promise<number> {
    this.#close();
    return await this.code();
  }

  /** Breaks what is typed into, as a terminal that hangs up. */
  fail(error: Error): void {
    this.#error = error;
    this.#close();
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

  #openPrompt(options: PromptOptions): Prompt {
    this.#opened.resolve(options);
    return {
      lines: this.#read(),
      show: this.#show,
      clear: () => this.screen.add("[cleared]"),
      setText: (text) => this.screen.add(`[${text}]`),
      close: () => this.#close(),
      flushed: () => Promise.resolve(),
    };
  }

  async *#read(): AsyncGenerator<Line> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#error) throw this.#error;
      else if (!this.#isOpen) return;
      else await this.#progress.next;
    }
  }

  #close(): void {
    this.#isOpen = false;
    this.#progress.made();
  }
}
