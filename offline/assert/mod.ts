/**
 * Stands in for `@std/assert` where JSR can't be reached: the assertions this
 * project's tests may use. They pass and fail as the package's do; a failure's
 * picture of the difference is Node's. `setup.ts` puts it into `vendor/`.
 *
 * @module
 */

export { AssertionError } from "./_assertion_error.ts";
export { assertObjectMatch } from "./_object_match.ts";
export { assertRejects, assertThrows } from "./_throws.ts";
export {
  type ArrayLikeArg,
  assert,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
  assertStringIncludes,
  fail,
  type Falsy,
} from "./_values.ts";
