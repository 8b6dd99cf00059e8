/**
 * The chat client: connect, join rooms, send, receive, close. What the
 * scripts, and other programs, use.
 *
 * @module
 */

import { type Broker, showBroker } from "./mqtt/address.ts";
import {
  type ClientOptions,
  completeOptions,
  completeWill,
  DEFAULTS,
  type Status,
  type Will,
} from "./client_options.ts";
import type { ConnectOptions } from "./mqtt/connect.ts";
import { AbandonedError, UnreachableError } from "./mqtt/errors.ts";
import { type Limits, limitsOf, publishBytes } from "./mqtt/limits.ts";
import { Link } from "./mqtt/link.ts";
import type { Version } from "./mqtt/rotation.ts";
import { type Message, Sender } from "./mqtt/sender.ts";
import { type Grant, Subscriptions } from "./mqtt/subscriptions.ts";
import { checkFilter, checkTopic } from "./mqtt/topic.ts";
import { loadTransport, type OpenStream } from "./mqtt/transport.ts";
import { type Content, decodeFrom, encodeFor } from "./codec.ts";
import { IdSource } from "./ids.ts";
import {
  type KeptHistory,
  MAX_PAYLOAD_BYTES,
  type Payload,
  type QoS,
  roomOfHistory,
} from "./protocol.ts";
import type { RoomSeal } from "./seal.ts";

export {
  AddressError,
  type Broker,
  type Scheme,
  type TlsIdentity,
} from "./mqtt/address.ts";
export type { ClientOptions, Status, Will } from "./client_options.ts";
export type { ConnectOptions } from "./mqtt/connect.ts";
export {
  AbandonedError,
  NotAuthorizedError,
  PublishError,
  RefusedError,
  UnreachableError,
} from "./mqtt/errors.ts";
export type { LinkStatus } from "./mqtt/status.ts";
export {
  type ChatMessage,
  type ChatNotice,
  type Envelope,
  type KeptHistory,
  type Malformed,
  type Payload,
  PayloadTooLargeError,
  type QoS,
  type Received,
  type Sealed,
} from "./protocol.ts";
export type { Version, WantedVersion } from "./mqtt/rotation.ts";
export type { Grant } from "./mqtt/subscriptions.ts";
export { TopicError } from "./mqtt/topic.ts";

/** A member of chat rooms on one broker, or on one of several. */
export class ChatClient {
  readonly #options: ClientOptions;
  readonly #seal?: RoomSeal;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #rooms: Subscriptions;
  readonly #ids = new IdSource();
  /** The filters that were joined as rooms, and not as histories. */
  readonly #ownRooms = new Set<string>();
  readonly #lost = Promise.withResolvers<Error>();
  /** What the broker of the last connection takes. */
  #limits = limitsOf(5);
  #isClosed = false;

  private constructor(
    options: ClientOptions,
    settings: ConnectOptions,
    open: OpenStream,
    seal?: RoomSeal,
  ) {
    this.#options = options;
    this.#seal = seal;
    this.#link = new Link(settings, open, {
      onStatus: (status) => this.#tell(status),
      onUp: (limits, hasSession) => this.#onUp(limits, hasSession),
      onDown: (how) => this.#sender.goOffline(how),
      onPublish: (topic, bytes, { qos, retain, dup }) => {
        // It clears a retained message (MQTT 5 §3.3.1.3): nobody said anything.
        if (bytes.length === 0) return;
        const content = decodeFrom(topic, bytes, seal);
        const historyOf = this.#ownRooms.has(topic)
          ? undefined
          : roomOfHistory(topic);
        options.onReceived?.({
          topic,
          ...historyOf !== undefined && { historyOf },
          ...content,
          sentTo: this.#topicSentTo(content),
          qos,
          retain,
          receivedAt: this.#now(),
          duplicate: dup,
        });
      },
      onLost: (error) => {
        this.#isClosed = true;
        this.#abandon(error);
        this.#lost.resolve(error);
      },
    });
    const { mqtt } = this.#link;
    const { timeout } = settings;
    this.#rooms = new Subscriptions(mqtt, timeout);
    this.#sender = new Sender({
      mqtt,
      timeout,
      broker: () => showBroker(this.broker),
      onLowered: (qos) =>
        this.#tell({ type: "lowered", broker: this.broker, qos }),
      onStuck: () =>
        this.#link.drop("it does not acknowledge what was sent again"),
    });
  }

  /**
   * Connects to the first of the brokers that answers.
   *
   * @param options Where, as whom, and who is told.
   * @returns The client, connected.
   * @throws {AddressError} When a broker's address can't be read.
   * @throws {TopicError} When the will's topic can't be published to.
   * @throws {PayloadTooLargeError} When the will is too large.
   * @throws {RangeError} When the secret is empty.
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
    const settings = completeOptions(options, seal);
    const open = await loadTransport(settings.brokers, settings.tls);
    const client = new ChatClient(options, settings, open, seal);
    await client.#link.connect();
    return client;
  }

  /** Resolves, with the reason, when the connection is lost for good. */
  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  /** The broker it is connected to, or tries. */
  get broker(): Broker {
    return this.#link.broker;
  }

  /** The MQTT version spoken: 5, or 4 for 3.1.1. */
  get version(): Version {
    return this.#link.version;
  }

  /** Whether the broker keeps retained messages, as far as it says so. */
  get retains(): boolean {
    return this.#limits.retains;
  }

  /**
   * The most bytes of JSON that {@link keep} takes: the format's limit, less
   * where it is sealed, or the broker takes smaller packets.
   *
   * @param topic The topic of the history.
   */
  keepsBytes(topic: string): number {
    const header = publishBytes(topic, MAX_PAYLOAD_BYTES, 2, this.version) -
      MAX_PAYLOAD_BYTES;
    const { packetBytes } = this.#limits;
    const most = Math.min(MAX_PAYLOAD_BYTES, packetBytes - header);
    return this.#seal?.sealable(most) ?? most;
  }

  /** Whether there is a connection now. */
  get online(): boolean {
    return this.#sender.isOnline;
  }

  /**
   * Subscribes to rooms, now and after each reconnect.
   *
   * @param filters Topic filters.
   * @param qos The QoS to ask for.
   * @param isOptional Whether they are taken for denied as soon as one
   * connection breaks over them, or the broker is silent; they are asked for
   * last.
   * @returns What the broker grants, in the same order, when it has answered
   * for each: at once, or on a later connection.
   * @throws {TopicError} When a filter is not valid.
   * @throws {UnreachableError} When the broker does not answer in time, or the
   * connection is lost for good.
   * @throws {AbandonedError} When the connection is closed.
   */
  async join(
    filters: string[],
    qos: QoS = DEFAULTS.qos,
    isOptional = false,
  ): Promise<Grant[]> {
    filters.forEach(checkFilter);
    if (this.#isClosed) throw new AbandonedError("The connection is closed.");
    if (!isOptional) {
      for (const filter of filters) {
        this.#ownRooms.add(filter);
      }
    }
    const granted = this.#rooms.add(filters, qos, isOptional);
    if (this.#link.isUp) this.#subscribe(filters);
    return await granted;
  }

  /**
   * Unsubscribes from rooms, now and for later connections.
   *
   * @param filters Topic filters that were joined.
   * @returns When the broker has answered, if there is a connection.
   */
  async leave(filters: string[]): Promise<void> {
    this.#rooms.remove(filters);
    for (const filter of filters) this.#ownRooms.delete(filter);
    if (this.#link.isUp) await this.#link.mqtt.unsubscribe(filters);
  }

  /**
   * Has the broker say something else when the connection is lost. It takes a
   * new connection, which is made in good order and at once; in MQTT 5, and with
   * a session to resume, nothing is missed meanwhile.
   *
   * @param will What it is to say; undefined for nothing.
   * @throws {TopicError} When it has a topic that can't be published to.
   * @throws {PayloadTooLargeError} When it is too large.
   */
  setWill(will: Will | undefined): void {
    this.#link.renew(will && completeWill(will, this.#seal));
  }

  /**
   * Sends a payload to a room; when offline, after the next reconnect.
   * Messages leave in the order of the calls.
   *
   * @param topic The room.
   * @param payload What to say; `id` and `at` are added where it has none.
   * @param qos 0 resolves when handed to the network, 1 and 2 when the broker
   * has acknowledged.
   * @returns When that has happened.
   * @throws {TopicError} When messages can't go to such a topic.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it.
   */
  async send(
    topic: string,
    payload: Payload,
    qos: QoS = DEFAULTS.qos,
  ): Promise<void> {
    checkTopic(topic);
    const at = payload.at ?? this.#now().toISOString();
    const encode = () => {
      const id = payload.id ?? this.#ids.next(topic);
      return encodeFor(topic, { ...payload, id, at }, this.#seal);
    };
    let isNumbered = false;
    const onHandedOver = () => {
      if (payload.id !== undefined) return;
      isNumbered = true;
      this.#ids.taken(topic);
    };
    try {
      await this.#send({ topic, encode, onHandedOver, qos });
    } catch (error) {
      // Nobody is to miss what its sender knows of.
      if (isNumbered) this.#ids.renew(topic);
      throw error;
    }
  }

  /**
   * Has the broker keep what was said in a room, on the topic of its history.
   *
   * @param topic That topic.
   * @param history What to keep, in place of what is kept.
   * @param qos As for {@link send}.
   * @returns When the broker has it.
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it, also since it
   * exceeds {@link keepsBytes}.
   */
  async keep(
    topic: string,
    history: KeptHistory,
    qos: QoS = DEFAULTS.qos,
  ): Promise<void> {
    checkTopic(topic);
    const encode = () => encodeFor(topic, history, this.#seal);
    await this.#send({ topic, encode, qos, retain: true });
  }

  /**
   * Leaves in good order. What is not acknowledged by now is given up; await
   * {@link send} before.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#abandon();
    await this.#link.end(!this.#rooms.isEmpty);
  }

  /** Breaks the connection as a crash would: the broker publishes the will. */
  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#abandon();
    this.#link.break();
  }

  async #send(message: Message): Promise<void> {
    if (this.#isClosed) throw new AbandonedError("The connection is closed.");
    // One that is too large is told of at once, also where it would wait.
    if (!this.online) message.encode();
    await this.#sender.send(message);
  }

  /** There is a connection: first the rooms, then what waits to be sent. */
  async #onUp(limits: Limits, hasSession: boolean): Promise<void> {
    this.#limits = limits;
    const isReading = !this.#rooms.isEmpty;
    if (isReading && !await this.#subscribe()) return;
    if (this.#link.isUp) {
      this.#sender.goOnline(limits, this.version, hasSession);
    }
  }

  /**
   * Subscribes to some rooms, or to all; tells what was granted.
   *
   * @returns Whether the broker answered.
   */
  async #subscribe(filters?: string[]): Promise<boolean> {
    try {
      const { lastReason } = this.#link;
      const grants = await this.#rooms.subscribe(filters, lastReason);
      for (const { topic, qos, reason = "" } of grants ?? []) {
        // Who joined a history is told by the promise.
        if (!this.#ownRooms.has(topic)) continue;
        this.#tell(
          qos === undefined
            ? { type: "denied", topic, reason }
            : { type: "subscribed", topic, qos },
        );
      }
      return grants !== undefined;
    } catch (error) {
      const { message } = error as Error;
      this.#rooms.abandon(
        new UnreachableError(
          `${showBroker(this.broker)} does not serve: ${message}.`,
        ),
      );
      // As good as gone: the next one may answer.
      this.#link.drop(message);
      return false;
    }
  }

  #abandon(error: Error = new AbandonedError("The connection is closed.")) {
    this.#sender.abandon();
    this.#rooms.abandon(error);
  }

  #topicSentTo({ payload, sealed }: Content): string | undefined {
    // In a room with a secret, what is not sealed only claims to be ours.
    return sealed === false || !("id" in payload) || payload.id === undefined
      ? undefined
      : this.#ids.topicOf(payload.id);
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  #tell(status: Status): void {
    this.#options.onStatus?.(status);
  }
}
