/**
 * Lines → the room: sends them as fast as the broker acknowledges, stops when
 * told to, and accounts for each at the end.
 *
 * @module
 */

import { AbandonedError, type ChatClient, PublishError } from "../client.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { type Line, LineError } from "../terminal/input.ts";
import type { PublisherOptions } from "./options.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { Ending, onEndSignals } from "../terminal/signals.ts";
import { Progress, within } from "../timer.ts";

/** How many lines may be without an answer at a time. */
const WINDOW = 256;

/** One input, delivered. */
export class Delivery {
  readonly #client: ChatClient;
  readonly #options: PublisherOptions;
  readonly #window: number;
  readonly #send: (message: string) => Promise<void>;
  readonly #ledger: Ledger;
  readonly #ending = new Ending();
  #stopSignals = () => {};
  #lost?: Error;

  /**
   * Makes one that reads nothing yet.
   *
   * @param client The connection; the delivery closes it.
   * @param options The room, the name, the QoS, the time-out.
   * @param tell Writes a sentence about what went wrong.
   * @param window The most lines without an answer at a time.
   * @param send Sends a message; to the room, by the name, unless given.
   */
  constructor(
    client: ChatClient,
    options: PublisherOptions,
    tell: (sentence: string) => void,
    window = WINDOW,
    send = (message: string) => {
      const { topic, name, qos } = options;
      return client.send(topic, { type: "message", from: name, message }, qos);
    },
  ) {
    this.#client = client;
    this.#options = options;
    this.#window = window;
    this.#send = send;
    this.#ledger = new Ledger(tell, options.message !== undefined);
    client.lost.then((error) => {
      this.#lost = error;
      this.stop();
    });
  }

  /** Reads no further line. */
  stop(): void {
    this.#ending.begin();
  }

  /** Whether a line was refused for want of rights. */
  get isDenied(): boolean {
    return this.#ledger.isDenied;
  }

  /** Settles when a signal says not to wait for answers any longer. */
  get hurried(): Promise<void> {
    return this.#ending.hurried;
  }

  /**
   * Sends lines until there are no more, {@link stop} is called, a signal
   * comes, or the connection is lost for good. Empty lines are skipped.
   *
   * @param lines The input; where it fails, that is told.
   * @param onAnswer Called after each line that the broker took or refused.
   */
  async pour(
    lines: Iterable<Line> | AsyncIterable<Line>,
    onAnswer: (isSent: boolean) => void = () => {},
  ): Promise<void> {
    // The first signal ends the input; one after that, the waiting too.
    this.#stopSignals = onEndSignals(() => this.#ending.insist());
    const all = this.#sendAll(lines, onAnswer).catch((error: Error) => {
      this.#ledger.endOfInput(error);
    });
    await Promise.race([all, this.#ending.begun]);
    this.stop();
  }

  /**
   * Waits for the last acknowledgements, until nothing has moved for the
   * time-out or a signal says not to; tells what is missing, and closes the
   * connection.
   *
   * @returns The exit code.
   */
  async finish(): Promise<number> {
    const { timeout } = this.#options;
    const isSettled = this.#lost === undefined && await Promise.race([
      this.#ledger.settled(timeout),
      this.hurried.then(() => false),
    ]);
    if (isSettled) {
      await this.#client.close();
    } else {
      this.#client.abort();
      // Which answers whatever waits, with an AbandonedError.
      await this.#ledger.settled(timeout);
    }
    this.#stopSignals();
    return this.#ledger.conclude(this.#lost);
  }

  async #sendAll(
    lines: Iterable<Line> | AsyncIterable<Line>,
    onAnswer: (isSent: boolean) => void,
  ): Promise<void> {
    let number = 0;
    for await (const line of lines) {
      if (this.#ending.hasBegun) return;
      number++;
      if (line.type !== "text") {
        this.#ledger.fail(number, new LineError(line, MAX_PAYLOAD_BYTES));
      } else if (line.text !== "") {
        this.#ledger.add(number, this.#send(line.text), onAnswer);
        await this.#ledger.fewerThan(this.#window);
      }
    }
  }
}

/**
 * The account of the lines: how many wait for an answer, were acknowledged,
 * failed. Knows nothing of networks: a line's fate is a promise.
 */
export class Ledger {
  readonly #tell: (sentence: string) => void;
  readonly #isOneMessage: boolean;
  readonly #progress = new Progress();
  readonly #unanswered: number[] = [];
  #waiting = 0;
  #acknowledged = 0;
  #refused = 0;
  #isDenied = false;
  /** What was told of the first line that was refused. */
  #firstRefusal = "";
  #isCutShort = false;

  /**
   * Opens an empty one.
   *
   * @param tell Writes a sentence about what went wrong.
   * @param isOneMessage Whether there is but one, and no lines to number.
   */
  constructor(tell: (sentence: string) => void, isOneMessage = false) {
    this.#tell = tell;
    this.#isOneMessage = isOneMessage;
  }

  /** Whether a line was refused for want of rights. */
  get isDenied(): boolean {
    return this.#isDenied;
  }

  /**
   * Takes a line that was sent.
   *
   * @param line Which of the input, from 1.
   * @param sent Settles with its fate.
   * @param onAnswer Called when that is known, and written down.
   */
  async add(
    line: number,
    sent: Promise<void>,
    onAnswer: (isSent: boolean) => void = () => {},
  ): Promise<void> {
    this.#waiting++;
    const error = await sent.then(() => undefined, (error: Error) => error);
    this.#waiting--;
    if (error === undefined) this.#acknowledged++;
    else this.fail(line, error);
    onAnswer(error === undefined);
    this.#progress.made();
  }

  /**
   * Takes a line that was not delivered, and tells why; but not yet where
   * nobody said why.
   *
   * @param line Which of the input, from 1.
   * @param error The reason.
   */
  fail(line: number, error: Error): void {
    if (error instanceof AbandonedError) {
      this.#unanswered.push(line);
      return;
    }
    this.#refused++;
    this.#isDenied ||= error instanceof PublishError && error.isDenied;
    const subject = this.#isOneMessage ? "The message" : `Line ${line}`;
    const sentence = `${subject} was not sent. ${error.message}`;
    this.#firstRefusal ||= sentence;
    this.#tell(sentence);
  }

  /** Takes note that the input broke off, and tells why. */
  endOfInput(error: Error): void {
    this.#isCutShort = true;
    this.#tell(`The input could not be read on: ${error.message}.`);
  }

  /** Waits until fewer lines than a number wait for an answer. */
  async fewerThan(count: number): Promise<void> {
    while (this.#waiting >= count) await this.#progress.next;
  }

  /**
   * Waits until no line waits for an answer, or none has had one for a while.
   *
   * @param seconds How long that is.
   * @returns Whether every line has its answer.
   */
  async settled(seconds: number): Promise<boolean> {
    while (this.#waiting > 0) {
      const before = this.#waiting;
      await within(seconds, this.#progress.next);
      if (this.#waiting === before) return false;
    }
    return true;
  }

  /**
   * Sums up.
   *
   * @param lost Why the connection ended early, if it did.
   * @returns The exit code.
   */
  conclude(lost?: Error): number {
    const unanswered = this.#unanswered.length;
    if (lost !== undefined) this.#tell(lost.message);
    if (unanswered > 0) {
      this.#tell(
        this.#isOneMessage
          ? "The message was not acknowledged; it may or may not have arrived."
          : `${range(this.#unanswered)} not acknowledged and may or may not ` +
            `have arrived; acknowledged: ${this.#acknowledged}.` +
            (this.#firstRefusal && ` ${this.#firstRefusal}`),
      );
    }
    if (this.#isDenied) return EXIT.notAuthorized;
    if (this.#refused + unanswered > 0) return EXIT.undelivered;
    if (lost !== undefined) return exitCodeOf(lost);
    return this.#isCutShort ? EXIT.failed : EXIT.ok;
  }
}

/** The beginning of a sentence on some lines: count, first and last. */
function range(lines: number[]): string {
  const [first] = lines;
  return lines.length === 1
    ? `Line ${first} was`
    : `${lines.length} lines, ${first} to ${lines.at(-1)}, were`;
}
