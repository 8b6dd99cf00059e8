/**
 * The first connection: which broker and which MQTT version answer, or the one
 * sentence that says why none does. Owns what CONNECT says.
 *
 * @module
 */

import type { QoS } from "../protocol.ts";
import { type Broker, showBroker, type TlsIdentity } from "./address.ts";
import {
  NotAuthorizedError,
  RefusedError,
  UnreachableError,
} from "./errors.ts";
import type { ConnectPacket } from "./mqtt_js.ts";
import type { Reason } from "./reasons.ts";
import { certificateFault } from "./stream.ts";
import {
  type Rotation,
  type Version,
  versionName,
  type WantedVersion,
} from "./rotation.ts";

/** Where to connect and as whom, completely. */
export interface ConnectOptions {
  /** The brokers to try, in this order. */
  brokers: Broker[];
  /** The client id. */
  clientId: string;
  /** Whether it was made up, so that nobody has a session under it. */
  hasRandomId: boolean;
  /** The broker's user, unless its URL names one. */
  username: string;
  /** The user's password, unless the broker's URL has one. */
  password?: string;
  /** Seconds between signs of life, 0 (none) to 65535. */
  keepalive: number;
  /** The version to speak; `auto` is 5, and 4 (3.1.1) where 5 is refused. */
  protocolVersion: WantedVersion;
  /** Seconds in which one of the brokers must have answered. */
  timeout: number;
  /** What TLS connections trust and show. */
  tls?: TlsIdentity;
  /** What the broker publishes when the connection is lost. */
  will?: { topic: string; payload: Uint8Array; qos: QoS };
  /** Whether the session outlives the program, and how long (seconds). */
  session: { resume: boolean; expiry: number };
}

/** Tries the broker whose turn it is; returns why it failed, if it did. */
export type Attempt = (milliseconds: number) => Promise<Reason | undefined>;

/**
 * Tries the brokers in turn, once each, until one accepts us.
 *
 * @param options What to say to them.
 * @param rotation The order; it stays at the broker that answered.
 * @param attempt Makes one attempt.
 * @param onStep Told of each failed attempt, for `--debug`.
 * @throws {NotAuthorizedError} At once, when a broker refuses the user.
 * @throws {RefusedError} When a broker refuses for good for another reason.
 * @throws {UnreachableError} When none answers in time, or not with a
 * certificate to trust.
 */
export async function connectFirst(
  options: ConnectOptions,
  rotation: Rotation,
  attempt: Attempt,
  onStep: (text: string) => void,
): Promise<void> {
  const deadline = performance.now() + options.timeout * 1000;
  const failures: string[] = [];
  let hasWrongVersion = false;
  while (failures.length < options.brokers.length) {
    const { broker, version } = rotation;
    // A share for each, or one that is silent would leave the others none.
    const share = (deadline - performance.now()) /
      (options.brokers.length - failures.length) /
      (rotation.canFallBack ? 2 : 1);
    const failure = share > 0
      ? await attempt(share)
      : { text: "no time left to try it", remedy: "elsewhere" } as const;
    if (failure === undefined) return;
    onStep(`${showBroker(broker)}, ${versionName(version)}: ${failure.text}`);
    if (failure.remedy === "will") continue;
    await throwIfHopeless(failure, broker, options);
    if (rotation.moveOn(mayBeVersion(failure)) !== "version") {
      failures.push(`${showBroker(broker)} (${failure.text})`);
    }
    hasWrongVersion = failure.remedy === "version";
  }
  const { protocolVersion, brokers } = options;
  if (hasWrongVersion && protocolVersion !== "auto") {
    throw new UnreachableError(
      `${failures.join(" and ")}: no broker speaks ` +
        `${versionName(protocolVersion)} with us. Try it without ` +
        "--protocol-version.",
    );
  }
  throw new UnreachableError(
    `No broker answers at ${failures.join(" or ")}. ` + advice(
      brokers,
      failures.every((failure) => failure.includes("nothing listens there")),
      options.will?.topic,
    ),
  );
}

/**
 * What CONNECT says to a broker.
 *
 * @param options What to say to all of them.
 * @param rotation Which broker, in which version.
 * @param isFirst Whether there was no connection before.
 * @param willQoS The QoS of the will that the broker takes.
 * @param milliseconds How long it may take to answer.
 * @returns What it says that may be another at each connection.
 */
export function connectPacket(
  options: ConnectOptions,
  { broker, version }: Pick<Rotation, "broker" | "version">,
  isFirst: boolean,
  willQoS: QoS,
  milliseconds: number,
): ConnectPacket {
  const { will, session } = options;
  return {
    protocolVersion: version,
    clean: isFirst
      ? startsClean(options, version)
      // The session that the first connection began is what the next resume.
      : !session.resume && version === 4,
    ...credentials(options, broker),
    will: will && { ...will, qos: willQoS },
    connectTimeout: milliseconds,
  };
}

/** Whether the other MQTT version may help. */
export function mayBeVersion({ remedy }: Reason): boolean {
  return remedy === "version" || remedy === "silence";
}

/**
 * The error that ends a client which was connected before, and can't be again.
 *
 * @param reason Why an attempt to reconnect failed.
 * @param broker Where it did.
 * @returns The error, or undefined where another attempt may help.
 */
export function finalError(
  { text, remedy }: Reason,
  broker: Broker,
): Error | undefined {
  const where = showBroker(broker);
  switch (remedy) {
    case "credentials":
      return new NotAuthorizedError(
        `${where} does not let the user in any more: ${text}.`,
      );
    case "trust":
    case "certificate":
      return new UnreachableError(`${where}: ${text}.`);
  }
}

/** What to do when no broker answers. */
function advice(
  brokers: Broker[],
  isNobodyThere: boolean,
  willTopic = "",
): string {
  const isHere = brokers.every(({ host }) => LOOPBACK.test(host));
  const usual = isHere && isNobodyThere
    ? "Is one running here? deno task broker starts one; --host names another."
    : "Is it running, and are scheme, host and port right? Name another with " +
      "--host.";
  // It closes over the will, which is the first it sees of the room.
  return /[ .]/.test(willTopic)
    ? `${usual} NATS takes no room with a space or a dot, as in ` +
      `${JSON.stringify(willTopic)}.`
    : usual;
}

/** This machine, by its names. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i;

/** Throws where no other attempt can help. */
async function throwIfHopeless(
  { text, remedy }: Reason,
  broker: Broker,
  options: ConnectOptions,
): Promise<void> {
  const where = showBroker(broker);
  switch (remedy) {
    case "credentials": {
      const { username, password } = credentials(options, broker);
      const user = JSON.stringify(username);
      const advice = password !== undefined
        ? "Check --username and --password."
        : "No password was given: use --password-file (with -R=FILE), " +
          "MQTT_PASSWORD (with -E=MQTT_PASSWORD) or --password.";
      throw new NotAuthorizedError(
        `${where} refused the connection of user ${user}: ${text}. ${advice}`,
      );
    }
    case "trust": {
      const { tls = {} } = options;
      const fault = await certificateFault(broker, tls, new Date());
      throw new UnreachableError(
        `${where} can't be trusted: ${fault ?? text}.`,
      );
    }
    case "certificate":
      throw new UnreachableError(`${where} refused the connection: ${text}.`);
    case "none":
      throw new RefusedError(`${where} refused the connection: ${text}.`);
  }
}

/** Who to be at a broker: whom its URL names, else whom the options name. */
function credentials(
  options: ConnectOptions,
  broker: Broker,
): { username: string; password?: string } {
  // Each broker has its own: one's password is not for another.
  return {
    username: broker.username ?? options.username,
    password: broker.password ?? options.password,
  };
}

/**
 * Whether the first connection discards a session. One with a random id has
 * none to discard, and asks for none in MQTT 5: a session that began clean
 * would not survive a restart of the broker (measured, Mosquitto 2.0.11 with
 * `persistence true`). In 3.1.1 one that isn't clean would stay for ever.
 */
function startsClean(
  { session, hasRandomId }: ConnectOptions,
  version: Version,
): boolean {
  return !session.resume && (version === 4 || !hasRandomId);
}
