/**
 * A terminal with an area at its bottom, in which the prompt stands: lines flow
 * above it. Rows of the area are shorter than the terminal is wide, so that the
 * terminal never breaks one by itself.
 */

import { type ByteSink, LineWriter } from "./output.ts";
import { safeText } from "../safe_text.ts";
import { graphemeEnd, graphemes, least, most } from "./width.ts";

/** What stands in the area. */
interface AreaContent {
  prompt: string;
  /** The typed text. */
  line: string;
  /** Where in it the cursor is, in UTF-16 code units. */
  cursor: number;
}

/** The size of a terminal, in cells. */
interface TerminalSize {
  columns: number;
  rows: number;
}

interface ScreenOptions {
  sink: ByteSink;
  /** The terminal's size now. */
  size: () => TerminalSize;
  /** Colours the prompt. */
  paint: (prompt: string) => string;
  /** Makes the line to show in place of lines dropped. */
  onDropped: (count: number) => string;
  /** How much text may wait for a slow terminal, in UTF-16 code units. */
  maxWaiting?: number;
}

/** The size of the terminal on stdout; the usual one if it doesn't know its own. */
export function terminalSize(): TerminalSize {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns || 80, rows: rows || 24 };
}

const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** Lines above, an area below; each write has lines and the area after them. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #writer: LineWriter;
  #content?: AreaContent;
  #drawn = NO_AREA;
  /** The last layout: in a flood it is the same many times. */
  #layout?: { content: AreaContent; size: TerminalSize; area: Area };
  #isCleared = false;

  constructor(options: ScreenOptions) {
    const { sink, onDropped, maxWaiting } = options;
    this.#options = options;
    this.#writer = new LineWriter(
      sink,
      onDropped,
      maxWaiting,
      (lines) => this.#frame(lines),
    );
  }

  /** Shows a line above the area. */
  show(line: string): void {
    this.#writer.write(line);
  }

  /** Changes what stands in the area. */
  draw(content: AreaContent): void {
    this.#content = content;
    this.#writer.refresh();
  }

  /** Draws the area again, as after the terminal changed its size. */
  refresh(): void {
    this.#writer.refresh();
  }

  /** Starts at the cursor: another program has written to the terminal. */
  begin(): void {
    this.#drawn = NO_AREA;
  }

  /** Clears the screen; the area moves to its top. */
  clear(): void {
    this.#isCleared = true;
    this.#writer.refresh();
  }

  /** Removes the area; settles when it is gone, though lines may still wait. */
  endArea(): Promise<void> {
    this.#content = undefined;
    return this.#writer.refresh();
  }

  /** Settles when all is written or the terminal is gone. */
  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  /** One write: erases the area, shows lines, draws the area again. */
  #frame(lines: string[]): string {
    const { size, paint } = this.#options;
    const now = size();
    let frame = eraseArea(this.#drawn, now.columns);
    if (this.#isCleared) frame += CLEAR_SCREEN;
    this.#isCleared = false;
    for (const line of lines) frame += `${breakLine(line, now.columns)}\r\n`;
    const content = this.#content;
    this.#drawn = content ? this.#layOut(content, now) : NO_AREA;
    if (content) frame += drawArea(this.#drawn, content.prompt, paint);
    return frame;
  }

  #layOut(content: AreaContent, size: TerminalSize): Area {
    const last = this.#layout;
    const isSame = last?.content === content && last.size.rows === size.rows &&
      last.size.columns === size.columns;
    if (isSame) return last.area;
    const area = layOut(content, size);
    this.#layout = { content, size, area };
    return area;
  }
}

/** The area's rows, without colours. */
interface Area {
  rows: string[];
  cursorRow: number;
  /** What is left of the cursor in its row. */
  beforeCursor: string;
}

const NO_AREA: Area = { rows: [""], cursorRow: 0, beforeCursor: "" };

/** Stands for a prompt that is too long. */
const SHORT_PROMPT = "> ";

/** Marks and joiners: they belong to the character before them. */
const JOINING = /^[\p{M}\u200C\u200D\u{1F3FB}-\u{1F3FF}\u{E0020}-\u{E007F}]/u;

/** With fewer, there is no room for a wide character and the cursor. */
const MIN_COLUMNS = 4;

/**
 * Breaks the area into rows, at most half the terminal's height of them, around
 * the cursor. The work depends on the terminal's size, not on the text's.
 */
function layOut(content: AreaContent, size: TerminalSize): Area {
  const { columns } = size;
  if (columns < MIN_COLUMNS) return NO_AREA;
  const count = Math.max(1, Math.floor(size.rows / 2));
  const { prompt, line, cursor } = aroundCursor(content, columns * count);
  const start = most(prompt) <= columns / 2 ? prompt : SHORT_PROMPT;
  const area: Area = { rows: [start], cursorRow: 0, beforeCursor: start };
  let index = 0;
  let width = most(start);
  for (const cluster of clusters(line, columns)) {
    if (area.rows.length > area.cursorRow + count + 1) break;
    const shown = cluster === "\n" ? "" : shownCluster(cluster);
    const more = most(shown);
    let last = area.rows.length - 1;
    // One cell stays free: after the last one terminals differ.
    if (cluster === "\n" || width + more >= columns) {
      last = area.rows.push("") - 1;
      width = 0;
    }
    if (cursor > index) {
      area.cursorRow = last;
      const before = shown && shownCluster(cluster.slice(0, cursor - index));
      area.beforeCursor = area.rows[last] + before;
    }
    area.rows[last] += shown;
    width += more;
    index += cluster.length;
  }
  const first = Math.max(
    0,
    Math.min(area.cursorRow - Math.floor(count / 2), area.rows.length - count),
  );
  return {
    ...area,
    rows: area.rows.slice(first, first + count),
    cursorRow: area.cursorRow - first,
  };
}

/**
 * The part of a long text around the cursor. Its start moves in large steps, so
 * that the rows stay as they are while the cursor moves by less.
 */
function aroundCursor(content: AreaContent, cells: number): AreaContent {
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

/** The graphemes of a text; those too wide for a row in their parts. */
function* clusters(text: string, columns: number): Generator<string> {
  for (const cluster of graphemes(text)) {
    if (cluster.length < 2 || most(cluster) < columns) yield cluster;
    else yield* cluster;
  }
}

/** A grapheme that is safe to print: it may have been pasted. */
function shownCluster(cluster: string): string {
  if (cluster.length === 1) return safeText(cluster);
  return Array.from(cluster)
    .map((char) => JOINING.test(char) ? char : safeText(char))
    .join("");
}

/** Draws an area from an empty row on; leaves the cursor in its place. */
function drawArea(
  { rows, cursorRow, beforeCursor }: Area,
  prompt: string,
  paint: (prompt: string) => string,
): string {
  const painted = (row: string) =>
    prompt !== "" && row.startsWith(prompt)
      ? paint(prompt) + row.slice(prompt.length)
      : row;
  const drawn = [painted(rows[0]), ...rows.slice(1)].join("\r\n");
  const isAtEnd = cursorRow === rows.length - 1 &&
    beforeCursor === rows[cursorRow];
  if (isAtEnd) return drawn;
  // What is left of it is written again: the terminal knows its width best.
  const again = cursorRow === 0 ? painted(beforeCursor) : beforeCursor;
  return `${drawn}${up(rows.length - 1 - cursorRow)}\r${again}`;
}

/**
 * Erases a drawn area; leaves the cursor where it began. Most terminals break
 * rows anew when they get narrower, so it counts by the width of now.
 */
function eraseArea(area: Area, columns: number): string {
  const { rows: all, cursorRow, beforeCursor } = area;
  const cells = Math.max(columns, 1);
  const rows = all.slice(0, cursorRow)
    .map((row) => Math.max(1, Math.ceil(least(row) / cells)))
    .reduce((sum, count) => sum + count, 0);
  const inRow = Math.floor(least(beforeCursor) / cells);
  return `${up(rows + inRow)}\r\x1b[J`;
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}

/** Switches of colour: the only escape sequences in a line. */
const COLOR = `${"\x1b"}\\[[\\d;]*m`;
const COLORS = new RegExp(COLOR, "g");
const PARTS = new RegExp(`(${COLOR})`);
const WORDS = / +|[^ ]+/g;

/** A text of one cell a character. */
const ASCII = /^[ -~]*$/;

/** An address can be clicked and copied only if it is not cut. */
const ADDRESS = /^[!-~\p{L}\p{N}]*:\/\/[!-~\p{L}\p{N}]+$/u;

/** How a line of the room begins, and a column to the right of any author. */
const TIME = /^\d\d:\d\d:\d\d /;
const AFTER_TIME = 11;

/** The indent in other lines. */
const HANGING = 2;

/** The bell and the notifications before a line, which take no room. */
const ALARM = new RegExp(`^${"\x07"}(?:${"\x1b"}\\][^${"\x07"}]*${"\x07"})*`);

/** Breaks what is shown as one line into rows, also where it has line breaks. */
export function breakLine(line: string, columns: number): string {
  const [alarm] = ALARM.exec(line) ?? [""];
  const rows = line.slice(alarm.length).split("\n")
    .map((part) => wrapLine(part, columns));
  return alarm + rows.join("\r\n");
}

/**
 * Breaks a line at its blanks. Rows after the first are indented, under the text
 * of a message if there is room, and always further than an author is: no row
 * passes for a line of its own. A word longer than a row is cut, but for an
 * address.
 */
function wrapLine(line: string, columns: number): string {
  if (line.length <= columns && ASCII.test(line)) return line;
  const plain = line.replace(COLORS, "");
  if (most(plain) <= columns) return line;
  const rows = new Rows(columns, indentOf(plain, columns));
  for (const [word] of line.matchAll(WORDS)) rows.add(word);
  return rows.text;
}

/** The indent of the rows after the first, in cells. */
function indentOf(plain: string, columns: number): number {
  const limit = Math.floor(columns / 2);
  if (!TIME.test(plain) || AFTER_TIME > limit) return Math.min(HANGING, limit);
  const [start] = /^.*?: |/.exec(plain)!;
  const indent = most(start);
  return indent >= AFTER_TIME && indent <= limit ? indent : AFTER_TIME;
}

/** Rows that are being filled. */
class Rows {
  readonly #columns: number;
  readonly #indent: number;
  text = "";
  /** How many cells of the last row are used. */
  #used = 0;
  /** The blanks since the last word; they are dropped where a row ends. */
  #blanks = "";

  constructor(columns: number, indent: number) {
    this.#columns = columns;
    this.#indent = indent;
  }

  add(word: string): void {
    if (word.startsWith(" ")) {
      this.#blanks = word;
      return;
    }
    const plain = word.replace(COLORS, "");
    const width = most(plain);
    if (this.#fits(width)) this.#append(word, width);
    else if (this.#indent + width <= this.#columns) {
      this.#begin();
      this.#append(word, width);
    } else if (ADDRESS.test(plain)) {
      if (this.#used + this.#blanks.length >= this.#columns) this.#begin();
      // The terminal breaks it: its last row has no indent, so nothing may follow.
      this.#append(word, width);
    } else this.#cut(word);
  }

  #cut(word: string): void {
    for (const part of word.split(PARTS)) {
      if (part.startsWith("\x1b")) this.text += part;
      else {for (const cluster of graphemes(part)) {
          const width = most(cluster);
          if (!this.#fits(width)) this.#begin();
          this.#append(cluster, width);
        }}
    }
  }

  #fits(width: number): boolean {
    return this.#used + this.#blanks.length + width <= this.#columns;
  }

  #append(word: string, width: number): void {
    this.text += this.#blanks + word;
    this.#used += this.#blanks.length + width;
    this.#blanks = "";
  }

  /** Begins a row. Its indent is not written: it has no colour, no underline. */
  #begin(): void {
    this.text += this.#indent > 0 ? `\r\n\x1b[${this.#indent}C` : "\r\n";
    this.#used = this.#indent;
    this.#blanks = "";
  }
}
