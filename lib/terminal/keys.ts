/** The keyboard: raw mode, and what a terminal sends as text, keys and pastes. */

import { onEndSignals, onSignal } from "./signals.ts";
import { type Clock, SYSTEM_CLOCK } from "../timer.ts";

/** Typed text, a key by its name as tmux has it (`Enter`, `C-a`, `M-b`), or a paste. */
export interface Input {
  type: "text" | "key" | "paste";
  text: string;
}

/** Why Ctrl-Z has to be pressed twice: a program can't stop its parent. */
export const STOP_HINT =
  "Ctrl-Z again suspends. If you started with deno task, don't: the terminal " +
  "would hang.";

/** Deno reports a signal within this time, in milliseconds. */
const SIGNAL_MS = 10;

interface KeyboardOptions {
  /** Whether stdout is the same terminal, which is asked to mark pastes. */
  marksPastes: boolean;
  /** Clears the program's rows before it stops or quits. */
  onStop?: () => Promise<void>;
  /** Draws them again when it goes on. */
  onContinue: () => void;
}

/**
 * Holds the terminal on stdin in raw mode, in which Ctrl-C, Ctrl-D and Ctrl-Z are
 * keys. The terminal is given back also when an error ends the program.
 */
export class Keyboard {
  readonly #options: KeyboardOptions;
  readonly #stopListening: (() => void)[];
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #decoder = new TextDecoder();
  #isOpen = true;
  #mayStop = false;
  /** Whether SIGCONT came since SIGTSTP. */
  #hasGoneOn = false;
  #endReading = () => {};

  constructor(options: KeyboardOptions) {
    this.#options = options;
    const releaseIfOpen = () => this.#isOpen && this.release();
    addEventListener("unload", releaseIfOpen);
    this.#stopListening = [
      onEndSignals(() => this.close()),
      onSignal("SIGTSTP", () => this.#stop()),
      onSignal("SIGQUIT", () => this.#quit()),
      onSignal("SIGCONT", () => this.#goOn()),
      () => removeEventListener("unload", releaseIfOpen),
    ];
    this.#hold();
  }

  /** The keys, until a signal, a hang-up, or {@link close}. */
  async *inputs(): AsyncGenerator<Input> {
    for await (const input of readKeys(() => this.#read())) {
      if (!this.#isOpen) return;
      yield input;
    }
  }

  /** Reads no further key; the terminal stays in raw mode. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const stop of this.#stopListening) stop();
    this.#endReading();
  }

  /** Gives the terminal back as it was. */
  release(): void {
    if (this.#options.marksPastes) writeNow(UNMARK_PASTES);
    setRaw(false);
  }

  /** Lets the terminal turn the next Ctrl-Z into a signal for the whole job. */
  letStop(): void {
    // Windows has no such signal.
    this.#mayStop = Deno.build.os !== "windows" &&
      setRaw(true, { cbreak: true });
  }

  #hold(): void {
    setRaw(true);
    if (this.#options.marksPastes) writeNow(MARK_PASTES);
  }

  async #stop(): Promise<void> {
    this.#hasGoneOn = false;
    await this.#options.onStop?.();
    if (!this.#isOpen) return;
    // A parent that has stopped already leaves the terminal to its shell. Then
    // SIGTTOU stops this program here, and it must not stop after SIGCONT.
    this.release();
    await new Promise((resolve) => setTimeout(resolve, SIGNAL_MS));
    if (this.#hasGoneOn || !this.#isOpen) return;
    try {
      Deno.kill(Deno.pid, "SIGSTOP");
    } catch { // Older versions of Deno don't allow that.
      this.#goOn();
    }
  }

  /** Ends the program as SIGQUIT does where it is not listened to. */
  async #quit(): Promise<void> {
    await this.#options.onStop?.();
    this.close();
    this.release();
    Deno.kill(Deno.pid, "SIGQUIT");
  }

  #goOn(): void {
    this.#hasGoneOn = true;
    this.#mayStop = false;
    this.#hold();
    this.#options.onContinue();
  }

  /** The next piece of input; undefined at the end. */
  #read(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#endReading = () => resolve(undefined);
    if (!this.#isOpen) return Promise.resolve(undefined);
    Deno.stdin.read(this.#buffer).then((count) => {
      if (count === null) return resolve(undefined);
      if (this.#mayStop) this.#mayStop = !setRaw(true);
      const bytes = this.#buffer.subarray(0, count);
      resolve(this.#decoder.decode(bytes, { stream: true }));
      // A terminal that hangs up gives EIO.
    }, () => resolve(undefined));
    return promise;
  }
}

/** Bracketed paste, as xterm defines it. */
const MARK_PASTES = "\x1b[?2004h";
const UNMARK_PASTES = "\x1b[?2004l";

function writeNow(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch { /* The terminal is gone. */ }
}

/** Sets the terminal's mode; returns whether it could. */
function setRaw(isRaw: boolean, options?: Deno.SetRawOptions): boolean {
  try {
    Deno.stdin.setRaw(isRaw, options);
    return true;
  } catch {
    return false;
  }
}

/** Reads keys from pieces of input; a key that is cut off is waited for. */
export async function* readKeys(
  read: () => Promise<string | undefined>,
  clock: Clock = SYSTEM_CLOCK,
): AsyncGenerator<Input> {
  const splitter = new Splitter();
  let reading: Promise<string | undefined> | undefined;
  for (;;) {
    reading ??= read();
    const { promise: timeout, resolve } = Promise.withResolvers<null>();
    const { patience } = splitter;
    const cancel = patience > 0
      ? clock.after(patience, () => resolve(null))
      : () => {};
    const text = await Promise.race([reading, timeout]);
    cancel();
    if (text === null) yield* splitter.giveUp();
    else {
      if (text === undefined) return;
      reading = undefined;
      yield* splitter.split(text);
    }
  }
}

const ESC = "\x1b";
const CTRL_C = "\x03";
const START = `${ESC}[200~`;
const END = `${ESC}[201~`;

/** The parts of the end of a paste that the rest may follow. */
const ENDS = [1, 2, 3, 4, 5].map((length) => END.slice(0, length));

/** Whole tokens, as ECMA-48 and xterm define them. */
const TOKEN = new RegExp(
  [
    // CSI: a mouse report of the old kind, a key of Linux's console, the rest.
    `${ESC}\\[(?:M[^\x00-\x1f]{3}|\\[[A-E]|[0-?]*[ -/]*[@-~])`,
    // CSI that is broken off.
    `${ESC}\\[[0-?]*[ -/]*`,
    // SS3: a key.
    `${ESC}O[\\d;]*[@-~]`,
    // OSC, DCS and their like: the answer to a question about colours, say.
    `${ESC}[\\]PX^_]\\P{Cc}*(?:\x07|${ESC}\\\\)`,
    // A key with Alt. Before another control character, ESC is Escape.
    `${ESC}[\\P{Cc}\b\x7f\r\n]`,
    "\\P{Cc}+",
    "\\p{Cc}",
  ].join("|"),
  "gu",
);

/** The beginning of a sequence at the end of a piece. */
const PARTIAL = new RegExp(
  `${ESC}(?:\\[(?:M[^\x00-\x1f]{0,2}|\\[|[0-?]*[ -/]*)|O[\\d;]*|[\\]PX^_]\\P{Cc}*${ESC}?)?$`,
  "u",
);

/** The wait for the rest, in milliseconds: of a key that may be Escape itself, */
const ESC_MS = 100;
/** of a sequence, which only a network cuts, */
const SEQUENCE_MS = 500;
/** of a paste: if it ends too soon, its lines are taken for typed ones. */
const PASTE_MS = 3_000;

/** Three lines at once: a paste in a terminal that marks none, and sends CR for LF. */
const SEVERAL_LINES = /(?:\r+[\t\P{Cc}]+){2}\r/u;

/** Cuts input into keys and pastes, wherever the pieces of it are cut. */
class Splitter {
  #rest = "";
  #pasted: string | undefined;

  /** How long to wait for more before {@link giveUp}, in milliseconds; 0 for ever. */
  get patience(): number {
    if (this.#pasted !== undefined) return PASTE_MS;
    if (this.#rest === "") return 0;
    return this.#rest === ESC ? ESC_MS : SEQUENCE_MS;
  }

  split(text: string): Input[] {
    const inputs: Input[] = [];
    // The end mark of the paste was lost, and the user wants to get out.
    if (text === CTRL_C) this.#pasted = undefined;
    let left = this.#rest + text;
    this.#rest = "";
    while (left !== "") {
      left = this.#pasted === undefined
        ? this.#takeKeys(left, inputs)
        : this.#takePasted(left, inputs);
    }
    return inputs;
  }

  /** Takes what has begun for what it is so far. */
  giveUp(): Input[] {
    const rest = this.#rest;
    const pasted = this.#pasted;
    this.#rest = "";
    this.#pasted = undefined;
    return pasted === undefined
      ? inputsOf(rest)
      : [{ type: "paste", text: pasted + rest }];
  }

  /** Takes keys up to the next paste; returns what follows its start. */
  #takeKeys(left: string, inputs: Input[]): string {
    const at = left.indexOf(START);
    if (at !== -1) {
      inputs.push(...inputsOf(left.slice(0, at)));
      this.#pasted = "";
      return left.slice(at + START.length);
    }
    this.#rest = PARTIAL.exec(left)?.[0] ?? "";
    inputs.push(...inputsOf(left.slice(0, left.length - this.#rest.length)));
    return "";
  }

  /** Takes a paste up to its end; returns what follows it. */
  #takePasted(left: string, inputs: Input[]): string {
    const at = left.indexOf(END);
    if (at !== -1) {
      inputs.push({ type: "paste", text: this.#pasted + left.slice(0, at) });
      this.#pasted = undefined;
      return left.slice(at + END.length);
    }
    this.#rest = ENDS.find((part) => left.endsWith(part)) ?? "";
    this.#pasted += left.slice(0, left.length - this.#rest.length);
    return "";
  }
}

/** Whole keys as inputs; reports of the terminal and unknown keys are dropped. */
function inputsOf(keys: string): Input[] {
  if (SEVERAL_LINES.test(keys)) return [{ type: "paste", text: keys }];
  const inputs: Input[] = [];
  for (const token of tokens(keys)) {
    if (isText(token)) inputs.push({ type: "text", text: token });
    else {
      const name = keyName(token);
      if (name !== "") inputs.push({ type: "key", text: name });
    }
  }
  return inputs;
}

/** A text without the keys and reports in it; tabs and line breaks stay. */
export function textIn(text: string): string {
  return tokens(text)
    .filter((token) => isText(token) || token === "\t" || token === "\n")
    .join("");
}

function tokens(keys: string): string[] {
  return (keys.match(TOKEN) ?? []).map(plainToken);
}

function isText(token: string): boolean {
  return !/^\p{Cc}/u.test(token);
}

/**
 * A key with its modifiers, as xterm and kitty can be told to send it. kitty may
 * add the shifted character, that of the same key on a Latin layout, and an event.
 */
const SPELLED = new RegExp(
  `^${ESC}\\[(?:(\\d+)(?::(\\d*))?(?::(\\d+))?(?:;(\\d*)(?::(\\d))?)?(?:;[\\d:]*)?u|` +
    "27;(\\d+);(\\d+)~)$",
);

/** Of those modifiers, less one; the locks (64, 128) mean nothing. */
const SHIFT = 1;
const ALT = 2;
const CTRL = 4;
const SUPER_HYPER_META = 56;

/** The event of a released key. */
const LET_GO = "3";

/** Such a key as any terminal sends it; others, and one without a meaning, as they are. */
function plainToken(token: string): string {
  const match = SPELLED.exec(token);
  if (match === null) return token;
  const [, code, shifted, latin, flags, event, xtermFlags, xtermCode] = match;
  const modifiers = Number(flags || xtermFlags || 1) - 1;
  if (event === LET_GO || modifiers & SUPER_HYPER_META) return token;
  let char = charOf(code ?? xtermCode);
  if (modifiers & (CTRL | ALT) && char > "\x7f") char = charOf(latin) || char;
  else if (modifiers & SHIFT) char = charOf(shifted) || char;
  if (modifiers & CTRL) char = controlOf(char);
  if (char === "") return token;
  return modifiers & ALT ? ESC + char : char;
}

/** A character by its code; "" for private use, which stands for other keys. */
function charOf(code = ""): string {
  const number = Number(code);
  const isNone = number > 0x10FFFF || (number >= 0xD800 && number <= 0xF8FF);
  return code === "" || isNone ? "" : String.fromCodePoint(number);
}

/** The control character of a key with Ctrl; "" if it has none. */
function controlOf(char: string): string {
  if (char === "/") return "\x1f";
  if (/^\p{Cc}$/u.test(char)) return char;
  return /^[@-_a-z]$/.test(char)
    ? String.fromCharCode(char.charCodeAt(0) & 0x1f)
    : "";
}

const CONTROLS = new Map([
  ["\r", "Enter"],
  ["\n", "Enter"],
  ["\t", "Tab"],
  ["\x7f", "BSpace"],
  ["\b", "BSpace"],
  [ESC, "Escape"],
  ["\x1f", "C-_"],
  // rxvt's way to send these.
  [`${ESC}Od`, "C-Left"],
  [`${ESC}Oc`, "C-Right"],
]);

const CURSOR_KEY = new RegExp(
  `^${ESC}[[O](\\d*)(?:;(\\d+)(?::[12])?)?([A-Z~])$`,
);

const CURSOR_KEYS = new Map([
  ["A", "Up"],
  ["B", "Down"],
  ["C", "Right"],
  ["D", "Left"],
  ["F", "End"],
  ["H", "Home"],
  ["1~", "Home"],
  ["3~", "Delete"],
  ["4~", "End"],
  ["7~", "Home"],
  ["8~", "End"],
]);

/** The name of a key; "" for anything else, such as a report. */
function keyName(token: string): string {
  const control = CONTROLS.get(token);
  if (control !== undefined) return control;
  if (token.length === 1 && token <= "\x1a") {
    return `C-${String.fromCharCode(token.charCodeAt(0) + 0x60)}`;
  }
  const cursor = CURSOR_KEY.exec(token);
  if (cursor !== null) return cursorKeyName(cursor);
  const alt = new RegExp(`^${ESC}(.)$`, "su").exec(token);
  return alt ? `M-${keyName(alt[1]) || alt[1].toLowerCase()}` : "";
}

function cursorKeyName([, number, modifier, final]: RegExpExecArray): string {
  const name = CURSOR_KEYS.get(final === "~" ? number + final : final);
  if (name === undefined) return "";
  // Older terminals have the modifiers in the number's place.
  const isOld = final !== "~" && modifier === undefined;
  const modifiers = Number((isOld ? number : modifier) || 1) - 1;
  return (modifiers & CTRL ? "C-" : modifiers & ALT ? "M-" : "") + name;
}
