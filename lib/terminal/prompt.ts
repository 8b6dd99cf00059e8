/**
 * A prompt at the bottom of the terminal, with editing and history by
 * node:readline, which edits but does not draw: the room flows above it.
 *
 * @module
 */

import type { Interface } from "node:readline";
import { type Input, type Keyboard, openKeyboard } from "./keyboard.ts";
import type { Completion } from "../cli/commands.ts";
import type { Entry } from "../cli/entries.ts";
import { safeText } from "../safe_text.ts";
import { Screen } from "./screen.ts";

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

/** A prompt. */
export interface Prompt {
  /** What is entered, until Ctrl-D, Ctrl-C, or {@link close}. */
  entries: AsyncIterable<Entry>;
  /** Shows a line above it; what is typed so far stays. */
  show(line: string): void;
  /** Clears the screen above it. */
  clear(): void;
  /**
   * Takes the prompt away and gives the terminal back as it was, as soon as it
   * takes anything. Lines can still be shown.
   */
  close(): void;
  /** Settles when everything is on the screen. */
  flushed(): Promise<void>;
}

/** How many lines can be found again with the arrow keys. */
const HISTORY_SIZE = 1_000;

/**
 * Opens a prompt on stdin and stdout, which must be terminals.
 *
 * @param options How it behaves.
 * @returns The prompt.
 */
export async function openPrompt(options: PromptOptions): Promise<Prompt> {
  // Loaded here, since pipes don't need them.
  const { createInterface } = await import("node:readline");
  const { PassThrough } = await import("node:stream");
  const input = new PassThrough();
  const screen = new Screen({
    ...options,
    sink: Deno.stdout,
    size: () => Deno.consoleSize(),
  });
  const readline = createInterface({
    input,
    terminal: true,
    prompt: "",
    historySize: HISTORY_SIZE,
    removeHistoryDuplicates: true,
  });
  return new TerminalPrompt(options, screen, readline, (keys) => {
    // Not written into the stream, which would hand it on some time later.
    input.emit("data", new TextEncoder().encode(keys));
  });
}

/** A run of text that no key of a keyboard sends at once. */
const PRINTABLE_RUN = /^\P{Cc}{64,}$/u;

/** Keys that are not readline's to handle, and long runs of text. */
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
  readonly entries: ReadableStream<Entry>;
  readonly #options: PromptOptions;
  readonly #screen: Screen;
  readonly #readline: Interface;
  readonly #type: (keys: string) => void;
  readonly #keyboard: Keyboard;
  readonly #stopResizing: () => void;
  #entered!: ReadableStreamDefaultController<Entry>;
  #question?: Question;
  #isOpen = true;

  constructor(
    options: PromptOptions,
    screen: Screen,
    readline: Interface,
    type: (keys: string) => void,
  ) {
    this.#options = options;
    this.#screen = screen;
    this.#readline = readline;
    this.#type = type;
    this.entries = new ReadableStream<Entry>({
      start: (controller) => {
        this.#entered = controller;
      },
      cancel: () => this.close(),
    });
    readline.on("line", (line) => this.#enter(line));
    readline.on(
      "SIGINT",
      () => this.#question ? this.#answer("") : this.close(),
    );
    readline.on("history", (history) => {
      // An answer is not what one wants to find again.
      if (this.#question) history.shift();
    });
    readline.on("close", () => this.close());
    // To stop the process as Ctrl-Z does would take another permission.
    readline.on("SIGTSTP", () => {});
    this.#keyboard = openKeyboard({
      marksPastes: true,
      onInput: (input) => this.#take(input),
      onEnd: () => this.close(),
    });
    this.#stopResizing = onResize(() => screen.refresh());
    this.#draw();
  }

  show(line: string): void {
    this.#screen.show(line);
  }

  clear(): void {
    this.#screen.clear();
  }

  flushed(): Promise<void> {
    return this.#screen.flushed();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stopResizing();
    this.#keyboard.close();
    this.#readline.close();
    this.#screen.endArea().then(() => this.#keyboard.release());
    try {
      this.#entered.close();
    } catch { /* It was cancelled. */ }
  }

  #take({ type, text }: Input): void {
    if (type === "paste") {
      this.#paste(text);
    } else {
      for (const keys of text.split(SPECIAL_KEYS)) {
        if (keys === "\t") this.#complete();
        else if (keys === "\f") this.clear();
        else if (PRINTABLE_RUN.test(keys)) this.#insert(keys);
        else if (this.#isOpen) this.#type(keys);
      }
    }
    this.#draw();
  }

  #draw(): void {
    if (!this.#isOpen) return;
    const { text: prompt } = this.#options;
    const { line, cursor } = this.#readline;
    const question = this.#question?.text ?? "";
    this.#screen.draw(
      question === "" ? { prompt, line, cursor } : {
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
    this.#entered.enqueue({ type: "text", text, isPasted });
  }

  #complete(): void {
    if (this.#question) return;
    const { line, cursor } = this.#readline;
    const { remove, insert, candidates } = this.#options.complete(
      line.slice(0, cursor),
    );
    for (let i = 0; i < remove; i++) {
      this.#readline.write(null, { name: "backspace" });
    }
    this.#readline.write(insert);
    this.#draw();
    if (candidates.length > 0) this.show(candidates.join("  "));
  }

  /** One pasted line can be edited further; several are asked about. */
  #paste(pasted: string): void {
    const text = pasted.replace(/\r\n?/g, "\n");
    const { line, cursor } = this.#readline;
    const texts = (line.slice(0, cursor) + text + line.slice(cursor))
      .split("\n").filter((text) => text.trim() !== "");
    if (texts.length > 1 && !this.#question) {
      this.#replace("");
      const question = `Send these ${texts.length} messages? (y/n) `;
      this.#question = { text: question, texts, typed: line };
    } else {
      // What is a key when typed is no text.
      const trimmed = text.replace(/^\n+|\n+$/g, "").replace(/[\t\n]/g, " ");
      this.#insert(trimmed.replace(/\p{Cc}/gu, ""));
    }
  }

  #answer(answer: string): void {
    const { texts = [], typed = "" } = this.#question ?? {};
    this.#question = undefined;
    if (/^\s*y(es)?\s*$/i.test(answer)) {
      for (const text of texts) this.#give(text, true);
      this.#replace("");
    } else {
      this.show("Nothing was sent.");
      this.#replace(typed);
    }
  }

  /** Inserts text: as keys, each letter would cost time for the whole line. */
  #insert(text: string): void {
    if (this.#isOpen) this.#readline.write(text);
  }

  /** Puts another text in place of the one that is edited. */
  #replace(text: string): void {
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    this.#readline.write(text);
  }
}

/** Calls back when the terminal changes its size, where the system says so. */
function onResize(onChange: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGWINCH", onChange);
  return () => Deno.removeSignalListener("SIGWINCH", onChange);
}
