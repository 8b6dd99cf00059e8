/**
 * The chat client: connect, join rooms, send, receive, close. Owns what
 * happens to a connection during its life: reconnecting, subscribing again,
 * and what became of each message.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IDisconnectPacket, IPublishPacket, MqttClient } from "mqtt";
import { type Broker, showBroker } from "./address.ts";
import {
  connectFirst,
  type Connection,
  type ConnectOptions,
  networkReason,
  NotAuthorizedError,
  reasonCodeOf,
  reasonName,
  RefusedError,
  UnreachableError,
  type Version,
} from "./connection.ts";
import { decode, encode, type Payload } from "./protocol.ts";
import type { QoS, Received } from "./protocol.ts";
import { retryDelay } from "./retry.ts";
import { AbandonedError, Sender } from "./sender.ts";
import { loadTransport, type TlsIdentity } from "./transport.ts";

export { NotAuthorizedError, RefusedError, UnreachableError };
export { AbandonedError, PublishError } from "./sender.ts";

/** What happens to the connection. */
export type Status =
  | { type: "connected"; broker: Broker; version: Version; again: boolean }
  | { type: "subscribed"; topic: string; qos: QoS }
  | { type: "denied"; topic: string; reason: string }
  | { type: "disconnected"; broker: Broker; reason: string }
  | { type: "reconnecting"; broker: Broker; seconds: number }
  | { type: "step"; text: string };

/** How a subscription was answered. */
export interface Grant {
  /** The topic filter. */
  topic: string;
  /** The QoS the broker grants; undefined when it denies. */
  qos?: QoS;
}

/** What {@link ChatClient.connect} needs. */
export interface ClientOptions
  extends Omit<ConnectOptions, "clientId" | "will"> {
  /** The client id; 64 random bits when undefined. */
  clientId?: string;
  /** The payload the broker publishes to a topic when the connection is lost. */
  will?: { topic: string; payload: Payload };
  /** What TLS connections trust and show. */
  tls?: TlsIdentity;
  /** Called for each publication that arrives. */
  onReceived?: (received: Received) => void;
  /** Called when something happens to the connection. */
  onStatus?: (status: Status) => void;
  /** The clock. */
  now?: () => Date;
}

/** How long an orderly DISCONNECT may take to leave, in milliseconds. */
const GOODBYE_MS = 1000;

/** A member of chat rooms on one broker, or on one of several. */
export class ChatClient {
  readonly #options: ClientOptions;
  readonly #filters = new Map<string, QoS>();
  readonly #sender: Sender;
  /** Settles when the connection is lost for good. */
  readonly lost: Promise<Error>;
  #resolveLost: (error: Error) => void;
  #mqtt!: MqttClient;
  #broker!: Broker;
  #version!: Version;
  #closing = false;
  #retries = 0;
  /** Why the connection that is about to close does. */
  #cause?: string;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#sender = new Sender(({ topic, bytes, qos }, done) => {
      const { buffer, byteOffset, length } = bytes;
      const payload = Buffer.from(buffer, byteOffset, length);
      this.#mqtt.publish(topic, payload, { qos }, done);
    });
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.lost = promise;
    this.#resolveLost = resolve;
  }

  /**
   * Connects to the first of the brokers that answers.
   *
   * @param options Where, as whom, and who is told.
   * @returns The client, connected.
   * @throws {NotAuthorizedError} When a broker refuses the user.
   * @throws {RefusedError} When a broker refuses for another lasting reason.
   * @throws {UnreachableError} When none answers in time.
   */
  static async connect(options: ClientOptions): Promise<ChatClient> {
    const client = new ChatClient(options);
    const open = await loadTransport(options.brokers, options.tls);
    const connection = await connectFirst(
      {
        ...options,
        clientId: options.clientId ?? randomClientId(),
        will: options.will === undefined ? undefined : {
          topic: options.will.topic,
          payload: encode(options.will.payload),
        },
      },
      (first) => {
        client.#broker = first;
        return (mqtt) => open(mqtt, client.#broker);
      },
      (text) => options.onStatus?.({ type: "step", text }),
    );
    client.#adopt(connection);
    return client;
  }

  /** The broker it is, or was last, connected to. */
  get broker(): Broker {
    return this.#broker;
  }

  /** The MQTT version spoken: 5, or 4 for 3.1.1. */
  get version(): Version {
    return this.#version;
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
   * @returns What the broker grants, in the same order.
   */
  async join(filters: string[], qos: QoS): Promise<Grant[]> {
    for (const filter of filters) this.#filters.set(filter, qos);
    return await this.#subscribe();
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
   * @throws {PayloadTooLargeError} When it exceeds the format's limit.
   * @throws {PublishError} When the broker does not take it.
   */
  async send(topic: string, payload: Payload, qos: QoS): Promise<void> {
    const id = payload.id ?? crypto.randomUUID();
    const at = payload.at ?? this.#now().toISOString();
    const bytes = encode({ ...payload, id, at });
    if (this.#closing) throw new AbandonedError("The connection is closed.");
    const broker = () => showBroker(this.#broker);
    await this.#sender.send({ topic, bytes, qos }, broker);
  }

  /**
   * Leaves in good order: DISCONNECT, so that the will is not published. What
   * is not acknowledged by now is given up; await {@link send} before.
   *
   * @returns When the connection is closed.
   */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const wasOnline = this.online;
    this.#sender.abandon();
    const mqtt = this.#mqtt;
    if (!wasOnline) return void mqtt.end(true);
    const ended = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      mqtt.stream.destroy();
      ended.resolve();
    }, GOODBYE_MS);
    // `end` would wait for acknowledgements that nobody awaits any more.
    mqtt.outgoing = {};
    mqtt.end(false, this.#goodbye(), () => ended.resolve());
    await ended.promise;
    clearTimeout(timer);
  }

  /**
   * Breaks the connection without a word, as a crash would: the broker
   * publishes the will.
   */
  abort(): void {
    this.#closing = true;
    this.#sender.abandon();
    this.#mqtt.end(true);
    this.#mqtt.stream.destroy();
  }

  /** Takes over a connection that stands. */
  #adopt({ mqtt, broker, version }: Connection): void {
    this.#mqtt = mqtt;
    this.#broker = broker;
    this.#version = version;
    mqtt.on("message", (topic, bytes, packet) => {
      this.#receive(topic, bytes, packet);
    });
    mqtt.on("connect", () => this.#onConnect(true));
    mqtt.on("close", () => this.#onClose());
    mqtt.on("reconnect", () => this.#beforeReconnect());
    mqtt.on("error", (error) => this.#onError(error));
    mqtt.on("disconnect", (packet) => this.#onDisconnect(packet));
    // The session this first connection began is what the next ones resume.
    if (version === 5) mqtt.options.clean = false;
    mqtt.options.connectTimeout = this.#options.timeout * 1000;
    mqtt.options.reconnectPeriod = retryDelay(this.#retries, Math.random());
    this.#onConnect(false);
  }

  #onConnect(again: boolean): void {
    this.#cause = undefined;
    this.#retries = 0;
    this.#mqtt.options.reconnectPeriod = retryDelay(
      this.#retries,
      Math.random(),
    );
    this.#tell({
      type: "connected",
      broker: this.#broker,
      version: this.#version,
      again,
    });
    if (again) this.#subscribe();
    this.#sender.goOnline();
  }

  #onClose(): void {
    const wasOnline = this.online;
    this.#sender.goOffline();
    if (this.#closing) return;
    const reason = this.#cause ?? "the connection was closed";
    this.#cause = undefined;
    if (wasOnline) {
      this.#tell({ type: "disconnected", broker: this.#broker, reason });
    } else {
      this.#tell({ type: "step", text: `no connection: ${reason}` });
    }
    this.#tell({
      type: "reconnecting",
      broker: this.#nextBroker(),
      seconds: this.#mqtt.options.reconnectPeriod! / 1000,
    });
  }

  /** MQTT.js is about to open a stream: say where to, and when the next one. */
  #beforeReconnect(): void {
    this.#broker = this.#nextBroker();
    this.#retries++;
    this.#mqtt.options.reconnectPeriod = retryDelay(
      this.#retries,
      Math.random(),
    );
  }

  #onError(error: Error): void {
    const code = reasonCodeOf(error);
    this.#cause ??= code === undefined ? networkReason(error) : error.message;
    if (code === 4 || code === 5 || code === 134 || code === 135) {
      this.#fail(
        new NotAuthorizedError(
          `${showBroker(this.#broker)} does not let the user in any more: ` +
            `${reasonName(code)}.`,
        ),
      );
    } else if (this.#mqtt.connected) {
      // A packet that can't be parsed leaves MQTT.js connected with a parser
      // that has lost its place; only a new connection helps.
      this.#mqtt.stream.destroy();
    }
  }

  /** MQTT 5: the broker says why it is about to close. */
  #onDisconnect({ reasonCode = 0 }: IDisconnectPacket): void {
    this.#cause = reasonName(reasonCode);
    if (reasonCode === 142) {
      this.#fail(
        new RefusedError(
          `${showBroker(this.#broker)} gave the session to another client ` +
            "with the same --id; use another id, or none.",
        ),
      );
    }
  }

  /** The connection is lost for good. */
  #fail(error: Error): void {
    if (this.#closing) return;
    this.abort();
    this.#resolveLost(error);
  }

  #receive(topic: string, bytes: Uint8Array, packet: IPublishPacket): void {
    this.#options.onReceived?.({
      topic,
      payload: decode(bytes),
      qos: packet.qos,
      retain: packet.retain,
      receivedAt: this.#now(),
      duplicate: false,
    });
  }

  /** Subscribes to all rooms; tells what was granted. */
  #subscribe(): Promise<Grant[]> {
    const request = Object.fromEntries(
      [...this.#filters].map(([filter, qos]) => [filter, { qos }]),
    );
    const filters = [...this.#filters.keys()];
    return new Promise((resolve) => {
      this.#mqtt.subscribe(request, (_error, _granted, packet) => {
        // Without an answer the connection broke; the next one asks again.
        if (packet === undefined) return resolve([]);
        const codes = packet.granted as number[];
        resolve(
          filters.map((topic, index) => this.#grant(topic, codes[index])),
        );
      });
    });
  }

  /** Reads one code of a SUBACK, and tells of it. */
  #grant(topic: string, code: number): Grant {
    if (code === 0 || code === 1 || code === 2) {
      this.#tell({ type: "subscribed", topic, qos: code });
      return { topic, qos: code };
    }
    this.#tell({ type: "denied", topic, reason: reasonName(code) });
    return { topic };
  }

  /** What DISCONNECT says: with MQTT 5 an orderly end ends the session. */
  #goodbye(): Partial<IDisconnectPacket> {
    if (this.#version !== 5 || this.#options.session.resume) return {};
    return { properties: { sessionExpiryInterval: 0 } };
  }

  /** The broker to turn to when this one is lost. */
  #nextBroker(): Broker {
    const { brokers } = this.#options;
    return brokers[(brokers.indexOf(this.#broker) + 1) % brokers.length];
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  #tell(status: Status): void {
    this.#options.onStatus?.(status);
  }
}

/** A client id of 64 random bits that 3.1.1 brokers must take: 20 letters. */
function randomClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return "chat" + bytes.toHex();
}
