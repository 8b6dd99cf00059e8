/**
 * Assertion on a part of an object.
 *
 * @module
 */

import { assertEquals } from "./_values.ts";

type Keyed = Record<PropertyKey, unknown>;

/**
 * Asserts that an object has at least the properties of another. Arrays may be
 * longer than expected, maps and sets may hold more; classes don't matter.
 * Objects that contain themselves are not supported.
 *
 * @param actual The object.
 * @param expected The properties it must have.
 * @param msg Added to the failure.
 * @throws {AssertionError} When one is missing or differs.
 */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any -- the package's own signature
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(
    properties(actual, expected),
    properties(expected, expected),
    msg,
  );
}

/** The properties that the expectation speaks about, as a plain object. */
function properties(actual: Keyed, expected: Keyed): Keyed {
  return Object.fromEntries(
    Reflect.ownKeys(expected).filter((key) => Object.hasOwn(actual, key))
      .map((key) => [key, part(actual[key], expected[key])]),
  );
}

/** What of a nested value the expectation speaks about. */
function part(actual: unknown, expected: unknown): unknown {
  if (!isObject(actual) || !isObject(expected)) return actual;
  if (actual instanceof RegExp || actual instanceof Date) return actual;
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.slice(0, expected.length)
      .map((item, i) => part(item, expected[i]));
  }
  if (actual instanceof Map && expected instanceof Map) {
    return new Map(
      [...actual].filter(([key]) => expected.has(key))
        .map(([key, value]) => [key, part(value, expected.get(key))]),
    );
  }
  if (actual instanceof Set && expected instanceof Set) {
    return actual.intersection(expected);
  }
  return properties(actual, expected);
}

function isObject(value: unknown): value is Keyed {
  return typeof value === "object" && value !== null;
}
