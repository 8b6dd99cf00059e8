/**
 * Stands in for `@std/assert` where JSR can't be reached: the assertions that
 * this project's tests import, over `node:assert`. `assertEquals` is Node's
 * strict deep equality, which tells 0 from -0 and looks at prototypes; the
 * values of `Temporal` are all the same to it, so compare their texts.
 *
 * @module
 */

import { AssertionError } from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

// deno-lint-ignore no-explicit-any -- constructors of any signature
type Class<T> = abstract new (...args: any[]) => T;

export function assert(expr: unknown, msg?: string): asserts expr {
  if (!expr) throw failure(`${inspect(expr)} is not truthy`, msg);
}

export function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is false | 0 | 0n | "" | null | undefined {
  if (expr) throw failure(`${inspect(expr)} is not falsy`, msg);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const operator = "deepStrictEqual";
  const { message } = new AssertionError({ actual, expected, operator });
  throw failure(message, msg);
}

export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw failure(`${inspect(actual)} does not match ${expected}`, msg);
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw failure(
    `${inspect(actual)} does not contain ${inspect(expected)}`,
    msg,
  );
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw failure(`not so: ${inspect(actual)} > ${inspect(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw failure(`not so: ${inspect(actual)} < ${inspect(expected)}`, msg);
}

export function assertThrows(fn: () => unknown): unknown;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ErrorClass?: Class<Error>,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes, msg);
  }
  throw failure("nothing was thrown", msg);
}

export function assertRejects(fn: () => PromiseLike<unknown>): Promise<unknown>;
export function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ErrorClass?: Class<Error>,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  // What is thrown before there is a promise is no rejection.
  const promise = fn();
  try {
    await promise;
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes, msg);
  }
  throw failure("nothing was rejected", msg);
}

/** Returns what was thrown if it is what was expected. */
function checkError(
  error: unknown,
  ErrorClass?: Class<Error>,
  msgIncludes = "",
  msg?: string,
): unknown {
  if (ErrorClass === undefined) return error;
  if (!(error instanceof ErrorClass)) {
    throw failure(`not a ${ErrorClass.name}: ${inspect(error)}`, msg);
  }
  assertStringIncludes(error.message, msgIncludes, msg);
  return error;
}

function failure(what: string, msg?: string): AssertionError {
  return new AssertionError({ message: msg ? `${msg}: ${what}` : what });
}
