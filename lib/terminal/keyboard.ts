/**
 * What comes from a terminal's keyboard, keys told from pastes: raw mode, and
 * the terminal given back as it was whatever ends it, a signal included.
 *
 * @module
 */

import { onEndSignals } from "./signals.ts";

/** A piece of what comes from a terminal. */
export interface Input {
  /** Whether it was typed or pasted. */
  type: "keys" | "paste";
  /** The text; for keys with their escape sequences. */
  text: string;
}

/** Who is told what comes. */
export interface KeyboardOptions {
  /** Whether stdout is the same terminal, which is asked to mark pastes. */
  marksPastes: boolean;
  /** Called with what is typed and pasted. */
  onInput: (input: Input) => void;
  /**
   * Called when a signal comes, or the terminal has gone; the keyboard is to be
   * closed then.
   */
  onEnd: () => void;
}

/** A keyboard that is being read. */
export interface Keyboard {
  /** Reads no further key; the terminal stays as it is. */
  close(): void;
  /**
   * Gives the terminal back as it was. Waits for a terminal that takes nothing:
   * only for one that has just taken something.
   */
  release(): void;
}

/**
 * Reads the keyboard; stdin must be a terminal. Ctrl-C, Ctrl-D and Ctrl-Z are
 * keys like others until it is released, which happens by itself when the
 * program ends over an error.
 *
 * @param options Who is told.
 * @returns The keyboard.
 */
export function openKeyboard(options: KeyboardOptions): Keyboard {
  const { marksPastes, onInput, onEnd } = options;
  const splitter = new PasteSplitter();
  const decoder = new TextDecoder();
  let isOpen = true;

  function close(): void {
    isOpen = false;
    removeEventListener("unload", releaseIfOpen);
    stopSignals();
  }

  function release(): void {
    if (marksPastes) writeNow(END_BRACKETED);
    // A terminal that has gone can't be set.
    try {
      Deno.stdin.setRaw(false);
    } catch { /* It is as it was. */ }
  }

  function releaseIfOpen(): void {
    if (isOpen) release();
  }

  async function read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (isOpen) {
      // A terminal that hangs up gives EIO, which is an end as well.
      const count = await Deno.stdin.read(buffer).catch(() => null);
      if (!isOpen) return;
      if (count === null) return onEnd();
      const bytes = buffer.subarray(0, count);
      const text = decoder.decode(bytes, { stream: true });
      for (const input of splitter.split(text)) {
        if (isOpen) onInput(input);
      }
    }
  }

  const stopSignals = onEndSignals(onEnd);
  addEventListener("unload", releaseIfOpen);
  Deno.stdin.setRaw(true);
  if (marksPastes) writeNow(BEGIN_BRACKETED);
  read();
  return { close, release };
}

/** Has a terminal mark what is pasted, and no longer. */
const BEGIN_BRACKETED = "\x1b[?2004h";
const END_BRACKETED = "\x1b[?2004l";

/** Writes a mode switch of a few bytes, if the terminal is there to take it. */
function writeNow(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch { /* Nobody is left to see it. */ }
}

const CTRL_C = "\x03";
const START = "\x1b[200~";
const END = "\x1b[201~";

/** The parts of the marks that the rest may follow. Outside ESC is a key. */
const STARTS = [2, 3, 4, 5].map((length) => START.slice(0, length));
const ENDS = [1, 2, 3, 4, 5].map((length) => END.slice(0, length));

/**
 * Three lines at once: nobody types that fast, so it is the paste of a terminal
 * without the marks.
 */
const SEVERAL_LINES = /(?:[\r\n]+[^\r\n]+){2}[\r\n]/;

/**
 * Tells keys and pastes apart by the marks of bracketed paste, as xterm defines
 * it.
 */
export class PasteSplitter {
  #rest = "";
  #pasted: string | undefined;

  /** Takes any piece of input; returns the keys and pastes it completes. */
  split(text: string): Input[] {
    const inputs: Input[] = [];
    // The end mark was lost, and somebody wants to get out.
    if (text === CTRL_C) this.#pasted = undefined;
    let left = this.#rest + text;
    this.#rest = "";
    while (left !== "") {
      const isKeys = this.#pasted === undefined;
      const mark = isKeys ? START : END;
      const at = left.indexOf(mark);
      if (at === -1) {
        const parts = isKeys ? STARTS : ENDS;
        this.#rest = parts.find((part) => left.endsWith(part)) ?? "";
        const end = left.length - this.#rest.length;
        this.#take(left.slice(0, end), inputs);
        break;
      }
      this.#take(left.slice(0, at), inputs);
      left = left.slice(at + mark.length);
      if (this.#pasted !== undefined) {
        inputs.push({ type: "paste", text: this.#pasted });
        this.#pasted = undefined;
      } else {
        this.#pasted = "";
      }
    }
    return inputs;
  }

  #take(text: string, inputs: Input[]): void {
    if (this.#pasted !== undefined) this.#pasted += text;
    else if (text !== "") {
      const isPaste = SEVERAL_LINES.test(text);
      inputs.push({ type: isPaste ? "paste" : "keys", text });
    }
  }
}
