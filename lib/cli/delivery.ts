/** Sends lines to a room and reports at the end what was not delivered. */

import { AbandonedError, type ChatClient, PublishError } from "../client.ts";
import { EXIT, exitCodeOf, exitCodeOfSignal } from "./exit.ts";
import { type Line, LineError } from "../terminal/input.ts";
import type { PublisherOptions } from "./options.ts";
import type { People } from "./script.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { Ending, onEndSignals } from "../terminal/signals.ts";
import { type Clock, Progress, SYSTEM_CLOCK, within } from "../timer.ts";

/** The most lines of a pipe that wait for an acknowledgement at a time. */
const WINDOW = 256;

/** The same at QoS 0, where one PINGRESP is the answer to many. */
const WINDOW_AT_QOS_0 = 1_024;

/** Show progress after this many milliseconds. */
const LONG_MS = 2_000;

/** Interval of the progress line, in milliseconds. */
const PROGRESS_MS = 1_000;

/** The lines of one input and their outcomes. Closes the connection at the end. */
export class Delivery {
  readonly #client: ChatClient;
  readonly #options: PublisherOptions;
  readonly #tell: (sentence: string) => void;
  readonly #clock: Clock;
  readonly #ending: Ending;
  readonly #stopSignals: () => void;
  readonly #progress = new Progress();
  #lines = 0;
  #waiting = 0;
  #acknowledged = 0;
  #refused = 0;
  readonly #unanswered: number[] = [];
  #isDenied = false;
  #firstRefusal = "";
  /** Whether there is one message, and no lines to count. */
  readonly #isOnly: boolean;
  #hasInputFailed = false;
  #isPouring = false;
  /** The signal that came before the end of a pipe. */
  #stopSignal?: Deno.Signal;
  #lost?: Error;
  #endProgress = () => {};

  constructor(
    client: ChatClient,
    options: PublisherOptions,
    tell: (sentence: string) => void,
    clock: Clock = SYSTEM_CLOCK,
  ) {
    this.#client = client;
    this.#options = options;
    this.#isOnly = options.message !== undefined || options.stdinFile;
    this.#tell = tell;
    this.#clock = clock;
    this.#ending = new Ending(clock);
    // The first signal ends the input, the second the waiting for answers.
    this.#stopSignals = onEndSignals((signal) => {
      if (this.#isPouring) this.#stopSignal ??= signal;
      this.#ending.insist(signal);
    });
    client.lost.then((error) => {
      this.#lost = error;
      this.stop();
    });
  }

  /** Resolves at a signal, at {@link stop}, or when the connection is lost. */
  get stopped(): Promise<unknown> {
    return this.#ending.begun;
  }

  get hasStopped(): boolean {
    return this.#ending.hasBegun;
  }

  /** Resolves at a signal after {@link stopped}: don't wait for answers. */
  get hurried(): Promise<void> {
    return this.#ending.hurried;
  }

  /** Ends the input; a signal from now on ends the waiting, too. */
  stop(): void {
    this.#ending.begin();
  }

  /** Sends the lines of a pipe, as fast as they are acknowledged. */
  async pour(lines: Iterable<Line> | AsyncIterable<Line>): Promise<void> {
    this.#isPouring = true;
    const all = this.#sendAll(lines).catch((error) => this.failInput(error));
    await Promise.race([all, this.stopped]);
    this.#isPouring = false;
    this.stop();
  }

  /** Shows how many lines are acknowledged, once that takes long. */
  showProgress({ tell, progress }: Pick<People, "tell" | "progress">): void {
    const clock = this.#clock;
    const start = clock.monotonic();
    let last = { at: start, count: 0 };
    const show = () => {
      const now = { at: clock.monotonic(), count: this.#acknowledged };
      const rate = (now.count - last.count) * 1000 / (now.at - last.at);
      last = now;
      progress(
        `${acknowledged(now.count)}, ` +
          `${Math.round(rate).toLocaleString("en")} a second`,
      );
      cancel = clock.after(PROGRESS_MS, show);
    };
    let cancel = clock.after(LONG_MS, show);
    this.#endProgress = () => {
      cancel();
      if (last.at === start) return;
      progress("");
      const seconds = Math.round((clock.monotonic() - start) / 1000);
      tell(`${acknowledged(this.#acknowledged)} in ${seconds} s.`);
    };
  }

  /** Sends a line; returns whether the broker took it, once it has answered. */
  async send(line: Line, topic: string, name: string): Promise<boolean> {
    const number = ++this.#lines;
    if (line.type !== "text") {
      this.#fail(number, new LineError(line, MAX_PAYLOAD_BYTES));
      return false;
    }
    if (line.text === "") return false;
    const message = {
      type: "message",
      from: name,
      message: line.text,
    } as const;
    this.#waiting++;
    try {
      await this.#client.send(topic, message, this.#options.qos);
      this.#acknowledged++;
      return true;
    } catch (error) {
      this.#fail(number, error as Error);
      return false;
    } finally {
      this.#waiting--;
      this.#progress.made();
    }
  }

  /** Counts a line that is not sent, and reports why. */
  refuse(error: Error): void {
    this.#fail(++this.#lines, error);
  }

  /** Reports that the rest of the input could not be read. */
  failInput(error: Error): void {
    this.#hasInputFailed = true;
    this.#tell(`Reading stdin failed: ${error.message}.`);
  }

  /**
   * Waits for the last answers, until none arrives within the time-out or a
   * signal comes; closes the connection, reports, and returns the exit code.
   */
  async finish(): Promise<number> {
    const isSettled = this.#lost === undefined && await Promise.race([
      this.#settled(),
      this.hurried.then(() => false),
    ]);
    if (isSettled) {
      await this.#client.close();
    } else {
      this.#client.abort();
      // It rejects what is unanswered, with an AbandonedError.
      await this.#settled();
    }
    this.#stopSignals();
    this.#endProgress();
    return this.#conclude();
  }

  async #sendAll(
    lines: Iterable<Line> | AsyncIterable<Line>,
  ): Promise<void> {
    const { topic, name, qos } = this.#options;
    const window = qos === 0 ? WINDOW_AT_QOS_0 : WINDOW;
    for await (const line of lines) {
      if (this.#ending.hasBegun) return;
      this.send(line, topic, name);
      while (this.#waiting >= window) await this.#progress.next;
    }
  }

  #fail(line: number, error: Error): void {
    if (error instanceof AbandonedError) {
      this.#unanswered.push(line);
      return;
    }
    this.#refused++;
    this.#isDenied ||= error instanceof PublishError && error.isDenied;
    // The user won't get the right to write during the pipe.
    if (this.#isDenied && this.#isPouring) this.stop();
    const subject = this.#isOnly ? "The message" : `Line ${line}`;
    const sentence = `${subject} was not sent. ${error.message}`;
    this.#firstRefusal ||= sentence;
    this.#tell(sentence);
  }

  /** Whether every line got its answer; false when none came for the time-out. */
  async #settled(): Promise<boolean> {
    while (this.#waiting > 0) {
      const before = this.#waiting;
      await within(this.#options.timeout, this.#progress.next, this.#clock);
      if (this.#waiting === before) return false;
    }
    return true;
  }

  /** Reports what is missing; returns the exit code. */
  #conclude(): number {
    const unanswered = this.#unanswered.length;
    if (this.#lost !== undefined) this.#tell(this.#lost.message);
    if (this.#stopSignal !== undefined) {
      const when = this.#lines === 0
        ? "before line 1"
        : `after line ${this.#lines}`;
      this.#tell(`Stopped ${when}; the rest was not read.`);
    }
    if (unanswered > 0) {
      this.#tell(
        this.#isOnly
          ? "The message was not acknowledged; it may or may not have arrived."
          : `${range(this.#unanswered)} not acknowledged and may or may not ` +
            `have arrived; acknowledged: ${this.#acknowledged}.` +
            (this.#firstRefusal && ` ${this.#firstRefusal}`),
      );
    }
    if (this.#stopSignal !== undefined) {
      return exitCodeOfSignal(this.#stopSignal);
    }
    if (this.#isDenied) return EXIT.notAuthorized;
    if (this.#refused + unanswered > 0) return EXIT.undelivered;
    if (this.#lost !== undefined) return exitCodeOf(this.#lost);
    return this.#hasInputFailed ? EXIT.failed : EXIT.ok;
  }
}

/** The start of a sentence about how many lines were acknowledged. */
function acknowledged(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "line" : "lines"} ` +
    "acknowledged";
}

/** The start of a sentence about some lines: how many, the first and the last. */
function range(lines: number[]): string {
  const [first] = lines;
  return lines.length === 1
    ? `Line ${first} was`
    : `${lines.length} lines, ${first} to ${lines.at(-1)}, were`;
}
