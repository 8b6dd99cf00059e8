import { assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("ignored");

test("a name is compared exactly", () => {
  const ignored = new Ignored(["Ada", "a: b"]);
  assertEquals(ignored.add("__proto__"), true);
  for (const name of ["Ada", "a: b", "__proto__"]) {
    assertEquals(ignored.has(name), true, name);
    assertEquals(ignored.add(name), false, name);
  }
  for (const name of ["ada", "Ada ", "Аda", "Ada\u200b", "", "toString"]) {
    assertEquals(ignored.has(name), false, name);
  }
});

test("a name that can't be typed is written as it is shown", () => {
  const ignored = new Ignored(['"Ada<U+200B>"', `"${"x".repeat(32)}"…`]);
  assertEquals(ignored.has("Ada\u200b"), true);
  assertEquals(ignored.has("Ada"), false);
  // All that look so, since a line shows no more of them.
  assertEquals(ignored.has("x".repeat(33)), true);
  assertEquals(ignored.has("x".repeat(256)), true);
  assertEquals(ignored.has("x".repeat(32)), false);
});

test("a name is taken away in either spelling", () => {
  const ignored = new Ignored(["Ada", " b", '"c<U+001B>"']);
  assertEquals(ignored.list(), ["Ada", '" b"', '"c<U+001B>"']);
  assertEquals(ignored.remove("b"), false);
  for (const name of ["Ada", '" b"', "c\x1b"]) {
    assertEquals(ignored.remove(name), true, name);
  }
  assertEquals(ignored.list(), []);
});
