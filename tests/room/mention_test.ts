import { assert, assertEquals } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { Bell, mentionOf } from "../../lib/room/mention.ts";
import { MAX_PAYLOAD_BYTES } from "../../lib/protocol.ts";
import { safeText } from "../../lib/safe_text.ts";

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

// In NO_COLOR's presence @std/fmt/colors has no colours to test.
Deno.test({
  name: "mention: marked bold and inverse, as it was written",
  ignore: Deno.noColor,
  fn() {
    setColorEnabled(true);
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
  },
});

Deno.test("mention: hostile texts take milliseconds", () => {
  const flood = (text: string) =>
    text.repeat(MAX_PAYLOAD_BYTES / text.length).slice(0, MAX_PAYLOAD_BYTES);
  const names = ["a", "a".repeat(256), "a".repeat(255) + "b", "a a a a b", "é"];
  const texts = ["a", "a ", "é", "e\u0301", "a\u200d", " ", "<U+001B>"];
  for (const name of names) {
    const mention = mentionOf(name);
    for (const text of texts.map(flood)) {
      mention.mark(text);
      const times = Array.from({ length: 5 }, () => {
        const from = performance.now();
        mention.mark(text);
        return performance.now() - from;
      });
      // The best of several: other processes take their time, too.
      const best = Math.min(...times);
      assert(best < 5, `${best} ms: ${name} in ${text.slice(0, 8)}…`);
    }
  }
});

Deno.test("bell: once in two seconds", () => {
  const bell = new Bell();
  const rings = [0, 1, 1_999, 2_000, 3_999, 4_001, 10_000, 5_000, 6_999, 7_000]
    .map((ms) => bell.rings(new Date(ms)));
  assertEquals(rings, [
    ...[true, false, false, true, false, true, true],
    // A clock that was set back.
    ...[true, false, true],
  ]);
});
