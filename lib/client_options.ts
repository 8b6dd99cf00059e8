/** The client's options and their defaults, which the flags share. */

import {
  AddressError,
  type Broker,
  parseBroker,
  type TlsIdentity,
} from "./mqtt/address.ts";
import type { ConnectOptions, LinkStatus } from "./mqtt/link.ts";
import type { SenderStatus } from "./mqtt/sender.ts";
import type { Payload, QoS, Received } from "./protocol.ts";
import type { Signer } from "./sign.ts";
import type { Clock } from "./timer.ts";

/** The defaults of the client and the scripts. */
export const DEFAULTS = {
  /** The user of a broker that is new to MQTT-Chat, its password, and a name. */
  username: "chat",
  /** The QoS to publish and subscribe with. */
  qos: 1,
  /** Keep alive, in seconds. */
  keepalive: 30,
  /** The MQTT version: 5, and 4 where 5 is refused. */
  protocolVersion: "auto",
  /** How long, in seconds, an attempt to connect or an answer may take. */
  timeout: 10,
  /** How long, in seconds, the broker keeps a session that is to be resumed. */
  sessionExpiry: 86_400,
  /** How long, in seconds, it keeps one only for the time of an outage. */
  outageExpiry: 300,
} as const;

/** What happens to the connection and the subscriptions. */
export type Status = LinkStatus | SenderStatus;

/** Where to connect and as which user; the rest has the scripts' defaults. */
export interface ClientOptions extends
  Partial<
    Pick<
      ConnectOptions,
      | "clientId"
      | "isDefaultUser"
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
  /** The broker's user, unless its URL names one; none by default. */
  username?: string;
  /**
   * The author of what {@link ChatClient.say} sends, and the member that
   * {@link ChatClient.announce} announces; the user, or `chat`, by default.
   */
  name?: string;
  /**
   * The rooms of {@link ChatClient.announce}. The will is that of a lost member
   * of the first one, unless {@link will} is given: MQTT has one a connection.
   */
  rooms?: string[];
  /**
   * Whether the session outlives the program, which takes a client id to find
   * it by, and how long the broker keeps it (seconds).
   */
  session?: Partial<ConnectOptions["session"]>;
  /**
   * When messages of QoS 1 and 2 are acknowledged: `received`, the default, or
   * `asked`, by {@link ChatClient.acknowledge}. The broker sends again what was
   * not acknowledged when the client comes back to its session.
   */
  acknowledges?: ConnectOptions["acknowledges"];
  /** What the broker publishes when the connection is lost. */
  will?: Will;
  /**
   * The secret of the rooms' members: payloads and the will are encrypted with
   * it, and payloads that others encrypted with it are decrypted. It is not
   * kept.
   */
  secret?: string;
  /** Signs messages, notices and the will with a member's key. */
  signer?: Signer;
  /** Called for each publication that arrives. */
  onReceived?: (received: Received) => void;
  /** Called when something happens to the connection. */
  onStatus?: (status: Status) => void;
  /** Replaces the machine's clock and timers, for tests. */
  clock?: Clock;
}

/** A payload that the broker publishes to a topic for a client that is lost. */
export interface Will {
  /** The room. */
  topic: string;
  /**
   * What it says. The notice that a member timed out gets an id which names the
   * member's join notice on the same connection.
   */
  payload: Payload;
  /** How it is delivered; lowered where the broker doesn't take it. */
  qos?: QoS;
}

/** Completes a program's options with the defaults. Throws as `connect`. */
export function completeOptions(
  options: Omit<ClientOptions, "will">,
): ConnectOptions {
  const { username, password, clientId, tls } = options;
  const { resume = false, expiry } = options.session ?? {};
  const { sessionExpiry, outageExpiry } = DEFAULTS;
  const { keepalive = DEFAULTS.keepalive, timeout = DEFAULTS.timeout } =
    options;
  if (!Number.isInteger(keepalive) || keepalive < 0 || keepalive > 65_535) {
    throw new RangeError("`keepalive` takes whole seconds from 0 to 65535.");
  }
  // A timer fires at once for a longer time.
  if (!(timeout > 0 && timeout <= 2_147_483)) {
    throw new RangeError("`timeout` takes seconds above 0, 2147483 at most.");
  }
  return {
    brokers: readBrokers(options.brokers, tls),
    username,
    isDefaultUser: options.isDefaultUser,
    password,
    clientId: clientId ?? randomClientId(),
    hasRandomId: clientId === undefined,
    keepalive,
    protocolVersion: options.protocolVersion ?? DEFAULTS.protocolVersion,
    timeout,
    tls,
    acknowledges: options.acknowledges ?? "received",
    session: {
      resume,
      expiry: expiry ?? (resume ? sessionExpiry : outageExpiry),
    },
  };
}

/** Reads addresses. Errors don't repeat them, since they may hold a password. */
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
