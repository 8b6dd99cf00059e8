/**
 * Lines that are longer than a terminal is wide, broken at words. Pure.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import { graphemes } from "./graphemes.ts";

/** A switch of colour, as the only escape sequence a line of ours has. */
const COLOR = `${"\x1b"}\\[[\\d;]*m`;
const COLORS = new RegExp(COLOR, "g");
const PARTS = new RegExp(`(${COLOR})`);
const WORDS = / +|[^ ]+/g;

/** What surely fits if it's short: each character takes a cell. */
const ASCII = /^[ -~]*$/;

/** An address can be clicked and copied as long as nobody cuts it. */
const ADDRESS = /^[!-~\p{L}\p{N}]*:\/\/[!-~\p{L}\p{N}]+$/u;

/** How a line of the room's begins, and what is to the right of any author. */
const TIME = /^\d\d:\d\d:\d\d /;
const AFTER_TIME = 11;

/** The indent in other lines. */
const HANGING = 2;

/**
 * Breaks a line at its blanks. The rows after the first are indented, under what
 * is said where that is seen, and always further than where a line's author is
 * named: none can pass for a line of its own. A word that is longer than a row
 * is cut, but for an address.
 *
 * @param line Text that is safe to print, with colours or without.
 * @param columns How wide the terminal is, in cells.
 * @returns The same line if it fits, or its rows with what moves the cursor in
 *   between them.
 */
export function wrapLine(line: string, columns: number): string {
  if (line.length <= columns && ASCII.test(line)) return line;
  const plain = line.replace(COLORS, "");
  if (unicodeWidth(plain) <= columns) return line;
  const rows = new Rows(columns, indentOf(plain, columns));
  for (const [word] of line.matchAll(WORDS)) rows.add(word);
  return rows.text;
}

/** How far the rows after the first are indented, in cells. */
function indentOf(plain: string, columns: number): number {
  const most = Math.floor(columns / 2);
  if (!TIME.test(plain) || AFTER_TIME > most) {
    return Math.min(HANGING, most);
  }
  const [start] = /^.*?: |/.exec(plain)!;
  const indent = unicodeWidth(start);
  return indent >= AFTER_TIME && indent <= most ? indent : AFTER_TIME;
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
    const width = unicodeWidth(plain);
    if (this.#fits(width)) this.#append(word, width);
    else if (this.#indent + width <= this.#columns) {
      this.#begin();
      this.#append(word, width);
    } else if (ADDRESS.test(plain)) {
      if (this.#used + this.#blanks.length >= this.#columns) this.#begin();
      this.#append(word, width);
      // Nothing follows in the last of its rows, which begin without an indent.
      this.#used = this.#columns;
    } else this.#cut(word);
  }

  #cut(word: string): void {
    for (const part of word.split(PARTS)) {
      if (part.startsWith("\x1b")) this.text += part;
      else {for (const grapheme of graphemes(part)) {
          const width = unicodeWidth(grapheme);
          if (!this.#fits(width)) this.#begin();
          this.#append(grapheme, width);
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
