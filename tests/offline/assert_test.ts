/**
 * What the tests take from `jsr:@std/assert`: that each assertion fails when it
 * should. These pass alike with the real package and with the stand-in.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";

/** Checks that some calls pass and the others fail an assertion. */
function assertVerdicts(passing: (() => void)[], failing: (() => void)[]) {
  for (const call of passing) call();
  for (const call of failing) {
    assertEquals(assertThrows(call, Error).name, "AssertionError", `${call}`);
  }
}

Deno.test("assertEquals compares deeply", () => {
  const bytes = (...list: number[]) => new Uint8Array(list);
  const pairs: [unknown, unknown, boolean][] = [
    [{ a: [1, { b: "x" }] }, { a: [1, { b: "x" }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [NaN, NaN, true],
    [bytes(1, 2), bytes(1, 2), true],
    [new Map([["a", [1]]]), new Map([["a", [1]]]), true],
    [new Set([[1], 2]), new Set([2, [1]]), true],
    [new Date(5), new Date(5), true],
    [new URL("mqtt://a"), new URL("mqtt://a"), true],
    [{ a: [1, { b: "x" }] }, { a: [1, { b: "y" }] }, false],
    [1, "1", false],
    [[1], [1, undefined], false],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [bytes(1, 2), bytes(1, 3), false],
    [bytes(1), new Int8Array([1]), false],
    [new Map([["a", [1]]]), new Map([["a", [2]]]), false],
    [new Set([1]), new Set([2]), false],
    [new Date(5), new Date(6), false],
    [new URL("mqtt://a"), new URL("mqtt://b"), false],
    [/a/, /a/g, false],
    [null, undefined, false],
    [new Error("a"), new Error("b"), false],
  ];
  for (const [a, b, same] of pairs) {
    const equal = () => assertEquals(a, b);
    assertVerdicts(same ? [equal] : [], same ? [] : [equal]);
  }
});

Deno.test("assertEquals says what differs, and the test's own words", () => {
  const compare = () => assertEquals({ a: 12, b: 34 }, { a: 12, b: 56 }, "sum");
  const { message } = assertThrows(compare, Error);
  for (const part of ["sum", "34", "56"]) assertStringIncludes(message, part);
});

Deno.test("the other assertions pass and fail as they should", () => {
  assertVerdicts([
    () => assert("a"),
    () => assertFalse(""),
    () => assertInstanceOf(new TypeError(), Error),
    () => assertMatch("chat/room", /^chat/),
    () => assertStringIncludes("chat/room", "/"),
    () => assertGreater(2, 1),
    () => assertLess(1, 2),
  ], [
    () => assert(0),
    () => assertFalse("a"),
    () => assertInstanceOf(new Error(), TypeError),
    () => assertInstanceOf(null, Object),
    () => assertMatch("room", /^chat/),
    () => assertStringIncludes("room", "/"),
    () => assertGreater(1, 1),
    () => assertGreater(NaN, 1),
    () => assertLess(1, 1),
    () => fail("no"),
  ]);
});

Deno.test("assertThrows and assertRejects check class and message", async () => {
  const error = new RangeError("port 70000 is too high");
  const broken = () => {
    throw error;
  };
  const rejecting = () => Promise.reject(error);
  assertVerdicts([
    () => assert(assertThrows(broken) === error),
    () => assert(assertThrows(broken, RangeError) === error),
    () => void assertThrows(broken, Error, "70000 is"),
  ], [
    () => void assertThrows(() => {}),
    () => void assertThrows(() => {}, RangeError),
    () => void assertThrows(broken, TypeError),
    () => void assertThrows(broken, RangeError, "too low"),
    () =>
      void assertThrows(() => {
        throw "text";
      }, Error),
  ]);
  assert(await assertRejects(rejecting) === error);
  assert(await assertRejects(rejecting, Error, "70000 is") === error);
  const failing = [
    () => assertRejects(() => Promise.resolve()),
    () => assertRejects(() => Promise.resolve(), RangeError),
    () => assertRejects(rejecting, TypeError),
    () => assertRejects(rejecting, RangeError, "too low"),
    () => assertRejects(() => Promise.reject("text"), Error),
  ];
  for (const call of failing) {
    const { name } = await assertRejects(call, Error);
    assertEquals(name, "AssertionError", `${call}`);
  }
  // What is thrown before there is a promise is not rejected.
  await assertRejects(() => assertRejects(broken, RangeError), Error);
});
