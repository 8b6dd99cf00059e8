/**
 * The flags of both scripts, as one table: names, letters, values, meanings.
 * The parser, the help text and whatever else lists flags reads it from here,
 * so that they can't drift apart. Pure.
 *
 * @module
 */

import { DEFAULTS } from "../client_options.ts";

/** Which of the two scripts. */
export type Script = "listener" | "publisher";

/** The words of the flags that take one of a few, in the order they are listed. */
export const CHOICES = {
  color: ["auto", "always", "never"],
  completions: ["bash", "zsh", "fish"],
  "protocol-version": ["auto", "5", "311"],
  qos: ["0", "1", "2"],
} as const;

/** The same flags, each with the type of its word. */
export type Choices = {
  [F in keyof typeof CHOICES]: (typeof CHOICES)[F][number];
};

/** One flag. */
export interface Flag {
  /** Its long name, without the dashes. */
  long: string;
  /** Its letter, if it has one. The letters are mosquitto_sub's and _pub's. */
  short?: string;
  /** What its value is called; a flag without one is a switch. */
  value?: string;
  /** The words its value is one of, where there are few. */
  choices?: readonly string[];
  /** Whether its value is the path of a file. */
  file?: true;
  /** Whether it may be given several times. */
  repeat?: boolean;
  /** The heading it stands under in the help. */
  group: string;
  /** What it means, and its default in brackets. */
  help: string;
  /** The script that has it, where only one does. */
  only?: Script;
}

/** Every flag, in the order of the help text. */
export const FLAGS: readonly Flag[] = [
  {
    long: "topic",
    short: "t",
    value: "TOPIC",
    repeat: true,
    group: "Room",
    help: "room; may be repeated; + and # are wildcards [chat]",
    only: "listener",
  },
  {
    long: "topic",
    short: "t",
    value: "TOPIC",
    group: "Room",
    help: "the room [chat]",
    only: "publisher",
  },
  {
    long: "name",
    short: "n",
    value: "NAME",
    group: "Room",
    help: "your name [USER]",
  },
  {
    long: "no-announce",
    group: "Room",
    help: "no join notice",
    only: "listener",
  },
  {
    long: "ignore",
    value: "NAME",
    repeat: true,
    group: "Room",
    help: "show nothing of NAME",
  },
  {
    long: "history",
    value: "N",
    group: "Room",
    help: "past lines shown [20]",
  },
  {
    long: "keep",
    value: "N",
    group: "Room",
    help: "keep the last N of a room",
    only: "listener",
  },
  {
    long: "secret-file",
    value: "FILE",
    file: true,
    group: "Room",
    help: "seals (-R=FILE)",
  },
  {
    long: "secret",
    group: "Room",
    help: "seals; asks for it",
  },
  {
    long: "bell",
    group: "Room",
    help: "ring when you are mentioned",
  },
  {
    long: "count",
    short: "C",
    value: "N",
    group: "Output",
    help: "stop after N lines",
    only: "listener",
  },
  {
    long: "wait",
    short: "W",
    value: "S",
    group: "Output",
    help: "stop after S seconds",
    only: "listener",
  },
  {
    long: "show-topic",
    short: "T",
    group: "Output",
    help: "on each line",
    only: "listener",
  },
  {
    long: "json",
    group: "Output",
    help: "one JSON object a line",
    only: "listener",
  },
  {
    long: "message",
    short: "m",
    value: "TEXT",
    group: "Text",
    help: "send one message, not stdin's lines",
    only: "publisher",
  },
  {
    long: "follow",
    short: "f",
    group: "Text",
    help: "show the room above the prompt",
    only: "publisher",
  },
  {
    long: "color",
    value: "WHEN",
    choices: CHOICES.color,
    group: "Output",
    help: CHOICES.color.join(", "),
  },
  {
    long: "quiet",
    group: "Output",
    help: "errors only, no status",
  },
  {
    long: "host",
    short: "h",
    value: "HOST",
    repeat: true,
    group: "Broker",
    help: "host, host:port or mqtt(s):// ws(s):// URL [localhost]",
  },
  {
    long: "port",
    short: "p",
    value: "N",
    group: "Broker",
    help: "[1883, TLS 8883]",
  },
  {
    long: "id",
    short: "i",
    value: "ID",
    group: "Broker",
    help: "client id [random]",
  },
  {
    long: "username",
    short: "u",
    value: "USER",
    group: "Broker",
    help: "[chat]",
  },
  {
    long: "password",
    short: "P",
    value: "PW",
    group: "Broker",
    help: "or MQTT_PASSWORD",
  },
  {
    long: "password-file",
    value: "FILE",
    file: true,
    group: "Broker",
    help: "(-R=FILE)",
  },
  {
    long: "cafile",
    value: "FILE",
    file: true,
    group: "Broker",
    help: "to trust (-R=FILE)",
  },
  {
    long: "cert",
    value: "FILE",
    file: true,
    group: "TLS",
    help: "yours (-R=FILE)",
  },
  {
    long: "key",
    value: "FILE",
    file: true,
    group: "TLS",
    help: "its key (-R=FILE)",
  },
  {
    long: "qos",
    short: "q",
    value: CHOICES.qos.join("|"),
    choices: CHOICES.qos,
    group: "Link",
    help: `delivery [${DEFAULTS.qos}]`,
  },
  {
    long: "timeout",
    value: "S",
    group: "Link",
    help: `connect, last acks [${DEFAULTS.timeout}]`,
  },
  {
    long: "keepalive",
    short: "k",
    value: "S",
    group: "Link",
    help: `seconds [${DEFAULTS.keepalive}]`,
  },
  {
    long: "protocol-version",
    short: "V",
    value: "V",
    choices: CHOICES["protocol-version"],
    group: "Link",
    help: CHOICES["protocol-version"].join("|"),
  },
  {
    long: "resume",
    short: "c",
    group: "Session",
    help: "session; needs --id",
  },
  {
    long: "session-expiry",
    short: "x",
    value: "S",
    group: "Session",
    help: `[${DEFAULTS.sessionExpiry}]`,
  },
  {
    long: "debug",
    group: "Other",
    help: "every step, on stderr",
  },
  {
    long: "completions",
    value: "SHELL",
    choices: CHOICES.completions,
    group: "Other",
    help: CHOICES.completions.join("|"),
  },
  { long: "version", group: "Other", help: "print the version" },
  { long: "help", group: "Other", help: "print this" },
];

/**
 * The flags that one script has.
 *
 * @param script Which script.
 * @returns Its rows of {@link FLAGS}, in order.
 */
export function flagsOf(script: Script): Flag[] {
  return FLAGS.filter((flag) => (flag.only ?? script) === script);
}

/** Returns the word most like a mistyped one, if one is near enough. */
export function nearest(
  word: string,
  words: readonly string[],
): string | undefined {
  const typed = word.toLowerCase();
  const limit = typed.length < 4 ? 1 : 2;
  const cost = (word: string) =>
    typed.length > 1 && word.startsWith(typed) ? 0 : edits(typed, word);
  const [best] = words.map((word) => ({ word, cost: cost(word) }))
    .filter(({ cost }) => cost <= limit)
    .sort((a, b) => a.cost - b.cost);
  return best?.word;
}

/** How many letters to add, drop or replace (Levenshtein's distance). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = row[j] + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[to.length];
}
