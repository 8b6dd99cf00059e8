import { assertEquals } from "@std/assert";
import { lookAlike, spelledOut } from "../../lib/room/lookalike.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("look-alikes");

test("case, accents, other alphabets, and what can't be seen", () => {
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

test("not the name itself, and not another", () => {
  for (const other of ["Ada", "Eda", "Adam", "", "АДА"]) {
    assertEquals(lookAlike("Ada", other), false, other);
  }
});

test("the letters that an eye may miss are spelled out", () => {
  assertEquals(spelledOut("Ada"), "Ada");
  assertEquals(spelledOut("Аd😀"), "Аd😀 (U+0410 U+1F600)");
});
