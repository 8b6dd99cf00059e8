import * as std from "@std/assert";
import { rejects, throws } from "node:assert";

Deno.test("@std/assert: each assertion passes and fails as it should", async () => {
  const error = new RangeError("port 70000 is too high");
  const thrower = () => {
    throw error;
  };
  const rejecting = () => Promise.reject(error);
  const equal = (a: unknown, b: unknown) => () => std.assertEquals(a, b);
  const passing = [
    equal({ a: 1, b: [NaN] }, { b: [NaN], a: 1 }),
    equal(new Map([["a", [1]]]), new Map([["a", [1]]])),
    equal(new Set([[1], 2]), new Set([2, [1]])),
    equal(new Uint8Array([1, 2]), new Uint8Array([1, 2])),
    () => std.assert("a"),
    () => std.assertFalse(""),
    () => std.assertInstanceOf(error, Error),
    () => std.assertMatch("chat/room", /^chat/),
    () => std.assertStringIncludes("chat/room", "/"),
    () => std.assertGreater(2, 1),
    () => std.assertLess(1, 2),
    () => std.assert(std.assertThrows(thrower) === error),
    () => std.assert(std.assertThrows(thrower, Error, "70000") === error),
  ];
  const failing: (() => unknown)[] = [
    equal({ a: [1, { b: "x" }] }, { a: [1, { b: "y" }] }),
    equal([1], [1, undefined]),
    equal({ a: undefined }, {}),
    equal(1, "1"),
    equal(new Uint8Array([1]), new Uint8Array([2])),
    equal(new Date(5), new Date(6)),
    equal(new URL("mqtt://a"), new URL("mqtt://b")),
    equal(new Error("a"), new Error("b")),
    () => std.assert(0),
    () => std.assertFalse("a"),
    () => std.assertInstanceOf(error, TypeError),
    () => std.assertMatch("room", /^chat/),
    () => std.assertStringIncludes("room", "/"),
    () => std.assertGreater(NaN, 1),
    () => std.assertLess(1, 1),
    () => std.assertThrows(() => {}),
    () => std.assertThrows(thrower, TypeError),
    () => std.assertThrows(thrower, RangeError, "too low"),
    () => std.assertRejects(() => Promise.resolve()),
    () => std.assertRejects(rejecting, TypeError),
    () => std.assertRejects(rejecting, RangeError, "too low"),
  ];
  for (const call of passing) call();
  for (const call of failing) {
    const name = "AssertionError";
    await rejects(async () => await call(), { name }, `${call}`);
  }
  std.assert(await std.assertRejects(rejecting, Error, "70000") === error);
  // An error that is thrown before there is a promise is not rejected.
  await rejects(async () => await std.assertRejects(thrower, RangeError));
  const compare = () => std.assertEquals({ a: 12 }, { a: 56 }, "sum");
  throws(compare, /sum[^]*12[^]*56/);
});
