/**
 * The line that is being typed, and what each key makes of it, as in a shell.
 * Pure.
 *
 * @module
 */

import { graphemeEnd, graphemeStart } from "./graphemes.ts";
import {
  find,
  type History,
  NO_HISTORY,
  recall,
  remember,
  type Search,
} from "./history.ts";
import { isText, keyName } from "./keys.ts";
import {
  blankLeft,
  type Draft,
  end,
  goal,
  left,
  type Motion,
  right,
  start,
  wordLeft,
  wordRight,
} from "./motions.ts";

/** A line that is being typed. */
export interface Editor extends Draft {
  readonly history: History;
  /** The search that is under way; it changes nothing until it is accepted. */
  readonly search?: Search;
  /** What was looked for last. */
  readonly sought: string;
  /** What Ctrl-Y brings back. */
  readonly killed: string;
  /** Whether the last key took that away: the next one adds to it. */
  readonly isKilling: boolean;
  /** What Ctrl-_ goes back to, the last at the end. */
  readonly past: readonly Draft[];
}

/** Nothing typed, now or before. */
export const EMPTY: Editor = {
  text: "",
  cursor: 0,
  history: NO_HISTORY,
  sought: "",
  killed: "",
  isKilling: false,
  past: [],
};

/** How far Ctrl-_ goes back, in keys. */
const MAX_PAST = 100;

/**
 * Takes a key, or text that is typed.
 *
 * @param editor The line.
 * @param token A token of `keys.ts`.
 * @returns The line after it; the same one where the key does nothing.
 */
export function press(editor: Editor, token: string): Editor {
  if (editor.search !== undefined) return pressInSearch(editor, token);
  if (isText(token)) return insert(editor, token);
  const edit = EDITS.get(keyName(token));
  return edit === undefined ? editor : edit(editor);
}

/** Inserts a text at the cursor, in place of so much before it. */
export function insert(editor: Editor, added: string, remove = 0): Editor {
  const { text, cursor } = editor;
  const before = text.slice(0, cursor - remove) + added;
  return changed(editor, before + text.slice(cursor), before.length);
}

/** Puts another text in place of the line. */
export function replace(editor: Editor, text: string): Editor {
  return changed(editor, text, text.length);
}

/** Ends the line: the next one is empty, and this one is history. */
export function enter(editor: Editor): Editor {
  const { text, killed, sought } = editor;
  const history = remember(editor.history, text);
  return { ...EMPTY, history, killed, sought };
}

/** What is shown: what was found where there is a search, which comes first. */
export function shown(editor: Editor): Draft & { label: string } {
  const { search } = editor;
  if (search === undefined) return { ...editor, label: "" };
  const label = search.hasFailed ? "not found" : "search";
  return {
    ...accept(editor),
    label: `(${label})\`${search.query}': `,
  };
}

/** Ends a search, if there is one, with what it found in the line. */
export function accept(editor: Editor): Editor {
  const { search, history, ...line } = editor;
  if (search === undefined) return editor;
  const sought = search.query || editor.sought;
  const found = recall(history, line.text, search.at);
  if (found === undefined) return { ...line, history, sought };
  const at = found.text.lastIndexOf(search.query);
  const cursor = graphemeEnd(found.text, Math.max(0, at));
  return { ...line, ...found, cursor, sought, past: [] };
}

/** Ends a search; the line is as it was before. */
export function giveUp(editor: Editor): Editor {
  const { search: _, ...line } = editor;
  return line;
}

/** A change of the text, which can be undone. */
function changed(editor: Editor, text: string, cursor: number): Editor {
  const last = { text: editor.text, cursor: editor.cursor };
  return {
    ...editor,
    text,
    cursor: graphemeEnd(text, cursor),
    isKilling: false,
    past: [...editor.past.slice(1 - MAX_PAST), last],
  };
}

type Edit = (editor: Editor) => Editor;

function move(motion: Motion): Edit {
  return (editor) => ({
    ...editor,
    cursor: goal(editor, motion),
    isKilling: false,
  });
}

/** Takes away what is between the cursor and another place. */
function erase(motion: Motion): Edit {
  return (editor) => {
    const { text, cursor } = editor;
    const to = goal(editor, motion);
    if (to === cursor) return editor;
    const from = Math.min(cursor, to);
    return changed(
      editor,
      text.slice(0, from) + text.slice(Math.max(cursor, to)),
      from,
    );
  };
}

/** The same, to be brought back with Ctrl-Y. */
function kill(motion: Motion): Edit {
  return (editor) => {
    const { text, cursor, isKilling } = editor;
    const to = goal(editor, motion);
    if (to === cursor) return editor;
    const taken = text.slice(Math.min(cursor, to), Math.max(cursor, to));
    const before = isKilling ? editor.killed : "";
    const killed = to < cursor ? taken + before : before + taken;
    return { ...erase(motion)(editor), killed, isKilling: true };
  };
}

/** Exchanges the two graphemes about the cursor. */
function transpose(editor: Editor): Editor {
  const { text } = editor;
  const second = editor.cursor < text.length
    ? editor.cursor
    : goal(editor, left);
  const to = goal({ text, cursor: second }, right);
  const from = goal({ text, cursor: second }, left);
  if (from === second) return editor;
  const exchanged = text.slice(second, to) + text.slice(from, second);
  return changed(
    editor,
    text.slice(0, from) + exchanged + text.slice(to),
    to,
  );
}

function undo(editor: Editor): Editor {
  const last = editor.past.at(-1);
  if (last === undefined) return editor;
  const past = editor.past.slice(0, -1);
  return { ...editor, ...last, past, isKilling: false };
}

/** Goes to another place in the history. */
function go(place: (history: History) => number): Edit {
  return (editor) => {
    const { history, text } = editor;
    const there = recall(history, text, place(history));
    if (there === undefined) return editor;
    const cursor = there.text.length;
    return { ...editor, ...there, cursor, isKilling: false, past: [] };
  };
}

function search(editor: Editor): Editor {
  const { history } = editor;
  if (history.entries.length === 0) return editor;
  const search = { query: "", at: history.at, hasFailed: false };
  return { ...editor, search, isKilling: false };
}

/** What keys do beside inserting; those that send and leave are the prompt's. */
const EDITS = new Map<string, Edit>([
  ["Left", move(left)],
  ["C-b", move(left)],
  ["Right", move(right)],
  ["C-f", move(right)],
  ["Home", move(start)],
  ["C-a", move(start)],
  ["End", move(end)],
  ["C-e", move(end)],
  ["M-b", move(wordLeft)],
  ["M-Left", move(wordLeft)],
  ["C-Left", move(wordLeft)],
  ["M-f", move(wordRight)],
  ["M-Right", move(wordRight)],
  ["C-Right", move(wordRight)],
  ["BSpace", erase(left)],
  ["Delete", erase(right)],
  ["C-d", erase(right)],
  ["C-u", kill(start)],
  ["C-k", kill(end)],
  ["C-w", kill(blankLeft)],
  ["M-BSpace", kill(wordLeft)],
  ["M-d", kill(wordRight)],
  ["C-Delete", kill(wordRight)],
  ["M-Delete", kill(wordRight)],
  ["C-y", (editor) => insert(editor, editor.killed)],
  ["C-t", transpose],
  ["C-_", undo],
  ["Up", go(({ at }) => at - 1)],
  ["C-p", go(({ at }) => at - 1)],
  ["Down", go(({ at }) => at + 1)],
  ["C-n", go(({ at }) => at + 1)],
  ["M-<", go(() => 0)],
  ["M->", go(({ entries }) => entries.length)],
  ["C-r", search],
  ["C-s", search],
]);

/** Takes a key while something is looked for. */
function pressInSearch(editor: Editor, token: string): Editor {
  const { history, search } = editor;
  if (search === undefined) return editor;
  const { query, at } = search;
  const look = (options: Parameters<typeof find>[2]) => ({
    ...editor,
    search: find(history, search, options),
  });
  if (isText(token)) return look({ query: query + token });
  switch (keyName(token)) {
    case "C-r":
      return query === ""
        ? look({ query: editor.sought })
        : look({ from: at - 1 });
    case "C-s":
      return look({ from: at + 1, isForward: true });
    case "BSpace": {
      const shorter = query.slice(0, graphemeStart(query, query.length - 1));
      return look({ query: shorter, from: history.entries.length });
    }
    case "C-g":
      return giveUp(editor);
    case "Escape":
      return accept(editor);
    case "":
      return editor;
    default:
      return press(accept(editor), token);
  }
}
