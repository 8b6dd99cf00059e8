/**
 * The flags of both scripts. The help text is the table: the parser, the
 * completions and the tests of the docs read the flags from its lines.
 */

import { parseArgs } from "node:util";
import { DEFAULTS } from "../client_options.ts";

export type Script = "listener" | "publisher";

/** Arguments that can't be followed. The message is one sentence. */
export class UsageError extends Error {
  static {
    this.prototype.name = "UsageError";
  }
}

/** The words of the flags that take one of a few. */
export const CHOICES = {
  color: ["auto", "always", "never"],
  only: ["messages", "mentions"],
  completions: ["bash", "zsh", "fish"],
  "protocol-version": ["auto", "5", "311"],
  qos: ["0", "1", "2"],
} as const;

export type Choices = {
  [F in keyof typeof CHOICES]: (typeof CHOICES)[F][number];
};

/** Flags of files that are written; the others name files to read. */
const WRITING = ["log", "new-secret"];

/** The variables that the scripts read where Deno lets them. */
export const VARIABLES = {
  password: "MQTT_PASSWORD",
  secret: "MQTT_CHAT_SECRET",
  terminal: "TERM",
} as const;

/** How a script gets at files and the environment, and a packaged command. */
const ACCESS = {
  ofScripts: `\
A FILE to read needs Deno's permission -R=FILE, one to write (--log,
--new-secret) -W=FILE. With -E, the environment's MQTT_PASSWORD and
MQTT_CHAT_SECRET take the place of --password and --secret.`,
  ofCommands: `\
The environment's MQTT_PASSWORD and MQTT_CHAT_SECRET take the place of
--password and --secret.`,
};

const SHARED = {
  people: `\
  -n, --name NAME           your name in the room [default: the username]
      --ignore NAME         hide everything from NAME; repeatable`,
  privacy: `\
      --bell                ring the bell when your name is mentioned
      --secret-file FILE    encrypt with the secret in FILE
      --secret              encrypt with a secret that you type
      --sealed              refuse to run without a secret
      --new-secret FILE     write a random secret to FILE, and end
      --sign-key FILE       sign with the Ed25519 key in FILE (PEM)
      --people FILE         lines NAME KEY: the keys that names belong to`,
  output: `\
      --color WHEN          auto, always or never [default: auto]
      --quiet               write only errors to stderr
  -d, --debug               write every step to stderr`,
  rest: `\
Broker:
  -L, --url URL             broker and room, mqtt://HOST/ROOM; repeatable
  -h, --host HOST           host[:port] or URL; repeatable [default: localhost]
  -p, --port N              port [default: 1883, with TLS 8883]
  -u, --username USER       user at the broker [default: ${DEFAULTS.username}]
      --anonymous           connect without user and password
  -P, --password PW         password (visible to other users of this machine)
      --password-file FILE  read the password from FILE
  -i, --id ID               client id [default: random]

Connection:
  -q, --qos 0|1|2           deliver at most, at least, exactly once [default: ${DEFAULTS.qos}]
  -k, --keepalive S         keepalive interval in seconds [default: ${DEFAULTS.keepalive}]
      --timeout S           seconds to wait for the broker [default: ${DEFAULTS.timeout}]
  -V, --protocol-version V  MQTT version: 5, 311 or auto [default: ${DEFAULTS.protocolVersion}]
  -c, --resume              resume the broker's session (needs --id)
  -x, --session-expiry S    seconds to keep the session [default: ${DEFAULTS.sessionExpiry}]

TLS:
      --cafile FILE         trust the authorities in this PEM file
      --cert FILE           your certificate in PEM (needs --key)
      --key FILE            the certificate's private key in PEM
      --alpn NAME           protocol to name for mqtts on port 443 (ALPN)

Other:
      --completions SHELL   print completions for bash, zsh or fish
      --version             print the version
      --help                print this help

A URL begins with mqtt://, mqtts://, ws:// or wss://, and needs no -L.
${ACCESS.ofScripts}`,
};

const HELP: Readonly<Record<Script, string>> = {
  listener: `\
Read chat rooms over MQTT, until Ctrl-C, --count or --wait.

Usage: deno run -N listener.ts [FLAGS] [URL]

Room:
  -t, --topic TOPIC         room; + and # match many; repeatable [default: chat]
${SHARED.people}
      --history N           past messages to show [default: 20, in pipes 0]
      --keep N              keep the last N messages of each room on the broker
      --no-announce         don't tell the room that you joined
${SHARED.privacy}

Output:
  -C, --count N             stop after N lines
  -W, --wait S              stop after S seconds
  -T, --show-topic          show the topic in each line
  -v, --verbose             the same as --show-topic
      --only WHAT           write only messages, or only mentions (of --name)
      --json                write one JSON object per line
${SHARED.output}

${SHARED.rest}

Examples:
  deno run -N listener.ts --topic chat/room
  deno run -N listener.ts -t 'chat/#' --json --no-announce | jq -r .text
  deno run -N=chat.example:8883 listener.ts -h mqtts://chat.example -u ann`,
  publisher: `\
Write to a chat room over MQTT: one message, the lines of a pipe, or a prompt.

Usage: deno run -N publisher.ts [FLAGS] [URL]

Message:
  -m, --message TEXT        send TEXT in place of the lines of stdin
  -l, --stdin-line          send each line of stdin, which is the default
  -s, --stdin-file          send all of stdin as one message
  -f, --follow              show the room above the prompt
      --log FILE            append the room's plain lines to FILE (--follow)

Room:
  -t, --topic TOPIC         room to write to [default: chat]
${SHARED.people}
      --history N           past messages to show with --follow [default: 20]
${SHARED.privacy}

Output:
${SHARED.output}

${SHARED.rest}

Examples:
  deno run -N publisher.ts --follow mqtt://10.0.0.5/chat/room --name Ada
  deno run -N publisher.ts -t chat/room -m 'The build is green.'
  tail -f log | deno run -N=chat.example:1883 publisher.ts -h chat.example`,
};

/**
 * Returns the text of `--help`; `heading` may colour a heading. A command of the
 * npm package has a name of its own, and its launcher grants what flags need.
 */
export function helpText(
  script: Script,
  heading = (text: string) => text,
  name: string = script,
): string {
  const text = name === script ? HELP[script] : HELP[script]
    .replace(/^(Usage:) deno run -N \S+/m, `$1 ${name}`)
    .replaceAll(/deno run \S+ publisher\.ts --follow/g, "mqtt-chat")
    .replaceAll(/deno run \S+ (listener|publisher)\.ts/g, "mqtt-$1")
    .replace(ACCESS.ofScripts, ACCESS.ofCommands);
  return text.replaceAll(/^(\w+:$|Usage:)/gm, heading);
}

export interface Flag {
  long: string;
  short?: string;
  /** What the help calls its value; a flag without one is a switch. */
  value?: string;
  help: string;
  choices?: readonly string[];
  /** What a script does with a flag's file. */
  file?: "read" | "write";
  /** Whether all its values count; of other flags the last one does. */
  isRepeatable: boolean;
}

/** Returns the flags of one script, in the order of its help. */
export function flagsOf(script: Script): Flag[] {
  const rows = HELP[script].matchAll(
    /^ {2}(?:-(\w), | {4})--([\w-]+)(?: (\S+))? +(.+)$/gm,
  );
  return [...rows].map(([, short, long, value, help]) => ({
    long,
    short,
    value,
    help,
    choices: CHOICES[long as keyof Choices],
    file: value !== "FILE"
      ? undefined
      : WRITING.includes(long)
      ? "write"
      : "read",
    isRepeatable: help.includes("repeatable"),
  }));
}

/**
 * Reads arguments as flags of a script. Throws a UsageError, which repeats no
 * value, since that may be a password.
 */
export function readFlags(script: Script, args: string[]): Values {
  const flags = flagsOf(script);
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries(flags.map(({ long, short, value }) => [
      long,
      { type: value ? "string" : "boolean", ...short && { short } } as const,
    ])),
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  let extra: string | undefined;
  let last = "";
  let hint: string | undefined;
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (ROOM_URL.test(token.value)) {
        given.set("url", [...given.get("url") ?? [], token.value]);
      } else if (extra === undefined) {
        extra = token.value;
        hint = OTHER_MEANINGS[last];
      }
    }
    if (token.kind !== "option") continue;
    const { name, rawName, inlineValue } = token;
    // -topic is what other tools call --topic; here it would be -t with "opic".
    const [, word] = /^-([a-z][\w-]+)/.exec(args[token.index]) ?? [];
    if (flags.some(({ long }) => long === word)) {
      throw unknownFlag(`-${word}`, flags);
    }
    // A switch that is a letter, with a value: -T=no.
    if (rawName === "-=") throw new UsageError(`${last} takes no value.`);
    last = rawName;
    const flag = flags.find(({ long }) => long === name);
    if (!flag) throw unknownFlag(rawName, flags);
    if (flag.value === undefined) {
      if (inlineValue) throw new UsageError(`${rawName} takes no value.`);
      given.set(name, []);
      continue;
    }
    const text = token.value ?? "";
    const isGlued = inlineValue && !rawName.startsWith("--");
    const value = isGlued ? text.replace(/^=/, "") : text;
    const isMissing = name === "message"
      ? token.value === undefined
      : value === "" && (name !== "username" || token.value === undefined) ||
        !inlineValue && value.startsWith("-");
    if (isMissing) {
      const other = OTHER_MEANINGS[rawName];
      if (other && script === "publisher") throw new UsageError(other);
      throw valueNeeded(flag, rawName, value);
    }
    given.set(name, [...given.get(name) ?? [], value]);
  }
  return new Values(given, extra, hint);
}

/** A bare argument that names a broker. */
export const ROOM_URL = /^(mqtts?|wss?):\/\//i;

/** Letters that mean something else in mosquitto's clients, and errors for them. */
const OTHER_MEANINGS: Partial<Record<string, string>> = {
  "-f": "-f is --follow here; mosquitto_pub's -f FILE is --stdin-file < FILE.",
  "-n":
    "-n is --name NAME here; mosquitto_pub's -n, an empty message, has no " +
    "counterpart.",
  "-T":
    "-T is --show-topic here; mosquitto_sub's -T FILTER has no counterpart.",
};

function unknownFlag(name: string, flags: Flag[]): UsageError {
  const [spelling] = name.split("=", 1);
  const word = spelling.replace(/^-+/, "");
  const near = nearest(word, flags.map(({ long }) => long));
  const isPlain = /^--?[\w-]+$/.test(spelling);
  return new UsageError(
    `unknown flag ${isPlain ? spelling : JSON.stringify(spelling)}` +
      (near ? `; did you mean --${near}?` : "."),
  );
}

function valueNeeded(flag: Flag, rawName: string, value: string): UsageError {
  const { long, choices } = flag;
  const subject = rawName === "-h"
    ? "-h is the broker's host and"
    : `--${long}`;
  const hint = value !== ""
    ? `; one that begins with a dash is written --${long}=-x`
    : choices
    ? `: ${choices.join(", ")}`
    : "";
  return new UsageError(`${subject} needs a value${hint}.`);
}

/** The flags that were given, with their values. */
export class Values {
  readonly #given: ReadonlyMap<string, string[]>;
  readonly #extra?: string;
  readonly #hint?: string;

  constructor(
    given: ReadonlyMap<string, string[]>,
    extra?: string,
    hint?: string,
  ) {
    this.#given = given;
    this.#extra = extra;
    this.#hint = hint;
  }

  /** Throws where an argument belongs to no flag. */
  refuseExtra(): void {
    if (this.#extra === undefined) return;
    if (this.#hint !== undefined) throw new UsageError(this.#hint);
    // It may be the rest of a password, or a URL that holds one.
    const isSecret = /@|:\/\//.test(this.#extra) ||
      ["password", "secret", "url"].some((flag) => this.has(flag));
    const shown = isSecret ? "one argument" : JSON.stringify(this.#extra);
    const advice = this.has("url")
      ? "a space in a URL is written %20"
      : this.#extra.includes("/") && !this.has("message")
      ? "a room is --topic ROOM, or a URL such as mqtt://HOST/ROOM"
      : "text with spaces needs quotes";
    throw new UsageError(`${shown} belongs to no flag; ${advice}.`);
  }

  /** Returns a copy in which a flag goes by another's name. */
  renamed(flag: string, other: string): Values {
    return new Values(
      new Map([...this.#given].map(([name, values]) => [
        name === flag ? other : name,
        values,
      ])),
    );
  }

  /** Returns the flags as words of a command, without passwords and tokens. */
  words(): string[] {
    return [...this.#given].flatMap(([flag, values]) => {
      if (flag === "password") return [];
      if (flag === "url") return values.map(withoutSecrets);
      if (values.length === 0) return [`--${flag}`];
      return values.flatMap((value) =>
        value.startsWith("-")
          ? [`--${flag}=${value}`]
          : [`--${flag}`, flag === "host" ? withoutSecrets(value) : value]
      );
    });
  }

  /** Returns the paths of files that the script reads, or writes. */
  files(script: Script, access: Flag["file"]): string[] {
    return flagsOf(script).filter(({ file }) => file === access)
      .flatMap(({ long }) => this.one(long) ?? []);
  }

  has(flag: string): boolean {
    return this.#given.has(flag);
  }

  /** Returns all values of a repeatable flag. */
  all(flag: string): string[] | undefined {
    return this.#given.get(flag);
  }

  /** Returns the last value of a flag. */
  one(flag: string): string | undefined {
    return this.#given.get(flag)?.at(-1);
  }

  choice<F extends keyof Choices>(flag: F): Choices[F] | undefined {
    const text = this.one(flag);
    const choices: { [F in keyof Choices]: readonly Choices[F][] } = CHOICES;
    const words = choices[flag];
    const word = words.find((word) => word === text);
    return text === undefined || word !== undefined
      ? word
      : misfit(flag, text, `one of ${words.join(", ")}`);
  }

  /** Returns a whole number from `min` to `max`. */
  whole(flag: string, min: number, max: number): number | undefined {
    const text = this.one(flag);
    if (text === undefined) return undefined;
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max
      ? value
      : misfit(flag, text, `a whole number from ${min} to ${max}`);
  }

  /** Returns a time above 0 that a timer can wait: 2³¹ − 1 ms at most. */
  seconds(flag: string): number | undefined {
    const text = this.one(flag);
    if (text === undefined) return undefined;
    const value = Number(text);
    return /^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 2_147_483
      ? value
      : misfit(flag, text, "seconds above 0, 2147483 at most");
  }
}

/** Removes the password of an address, and what may be a token. */
export function withoutSecrets(address: string): string {
  return address.replace(
    /^(\w+:\/\/)([^:/?#]*)(?::[^/?#]*)?@/,
    (_, scheme, user) => scheme + (user && `${user}@`),
  ).replace(/^([^#?]*)\?[^#]*/, "$1?…");
}

function misfit(flag: string, text: string, wanted: string): never {
  const shown = JSON.stringify(withoutSecrets(text));
  throw new UsageError(`--${flag} ${shown} does not fit: it takes ${wanted}.`);
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
