/**
 * What the project takes from `jsr:@std/assert`, `@std/cli` and `@std/fmt`. These
 * pass alike with the real packages and with the stand-ins.
 */

import * as std from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import * as colors from "@std/fmt/colors";
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
    equal(new Set([[1], 2]), new Set([2, [1]])),
    () => std.assert("a"),
    () => std.assertFalse(""),
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
    equal(new Error("a"), new Error("b")),
    () => std.assert(0),
    () => std.assertFalse("a"),
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

Deno.test("unicodeWidth sums the cells of code points", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["plain ~", 7],
    ["é e\u0301", 3],
    ["天地玄黃", 8],
    ["ｆｕｌｌ", 8],
    ["ｶﾅ", 2],
    ["한국어", 6],
    ["ไทย", 3],
    ["हिन्दी", 5],
    ["👋", 2],
    ["👩\u200D👩\u200D👧", 6],
    ["👍🏽", 4],
    ["❤", 1],
    ["\u200B\uFE0F", 0],
    ["\x00\x1b\x7f\x9b", 0],
    ["€“”…–", 5],
  ];
  for (const [text, width] of widths) {
    std.assertEquals(unicodeWidth(text), width, text);
  }
});

Deno.test("colours write exact escapes, or none", () => {
  const codes: [(text: string) => string, string, number][] = [
    [colors.bold, "1", 22],
    [colors.dim, "2", 22],
    [colors.italic, "3", 23],
    [colors.underline, "4", 24],
    [colors.inverse, "7", 27],
    [colors.red, "31", 39],
    [(text) => colors.rgb8(text, 208), "38;5;208", 39],
  ];
  for (const [paint, open, close] of codes) {
    // The inner end is followed by the outer beginning.
    const painted = `\x1b[${open}ma\x1b[${open}m b\x1b[${close}m`;
    const inner = `a\x1b[${close}m b`;
    // NO_COLOR wins over all: then every function returns its text.
    std.assertEquals(paint(inner), Deno.noColor ? inner : painted);
    colors.setColorEnabled(false);
    std.assertEquals(paint(inner), inner);
    colors.setColorEnabled(true);
  }
});
