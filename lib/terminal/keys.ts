/**
 * What a terminal sends, as keys, reports and pastes: where each begins and
 * ends, wherever it is cut, and what a key is called. Pure.
 *
 * @module
 */

/** A piece of what comes from a terminal. */
export interface Input {
  /** Whether it was typed or pasted. */
  type: "keys" | "paste";
  /**
   * The text; of what was typed a run of characters, one control character, or
   * one escape sequence, which is a key or a report of the terminal's.
   */
  text: string;
}

const ESC = "\x1b";
const CTRL_C = "\x03";
const START = `${ESC}[200~`;
const END = `${ESC}[201~`;

/** The parts of the end of a paste that the rest may follow. */
const ENDS = [1, 2, 3, 4, 5].map((length) => END.slice(0, length));

/**
 * Whole tokens, as ECMA-48 and xterm define them. ESC before a control
 * character is a key of its own: who wants out presses Escape and Ctrl-C.
 */
const TOKEN = new RegExp(
  [
    // CSI: a mouse report of the old kind, a key of Linux's console, the rest.
    `${ESC}\\[(?:M[^\x00-\x1f]{3}|\\[[A-E]|[0-?]*[ -/]*[@-~])`,
    // One that is broken off.
    `${ESC}\\[[0-?]*[ -/]*`,
    // SS3: a key.
    `${ESC}O[\\d;]*[@-~]`,
    // OSC, DCS and their like: the answer to a question about colours, say.
    `${ESC}[\\]PX^_]\\P{Cc}*(?:\x07|${ESC}\\\\)`,
    // A key with Alt.
    `${ESC}[\\P{Cc}\b\x7f]`,
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

/** How long to wait for the rest, in milliseconds: of a key that may be ESC, */
const ESC_MS = 100;
/** of a sequence, which comes at once but for the network, */
const SEQUENCE_MS = 500;
/** and of a paste: too soon, and its lines would be sent as if typed. */
const PASTE_MS = 3_000;

/**
 * Three lines at once: nobody types that fast, so it is the paste of a terminal
 * without the marks.
 */
const SEVERAL_LINES = /(?:[\r\n]+[^\r\n]+){2}[\r\n]/;

/**
 * Cuts what a terminal sends into tokens, and tells keys and pastes apart by the
 * marks of bracketed paste, as xterm defines it.
 */
export class KeySplitter {
  #rest = "";
  #pasted: string | undefined;

  /**
   * How long to wait for more before {@link giveUp}, in milliseconds; 0 when
   * nothing has begun.
   */
  get patience(): number {
    if (this.#pasted !== undefined) return PASTE_MS;
    if (this.#rest === "") return 0;
    return this.#rest === ESC ? ESC_MS : SEQUENCE_MS;
  }

  /** Takes any piece of input; returns the keys and pastes it completes. */
  split(text: string): Input[] {
    const inputs: Input[] = [];
    // The end mark was lost, and somebody wants to get out.
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

  /** Nothing more comes: what has begun is taken for what it is so far. */
  giveUp(): Input[] {
    const rest = this.#rest;
    const pasted = this.#pasted;
    this.#rest = "";
    this.#pasted = undefined;
    return pasted === undefined
      ? typed(rest)
      : [{ type: "paste", text: pasted + rest }];
  }

  /** Takes keys up to the next paste; returns what follows its start. */
  #takeKeys(left: string, inputs: Input[]): string {
    const at = left.indexOf(START);
    if (at !== -1) {
      inputs.push(...typed(left.slice(0, at)));
      this.#pasted = "";
      return left.slice(at + START.length);
    }
    this.#rest = PARTIAL.exec(left)?.[0] ?? "";
    inputs.push(...typed(left.slice(0, left.length - this.#rest.length)));
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

/** Whole keys as inputs, or as the paste that they are. */
function typed(keys: string): Input[] {
  if (SEVERAL_LINES.test(keys)) return [{ type: "paste", text: keys }];
  return tokens(keys).map((text) => ({ type: "keys", text }));
}

/** Cuts keys into tokens, as {@link Input} has them. */
export function tokens(keys: string): string[] {
  return (keys.match(TOKEN) ?? []).map(plainToken);
}

/** Whether a token is text to insert. */
export function isText(token: string): boolean {
  return !/^\p{Cc}/u.test(token);
}

/** A text without the keys and reports in it; tabs and line breaks stay. */
export function textIn(text: string): string {
  return tokens(text)
    .filter((token) => isText(token) || token === "\t" || token === "\n")
    .join("");
}

/** A key with its modifiers, as xterm and kitty can be told to send it. */
const SPELLED = new RegExp(
  `^${ESC}\\[(?:(\\d+)(?:;(\\d+))?u|27;(\\d+);(\\d+)~)$`,
);

/** Of those modifiers, less one. */
const ALT = 2;
const CTRL = 4;

/** Such a key as any terminal sends it; other tokens as they are. */
function plainToken(token: string): string {
  const match = SPELLED.exec(token);
  if (match === null) return token;
  const code = Number(match[1] ?? match[4]);
  const modifiers = Number(match[2] ?? match[3] ?? 1) - 1;
  // Private use stands for keys that have no character.
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xF8FF)) return token;
  const char = String.fromCodePoint(code);
  const isControl = (modifiers & CTRL) !== 0 && /^[@-_a-z]$/.test(char);
  const key = isControl ? String.fromCharCode(code & 0x1F) : char;
  return modifiers & ALT ? ESC + key : key;
}

const CONTROLS = new Map([
  ["\r", "Enter"],
  ["\n", "Enter"],
  ["\t", "Tab"],
  ["\x7f", "BSpace"],
  ["\b", "BSpace"],
  [ESC, "Escape"],
  ["\x1f", "C-_"],
]);

const CURSOR_KEY = new RegExp(`^${ESC}[[O](\\d*)(?:;(\\d+))?([A-Z~])$`);

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

/**
 * What a token is called that is a key: `Enter`, `C-a`, `M-b`, `C-Left`, as
 * tmux has it.
 *
 * @param token As {@link tokens} gives it.
 * @returns The name; of anything else, such as a report, nothing.
 */
export function keyName(token: string): string {
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

function cursorKeyName(
  [, number, modifier, final]: RegExpExecArray,
): string {
  const name = CURSOR_KEYS.get(final === "~" ? number + final : final);
  if (name === undefined) return "";
  // Older terminals have the modifiers in the number's place.
  const isOld = final !== "~" && modifier === undefined;
  const modifiers = Number((isOld ? number : modifier) || 1) - 1;
  return (modifiers & CTRL ? "C-" : modifiers & ALT ? "M-" : "") + name;
}
