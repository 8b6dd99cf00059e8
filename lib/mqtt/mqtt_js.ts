/**
 * MQTT.js as we use it: one connection at a time, opened when we say so, and
 * nothing sent again unless we say so. Owns every reach into its own fields,
 * and every answer to what it does otherwise (5.16, measured).
 *
 * @module
 */

import "./library_env.ts"; // first: MQTT.js reads the environment on loading
import "./unused_modules.ts"; // before MQTT.js as well
import mqttClient from "mqtt/lib/client";
import ackHandler from "mqtt/lib/handlers/ack";
import mqttStore from "mqtt/lib/store";
import type {
  IClientOptions,
  IConnackPacket,
  IDisconnectPacket,
  IPublishPacket,
  Packet,
} from "mqtt";
import type { ISubackPacket } from "mqtt-packet";
import type { QoS } from "../protocol.ts";

/** MQTT.js's client. */
export type MqttClient = import("mqtt").MqttClient;

/** A stream of bytes, as MQTT.js takes it. */
export type ByteStream = import("mqtt").IStream;

/** The names of reason codes, as MQTT.js has them (MQTT 5 §2.4). */
export const REASON_NAMES: Readonly<Record<number, string>> =
  ackHandler.ReasonCodes;

/** What is said in CONNECT, and may be another at each. */
export interface ConnectPacket {
  /** 5, or 4 for 3.1.1. */
  protocolVersion: 5 | 4;
  /** Whether a session that the broker has is discarded. */
  clean: boolean;
  username: string;
  password?: string;
  will?: { topic: string; payload: Uint8Array; qos: QoS };
  /** Milliseconds until CONNACK must be there. */
  connectTimeout: number;
}

/** What happens to a connection. None comes before `connect` was called. */
export interface ConnectionEvents {
  /** The broker lets us in. Nothing has arrived before this. */
  onConnack: (packet: IConnackPacket) => void;
  /** Something was published. */
  onPublish: (topic: string, bytes: Uint8Array, packet: IPublishPacket) => void;
  /** MQTT 5: the broker says that, and why, it is about to close. */
  onDisconnect: (packet: IDisconnectPacket) => void;
  /** The connection is gone, or was not to be had; without a cause: silently. */
  onClose: (cause?: BrokerError) => void;
}

/** An error of MQTT.js or a stream, with what the broker said about it. */
export type BrokerError = Error & Said;

/** What a packet may say beside its reason code. */
export interface Said {
  /** MQTT's reason code, or the system's name of the error. */
  code?: unknown;
  /** For people, in the broker's words. */
  reasonString?: string;
  /** Another broker to use. */
  serverReference?: string;
}

/** What is called when a packet has its answer. */
export type Done = (error?: BrokerError) => void;

/** MQTT.js's timer of reconnects never runs out: this is the longest there is. */
const NEVER_MS = 2_147_483_647;

/** How long an orderly DISCONNECT may take to leave, in milliseconds. */
const GOODBYE_MS = 1_000;

/** A client of MQTT.js. */
export class MqttJs {
  readonly #mqtt: MqttClient;
  readonly #events: ConnectionEvents;
  readonly #unanswered = new UnansweredStore();
  /** Why the connection that is about to close does. */
  #cause?: BrokerError;

  /**
   * @param open Opens a stream; called for each connection.
   * @param options What every CONNECT says.
   * @param events Who is told.
   */
  constructor(
    open: (mqtt: MqttClient) => ByteStream,
    options: Pick<IClientOptions, "clientId" | "keepalive" | "properties">,
    events: ConnectionEvents,
  ) {
    this.#events = events;
    const mqtt = new mqttClient.default((mqtt) => this.#open(open, mqtt), {
      ...options,
      manualConnect: true,
      // 0 would have it fail what is unanswered when a connection breaks.
      reconnectPeriod: NEVER_MS,
      outgoingStore: this.#unanswered,
      // A resubscription that MQTT.js makes would hide a denial.
      resubscribe: false,
      // With it, the clock of pings is set anew for each packet.
      reschedulePings: false,
      // Without these it builds a table of 65,536 entries (~40 ms), or starts
      // a worker.
      writeCache: false,
      timerVariant: "native",
    });
    this.#mqtt = mqtt;
    mqtt.on("connect", (packet) => this.#onConnack(packet));
    mqtt.on("message", (topic, bytes, packet) => {
      events.onPublish(topic, bytes, packet);
    });
    mqtt.on("packetreceive", (packet) => this.#onPacket(packet));
    mqtt.on("error", (error) => this.fail(error));
    mqtt.on("close", () => this.#onClose());
    mqtt.on("disconnect", (packet) => events.onDisconnect(packet));
  }

  /** The properties of the last CONNACK (MQTT 5 §3.2.2.3). */
  get serverProperties(): MqttClient["serverProperties"] {
    return this.#mqtt.serverProperties;
  }

  /**
   * Opens a connection; there must be none.
   *
   * @param packet What CONNECT says this time.
   */
  connect(packet: ConnectPacket): void {
    this.#cause = undefined;
    Object.assign(this.#mqtt.options, packet);
    this.#mqtt.connect();
  }

  /**
   * Publishes; there must be a connection.
   *
   * @param done Called once, when the broker has answered or, at QoS 0, when it
   * is handed to the network. Not when the connection breaks, and not after
   * {@link forget}.
   * @returns The packet id; undefined at QoS 0.
   */
  publish(
    topic: string,
    payload: string,
    how: { qos: QoS; retain: boolean },
    done: Done,
  ): number | undefined {
    this.#mqtt.publish(topic, payload, how, (error, packet) => {
      done(error ? saidIn(error, packet) : undefined);
    });
    return how.qos === 0 ? undefined : this.#mqtt.getLastMessageId();
  }

  /**
   * Sends again what an earlier connection left unanswered: PUBLISH, or PUBREL
   * where the broker had it already (MQTT 5 §4.4).
   *
   * @param packetId What {@link publish} returned.
   */
  resend(packetId: number): void {
    const packet = this.#unanswered.packets.get(packetId);
    if (packet === undefined) return;
    const again = packet.cmd === "publish" ? { ...packet, dup: true } : packet;
    // The last argument: it is stored already.
    this.#mqtt["_sendPacket"](again, undefined, undefined, true);
  }

  /** Forgets what was not answered, so that it can't be sent again. */
  forget(packetId: number): void {
    // MQTT.js would answer that it was removed, which nobody has to be told.
    const awaited = this.#mqtt.outgoing[packetId];
    if (awaited !== undefined) awaited.cb = () => {};
    this.#mqtt.removeOutgoingMessage(packetId);
  }

  /**
   * Subscribes; there must be a connection.
   *
   * @param noLocal Whether the client's own messages are left out; only in
   * MQTT 5 (§3.8.3.1).
   * @param done Given the SUBACK, or nothing when the connection broke.
   */
  subscribe(
    filters: string[],
    qos: QoS,
    noLocal: boolean,
    done: (suback?: ISubackPacket) => void,
  ): void {
    // An array: of an object, MQTT.js takes the key `resubscribe` for an
    // option of its own, and sorts filters that look like numbers first.
    const options = { qos, ...noLocal && { nl: true } };
    this.#mqtt.subscribe(filters, options, (_error, _granted, packet) => {
      done(packet as ISubackPacket | undefined);
    });
  }

  /** Unsubscribes; there must be a connection. Settles with the answer. */
  unsubscribe(filters: string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#mqtt.unsubscribe(filters, () => resolve());
    });
  }

  /**
   * Ends this connection in good order, for the next one: the will is not
   * published, and a session is kept.
   */
  leave(): void {
    const { stream } = this.#mqtt;
    const timer = setTimeout(() => stream.destroy(), GOODBYE_MS);
    stream.once("close", () => clearTimeout(timer));
    this.#mqtt["_sendPacket"]({ cmd: "disconnect" }, () => stream.end());
  }

  /**
   * Ends the connection with DISCONNECT, so that the will is not published.
   *
   * @param endsSession Whether the broker is told to forget the session too
   * (MQTT 5 §3.14.2.2.2).
   * @param mayReceive Whether something may still arrive. To close then would
   * reset the connection: the broker could miss the DISCONNECT and publish the
   * will (one in ten, measured), so its own end is awaited, a round trip later.
   */
  async disconnect(endsSession: boolean, mayReceive: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, GOODBYE_MS);
    // `end` would wait for acknowledgements that nobody awaits any more.
    this.#mqtt.outgoing = {};
    const properties = { sessionExpiryInterval: 0 };
    this.#mqtt.end(false, endsSession ? { properties } : {}, () => resolve());
    // DISCONNECT and the end of the stream are the kernel's now.
    if (!mayReceive) this.#mqtt.stream.once("finish", () => resolve());
    await promise;
    clearTimeout(timer);
    this.#mqtt.stream.destroy();
  }

  /** Ends everything without a word: the broker publishes the will. */
  break(): void {
    // There is none before the first connection.
    const stream: ByteStream | undefined = this.#mqtt.stream;
    if (stream === undefined) return;
    this.#mqtt.end(true);
    stream.destroy();
  }

  /**
   * Gives the connection up over an error. After a packet that can't be parsed
   * MQTT.js would stay connected, with a parser that has lost its place.
   */
  fail(error: BrokerError): void {
    this.#cause ??= error;
    this.#mqtt.stream.destroy();
  }

  #open(
    open: (mqtt: MqttClient) => ByteStream,
    mqtt: MqttClient,
  ): ByteStream {
    const stream = open(mqtt);
    // MQTT.js keeps those to itself that have no code, as ws has for an HTTP
    // answer.
    stream.on("error", (error: BrokerError) => this.#cause ??= error);
    return stream;
  }

  #onConnack(packet: IConnackPacket): void {
    // What came with it could not be parsed.
    if (this.#cause !== undefined) return;
    // New messages must not take the ids of those that may go out again.
    for (const { messageId } of this.#unanswered.packets.values()) {
      if (messageId) this.#mqtt.messageIdProvider.register(messageId);
    }
    this.#events.onConnack(packet);
  }

  #onPacket(packet: Packet): void {
    // The parser gives the id −1 where a packet ends before its id, and
    // acknowledging that throws where nobody can catch it.
    if ("messageId" in packet && packet.messageId === -1) {
      // An unknown command: MQTT.js passes over it.
      Object.assign(packet, { cmd: "truncated" });
      this.fail(new Error("Malformed packet: it has no packet id"));
    }
    const code = packet.cmd === "connack"
      ? packet.reasonCode ?? packet.returnCode
      : 0;
    if (code) this.#cause ??= saidIn(connackError(code), packet);
  }

  #onClose(): void {
    const cause = this.#cause;
    this.#cause = undefined;
    this.#events.onClose(cause);
  }
}

/** The error of a CONNACK that refuses. */
function connackError(code: number): BrokerError {
  return Object.assign(new Error("Connection refused"), { code });
}

/** An error, with what the packet says beside it. */
function saidIn(error: BrokerError, packet?: Packet): BrokerError {
  const said: object = packet !== undefined && "properties" in packet &&
      packet.properties || {};
  const { reasonString, serverReference } = said as Said;
  return Object.assign(error, { reasonString, serverReference });
}

/**
 * What is not answered yet: PUBLISH and PUBREL packets. MQTT.js would send them
 * again one by one after CONNACK, and not say that there is a connection before
 * the last is answered; so it is told that there are none.
 */
class UnansweredStore extends mqttStore.default {
  get packets(): ReadonlyMap<number | undefined, Packet> {
    return this["_inflights"];
  }

  override createStream() {
    const stream = super.createStream();
    stream.read = () => {
      stream.emit("end");
      // It is read from again, and is to end once.
      stream.removeAllListeners("end");
      return null;
    };
    return stream;
  }
}
