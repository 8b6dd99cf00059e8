/**
 * Lines → the room: sends them as fast as the broker acknowledges, stops when
 * told to, and accounts for each at the end.
 *
 * @module
 */

import type { ChatClient } from "../client.ts";
import { type Line, LineError } from "../terminal/input.ts";
import type { PublisherOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { Report } from "./report.ts";
import { onEndSignals } from "../terminal/signals.ts";

/** Where the lines come from: a pipe, a prompt, or one from the arguments. */
export type LineSource = Iterable<Line> | AsyncIterable<Line>;

/** One input, delivered. */
export class Delivery {
  readonly #client: ChatClient;
  readonly #options: PublisherOptions;
  readonly #outbox: Outbox;
  readonly #report: Report;
  readonly #stop = Promise.withResolvers<void>();
  readonly #hurry = Promise.withResolvers<void>();
  #stopSignals = () => {};
  #isPouring = true;
  #isStopped = false;
  #lost?: Error;

  /**
   * Makes it; nothing is sent yet.
   *
   * @param client The connection.
   * @param options The room, the name, the QoS, the time-out.
   * @param tell Writes a sentence about what went wrong.
   * @param window The most lines without an answer at a time.
   */
  constructor(
    client: ChatClient,
    options: PublisherOptions,
    tell: (sentence: string) => void,
    window?: number,
  ) {
    this.#client = client;
    this.#options = options;
    this.#report = new Report(tell, options.message !== undefined);
    this.#outbox = new Outbox(
      (failure) => this.#report.add(failure),
      window,
    );
    client.lost.then((error) => {
      this.#lost = error;
      this.stop();
    });
  }

  /** Reads no further line. */
  stop(): void {
    this.#isStopped = true;
    this.#stop.resolve();
  }

  /** Whether a line was refused for want of rights. */
  get isDenied(): boolean {
    return this.#report.isDenied;
  }

  /**
   * Sends lines until there are no more, a signal comes, or the connection is
   * lost for good. Empty lines are skipped.
   *
   * @param lines The input.
   * @param onSettled Called after each line that was answered.
   */
  async pour(
    lines: LineSource,
    onSettled: (isSent: boolean) => void = () => {},
  ): Promise<void> {
    this.#stopSignals = onEndSignals(() => this.#onSignal());
    const all = this.#sendAll(lines, onSettled).catch((error: Error) => {
      this.#report.endOfInput(error);
    });
    await Promise.race([all, this.#stop.promise]);
    this.#isPouring = false;
  }

  /** The first signal ends the input; one after that, the waiting too. */
  #onSignal(): void {
    if (this.#isPouring) this.stop();
    else this.#hurry.resolve();
    this.#isPouring = false;
  }

  /** Settles when a signal says not to wait any longer. */
  get hurried(): Promise<void> {
    return this.#hurry.promise;
  }

  /**
   * Waits for the last acknowledgements, or until a signal says not to, tells
   * what is missing, and closes the connection.
   *
   * @returns The exit code.
   */
  async finish(): Promise<number> {
    const { timeout } = this.#options;
    const drained = this.#outbox.drain(timeout * 1000);
    const isSettled = this.#lost === undefined &&
      await Promise.race([drained, this.hurried.then(() => false)]);
    const { acknowledged, pending } = this.#outbox;
    if (isSettled) await this.#client.close();
    else this.#client.abort();
    this.#stopSignals();
    return this.#report.conclude(acknowledged, pending, this.#lost);
  }

  async #sendAll(
    lines: LineSource,
    onSettled: (isSent: boolean) => void,
  ): Promise<void> {
    let number = 0;
    for await (const line of lines) {
      if (this.#isStopped) return;
      number++;
      if (line.type !== "text") {
        const error = new LineError(line, MAX_PAYLOAD_BYTES);
        this.#outbox.refuse(number, error);
      } else if (line.text !== "") {
        const sent = this.#send(line.text);
        const mayGoOn = this.#outbox.add(number, sent);
        // Registered second, so that the report knows of it by then.
        sent.then(() => onSettled(true), () => onSettled(false));
        await mayGoOn;
      }
    }
  }

  #send(message: string): Promise<void> {
    const { topic, name, qos } = this.#options;
    return this.#client.send(
      topic,
      { type: "message", from: name, message },
      qos,
    );
  }
}
