/** A terminal that a test can look at: xterm.js without a window. */

import graphemes from "@xterm/addon-unicode-graphemes";
import xterm from "@xterm/headless";
import { unicodeWidth } from "@std/cli/unicode-width";
import type { ByteSink } from "../../lib/terminal/output.ts";

/**
 * How it measures text: by code points, as older terminals do; by graphemes, as
 * newer ones do; or with wide symbols, as many do in East Asia.
 */
export type Widths = "code points" | "graphemes" | "wide symbols";

/** Symbols that are narrow or wide, by the terminal's setting. */
const AMBIGUOUS = /[°±×÷–—‘’“”…€™←↑→↓─│█■●★☆♥]/;

export class TerminalModel implements ByteSink {
  readonly #terminal;
  readonly writes: string[] = [];
  #held?: PromiseWithResolvers<void>;

  constructor(columns = 40, rows = 10, widths: Widths = "code points") {
    const options = { allowProposedApi: true, scrollback: 200_000 };
    this.#terminal = new xterm.Terminal({ cols: columns, rows, ...options });
    const { unicode } = this.#terminal;
    if (widths === "graphemes") {
      this.#terminal.loadAddon(new graphemes.UnicodeGraphemesAddon());
    } else if (widths === "wide symbols") {
      unicode.register(WIDE_SYMBOLS);
      unicode.activeVersion = WIDE_SYMBOLS.version;
    }
  }

  get size() {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writes.push(new TextDecoder().decode(bytes));
    await this.#held?.promise;
    await new Promise<void>((done) => this.#terminal.write(bytes, done));
    return bytes.length;
  }

  /** Takes nothing until {@link goOn}, as a terminal after Ctrl-S. */
  hold(): void {
    this.#held = Promise.withResolvers();
  }

  goOn(): void {
    this.#held?.resolve();
  }

  /** Breaks its rows anew, as most terminals do. */
  resize(columns: number, rows = this.#terminal.rows): void {
    this.#terminal.resize(columns, rows);
  }

  /** All rows to the one of the cursor, or the last with text. */
  get text(): string[] {
    return this.#lines.map((line) => line.translateToString(true).trimEnd());
  }

  /** The same, with the cursor as `|`. */
  get marked(): string[] {
    const { baseY, cursorX, cursorY } = this.#terminal.buffer.active;
    const line = this.#lines[baseY + cursorY];
    const before = line.translateToString(false, 0, cursorX);
    const after = line.translateToString(true, cursorX).trimEnd();
    return this.text.with(baseY + cursorY, `${before}|${after}`);
  }

  /** The rows that the terminal has broken by itself. */
  get broken(): string[] {
    const lines = this.#lines;
    return this.text.filter((_, row) => lines[row].isWrapped);
  }

  get #lines() {
    const buffer = this.#terminal.buffer.active;
    const { baseY, cursorY, length } = buffer;
    const lines = Array.from({ length }, (_, row) => buffer.getLine(row)!);
    const last = lines
      .findLastIndex((line) => line.translateToString(true).trimEnd() !== "");
    return lines.slice(0, Math.max(last, baseY + cursorY) + 1);
  }
}

/** As xterm.js measures code points, but for the symbols. */
const WIDE_SYMBOLS = {
  version: "wide symbols",
  wcwidth(code: number): 0 | 1 | 2 {
    const char = String.fromCodePoint(code);
    return AMBIGUOUS.test(char) ? 2 : unicodeWidth(char) as 0 | 1 | 2;
  },
  charProperties(code: number, preceding: number): number {
    const width = WIDE_SYMBOLS.wcwidth(code);
    const before = preceding >> 1 & 3;
    const joins = width === 0 && before > 0;
    return (joins ? before : width) << 1 | (joins ? 1 : 0);
  },
};
