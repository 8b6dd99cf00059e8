/**
 * A prompt at the bottom of the terminal: what is typed stays there, and the
 * room flows above it.
 *
 * @module
 */

import {
  accept,
  type Editor,
  EMPTY,
  enter,
  giveUp,
  insert,
  press,
  replace,
  shown,
} from "./editor.ts";
import type { Line } from "./input.ts";
import { type Keyboard, openKeyboard, STOP_HINT } from "./keyboard.ts";
import { type Input, keyName, textIn } from "./keys.ts";
import { plainPrompt } from "./plain_prompt.ts";
import { meaningOf, messagesOf, questionAbout } from "./question.ts";
import { safeText } from "../safe_text.ts";
import { Screen } from "./screen.ts";
import { onResize, terminalSize } from "./size.ts";
import { Progress, within } from "../timer.ts";

/** How a prompt behaves. */
export interface PromptOptions {
  /**
   * Settles when what was written to the terminal before is there: lines on
   * their way to stderr would come after the prompt.
   */
  ready: Promise<void>;
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

/** What is asked before several lines are sent. */
interface Question {
  text: string;
  /** The lines as one text. */
  lines: string;
  /** What is typed for an answer. */
  answer: Editor;
}

/** Ties keyboard, editor and screen together. */
class TerminalPrompt implements Prompt {
  readonly lines: AsyncIterable<Line> = this.#takeEntered();
  readonly #options: PromptOptions;
  readonly #screen: Screen;
  readonly #keyboard: Keyboard;
  readonly #stopResizing: () => void;
  /** What was entered and is not taken yet. */
  readonly #entered: Line[] = [];
  readonly #progress = new Progress();
  #editor = EMPTY;
  #question?: Question;
  #isOpen = true;
  /** Whether the terminal is somebody else's until the program goes on. */
  #isAway = true;

  constructor(options: PromptOptions) {
    this.#options = { ...options };
    this.#screen = new Screen({
      ...options,
      sink: Deno.stdout,
      size: terminalSize,
    });
    this.#keyboard = openKeyboard({
      marksPastes: true,
      onInput: (input) => this.#take(input),
      onEnd: () => this.close(),
      onStop: () => this.#leave(),
      onContinue: () => this.#comeBack(),
    });
    this.#stopResizing = onResize(() => this.#screen.refresh());
    options.ready.then(() => this.#comeBack());
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

  async #leave(): Promise<void> {
    this.#isAway = true;
    await within(STUCK_SECONDS, this.#screen.endArea());
  }

  #comeBack(): void {
    if (!this.#isOpen) return;
    this.#isAway = false;
    this.#screen.begin();
    this.#draw();
  }

  #take({ type, text }: Input): void {
    if (type === "paste") this.#paste(text);
    else this.#press(text);
    this.#draw();
  }

  #press(token: string): void {
    switch (keyName(token)) {
      case "Enter":
        return this.#enter();
      case "Tab":
        return this.#complete();
      case "C-l":
        return this.clear();
      case "C-z":
        this.show(STOP_HINT);
        return this.#keyboard.letStop();
      case "C-c":
        return this.#interrupt();
      case "C-d":
        if (shown(this.#line).text === "") return this.close();
    }
    this.#line = press(this.#line, token);
  }

  /** What is being typed: a line, or the answer to a question. */
  get #line(): Editor {
    return this.#question?.answer ?? this.#editor;
  }

  set #line(line: Editor) {
    if (this.#question === undefined) this.#editor = line;
    else this.#question.answer = line;
  }

  #draw(): void {
    if (!this.#isOpen || this.#isAway) return;
    const { label, text, cursor } = shown(this.#line);
    const before = label || this.#question?.text;
    this.#screen.draw(
      before === undefined
        ? { prompt: this.#options.text, line: text, cursor }
        : { prompt: "", line: before + text, cursor: before.length + cursor },
    );
  }

  /** Gives up the search or the question, or else leaves. */
  #interrupt(): void {
    if (this.#editor.search) this.#editor = giveUp(this.#editor);
    else if (this.#question) this.#answer("no");
    else this.close();
  }

  #enter(): void {
    this.#line = accept(this.#line);
    const { text } = this.#line;
    if (this.#question) this.#answer(text);
    else if (messagesOf(text).length > 1) this.#ask(text);
    else {
      this.#editor = enter(this.#editor);
      this.#give(messagesOf(text)[0] ?? "", false);
    }
  }

  #give(text: string, isPasted: boolean): void {
    if (text === "") return;
    const { keeps, paint, text: prompt } = this.#options;
    if (keeps()) this.show(paint(prompt) + safeText(text));
    this.#entered.push({ type: "text", text, isPasted });
    this.#progress.made();
  }

  #complete(): void {
    if (this.#question) return;
    this.#editor = accept(this.#editor);
    const { text, cursor } = this.#editor;
    const before = text.slice(0, cursor);
    const { remove, insert: added, candidates } = this.#options
      .complete(before);
    const removed = remove > 0 ? Array.from(before).slice(-remove) : [];
    this.#editor = insert(this.#editor, added, removed.join("").length);
    if (candidates.length > 0) this.show(candidates.join("  "));
  }

  /** One pasted line can be edited further; several are asked about. */
  #paste(pasted: string): void {
    const text = textIn(pasted.replace(/\r\n?/g, "\n"));
    this.#line = accept(this.#line);
    const { text: line, cursor } = this.#line;
    const all = line.slice(0, cursor) + text + line.slice(cursor);
    if (!this.#question && messagesOf(all).length > 1) return this.#ask(all);
    const trimmed = text.replace(/^\n+|\n+$/g, "").replace(/[\t\n]/g, " ");
    this.#line = insert(this.#line, trimmed);
  }

  #ask(lines: string): void {
    this.#question = { text: questionAbout(lines), lines, answer: EMPTY };
  }

  #answer(answer: string): void {
    const lines = this.#question?.lines ?? "";
    this.#question = undefined;
    switch (meaningOf(answer)) {
      case "yes":
        for (const text of messagesOf(lines)) this.#give(text, true);
        this.#editor = enter(replace(this.#editor, ""));
        return;
      case "no":
        return this.show("Nothing was sent.");
      case "neither": {
        this.show("Nothing was sent; it is all in the line.");
        const all = [lines, ...messagesOf(answer)].join("\n");
        this.#editor = replace(this.#editor, all);
      }
    }
  }
}

/** A terminal that takes nothing for so long keeps nobody from stopping. */
const STUCK_SECONDS = 1;
