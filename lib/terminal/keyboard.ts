/**
 * The keys of a terminal, one by one: raw mode, and the terminal given back as
 * it was whatever ends it, a signal included. Effects only.
 *
 * @module
 */

import {
  BEGIN_BRACKETED,
  END_BRACKETED,
  type Input,
  PasteSplitter,
} from "./paste.ts";
import { onEndSignals } from "./signals.ts";

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

/** Writes a mode switch of a few bytes, if the terminal is there to take it. */
function writeNow(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch { /* Nobody is left to see it. */ }
}
