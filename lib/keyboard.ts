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
import { onEndSignals } from "./terminal.ts";

/** Who is told what comes. */
export interface KeyboardOptions {
  /** Whether stdout is the same terminal, which is asked to mark pastes. */
  marksPastes: boolean;
  /** Called with what is typed and pasted. */
  onInput: (input: Input) => void;
  /** Called when a signal comes, or the terminal has gone. */
  onEnd: () => void;
}

/** A keyboard that is being read. */
export interface Keyboard {
  /** Gives the terminal back. */
  close(): void;
}

/**
 * Reads the keyboard; stdin must be a terminal. Ctrl-C, Ctrl-D and Ctrl-Z are
 * keys like others until it is closed.
 *
 * @param options Who is told.
 * @returns The keyboard.
 */
export function openKeyboard(options: KeyboardOptions): Keyboard {
  const { marksPastes, onInput, onEnd } = options;
  const splitter = new PasteSplitter();
  const decoder = new TextDecoder();
  let isOpen = true;
  const stopSignals = onEndSignals(() => end());
  Deno.stdin.setRaw(true);
  if (marksPastes) writeNow(BEGIN_BRACKETED);

  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    stopSignals();
    if (marksPastes) writeNow(END_BRACKETED);
    // A terminal that has gone can't be set.
    try {
      Deno.stdin.setRaw(false);
    } catch { /* It is as it was. */ }
  }

  function end(): void {
    close();
    onEnd();
  }

  async function read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (isOpen) {
      // A terminal that hangs up gives EIO, which is an end as well.
      const count = await Deno.stdin.read(buffer).catch(() => null);
      if (!isOpen) return;
      if (count === null) return end();
      const bytes = buffer.subarray(0, count);
      const text = decoder.decode(bytes, { stream: true });
      for (const input of splitter.split(text)) {
        if (isOpen) onInput(input);
      }
    }
  }

  read();
  return { close };
}

/** Writes a mode switch of a few bytes, if the terminal is there to take it. */
function writeNow(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch { /* Nobody is left to see it. */ }
}
