import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import {
  drawArea,
  eraseArea,
  layOut,
  NO_AREA,
} from "../../lib/terminal/area.ts";

const SIZE = { columns: 20, rows: 24 };

/** Lays out a text with the cursor marked as `|`. */
function area(marked: string, { prompt = "Ada> ", size = SIZE } = {}) {
  const cursor = marked.indexOf("|");
  return layOut({ prompt, line: marked.replace("|", ""), cursor }, size);
}

/** The rows with the cursor marked. */
function rows(...args: Parameters<typeof area>): string[] {
  const { rows, cursorRow, beforeCursor } = area(...args);
  return rows.map((row, i) =>
    i === cursorRow ? `${beforeCursor}|${row.slice(beforeCursor.length)}` : row
  );
}

Deno.test("area: rows are shorter than the terminal is wide", () => {
  assertEquals(rows("|"), ["Ada> |"]);
  assertEquals(rows("he|llo"), ["Ada> he|llo"]);
  assertEquals(rows("fourteen lette|"), ["Ada> fourteen lette|"]);
  assertEquals(rows("fourteen letter|s"), ["Ada> fourteen lette", "r|s"]);
  assertEquals(rows("fourteen lette|rs"), ["Ada> fourteen lette|", "rs"]);
});

Deno.test("area: wide characters and emoji stay whole", () => {
  assertEquals(rows("天地玄黃宇宙洪荒|"), ["Ada> 天地玄黃宇宙洪", "荒|"]);
  assertEquals(rows("12345678901👩‍👩‍👧|"), ["Ada> 12345678901", "👩‍👩‍👧|"]);
  assertEquals(rows("e\u0301e\u0301|"), ["Ada> e\u0301e\u0301|"]);
  assertEquals(rows("🏴󠁧󠁢󠁳󠁣󠁴󠁿|"), ["Ada> 🏴󠁧󠁢󠁳󠁣󠁴󠁿|"]);
});

Deno.test("area: a character wider than a row is shown in its parts", () => {
  const family = Array.from({ length: 12 }, () => "👩").join("\u200D");
  for (const row of area(`${family}|`).rows) {
    assert(unicodeWidth(row) < SIZE.columns, row);
  }
  assertEquals(area(`${family}|`).rows.join(""), `Ada> ${family}`);
});

Deno.test("area: what a terminal could obey is shown, not written", () => {
  assertEquals(rows("a\x1b[2Jb|"), ["Ada> a<U+001B>[2Jb|"]);
  assertEquals(rows("a\u202Eb|"), ["Ada> a<U+202E>b|"]);
});

Deno.test("area: a long prompt gives way", () => {
  const prompt = "A long name> ";
  assertEquals(rows("hi|", { prompt }), ["> hi|"]);
});

Deno.test("area: takes half the screen at most, around the cursor", () => {
  const size = { columns: 11, rows: 6 };
  const line = "a".repeat(10) + "b".repeat(10) + "c".repeat(10) +
    "d".repeat(10) + "e".repeat(10);
  const at = (index: number) =>
    rows(`${line.slice(0, index)}|${line.slice(index)}`, { prompt: "", size });
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((x) => x.repeat(10));
  assertEquals(at(50), [c, d, `${e}|`]);
  assertEquals(at(0), [`|${a}`, b, c]);
  assertEquals(at(25), [b, "ccccc|ccccc", d]);
});

Deno.test("area: rows are shorter than any terminal, which shows all or nothing", () => {
  for (const line of ["hello you there|", "天地|玄黃宇宙", "a👩‍👩‍👧b👋🏽c|", "|"]) {
    for (let columns = 1; columns < 14; columns++) {
      const { rows } = area(line, { size: { columns, rows: 100 } });
      for (const row of rows) assert(unicodeWidth(row) < columns, row);
      const shown = rows.join("").replace(/^(Ada)?> /, "");
      const all = line.replace("|", "");
      // A character too wide is shown in parts.
      assertEquals(shown, columns < 4 ? "" : all, `${columns}`);
    }
  }
});

Deno.test("area: of a long text, what is around the cursor takes no time", () => {
  const size = { columns: 80, rows: 24 };
  for (const part of ["word ", "日本", "👩‍👩‍👧", "🇩🇪", "e\u0301"]) {
    const line = part.repeat(60_000 / part.length);
    for (const share of [0, 0.3, 0.5, 1]) {
      const cursor = Math.round(60_000 / part.length * share) * part.length;
      const content = { prompt: "Ada> ", line, cursor };
      const times = Array.from({ length: 5 }, () => {
        const began = performance.now();
        layOut(content, size);
        return performance.now() - began;
      });
      // It takes 1 ms; to lay out all of it takes 30.
      assert(Math.min(...times) < 15, part);
      const { rows, cursorRow, beforeCursor } = layOut(content, size);
      assertEquals(rows.length, 12, part);
      const before = rows.slice(0, cursorRow).join("") + beforeCursor;
      const after = rows.join("").slice(before.length);
      assertEquals(
        before,
        `Ada> ${line.slice(0, cursor)}`.slice(-before.length),
      );
      assertEquals(after, line.slice(cursor, cursor + after.length));
    }
  }
});

Deno.test("area: rows of a long text stay while the cursor moves in them", () => {
  const line = "0123456789".repeat(6_000);
  const at = (cursor: number) =>
    layOut({ prompt: "Ada> ", line, cursor }, { columns: 80, rows: 24 });
  const { rows, beforeCursor } = at(30_000);
  for (let back = 1; back < beforeCursor.length; back++) {
    assertEquals(at(30_000 - back).rows, rows);
  }
});

Deno.test("area: drawing leaves the cursor in its place", () => {
  assertEquals(drawArea(area("hello|")), "Ada> hello");
  assertEquals(drawArea(area("he|llo")), "Ada> hello\rAda> he");
  assertEquals(
    drawArea(area("four|teen letters")),
    "Ada> fourteen lette\r\nrs\x1b[1A\rAda> four",
  );
  const paint = (text: string) => `<${text}>`;
  assertEquals(
    drawArea(area("he|llo"), "Ada> ", paint),
    "<Ada> >hello\r<Ada> >he",
  );
  assertEquals(
    drawArea(area("hi|", { prompt: "A long name> " }), "A long name> ", paint),
    "> hi",
  );
});

Deno.test("area: erasing goes up as many rows as the terminal made of it", () => {
  assertEquals(eraseArea(NO_AREA, 20), "\r\x1b[J");
  assertEquals(eraseArea(area("hello|"), 20), "\r\x1b[J");
  assertEquals(eraseArea(area("fourteen letters|"), 20), "\x1b[1A\r\x1b[J");
  assertEquals(eraseArea(area("four|teen letters"), 20), "\r\x1b[J");
  // Half as wide, the first row takes two, and so does what is before the cursor.
  assertEquals(eraseArea(area("fourteen letters|"), 10), "\x1b[2A\r\x1b[J");
  assertEquals(eraseArea(area("fourteen|"), 10), "\x1b[1A\r\x1b[J");
  assertEquals(eraseArea(area("fourteen letters|"), 40), "\x1b[1A\r\x1b[J");
  // An emoji of three parts is taken for one: rather a row left than one lost.
  assertEquals(eraseArea(area("12345678👩‍👩‍👧|"), 16), "\r\x1b[J");
  assertEquals(eraseArea(area("a|"), 0), "\x1b[6A\r\x1b[J");
});
