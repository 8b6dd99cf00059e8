import { assertEquals } from "@std/assert";
import { Ignored, lookAlike, spelledOut } from "../../lib/room/ignored.ts";
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

test("names look alike in case, accents, other alphabets and what can't be seen", () => {
  const pairs = [
    ["Ada", "ada"],
    ["Ada", "Аda"], // Cyrillic A
    ["Ada", "Αda"], // Greek alpha
    ["Ada", "Ａｄａ"],
    ["Ada", "Áda"],
    ["Ada", "Ada\u200b"],
    ["Ada Byron", "AdaByron"],
    ["Ian", "lan"],
    ["Bob", "B0b"],
    ["\u00d6d\u00f6n", "O\u0308do\u0308n"],
  ];
  for (const [one, other] of pairs) {
    assertEquals(lookAlike(one, other), true, `${one} ${other}`);
    assertEquals(lookAlike(other, one), true, `${other} ${one}`);
  }
});

test("neither a name itself nor a different one looks alike", () => {
  for (const other of ["Ada", "Eda", "Adam", "", "АДА"]) {
    assertEquals(lookAlike("Ada", other), false, other);
  }
});

test("the letters that an eye may miss are spelled out", () => {
  assertEquals(spelledOut("Ada"), "Ada");
  assertEquals(spelledOut("Аd😀"), "Аd😀 (U+0410 U+1F600)");
});
