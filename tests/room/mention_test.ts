import { assert, assertEquals } from "@std/assert";
import { mentionOf } from "../../lib/room/line.ts";
import { safeText } from "../../lib/safe_text.ts";
import { colorTest } from "../support/line_fixtures.ts";

/** A name, texts that mention it, texts that don't. */
const CASES: [name: string, yes: string[], no: string[]][] = [
  [
    "alice",
    [
      "alice",
      "Alice!",
      "hi ALICE",
      "(alice)",
      "@alice: x",
      "alice's",
      "-alice-",
    ],
    ["", "malice", "alices", "alice_", "alice2", "_alice", "alicé", "alic e"],
  ],
  // A letter, and one that is in the escapes of colours.
  ["m", ["m", "m m", "I'm"], ["am", "ma", "m\u0301"]],
  ["é", ["É", "e\u0301", "(é)"], ["e", "né", "e\u0301\u0302"]],
  ["e\u0301va", ["éva", "e\u0301va"], ["eva"]],
  ["ß", ["ß", "ẞ"], ["ss", "aß"]],
  ["σς", ["ΣΣ", "σσ"], ["σ"]],
  ["a.b", ["a.b", "A.B."], ["axb", "a.bc"]],
  [".*", [".*", "x.*y"], ["anything", ""]],
  ["c++ (x|y)", ["c++ (x|y)", "C++ (X|Y)z"], ["c++ x", "cc++ (x|y)"]],
  ["$&", ["$&", "a$&"], ["$", "&"]],
  ["bob smith", ["Bob Smith?", "x bob smith"], ["bob  smith", "bobs smith"]],
  ["田中", ["田中", "@田中!"], ["田中さん"]],
  ["😀", ["😀", "hi😀there"], ["😁"]],
  ["👩", ["👩", "👩 👩‍🚀"], ["👩‍🚀", "👩🏽", "🧑‍👩"]],
  ["👩‍🚀", ["👩‍🚀"], ["👩", "👩‍🚀‍👩"]],
  ["a\x1bb", ["a\x1bb", "a<U+001B>b"], ["ab"]],
  ["\u200e", [], ["", "\u200e", "x"]],
  ["", [], ["", " ", "x"]],
];

Deno.test("mention: a whole word in any case", () => {
  for (const [name, yes, no] of CASES) {
    const mention = mentionOf(name);
    for (const text of yes) {
      assert(mention.isIn(safeText(text)), `${name} in ${text}`);
    }
    for (const text of no) {
      assert(!mention.isIn(safeText(text)), `no ${name} in ${text}`);
      assertEquals(mention.mark(text), text);
    }
  }
});

colorTest("a mention is bold and inverse, as it was written", () => {
  const [open, close] = ["\x1b[1m\x1b[7m", "\x1b[27m\x1b[22m"];
  for (const [name, yes] of CASES) {
    const { mark } = mentionOf(name);
    for (const text of yes.map(safeText)) {
      const marked = mark(text);
      assert(marked.includes(open), `${name} in ${text}`);
      assertEquals(
        marked.replaceAll(open, "").replaceAll(close, ""),
        text,
      );
    }
  }
  const { mark } = mentionOf("m");
  assertEquals(
    mark("m, M and am"),
    `${open}m${close}, ${open}M${close} and am`,
  );
  assertEquals(mentionOf("$&").mark("$&"), `${open}$&${close}`);
});
