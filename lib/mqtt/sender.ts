/**
 * Subscribes and publishes until the broker has answered, over as many
 * connections as that takes.
 */

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { MAX_PAYLOAD_BYTES, type QoS } from "../protocol.ts";
import type { Clock } from "../timer.ts";
import { type Broker, showBroker } from "./address.ts";
import type { Version } from "./attempts.ts";
import type { Break, Connection } from "./link.ts";
import type { BrokerError, MqttJs } from "./mqtt_js.ts";
import { reasonCodeOf, reasonText } from "./reasons.ts";

/** A broker's limits (MQTT 5 §3.2.2.3). */
interface Limits {
  /** The highest QoS it takes. */
  qos: QoS;
  /** The most bytes of a packet. */
  packetBytes: number;
  /** The most messages of QoS 1 and 2 it takes unacknowledged. */
  inFlight: number;
  /** Whether it keeps retained messages, as far as it says so. */
  retains: boolean;
}

/** No PUBLISH of ours is larger: topic, payload, and less than 16 bytes more. */
const MAX_PUBLISH_BYTES = 65_535 + MAX_PAYLOAD_BYTES + 16;

/** The largest packet the length field can say (MQTT 5 §1.5.5). */
const MQTT_MAX_PACKET_BYTES = 268_435_455 + 5;

/**
 * How many messages an MQTT 3.1.1 broker is sent unacknowledged. It can't say
 * how many it takes; Mosquitto closes over more than 20 at QoS 2 (measured).
 */
const SILENT_IN_FLIGHT = 20;

/** Leaves packet ids for SUBSCRIBE and UNSUBSCRIBE. */
const MOST_IN_FLIGHT = 60_000;

/** The limits that a broker announces, with the standard's defaults. */
function limitsOf(
  version: Version,
  announced: MqttJs["serverProperties"] = {},
): Limits {
  const { maximumQoS, maximumPacketSize, receiveMaximum, retainAvailable } =
    announced;
  return {
    qos: maximumQoS === 0 || maximumQoS === 1 ? maximumQoS : 2,
    // 0 is no limit that MQTT knows.
    packetBytes: maximumPacketSize || MQTT_MAX_PACKET_BYTES,
    inFlight: version === 4
      ? SILENT_IN_FLIGHT
      : Math.min(receiveMaximum || MOST_IN_FLIGHT, MOST_IN_FLIGHT),
    retains: retainAvailable !== false,
  };
}

/** The size in bytes of a PUBLISH without properties (MQTT 5 §3.3). */
export function publishBytes(
  topic: string,
  payloadBytes: number,
  qos: QoS,
  version: Version,
): number {
  const remaining = 2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) +
    (version === 5 ? 1 : 0) + payloadBytes;
  let lengthBytes = 1;
  for (let rest = remaining; rest >= 128; rest = Math.floor(rest / 128)) {
    lengthBytes++;
  }
  return 1 + lengthBytes + remaining;
}

/** MQTT 5's reason codes (§2.4). */
const NOT_AUTHORIZED = 0x87;
const PACKET_ID_NOT_FOUND = 0x92;
const PACKET_TOO_LARGE = 0x95;
const PAYLOAD_FORMAT_INVALID = 0x99;

/** A message that the broker did not take. */
export class PublishError extends Error {
  static {
    this.prototype.name = "PublishError";
  }

  /** MQTT's reason code (MQTT 5 §2.4), where the broker gave one. */
  readonly reasonCode?: number;
  /** Whether the broker takes no messages for this topic. */
  readonly isDenied: boolean;

  /**
   * Makes an error of a sentence.
   *
   * @param message The sentence.
   * @param reasonCode MQTT's reason code, if there is one.
   * @param isDenied Whether the broker takes none for this topic.
   */
  constructor(
    message: string,
    reasonCode?: number,
    isDenied: boolean = reasonCode === NOT_AUTHORIZED,
  ) {
    super(message);
    this.reasonCode = reasonCode;
    this.isDenied = isDenied;
  }
}

/** A message without an answer when the connection ended. */
export class AbandonedError extends PublishError {
  static {
    this.prototype.name = "AbandonedError";
  }
}

/** How a subscription was answered. */
export interface Grant {
  /** The topic filter. */
  topic: string;
  /** The QoS the broker grants; undefined when it denies. */
  qos?: QoS;
  /** Why it denies. */
  reason?: string;
}

/** What happens to subscriptions and messages. */
export type SenderStatus =
  /** Messages go out at a lower QoS than asked for. */
  | { type: "lowered"; broker: Broker; qos: QoS }
  | { type: "subscribed"; topic: string; qos: QoS }
  | { type: "denied"; topic: string; reason: string }
  /** A room that was granted breaks connections; it is tried again later. */
  | { type: "set aside"; topic: string; reason: string; seconds: number };

/** A payload to a topic, at a QoS. */
export interface Message {
  topic: string;
  payload: string;
  qos: QoS;
  /** Whether the broker is to keep it. */
  retain?: boolean;
  /** Whether one connection that breaks over it is enough to give it up. */
  isOptional?: boolean;
}

/** A room, until it is denied or left. */
interface Room {
  topic: string;
  isOptional: boolean;
  /** As for {@link Sending}. */
  breaks: number;
  qos: QoS;
  /** Its Subscription Identifier. */
  id: number;
  /** Settles with the first answer. */
  answer: PromiseWithResolvers<Grant>;
  wasGranted: boolean;
  /** The wait before the next try of one that is set aside, in milliseconds. */
  wait?: number;
  /** Cancels that wait, until it is over. */
  cancel?: () => void;
}

/** A message until it is answered. */
interface Sending extends Message {
  /** How many connections in a row broke while only this was unanswered. */
  breaks: number;
  resolve: () => void;
  reject: (error: Error) => void;
  /** The QoS at which it was sent. */
  sentQoS?: QoS;
  packetId?: number;
  /** The broker that it was sent to as new. */
  sentTo?: Broker;
  /** Whether a later connection carried it again. */
  isResent?: boolean;
}

/** Something that waits for an answer. */
type Pending = Room | Sending;

/** Breaks over a message or room until it is given up. */
const MAX_BREAKS = 3;

/** Messages in a row that are given up until their topic is refused. */
const MAX_GIVEN_UP = 3;

/**
 * PINGRESPs before something is tried alone: 1, 4 and 16 for the tries in a row.
 * A link that breaks at random would else give up one lone message in 15.
 */
const signsBefore = ({ breaks }: Pending) => 4 ** breaks;

/** The waits before a room that is set aside is tried, in milliseconds. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 120_000;

interface SenderOptions {
  mqtt: MqttJs;
  /** Seconds that an answer may take. */
  timeout: number;
  onStatus: (status: SenderStatus) => void;
  /** Gives the connection up, for the next one. */
  drop: (reason: string) => void;
  clock: Clock;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #mqtt: MqttJs;
  readonly #clock: Clock;
  readonly #rooms = new Map<string, Room>();
  #lastRoomId = 0;
  /** Messages that this connection has not sent, oldest first. */
  #waiting: Sending[] = [];
  readonly #acknowledged = new Set<string>();
  /** By topic: how many messages in a row were given up. */
  readonly #givenUp = new Map<string, number>();
  /** Topics that take no messages, and why. */
  readonly #refused = new Map<string, string>();
  #isLowered = false;
  /** The limits of the last broker. */
  #limits = limitsOf(5);

  #connection?: Connection;
  /** The broker of the last connection. */
  #broker?: Broker;
  /** Rooms that this connection has not asked for. */
  #toAsk: Room[] = [];
  /** Rooms of earlier connections, for whose answers the messages wait. */
  readonly #asked = new Set<Room>();
  /** All that is unanswered on this connection, oldest first. */
  readonly #open = new Set<Pending>();
  /** How many messages of QoS 1 and 2 those are. */
  #inFlight = 0;
  /** Messages of QoS 0 among them, to be confirmed by the next PINGRESP. */
  #unconfirmed: Sending[] = [];
  #isConfirming = false;
  /** When the oldest of them became the oldest. */
  #since = 0;
  #stopWatch?: () => void;

  /** Whether the last connection broke while something was unanswered. */
  #isOnProbation = false;
  /** How many may be unanswered at a time; 0 if the next one goes alone. */
  #window = Infinity;
  /** The one that is tried alone. */
  #trial?: Pending;
  /** PINGRESPs since the last trial began. */
  #signs = 0;
  #isChecking = false;
  /** Whether a trial was answered on this connection. */
  #hasProgressed = false;
  /** The one on trial when the last connection broke. */
  #suspect?: Pending;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#mqtt = options.mqtt;
    this.#clock = options.clock;
  }

  /** Whether messages go out now rather than wait. */
  get isOnline(): boolean {
    return this.#connection !== undefined;
  }

  /** Whether no room is subscribed to. */
  get isEmpty(): boolean {
    return this.#rooms.size === 0;
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** Subscribes to rooms, now and on each connection, as `ChatClient.join`. */
  join(topics: string[], qos: QoS, isOptional: boolean): Promise<Grant[]> {
    const rooms = topics.map((topic) => {
      const before = this.#rooms.get(topic);
      before?.cancel?.();
      const room: Room = {
        topic,
        qos,
        isOptional,
        breaks: 0,
        id: before?.id ?? ++this.#lastRoomId,
        answer: Promise.withResolvers(),
        wasGranted: before?.wasGranted ?? false,
      };
      const { promise } = room.answer;
      if (before) promise.then(before.answer.resolve, before.answer.reject);
      this.#rooms.set(topic, room);
      if (this.#connection) this.#toAsk.push(room);
      return room;
    });
    this.#flush();
    return Promise.all(rooms.map(({ answer }) => answer.promise));
  }

  /** Unsubscribes. Settles with the broker's answer. */
  async leave(topics: string[]): Promise<void> {
    for (const topic of topics) {
      const room = this.#rooms.get(topic);
      if (room !== undefined) this.#drop(room, "it was left");
    }
    this.#flush();
    if (this.#connection) await this.#mqtt.unsubscribe(topics);
  }

  /** Sends a message, now or when there is a connection. */
  send(message: Message): Promise<void> {
    const { topic } = message;
    const refusal = this.#refused.get(topic);
    if (refusal !== undefined) {
      return Promise.reject(this.#error(topic, refusal, undefined, true));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...message, breaks: 0, resolve, reject });
      this.#flush();
    });
  }

  /** Begins a connection: first the rooms, then the unanswered messages. */
  up(connection: Connection): void {
    const { broker, version } = connection;
    this.#limits = limitsOf(version, this.#mqtt.serverProperties);
    this.#connection = connection;
    this.#broker = broker;
    const order = ({ wait, isOptional, wasGranted }: Room) =>
      (wait ? 4 : 0) + (isOptional ? 2 : 0) + (wasGranted ? 0 : 1);
    this.#toAsk = [...this.#rooms.values()]
      .filter(({ cancel }) => cancel === undefined)
      .sort((a, b) => order(a) - order(b));
    for (const room of this.#toAsk) {
      if (!room.isOptional && !room.wait) this.#asked.add(room);
    }
    if (this.#isOnProbation) this.#window = 0;
    this.#flush();
  }

  /** Ends a connection; returns whether the back-off may begin anew. */
  down(how?: Break): boolean {
    const trial = this.#trial;
    const isUnanswered = this.#open.size > 0 || this.#isChecking;
    const hasProgressed = this.#hasProgressed || trial !== undefined;
    const messages = this.#disconnected();
    const lost = messages.filter(({ sentQoS }) => sentQoS === 0);
    const kept = messages.filter(({ sentQoS }) => sentQoS !== 0);
    this.#waiting = [...kept, ...this.#waiting];
    for (const { topic, reject } of lost) {
      reject(new AbandonedError(`A message for ${topic} may be lost.`));
    }
    if (how === undefined) return false;
    this.#isOnProbation = isUnanswered;
    if (how.isOurs) return false;
    // Only breaks in a row count.
    if (this.#suspect !== trial && this.#suspect) this.#suspect.breaks = 0;
    this.#suspect = trial;
    if (trial !== undefined && lost.length === 0) this.#blame(trial, how);
    return hasProgressed;
  }

  /** Ends all waiting: there will be no answer. */
  abandon(error: Error): void {
    const messages = [...this.#disconnected(), ...this.#waiting.splice(0)];
    for (const { topic, reject } of messages) {
      reject(new AbandonedError(`No answer came for ${topic}.`));
    }
    for (const { answer, cancel } of this.#rooms.values()) {
      cancel?.();
      answer.promise.catch(() => {});
      answer.reject(error);
    }
  }

  /** Forgets the connection; returns its unanswered messages. */
  #disconnected(): Sending[] {
    const messages = [...this.#open].filter((pending): pending is Sending =>
      !isRoom(pending)
    );
    this.#connection = undefined;
    this.#asked.clear();
    this.#open.clear();
    this.#inFlight = 0;
    this.#unconfirmed = [];
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    this.#window = Infinity;
    this.#trial = undefined;
    this.#signs = 0;
    this.#isChecking = false;
    this.#hasProgressed = false;
    return messages;
  }

  /** The next to send; messages wait for the answers of the rooms. */
  #next(): Room | Sending | undefined {
    if (this.#toAsk.length > 0 || this.#asked.size > 0) return this.#toAsk[0];
    return this.#waiting[0];
  }

  /** Sends what may be sent now. */
  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    while (this.#trial === undefined && !this.#isChecking) {
      const next = this.#next();
      if (next === undefined) break;
      // On probation each room goes alone, since all are asked for again on
      // each connection; and so does the first message.
      const isTrial = isRoom(next)
        ? this.#isOnProbation || next.wait !== undefined
        : this.#window === 0;
      if (this.#open.size >= (isTrial ? 1 : this.#window)) break;
      if (isTrial && this.#signs < signsBefore(next)) {
        this.#check();
        break;
      }
      if (isRoom(next)) this.#ask(next);
      else if (this.#inFlight >= this.#limits.inFlight) break;
      else this.#carry(this.#waiting.shift()!, connection);
      // One that is too large was not sent.
      if (isTrial && this.#open.has(next)) {
        this.#trial = next;
        this.#signs = 0;
      }
    }
    if (this.#unconfirmed.length > 0 && !this.#isConfirming) this.#confirm();
  }

  /** Waits for a sign that the broker is well. */
  async #check(): Promise<void> {
    const connection = this.#connection;
    this.#isChecking = true;
    await this.#ping();
    if (this.#connection !== connection) return;
    this.#isChecking = false;
    this.#signs++;
    this.#flush();
  }

  /** Returns whether the broker answered before the connection closed. */
  async #ping(): Promise<boolean> {
    const { timeout, drop } = this.#options;
    const cancel = this.#clock.after(
      timeout * 1000,
      () => drop(`no answer to PINGREQ in ${timeout} s`),
    );
    const hasCome = await this.#mqtt.ping();
    cancel();
    return hasCome;
  }

  /** A PINGRESP is the answer to all of QoS 0 that was sent before the ping. */
  async #confirm(): Promise<void> {
    this.#isConfirming = true;
    while (this.#unconfirmed.length > 0) {
      // After this turn, since it may send more.
      await new Promise((resolve) => setImmediate(resolve));
      const sent = this.#unconfirmed;
      this.#unconfirmed = [];
      if (sent.length === 0 || !await this.#ping()) break;
      for (const sending of sent) this.#settle(sending);
    }
    this.#isConfirming = false;
  }

  #opened(pending: Pending): void {
    if (this.#open.size === 0) this.#since = this.#clock.monotonic();
    this.#open.add(pending);
    if (this.#stopWatch === undefined) this.#watch();
  }

  /** Waits until the oldest is overdue. */
  #watch(): void {
    const { timeout } = this.#options;
    const left = this.#since + timeout * 1000 - this.#clock.monotonic();
    this.#stopWatch = this.#clock.after(left, () => {
      this.#stopWatch = undefined;
      const [oldest] = this.#open;
      if (oldest === undefined) return;
      const isLate = this.#clock.monotonic() - this.#since >= timeout * 1000;
      if (isLate) this.#isOverdue(oldest);
      else this.#watch();
    });
  }

  #isOverdue(pending: Pending): void {
    const { timeout, drop } = this.#options;
    const packet = isRoom(pending) ? "SUBSCRIBE" : "PUBLISH";
    const reason = `no answer to ${packet} in ${timeout} s`;
    if (!isRoom(pending) || !pending.isOptional) return drop(reason);
    this.#answered(pending);
    this.#deny(pending, reason);
    if (this.#open.size > 0) this.#watch();
    this.#flush();
  }

  /** Records an answer; returns whether one was awaited. */
  #answered(pending: Pending): boolean {
    const [oldest] = this.#open;
    if (!this.#open.delete(pending)) return false;
    if (pending === oldest) this.#since = this.#clock.monotonic();
    pending.breaks = 0;
    // One more for each answer: that doubles with each round trip.
    if (!isRoom(pending)) this.#window = Math.max(2, this.#window + 1);
    if (pending === this.#trial) {
      this.#trial = undefined;
      this.#signs = 1;
      this.#hasProgressed = true;
    }
    return true;
  }

  #ask(room: Room): void {
    const { topic, qos, id, isOptional } = room;
    this.#toAsk = this.#toAsk.filter((other) => other !== room);
    this.#opened(room);
    // Retained messages come once; a history is read at each subscription.
    // A keeper needs no copy of the history that it wrote (No Local, MQTT 5).
    const how = { qos, id, rh: isOptional ? 0 : 1, nl: isOptional } as const;
    this.#mqtt.subscribe(topic, how, (suback) => {
      if (suback === undefined || !this.#answered(room)) return;
      this.#asked.delete(room);
      const code = Number(suback.granted[0]);
      if (code === 0 || code === 1 || code === 2) this.#grant(room, code);
      else this.#deny(room, reasonText(code, suback.properties));
      this.#flush();
    });
  }

  #grant(room: Room, qos: QoS): void {
    const { topic, answer } = room;
    room.wasGranted = true;
    room.wait = undefined;
    answer.resolve({ topic, qos });
    if (room.isOptional) return;
    this.#options.onStatus({ type: "subscribed", topic, qos });
  }

  #deny(room: Room, reason: string): void {
    this.#drop(room, reason);
    if (room.isOptional) return;
    this.#options.onStatus({ type: "denied", topic: room.topic, reason });
  }

  /** Forgets a room. */
  #drop(room: Room, reason: string): void {
    const { topic, answer, cancel } = room;
    cancel?.();
    if (this.#rooms.get(topic) === room) this.#rooms.delete(topic);
    this.#asked.delete(room);
    this.#open.delete(room);
    if (this.#trial === room) this.#trial = undefined;
    this.#toAsk = this.#toAsk.filter((other) => other !== room);
    answer.resolve({ topic, reason });
  }

  #carry(sending: Sending, connection: Connection): void {
    const { version, broker, hasSession } = connection;
    const { topic, payload, retain = false } = sending;
    const { packetBytes } = this.#limits;
    const qos = Math.min(sending.qos, this.#limits.qos) as QoS;
    if (qos < sending.qos && !this.#isLowered) {
      this.#isLowered = true;
      this.#options.onStatus({ type: "lowered", broker, qos });
    }
    // Measured only where it may exceed the limit.
    const size = packetBytes < MAX_PUBLISH_BYTES
      ? publishBytes(topic, Buffer.byteLength(payload), qos, version)
      : 0;
    if (size > packetBytes) {
      const sentence = `${showBroker(broker)} takes packets of ` +
        `${packetBytes} bytes at most, this message needs ${size}; ` +
        "send it in parts.";
      return sending.reject(new PublishError(sentence, PACKET_TOO_LARGE));
    }
    const { packetId, sentTo } = sending;
    // A 3.1.1 broker answers PUBREL for a message that it never had. Without
    // the session, it knows of none.
    const isKnown = hasSession && qos === sending.sentQoS &&
      (version === 5 || broker === sentTo);
    sending.isResent = packetId !== undefined && isKnown;
    sending.sentQoS = qos;
    this.#opened(sending);
    if (qos > 0) this.#inFlight++;
    if (packetId !== undefined && isKnown) {
      // PUBREC came from that broker; it may not be known to this one.
      if (!this.#mqtt.isReceived(packetId)) sending.sentTo = broker;
      return this.#mqtt.resend(packetId);
    }
    if (packetId !== undefined) this.#mqtt.forget(packetId);
    sending.sentTo = broker;
    sending.packetId = this.#mqtt.publish(
      topic,
      payload,
      { qos, retain },
      (error) => this.#settle(sending, error),
    );
    if (qos === 0) this.#unconfirmed.push(sending);
  }

  #settle(sending: Sending, error?: BrokerError): void {
    if (!this.#answered(sending)) return;
    const { topic, resolve, reject, isResent, sentTo } = sending;
    if (sending.sentQoS !== 0) this.#inFlight--;
    const code = error && reasonCodeOf(error);
    if (isResent && code === PACKET_ID_NOT_FOUND) {
      // A broker that had it has finished with it (MQTT 5 §4.13.2); one that
      // took over from that broker may never have had it.
      if (sentTo === this.#connection?.broker) resolve();
      else {
        sending.packetId = undefined;
        this.#waiting.unshift(sending);
      }
    } else if (error) {
      const reason = code === undefined
        ? error.message
        : reasonText(code, error);
      reject(this.#error(topic, reason, code));
    } else {
      this.#acknowledged.add(topic);
      this.#givenUp.delete(topic);
      resolve();
    }
    this.#flush();
  }

  /** A connection broke while only this was unanswered. */
  #blame(pending: Pending, { reason: why, reasonCode }: Break): void {
    const isSetAside = isRoom(pending) && pending.wait !== undefined;
    const most = pending.isOptional || isSetAside ? 1 : MAX_BREAKS;
    if (++pending.breaks < most) return;
    const times = most === 1 ? "" : " three times";
    const reason =
      `the connection broke${times} while only this was unanswered: ${why}`;
    if (!isRoom(pending)) this.#giveUp(pending, reason, reasonCode);
    else if (pending.wasGranted && !pending.isOptional) {
      this.#setAside(pending, reason);
    } else this.#deny(pending, reason);
  }

  #setAside(room: Room, reason: string): void {
    const { topic, wait } = room;
    room.breaks = 0;
    room.wait = wait ? Math.min(wait * 2, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
    room.cancel = this.#clock.after(room.wait, () => {
      room.cancel = undefined;
      if (this.#connection) this.#toAsk.push(room);
      this.#flush();
    });
    const seconds = room.wait / 1000;
    this.#options.onStatus({ type: "set aside", topic, reason, seconds });
  }

  #giveUp(sending: Sending, reason: string, code?: number): void {
    const { topic } = sending;
    const count = (this.#givenUp.get(topic) ?? 0) + 1;
    this.#givenUp.set(topic, count);
    const isItsOwn = code === PACKET_TOO_LARGE ||
      code === PAYLOAD_FORMAT_INVALID;
    const isRefused = count >= MAX_GIVEN_UP ||
      (!isItsOwn && !this.#acknowledged.has(topic));
    this.#discard([sending], reason, code, isRefused || undefined);
    if (!isRefused) return;
    const refusal = "the broker takes no messages for this topic";
    this.#refused.set(topic, refusal);
    const rest = this.#waiting.filter((other) => other.topic === topic);
    this.#discard(rest, refusal, code, true);
  }

  /** Rejects messages that wait. */
  #discard(
    sendings: Sending[],
    reason: string,
    code?: number,
    isDenied?: boolean,
  ): void {
    const discarded = new Set(sendings);
    this.#waiting = this.#waiting.filter((other) => !discarded.has(other));
    for (const { topic, packetId, reject } of sendings) {
      if (packetId !== undefined) this.#mqtt.forget(packetId);
      reject(this.#error(topic, reason, code, isDenied));
    }
  }

  #error(topic: string, reason: string, code?: number, isDenied?: boolean) {
    const sentence = `${
      showBroker(this.#broker!)
    } did not take a message for ${topic}: ${reason}.`;
    return new PublishError(sentence, code, isDenied);
  }
}

function isRoom(pending: Pending): pending is Room {
  return "answer" in pending;
}
