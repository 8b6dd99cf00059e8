/** A terminal that a test can look at: xterm.js without a window. */

import graphemes from "@xterm/addon-unicode-graphemes";
import xterm from "@xterm/headless";
import type { ByteSink } from "../../lib/terminal/output.ts";

export class TerminalModel implements ByteSink {
  readonly #terminal;
  #columns: number;
  #rows: number;
  /** What was written, one string a write. */
  readonly writes: string[] = [];
  #isHeld = Promise.resolve();
  #release = () => {};

  /** Measures text as older terminals do, or by graphemes, as newer ones do. */
  constructor(columns = 40, rows = 10, byGraphemes = false) {
    this.#columns = columns;
    this.#rows = rows;
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      allowProposedApi: true,
      scrollback: 200_000,
    });
    if (byGraphemes) {
      this.#terminal.loadAddon(new graphemes.UnicodeGraphemesAddon());
    }
  }

  get size() {
    return { columns: this.#columns, rows: this.#rows };
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writes.push(new TextDecoder().decode(bytes));
    await this.#isHeld;
    await new Promise<void>((done) => this.#terminal.write(bytes, done));
    return bytes.length;
  }

  /** Takes nothing until {@link goOn}, as a terminal after Ctrl-S. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isHeld = promise;
    this.#release = resolve;
  }

  goOn(): void {
    this.#release();
  }

  /** Breaks its rows anew, as most terminals do. */
  resize(columns: number, rows = this.#rows): void {
    this.#columns = columns;
    this.#rows = rows;
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
    const { text } = this;
    const lines = this.#lines;
    return text.filter((_, row) => lines[row].isWrapped);
  }

  get #lines() {
    const buffer = this.#terminal.buffer.active;
    const { baseY, cursorY, length } = buffer;
    const lines = Array.from({ length }, (_, row) => buffer.getLine(row)!);
    const isBlank = (row: number) =>
      lines[row].translateToString(true).trimEnd() === "";
    while (lines.length > baseY + cursorY + 1 && isBlank(lines.length - 1)) {
      lines.pop();
    }
    return lines;
  }
}
