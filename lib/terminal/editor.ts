/**
 * The line that is being typed, its cursor, and the lines typed before it.
 * node:readline edits; what it would draw goes nowhere.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";

/** What keys do beside editing. */
export interface EditorOptions {
  /** Enter: the line is done, and the next one begins empty. */
  onLine: (text: string) => void;
  /** Ctrl-C. */
  onInterrupt: () => void;
  /** Ctrl-D in an empty line. */
  onEnd: () => void;
  /** Whether a line that is done can be found again with the arrow keys. */
  remembers: () => boolean;
}

/** How many lines can be found again. */
const HISTORY_SIZE = 1_000;

/** Edits one line after the other. */
export class Editor {
  readonly #input = new PassThrough();
  readonly #readline: Interface;

  constructor({ onLine, onInterrupt, onEnd, remembers }: EditorOptions) {
    this.#readline = createInterface({
      input: this.#input,
      terminal: true,
      prompt: "",
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
    });
    this.#readline.on("line", onLine);
    this.#readline.on("SIGINT", onInterrupt);
    this.#readline.on("close", onEnd);
    this.#readline.on("history", (history) => {
      if (!remembers()) history.shift();
    });
    // To stop the process as Ctrl-Z does would take another permission.
    this.#readline.on("SIGTSTP", () => {});
  }

  get line(): string {
    return this.#readline.line;
  }

  /** Where the cursor is in the line, in UTF-16 code units. */
  get cursor(): number {
    return this.#readline.cursor;
  }

  /** Takes keys, as a terminal sends them. */
  type(keys: string): void {
    // Not written into the stream, which would hand it on some time later.
    this.#input.emit("data", new TextEncoder().encode(keys));
  }

  /** Inserts text: as keys, each letter would cost time for the whole line. */
  insert(text: string): void {
    this.#readline.write(text);
  }

  /** Takes code points away before the cursor. */
  erase(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#readline.write(null, { name: "backspace" });
    }
  }

  /** Puts another text in place of the line. */
  replace(text: string): void {
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    this.#readline.write(text);
  }

  close(): void {
    this.#readline.close();
  }
}
