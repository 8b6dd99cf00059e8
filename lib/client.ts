/**
 * The chat client: connect, join rooms, send, receive, close. What the
 * scripts, and other programs, use.
 *
 * @module
 */

import type { IPublishPacket } from "mqtt";
import { type Broker, showBroker } from "./mqtt/address.ts";
import {
  type ClientOptions,
  completeOptions,
  type Status,
} from "./client_options.ts";
import {
  connectFirst,
  type ConnectOptions,
  UnreachableError,
} from "./mqtt/connect.ts";
import { DEFAULTS } from "./defaults.ts";
import {
  LARGEST_PUBLISH_BYTES,
  limitsOf,
  publishBytes,
} from "./mqtt/limits.ts";
import { Link } from "./mqtt/link.ts";
import { decode, encodeText, type Payload, type QoS } from "./protocol.ts";
import { Rotation, type Version } from "./mqtt/rotation.ts";
import {
  AbandonedError,
  type Done,
  PublishError,
  Sender,
} from "./mqtt/sender.ts";
import type { Message } from "./mqtt/sender.ts";
import {
  type Grant,
  NoAnswerError,
  Subscriptions,
} from "./mqtt/subscriptions.ts";
import { checkFilter, checkTopic } from "./mqtt/topic.ts";
import { loadTransport, type MqttClient } from "./mqtt/transport.ts";
import { utf8Length } from "./utf8.ts";

export { AddressError, type Broker, type Scheme } from "./mqtt/address.ts";
export type { ClientOptions, Status } from "./client_options.ts";
export {
  NotAuthorizedError,
  RefusedError,
  UnreachableError,
} from "./mqtt/connect.ts";
export type { LinkStatus } from "./mqtt/link.ts";
export {
  type ChatMessage,
  type ChatNotice,
  type Malformed,
  type Payload,
  PayloadTooLargeError,
  type QoS,
  type Received,
} from "./protocol.ts";
export type { Version, WantedVersion } from "./mqtt/rotation.ts";
export { AbandonedError, PublishError } from "./mqtt/sender.ts";
export type { Grant } from "./mqtt/subscriptions.ts";
export { TopicError } from "./mqtt/topic.ts";
export type { TlsIdentity } from "./mqtt/transport.ts";

/** MQTT 5's reason code for what exceeds the broker's limit (§2.4). */
const PACKET_TOO_LARGE = 149;

/** A member of chat rooms on one broker, or on one of several. */
export class ChatClient {
  readonly #options: ClientOptions;
  readonly #settings: ConnectOptions;
  readonly #rotation: Rotation;
  readonly #rooms = new Subscriptions();
  readonly #sender: Sender;
  /** Settles when the connection is lost for good. */
  readonly lost: Promise<Error>;
  #resolveLost: (error: Error) => void;
  #link!: Link;
  #limits = limitsOf(4);
  /** Whether it was told that the QoS is lowered. */
  #isLowered = false;
  /**
   * MQTT.js acknowledges messages before it emits `connect`, which comes ticks
   * after CONNACK. They are held, so that whoever is told of the connection
   * knows of it first.
   */
  readonly #held: (() => void)[] = [];
  #isClosed = false;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#settings = completeOptions(options);
    const { brokers, protocolVersion } = this.#settings;
    this.#rotation = new Rotation(brokers, protocolVersion);
    this.#sender = new Sender(
      (message, done) => this.#publish(message, done),
      (packetId) => this.#link.mqtt.removeOutgoingMessage(packetId),
    );
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.lost = promise;
    this.#resolveLost = resolve;
  }

  /**
   * Connects to the first of the brokers that answers.
   *
   * @param options Where, as whom, and who is told.
   * @returns The client, connected.
   * @throws {AddressError} When a broker's address can't be read.
   * @throws {TopicError} When the will's topic can't be published to.
   * @throws {PayloadTooLargeError} When the will is too large.
   * @throws {NotAuthorizedError} When a broker refuses the user.
   * @throws {RefusedError} When a broker refuses for another lasting reason.
   * @throws {UnreachableError} When none answers in time.
   */
  static async connect(options: ClientOptions): Promise<ChatClient> {
    const client = new ChatClient(options);
    const settings = client.#settings;
    await connectFirst(
      settings,
      client.#rotation,
      await loadTransport(settings.brokers, settings.tls),
      (mqtt) => client.#listen(mqtt),
      (mqtt, sessionPresent) => client.#adopt(mqtt, sessionPresent),
      (text) => client.#tell({ type: "step", text }),
    );
    return client;
  }

  /** The broker it is connected to, or tries. */
  get broker(): Broker {
    return this.#rotation.broker;
  }

  /** The MQTT version spoken: 5, or 4 for 3.1.1. */
  get version(): Version {
    return this.#rotation.version;
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
   * @returns What the broker grants, in the same order; nothing when the
   * connection broke meanwhile, and the next one asks again.
   * @throws {TopicError} When a filter is not valid.
   * @throws {UnreachableError} When the broker does not answer in time.
   */
  async join(filters: string[], qos: QoS = DEFAULTS.qos): Promise<Grant[]> {
    filters.forEach(checkFilter);
    this.#rooms.add(filters, qos);
    try {
      return await this.#subscribe();
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      throw new UnreachableError(
        `${showBroker(this.broker)} does not serve: ${error.message}.`,
      );
    }
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
    const id = payload.id ?? crypto.randomUUID();
    const at = payload.at ?? this.#now().toISOString();
    const message = {
      topic,
      payload: encodeText({ ...payload, id, at }),
      qos,
    };
    if (this.#isClosed) throw new AbandonedError("The connection is closed.");
    await this.#sender.send(message, () => showBroker(this.broker));
  }

  /**
   * Leaves in good order. What is not acknowledged by now is given up; await
   * {@link send} before.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sender.abandon();
    this.#showHeld();
    await this.#link.end();
  }

  /** Breaks the connection as a crash would: the broker publishes the will. */
  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sender.abandon();
    this.#link.break();
  }

  /** Takes over a connection in the moment it stands. */
  #adopt(mqtt: MqttClient, sessionPresent: boolean): void {
    const { timeout, session: { resume } } = this.#settings;
    let isFirst = true;
    const options = { timeout, resume, chosenId: this.#options.clientId };
    this.#link = new Link(mqtt, sessionPresent, this.#rotation, options, {
      onStatus: (status) => this.#tell(status),
      onUp: () => {
        // A broker that doesn't answer is as good as gone: try the next.
        if (!isFirst) this.#subscribe().catch(() => this.#link.drop());
        isFirst = false;
        this.#limits = limitsOf(this.version, mqtt.serverProperties);
        this.#sender.goOnline(this.#limits.inFlight);
        this.#showHeld();
      },
      onDown: (mayBeMessage) => this.#sender.goOffline(mayBeMessage),
      onLost: (error) => {
        this.#isClosed = true;
        this.#sender.abandon();
        this.#showHeld();
        this.#resolveLost(error);
      },
    });
  }

  #publish(
    { topic, payload, qos: wanted }: Message,
    done: Done,
  ): number | undefined {
    const { qos: highest, packetBytes } = this.#limits;
    const qos = wanted > highest ? highest : wanted;
    if (qos < wanted && !this.#isLowered) {
      this.#isLowered = true;
      this.#tell({ type: "lowered", broker: this.broker, qos });
    }
    const size = packetBytes < LARGEST_PUBLISH_BYTES
      ? publishBytes(topic, utf8Length(payload), qos, this.version)
      : 0;
    if (size > packetBytes) {
      done(
        new PublishError(
          `${showBroker(this.broker)} takes packets of ${packetBytes} bytes ` +
            `at most, this message needs ${size}; send it in parts.`,
          PACKET_TOO_LARGE,
        ),
      );
      return undefined;
    }
    this.#link.mqtt.publish(topic, payload, { qos }, done);
    return qos === 0 ? undefined : this.#link.mqtt.getLastMessageId();
  }

  /** Takes what arrives, from before the connection is said to stand. */
  #listen(mqtt: MqttClient): void {
    mqtt.on("message", (topic, bytes, packet) => {
      // While it leaves, its own notice may still come.
      const isKnown = this.online || this.#isClosed;
      if (isKnown) this.#receive(topic, bytes, packet);
      else this.#held.push(() => this.#receive(topic, bytes, packet));
    });
  }

  /** Shows what came between CONNACK and the news of it. */
  #showHeld(): void {
    for (const show of this.#held.splice(0)) show();
  }

  #receive(topic: string, bytes: Uint8Array, packet: IPublishPacket): void {
    this.#options.onReceived?.({
      topic,
      payload: decode(bytes),
      qos: packet.qos,
      retain: packet.retain,
      receivedAt: this.#now(),
      duplicate: packet.dup,
    });
  }

  /** Subscribes to all rooms; tells what was granted. */
  async #subscribe(): Promise<Grant[]> {
    const { timeout } = this.#settings;
    const grants = await this.#rooms.subscribe(this.#link.mqtt, timeout);
    for (const { topic, qos, reason = "" } of grants) {
      this.#tell(
        qos === undefined
          ? { type: "denied", topic, reason }
          : { type: "subscribed", topic, qos },
      );
    }
    return grants;
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  #tell(status: Status): void {
    this.#options.onStatus?.(status);
  }
}
