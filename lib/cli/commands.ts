/**
 * What a person enters at the prompt → what to do: send it, obey it, or say why
 * not. Owns the commands and how they and names are completed. Pure.
 *
 * @module
 */

/** What an entered line asks for. */
export type Action =
  | { type: "send"; text: string }
  | { type: "refused"; sentence: string }
  | { type: Exclude<Command["type"], "me"> };

/** A command at the prompt. */
export interface Command {
  /** What it does; with a slash before it, its name. */
  type: "help" | "me" | "who" | "clear" | "quit";
  /** What follows the name, if anything. */
  argument?: string;
  /** What it does, for people. */
  help: string;
}

const COMMANDS: readonly Command[] = [
  { type: "help", help: "this list" },
  { type: "me", argument: "waves", help: "say what you do: *waves*" },
  { type: "who", help: "the people seen in this session, and when" },
  { type: "clear", help: "clear the screen, as Ctrl-L" },
  { type: "quit", help: "leave, as exit, Ctrl-D and Ctrl-C" },
];

/** The most names that are offered at once. */
const MAX_OFFERED = 24;

/**
 * Reads what was entered.
 *
 * @param text The line.
 * @returns What it asks for.
 */
export function readEntry(text: string): Action {
  if (text === "exit" || text === "Exit") return { type: "quit" };
  if (text.startsWith("//")) return { type: "send", text: text.slice(1) };
  if (!text.startsWith("/")) return { type: "send", text };
  const [, name, argument] = /^(\S+)\s*([^]*)$/.exec(text)!;
  const command = COMMANDS.find(({ type }) =>
    `/${type}` === name.toLowerCase()
  );
  if (command === undefined) {
    return {
      type: "refused",
      sentence: `There is no command ${name}, and nothing was sent. /help ` +
        "lists the commands; // at the start sends a slash.",
    };
  }
  const { type } = command;
  return type === "me" ? act(argument.trim()) : { type };
}

/** What somebody does, as a message that older clients read well. */
function act(deed: string): Action {
  return deed === ""
    ? { type: "refused", sentence: "/me needs what you do, as in /me waves." }
    : { type: "send", text: `*${deed}*` };
}

/**
 * The list of commands.
 *
 * @param follow Whether the room is followed, and people are seen there.
 * @returns Its lines.
 */
export function commandHelp(follow: boolean): string[] {
  const rows = COMMANDS.filter(({ type }) => follow || type !== "who")
    .map(({ type, argument, help }) => [
      argument === undefined ? `/${type}` : `/${type} ${argument}`,
      help,
    ]);
  const completed = follow ? "a name or a command" : "a command";
  rows.push(["//text", "send /text"], ["Tab", `complete ${completed}`]);
  return rows.map(([usage, help]) => `  ${usage.padEnd(10)} ${help}`);
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

/**
 * Completes a command, or the name of somebody seen in the room, whatever the
 * case of its letters.
 *
 * @param before The text before the cursor.
 * @param names The names, the likeliest first.
 * @returns What to change.
 */
export function complete(before: string, names: string[]): Completion {
  const isFirst = !/\s/.test(before.trimStart());
  if (before.startsWith("/") && isFirst) {
    const commands = COMMANDS.map(({ type }) => `/${type}`);
    return choose(before, commands, " ");
  }
  // A name may have spaces, so the longest end of the text that fits counts.
  for (const start of wordStarts(before)) {
    const word = before.slice(start);
    const found = choose(word, names, start === 0 ? ": " : " ");
    if (word !== "" && found.insert !== "") return found;
  }
  return { remove: 0, insert: "", candidates: [] };
}

/** Where the words of a text begin, as far back as a name may. */
function wordStarts(text: string): number[] {
  const starts = [...text.matchAll(/(?<=^|\s)\S/g)].map(({ index }) => index);
  return starts.slice(-4);
}

/** Picks those of some words that begin with a text. */
function choose(text: string, words: string[], after: string): Completion {
  const lower = text.toLowerCase();
  const fitting = words.filter((word) => word.toLowerCase().startsWith(lower));
  const remove = Array.from(text).length;
  if (fitting.length === 0) return { remove: 0, insert: "", candidates: [] };
  if (fitting.length === 1) {
    return { remove, insert: fitting[0] + after, candidates: [] };
  }
  const insert = fitting.reduce(commonStart);
  const isFurther = insert.length > text.length;
  return {
    remove,
    insert: isFurther ? insert : text,
    candidates: isFurther ? [] : fitting.slice(0, MAX_OFFERED),
  };
}

/** What two words begin with alike, in the first one's letters. */
function commonStart(one: string, other: string): string {
  const chars = Array.from(one);
  const others = Array.from(other);
  const end = chars.findIndex((char, i) =>
    char.toLowerCase() !== others[i]?.toLowerCase()
  );
  return end === -1 ? one : chars.slice(0, end).join("");
}
