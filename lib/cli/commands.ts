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
  | { type: "nick" | "ignore" | "unignore" | "join"; argument: string }
  | { type: "refused"; sentence: string };

/** How a command is entered, and what for. */
interface Usage {
  /** With a slash before it, its name. */
  name: "me" | Exclude<Command["type"], "refused">;
  /** What follows the name, if anything. */
  argument?: string;
  help: string;
  /** Whether it is about what is shown of a room. */
  needsFollow?: true;
}

const USAGES: readonly Usage[] = [
  { name: "help", help: "this list" },
  { name: "me", argument: "waves", help: "say what you do: *waves*" },
  {
    name: "who",
    help: "the people seen in this session, and when",
    needsFollow: true,
  },
  { name: "nick", argument: "NAME", help: "go by another name" },
  { name: "join", argument: "TOPIC", help: "leave this room for another" },
  {
    name: "ignore",
    argument: "NAME",
    help: "show nothing of NAME; alone, list whom you ignore",
    needsFollow: true,
  },
  {
    name: "unignore",
    argument: "NAME",
    help: "show NAME again",
    needsFollow: true,
  },
  { name: "clear", help: "clear the screen, as Ctrl-L" },
  { name: "quit", help: "leave, as exit, Ctrl-D and Ctrl-C" },
];

/** One more than the longest usage, `/unignore NAME`. */
const USAGE_WIDTH = 15;

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
  switch (name) {
    case "me":
      return act(argument.trim());
    case "nick":
    case "join":
    case "ignore":
    case "unignore":
      return { type: name, argument: argument.trim() };
    default:
      return { type: name };
  }
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
  /** `/nick NAME`; like those below, with an empty argument where it has none. */
  nick(name: string): void;
  /** `/join TOPIC`. */
  join(topic: string): void;
  /** `/ignore NAME`. */
  ignore(name: string): void;
  /** `/unignore NAME`. */
  unignore(name: string): void;
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
      case "nick":
      case "join":
      case "ignore":
      case "unignore":
        handlers[asked.type](asked.argument);
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
  const rows = USAGES.filter(({ needsFollow }) => follow || !needsFollow)
    .map(({ name, argument, help }) => [
      argument === undefined ? `/${name}` : `/${name} ${argument}`,
      help,
    ]);
  const completed = follow ? "a name or a command" : "a command";
  rows.push(["//text", "send /text"], ["Tab", `complete ${completed}`]);
  return rows.map(([usage, help]) => `  ${usage.padEnd(USAGE_WIDTH)} ${help}`);
}

/** What commands may be given, by their names. */
export type Choices = { [C in Usage["name"]]?: string[] };

/**
 * Completes a command, what is given to it, or a name, whatever the case of its
 * letters.
 *
 * @param before The text before the cursor.
 * @param names Those seen in the room, the likeliest first.
 * @param choices What some commands take, the likeliest first.
 */
export function complete(
  before: string,
  names: string[],
  choices: Choices = {},
): Completion {
  const [, command, argument] = /^\/(\w+)\s+([^]*)$/.exec(before) ?? [];
  const usage = USAGES.find(({ name }) => name === command?.toLowerCase());
  const words = usage && choices[usage.name];
  if (words !== undefined) return choose(argument, words, "");
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
