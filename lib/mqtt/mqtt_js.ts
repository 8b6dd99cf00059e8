/**
 * MQTT.js without its reconnects and resending: one connection at a time, on
 * request. All access to its private fields is here, and all workarounds (5.16,
 * measured).
 */

import "./library_env.ts"; // first: MQTT.js reads the environment on loading
import mqttClient from "mqtt/lib/client";
import packetConstants from "mqtt-packet/constants.js";
import ackHandler from "mqtt/lib/handlers/ack";
import mqttStore from "mqtt/lib/store";
import type {
  IClientOptions,
  IConnackPacket,
  IDisconnectPacket,
  Packet,
} from "mqtt";
import type { ISubackPacket } from "mqtt-packet";
import type { QoS } from "../protocol.ts";
import { type Acknowledges, type Arrival, Inbound } from "./inbound.ts";
import { limitArriving, malformed, PacketMeter } from "./stream.ts";
import type { Clock } from "../timer.ts";

/** MQTT.js's client. */
export type MqttClient = import("mqtt").MqttClient;

/** A stream of bytes, as MQTT.js takes it. */
export type ByteStream = import("mqtt").IStream;

/** The names of reason codes, as MQTT.js has them (MQTT 5 §2.4). */
export const REASON_NAMES: Readonly<Record<number, string>> =
  ackHandler.ReasonCodes;

// The parser refuses a PUBACK with a code that §3.4.2.1 does not list, and the
// message would be sent again for ever: Mosquitto 2.0.11 sends 149.
const ackCodes = packetConstants.MQTT5_PUBACK_PUBREC_CODES;
Object.assign(ackCodes, { ...REASON_NAMES, ...ackCodes });

/** The part of CONNECT that may differ between connections. */
export interface ConnectPacket {
  /** 5, or 4 for 3.1.1. */
  protocolVersion: 5 | 4;
  /** Whether a session that the broker has is discarded. */
  clean: boolean;
  username?: string;
  password?: string;
  will?: { topic: string; payload: Uint8Array; qos: QoS };
}

interface ConnectionEvents {
  /** The broker accepts the connection. Nothing has arrived before this. */
  onConnack: (packet: IConnackPacket) => void;
  /** A message arrived. */
  onPublish: (arrival: Arrival) => void;
  /** MQTT 5: the broker is about to close, and may say why. */
  onDisconnect: (packet: IDisconnectPacket) => void;
  /** The connection is closed; without a cause if the broker gave none. */
  onClose: (cause?: BrokerError) => void;
}

/** An error of MQTT.js or a stream, with the broker's own words. */
export type BrokerError = Error & Said & {
  /** Whether we end the connection, over a packet that can't be read. */
  isOurs?: boolean;
};

/** Details that a packet may have. */
export interface Said {
  /** MQTT's reason code, or the system's name of the error. */
  code?: unknown;
  /** For people, in the broker's words. */
  reasonString?: string;
  /** Another broker to use. */
  serverReference?: string;
}

/** The longest timer, so that MQTT.js never reconnects by itself. */
const NEVER_MS = 2_147_483_647;

/** The highest packet id. */
const MAX_ID = 65_535;

const TIMEOUT = /timeout/;

/** How long DISCONNECT may take, in milliseconds. */
const GOODBYE_MS = 1_000;

export class MqttJs {
  readonly #mqtt: MqttClient;
  readonly #events: ConnectionEvents;
  readonly #clock: Clock;
  readonly #unanswered = new UnansweredStore();
  readonly #inbound: Inbound;
  /** Whether DISCONNECT was sent. */
  #hasLeft = false;
  /** Counts the packets of this connection. */
  #meter = new PacketMeter(0);
  /** Settle with the next PINGRESPs, in order; MQTT.js's own pings, too. */
  #pings: ((hasCome: boolean) => void)[] = [];
  #lastId = Math.floor(Math.random() * MAX_ID);
  /** Why the connection is about to close. */
  #cause?: BrokerError;

  /** @param open Opens a stream; called for each connection. */
  constructor(
    open: (mqtt: MqttClient) => ByteStream,
    { acknowledges, ...options }:
      & Pick<IClientOptions, "clientId" | "keepalive" | "properties">
      & { acknowledges: Acknowledges },
    events: ConnectionEvents,
    clock: Clock,
  ) {
    this.#inbound = new Inbound(
      acknowledges,
      (packet) => this.#mqtt["_sendPacket"](packet),
      events.onPublish,
    );
    this.#events = events;
    this.#clock = clock;
    const mqtt = new mqttClient.default((mqtt) => this.#open(open, mqtt), {
      ...options,
      manualConnect: true,
      // With 0, MQTT.js rejects all that is unanswered when a connection breaks.
      reconnectPeriod: NEVER_MS,
      connectTimeout: NEVER_MS,
      outgoingStore: this.#unanswered,
      messageIdProvider: {
        allocate: () => this.#nextId(),
        getLastAllocated: () => this.#lastId,
        register: () => true,
        deallocate() {},
        clear() {},
      },
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
    mqtt.on("packetreceive", (packet) => this.#onPacket(packet));
    mqtt.on("error", (error: BrokerError) => {
      // Errors of streams have a name as their code, those of the parser none.
      const isOurs = typeof error.code !== "string" &&
        !TIMEOUT.test(`${error}`);
      const text = `the broker sent a malformed packet (${error.message})`;
      this.fail(
        isOurs && mqtt.connected
          ? malformed(text)
          : Object.assign(error, { isOurs }),
      );
    });
    mqtt.on("close", () => this.#onClose());
    mqtt.on("disconnect", (packet) => events.onDisconnect(packet));
    const sendPing = mqtt.sendPing.bind(mqtt);
    mqtt.sendPing = () => {
      this.#pings.push(() => {});
      sendPing();
    };
  }

  /** The properties of the last CONNACK (MQTT 5 §3.2.2.3). */
  get serverProperties(): MqttClient["serverProperties"] {
    return this.#mqtt.serverProperties;
  }

  /** Opens a connection; there must be none. */
  connect(packet: ConnectPacket): void {
    this.#cause = undefined;
    this.#hasLeft = false;
    Object.assign(this.#mqtt.options, packet);
    this.#mqtt.connect();
  }

  /**
   * Publishes; there must be a connection. Returns the packet id, none at QoS 0.
   * `done` is called once, with the broker's answer: never at QoS 0, when the
   * connection breaks, or after {@link forget}.
   */
  publish(
    topic: string,
    payload: string,
    how: { qos: QoS; retain: boolean },
    done: (error?: BrokerError) => void,
  ): number | undefined {
    if (how.qos === 0) {
      this.#mqtt.publish(topic, payload, how);
      return undefined;
    }
    this.#mqtt.publish(topic, payload, how, (error, packet) => {
      done(error ? saidIn(error, packet) : undefined);
    });
    return this.#lastId;
  }

  /**
   * Sends again what an earlier connection left unanswered: PUBLISH, or PUBREL
   * where the broker had it already (MQTT 5 §4.4).
   */
  resend(packetId: number): void {
    const packet = this.#unanswered.packets.get(packetId);
    if (packet === undefined) return;
    const again = packet.cmd === "publish" ? { ...packet, dup: true } : packet;
    // The last argument: it is stored already.
    this.#mqtt["_sendPacket"](again, undefined, undefined, true);
  }

  /** As {@link Inbound.acknowledge}. */
  acknowledge(number: number): void {
    this.#inbound.acknowledge(number);
  }

  /** Forgets an unanswered message. */
  forget(packetId: number): void {
    // MQTT.js would answer that it was removed.
    const awaited = this.#mqtt.outgoing[packetId];
    if (awaited !== undefined) awaited.cb = () => {};
    this.#mqtt.removeOutgoingMessage(packetId);
  }

  /** Whether the broker has received a message of QoS 2: PUBREL is next. */
  isReceived(packetId: number): boolean {
    return this.#unanswered.packets.get(packetId)?.cmd === "pubrel";
  }

  /**
   * Subscribes; there must be a connection. `id` is the Subscription Identifier;
   * `done` gets the SUBACK, or nothing when the connection broke.
   */
  subscribe(
    filter: string,
    { id, ...how }: { qos: QoS; rh: 0 | 1; nl: boolean; id: number },
    done: (suback?: ISubackPacket) => void,
  ): void {
    const hasIds = this.#mqtt.options.protocolVersion === 5 &&
      this.serverProperties?.subscriptionIdentifiersAvailable !== false;
    const properties = hasIds ? { subscriptionIdentifier: id } : undefined;
    // An array: of an object, MQTT.js takes the key `resubscribe` for an
    // option of its own, and sorts filters that look like numbers first.
    const options = { ...how, ...properties && { properties } };
    this.#inbound.subscribe(filter);
    this.#mqtt.subscribe([filter], options, (_error, _granted, packet) => {
      done(packet as ISubackPacket | undefined);
    });
  }

  /** Unsubscribes; there must be a connection. Settles with the answer. */
  unsubscribe(filters: string[]): Promise<void> {
    this.#inbound.unsubscribe(filters);
    return new Promise((resolve) => {
      this.#mqtt.unsubscribe(filters, () => resolve());
    });
  }

  /** Sends PINGREQ; returns whether PINGRESP comes before the connection closes. */
  ping(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#pings.push(resolve);
      this.#mqtt["_sendPacket"]({ cmd: "pingreq" });
    });
  }

  /**
   * Ends this connection with DISCONNECT, for the next one: the will is not
   * published, and a session is kept.
   */
  leave(): void {
    const { stream } = this.#mqtt;
    this.#stopAnswering();
    const cancel = this.#clock.after(GOODBYE_MS, () => stream.destroy());
    stream.once("close", cancel);
    this.#mqtt["_sendPacket"]({ cmd: "disconnect" }, () => stream.end());
  }

  /**
   * Ends the connection with DISCONNECT, so that the will is not published; with
   * `endsSession` the session, too (MQTT 5 §3.14.2.2.2). To close while something
   * may still arrive would reset the connection: the broker could miss the
   * DISCONNECT and publish the will (one in ten, measured), so its own end is
   * awaited, a round trip later.
   */
  async disconnect(endsSession: boolean, mayReceive: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(GOODBYE_MS, resolve);
    this.#stopAnswering();
    // `end` would wait for acknowledgements.
    this.#mqtt.outgoing = {};
    const properties = { sessionExpiryInterval: 0 };
    this.#mqtt.end(false, endsSession ? { properties } : {}, () => resolve());
    // The kernel has DISCONNECT and the end of the stream now.
    if (!mayReceive) this.#mqtt.stream.once("finish", () => resolve());
    await promise;
    cancel();
    this.#mqtt.stream.destroy();
  }

  /** Closes the connection for good: the broker publishes the will. */
  break(): void {
    // Undefined before the first connection.
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

  /** DISCONNECT is the last packet of a connection (MQTT 5 §3.14.4). */
  #stopAnswering(): void {
    this.#hasLeft = true;
    this.#inbound.close();
  }

  /** The next packet id that is not in flight. */
  #nextId(): number {
    do this.#lastId = this.#lastId % MAX_ID + 1; while (
      Object.hasOwn(this.#mqtt.outgoing, this.#lastId)
    );
    return this.#lastId;
  }

  #open(
    open: (mqtt: MqttClient) => ByteStream,
    mqtt: MqttClient,
  ): ByteStream {
    const stream = open(mqtt);
    const { protocolVersion } = mqtt.options;
    this.#meter = limitArriving(stream, protocolVersion === 5 ? 5 : 4);
    // MQTT.js does not report errors without a code, such as that of ws for an
    // HTTP answer.
    stream.on("error", (error: BrokerError) => this.#cause ??= error);
    return stream;
  }

  #onConnack(packet: IConnackPacket): void {
    // The bytes after CONNACK could not be parsed.
    if (this.#cause !== undefined) return;
    this.#inbound.open(packet.sessionPresent);
    this.#events.onConnack(packet);
  }

  #onPacket(packet: Packet): void {
    const isCut = this.#meter.nextWasCut();
    if (packet.cmd === "pingresp") this.#pings.shift()?.(true);
    // The parser gives the id −1 where a packet ends before its id, and
    // acknowledging that throws where it can't be caught.
    const fault = "messageId" in packet && packet.messageId === -1
      ? "it has no packet id"
      : packet.cmd === "suback" && packet.granted.length !== 1
      ? "its answers are not one"
      : undefined;
    if (fault !== undefined) {
      // An unknown command: MQTT.js passes over it.
      Object.assign(packet, { cmd: "malformed" });
      this.fail(malformed(`the broker sent a malformed packet (${fault})`));
    }
    if (packet.cmd === "pubrel") this.#inbound.release(packet.messageId!);
    // MQTT.js refuses a topic alias: none was allowed.
    const isTaken = packet.cmd === "publish" && packet.topic !== "";
    if (isTaken) this.#inbound.take(packet, isCut);
    // An answer after DISCONNECT would be an error, over which the stream is
    // closed before the broker has read what was sent (2 of 3 runs, measured).
    if (isTaken || this.#hasLeft) (packet as { cmd: string }).cmd = "taken";
    if (packet.cmd !== "connack") return;
    const code = packet.reasonCode ?? packet.returnCode;
    if (!code) return;
    const error = Object.assign(new Error("Connection refused"), { code });
    this.#cause ??= saidIn(error, packet);
  }

  #onClose(): void {
    this.#inbound.close();
    for (const answer of this.#pings.splice(0)) answer(false);
    this.#events.onClose(this.#cause);
  }
}

function saidIn(error: BrokerError, packet?: Packet): BrokerError {
  const said: object = packet !== undefined && "properties" in packet &&
      packet.properties || {};
  const { reasonString, serverReference } = said as Said;
  return Object.assign(error, { reasonString, serverReference });
}

/**
 * Unanswered PUBLISH and PUBREL packets. MQTT.js would send them again one by
 * one after CONNACK, and report the connection only when the last is answered;
 * so the store pretends to be empty.
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
