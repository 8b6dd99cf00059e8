/**
 * The prompt and what is typed after it, as rows at the bottom of a terminal.
 * Every row is made shorter than the terminal is wide, so that the terminal
 * never breaks one by itself, and widths are overestimated where terminals
 * differ (an emoji of several parts), so that a wrong guess costs a gap and not
 * the picture. Pure.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import { graphemeEnd, graphemes } from "./graphemes.ts";
import { safeText } from "../safe_text.ts";

/** What stands in the area. */
export interface AreaContent {
  prompt: string;
  /** The typed text. */
  line: string;
  /** Where in it the cursor is, in UTF-16 code units. */
  cursor: number;
}

/** The size of a terminal, in cells. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/** Rows as they are drawn. */
export interface Area {
  /** What is in each row; without colours. */
  rows: string[];
  cursorRow: number;
  /** What is left of the cursor in that row. */
  beforeCursor: string;
}

/** An area with nothing in it. */
export const NO_AREA: Area = { rows: [""], cursorRow: 0, beforeCursor: "" };

/** Stands for the prompt where there is no room for it. */
const SHORT_PROMPT = "> ";

/** Marks and joiners: they belong to the character before them. */
const JOINING = /^[\p{M}\u200C\u200D\u{1F3FB}-\u{1F3FF}\u{E0020}-\u{E007F}]/u;

/** With fewer, there is no room for a wide character and the cursor. */
const MIN_COLUMNS = 4;

/**
 * Breaks the area into rows. Where all would take more than half the terminal's
 * height, those around the cursor are left. The time it takes depends on the
 * terminal's size, not on the text's.
 */
export function layOut(content: AreaContent, size: TerminalSize): Area {
  const { columns } = size;
  if (columns < MIN_COLUMNS) return NO_AREA;
  const count = Math.max(1, Math.floor(size.rows / 2));
  const { prompt, line, cursor } = near(content, columns * count);
  const shownPrompt = unicodeWidth(prompt) <= columns / 2
    ? prompt
    : SHORT_PROMPT;
  const area: Area = {
    rows: [shownPrompt],
    cursorRow: 0,
    beforeCursor: shownPrompt,
  };
  let index = 0;
  let width = unicodeWidth(shownPrompt);
  for (const segment of clusters(line, columns)) {
    if (area.rows.length > area.cursorRow + count + 1) break;
    const shown = shownCluster(segment);
    const more = unicodeWidth(shown);
    let last = area.rows.length - 1;
    // One cell stays free: after the last one terminals differ.
    if (width + more >= columns) {
      last = area.rows.push("") - 1;
      width = 0;
    }
    if (cursor > index) {
      area.cursorRow = last;
      const before = segment.slice(0, cursor - index);
      area.beforeCursor = area.rows[last] + shownCluster(before);
    }
    area.rows[last] += shown;
    width += more;
    index += segment.length;
  }
  return around(area, count);
}

/**
 * What of a long text is around the cursor. It begins where it did while the
 * cursor moves by less than so many cells, so that the rows stay as they are.
 */
function near(content: AreaContent, cells: number): AreaContent {
  const { line, cursor } = content;
  const length = 2 * cells;
  if (line.length <= 4 * length) return content;
  const middle = Math.floor(cursor / length) * length;
  const start = graphemeEnd(line, Math.max(0, middle - length));
  return {
    prompt: start === 0 ? content.prompt : "",
    line: line.slice(start, middle + 2 * length),
    cursor: cursor - start,
  };
}

/**
 * What to write to draw an area, its prompt coloured as far as it is shown. It
 * begins in an empty row and leaves the cursor in its place.
 */
export function drawArea(
  area: Area,
  prompt = "",
  paint: (prompt: string) => string = (prompt) => prompt,
): string {
  const painted = (row: string) =>
    prompt !== "" && row.startsWith(prompt)
      ? paint(prompt) + row.slice(prompt.length)
      : row;
  const { rows, cursorRow, beforeCursor } = area;
  const drawn = painted(rows[0]) + rows.slice(1).map((row) => `\r\n${row}`)
    .join("");
  const isAtEnd = cursorRow === rows.length - 1 &&
    beforeCursor === rows[cursorRow];
  if (isAtEnd) return drawn;
  // What is left of it is written again: the terminal knows its width best.
  const again = cursorRow === 0 ? painted(beforeCursor) : beforeCursor;
  return `${drawn}${up(rows.length - 1 - cursorRow)}\r${again}`;
}

/**
 * What to write to wipe a drawn area; it leaves the cursor where the area began.
 * The width is the terminal's now: most break a row anew when they get narrower.
 */
export function eraseArea(area: Area, columns: number): string {
  const { rows: all, cursorRow, beforeCursor } = area;
  const cells = Math.max(columns, 1);
  const rows = all.slice(0, cursorRow)
    .map((row) => Math.max(1, Math.ceil(leastWidth(row) / cells)))
    .reduce((sum, count) => sum + count, 0);
  const inRow = Math.floor(leastWidth(beforeCursor) / cells);
  return `${up(rows + inRow)}\r\x1b[J`;
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}

/** The characters of a text; those too wide for a row in their parts. */
function* clusters(text: string, columns: number): Generator<string> {
  for (const segment of graphemes(text)) {
    if (segment.length < 2 || unicodeWidth(segment) < columns) yield segment;
    else yield* segment;
  }
}

/**
 * How many cells a row takes at least: with each character as wide as its first
 * part. To erase too little leaves a row of the prompt behind, to erase too
 * much would take one of the room's.
 */
function leastWidth(row: string): number {
  return Array.from(
    graphemes(row),
    (segment) => unicodeWidth(String.fromCodePoint(segment.codePointAt(0)!)),
  ).reduce((sum, width) => sum + width, 0);
}

/** A character as it is shown: typed text may have been pasted. */
function shownCluster(cluster: string): string {
  if (cluster.length === 1) return safeText(cluster);
  return Array.from(cluster)
    .map((char) => JOINING.test(char) ? char : safeText(char))
    .join("");
}

/** An area cut down to some rows around the cursor. */
function around(area: Area, count: number): Area {
  const { rows, cursorRow, beforeCursor } = area;
  const first = Math.max(
    0,
    Math.min(cursorRow - Math.floor(count / 2), rows.length - count),
  );
  return {
    rows: rows.slice(first, first + count),
    cursorRow: cursorRow - first,
    beforeCursor,
  };
}
