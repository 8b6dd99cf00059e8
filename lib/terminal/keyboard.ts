/**
 * A terminal's keyboard: raw mode, and the terminal given back as it was
 * whatever ends the program or stops it, a signal included.
 *
 * @module
 */

import { type Input, KeySplitter } from "./keys.ts";
import { onEndSignals, onSignal } from "./signals.ts";
import { type Wait, waitFor } from "../timer.ts";

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
  /** Called before the program stops, to take away what is on the screen. */
  onStop?: () => Promise<void>;
  /** Called when it goes on; others have written to the terminal since. */
  onContinue: () => void;
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
  /** If Ctrl-Z is the next key, it stops the program and what it is part of. */
  letStop(): void;
}

/**
 * Why Ctrl-Z is asked for twice. A program may stop itself, but not what has
 * started it; the terminal does, where that lets it.
 */
export const STOP_HINT =
  "Ctrl-Z again stops this program; don't if deno task has started it, which " +
  "would not stop, and would keep the terminal.";

/**
 * Reads the keyboard; stdin must be a terminal. Ctrl-C, Ctrl-D and Ctrl-Z are
 * keys like others until it is released, which happens by itself when the
 * program ends over an error.
 *
 * @param options Who is told.
 * @returns The keyboard.
 */
export function openKeyboard(options: KeyboardOptions): Keyboard {
  const { marksPastes, onInput, onEnd, onStop, onContinue } = options;
  const keys = new KeyStream(onInput);
  let isOpen = true;
  let isStopping = false;
  let mayStop = false;

  function hold(): void {
    setRaw(true);
    if (marksPastes) writeNow(BEGIN_BRACKETED);
  }

  function close(): void {
    isOpen = false;
    removeEventListener("unload", releaseIfOpen);
    for (const stop of listening) stop();
    keys.close();
  }

  function release(): void {
    if (marksPastes) writeNow(END_BRACKETED);
    setRaw(false);
  }

  function releaseIfOpen(): void {
    if (isOpen) release();
  }

  function letStop(): void {
    // The terminal makes a signal of Ctrl-Z in this mode; Windows has none.
    mayStop = Deno.build.os !== "windows" && setRaw(true, { cbreak: true });
  }

  async function stop(): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    await onStop?.();
    if (!isOpen) return;
    release();
    try {
      Deno.kill(Deno.pid, "SIGSTOP");
    } catch { // Older versions of Deno let nobody do that to themselves.
      goOn();
    }
  }

  function goOn(): void {
    isStopping = false;
    mayStop = false;
    hold();
    onContinue();
  }

  async function read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const decoder = new TextDecoder();
    while (isOpen) {
      // A terminal that hangs up gives EIO, which is an end as well.
      const count = await Deno.stdin.read(buffer).catch(() => null);
      if (!isOpen) return;
      if (count === null) return onEnd();
      if (mayStop) mayStop = !setRaw(true);
      keys.take(decoder.decode(buffer.subarray(0, count), { stream: true }));
    }
  }

  const listening = [
    onEndSignals(onEnd),
    onSignal("SIGTSTP", stop),
    onSignal("SIGCONT", goOn),
  ];
  addEventListener("unload", releaseIfOpen);
  hold();
  read();
  return { close, release, letStop };
}

/** Hands keys on as they come, and what is broken off when no more comes. */
export class KeyStream {
  readonly #splitter = new KeySplitter();
  readonly #onInput: (input: Input) => void;
  readonly #wait: Wait;
  #callOff = () => {};
  #isOpen = true;

  constructor(onInput: (input: Input) => void, wait: Wait = waitFor) {
    this.#onInput = onInput;
    this.#wait = wait;
  }

  /** Takes a piece of what the terminal sends. */
  take(text: string): void {
    this.#callOff();
    this.#handOn(this.#splitter.split(text));
    const { patience } = this.#splitter;
    if (patience === 0 || !this.#isOpen) return;
    this.#callOff = this.#wait(
      patience,
      () => this.#handOn(this.#splitter.giveUp()),
    );
  }

  /** Hands nothing on any more. */
  close(): void {
    this.#isOpen = false;
    this.#callOff();
  }

  #handOn(inputs: Input[]): void {
    for (const input of inputs) if (this.#isOpen) this.#onInput(input);
  }
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

/** Sets the terminal; whether it is there to be set. */
function setRaw(isRaw: boolean, options?: Deno.SetRawOptions): boolean {
  try {
    Deno.stdin.setRaw(isRaw, options);
    return true;
  } catch {
    return false;
  }
}
