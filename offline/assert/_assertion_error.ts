/**
 * The error of a failed assertion.
 *
 * @module
 */

/** An assertion that does not hold. */
export class AssertionError extends Error {
  /**
   * Makes the error.
   *
   * @param message What does not hold.
   * @param options The cause, if there is one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/**
 * Ends a sentence with the message of the test, if it gave one.
 *
 * @param sentence The sentence, without a full stop.
 * @param msg The test's message.
 * @returns The error to throw.
 */
export function failure(sentence: string, msg?: string): AssertionError {
  return new AssertionError(sentence + (msg ? `: ${msg}` : "."));
}
