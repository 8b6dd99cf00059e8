/**
 * What the chat client is told, and what it makes of that: where and as whom
 * must be said, all else has a default. Pure, but for the random client id.
 *
 * @module
 */

import { AddressError, type Broker, parseBroker } from "./mqtt/address.ts";
import type { ConnectOptions } from "./mqtt/connect.ts";
import { DEFAULTS } from "./defaults.ts";
import type { LinkStatus } from "./mqtt/link.ts";
import { encode, type Payload, type QoS, type Received } from "./protocol.ts";
import type { WantedVersion } from "./mqtt/rotation.ts";
import { checkTopic } from "./mqtt/topic.ts";
import type { TlsIdentity } from "./mqtt/transport.ts";

/** What happens to the connection and the subscriptions. */
export type Status =
  | LinkStatus
  | { type: "lowered"; broker: Broker; qos: QoS }
  | { type: "subscribed"; topic: string; qos: QoS }
  | { type: "denied"; topic: string; reason: string };

/**
 * Where to connect, as whom, and who is told. What is left out is as in
 * {@link DEFAULTS}, the defaults of the scripts.
 */
export interface ClientOptions {
  /**
   * The brokers to try, in this order; at least one. As text: `host`,
   * `host:port`, or an mqtt, mqtts, ws or wss URL.
   */
  brokers: (Broker | string)[];
  /** The broker's user, unless its URL names one. */
  username: string;
  /** The user's password, unless the broker's URL has one. */
  password?: string;
  /** The client id; 64 random bits unless given. */
  clientId?: string;
  /** Seconds between signs of life, 0 (none) to 65535. */
  keepalive?: number;
  /** The version to speak; `auto` is 5, and 4 (3.1.1) where 5 is refused. */
  protocolVersion?: WantedVersion;
  /** Seconds in which one of the brokers must have answered. */
  timeout?: number;
  /**
   * What TLS connections trust and show; with it, an address without a scheme
   * is one of mqtts.
   */
  tls?: TlsIdentity;
  /**
   * Whether the session outlives the program, which takes a client id to find
   * it by, and how long the broker keeps it (seconds).
   */
  session?: { resume?: boolean; expiry?: number };
  /** The payload the broker publishes to a topic when the connection is lost. */
  will?: { topic: string; payload: Payload };
  /** Called for each publication that arrives. */
  onReceived?: (received: Received) => void;
  /** Called when something happens to the connection. */
  onStatus?: (status: Status) => void;
  /** The clock. */
  now?: () => Date;
}

/**
 * Completes what a program says with what it leaves out.
 *
 * @param options What it says.
 * @returns What connecting needs.
 * @throws {AddressError} When a broker's address can't be read, or there is
 * none.
 * @throws {TopicError} When the will has a topic that can't be published to.
 * @throws {PayloadTooLargeError} When the will is too large.
 */
export function completeOptions(options: ClientOptions): ConnectOptions {
  const { username, password, clientId, tls, will, session = {} } = options;
  const { resume = false } = session;
  const { sessionExpiry, outageExpiry } = DEFAULTS;
  if (will !== undefined) checkTopic(will.topic);
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
      expiry: session.expiry ?? (resume ? sessionExpiry : outageExpiry),
    },
    will: will && { topic: will.topic, payload: encode(will.payload) },
  };
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
