/**
 * Flags → validated options of either script. Pure: reads no file and no
 * environment.
 */

import {
  AddressError,
  type Broker,
  hostPort,
  parseBroker,
  parseUrl,
  SCHEMES,
} from "../mqtt/address.ts";
import { DEFAULTS } from "../client_options.ts";
import type { ConnectOptions } from "../mqtt/link.ts";
import {
  CHOICES,
  type Choices,
  readFlags,
  ROOM_URL,
  type Script,
  UsageError,
  type Values,
  withoutSecrets,
} from "./flags.ts";
import type { QoS } from "../protocol.ts";
import { MAX_KEPT, MAX_NAME_LENGTH } from "../protocol.ts";
import { Ignored } from "../room/ignored.ts";
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
    | "isDefaultUser"
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
  /** Whether to refuse to run without a secret. */
  needsSecret: boolean;
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
  /** To write a new secret; `next` is the command that uses it. */
  | { action: "new secret"; path: string; command: string; next: string }
  /** `command` is the same with the permissions that it needs. */
  | { action: "run"; options: O; command: string };

/** Reads the listener's arguments, or throws a {@link UsageError}. */
export function parseListenerArgs(args: string[]): Request<ListenerOptions> {
  return parse("listener", args, (values) => {
    const { room, ...common } = commonOptions(values);
    const topics = values.all("topic") ?? [room];
    for (const topic of topics) refuseRoom(values, topic, filterFault(topic));
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
    const { room, ...common } = commonOptions(values);
    const topic = values.one("topic") ?? room;
    refuseRoom(values, topic, topicFault(topic));
    excludes(values, "follow", "message");
    excludes(values, "stdin-file", "message");
    excludes(values, "stdin-file", "follow");
    for (const flag of ["message", "stdin-file", "follow"]) {
      excludes(values, "stdin-line", flag);
    }
    needs(values, "history", "follow");
    needs(values, "log", "follow");
    return {
      ...common,
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

function parse<O extends Options>(
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
  const command = commandOf(script, values, options.brokers);
  const path = values.one("new-secret");
  if (path === undefined) return { action: "run", options, command };
  const next = values.renamed("new-secret", "secret-file");
  return {
    action: "new secret",
    path,
    command,
    next: commandOf(script, next, options.brokers),
  };
}

/** Returns the command that the arguments stand for, with its permissions. */
function commandOf(
  script: Script,
  values: Values,
  brokers: Broker[],
): string {
  const isOffline = values.has("new-secret");
  const hosts = isOffline ? [] : brokers.map(hostPort);
  const permissions = [
    ["-N", [...new Set(hosts)].join(",")],
    ["-R", values.files(script, "read").join(",")],
    ["-W", values.files(script, "write").join(",")],
  ].filter(([, value]) => value !== "").map((pair) => pair.join("="));
  return ["deno", "run", ...permissions, `${script}.ts`, ...values.words()]
    .map(quote).join(" ");
}

/** What is wrong with a user's own name, as the end of a sentence. */
export function nameFault(name: string): string | undefined {
  return name.length > MAX_NAME_LENGTH
    ? `takes ${MAX_NAME_LENGTH} characters at most, not ${name.length}`
    : undefined;
}

/** Quotes a word as POSIX shells do, where it needs that. */
export function quote(word: string): string {
  return /^(?![#=])[\w@%+=:,./#-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

function commonOptions(values: Values): Options & { room: string } {
  const tlsFiles = {
    ca: values.one("cafile"),
    cert: values.one("cert"),
    key: values.one("key"),
  };
  const alpn = values.one("alpn");
  const { brokers, room = "chat" } = parseBrokers(
    values,
    [...Object.values(tlsFiles), alpn].some((value) => value !== undefined),
  );
  if (alpn !== undefined) checkAlpn(alpn, brokers);
  for (const flag of ["username", "id"]) {
    const text = values.one(flag);
    if (text) refuse(flag, text, stringFault(text));
  }
  const username = isAnonymous(values)
    ? undefined
    : values.one("username") ?? brokers[0].username ?? DEFAULTS.username;
  const resume = values.has("resume");
  const clientId = values.one("id");
  needs(values, "session-expiry", "resume");
  needs(values, "cert", "key");
  needs(values, "key", "cert");
  excludes(values, "password", "password-file");
  for (const flag of ["secret", "new-secret"]) {
    excludes(values, flag, "secret-file");
  }
  excludes(values, "secret", "new-secret");
  excludes(values, "anonymous", "username");
  for (const flag of ["password", "password-file"]) {
    if (username !== undefined || !values.has(flag)) continue;
    throw new UsageError(`--${flag} needs a user; give --username.`);
  }
  if (resume && clientId === undefined) {
    throw new UsageError(
      "--resume needs --id, the name the broker keeps the session under.",
    );
  }
  const nameGiven = values.one("name");
  const fault = nameGiven && nameFault(nameGiven);
  if (fault) throw new UsageError(`--name ${fault}.`);
  const name = nameGiven ?? username ?? DEFAULTS.username;
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
    room,
    username,
    isDefaultUser: username !== undefined && !values.has("username") &&
      brokers[0].username === undefined,
    name,
    isNameChosen: nameGiven !== undefined && nameGiven !== DEFAULTS.username,
    ignore,
    password: values.one("password"),
    passwordFile: values.one("password-file"),
    secretFile: values.one("secret-file"),
    signKeyFile: values.one("sign-key"),
    peopleFile: values.one("people"),
    asksSecret: values.has("secret"),
    needsSecret: values.has("sealed"),
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

/** Whether to connect without user and password. */
function isAnonymous(values: Values): boolean {
  return values.has("anonymous") || values.one("username") === "";
}

/** Reads the brokers, and the room that URLs name. */
function parseBrokers(
  values: Values,
  tls: boolean,
): { brokers: Broker[]; room?: string } {
  const port = values.whole("port", 1, 65_535);
  const read = <T>(flag: string, text: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      // An address may hold a password, so only one that can't is repeated.
      const isPlain = /^([a-z]+:\/\/)?[\p{L}\p{N} ._[\]-]*(:\d*)?$/iu
        .test(text);
      const shown = isPlain ? ` ${JSON.stringify(text)}` : "";
      throw new UsageError(`${flag}${shown} does not fit: ${error.message}.`);
    }
  };
  const urls = (values.all("url") ?? [])
    .map((text) => read("the URL", text, () => parseUrl(text, { port })));
  if (new Set(urls.map(({ room }) => room)).size > 1) {
    throw new UsageError(
      "the URLs name different rooms; give the same room in each.",
    );
  }
  const hosts = values.all("host")
    ?.map((text) =>
      read("--host", text, () => parseBroker(text, { port, tls }))
    );
  const named = urls.length > 0
    ? urls.map(({ broker }) => underFlags(broker, values, port))
    : [parseBroker("localhost", { port, tls })];
  const brokers = (hosts ?? named).map((broker) => {
    const { username: _, password: __, ...anonymous } = broker;
    return isAnonymous(values) ? anonymous : broker;
  });
  const plain = brokers.find((broker) => !SCHEMES[broker.scheme].tls);
  if (tls && plain !== undefined) {
    throw new UsageError(
      `--cafile, --cert and --key are for encrypted connections, ` +
        `${plain.scheme}:// is not one; write ${plain.scheme}s://.`,
    );
  }
  return { brokers, room: urls[0]?.room };
}

/** Returns the broker of a URL as flags change it. */
function underFlags(
  { username, password, ...broker }: Broker,
  values: Values,
  port = broker.port,
): Broker {
  const isOther = (values.one("username") ?? username) !== username;
  const hasPassword = values.has("password") || values.has("password-file");
  return {
    ...broker,
    port,
    ...username !== undefined && !isOther && { username },
    ...password !== undefined && !isOther && !hasPassword && { password },
  };
}

function needs(values: Values, flag: string, other: string): void {
  if (!values.has(flag) || values.has(other)) return;
  throw new UsageError(`--${flag} needs --${other}.`);
}

function excludes(values: Values, flag: string, other: string): void {
  if (!values.has(flag) || !values.has(other)) return;
  throw new UsageError(`give --${flag} or --${other}, not both.`);
}

function refuseRoom(values: Values, room: string, fault?: string): void {
  if (values.has("topic")) {
    const isUrl = ROOM_URL.test(room);
    const why = isUrl ? "is a URL; give it without --topic" : fault;
    return refuse("topic", room, why);
  }
  if (fault !== undefined) throw new UsageError(`the URL's room ${fault}.`);
}

function refuse(flag: string, text: string, fault: string | undefined): void {
  if (fault === undefined) return;
  const shown = JSON.stringify(withoutSecrets(text));
  throw new UsageError(`--${flag} ${shown} ${fault}.`);
}
