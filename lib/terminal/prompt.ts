/**
 * A prompt at the bottom of the terminal: what is typed stays there, and the
 * room flows above it.
 *
 * @module
 */

import { Editor } from "./editor.ts";
import { type Line, readLines } from "./input.ts";
import { type Input, type Keyboard, openKeyboard } from "./keyboard.ts";
import { LineWriter } from "./output.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { safeText } from "../safe_text.ts";
import { Screen } from "./screen.ts";
import { Progress } from "../timer.ts";

/** How a prompt behaves. */
export interface PromptOptions {
  /** What stands before the typed text. */
  text: string;
  /** Colours that. */
  paint: (text: string) => string;
  /** Whether what was entered stays above, as in a shell. */
  keeps: () => boolean;
  /** Finds how a text may go on, for Tab. */
  complete: (before: string) => Completion;
  /** Makes the line to show in place of lines dropped. */
  onDropped: (count: number) => string;
}

/** How a text goes on after Tab. */
export interface Completion {
  /** How many code points at its end are taken away. */
  remove: number;
  /** What takes their place. */
  insert: string;
  /** What to choose from, where that is open. */
  candidates: string[];
}

/** A prompt. */
export interface Prompt {
  /** What is entered, until Ctrl-D, Ctrl-C, or {@link close}. */
  lines: AsyncIterable<Line>;
  /** Shows a line above it; what is typed so far stays. */
  show(line: string): void;
  /** Clears the screen above it. */
  clear(): void;
  /** Puts another text before what is typed. */
  setText(text: string): void;
  /**
   * Takes the prompt away and gives the terminal back as it was, as soon as it
   * takes anything. Lines can still be shown.
   */
  close(): void;
  /** Settles when everything is on the screen. */
  flushed(): Promise<void>;
}

/**
 * Opens a prompt on stdin and stdout, which must be terminals.
 *
 * @param options How it behaves.
 * @param isDumb Whether the terminal can only print (`TERM=dumb`).
 * @returns The prompt.
 */
export function openPrompt(options: PromptOptions, isDumb: boolean): Prompt {
  return isDumb ? plainPrompt(options) : new TerminalPrompt(options);
}

/** Lines as the terminal sends them; nothing on the screen changes. */
function plainPrompt({ onDropped }: PromptOptions): Prompt {
  const writer = new LineWriter(Deno.stdout, onDropped);
  return {
    lines: readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES),
    show: (line) => writer.write(line),
    clear: () => {},
    setText: () => {},
    close: () => {},
    flushed: () => writer.flushed(),
  };
}

/** A run of text that no key of a keyboard sends at once. */
const PRINTABLE_RUN = /^\P{Cc}{64,}$/u;

/** Keys that are not the editor's to handle, and long runs of text. */
const SPECIAL_KEYS = /([\t\f]|\P{Cc}{64,})/u;

/** What is asked before the lines of a paste are sent. */
interface Question {
  /** The question. */
  text: string;
  /** The lines. */
  texts: string[];
  /** What was typed before, to go on with where the answer is no. */
  typed: string;
}

/** Ties keyboard, editor and screen together. */
class TerminalPrompt implements Prompt {
  readonly lines: AsyncIterable<Line> = this.#takeEntered();
  readonly #options: PromptOptions;
  readonly #screen: Screen;
  readonly #editor: Editor;
  readonly #keyboard: Keyboard;
  readonly #stopResizing: () => void;
  /** What was entered and is not taken yet. */
  readonly #entered: Line[] = [];
  readonly #progress = new Progress();
  #question?: Question;
  #isOpen = true;

  constructor(options: PromptOptions) {
    this.#options = { ...options };
    this.#screen = new Screen({
      ...options,
      sink: Deno.stdout,
      size: () => Deno.consoleSize(),
    });
    this.#editor = new Editor({
      onLine: (text) => this.#enter(text),
      onInterrupt: () => this.#question ? this.#answer("") : this.close(),
      onEnd: () => this.close(),
      // An answer is not what one wants to find again.
      remembers: () => this.#question === undefined,
    });
    this.#keyboard = openKeyboard({
      marksPastes: true,
      onInput: (input) => this.#take(input),
      onEnd: () => this.close(),
    });
    this.#stopResizing = onResize(() => this.#screen.refresh());
    this.#draw();
  }

  show(line: string): void {
    this.#screen.show(line);
  }

  clear(): void {
    this.#screen.clear();
  }

  setText(text: string): void {
    this.#options.text = text;
    this.#draw();
  }

  flushed(): Promise<void> {
    return this.#screen.flushed();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stopResizing();
    this.#keyboard.close();
    this.#editor.close();
    this.#screen.endArea().then(() => this.#keyboard.release());
    this.#progress.made();
  }

  async *#takeEntered(): AsyncGenerator<Line> {
    try {
      while (this.#isOpen || this.#entered.length > 0) {
        const line = this.#entered.shift();
        if (line !== undefined) yield line;
        else await this.#progress.next;
      }
    } finally {
      this.close();
    }
  }

  #take({ type, text }: Input): void {
    if (type === "paste") this.#paste(text);
    else for (const keys of text.split(SPECIAL_KEYS)) this.#press(keys);
    this.#draw();
  }

  #press(keys: string): void {
    if (!this.#isOpen) return;
    if (keys === "\t") this.#complete();
    else if (keys === "\f") this.clear();
    else if (PRINTABLE_RUN.test(keys)) this.#editor.insert(keys);
    else this.#editor.type(keys);
  }

  #draw(): void {
    if (!this.#isOpen) return;
    const { line, cursor } = this.#editor;
    const question = this.#question?.text;
    this.#screen.draw(
      question === undefined ? { prompt: this.#options.text, line, cursor } : {
        prompt: "",
        line: question + line,
        cursor: question.length + cursor,
      },
    );
  }

  #enter(text: string): void {
    if (this.#question) this.#answer(text);
    else this.#give(text, false);
  }

  #give(text: string, isPasted: boolean): void {
    if (!this.#isOpen) return;
    const { keeps, paint, text: prompt } = this.#options;
    if (keeps()) this.show(paint(prompt) + safeText(text));
    this.#entered.push({ type: "text", text, isPasted });
    this.#progress.made();
  }

  #complete(): void {
    if (this.#question) return;
    const { line, cursor } = this.#editor;
    const before = line.slice(0, cursor);
    const { remove, insert, candidates } = this.#options.complete(before);
    this.#editor.erase(remove);
    this.#editor.insert(insert);
    this.#draw();
    if (candidates.length > 0) this.show(candidates.join("  "));
  }

  /** One pasted line can be edited further; several are asked about. */
  #paste(pasted: string): void {
    const text = pasted.replace(/\r\n?/g, "\n");
    const { line, cursor } = this.#editor;
    const texts = (line.slice(0, cursor) + text + line.slice(cursor))
      .split("\n").filter((text) => text.trim() !== "");
    if (texts.length > 1 && !this.#question) {
      this.#editor.replace("");
      const question = `Send these ${texts.length} messages? (y/n) `;
      this.#question = { text: question, texts, typed: line };
    } else {
      // What is a key when typed is no text.
      const trimmed = text.replace(/^\n+|\n+$/g, "").replace(/[\t\n]/g, " ");
      this.#editor.insert(trimmed.replace(/\p{Cc}/gu, ""));
    }
  }

  #answer(answer: string): void {
    const { texts = [], typed = "" } = this.#question ?? {};
    this.#question = undefined;
    if (/^\s*y(es)?\s*$/i.test(answer)) {
      for (const text of texts) this.#give(text, true);
      this.#editor.replace("");
    } else {
      this.show("Nothing was sent.");
      this.#editor.replace(typed);
    }
  }
}

/** Calls back when the terminal changes its size, where the system says so. */
function onResize(onChange: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGWINCH", onChange);
  return () => Deno.removeSignalListener("SIGWINCH", onChange);
}
