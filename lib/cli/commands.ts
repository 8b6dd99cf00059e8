/** The prompt's commands: parse, help, completion, and /ignore's answers. */

import { nearest } from "./flags.ts";
import { DEFAULTS } from "../client_options.ts";
import { type Broker, hostPort, isLoopback, roomUrl } from "../mqtt/address.ts";
import { quote } from "./options.ts";
import { Ignored, shownEntry } from "../room/ignored.ts";
import type { Line } from "../terminal/input.ts";
import type { Completion } from "../terminal/prompt.ts";

/** A line at the prompt that is not a message. */
export type Command =
  | { type: "help" | "who" | "invite" | "clear" | "reconnect" }
  | {
    type: "nick" | "key" | "ignore" | "unignore" | "join" | "quit";
    argument: string;
  }
  | { type: "refused"; sentence: string };

interface Usage {
  name: "me" | Exclude<Command["type"], "refused">;
  argument?: string;
  help: string;
  /** Whether it only makes sense where the room is shown. */
  needsFollow?: true;
}

const USAGES: readonly Usage[] = [
  { name: "help", help: "this list" },
  { name: "me", argument: "waves", help: "say what you do: *waves*" },
  {
    name: "who",
    help: "members seen in this session, and who answers",
    needsFollow: true,
  },
  { name: "nick", argument: "NAME", help: "change your name" },
  {
    name: "key",
    argument: "NAME",
    help: "the key of NAME, for --people; alone, yours",
  },
  { name: "join", argument: "TOPIC", help: "leave this room for another" },
  { name: "invite", help: "the room's URL, and what others type to join" },
  {
    name: "ignore",
    argument: "NAME",
    help: "hide the lines of NAME; alone, list such names",
    needsFollow: true,
  },
  {
    name: "unignore",
    argument: "NAME",
    help: "show NAME again",
    needsFollow: true,
  },
  { name: "clear", help: "clear the screen, as Ctrl-L" },
  { name: "reconnect", help: "try to connect now, without a wait" },
  {
    name: "quit",
    argument: "TEXT",
    help: "leave, as exit, Ctrl-D and Ctrl-C; TEXT is sent first",
  },
];

/** One more than the longest usage, `/unignore NAME`. */
const USAGE_WIDTH = 15;

/** Show at most this many candidates after Tab. */
const MAX_OFFERED = 24;

/** Parses a line into a command, or the line to send: any of several rows. */
export function interpret(line: Line): Line | Command {
  if (line.type !== "text" || line.text.includes("\n")) return line;
  const text = line.text.trimStart();
  if (text.trimEnd().toLowerCase() === "exit") {
    return { type: "quit", argument: "" };
  }
  if (text.startsWith("//")) return { type: "text", text: text.slice(1) };
  if (!text.startsWith("/")) return line;
  const [, entered, argument] = /^(\S+)\s*([^]*)$/.exec(text)!;
  const usage = USAGES.find(({ name }) => `/${name}` === entered.toLowerCase());
  if (usage === undefined) {
    return {
      type: "refused",
      sentence: `Unknown command ${entered}, not sent. ${advice(entered)}`,
    };
  }
  const { name } = usage;
  switch (name) {
    case "me":
      return act(argument.trim());
    case "nick":
    case "key":
    case "join":
    case "ignore":
    case "unignore":
    case "quit":
      return { type: name, argument: argument.trim() };
    default:
      return { type: name };
  }
}

function advice(entered: string): string {
  const near = nearest(entered.slice(1), USAGES.map(({ name }) => name));
  return near === undefined
    ? `/help lists the commands; /${entered} sends ${entered}.`
    : `Did you mean /${near}?`;
}

/** `/me` is a message in asterisks, which every client shows well. */
function act(deed: string): Line | Command {
  return deed === ""
    ? { type: "refused", sentence: "/me needs what you do, as in /me waves." }
    : { type: "text", text: `*${deed}*` };
}

/** The answer to `/help`. */
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

/** The answer to `/invite`, which has no user, password or secret. */
export function invitation(
  broker: Broker,
  room: string,
  { username, isSealed, isSource }: {
    username?: string;
    isSealed: boolean;
    /** Whether the others have a checkout, and not the installed command. */
    isSource: boolean;
  },
): string[] {
  const url = roomUrl(broker, room);
  // Without the port, so that the line fits on most terminals: it is copied.
  const [, net] = /^(.*):\d+$/.exec(hostPort(broker))!;
  const hasAccount = username !== undefined && username !== DEFAULTS.username;
  const command = [
    ...isSource
      ? ["deno", "run", `-N=${net}`, "publisher.ts", "-f", url]
      : ["mqtt-chat", url],
    ...username === undefined ? ["--anonymous"] : [],
    ...hasAccount ? ["-u", "USER"] : [],
    ...isSealed ? ["--secret"] : [],
  ];
  const lines = [url, "Others join with:", command.map(quote).join(" ")];
  if (hasAccount) lines.push("USER is a user of that broker.");
  if (isSealed) lines.push("Give them the secret by another way.");
  if (isLoopback(broker)) {
    lines.push(
      `${broker.host} is this machine; others need its address in the network.`,
    );
  }
  return lines;
}

/** Arguments to complete, by command; the likeliest first. */
type Choices = { [C in Usage["name"]]?: string[] };

/**
 * Completes a command, its argument, or a name of `names`, in any case of the
 * letters.
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
  // A name may have spaces: try the longest end of the text first.
  for (const start of wordStarts(before)) {
    const word = before.slice(start);
    const found = choose(word, names, start === 0 ? ": " : " ");
    if (word !== "" && found.insert !== "") return found;
  }
  return { remove: 0, insert: "", candidates: [] };
}

/** The starts of the last few words, from left to right. */
function wordStarts(text: string): number[] {
  const starts = [...text.matchAll(/(?<=^|\s)\S/g)].map(({ index }) => index);
  return starts.slice(-4);
}

/** Completes a text as far as the words that begin with it agree. */
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

/** The common start of two words, in the letters of the first. */
function commonStart(one: string, other: string): string {
  const chars = Array.from(one);
  const others = Array.from(other);
  const end = chars.findIndex((char, i) =>
    char.toLowerCase() !== others[i]?.toLowerCase()
  );
  return end === -1 ? one : chars.slice(0, end).join("");
}

/**
 * Obeys `/ignore NAME` and returns the answer, safe to print. The name may be in
 * quotes, as lines show it; `self` is the user's own, `seen` has the others'.
 */
export function ignore(
  name: string,
  self: string,
  ignored: Ignored,
  seen: string[],
): string[] {
  const shown = shownEntry(name);
  if (name === "") return [listed(ignored)];
  const it = new Ignored([name]);
  if (it.has(self)) return ["You can't ignore yourself."];
  if (!ignored.add(name)) return [`${shown} is ignored already.`];
  const answer = [
    `Lines of ${shown} are hidden; /unignore ${shown} shows them.`,
  ];
  if (!seen.some((other) => it.has(other))) {
    answer.push("No member of exactly this name was seen.");
  }
  return answer;
}

/** Obeys `/unignore NAME` and returns the answer, safe to print. */
export function unignore(name: string, ignored: Ignored): string[] {
  if (name === "") return [`/unignore needs a name. ${listed(ignored)}`];
  const isGone = ignored.remove(name);
  return [`${shownEntry(name)} is ${isGone ? "shown again" : "not ignored"}.`];
}

function listed(ignored: Ignored): string {
  const names = ignored.list();
  return names.length === 0
    ? "No name is ignored; /ignore NAME hides the lines of NAME."
    : `Ignored: ${names.join(", ")}.`;
}
