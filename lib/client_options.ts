/**
 * What the chat client is told, and what it makes of that: where and as whom
 * must be said, all else has a default. The flags have the same defaults. Pure,
 * but for the random client id.
 *
 * @module
 */

import {
  AddressError,
  type Broker,
  parseBroker,
  type TlsIdentity,
} from "./mqtt/address.ts";
import type { ConnectOptions } from "./mqtt/connect.ts";
import type { LinkStatus } from "./mqtt/status.ts";
import { checkTopic } from "./mqtt/topic.ts";
import { encodeFor } from "./codec.ts";
import type { Payload, QoS, Received } from "./protocol.ts";
import type { RoomSeal } from "./seal.ts";

/** What is taken for granted where nobody says otherwise. */
export const DEFAULTS = {
  /** The user of a broker that is new to MQTT-Chat, its password, and a name. */
  username: "chat",
  /** The QoS to publish and subscribe with. */
  qos: 1,
  /** Keep alive, in seconds. */
  keepalive: 30,
  /** The MQTT version: 5, and 4 where 5 is refused. */
  protocolVersion: "auto",
  /** How long, in seconds, a connection and its last answers may take. */
  timeout: 10,
  /** How long, in seconds, the broker keeps a session that is to be resumed. */
  sessionExpiry: 86_400,
  /** How long, in seconds, it keeps one only for the time of an outage. */
  outageExpiry: 300,
} as const;

/** What happens to the connection and the subscriptions. */
export type Status =
  | LinkStatus
  | { type: "lowered"; broker: Broker; qos: QoS }
  | { type: "subscribed"; topic: string; qos: QoS }
  | { type: "denied"; topic: string; reason: string };

/**
 * Where to connect, as whom, and who is told. What is left out has the default
 * of the scripts' flag.
 */
export interface ClientOptions extends
  Partial<
    Pick<
      ConnectOptions,
      | "clientId"
      | "keepalive"
      | "password"
      | "protocolVersion"
      | "timeout"
      | "tls"
    >
  > {
  /**
   * The brokers to try, in this order; at least one. As text: `host`,
   * `host:port`, or an mqtt, mqtts, ws or wss URL; with {@link tls} an address
   * without a scheme is one of mqtts.
   */
  brokers: (Broker | string)[];
  /** The broker's user, unless its URL names one. */
  username: string;
  /**
   * Whether the session outlives the program, which takes a client id to find
   * it by, and how long the broker keeps it (seconds).
   */
  session?: Partial<ConnectOptions["session"]>;
  /** What the broker publishes when the connection is lost. */
  will?: Will;
  /**
   * What the members of the rooms know, and nobody else: all that is sent is
   * sealed with it, the will as well, and what others sealed with it is opened.
   * It is not kept.
   */
  secret?: string;
  /** Called for each publication that arrives. */
  onReceived?: (received: Received) => void;
  /** Called when something happens to the connection. */
  onStatus?: (status: Status) => void;
  /** The clock. */
  now?: () => Date;
}

/** A payload that the broker publishes to a topic for a client that is lost. */
export interface Will {
  /** The room. */
  topic: string;
  /** What it says. */
  payload: Payload;
  /** How it is delivered; lowered where the broker doesn't take it. */
  qos?: QoS;
}

/**
 * Completes what a program says with what it leaves out.
 *
 * @param options What it says.
 * @param seal What to seal the will with.
 * @returns What connecting needs.
 * @throws {AddressError} When a broker's address can't be read, or there is
 * none.
 * @throws {TopicError} When the will has a topic that can't be published to.
 * @throws {PayloadTooLargeError} When the will is too large.
 */
export function completeOptions(
  options: ClientOptions,
  seal?: RoomSeal,
): ConnectOptions {
  const { username, password, clientId, tls, will } = options;
  const { resume = false, expiry } = options.session ?? {};
  const { sessionExpiry, outageExpiry } = DEFAULTS;
  return {
    brokers: readBrokers(options.brokers, tls),
    username,
    password,
    clientId: clientId ?? randomClientId(),
    hasRandomId: clientId === undefined,
    keepalive: options.keepalive ?? DEFAULTS.keepalive,
    protocolVersion: options.protocolVersion ?? DEFAULTS.protocolVersion,
    timeout: options.timeout ?? DEFAULTS.timeout,
    tls,
    session: {
      resume,
      expiry: expiry ?? (resume ? sessionExpiry : outageExpiry),
    },
    will: will && completeWill(will, seal),
  };
}

/**
 * Makes of a will what CONNECT says.
 *
 * @param will What a program says.
 * @param seal What to seal it with.
 * @returns The will, encoded.
 * @throws {TopicError} When it has a topic that can't be published to.
 * @throws {PayloadTooLargeError} When it is too large.
 */
export function completeWill(
  { topic, payload, qos = DEFAULTS.qos }: Will,
  seal?: RoomSeal,
): ConnectOptions["will"] {
  checkTopic(topic);
  const text = encodeFor(topic, payload, seal);
  return { topic, payload: new TextEncoder().encode(text), qos };
}

/** Reads the addresses that are text. They may hold a password: none is repeated. */
function readBrokers(
  brokers: (Broker | string)[],
  identity: TlsIdentity = {},
): Broker[] {
  const tls = Object.values(identity).some(Boolean);
  if (brokers.length === 0) {
    throw new AddressError("`brokers` is empty; name at least one.");
  }
  return brokers.map((broker, index) => {
    if (typeof broker !== "string") return broker;
    try {
      return parseBroker(broker, { tls });
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      throw new AddressError(
        `\`brokers[${index}]\` does not fit: ${error.message}.`,
      );
    }
  });
}

/** A client id of 64 random bits that 3.1.1 brokers must take: 20 letters. */
function randomClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return "chat" + bytes.toHex();
}
