/** The line that is being typed, and what each key does to it, as in a shell. */

import type { Input } from "./keys.ts";
import { graphemeEnd, graphemeStart } from "./width.ts";

/** A text and the cursor in it, in UTF-16 code units, between two graphemes. */
interface Draft {
  text: string;
  cursor: number;
}

/** A search that changes nothing until it is accepted. */
interface Search {
  query: string;
  /** The history's index of what was found last. */
  at?: number;
  hasFailed: boolean;
}

/** How many lines the history keeps. */
const MAX_ENTRIES = 1_000;

/** How many changes can be undone. */
const MAX_PAST = 100;

/** Finds an index, which may be past an end or within a grapheme. */
type Motion = (draft: Draft) => number;

const left: Motion = ({ cursor }) => cursor - 1;
const right: Motion = ({ cursor }) => cursor + 1;
const start: Motion = ({ text, cursor }) =>
  text.slice(0, cursor).lastIndexOf("\n") + 1;
const end: Motion = ({ text, cursor }) => {
  const end = text.indexOf("\n", cursor);
  return end === -1 ? text.length : end;
};

const WORD = /[\p{L}\p{M}\p{N}_\u200C\u200D]/u;
const BLANK = /\s/;
const isWord = (char: string) => WORD.test(char);
const isBlank = (char: string) => BLANK.test(char);

const wordLeft: Motion = ({ text, cursor }) =>
  skip(text, skip(text, cursor, -1, (char) => !isWord(char)), -1, isWord);
const wordRight: Motion = ({ text, cursor }) =>
  skip(text, skip(text, cursor, 1, (char) => !isWord(char)), 1, isWord);
const blankLeft: Motion = ({ text, cursor }) =>
  skip(text, skip(text, cursor, -1, isBlank), -1, (char) => !isBlank(char));

/** Goes over the code points that fit, to the right or to the left. */
function skip(
  text: string,
  from: number,
  step: 1 | -1,
  fits: (char: string) => boolean,
): number {
  let at = from;
  for (;;) {
    const isPair = step === -1 && /[\uDC00-\uDFFF]/.test(text[at - 1] ?? "");
    const next = step === 1 ? at : at - (isPair ? 2 : 1);
    const code = text.codePointAt(next);
    if (code === undefined) return at;
    const char = String.fromCodePoint(code);
    if (!fits(char)) return at;
    at = step === 1 ? at + char.length : next;
  }
}

/** A line editor with a history. */
export class Editor {
  #text = "";
  #cursor = 0;
  /** The lines entered before, the oldest first. */
  #entries: string[] = [];
  /** The index of what is in the line; after the last entry for a new line. */
  #at = 0;
  /** Edited lines that were not entered, by index. */
  #drafts = new Map<number, string>();
  #search?: Search;
  /** The last search text. */
  #sought = "";
  /** What Ctrl-Y inserts. */
  #killed = "";
  /** Whether the last key killed text: the next one adds to it. */
  #isKilling = false;
  /** The states that Ctrl-_ restores, the last at the end. */
  #past: Draft[] = [];

  /** The typed text; during a search, as it was before. */
  get text(): string {
    return this.#text;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get isSearching(): boolean {
    return this.#search !== undefined;
  }

  /** What to show: the line, or what a search has found and the label before it. */
  get view(): Draft & { label: string } {
    if (this.#search === undefined) return { ...this.#draft, label: "" };
    const label = this.#search.hasFailed ? "not found" : "search";
    const found = this.#found(this.#search) ?? this.#draft;
    return { ...found, label: `(${label})\`${this.#search.query}': ` };
  }

  /** Takes typed text or a key; a key without a meaning does nothing. */
  press({ type, text }: Input): void {
    if (this.#search !== undefined) this.#pressInSearch(type, text);
    else if (type !== "key") this.insert(text);
    else Editor.#EDITS.get(text)?.(this);
  }

  /** Inserts a text at the cursor, in place of so many code units before it. */
  insert(added: string, remove = 0): void {
    const before = this.#text.slice(0, this.#cursor - remove) + added;
    this.#change(before + this.#text.slice(this.#cursor), before.length);
  }

  /** Ends the line: its text goes into the history, and the next one is empty. */
  enter(): void {
    const entries = this.#entries.filter((entry) => entry !== this.#text);
    if (this.#text.trim() !== "") entries.push(this.#text);
    this.#entries = entries.slice(-MAX_ENTRIES);
    this.#show("");
    this.#beginLine();
  }

  /** Gives the line up for a new one; Ctrl-_ brings it back. */
  drop(): void {
    this.#change("", 0);
    this.#beginLine();
  }

  /** Ends a search with what it found in the line. */
  accept(): void {
    const search = this.#search;
    if (search === undefined) return;
    this.#search = undefined;
    this.#sought = search.query || this.#sought;
    const found = this.#found(search);
    if (search.at === undefined || found === undefined) return;
    this.#recall(search.at);
    // The line found may have been changed; Ctrl-_ brings the change back.
    if (this.#text !== found.text) this.#change(found.text, found.cursor);
    this.#cursor = found.cursor;
  }

  /** Ends a search; the line is as it was before. */
  giveUp(): void {
    this.#search = undefined;
  }

  get #draft(): Draft {
    return { text: this.#text, cursor: this.#cursor };
  }

  /** Changes the text so that it can be undone. */
  #change(text: string, cursor: number): void {
    this.#past.push(this.#draft);
    if (this.#past.length > MAX_PAST) this.#past.shift();
    this.#text = text;
    this.#cursor = graphemeEnd(text, cursor);
    this.#isKilling = false;
  }

  /** Shows another line, with nothing to undo. */
  #show(text: string): void {
    this.#text = text;
    this.#cursor = text.length;
    this.#isKilling = false;
    this.#past = [];
  }

  /** Leaves the history, and what was changed in it. */
  #beginLine(): void {
    this.#at = this.#entries.length;
    this.#drafts.clear();
  }

  /** The index that a motion leads to, between two graphemes. */
  #goal(motion: Motion): number {
    const at = motion(this.#draft);
    const within = Math.min(Math.max(at, 0), this.#text.length);
    return within < this.#cursor
      ? graphemeStart(this.#text, within)
      : graphemeEnd(this.#text, within);
  }

  #move(motion: Motion): void {
    this.#cursor = this.#goal(motion);
    this.#isKilling = false;
  }

  /** Removes the text between the cursor and another place; returns it. */
  #erase(motion: Motion): string {
    const to = this.#goal(motion);
    const from = Math.min(this.#cursor, to);
    const after = Math.max(this.#cursor, to);
    const taken = this.#text.slice(from, after);
    if (taken === "") return "";
    this.#change(this.#text.slice(0, from) + this.#text.slice(after), from);
    return taken;
  }

  /** Removes text that Ctrl-Y brings back. */
  #kill(motion: Motion): void {
    const before = this.#isKilling ? this.#killed : "";
    const isLeft = this.#goal(motion) < this.#cursor;
    const taken = this.#erase(motion);
    if (taken === "") return;
    this.#killed = isLeft ? taken + before : before + taken;
    this.#isKilling = true;
  }

  #undo(): void {
    const last = this.#past.pop();
    if (last === undefined) return;
    this.#text = last.text;
    this.#cursor = last.cursor;
    this.#isKilling = false;
  }

  /** Removes the text up to an end of the row, or the line break there. */
  #killRow(end: Motion, beyond: Motion): void {
    this.#kill(this.#goal(end) === this.#cursor ? beyond : end);
  }

  /** Goes to the row above in a text of several lines; else back in the history. */
  #up(): void {
    const from = start(this.#draft);
    if (from === 0) return this.#recall(this.#at - 1);
    const above = start({ text: this.#text, cursor: from - 1 });
    this.#move(({ cursor }) => Math.min(above + cursor - from, from - 1));
  }

  /** The same downwards. */
  #down(): void {
    const below = end(this.#draft) + 1;
    if (below > this.#text.length) return this.#recall(this.#at + 1);
    const last = end({ text: this.#text, cursor: below });
    const column = this.#cursor - start(this.#draft);
    this.#move(() => Math.min(below + column, last));
  }

  /** Goes to another line of the history; the one left keeps its changes. */
  #recall(at: number): void {
    if (at < 0 || at > this.#entries.length || at === this.#at) return;
    this.#drafts.set(this.#at, this.#text);
    this.#at = at;
    this.#show(this.#drafts.get(at) ?? this.#entries[at] ?? "");
  }

  /** The line that a search has found, as it was entered, and the place in it. */
  #found({ query, at }: Search): Draft | undefined {
    if (at === undefined) return undefined;
    const text = this.#entries[at];
    const index = Math.max(0, text.lastIndexOf(query));
    return { text, cursor: graphemeEnd(text, index) };
  }

  #pressInSearch(type: Input["type"], text: string): void {
    const { query, at = this.#at } = this.#search!;
    if (type !== "key") return this.#find(query + text, at);
    switch (text) {
      case "C-r":
        if (query === "") this.#find(this.#sought, at);
        else this.#find(query, at - 1);
        break;
      case "BSpace": {
        const shorter = query.slice(0, graphemeStart(query, query.length - 1));
        this.#find(shorter, this.#entries.length);
        break;
      }
      case "C-g":
        this.giveUp();
        break;
      case "Escape":
        this.accept();
        break;
      default:
        this.accept();
        this.press({ type: "key", text });
    }
  }

  /** Looks for a text in the entry at an index and those before it. */
  #find(query: string, from: number): void {
    const found = query === ""
      ? -1
      : this.#entries.findLastIndex((entry, at) =>
        at <= from && entry.includes(query)
      );
    const hasFailed = query !== "" && found === -1;
    const at = found === -1 ? this.#search!.at : found;
    this.#search = { query, at, hasFailed };
  }

  #beginSearch(): void {
    if (this.#entries.length === 0) return;
    this.#isKilling = false;
    this.#search = { query: "", hasFailed: false };
  }

  /** The keys that edit; those that send and leave are the prompt's. */
  static readonly #EDITS = new Map<string, (line: Editor) => void>([
    ["Left", (line) => line.#move(left)],
    ["C-b", (line) => line.#move(left)],
    ["Right", (line) => line.#move(right)],
    ["C-f", (line) => line.#move(right)],
    ["Home", (line) => line.#move(start)],
    ["C-a", (line) => line.#move(start)],
    ["End", (line) => line.#move(end)],
    ["C-e", (line) => line.#move(end)],
    ["M-b", (line) => line.#move(wordLeft)],
    ["M-Left", (line) => line.#move(wordLeft)],
    ["C-Left", (line) => line.#move(wordLeft)],
    ["M-f", (line) => line.#move(wordRight)],
    ["M-Right", (line) => line.#move(wordRight)],
    ["C-Right", (line) => line.#move(wordRight)],
    ["BSpace", (line) => line.#erase(left)],
    ["Delete", (line) => line.#erase(right)],
    ["C-d", (line) => line.#erase(right)],
    ["C-u", (line) => line.#killRow(start, left)],
    ["C-k", (line) => line.#killRow(end, right)],
    ["C-w", (line) => line.#kill(blankLeft)],
    ["M-BSpace", (line) => line.#kill(wordLeft)],
    ["M-d", (line) => line.#kill(wordRight)],
    ["C-Delete", (line) => line.#kill(wordRight)],
    ["M-Enter", (line) => line.insert("\n")],
    ["C-y", (line) => line.insert(line.#killed)],
    ["C-_", (line) => line.#undo()],
    ["Up", (line) => line.#up()],
    ["C-p", (line) => line.#recall(line.#at - 1)],
    ["Down", (line) => line.#down()],
    ["C-n", (line) => line.#recall(line.#at + 1)],
    ["C-r", (line) => line.#beginSearch()],
  ]);
}
