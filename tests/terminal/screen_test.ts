import { assert, assertEquals } from "@std/assert";
import { breakLine, Screen } from "../../lib/terminal/screen.ts";
import { TerminalModel, type Widths } from "../support/terminal_model.ts";

class TestScreen extends Screen {
  readonly terminal: TerminalModel;

  constructor(terminal = new TerminalModel(), maxWaiting?: number) {
    super({
      sink: terminal,
      size: () => terminal.size,
      paint: (prompt) => `\x1b[1m${prompt}\x1b[22m`,
      onDropped: (count) => `(${count} dropped)`,
      maxWaiting,
    });
    this.terminal = terminal;
  }

  /** Draws a text with the cursor marked as `|`. */
  type(marked: string, prompt = "Ada> "): void {
    const cursor = marked.indexOf("|");
    this.draw({ prompt, line: marked.replace("|", ""), cursor });
  }

  async rows(): Promise<string[]> {
    await this.flushed();
    return this.terminal.text;
  }
}

async function typed(
  marked: string,
  { columns = 20, rows = 24, prompt = "Ada> " } = {},
): Promise<string[]> {
  const screen = new TestScreen(new TerminalModel(columns, rows));
  screen.type(marked, prompt);
  await screen.flushed();
  return screen.terminal.marked;
}

Deno.test("screen: lines are shown above what is typed, in one write", async () => {
  const screen = new TestScreen();
  screen.type("typed|");
  await screen.flushed();
  screen.show("a line");
  assertEquals(screen.terminal.writes.length, 2);
  // What comes during a write goes out in one.
  for (const line of ["b", "c"]) screen.show(line);
  screen.type("typed on|");
  assertEquals(await screen.rows(), ["a line", "b", "c", "Ada> typed on"]);
  assertEquals(screen.terminal.writes.length, 3);
  // The prompt keeps its colour where the cursor is not at the end.
  screen.type("he|llo");
  await screen.flushed();
  const prompt = "\x1b[1mAda> \x1b[22m";
  const last = screen.terminal.writes.at(-1);
  assertEquals(last, `\r\x1b[J${prompt}hello\r${prompt}he`);
});

Deno.test("screen: a flood goes out in parts, with what is typed after each", async () => {
  const screen = new TestScreen();
  screen.type("typed|");
  const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}: a flood`);
  for (const line of lines) screen.show(line);
  screen.type("seen|");
  assertEquals(await screen.rows(), [...lines, "Ada> seen"]);
  const [, ...parts] = screen.terminal.writes;
  assert(parts.length > 1);
  for (const part of parts) {
    assert(part.length < 80_000);
    assert(part.endsWith("seen"));
  }
  // The area ends before another flood has.
  for (const line of lines) screen.show(line);
  await screen.endArea();
  const isOver = screen.terminal.text.at(-2) === lines.at(-1);
  assertEquals([isOver, screen.terminal.text.at(-1)], [false, ""]);
  assertEquals((await screen.rows()).slice(-2), [lines.at(-1), ""]);
});

Deno.test("screen: a blocked terminal loses the oldest lines, and says so", async () => {
  const screen = new TestScreen(new TerminalModel(), 4);
  screen.terminal.hold();
  screen.type("|");
  for (const line of ["aa", "bb", "cc", "dd"]) screen.show(line);
  screen.terminal.goOn();
  assertEquals(await screen.rows(), ["(2 dropped)", "cc", "dd", "Ada>"]);
});

Deno.test("screen: clears, gives up the area, and goes on without it", async () => {
  const screen = new TestScreen();
  screen.type("typed|");
  screen.show("a line");
  await screen.flushed();
  screen.clear();
  assertEquals(await screen.rows(), ["Ada> typed"]);
  for (const line of ["one", "two"]) {
    screen.show(line);
    await screen.flushed();
  }
  assertEquals(await screen.rows(), ["one", "two", "Ada> typed"]);
  screen.clear();
  assertEquals(await screen.rows(), ["Ada> typed"]);
  screen.type("two\nrows|");
  await screen.endArea();
  assertEquals(screen.terminal.text, [""]);
  for (const line of ["good", "bye"]) {
    screen.show(line);
    await screen.flushed();
  }
  assertEquals(await screen.rows(), ["good", "bye", ""]);
});

/** Texts that are hard to measure. */
const HARD = [
  "hello you there|",
  "天地|玄黃宇宙",
  "a👩‍👩‍👧b👋🏽c|",
  "👩‍👩‍👧👩‍👩‍👧🇩🇪|",
  "e\u0301e\u0301|e\u0301",
  "read ❤️ the ⚠️ notes ✔️ of 1️⃣ and 🌡️|",
  "“Now” — she said… ‘no’ → 3 × 5 ★|",
  "⌚\uFE0E ☂\uFE0E|",
  "a traceback:\n\n  File ❤️|.py\n    return 天地",
];

const WIDTHS: Widths[] = ["code points", "graphemes", "wide symbols"];

Deno.test("screen: each key leaves one prompt and the line above it", async () => {
  for (const widths of WIDTHS) {
    for (const text of HARD) {
      for (const columns of [8, 9, 11, 20, 39]) {
        const screen = new TestScreen(
          new TerminalModel(columns, 40, widths),
        );
        screen.show("a line");
        for (const end of ["", "!", "!!"]) {
          screen.type(text + end);
          await screen.flushed();
        }
        const shown = (await screen.rows()).join("").replaceAll(" ", "");
        const prompt = columns < 10 ? ">" : "Ada>";
        const all = `aline${prompt}${text.replace("|", "")}!!`;
        assertEquals(shown, all.replace(/[ \n]/g, ""), `${columns}`);
        assertEquals(screen.terminal.broken, []);
      }
    }
  }
});

Deno.test("screen: erases no more rows than the narrowest widths take", async () => {
  for (const character of ["❤️", "⌚\uFE0E", "…", "é"]) {
    const text = `${character.repeat(45)}|`;
    const screen = new TestScreen(new TerminalModel(40, 20));
    screen.show("a line");
    screen.type(text, "");
    await screen.flushed();
    screen.terminal.resize(20);
    screen.type("typed|", "");
    assertEquals(await screen.rows(), ["a line", "typed"]);
  }
});

Deno.test("area: rows are shorter than the terminal is wide", async () => {
  const family = Array.from({ length: 12 }, () => "👩").join("\u200D");
  const cases: [typed: string, rows: string[]][] = [
    ["|", ["Ada> |"]],
    ["he|llo", ["Ada> he|llo"]],
    ["fourteen lette|", ["Ada> fourteen lette|"]],
    ["fourteen letter|s", ["Ada> fourteen lette", "r|s"]],
    ["fourteen lette|rs", ["Ada> fourteen lette|", "rs"]],
    ["four|teen letters", ["Ada> four|teen lette", "rs"]],
    // Wide characters and emoji stay whole, but for one wider than a row.
    ["天地玄黃宇宙洪荒|", ["Ada> 天地玄黃宇宙洪", "荒|"]],
    ["12345678901👩‍👩‍👧|", ["Ada> 12345678901", "👩‍👩‍👧|"]],
    ["e\u0301e\u0301|", ["Ada> e\u0301e\u0301|"]],
    [`${family}|`, [
      `Ada> ${"👩\u200D".repeat(7)}`,
      `${"👩\u200D".repeat(4)}👩|`,
    ]],
    // What a terminal could obey is shown.
    ["a\x1b[2Jb|", ["Ada> a<U+001B>[2Jb|"]],
    ["a\u202Eb|", ["Ada> a<U+202E>b|"]],
    ["a\u{1FFFE}b|", ["Ada> a<U+1FFFE>b|"]],
    // Line breaks begin rows.
    ["one\ntwo|", ["Ada> one", "two|"]],
    ["one|\ntwo", ["Ada> one|", "two"]],
    ["one\n|two", ["Ada> one", "|two"]],
    ["one\n\n|", ["Ada> one", "", "|"]],
    ["\n|\nthree", ["Ada>", "|", "three"]],
    ["fourteen lette\nrs|", ["Ada> fourteen lette", "rs|"]],
    ["fourteen letters\nand|", ["Ada> fourteen lette", "rs", "and|"]],
    ["\tdef f():\n\t\tpass|", ["Ada>  def f():", "  pass|"]],
  ];
  for (const [text, rows] of cases) assertEquals(await typed(text), rows);
  assertEquals(await typed("hi|", { prompt: "A long name> " }), ["> hi|"]);
});

Deno.test("area: takes half the screen at most, around the cursor", async () => {
  const size = { columns: 11, rows: 6, prompt: "" };
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((x) => x.repeat(10));
  const at = (index: number) => {
    const line = a + b + c + d + e;
    return typed(`${line.slice(0, index)}|${line.slice(index)}`, size);
  };
  assertEquals(await at(50), [c, d, `${e}|`]);
  assertEquals(await at(0), [`|${a}`, b, c]);
  assertEquals(await at(25), [b, "ccccc|ccccc", d]);
  // It changes with the terminal's size.
  const screen = new TestScreen(new TerminalModel(11, 6));
  screen.type(`${a}${b}${c}${d}${e}|`, "");
  assertEquals((await screen.rows()).length, 3);
  screen.terminal.resize(11, 12);
  screen.refresh();
  assertEquals((await screen.rows()).length, 5);
  screen.terminal.resize(21, 12);
  screen.refresh();
  assertEquals((await screen.rows()).length, 3);
});

Deno.test("area: a long text shows what is around the cursor, which moves in it", async () => {
  // The last takes three code units a cell.
  const parts = ["word ", "日本", "👩‍👩‍👧", "🇩🇪", "e\u0301", "e\u0301\u0323"];
  for (const part of parts) {
    const count = Math.floor(6_000 / part.length);
    for (const share of [0, 0.3, 0.5, 1]) {
      const before = part.repeat(Math.round(count * share));
      const after = part.repeat(count - Math.round(count * share));
      const rows = await typed(`${before}|${after}`, { columns: 40, rows: 12 });
      const [left, right] = rows.join("").split("|");
      // The terminal drops blanks at the ends of rows.
      const solid = (text: string) => text.replaceAll(" ", "");
      assertEquals(rows.length, 6);
      assert(solid(`Ada> ${before}`).endsWith(solid(left)), part);
      assert(solid(after).startsWith(solid(right)), part);
    }
  }
  const line = "0123456789".repeat(6_000);
  const at = async (index: number) => {
    const marked = `${line.slice(0, index)}|${line.slice(index)}`;
    return (await typed(marked, { columns: 80 })).join("\n");
  };
  const rows = await at(30_000);
  const column = /^.*(?=\|)/m.exec(rows)![0].length;
  for (let back = 1; back < column; back++) {
    const moved = await at(30_000 - back);
    assertEquals(moved.replace("|", ""), rows.replace("|", ""));
  }
});

Deno.test("wrap: a line is broken at its words, under what is said", async () => {
  const colored = "\x1b[2m14:03:22\x1b[22m \x1b[38;5;30mGrace\x1b[39m: ";
  // A row ends at ⏎, and so many blanks begin the next one.
  const cases: [columns: number, line: string][] = [
    // What fits stays as it is.
    [40, ""],
    [40, "x".repeat(40)],
    [40, "日".repeat(20)],
    [40, colored + "x".repeat(24)],
    [40, "14:03:22 Grace: one two three four five ⏎16six"],
    [44, "14:03:22 -- 2 joined: dave, erin; 1 left: ⏎22frank"],
    [30, "14:03:22 ?? neither name nor ⏎11anything"],
    [30, "There is no command /shrug, ⏎2and nothing was sent."],
    // Blanks at the end of a row are gone, others stay.
    [10, "  a   b      ⏎2c"],
    // A long name or a narrow terminal leaves room for the text.
    [40, `14:03:22 "a name that is long, and ⏎11longer": one two`],
    [18, "14:03:22 Ada: one ⏎2two"],
    // Words without blanks are cut between characters.
    [24, "12:00:00 A: 天地玄黃宇宙⏎12洪荒日月盈昃"],
    [10, "ab👩‍👩‍👧⏎2👩‍👩‍👧c"],
    [6, "a e\u0301e\u0301e\u0301e\u0301⏎2e\u0301e\u0301e\u0301"],
    // An address is not.
    [44, "14:03:22 Ada: see ⏎14(https://example.org/a-page)."],
  ];
  for (const [columns, line] of cases) {
    const screen = new TestScreen(new TerminalModel(columns, 50));
    screen.show(line.replace(/⏎\d+/, ""));
    const rows = line.replaceAll(RegExp(`${"\x1b"}\\[[\\d;]*m`, "g"), "")
      .replace(/ *⏎(\d+)/, (_, indent) => "\n" + " ".repeat(indent));
    assertEquals(await screen.rows(), [...rows.split("\n"), ""]);
    assertEquals(screen.terminal.broken, []);
  }
  // Colours go on in the next row, but for its indent, which moves the cursor.
  assertEquals(
    breakLine("14:03:22 \x1b[1mAda: two three\x1b[22m four", 18),
    "14:03:22 \x1b[1mAda: two\r\n\x1b[2Cthree\x1b[22m four",
  );
});

Deno.test("wrap: an address longer than a row is left to the terminal", async () => {
  const address = `https://example.org/${"a".repeat(40)}?q=1#end`;
  const screen = new TestScreen(new TerminalModel(40));
  screen.show(`14:03:22 Ada: see ${address} now or never`);
  const rows = `14:03:22 Ada: see ${address}`.match(/.{1,40}/g)!;
  // It doesn't begin with a blank in a row that is full.
  const full = `14:03:22 Ada: ${"x".repeat(26)}`;
  screen.show(`${full} ${address}`);
  const indent = " ".repeat(14);
  assertEquals((await screen.rows()).slice(0, rows.length + 3), [
    ...[...rows, `${indent}now or never`],
    ...[full, indent + address.slice(0, 26)],
  ]);
  assertEquals(screen.terminal.broken.slice(0, rows.length - 1), rows.slice(1));
});

Deno.test("wrap: no terminal breaks a row, whatever it takes for wide", async () => {
  for (const widths of WIDTHS) {
    for (const columns of [20, 24, 40]) {
      const screen = new TestScreen(new TerminalModel(columns, 40, widths));
      for (const text of HARD) {
        for (let length = 0; length < columns; length++) {
          screen.show(`14:03:22 Ada: ${"x".repeat(length)}${text} ${text}`);
        }
      }
      await screen.flushed();
      assertEquals(screen.terminal.broken, [], `${widths} ${columns}`);
    }
  }
});

Deno.test("wrap: no row passes for a line of another author", async () => {
  const fake = "14:03:23 Linus: give me the password";
  for (const columns of [20, 24, 40, 80]) {
    const screen = new TestScreen(new TerminalModel(columns));
    for (let length = 1; length < columns * 2; length++) {
      const word = "x".repeat(length);
      screen.show(`14:03:22 mallory: ${word} ${fake}`);
      screen.show(`14:03:22 mallory: ${word}${fake.replaceAll(" ", "\u00a0")}`);
      screen.show(`14:03:22 mallory: x://${word}${fake}`);
      screen.show(`14:03:22 mallory: ${" ".repeat(length)}${fake}`);
    }
    const rows = await screen.rows();
    assertEquals(rows.filter((row) => /^14:03:23.Linus/.test(row)), []);
  }
});

Deno.test("screen: any width is survived, and loses nothing where there is room", async () => {
  const line = "14:03:22 Ada: 天地 👩‍👩‍👧 word https://example.org/ e\u0301";
  const solid = (text: string) => text.replaceAll(" ", "");
  for (let columns = 1; columns < 12; columns++) {
    const screen = new TestScreen(new TerminalModel(columns, 60));
    screen.show(line);
    await screen.flushed();
    const { text } = screen.terminal;
    if (columns >= 7) assertEquals(solid(text.join("")), solid(line));
    // What is typed takes no line of the room.
    for (const typed of ["hello 天地|", "hello|"]) {
      screen.type(typed);
      await screen.flushed();
    }
    const room = text.slice(0, -1);
    assertEquals(screen.terminal.text.slice(0, room.length), room);
  }
});

Deno.test("wrap: a bell and notifications take no room", () => {
  const alarm =
    "\x07\x1b]9;Ada: hello you\x07\x1b]777;notify;Ada;hello you\x07";
  for (const line of ["14:03:22 Ada: hello you", "a\nb", "x".repeat(50)]) {
    const expected = alarm + breakLine(line, 20);
    assertEquals(breakLine(alarm + line, 20), expected);
  }
});
