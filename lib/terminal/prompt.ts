/** A prompt at the bottom of the terminal: the room flows above what is typed. */

import { Editor } from "./editor.ts";
import { type Line, readLines } from "./input.ts";
import { type Input, Keyboard, STOP_HINT, textIn } from "./keys.ts";
import { LineWriter } from "./output.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { safeText } from "../safe_text.ts";
import { Screen, terminalSize } from "./screen.ts";
import { onSignal } from "./signals.ts";
import { Progress, within } from "../timer.ts";

export interface PromptOptions {
  /** Settles when stderr has what was written before: it would come after the prompt. */
  ready: Promise<void>;
  /** The text before the typed line. */
  text: string;
  /** Colours `text`. */
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

export interface Prompt {
  /** What is entered, until Ctrl-D, Ctrl-C, or {@link close}. */
  lines: AsyncIterable<Line>;
  /** Shows a line above it; what is typed so far stays. */
  show(line: string): void;
  /** Clears the screen above it. */
  clear(): void;
  /** Puts another text before what is typed. */
  setText(text: string): void;
  /** Removes the prompt and gives the terminal back; lines can still be shown. */
  close(): void;
  /** Settles when everything is on the screen. */
  flushed(): Promise<void>;
}

/** Opens a prompt on stdin and stdout, which must be terminals; a dumb one can only print. */
export function openPrompt(options: PromptOptions, isDumb: boolean): Prompt {
  return isDumb ? plainPrompt(options) : new TerminalPrompt(options);
}

/** A prompt that reads lines as the terminal sends them, and changes nothing. */
function plainPrompt({ onDropped }: PromptOptions): Prompt {
  const writer = new LineWriter(Deno.stdout, onDropped);
  return {
    lines: plainLines(),
    show: (line) => writer.write(line),
    clear: () => {},
    setText: () => {},
    close: () => {},
    flushed: () => writer.flushed(),
  };
}

/** Typed lines without blank ones; here keys such as arrows leave traces. */
async function* plainLines(): AsyncGenerator<Line> {
  const lines = readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES);
  for await (const line of lines) {
    if (line.type !== "text") yield line;
    else {
      const text = textIn(line.text).replaceAll("\t", " ");
      if (text.trim() !== "") yield { ...line, text };
    }
  }
}

/** Stop after so many seconds, even if the terminal takes no output. */
const STUCK_SECONDS = 1;

/** Ties keyboard, editor and screen together. */
class TerminalPrompt implements Prompt {
  readonly lines: AsyncIterable<Line> = this.#takeEntered();
  readonly #options: PromptOptions;
  readonly #screen: Screen;
  readonly #keyboard: Keyboard;
  readonly #editor = new Editor();
  readonly #stopResizing: () => void;
  /** What was entered and is not taken yet. */
  readonly #entered: Line[] = [];
  readonly #progress = new Progress();
  #isOpen = true;
  /** Whether the terminal is another program's. */
  #isAway = true;

  constructor(options: PromptOptions) {
    this.#options = { ...options };
    this.#screen = new Screen({
      ...options,
      sink: Deno.stdout,
      size: terminalSize,
    });
    this.#keyboard = new Keyboard({
      marksPastes: true,
      onStop: () => this.#leave(),
      onContinue: () => this.#comeBack(),
    });
    this.#stopResizing = onSignal("SIGWINCH", () => this.#screen.refresh());
    this.#readKeys();
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

  async #readKeys(): Promise<void> {
    for await (const input of this.#keyboard.inputs()) {
      if (input.type === "paste") this.#paste(input.text);
      else this.#press(input);
      this.#draw();
    }
    this.close();
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

  #press(input: Input): void {
    switch (input.type === "key" && input.text) {
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
        if (this.#editor.view.text === "") return this.close();
    }
    this.#editor.press(input);
  }

  #draw(): void {
    if (!this.#isOpen || this.#isAway) return;
    const { label, text, cursor } = this.#editor.view;
    this.#screen.draw(
      label === ""
        ? { prompt: this.#options.text, line: text, cursor }
        : { prompt: "", line: label + text, cursor: label.length + cursor },
    );
  }

  /** Gives up the search or the line, or else leaves. */
  #interrupt(): void {
    if (this.#editor.isSearching) this.#editor.giveUp();
    else if (this.#editor.text !== "") this.#editor.drop();
    else this.close();
  }

  #enter(): void {
    this.#editor.accept();
    const { text } = this.#editor;
    this.#editor.enter();
    if (text.trim() === "") return;
    const { keeps, paint, text: prompt } = this.#options;
    if (keeps()) this.show(paint(prompt) + safeText(text));
    this.#entered.push({ type: "text", text });
    this.#progress.made();
  }

  #complete(): void {
    this.#editor.accept();
    const { text, cursor } = this.#editor;
    const before = text.slice(0, cursor);
    const { remove, insert, candidates } = this.#options.complete(before);
    const removed = remove > 0 ? Array.from(before).slice(-remove) : [];
    this.#editor.insert(insert, removed.join("").length);
    if (candidates.length > 0) this.show(candidates.join("  "));
  }

  /** Puts a paste into the line as it is, but for the line break at its end. */
  #paste(pasted: string): void {
    this.#editor.accept();
    const text = pasted.replace(/\r\n?/g, "\n").replace(/\n$/, "");
    this.#editor.insert(textIn(text));
  }
}
