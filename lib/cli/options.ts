/**
 * Flags → validated options of either script. Pure: reads no file and no
 * environment.
 */

import {
  AddressError,
  type Broker,
  parseBroker,
  SCHEMES,
} from "../mqtt/address.ts";
import { DEFAULTS } from "../client_options.ts";
import type { ConnectOptions } from "../mqtt/link.ts";
import {
  CHOICES,
  type Choices,
  readFlags,
  type Script,
  UsageError,
  type Values,
} from "./flags.ts";
import type { QoS } from "../protocol.ts";
import { MAX_KEPT } from "../protocol.ts";
import { Ignored } from "../room/ignored.ts";
import { nameFault } from "../room/members.ts";
import {
  filterFault,
  isOneTopic,
  isShared,
  stringFault,
  topicFault,
} from "../mqtt/topic.ts";

/** The options of both scripts. */
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
  /** Random when undefined. */
  clientId?: string;
  resume: boolean;
  /** In seconds. */
  sessionExpiry: number;
  /** The name in the room. */
  name: string;
  /** Whether the user chose the name: only then a key is made for it. */
  isNameChosen: boolean;
  /** Names whose messages are not shown. */
  ignore: string[];
  passwordFile?: string;
  secretFile?: string;
  signKeyFile?: string;
  peopleFile?: string;
  /** Whether to ask for the rooms' secret on the terminal. */
  asksSecret: boolean;
  qos: QoS;
  /** Paths of PEM files. */
  tlsFiles: { ca?: string; cert?: string; key?: string };
  alpn?: string;
  color: Choices["color"];
  quiet: boolean;
  debug: boolean;
  bell: boolean;
  /** Past messages to show; undefined for {@link usualHistory}. */
  history?: number;
}

export interface ListenerOptions extends Options {
  /** Topic filters; at least one. */
  topics: string[];
  json: boolean;
  /** Stop after this many lines. */
  count?: number;
  /** Stop after this many seconds. */
  waitSeconds?: number;
  announce: boolean;
  showTopic: boolean;
  /** Write only others' messages, or only those that have the name. */
  only?: Choices["only"];
  /** How many messages of each room to keep on the broker. */
  keep?: number;
}

export interface PublisherOptions extends Options {
  topic: string;
  /** The one message to send in place of stdin's lines. */
  message?: string;
  /** Whether all of stdin is one message. */
  stdinFile: boolean;
  follow: boolean;
  /** The path of a file to append the room's lines to. */
  log?: string;
}

/** What the arguments ask for. */
export type Request<O> =
  | { action: "help"; color: Choices["color"] }
  | { action: "version" }
  | { action: "completions"; shell: Choices["completions"] }
  | { action: "run"; options: O };

/** Reads the listener's arguments, or throws a {@link UsageError}. */
export function parseListenerArgs(args: string[]): Request<ListenerOptions> {
  return parse("listener", args, (values) => {
    const topics = values.all("topic") ?? ["chat"];
    for (const topic of topics) refuse("topic", topic, filterFault(topic));
    const shared = topics.find(isShared);
    if (values.has("keep") && shared !== undefined) {
      throw new UsageError(
        `--keep needs the whole room, and ${JSON.stringify(shared)} gets a ` +
          "part.",
      );
    }
    const isOneRoom = new Set(topics).size === 1 && isOneTopic(topics[0]);
    if (Number(values.one("history") ?? 0) > 0 && !isOneRoom) {
      throw new UsageError("--history is for one room; give one --topic.");
    }
    const common = commonOptions(values);
    const only = values.choice("only");
    if (only === "mentions" && common.name === DEFAULTS.username) {
      throw new UsageError("--only mentions needs --name, to look for.");
    }
    return {
      ...common,
      only,
      topics: [...new Set(topics)],
      json: values.has("json"),
      count: values.whole("count", 1, Number.MAX_SAFE_INTEGER),
      waitSeconds: values.seconds("wait"),
      announce: !values.has("no-announce"),
      showTopic: values.has("show-topic") || values.has("verbose") ||
        topics.length > 1 ||
        !isOneTopic(topics[0]),
      keep: values.whole("keep", 1, MAX_KEPT),
    };
  });
}

/** Reads the publisher's arguments, or throws a {@link UsageError}. */
export function parsePublisherArgs(args: string[]): Request<PublisherOptions> {
  return parse("publisher", args, (values) => {
    const topic = values.one("topic") ?? "chat";
    refuse("topic", topic, topicFault(topic));
    excludes(values, "follow", "message");
    excludes(values, "stdin-file", "message");
    excludes(values, "stdin-file", "follow");
    for (const flag of ["message", "stdin-file", "follow"]) {
      excludes(values, "stdin-line", flag);
    }
    needs(values, "history", "follow");
    needs(values, "log", "follow");
    return {
      ...commonOptions(values),
      topic,
      message: values.one("message"),
      stdinFile: values.has("stdin-file"),
      follow: values.has("follow"),
      log: values.one("log"),
    };
  });
}

/** Returns how many past messages are shown where no flag says it. */
export function usualHistory(isTerminal: boolean): number {
  return isTerminal ? 20 : 0;
}

function parse<O>(
  script: Script,
  args: string[],
  build: (values: Values) => O,
): Request<O> {
  const values = readFlags(script, args);
  if (values.has("help")) {
    // Help works whatever else is wrong.
    const color = CHOICES.color.find((word) => word === values.one("color"));
    return { action: "help", color: color ?? "auto" };
  }
  if (values.has("version")) return { action: "version" };
  const shell = values.choice("completions");
  if (shell !== undefined) return { action: "completions", shell };
  const options = build(values);
  // After the rest: in `-pw SECRET` the fault is the port "w".
  values.refuseExtra();
  return { action: "run", options };
}

function commonOptions(values: Values): Options {
  const tlsFiles = {
    ca: values.one("cafile"),
    cert: values.one("cert"),
    key: values.one("key"),
  };
  const alpn = values.one("alpn");
  const brokers = parseBrokers(
    values,
    [...Object.values(tlsFiles), alpn].some((value) => value !== undefined),
  );
  if (alpn !== undefined) checkAlpn(alpn, brokers);
  for (const flag of ["username", "id"]) {
    const text = values.one(flag);
    if (text !== undefined) refuse(flag, text, stringFault(text));
  }
  const username = values.one("username") ?? brokers[0].username ??
    DEFAULTS.username;
  const resume = values.has("resume");
  const clientId = values.one("id");
  needs(values, "session-expiry", "resume");
  needs(values, "cert", "key");
  needs(values, "key", "cert");
  excludes(values, "password", "password-file");
  excludes(values, "secret", "secret-file");
  if (resume && clientId === undefined) {
    throw new UsageError(
      "--resume needs --id, the name the broker keeps the session under.",
    );
  }
  const nameGiven = values.one("name");
  const fault = nameGiven && nameFault(nameGiven);
  if (fault) throw new UsageError(`--name ${fault}.`);
  const name = nameGiven ?? username;
  const ignore = values.all("ignore") ?? [];
  if (new Ignored(ignore).has(name)) {
    throw new UsageError(
      `--ignore ${JSON.stringify(name)} is your own name; --name gives you ` +
        "another.",
    );
  }
  const version = values.choice("protocol-version");
  return {
    brokers,
    username,
    name,
    isNameChosen: nameGiven !== undefined && nameGiven !== DEFAULTS.username,
    ignore,
    password: values.one("password"),
    passwordFile: values.one("password-file"),
    secretFile: values.one("secret-file"),
    signKeyFile: values.one("sign-key"),
    peopleFile: values.one("people"),
    asksSecret: values.has("secret"),
    clientId,
    resume,
    // 2³² − 1 means that it never ends (MQTT 5 §3.1.2.11.2).
    sessionExpiry: values.whole("session-expiry", 0, 0xffff_ffff) ??
      DEFAULTS.sessionExpiry,
    qos: Number(values.choice("qos") ?? DEFAULTS.qos) as QoS,
    keepalive: values.whole("keepalive", 5, 65_535) ?? DEFAULTS.keepalive,
    protocolVersion: version === "5" ? 5 : version === "311" ? 4 : version ??
      DEFAULTS.protocolVersion,
    tlsFiles,
    alpn,
    timeout: values.seconds("timeout") ?? DEFAULTS.timeout,
    color: values.choice("color") ?? "auto",
    quiet: values.has("quiet"),
    debug: values.has("debug"),
    bell: values.has("bell"),
    history: values.whole("history", 0, MAX_KEPT),
  };
}

/** A protocol's name has 1 to 255 bytes (RFC 7301); wss names its own. */
function checkAlpn(alpn: string, brokers: Broker[]): void {
  if (!/^[!-~]{1,255}$/.test(alpn)) {
    throw new UsageError(
      `--alpn ${JSON.stringify(alpn)} does not fit: it takes a name such as ` +
        "mqtt or x-amzn-mqtt-ca.",
    );
  }
  const other = brokers.find(({ scheme }) => scheme !== "mqtts");
  if (other === undefined) return;
  throw new UsageError(
    `--alpn is for mqtts://; ${other.scheme}:// takes none.`,
  );
}

/** Reads `--host` and `--port`. */
function parseBrokers(values: Values, tls: boolean): Broker[] {
  const port = values.whole("port", 1, 65_535);
  const brokers = (values.all("host") ?? ["localhost"]).map((text) => {
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

function needs(values: Values, flag: string, other: string): void {
  if (!values.has(flag) || values.has(other)) return;
  throw new UsageError(`--${flag} needs --${other}.`);
}

function excludes(values: Values, flag: string, other: string): void {
  if (!values.has(flag) || !values.has(other)) return;
  throw new UsageError(`give --${flag} or --${other}, not both.`);
}

function refuse(flag: string, text: string, fault: string | undefined): void {
  if (fault === undefined) return;
  throw new UsageError(`--${flag} ${JSON.stringify(text)} ${fault}.`);
}
