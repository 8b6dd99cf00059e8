/**
 * Assertions on values.
 *
 * @module
 */

import { AssertionError as Difference } from "node:assert";
import { AssertionError, failure } from "./_assertion_error.ts";
import { equal } from "./_equal.ts";

/** What {@link assertFalse} takes for false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** A list that is not a string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that a value is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Fails. */
export function fail(msg?: string): never {
  throw failure("Failed assertion", msg);
}

/** Asserts that two values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw different("Values are not equal", actual, expected, msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw failure(
    `Expected actual: ${show(actual)} not to be: ${show(expected)}`,
    msg,
  );
}

/** Asserts that two values are the same, as `Object.is` has it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw different("Values are not strictly equal", actual, expected, msg);
}

/** Asserts that a value is neither null nor undefined. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw failure(
    `Expected actual: "${actual}" to not be null or undefined`,
    msg,
  );
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any -- constructors of any signature
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const isInstance = typeof actual === "object" && actual !== null;
  const name = isInstance
    ? actual.constructor?.name ?? "Object"
    : actual === null
    ? "null"
    : typeof actual;
  throw failure(
    `Expected object to be an instance of "${expectedType.name}" but was ` +
      `"${name}"`,
    msg,
  );
}

/** Asserts that a text matches a pattern. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw failure(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

/** Asserts that a text contains another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw failure(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

/** Asserts that a list has, deeply compared, each item of another. */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const items = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !items.some((item) => equal(item, wanted))
  );
  if (missing.length === 0) return;
  throw failure(
    `Expected actual: "${show(actual)}" to include: "${show(expected)}", ` +
      `missing: ${show(missing)}`,
    msg,
  );
}

/** Asserts that a value is greater than another. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw unordered(actual, ">", expected, msg);
}

/** Asserts that a value is another or greater. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual >= expected)) throw unordered(actual, ">=", expected, msg);
}

/** Asserts that a value is less than another. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw unordered(actual, "<", expected, msg);
}

/** Asserts that a value is another or less. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual <= expected)) throw unordered(actual, "<=", expected, msg);
}

function show(value: unknown): string {
  return Deno.inspect(value, { depth: Infinity, sorted: true });
}

function unordered(
  actual: unknown,
  relation: string,
  expected: unknown,
  msg = `Expect ${show(actual)} ${relation} ${show(expected)}`,
): AssertionError {
  return new AssertionError(msg);
}

/** The failure of a comparison, with Node's picture of what differs. */
function different(
  sentence: string,
  actual: unknown,
  expected: unknown,
  msg?: string,
): AssertionError {
  const { message } = new Difference({
    actual,
    expected,
    operator: "deepStrictEqual",
  });
  return new AssertionError(`${failure(sentence, msg).message}\n${message}`);
}
