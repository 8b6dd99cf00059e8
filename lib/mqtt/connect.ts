/**
 * The first connection: which broker and which MQTT version answer, or the one
 * sentence that says why none does. Owns MQTT.js's set-up and the errors of
 * connecting. Touches the network.
 *
 * @module
 */

import "./library_env.ts";
import { Buffer } from "node:buffer";
import mqttClient from "mqtt/lib/client";
import type { IClientOptions } from "mqtt";
import { type Broker, showBroker } from "./address.ts";
import { certificateFault } from "./certificate.ts";
import { refuseTruncatedPackets } from "./malformed_packets.ts";
import { connectReason, type Reason } from "./reasons.ts";
import {
  type Rotation,
  type Version,
  versionName,
  type WantedVersion,
} from "./rotation.ts";
import { MAX_PACKET_BYTES, type MqttClient } from "./transport.ts";
import type { OpenStream, TlsIdentity } from "./transport.ts";

/** No broker could be reached, or none spoke MQTT with us. */
export class UnreachableError extends Error {
  /** The class's name. */
  override name = "UnreachableError";
}

/** The broker doesn't let this user in. */
export class NotAuthorizedError extends Error {
  /** The class's name. */
  override name = "NotAuthorizedError";
}

/** The broker refuses the connection for a reason other than the user. */
export class RefusedError extends Error {
  /** The class's name. */
  override name = "RefusedError";
}

/** What is said to the broker in CONNECT, and how long it may take to answer. */
export interface ConnectOptions {
  /** The brokers to try, in this order. */
  brokers: Broker[];
  /** The client id. */
  clientId: string;
  /** Whether it was made up, so that nobody has a session under it. */
  hasRandomId: boolean;
  /** The user, unless the broker's URL names one. */
  username: string;
  /** The user's password. */
  password?: string;
  /** Seconds. */
  keepalive: number;
  /** The version to speak; `auto` is 5, and 4 where 5 is refused. */
  protocolVersion: WantedVersion;
  /** Seconds in which one of the brokers must have answered. */
  timeout: number;
  /** What TLS connections trust and show. */
  tls?: TlsIdentity;
  /** What the broker publishes when the connection is lost. */
  will?: { topic: string; payload: Uint8Array };
  /** Whether the session outlives the program, and how long (seconds). */
  session: { resume: boolean; expiry: number };
}

/** Called in the moment a connection stands. */
export type OnConnected = (mqtt: MqttClient, sessionPresent: boolean) => void;

/** Called with MQTT.js's client before anything can arrive. */
export type OnCreated = (mqtt: MqttClient) => void;

/**
 * Tries the brokers in turn, once each, until one accepts us.
 *
 * @param options What to say to them.
 * @param rotation The order; it stays at the broker that answered.
 * @param open Opens a stream to a broker.
 * @param onCreated Given MQTT.js's client for each attempt. The messages of a
 * kept session may come before it says that it is connected.
 * @param onConnected Given MQTT.js's client, which doesn't reconnect until it
 * is told a `reconnectPeriod`.
 * @param onStep Told of each failed attempt, for `--debug`.
 * @throws {NotAuthorizedError} At once, when a broker refuses the user.
 * @throws {RefusedError} When a broker refuses for good for another reason.
 * @throws {UnreachableError} When none answers in time, or not with a
 * certificate to trust.
 */
export async function connectFirst(
  options: ConnectOptions,
  rotation: Rotation,
  open: OpenStream,
  onCreated: OnCreated,
  onConnected: OnConnected,
  onStep: (text: string) => void,
): Promise<void> {
  const deadline = performance.now() + options.timeout * 1000;
  const failures: string[] = [];
  let hasWrongVersion = false;
  while (failures.length < options.brokers.length) {
    const { broker, version } = rotation;
    // A share for each, or one that is silent would leave the others none.
    const share = (deadline - performance.now()) /
      (options.brokers.length - failures.length);
    const failure = share > 0
      ? await attempt(options, rotation, open, share, onCreated, onConnected)
      : { text: "no time left to try it", remedy: "elsewhere" } as const;
    if (failure === undefined) return;
    onStep(`${showBroker(broker)}, ${versionName(version)}: ${failure.text}`);
    await throwIfHopeless(failure, broker, options);
    if (rotation.moveOn(failure.remedy === "version") !== "version") {
      failures.push(`${showBroker(broker)} (${failure.text})`);
    }
    hasWrongVersion = failure.remedy === "version";
  }
  if (hasWrongVersion && options.protocolVersion !== "auto") {
    throw new UnreachableError(
      `${failures.join(" and ")}: no broker speaks ` +
        `${versionName(options.protocolVersion)} with us. Try it without ` +
        "--protocol-version.",
    );
  }
  throw new UnreachableError(
    `No broker answers at ${failures.join(" or ")}. ${advice(options.brokers)}`,
  );
}

/** What to do when no broker answers. */
function advice(brokers: Broker[]): string {
  const isHere = brokers.every(({ host }) => LOOPBACK.test(host));
  return isHere
    ? "Is one running here? deno task broker starts one; --host names another."
    : "Is it running, and are scheme, host and port right? Name another with " +
      "--host.";
}

/** This machine, by its names. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i;

/** One connection attempt; returns why it failed, if it did. */
function attempt(
  options: ConnectOptions,
  rotation: Rotation,
  open: OpenStream,
  milliseconds: number,
  onCreated: OnCreated,
  onConnected: OnConnected,
): Promise<Reason | undefined> {
  return new Promise((resolve) => {
    const mqtt: MqttClient = new mqttClient.default(
      (mqtt) => {
        // Each broker has its own: one's password is not for another. MQTT.js
        // writes CONNECT after this, on every connection.
        Object.assign(mqtt.options, credentials(options, rotation.broker));
        return open(mqtt, rotation.broker);
      },
      mqttOptions(options, rotation.version, milliseconds),
    );
    refuseTruncatedPackets(mqtt);
    onCreated(mqtt);
    let cause: Error | undefined;
    const onError = (error: Error) => cause ??= error;
    const onClose = () => {
      mqtt.end(true);
      resolve(connectReason(cause));
    };
    mqtt.on("error", onError);
    mqtt.once("close", onClose);
    mqtt.once("connect", ({ sessionPresent }) => {
      // What came with CONNACK could not be parsed.
      if (cause !== undefined) return void mqtt.stream.destroy();
      mqtt.off("error", onError);
      mqtt.off("close", onClose);
      rotation.accepted();
      onConnected(mqtt, sessionPresent);
      resolve(undefined);
    });
  });
}

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
        : "No password was given: use --password-file, MQTT_PASSWORD or " +
          "--password.";
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

/** Who to be at a broker: whom its URL names, else whom the options name. */
function credentials(
  options: ConnectOptions,
  broker: Broker,
): { username: string; password?: string } {
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

/** What MQTT.js is told. */
function mqttOptions(
  options: ConnectOptions,
  version: Version,
  milliseconds: number,
): IClientOptions {
  return {
    clientId: options.clientId,
    keepalive: options.keepalive,
    protocolVersion: version,
    clean: startsClean(options, version),
    connectTimeout: milliseconds,
    will: options.will === undefined ? undefined : {
      topic: options.will.topic,
      payload: Buffer.from(options.will.payload),
      qos: 1,
      retain: false,
    },
    // Only MQTT 5 sends them.
    properties: {
      sessionExpiryInterval: options.session.expiry,
      maximumPacketSize: MAX_PACKET_BYTES,
    },
    // The first connection is tried here, once; Link sets it for later ones.
    reconnectPeriod: 0,
    reconnectOnConnackError: true,
    // A resubscription that MQTT.js makes would hide a denial.
    resubscribe: false,
    // With it, the clock of pings is set anew for each packet.
    reschedulePings: false,
    // Without these it builds a table of 65,536 entries (~40 ms), or starts
    // a worker (measured).
    writeCache: false,
    timerVariant: "native",
  };
}
