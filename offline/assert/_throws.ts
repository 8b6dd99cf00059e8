/**
 * Assertions on what a function throws, or its promise rejects with.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { failure } from "./_assertion_error.ts";

/**
 * A class of errors.
 *
 * @internal
 */
// deno-lint-ignore no-explicit-any -- constructors of any signature
export type ErrorConstructor<E> = abstract new (...args: any[]) => E;

/** What a test expects: a class and a part of the message, or anything. */
interface Expected<E> {
  ErrorClass?: ErrorConstructor<E>;
  includes?: string;
  msg?: string;
}

/**
 * Asserts that a function throws.
 *
 * @param fn What is called.
 * @param msg Added to the failure.
 * @returns What it threw.
 * @throws {AssertionError} When it does not throw.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Asserts that a function throws an error of a class.
 *
 * @param fn What is called.
 * @param ErrorClass The class.
 * @param msgIncludes A part of the error's message.
 * @param msg Added to the failure.
 * @returns The error.
 * @throws {AssertionError} When it throws nothing or something else.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorConstructor<E> | string,
  includesOrMsg?: string,
  msg?: string,
): unknown {
  const expected = read(classOrMsg, includesOrMsg, msg);
  try {
    fn();
  } catch (error) {
    return check(error, expected, "thrown");
  }
  throw failure("Expected function to throw", expected.msg);
}

/**
 * Asserts that a function's promise rejects.
 *
 * @param fn What is called.
 * @param msg Added to the failure.
 * @returns What it rejected with.
 * @throws {AssertionError} When it does not reject, or throws before.
 */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Asserts that a function's promise rejects with an error of a class.
 *
 * @param fn What is called.
 * @param ErrorClass The class.
 * @param msgIncludes A part of the error's message.
 * @param msg Added to the failure.
 * @returns The error.
 * @throws {AssertionError} When it does not reject or with something else.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructor<E> | string,
  includesOrMsg?: string,
  msg?: string,
): Promise<unknown> {
  const expected = read(classOrMsg, includesOrMsg, msg);
  const promise = start(fn, expected.msg);
  try {
    await promise;
  } catch (error) {
    return check(error, expected, "rejected");
  }
  throw failure("Expected function to reject", expected.msg);
}

/** Calls a function that has to return a promise. */
function start(fn: () => PromiseLike<unknown>, msg?: string) {
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch {
    // Thrown before there was a promise: the same failure as no promise.
  }
  if (typeof promise === "object" && typeof promise?.then === "function") {
    return promise;
  }
  throw failure("Function throws when expected to reject", msg);
}

/** Tells the two ways to call apart. */
function read<E>(
  classOrMsg: ErrorConstructor<E> | string | undefined,
  includesOrMsg: string | undefined,
  msg: string | undefined,
): Expected<E> {
  return typeof classOrMsg === "string"
    ? { msg: classOrMsg }
    : { ErrorClass: classOrMsg, includes: includesOrMsg, msg };
}

/** Returns what was thrown if it is what was expected. */
function check<E>(
  error: unknown,
  { ErrorClass, includes, msg }: Expected<E>,
  how: "thrown" | "rejected",
): unknown {
  if (!ErrorClass) return error;
  if (!(error instanceof Error)) {
    throw failure(`A non-Error object was ${how}`, msg);
  }
  if (!(error instanceof ErrorClass)) {
    throw failure(
      `Expected error to be instance of "${ErrorClass.name}", but was ` +
        `"${error.constructor?.name}"`,
      msg,
    );
  }
  const plain = stripVTControlCharacters(error.message);
  if (includes && !plain.includes(stripVTControlCharacters(includes))) {
    throw failure(
      `Expected error message to include ${JSON.stringify(includes)}, but ` +
        `got ${JSON.stringify(error.message)}`,
      msg,
    );
  }
  return error;
}
