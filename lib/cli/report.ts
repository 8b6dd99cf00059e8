/**
 * The account of lines that were not delivered: each refused one at once, the
 * unanswered ones together at the end, and the exit code they add up to.
 *
 * @module
 */

import { AbandonedError, PublishError } from "../client.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import type { Failure } from "./outbox.ts";

/** Collects what went wrong with lines. */
export class Report {
  readonly #tell: (sentence: string) => void;
  readonly #isOneMessage: boolean;
  readonly #unanswered: number[] = [];
  #refused = 0;
  #denied = 0;
  #isCutShort = false;

  /**
   * Makes an empty one.
   *
   * @param tell Writes a sentence for people.
   * @param isOneMessage Whether there is but one, and no lines to number.
   */
  constructor(tell: (sentence: string) => void, isOneMessage = false) {
    this.#tell = tell;
    this.#isOneMessage = isOneMessage;
  }

  /** Whether a line was refused for want of rights. */
  get isDenied(): boolean {
    return this.#denied > 0;
  }

  /**
   * Takes note of a line, and tells why it was refused.
   *
   * @param failure The line and the error.
   */
  add({ line, error }: Failure): void {
    if (error instanceof AbandonedError) {
      this.#unanswered.push(line);
      return;
    }
    this.#refused++;
    if (error instanceof PublishError && error.isDenied) this.#denied++;
    const subject = this.#isOneMessage ? "The message" : `Line ${line}`;
    this.#tell(`${subject} was not sent. ${error.message}`);
  }

  /**
   * Takes note that the input broke off.
   *
   * @param error Why.
   */
  endOfInput(error: Error): void {
    this.#isCutShort = true;
    this.#tell(`The input could not be read on: ${error.message}.`);
  }

  /**
   * Sums up.
   *
   * @param acknowledged How many lines were delivered.
   * @param pending The lines nobody has answered.
   * @param lost Why the connection ended early, if it did.
   * @returns The exit code.
   */
  conclude(acknowledged: number, pending: number[], lost?: Error): number {
    const unanswered = [...this.#unanswered, ...pending];
    if (lost !== undefined) this.#tell(lost.message);
    if (unanswered.length > 0) {
      this.#tell(
        this.#isOneMessage
          ? "The message was not acknowledged; it may or may not have arrived."
          : `${range(unanswered)} not acknowledged and may or may not have ` +
            `arrived; acknowledged: ${acknowledged}.`,
      );
    }
    if (this.isDenied) return EXIT.notAuthorized;
    if (this.#refused + unanswered.length > 0) return EXIT.undelivered;
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
