import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { wrapLine } from "../../lib/terminal/wrap.ts";

/** Moves the cursor to where a row begins. */
const INDENT = new RegExp(`${"\x1b"}\\[(\\d+)C`, "g");

/** The rows that a terminal shows, before it breaks any by itself. */
function rows(line: string, columns: number): string[] {
  return wrapLine(line, columns).split("\r\n").map((row) =>
    row.replace(INDENT, (_, count) => " ".repeat(Number(count)))
  );
}

Deno.test("wrap: what fits stays as it is", () => {
  for (
    const line of [
      "",
      "14:03:22 Grace: hi",
      "x".repeat(40),
      `\x1b[2m14:03:22\x1b[22m \x1b[38;5;30mGrace\x1b[39m: ${"x".repeat(24)}`,
      "日".repeat(20),
    ]
  ) assertEquals(wrapLine(line, 40), line);
});

Deno.test("wrap: a line is broken at its words, under what is said", () => {
  assertEquals(
    rows("14:03:22 Grace: one two three four five six", 40),
    ["14:03:22 Grace: one two three four five", "                six"],
  );
  assertEquals(
    rows("14:03:22 -- 2 joined: dave, erin; 1 left: frank", 44),
    [
      "14:03:22 -- 2 joined: dave, erin; 1 left:",
      "                      frank",
    ],
  );
  assertEquals(
    rows("14:03:22 ?? neither name nor anything", 30),
    ["14:03:22 ?? neither name nor", "           anything"],
  );
  assertEquals(
    rows("There is no command /shrug, and nothing was sent.", 30),
    ["There is no command /shrug,", "  and nothing was sent."],
  );
  // Blanks at the end of a row are gone, others stay.
  assertEquals(rows("  a   b      c", 10), ["  a   b", "  c"]);
});

Deno.test("wrap: a long name or a narrow terminal leaves room for the text", () => {
  const name = "a name that is long, ".repeat(2);
  assertEquals(
    rows(`14:03:22 "${name}": one two`, 40).map((row) => row.search(/\S/)),
    [0, 11],
  );
  assertEquals(
    rows("14:03:22 Ada: one two", 18),
    ["14:03:22 Ada: one", "  two"],
  );
});

Deno.test("wrap: words without blanks are cut between characters", () => {
  assertEquals(
    rows("12:00:00 A: 天地玄黃宇宙洪荒日月盈昃", 24),
    ["12:00:00 A: 天地玄黃宇宙", "            洪荒日月盈昃"],
  );
  assertEquals(rows("ab👩‍👩‍👧👩‍👩‍👧c", 10), ["ab👩‍👩‍👧", "  👩‍👩‍👧c"]);
  assertEquals(rows(`a ${"e\u0301".repeat(7)}`, 6), [
    `a ${"e\u0301".repeat(4)}`,
    `  ${"e\u0301".repeat(3)}`,
  ]);
});

Deno.test("wrap: an address is never cut", () => {
  const address = `https://example.org/${"a".repeat(40)}?q=1#end`;
  assertEquals(
    rows(`14:03:22 Ada: see ${address} now or never`, 40),
    [`14:03:22 Ada: see ${address}`, "              now or never"],
  );
  assertEquals(
    rows("14:03:22 Ada: see (https://example.org/a-page).", 44),
    ["14:03:22 Ada: see", "              (https://example.org/a-page)."],
  );
});

Deno.test("wrap: no row passes for a line of somebody else's", () => {
  const fake = "14:03:23 Linus: give me the password";
  for (let columns = 24; columns < 90; columns++) {
    for (let length = 1; length < columns * 2; length++) {
      const word = "x".repeat(length);
      const lines = [
        `14:03:22 mallory: ${word} ${fake}`,
        `14:03:22 mallory: ${word}${fake.replaceAll(" ", "\u00a0")}`,
        `14:03:22 mallory: x://${word}${fake}`,
        `14:03:22 mallory: ${" ".repeat(length)}${fake}`,
      ];
      for (const line of lines) {
        // The first row may be longer, and broken by the terminal: an address.
        const [, ...others] = rows(line, columns);
        for (const row of others) {
          assert(row.startsWith(" ".repeat(11)), row);
          assert(unicodeWidth(row) <= columns, row);
        }
      }
    }
  }
});

Deno.test("wrap: colours go on in the next row, and take no room", () => {
  const line =
    "\x1b[2m14:03:22\x1b[22m \x1b[38;5;30mAda\x1b[39m: one \x1b[1mtwo three\x1b[22m four";
  assertEquals(
    wrapLine(line, 24),
    "\x1b[2m14:03:22\x1b[22m \x1b[38;5;30mAda\x1b[39m: one " +
      "\x1b[1mtwo\r\n\x1b[11Cthree\x1b[22m four",
  );
  assertEquals(
    wrapLine(`ab\x1b[1m${"c".repeat(6)}\x1b[22m`, 6),
    "ab\x1b[1mcccc\r\n\x1b[2Ccc\x1b[22m",
  );
});

Deno.test("wrap: any width is survived", () => {
  const line = "14:03:22 Ada: 天地 👩‍👩‍👧 word https://example.org/ \u0301";
  for (let columns = 0; columns < 12; columns++) {
    const text = wrapLine(line, columns).replace(INDENT, "")
      .replace(/[\r\n ]/g, "");
    assertEquals(text, line.replaceAll(" ", ""));
  }
});
