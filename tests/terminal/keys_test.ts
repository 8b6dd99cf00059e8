import { assertEquals } from "@std/assert";
import {
  type Input,
  isText,
  keyName,
  KeySplitter,
  textIn,
  tokens,
} from "../../lib/terminal/keys.ts";

/** What comes out of pieces and no more, neighbouring keys put together. */
function split(...pieces: string[]): [string, string][] {
  const splitter = new KeySplitter();
  const inputs: Input[] = pieces.flatMap((piece) => splitter.split(piece));
  inputs.push(...splitter.giveUp());
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
  for (let cut = 0; cut <= text.length; cut++) {
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

/** What terminals report of their own accord or asked, and other non-keys. */
const REPORTS = [
  "\x1b[M !!", // a mouse, the old way
  "\x1b[<0;10;5M\x1b[<0;10;5m", // a mouse
  "\x1b[I\x1b[O", // focus
  "\x1b[12;40R", // where the cursor is
  "\x1b[?62;1;4c\x1b[>41;354;0c", // what terminal it is
  "\x1b[?2026;2$y", // a mode
  "\x1b]11;rgb:0000/0000/0000\x07", // a colour
  "\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
  "\x1bP>|XTerm(379)\x1b\\", // its version
  "\x1b_Gi=31;OK\x1b\\", // an image
  "\x1bOP\x1b[15~\x1b[24;2~\x1b[[A\x1b[5~\x1b[2~\x1b[Z", // F-keys, PgUp, Ins
  "\x1b[201~", // the end of a paste that never began
  "\x1b[57362;5u\x1b[97;5:3u", // a key without a character; one let go
];

Deno.test("keys: a report is no text and no key, wherever it is cut", () => {
  for (const report of REPORTS) {
    const typed = `a${report}b`;
    for (let cut = 0; cut <= typed.length; cut++) {
      const splitter = new KeySplitter();
      const inputs = [
        ...splitter.split(typed.slice(0, cut)),
        ...splitter.split(typed.slice(cut)),
      ];
      const left = inputs.map(({ text }) => text).filter((text) =>
        isText(text) || keyName(text) !== ""
      );
      assertEquals(left, ["a", "b"], JSON.stringify([report, cut]));
    }
  }
});

Deno.test("keys: their names, however a terminal spells them", () => {
  const names: [string, string[]][] = [
    ["Enter", ["\r", "\n", "\x1b[13u", "\x1b[13;2u", "\x1b[27;5;13~"]],
    ["BSpace", ["\x7f", "\b", "\x1b[127u"]],
    ["Escape", ["\x1b", "\x1b[27u"]],
    ["C-a", ["\x01", "\x1b[97;5u", "\x1b[27;5;97~"]],
    ["C-_", ["\x1f"]],
    ["M-b", ["\x1bb", "\x1bB", "\x1b[98;3u"]],
    ["M-BSpace", ["\x1b\x7f", "\x1b\b"]],
    ["Up", ["\x1b[A", "\x1bOA", "\x1b[1;2A"]],
    ["C-Right", ["\x1b[1;5C", "\x1bO5C"]],
    ["M-Left", ["\x1b[1;3D"]],
    ["Home", ["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"]],
    ["End", ["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"]],
    ["Delete", ["\x1b[3~"]],
    ["C-Delete", ["\x1b[3;5~"]],
    ["", ["a", "é", "\x1b[6n", "\x1b[2J", "\x9b"]],
  ];
  for (const [name, spellings] of names) {
    for (const spelling of spellings) {
      const [token, ...more] = tokens(spelling);
      assertEquals([keyName(token), ...more], [name], JSON.stringify(spelling));
    }
  }
  // A shifted space is one, as it is typed.
  assertEquals(tokens("\x1b[32;2u\x1b[233u"), [" ", "é"]);
});

Deno.test("keys: Escape never takes a control character along", () => {
  assertEquals(split("\x1b\x03"), [["keys", "\x1b\x03"]]);
  assertEquals(tokens("\x1b\x03").map(keyName), ["Escape", "C-c"]);
  assertEquals(tokens("\x1b\x1b[A").map(keyName), ["Escape", "Up"]);
  assertEquals(tokens("\x1b]no answer\r"), ["\x1b]", "no answer", "\r"]);
  assertEquals(tokens("\x1b[1;\r"), ["\x1b[1;", "\r"]);
});

Deno.test("keys: text without them", () => {
  assertEquals(textIn("a\tb\nc"), "a\tb\nc");
  assertEquals(textIn("\x1b[31mred\x1b[m\x07 \x1b[Ab\x7f\x9b"), "red b");
});
