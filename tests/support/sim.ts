/**
 * A broker in memory, on a clock that the test moves, with keepers and readers
 * that come and go. Each client may have a clock of its own.
 */

import { assert, assertEquals } from "@std/assert";
import type {
  ChatClient,
  Check,
  Grant,
  Signer,
  Status,
} from "../../lib/client.ts";
import { PublishError } from "../../lib/client.ts";
import { encodeFor } from "../../lib/codec.ts";
import { IdSource } from "../../lib/ids.ts";
import {
  decode,
  encodeText,
  historyTopic,
  type KeptHistory,
  type Payload,
  type QoS,
  type Received,
  type RollCall,
  roomOfHistory,
  roomOfWho,
} from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { Keeper } from "../../lib/room/keeper.ts";
import { Names } from "../../lib/room/names.ts";
import { Reader, type ReaderOptions } from "../../lib/room/room.ts";
import { isSigned } from "../../lib/sign.ts";
import type { Clock } from "../../lib/timer.ts";
import { TestClock } from "./clock.ts";
import { READER, ROOM } from "./line_fixtures.ts";

export { ROOM };
export const HISTORY = historyTopic(ROOM);

const broker = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;

/** What is on the wire: JSON, maybe sealed with a secret. */
interface Sent {
  topic: string;
  text: string;
  secret?: string;
}

const CLOSED: Pick<Received, "payload" | "check"> = {
  payload: { type: "sealed", sealed: "AAAA", reason: "sealed" },
};

/** What was sent, decoded and verified, once for all clients. */
const read = new WeakMap<Sent, Pick<Received, "payload" | "check">>();

function decodeOnce(sent: Sent): Pick<Received, "payload" | "check"> {
  let received = read.get(sent);
  if (received === undefined) {
    const payload = decode(new TextEncoder().encode(sent.text));
    received = { payload, check: checked(sent.topic, payload) };
    read.set(sent, received);
  }
  return received;
}

/** Verifies a signature, if there is one. */
export function checked(topic: string, payload: Received["payload"]): Check {
  if (!("sig" in payload) || payload.sig === undefined) return "none";
  return isSigned(topic, payload) ? "valid" : "bad";
}

export class SimBroker {
  readonly clock = new TestClock();
  readonly retained = new Map<string, Sent>();
  readonly clients = new Set<SimClient>();
  readonly histories: Sent[] = [];
  readonly sent: Sent[] = [];

  publish(sent: Sent, qos: QoS = 1, retain = false, from?: SimClient): void {
    if (retain) {
      if (sent.text === "") this.retained.delete(sent.topic);
      else this.retained.set(sent.topic, sent);
    }
    if (sent.topic === HISTORY) this.histories.push(sent);
    this.sent.push(sent);
    if (sent.text === "") return;
    for (const client of [...this.clients]) {
      client.deliver(sent, qos, false, client === from);
    }
  }

  /** Says something without MQTT-Chat: without an id, unless one is given. */
  say(message: string, more: Partial<Payload> = {}): void {
    const payload = { type: "message", from: "Python", message, ...more };
    this.publish({ topic: ROOM, text: JSON.stringify(payload) });
  }

  /** Publishes something without MQTT-Chat. */
  call(topic: string, wire: unknown): void {
    this.publish({ topic, text: JSON.stringify(wire) }, 0);
  }

  /** Puts something on the topic of the history. */
  put(wire: unknown): void {
    const text = typeof wire === "string" ? wire : JSON.stringify(wire);
    this.publish({ topic: HISTORY, text }, 1, true);
  }

  get history(): {
    at: string;
    whole: number;
    heard: string[];
    messages: Record<string, string>[];
    keys: string[];
    here: [string, number][];
  } {
    return JSON.parse(this.retained.get(HISTORY)?.text ?? '{"messages":[]}');
  }

  get texts(): string[] {
    return this.history.messages.flatMap(({ message }) => message ?? []);
  }
}

interface SimOptions {
  /** How far its wall clock is ahead, in milliseconds. */
  ahead?: number;
  secret?: string;
  signer?: Signer;
  /** MQTT 3.1.1 has no No Local. */
  hasNoLocal?: boolean;
  mayRead?: (topic: string) => boolean;
  mayWrite?: (topic: string) => boolean;
  /** The most bytes of a history. */
  bytes?: number;
  /** How long a retained message takes, in milliseconds. */
  latency?: number;
  onReceived?: (received: Received) => void;
  onStatus?: (status: Status) => void;
}

type Connected = Extract<Status, { type: "connected" }>;

export class SimClient {
  readonly #broker: SimBroker;
  readonly #options: SimOptions;
  readonly #ids = new IdSource();
  readonly #filters = new Map<string, { qos: QoS; isOptional: boolean }>();
  #waiting: (() => void)[] = [];
  #lostAt?: number;
  readonly clock: Clock;
  readonly broker = broker;
  readonly version = 5;
  readonly retains = true;
  online = true;
  /** Drops what would be delivered in a room, where it returns true. */
  drops: () => boolean = () => false;

  constructor(broker: SimBroker, options: SimOptions) {
    const { clock } = broker;
    const { ahead = 0 } = options;
    this.#broker = broker;
    this.#options = options;
    this.clock = {
      wall: () => clock.wall() + ahead,
      monotonic: () => clock.monotonic(),
      after: (milliseconds, callback) => clock.after(milliseconds, callback),
    };
    broker.clients.add(this);
  }

  /** What it subscribes to. */
  get filters(): string[] {
    return [...this.#filters.keys()];
  }

  /** This, where a `ChatClient` is wanted. */
  get client(): ChatClient {
    return this as unknown as ChatClient;
  }

  cut(): void {
    this.online = false;
    this.#lostAt = this.clock.monotonic();
    this.#options.onStatus?.({ type: "disconnected", broker, reason: "cut" });
  }

  back(more: Partial<Connected> = {}): void {
    const now = this.clock.monotonic();
    const gap = (now - (this.#lostAt ?? now)) / 1000;
    this.online = true;
    const connected = { type: "connected", broker, version: 5 } as const;
    const status = { ...connected, gap, sessionPresent: false, ...more };
    this.#options.onStatus?.(status);
    for (const filter of this.#filters.keys()) this.#subscribe(filter);
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Is gone, as a program that was killed. */
  kill(): void {
    this.online = false;
    this.#broker.clients.delete(this);
  }

  async join(
    filters: string[],
    qos: QoS = 1,
    isOptional = false,
  ): Promise<Grant[]> {
    for (const filter of filters) {
      this.#filters.set(filter, { qos, isOptional });
    }
    await this.#connected();
    const { mayRead = () => true } = this.#options;
    return filters.map((topic) => {
      if (!mayRead(topic)) return { topic, reason: "no" };
      this.#subscribe(topic);
      return { topic, qos };
    });
  }

  leave(filters: string[]): Promise<void> {
    for (const filter of filters) this.#filters.delete(filter);
    return Promise.resolve();
  }

  async send(topic: string, payload: Payload, qos: QoS = 1): Promise<void> {
    await this.#publish(topic, qos, () => {
      const at = payload.at ?? new Date(this.clock.wall()).toISOString();
      const id = payload.id ?? this.#ids.next(topic);
      return encodeFor(topic, { ...payload, id, at }, this.#options);
    });
  }

  async call(topic: string, call: RollCall, qos: QoS): Promise<void> {
    const encode = () => encodeFor(topic, call, this.#options);
    await this.#publish(topic, qos, encode);
  }

  async keep(topic: string, history: KeptHistory): Promise<void> {
    await this.#publish(topic, 1, () => encodeText(history), true);
  }

  async #publish(
    topic: string,
    qos: QoS,
    encode: () => string,
    retain = false,
  ) {
    await this.#connected();
    const { mayWrite = () => true, secret } = this.#options;
    if (!mayWrite(topic)) throw new PublishError("It may not be.", 135);
    const sent = { topic, text: encode(), secret };
    this.#broker.publish(sent, qos, retain, this);
  }

  check(topic: string, payload: Payload | RollCall): Check {
    return checked(topic, payload);
  }

  keepsBytes(): number {
    return this.#options.bytes ?? 65_536;
  }

  deliver(sent: Sent, qos: QoS, retain: boolean, isOwn: boolean): void {
    const { topic, secret } = sent;
    const found = this.#filters.get(topic);
    if (!this.online || found === undefined) return;
    const { hasNoLocal = true, onReceived } = this.#options;
    if (isOwn && found.isOptional && hasNoLocal && !retain) return;
    if (!found.isOptional && this.drops()) return;
    const mine = this.#options.secret;
    const isOpen = secret === undefined || secret === mine;
    const { payload, check } = isOpen ? decodeOnce(sent) : CLOSED;
    const id = "id" in payload ? payload.id : undefined;
    const historyOf = roomOfHistory(topic);
    const whoOf = roomOfWho(topic);
    onReceived?.({
      ...{ topic, payload, retain, duplicate: false },
      ...historyOf !== undefined && { historyOf },
      ...whoOf !== undefined && { whoOf },
      ...mine !== undefined && { sealed: secret !== undefined },
      ..."from" in payload && { check },
      qos: Math.min(qos, found.qos) as QoS,
      receivedAt: new Date(this.clock.wall()),
      sentTo: id === undefined ? undefined : this.#ids.topicOf(id),
    });
  }

  #subscribe(topic: string): void {
    const { qos, isOptional } = this.#filters.get(topic)!;
    const { latency = 5, onStatus } = this.#options;
    if (!isOptional) onStatus?.({ type: "subscribed", topic, qos });
    const sent = this.#broker.retained.get(topic);
    if (sent === undefined) return;
    this.clock.after(latency, () => this.deliver(sent, 1, true, false));
  }

  async #connected(): Promise<void> {
    while (!this.online) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** A reader, its client and what it shows: lines without their times. */
export async function openReader(
  broker: SimBroker,
  { name = "me", enters, ...options }:
    & { enters?: boolean }
    & Partial<ReaderOptions>
    & SimOptions = {},
) {
  const lines: string[] = [];
  const times: string[] = [];
  const warnings: string[] = [];
  const sim = new SimClient(broker, {
    ...options,
    onReceived: (received) => room.receive(received),
    onStatus: (status) => room.onStatus(status),
  });
  const room: Reader = new Reader({
    ...{ ...READER, history: 20, name, clock: sim.clock },
    ...options,
    write(line) {
      times.push(line.split(" ")[0]);
      lines.push(line.startsWith("{") ? line : line.replace(/^\S+ /, ""));
    },
    warn: (sentence) => warnings.push(sentence),
  });
  if (enters) await room.enter(sim.client);
  else {
    await sim.join([ROOM], options.qos ?? 1);
    room.announce(sim.client);
  }
  return { room, sim, lines, times, warnings };
}

export async function openKeeper(
  broker: SimBroker,
  { topics = [ROOM], keep = 100, name = "Keeper", announce = true, ...more }:
    & { topics?: string[]; keep?: number; name?: string; announce?: boolean }
    & { qos?: QoS }
    & SimOptions = {},
) {
  const { qos = 1, ...options } = more;
  const warnings: string[] = [];
  const sim = new SimClient(broker, {
    ...options,
    onReceived(received) {
      keeper.receive(received);
      room.receive(received);
    },
    onStatus(status) {
      keeper.onStatus(status);
      room.onStatus(status);
    },
  });
  const common = { topics, name, qos, announce, clock: sim.clock };
  const warn = (sentence: string) => warnings.push(sentence);
  const names = new Names();
  const own = { ...common, keep, names, warn, debug: warn };
  const keeper: Keeper = new Keeper(own);
  // The listener that keeps announces itself.
  const all = { ...READER, ...common, names, warn, write: () => {} };
  const room: Reader = new Reader(all);
  await sim.join([ROOM], qos);
  keeper.begin(sim.client);
  room.announce(sim.client);
  return { keeper, room, sim, warnings };
}

/** A member who says numbered lines. */
export function speaker(broker: SimBroker, name = "Ada", secret?: string) {
  const sim = new SimClient(broker, { secret });
  let said = 0;
  return async (count = 1) => {
    for (let i = 0; i < count; i++) {
      const message = `${name} ${++said}`;
      await sim.send(ROOM, { type: "message", from: name, message });
    }
  };
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** The lines of a speaker up to a number. */
export const upTo = (last: number, first = 1) =>
  range(first, last).map((number) => `Ada ${number}`);

/** A room in which Ada says numbered lines. */
export function openRoom(secret?: string) {
  const broker = new SimBroker();
  const speak = speaker(broker, "Ada", secret);
  const wait = (milliseconds: number) => broker.clock.advance(milliseconds);
  const keep = (options?: Parameters<typeof openKeeper>[1]) =>
    openKeeper(broker, { secret, ...options });
  /** Says some lines; then time passes. */
  const say = async (count = 1, milliseconds = 2_000) => {
    await speak(count);
    await wait(milliseconds);
  };
  return { broker, keep, say, wait };
}

/** What a reader shows, in short: the numbers of Ada's lines as they are. */
const inShort = (line: string) =>
  line.replace(/^Ada: Ada (\d+)$/, "$1")
    .replace(/^== Connected to .* without a connection\./, "gap:")
    .replace(/^== (\d+) messages? from before you came.*/, "history $1")
    .replace(/ messages? of that time follows?;/, "")
    .replace(/^== (.*) more (.*)\.$/, "more $1 $2").replace(/^== now$/, "now")
    .replace(/^-- User me is now subscribed.*/, "join").replace(/\.$/, "");

/**
 * Acts out a scene, whose steps `|` parts; after each, two seconds pass, unless
 * it ends with `!`. Options of a keeper or reader are written as `keep=5`.
 */
export async function act(scene: string): Promise<void> {
  const { broker, wait } = openRoom();
  const speakers = new Map<string, ReturnType<typeof speaker>>();
  const sims = new Map<string, SimClient>();
  const warnings: string[] = [];
  let remembered: Sent | undefined;
  let lines: string[] = [];
  let at = "";
  const texts = () =>
    broker.history.messages
      .map(({ message = "notice" }) => message.replace("Ada ", ""));
  /** What there is, by the word that begins a claim. */
  const found: Record<string, () => string> = {
    shows: () => lines.splice(0).map(inShort).join(", "),
    first: () => inShort(lines[0]),
    kept: () => texts().filter((text) => text !== "notice").join(", "),
    whole: () => texts().slice(texts().length - broker.history.whole).join(" "),
    warned: () => warnings.join("; "),
    waiting: () => sims.get("me")!.filters.includes(HISTORY) ? "yes" : "no",
    here: () => broker.history.here.map(([name]) => name).sort().join(" "),
  };
  for (const step of scene.split(/ \|\s+/)) {
    const [name, does, ...rest] = step.replace(/!$/, "").split(" ");
    const pairs = [...step.matchAll(/(\w+)=([^ !]+)/g)]
      .map(([, key, value]) => [key, JSON.parse(value)]);
    const options = Object.fromEntries(pairs);
    const sim = sims.get(name);
    if (name in found) {
      const claim = step.replace(/^\w+ ?|!$/g, "").replaceAll(
        /(\d+)-(\d+)/g,
        (_, first, last) => range(+first, +last).join(", "),
      );
      assertEquals(found[name](), claim, step);
      assert(name !== "kept" || broker.history.at >= at, "It was set back.");
      if (name === "kept") at = broker.history.at;
    } else if (name === "wait") await wait(Number(does));
    else if (does === "says") {
      const say = speakers.get(name) ?? speaker(broker, name);
      speakers.set(name, say);
      if (name === "Python") broker.say(rest.join(" "));
      else await say(Number(rest[0]));
    } else if (does === "keeps") {
      const keeper = await openKeeper(broker, { name, ...options });
      sims.set(name, keeper.sim);
      keeper.warnings.push = (warning) => warnings.push(warning);
    } else if (does === "reads") {
      const { mute, ignores = [], ...rest } = options;
      const ignored = new Ignored(ignores);
      const mayWrite = () => !mute;
      const all = { ignored, mayWrite, ...rest };
      const reader = await openReader(broker, all);
      reader.warnings.push = (warning) => warnings.push(warning);
      sims.set(name, reader.sim);
      lines = reader.lines;
    } else if (name === "remembered") remembered = broker.retained.get(HISTORY);
    else if (name === "replayed") broker.publish(remembered!, 1, true);
    else if (name === "settled") {
      const { length } = broker.histories;
      await wait(3_600_000);
      assertEquals(broker.histories.length, length, step);
    } else if (name === "forgotten") broker.retained.clear();
    else if (does === "dies") sim!.kill();
    else if (does === "cut") {
      sim!.cut();
      if (rest.length === 0) lines.length = 0;
    } else if (does === "back") sim!.back(options);
    else sim!.drops = () => does === "deaf";
    if (!step.endsWith("!") && name !== "wait") await wait(2_000);
  }
}
