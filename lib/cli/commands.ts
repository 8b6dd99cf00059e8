/**
 * What a person enters at the prompt → what to do: send it, obey it, or say why
 * not. Owns the commands and how they and names are completed. Pure.
 *
 * @module
 */

import type { Line } from "../terminal/input.ts";
import type { Completion } from "../terminal/prompt.ts";

/** What a line at the prompt asks for, where it is not to be sent. */
export type Command =
  | { type: "help" | "who" | "clear" | "quit" }
  | { type: "refused"; sentence: string };

/** How a command is entered, and what for. */
interface Usage {
  /** With a slash before it, its name. */
  name: "me" | Exclude<Command["type"], "refused">;
  /** What follows the name, if anything. */
  argument?: string;
  help: string;
}

const USAGES: readonly Usage[] = [
  { name: "help", help: "this list" },
  { name: "me", argument: "waves", help: "say what you do: *waves*" },
  { name: "who", help: "the people seen in this session, and when" },
  { name: "clear", help: "clear the screen, as Ctrl-L" },
  { name: "quit", help: "leave, as exit, Ctrl-D and Ctrl-C" },
];

/** The most names that are offered at once. */
const MAX_OFFERED = 24;

/**
 * What was entered, as the line to send in its place or the command that it is.
 * What is pasted is text, whatever it looks like.
 */
export function interpret(line: Line): Line | Command {
  if (line.type !== "text" || line.isPasted) return line;
  const { text } = line;
  if (text.trimEnd().toLowerCase() === "exit") return { type: "quit" };
  if (text.startsWith("//")) return { type: "text", text: text.slice(1) };
  if (!text.startsWith("/")) return line;
  const [, entered, argument] = /^(\S+)\s*([^]*)$/.exec(text)!;
  const usage = USAGES.find(({ name }) => `/${name}` === entered.toLowerCase());
  if (usage === undefined) {
    return {
      type: "refused",
      sentence: `There is no command ${entered}, and nothing was sent. /help ` +
        "lists the commands; // at the start sends a slash.",
    };
  }
  const { name } = usage;
  return name === "me" ? act(argument.trim()) : { type: name };
}

/** What somebody does, as a message that older clients read well. */
function act(deed: string): Line | Command {
  return deed === ""
    ? { type: "refused", sentence: "/me needs what you do, as in /me waves." }
    : { type: "text", text: `*${deed}*` };
}

/** What is done about what was entered. */
export interface Handlers {
  /** `/help`. */
  help(): void;
  /** `/who`. */
  who(): void;
  /** `/clear`. */
  clear(): void;
  /** What can't be obeyed, as a sentence. */
  refuse(sentence: string): void;
  /** A line is about to be sent. */
  beforeSending(): void;
}

/**
 * Picks what is to be sent from what is entered, up to the line that says
 * good-bye, and has the rest obeyed.
 */
export async function* messages(
  lines: AsyncIterable<Line>,
  handlers: Handlers,
): AsyncGenerator<Line> {
  for await (const line of lines) {
    const asked = interpret(line);
    switch (asked.type) {
      case "quit":
        return;
      case "help":
      case "who":
      case "clear":
        handlers[asked.type]();
        break;
      case "refused":
        handlers.refuse(asked.sentence);
        break;
      default:
        handlers.beforeSending();
        yield asked;
    }
  }
}

/** The list of commands, for a room that is followed or not. */
export function commandHelp(follow: boolean): string[] {
  const rows = USAGES.filter(({ name }) => follow || name !== "who")
    .map(({ name, argument, help }) => [
      argument === undefined ? `/${name}` : `/${name} ${argument}`,
      help,
    ]);
  const completed = follow ? "a name or a command" : "a command";
  rows.push(["//text", "send /text"], ["Tab", `complete ${completed}`]);
  return rows.map(([usage, help]) => `  ${usage.padEnd(10)} ${help}`);
}

/**
 * Completes a command, or a name, whatever the case of its letters.
 *
 * @param before The text before the cursor.
 * @param names Those seen in the room, the likeliest first.
 */
export function complete(before: string, names: string[]): Completion {
  const isFirst = !/\s/.test(before.trimStart());
  if (before.startsWith("/") && isFirst) {
    const commands = USAGES.map(({ name }) => `/${name}`);
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
