/**
 * What the project takes from `jsr:@std/assert`, held in tests that pass alike with
 * the real package and with the stand-in in `offline/`.
 *
 * @module
 */

import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";

/** Checks that some calls pass and the others fail an assertion. */
function assertVerdicts(passing: (() => void)[], failing: (() => void)[]) {
  for (const call of passing) call();
  for (const call of failing) {
    const error = assertThrows(call, AssertionError);
    assertEquals(error.name, "AssertionError");
  }
}

Deno.test("assertEquals and its kin compare deeply", () => {
  const bytes = (...list: number[]) => new Uint8Array(list);
  const pairs: [unknown, unknown, boolean][] = [
    [{ a: [1, { b: "x" }] }, { a: [1, { b: "x" }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [NaN, NaN, true],
    [0, -0, true],
    [Object.create(null), {}, true],
    [bytes(1, 2), bytes(1, 2), true],
    [new Map([["a", [1]]]), new Map([["a", [1]]]), true],
    [new Set([[1], 2]), new Set([2, [1]]), true],
    [new Date(5), new Date(5), true],
    [new URL("mqtt://a"), new URL("mqtt://a"), true],
    [1, "1", false],
    [[1], [1, undefined], false],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [bytes(1, 2), bytes(1, 3), false],
    [bytes(1), new Int8Array([1]), false],
    [new Map([["a", [1]]]), new Map([["a", [2]]]), false],
    [new Set([1]), new Set([2]), false],
    [new Date(5), new Date(6), false],
    [/a/, /a/g, false],
    [null, undefined, false],
    [new Error("a"), new Error("b"), false],
  ];
  for (const [a, b, same] of pairs) {
    const equal = () => assertEquals(a, b);
    const different = () => assertNotEquals(a, b);
    assertVerdicts([same ? equal : different], [same ? different : equal]);
  }
  const message = (msg?: string) =>
    assertThrows(() => assertEquals(1, 2, msg), Error).message.split("\n")[0];
  assertEquals(message(), "Values are not equal.");
  assertEquals(message("the count"), "Values are not equal: the count");
});

Deno.test("the other assertions pass and fail as they should", () => {
  const list = [1, { a: 2 }, "x"];
  assertVerdicts([
    () => assert("a"),
    () => assertFalse(""),
    () => assertStrictEquals(list, list),
    () => assertExists(0),
    () => assertInstanceOf(new TypeError(), Error),
    () => assertMatch("chat/room", /^chat/),
    () => assertStringIncludes("chat/room", "/"),
    () => assertArrayIncludes(list, ["x", { a: 2 }]),
    () => assertObjectMatch({ a: { b: [1], c: 2 } }, { a: { b: [1] } }),
    () => assertGreater(2, 1),
    () => assertGreaterOrEqual(1, 1),
    () => assertLess(1, 2),
    () => assertLessOrEqual(1, 1),
  ], [
    () => assert(0),
    () => assertFalse("a"),
    () => assertStrictEquals<unknown>([1], [1]),
    () => assertExists(null),
    () => assertInstanceOf(new Error(), TypeError),
    () => assertMatch("room", /^chat/),
    () => assertStringIncludes("room", "/"),
    () => assertArrayIncludes(list, ["x", { a: 3 }]),
    () => assertObjectMatch({ a: { b: 1 } }, { a: { b: 2 } }),
    () => assertObjectMatch({ a: 1 }, { b: 1 }),
    () => assertGreater(1, 1),
    () => assertGreaterOrEqual(1, 2),
    () => assertLess(1, 1),
    () => assertLessOrEqual(2, 1),
    () => fail("no"),
  ]);
});

Deno.test("assertThrows and assertRejects check class and message", async () => {
  const error = new RangeError("port \x1b[1m70000\x1b[22m is too high");
  const broken = () => {
    throw error;
  };
  const rejecting = () => Promise.reject(error);
  assertVerdicts([
    () => assertStrictEquals(assertThrows(broken), error),
    () => assertStrictEquals(assertThrows(broken, RangeError), error),
    () => void assertThrows(broken, Error, "70000 is"),
  ], [
    () => void assertThrows(() => {}),
    () => void assertThrows(broken, TypeError),
    () => void assertThrows(broken, RangeError, "too low"),
    () =>
      void assertThrows(() => {
        throw "text";
      }, Error),
  ]);
  assertStrictEquals(await assertRejects(rejecting), error);
  assertStrictEquals(await assertRejects(rejecting, Error, "70000 is"), error);
  const failing = [
    () => assertRejects(() => Promise.resolve()),
    () => assertRejects(broken),
    () => assertRejects(rejecting, TypeError),
    () => assertRejects(rejecting, RangeError, "too low"),
    () => assertRejects(() => Promise.reject("text"), Error),
  ];
  for (const call of failing) await assertRejects(call, AssertionError);
});
