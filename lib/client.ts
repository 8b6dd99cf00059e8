/**
 * The chat client: connect, join rooms, send, receive, close. For the scripts
 * and for other programs.
 *
 * @module
 */

import type { Broker } from "./mqtt/address.ts";
import { NotAuthorizedError, type Version } from "./mqtt/attempts.ts";
import {
  type ClientOptions,
  completeOptions,
  DEFAULTS,
  type Will,
} from "./client_options.ts";
import type { Arrival } from "./mqtt/inbound.ts";
import { type ConnectOptions, Link } from "./mqtt/link.ts";
import {
  AbandonedError,
  type Grant,
  type Message,
  publishBytes,
  Sender,
} from "./mqtt/sender.ts";
import {
  loadTransport,
  MAX_PACKET_BYTES,
  type OpenStream,
} from "./mqtt/stream.ts";
import { checkFilter, checkTopic } from "./mqtt/topic.ts";
import { Checker, type Content, decodeFrom, encodeFor } from "./codec.ts";
import { Answers, answerTopicOf } from "./answers.ts";
import { IdSource, willId } from "./ids.ts";
import {
  type Check,
  joinNotice,
  type KeptHistory,
  leaveNotice,
  MAX_PAYLOAD_BYTES,
  type Payload,
  type PresenceChange,
  presenceOf,
  type QoS,
  type Received,
  type RollCall,
  roomOfHistory,
  roomOfWho,
  timeoutNotice,
  whoTopic,
} from "./protocol.ts";
import { safeTopic } from "./safe_text.ts";
import type { RoomSeal } from "./seal.ts";
import type { Signer } from "./sign.ts";
import { type Clock, SYSTEM_CLOCK, within } from "./timer.ts";

export {
  AddressError,
  type Broker,
  type Scheme,
  type TlsIdentity,
} from "./mqtt/address.ts";
export {
  NotAuthorizedError,
  RefusedError,
  UnreachableError,
  type Version,
  type WantedVersion,
} from "./mqtt/attempts.ts";
export type { ClientOptions, Status, Will } from "./client_options.ts";
export type { Acknowledges } from "./mqtt/inbound.ts";
export type { ConnectOptions, LinkStatus } from "./mqtt/link.ts";
export {
  AbandonedError,
  type Grant,
  PublishError,
  type SenderStatus,
} from "./mqtt/sender.ts";
export {
  type ChatMessage,
  type ChatNotice,
  type Check,
  type Envelope,
  type KeptHistory,
  type Malformed,
  type Payload,
  PayloadTooLargeError,
  type QoS,
  type Received,
  type RollCall,
  type Sealed,
} from "./protocol.ts";
export { Signer } from "./sign.ts";
export type { Clock } from "./timer.ts";
export { TopicError } from "./mqtt/topic.ts";

/** The payload of a message that was cut on arrival. */
const OVER_LIMIT = {
  type: "malformed",
  reason: `over the limit of ${MAX_PACKET_BYTES} bytes`,
  isCut: true,
} as const;

/** Topics beside a room: what fails there must not cost much. */
const BESIDE_A_ROOM = /\/\$(history|who)(\/|$)/;

/** A member of chat rooms on one broker, or on one of several. */
export class ChatClient implements AsyncDisposable {
  /** The author of what {@link say} sends. */
  readonly name: string;
  /** Signs what is sent from now on; the will, from the next connection on. */
  signer?: Signer;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #seal?: RoomSeal;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #ids = new IdSource();
  readonly #checker: Checker;
  /** Apart, so that a flood of others leaves our own notices verified. */
  readonly #ownChecker: Checker;
  /** The filters that were joined as rooms, and not as histories. */
  readonly #ownRooms = new Set<string>();
  readonly #lost = Promise.withResolvers<Error>();
  readonly #rooms: string[];
  readonly #answers: Answers;
  #isAnnounced = false;
  #isClosed = false;

  private constructor(
    options: ClientOptions,
    settings: ConnectOptions,
    open: OpenStream,
    seal?: RoomSeal,
  ) {
    const { clock = SYSTEM_CLOCK, onReceived, onStatus = () => {} } = options;
    const { name = options.username ?? DEFAULTS.username, rooms = [] } =
      options;
    this.name = name;
    this.signer = options.signer;
    this.#clock = clock;
    this.#answers = new Answers(clock);
    this.#timeout = settings.timeout;
    rooms.forEach(checkTopic);
    this.#rooms = rooms;
    this.#checker = new Checker(clock);
    this.#ownChecker = new Checker(clock);
    this.#seal = seal;
    const plainWill = options.will ?? this.#lostMember();
    const will = plainWill && this.#encodedAtConnect(plainWill);
    const link = new Link({ ...settings, will }, open, {
      onStatus: (status) => {
        if (status.type === "disconnected") this.#ids.lost();
        onStatus(status);
      },
      onUp: (connection) => {
        this.#sender.up(connection);
        if (this.#isAnnounced) this.#enterAgain();
      },
      onDown: (how) => this.#sender.down(how),
      onPublish: (arrival) => {
        const received = this.#received(arrival);
        this.#answer(received);
        onReceived?.(received);
      },
      onLost: (error) => {
        this.#isClosed = true;
        this.#sender.abandon(error);
        this.#lost.resolve(error);
      },
    }, clock);
    this.#link = link;
    this.#sender = new Sender({
      mqtt: link.mqtt,
      timeout: settings.timeout,
      onStatus,
      drop: (reason) => link.drop(reason),
      clock,
    });
  }

  /**
   * Connects to the first of the brokers that answers.
   *
   * @param options Where, as which user, and what to call.
   * @returns The client, connected.
   * @throws {AddressError} When a broker's address can't be read.
   * @throws {TopicError} When the will's topic, or one of `rooms`, can't be
   * published to.
   * @throws {PayloadTooLargeError} When the will is too large.
   * @throws {RangeError} When the secret is empty, or no timer takes `timeout`
   * or `keepalive`.
   * @throws {NotAuthorizedError} When a broker refuses the user.
   * @throws {RefusedError} When a broker refuses for another lasting reason.
   * @throws {UnreachableError} When none answers in time.
   */
  static async connect(
    { secret, ...options }: ClientOptions,
  ): Promise<ChatClient> {
    // Loaded here, since most rooms have no secret.
    const seal = secret === undefined
      ? undefined
      : new (await import("./seal.ts")).RoomSeal(secret);
    const settings = completeOptions(options);
    const open = await loadTransport(settings.brokers, settings.tls);
    const client = new ChatClient(options, settings, open, seal);
    await client.#link.connect();
    return client;
  }

  /** Resolves with the reason when the connection is lost for good. */
  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  /** The broker in use, or tried. */
  get broker(): Broker {
    return this.#link.broker;
  }

  /** The MQTT version spoken: 5, or 4 for 3.1.1. */
  get version(): Version {
    return this.#link.version;
  }

  /** Whether the broker keeps retained messages, as far as it says so. */
  get retains(): boolean {
    return this.#sender.limits.retains;
  }

  /**
   * Returns the most bytes of JSON that {@link keep} takes: the format's limit,
   * or less where it is sealed or the broker takes smaller packets.
   *
   * @param topic The topic of the history.
   * @returns The number of bytes.
   */
  keepsBytes(topic: string): number {
    const header = publishBytes(topic, MAX_PAYLOAD_BYTES, 2, this.version) -
      MAX_PAYLOAD_BYTES;
    const { packetBytes } = this.#sender.limits;
    const most = Math.min(MAX_PAYLOAD_BYTES, packetBytes - header);
    return this.#seal?.sealable(most) ?? most;
  }

  /** Whether messages go out now, rather than wait for a connection. */
  get online(): boolean {
    return this.#sender.isOnline;
  }

  /**
   * Subscribes to rooms, now and after each reconnect.
   *
   * @param filters Topic filters.
   * @param qos The QoS to ask for.
   * @param isOptional Whether the rooms are given up as soon as one connection
   * breaks while only they are unanswered, or the broker doesn't answer; they
   * are asked for last, and what is retained comes each time. Topics of a
   * history are always optional.
   * @returns The broker's answers, in the same order. A filter that breaks
   * three connections, each time alone, counts as denied.
   * @throws {TopicError} When a filter is not valid.
   * @throws {AbandonedError} When the client is closed, or the error of
   * {@link lost}.
   */
  async join(
    filters: string[],
    qos: QoS = DEFAULTS.qos,
    isOptional = false,
  ): Promise<Grant[]> {
    filters.forEach(checkFilter);
    if (this.#isClosed) throw new AbandonedError("The connection is closed.");
    if (!isOptional) filters.forEach((topic) => this.#ownRooms.add(topic));
    const isBeside = filters.every((filter) => BESIDE_A_ROOM.test(filter));
    return await this.#sender.join(filters, qos, isOptional || isBeside);
  }

  /**
   * Unsubscribes from rooms, now and for later connections.
   *
   * @param filters Topic filters that were joined.
   * @returns When the broker has answered, if there is a connection.
   */
  async leave(filters: string[]): Promise<void> {
    for (const filter of filters) this.#ownRooms.delete(filter);
    await this.#sender.leave(filters);
  }

  /**
   * Joins the rooms of the options as a member: with a notice now and after each
   * reconnect, and another one at {@link close}; in between it answers the
   * questions of `/who`. If the connection is lost, the broker tells the first
   * room by the will.
   *
   * @returns When the broker has the notices.
   * @throws {NotAuthorizedError} When the broker denies a room.
   * @throws {PublishError} When it does not take a notice.
   * @throws {AbandonedError} When the client is closed first.
   */
  async announce(): Promise<void> {
    const rooms = this.#rooms;
    for (const { topic, qos, reason } of await this.join(rooms)) {
      if (qos !== undefined) continue;
      throw new NotAuthorizedError(
        `The broker does not let you read ${safeTopic(topic)}: ${reason}.`,
      );
    }
    this.#isAnnounced = true;
    await Promise.all(rooms.map((room) => this.#notify(room, joinNotice)));
    await this.join(rooms.map((room) => whoTopic(room)), 0, true);
  }

  /**
   * Tries to connect at once, if there is no connection.
   *
   * @returns Whether there was none.
   */
  reconnect(): boolean {
    return this.#link.reconnect();
  }

  /**
   * Changes the will. It takes a new connection, which is made at once; in MQTT
   * 5, and with a session to resume, nothing is missed meanwhile.
   *
   * @param will The new will; undefined for none.
   * @throws {TopicError} When it has a topic that can't be published to.
   * @throws {PayloadTooLargeError} When it is too large.
   */
  setWill(will: Will | undefined): void {
    this.#link.renew(will && this.#encodedAtConnect(will));
  }

  /**
   * Sends a message under the client's name; as {@link send} does.
   *
   * @param topic The room.
   * @param text The message.
   * @param qos As for {@link send}.
   * @returns When the broker has it.
   * @throws {TopicError} When messages can't go to such a topic.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it.
   * @throws {AbandonedError} When the client is closed first.
   */
  async say(topic: string, text: string, qos?: QoS): Promise<void> {
    const message = {
      type: "message",
      from: this.name,
      message: text,
    } as const;
    await this.send(topic, message, qos);
  }

  /**
   * Sends a payload to a room; when offline, after the next reconnect.
   * Messages leave in the order of the calls.
   *
   * @param topic The room.
   * @param payload The payload; `id` and `at` are added where it has none.
   * @param qos At 1 and 2 the broker acknowledges the message; at 0 a PINGRESP
   * shows that the connection stood when the message had been sent.
   * @returns When that has happened.
   * @throws {TopicError} When messages can't go to such a topic.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it.
   * @throws {AbandonedError} When the client is closed first, or at QoS 0 when
   * the connection breaks: the message may or may not have arrived.
   */
  async send(
    topic: string,
    payload: Payload,
    qos: QoS = DEFAULTS.qos,
  ): Promise<void> {
    checkTopic(topic);
    const isJoin = payload.id === undefined &&
      changeIn(payload, topic) === "joined";
    const join = isJoin ? this.#ids.join(topic, true) : undefined;
    const id = payload.id ?? join?.id ?? this.#ids.next(topic);
    const at = payload.at ?? this.#now().toISOString();
    const text = this.#encode(topic, { ...payload, id, at });
    const sent = this.#send({ topic, payload: text, qos });
    if (join !== undefined) {
      join.state = "sent";
      sent.then(() => join.state = "answered", (error) => {
        join.state = error instanceof AbandonedError ? "over" : "refused";
      });
    }
    await sent;
  }

  /**
   * Asks who is in a room, or answers. Nothing is added to the payload, and only
   * a question is sent again after a reconnect.
   *
   * @param topic The topic of questions, or that of the answers to one.
   * @param call The question or the answer.
   * @param qos As for {@link send}.
   * @returns As {@link send} does.
   * @throws {TopicError} When messages can't go to such a topic.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it.
   * @throws {AbandonedError} As {@link send} does.
   */
  async call(topic: string, call: RollCall, qos: QoS): Promise<void> {
    checkTopic(topic);
    await this.#send({ topic, payload: this.#encode(topic, call), qos });
  }

  /**
   * Verifies the signature of a payload that a history has, or of an answer to
   * {@link call}. At most 2,000 signatures a second are verified, those that
   * arrive included.
   *
   * @param topic The topic that it was sent to.
   * @param payload The payload as it arrived.
   * @returns What its signature is worth.
   */
  check(topic: string, payload: Payload | RollCall): Check {
    return this.#checker.check(topic, payload);
  }

  /**
   * Writes the history of a room, as a retained message.
   *
   * @param topic The topic of the history.
   * @param history The history, in place of the one that is kept.
   * @param qos As for {@link send}.
   * @returns When the broker has it.
   * @throws {TopicError} When messages can't go to such a topic.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it, also since it
   * exceeds {@link keepsBytes}.
   * @throws {AbandonedError} As {@link send} does.
   */
  async keep(
    topic: string,
    history: KeptHistory,
    qos: QoS = DEFAULTS.qos,
  ): Promise<void> {
    checkTopic(topic);
    const payload = this.#encode(topic, history);
    await this.#send({ topic, payload, qos, retain: true });
  }

  /**
   * Acknowledges messages, where {@link ClientOptions.acknowledges} is `asked`.
   *
   * @param arrival The last one's {@link Received.arrival}; those before it are
   * acknowledged, too.
   */
  acknowledge(arrival: number): void {
    this.#link.mqtt.acknowledge(arrival);
  }

  /**
   * Leaves with DISCONNECT, after a notice where the client is announced. What
   * is not acknowledged by now is given up; await {@link send} before.
   */
  async close(): Promise<void> {
    if (this.#isAnnounced && this.online) {
      this.#isAnnounced = false;
      const notices = this.#rooms.map((it) => this.#notify(it, leaveNotice));
      await within(this.#timeout, Promise.all(notices), this.#clock);
    }
    if (this.#isClosed) return;
    this.#abandon();
    await this.#link.end(!this.#sender.isEmpty);
  }

  /** Does what {@link close} does, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Breaks the connection as a crash would: the broker publishes the will. */
  abort(): void {
    if (this.#isClosed) return;
    this.#abandon();
    this.#link.break();
  }

  /** The will of a member. */
  #lostMember(): Will | undefined {
    const [topic] = this.#rooms;
    const { name: from } = this;
    return topic === undefined ? undefined : {
      topic,
      payload: { type: "notice", from, notice: timeoutNotice(from) },
    };
  }

  /** Announces anew where the broker has published the will. */
  #enterAgain(): void {
    for (const room of this.#rooms) {
      const { state } = this.#ids.join(room);
      if (state !== "due" && state !== "refused") continue;
      // What the broker refuses, others don't see; the rest works.
      this.#notify(room, joinNotice).catch(() => {});
    }
  }

  async #notify(topic: string, textOf: typeof joinNotice): Promise<void> {
    const { name: from } = this;
    const notice = textOf(from, topic);
    await this.send(topic, { type: "notice", from, notice });
  }

  async #send(message: Message): Promise<void> {
    if (this.#isClosed) throw new AbandonedError("The connection is closed.");
    const isOptional = BESIDE_A_ROOM.test(message.topic);
    await this.#sender.send({ ...message, isOptional });
  }

  #received({ packet, number, isCut }: Arrival): Received {
    const { topic, qos, retain, dup } = packet;
    const bytes = packet.payload as Uint8Array;
    const content: Content = isCut
      ? { payload: { ...OVER_LIMIT, bytes } }
      : decodeFrom(topic, bytes, this.#seal);
    const { check, sentTo } = this.#origin(topic, content);
    const received: Received = {
      topic,
      payload: content.payload,
      sealed: content.sealed,
      check,
      sentTo,
      qos,
      retain,
      receivedAt: this.#now(),
      duplicate: dup,
      arrival: number,
    };
    if (!this.#ownRooms.has(topic)) {
      received.historyOf = roomOfHistory(topic);
      received.whoOf = roomOfWho(topic);
    }
    return received;
  }

  /** Answers a question who is in an announced room. */
  #answer(received: Received): void {
    if (!this.#isAnnounced) return;
    const topic = answerTopicOf(received, this.#rooms);
    if (topic !== undefined) this.#answers.answerSoon(topic, this, this);
  }

  #abandon(): void {
    this.#isClosed = true;
    this.#answers.stop();
    this.#sender.abandon(new AbandonedError("The connection is closed."));
  }

  #encode(topic: string, payload: Payload | KeptHistory | RollCall): string {
    return encodeFor(topic, payload, { signer: this.signer, seal: this.#seal });
  }

  /** Throws where a will can't be sent. */
  #encodedAtConnect(
    { topic, payload, qos = DEFAULTS.qos }: Will,
  ): ConnectOptions["will"] {
    checkTopic(topic);
    this.#encode(topic, payload);
    const isOfMember = changeIn(payload, topic) === "timed out";
    const encode = () => {
      const join = isOfMember ? this.#ids.join(topic) : undefined;
      const id = join && join.state !== "refused"
        ? willId(join.id)
        : payload.id;
      const text = this.#encode(topic, { ...payload, id });
      return new TextEncoder().encode(text);
    };
    return { topic, qos, encode };
  }

  /** Finds whether a payload is ours, and what its signature is worth. */
  #origin(
    topic: string,
    { payload, sealed }: Content,
  ): { check?: Check; sentTo?: string } {
    if (!("from" in payload)) return {};
    const { id, key } = payload;
    const sentTo = id === undefined ? undefined : this.#ids.topicOf(id);
    const isUnsigned = this.signer === undefined;
    const mayBeOurs = sentTo !== undefined &&
      (isUnsigned || key === this.signer?.key);
    const checker = mayBeOurs ? this.#ownChecker : this.#checker;
    const check = checker.check(topic, payload);
    // Other clients may use our ids: in a room with a secret what is not sealed,
    // and in any room what is not signed as we sign it.
    const isOurs = mayBeOurs && sealed !== false &&
      (isUnsigned || check === "valid");
    return { check, sentTo: isOurs ? sentTo : undefined };
  }

  #now(): Date {
    return new Date(this.#clock.wall());
  }
}

function changeIn(payload: Payload, topic: string): PresenceChange | undefined {
  return payload.type === "notice" ? presenceOf(payload, topic) : undefined;
}
