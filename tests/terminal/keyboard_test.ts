import { assertEquals } from "@std/assert";
import { type Input, PasteSplitter } from "../../lib/terminal/keyboard.ts";

/** What comes out of pieces, neighbouring keys put together. */
function split(...pieces: string[]): [string, string][] {
  const splitter = new PasteSplitter();
  const inputs: Input[] = pieces.flatMap((piece) => splitter.split(piece));
  const joined: [string, string][] = [];
  for (const { type, text } of inputs) {
    const last = joined.at(-1);
    if (type === "keys" && last?.[0] === "keys") last[1] += text;
    else joined.push([type, text]);
  }
  return joined;
}

Deno.test("paste: keys are keys, whatever they are", () => {
  for (const keys of ["a", "é👩‍👩‍👧", "\x1b[A", "\x1b", "\x03", "\r", "a\rb\r"]) {
    assertEquals(split(keys), [["keys", keys]]);
  }
  assertEquals(split(""), []);
});

Deno.test("paste: the marks tell pastes from keys, wherever they are cut", () => {
  const text = "a\x1b[200~b\rc\x1b[A\x1b[201~d\x1b[200~\x1b[201~";
  const expected: [string, string][] = [
    ["keys", "a"],
    ["paste", "b\rc\x1b[A"],
    ["keys", "d"],
    ["paste", ""],
  ];
  assertEquals(split(text), expected);
  // A cut right after the ESC of a start is that of a key, which must not wait.
  const marks = ["\x1b[200~", "\x1b[201~"].map((mark) => text.indexOf(mark));
  const cuts = [0, 2, 3, 4, 5, 6].map((after) => marks[0] + after);
  cuts.push(...[0, 1, 2, 3, 4, 5, 6].map((after) => marks[1] + after));
  for (const cut of cuts) {
    assertEquals(split(text.slice(0, cut), text.slice(cut)), expected);
  }
});

Deno.test("paste: a paste may be long and come in many pieces", () => {
  const long = "a line\r".repeat(10_000);
  const all = `\x1b[200~${long}\x1b[201~`;
  const pieces = all.match(/[^]{1,4095}/g)!;
  assertEquals(split(...pieces), [["paste", long]]);
});

Deno.test("paste: Ctrl-C ends one whose end mark is lost", () => {
  assertEquals(split("\x1b[200~abc", "\r", "\x03", "d"), [["keys", "\x03d"]]);
  assertEquals(split("\x1b[200~a\x03b\x1b[201~"), [["paste", "a\x03b"]]);
});

Deno.test("paste: three lines at once are one even without marks", () => {
  assertEquals(split("a\rb\rc\rd"), [["paste", "a\rb\rc\rd"]]);
  assertEquals(split("a\rb\r"), [["keys", "a\rb\r"]]);
  assertEquals(split("\r\r\r\r"), [["keys", "\r\r\r\r"]]);
});
