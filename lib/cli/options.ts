/**
 * Arguments → validated options of either script. Owns what each flag accepts
 * and the sentence for what it doesn't. Pure: reads no file, no environment.
 *
 * @module
 */

import {
  AddressError,
  type Broker,
  parseBroker,
  SCHEMES,
} from "../mqtt/address.ts";
import { DEFAULTS } from "../client_options.ts";
import type { ConnectOptions } from "../mqtt/connect.ts";
import type { Choices, Script } from "./flags.ts";
import type { QoS } from "../protocol.ts";
import { MAX_KEPT } from "../protocol.ts";
import { Ignored } from "../room/ignored.ts";
import { nameFault } from "../room/members.ts";
import {
  filterFault,
  isOneTopic,
  stringFault,
  topicFault,
} from "../mqtt/topic.ts";
import { readValues, UsageError, type Values } from "./arguments.ts";

/** When to write in colour. */
export type ColorChoice = Choices["color"];

/** What both scripts are told. */
export interface Options extends
  Pick<
    ConnectOptions,
    | "brokers"
    | "keepalive"
    | "password"
    | "protocolVersion"
    | "timeout"
    | "username"
  > {
  /** The client id; random when undefined. */
  clientId?: string;
  /** Whether to keep the broker's session between runs. */
  resume: boolean;
  /** How long the broker keeps it, in seconds. */
  sessionExpiry: number;
  /** The name in the room. */
  name: string;
  /** Of whom nothing is shown. */
  ignore: string[];
  /** The file to read the password from, if any. */
  passwordFile?: string;
  /** The file to read the rooms' secret from, if any. */
  secretFile?: string;
  /** Whether to ask for it. */
  asksSecret: boolean;
  /** The QoS to publish and subscribe with. */
  qos: QoS;
  /** PEM files. */
  tlsFiles: { ca?: string; cert?: string; key?: string };
  /** When to write in colour. */
  color: ColorChoice;
  /** Errors only on stderr. */
  quiet: boolean;
  /** Every step on stderr. */
  debug: boolean;
  /** Whether to ring the terminal's bell when one's name is mentioned. */
  bell: boolean;
  /**
   * How many messages of before one came to show; undefined for
   * {@link usualHistory}.
   */
  history?: number;
}

/** What the listener is told. */
export interface ListenerOptions extends Options {
  /** The rooms, as topic filters. At least one. */
  topics: string[];
  /** Whether to write JSON lines. */
  json: boolean;
  /** Stop after this many lines. */
  count?: number;
  /** Stop after this many seconds. */
  waitSeconds?: number;
  /** Whether to say in the room that one is there. */
  announce: boolean;
  /** Whether each line shows its topic. */
  showTopic: boolean;
  /** How many messages of each room to keep, if any. */
  keep?: number;
}

/** What the publisher is told. */
export interface PublisherOptions extends Options {
  /** The room. */
  topic: string;
  /** The one message to send, instead of what stdin brings. */
  message?: string;
  /** Whether to show the room above the prompt. */
  follow: boolean;
}

/** What the arguments ask for. */
export type Request<O> =
  | { action: "help" }
  | { action: "version" }
  | { action: "completions"; shell: Choices["completions"] }
  | { action: "run"; options: O };

/**
 * Reads the listener's arguments.
 *
 * @param args As in `Deno.args`.
 * @returns What they ask for.
 * @throws {UsageError} When they can't be followed.
 */
export function parseListenerArgs(args: string[]): Request<ListenerOptions> {
  return parse("listener", args, (values) => {
    const topics = values.all("topic", ["chat"]);
    for (const topic of topics) refuse("topic", topic, filterFault(topic));
    checkHistory(values, topics);
    return {
      ...commonOptions(values),
      topics: [...new Set(topics)],
      json: values.has("json"),
      count: values.number("count", 1, Number.MAX_SAFE_INTEGER),
      waitSeconds: values.number("wait", 0, MAX_SECONDS, "seconds"),
      announce: !values.has("no-announce"),
      showTopic: values.has("show-topic") || topics.length > 1 ||
        !isOneTopic(topics[0]),
      keep: values.number("keep", 1, MAX_KEPT),
    };
  });
}

/**
 * Reads the publisher's arguments.
 *
 * @param args As in `Deno.args`.
 * @returns What they ask for.
 * @throws {UsageError} When they can't be followed.
 */
export function parsePublisherArgs(args: string[]): Request<PublisherOptions> {
  return parse("publisher", args, (values) => {
    const topic = values.one("topic") ?? "chat";
    const message = values.one("message");
    const follow = values.has("follow");
    if (follow && message !== undefined) {
      throw new UsageError("--follow is for the prompt, not for --message.");
    }
    refuse("topic", topic, topicFault(topic));
    if (!follow && values.one("history") !== undefined) {
      throw new UsageError("--history is for --follow; give both.");
    }
    return {
      ...commonOptions(values),
      topic,
      message,
      follow,
    };
  });
}

/** The longest time a timer can wait: 2³¹ − 1 ms, in whole seconds. */
const MAX_SECONDS = 2_147_483;

/** The longest session expiry MQTT 5 can say (§3.1.2.11.2: never). */
const MAX_SESSION_EXPIRY = 0xffff_ffff;

/**
 * How many messages of before one came are shown where no flag says it.
 *
 * @param isTerminal Whether a person reads them.
 */
export function usualHistory(isTerminal: boolean): number {
  return isTerminal ? 20 : 0;
}

/** Only whole rooms are kept, and one at a time is caught up with. */
function checkHistory(values: Values, topics: string[]): void {
  const shared = topics.find((topic) => topic.startsWith("$share/"));
  if (values.one("keep") !== undefined && shared !== undefined) {
    throw new UsageError(
      `--keep needs the whole room, and ${JSON.stringify(shared)} gets a part.`,
    );
  }
  const isOneRoom = new Set(topics).size === 1 && isOneTopic(topics[0]);
  if (Number(values.one("history") ?? 0) > 0 && !isOneRoom) {
    throw new UsageError("--history is for one room; give one --topic.");
  }
}

/** The options both scripts share. */
function commonOptions(values: Values): Options {
  const tlsFiles = {
    ca: values.one("cafile"),
    cert: values.one("cert"),
    key: values.one("key"),
  };
  const brokers = parseBrokers(values, Object.values(tlsFiles).some(Boolean));
  for (const flag of ["username", "id"]) {
    const text = values.one(flag);
    if (text !== undefined) refuse(flag, text, stringFault(text));
  }
  const username = values.one("username") ?? brokers[0].username ??
    DEFAULTS.username;
  const resume = values.has("resume");
  if (!resume && values.one("session-expiry") !== undefined) {
    throw new UsageError("--session-expiry is for --resume; give both.");
  }
  if (values.one("password") && values.one("password-file")) {
    throw new UsageError("give --password or --password-file, not both.");
  }
  if (values.has("secret") && values.one("secret-file")) {
    throw new UsageError("give --secret or --secret-file, not both.");
  }
  const clientId = values.one("id");
  if (resume && clientId === undefined) {
    throw new UsageError(
      "--resume needs --id, the name the broker keeps the session under.",
    );
  }
  if ((tlsFiles.cert === undefined) !== (tlsFiles.key === undefined)) {
    throw new UsageError("--cert and --key go together; give both.");
  }
  const name = shortName(values) ?? username;
  return {
    brokers,
    username,
    name,
    ignore: othersToIgnore(values, name),
    password: values.one("password"),
    passwordFile: values.one("password-file"),
    secretFile: values.one("secret-file"),
    asksSecret: values.has("secret"),
    clientId,
    resume,
    sessionExpiry: values.number("session-expiry", 0, MAX_SESSION_EXPIRY) ??
      DEFAULTS.sessionExpiry,
    qos: Number(values.choice("qos") ?? DEFAULTS.qos) as QoS,
    keepalive: values.number("keepalive", 5, 65_535) ?? DEFAULTS.keepalive,
    protocolVersion: protocolVersion(values),
    tlsFiles,
    timeout: values.number("timeout", 0, MAX_SECONDS, "seconds") ??
      DEFAULTS.timeout,
    color: values.choice("color") ?? "auto",
    quiet: values.has("quiet"),
    debug: values.has("debug"),
    bell: values.has("bell"),
    history: values.number("history", 0, MAX_KEPT),
  };
}

/** The name asked for. */
function shortName(values: Values): string | undefined {
  const name = values.one("name");
  const fault = name && nameFault(name);
  if (fault) throw new UsageError(`--name ${fault}.`);
  return name;
}

/** Whom to ignore, which is nobody's own name. */
function othersToIgnore(values: Values, name: string): string[] {
  const names = values.all("ignore", []);
  if (!new Ignored(names).has(name)) return names;
  throw new UsageError(
    `--ignore ${JSON.stringify(name)} is your own name; --name gives you ` +
      "another.",
  );
}

/** The number MQTT puts on the wire for the version asked for. */
function protocolVersion(values: Values): Options["protocolVersion"] {
  switch (values.choice("protocol-version")) {
    case "5":
      return 5;
    case "311":
      return 4;
    case "auto":
      return "auto";
    case undefined:
      return DEFAULTS.protocolVersion;
  }
}

/** The brokers that `--host` and `--port` name. */
function parseBrokers(values: Values, tls: boolean): Broker[] {
  const port = values.number("port", 1, 65_535);
  const brokers = values.all("host", ["localhost"]).map((text) => {
    try {
      return parseBroker(text, { port, tls });
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      // An address may hold a password, so only one that can't is repeated.
      const isPlain = /^([a-z]+:\/\/)?[\p{L}\p{N} ._[\]-]*(:\d*)?$/iu
        .test(text);
      const shown = isPlain ? ` ${JSON.stringify(text)}` : "";
      throw new UsageError(`--host${shown} does not fit: ${error.message}.`);
    }
  });
  const plain = brokers.find((broker) => !SCHEMES[broker.scheme].tls);
  if (tls && plain !== undefined) {
    throw new UsageError(
      `--cafile, --cert and --key are for encrypted connections, ` +
        `${plain.scheme}:// is not one; write ${plain.scheme}s://.`,
    );
  }
  return brokers;
}

/** Throws where a topic has a fault. */
function refuse(flag: string, topic: string, fault: string | undefined): void {
  if (fault === undefined) return;
  throw new UsageError(`--${flag} ${JSON.stringify(topic)} ${fault}.`);
}

/** Reads the arguments, then what the script makes of them. */
function parse<O>(
  script: Script,
  args: string[],
  build: (values: Values) => O,
): Request<O> {
  const values = readValues(script, args);
  if (values.has("help")) return { action: "help" };
  if (values.has("version")) return { action: "version" };
  const shell = values.choice("completions");
  if (shell !== undefined) return { action: "completions", shell };
  values.checkComplete();
  return { action: "run", options: build(values) };
}
