/**
 * The first connection: which broker and which MQTT version answer, or the one
 * sentence that says why none does. Owns MQTT.js's set-up and the errors of
 * connecting. Touches the network.
 *
 * @module
 */

import "./empty_env.ts";
import { Buffer } from "node:buffer";
import ackHandler from "mqtt/lib/handlers/ack";
import mqttClient from "mqtt/lib/client";
import type { IClientOptions } from "mqtt";
import { type Broker, showBroker } from "./address.ts";
import type { ByteStream, MqttClient } from "./transport.ts";

/** The MQTT versions, by their number on the wire: 4 is 3.1.1. */
export type Version = 5 | 4;

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
  /** The user, unless the broker's URL names one. */
  username: string;
  /** The user's password. */
  password?: string;
  /** Seconds. */
  keepalive: number;
  /** The version to speak; `auto` is 5, and 4 where 5 is refused. */
  protocolVersion: "auto" | Version;
  /** Seconds in which one of the brokers must have answered. */
  timeout: number;
  /** What the broker publishes when the connection is lost. */
  will?: { topic: string; payload: Uint8Array };
  /** Whether the session outlives the connection, and how long (seconds). */
  session: { resume: boolean; expiry: number };
}

/** The largest packet we let an MQTT 5 broker send us: memory has a bound. */
const MAX_PACKET_BYTES = 1_048_576;

/** CONNACK codes, of both versions, that mean the user is not let in. */
const NOT_AUTHORIZED = [4, 5, 134, 135, 138, 140];

/** CONNACK codes that mean another version may do. */
const WRONG_VERSION = [1, 132];

/** CONNACK codes that mean another broker, or a later time, may do. */
const UNAVAILABLE = [3, 136, 137, 139, 151, 156, 157, 159];

/** A connection that stands. */
export interface Connection {
  /** MQTT.js's client; it doesn't reconnect until told a reconnectPeriod. */
  mqtt: MqttClient;
  /** The broker that answered. */
  broker: Broker;
  /** The version it speaks. */
  version: Version;
  /** Whether it still had our session. */
  sessionPresent: boolean;
}

/** Picks where MQTT.js's next stream goes. */
export type NextStream = (mqtt: MqttClient) => ByteStream;

/**
 * Tries the brokers in turn, once each, until one accepts us.
 *
 * @param options What to say to them.
 * @param streams Makes the function that MQTT.js opens its streams with, for
 * the broker to begin with.
 * @param onStep Told of each step, for `--debug`.
 * @returns The connection.
 * @throws {NotAuthorizedError} At once, when a broker refuses the user.
 * @throws {RefusedError} When a broker refuses for good for another reason.
 * @throws {UnreachableError} When none answers in time.
 */
export async function connectFirst(
  options: ConnectOptions,
  streams: (first: Broker) => NextStream,
  onStep: (text: string) => void,
): Promise<Connection> {
  const deadline = performance.now() + options.timeout * 1000;
  const failures: string[] = [];
  for (const broker of options.brokers) {
    for (const version of versionsOf(options.protocolVersion)) {
      const left = deadline - performance.now();
      const outcome = left <= 0
        ? new Attempted("there was no time left to try it")
        : await attempt(options, broker, version, left, streams(broker));
      if (!(outcome instanceof Attempted)) return { ...outcome, broker };
      onStep(
        `${showBroker(broker)}, ${versionName(version)}: ${outcome.reason}`,
      );
      const isLast = version === versionsOf(options.protocolVersion).at(-1);
      if (isLast || !outcome.otherVersion) {
        failures.push(`${showBroker(broker)} (${outcome.reason})`);
        break;
      }
    }
  }
  throw new UnreachableError(
    `No broker answers at ${failures.join(" or ")}. Is it running, and are ` +
      "host and port right? Name another with --host.",
  );
}

/** An attempt that failed in a way that leaves others to try. */
class Attempted {
  readonly reason: string;
  readonly otherVersion: boolean;

  constructor(reason: string, otherVersion = false) {
    this.reason = reason;
    this.otherVersion = otherVersion;
  }
}

/** One connection attempt, with one broker in one version. */
function attempt(
  options: ConnectOptions,
  broker: Broker,
  version: Version,
  milliseconds: number,
  stream: NextStream,
): Promise<Omit<Connection, "broker"> | Attempted> {
  return new Promise((resolve, reject) => {
    const mqtt: MqttClient = new mqttClient.default(
      stream,
      mqttOptions(options, broker, version, milliseconds),
    );
    let cause: Error | undefined;
    const onError = (error: Error) => cause ??= error;
    const onClose = () => {
      mqtt.end(true);
      const failure = failureOf(cause, broker, options, milliseconds);
      if (failure instanceof Attempted) resolve(failure);
      else reject(failure);
    };
    mqtt.on("error", onError);
    mqtt.once("close", onClose);
    mqtt.once("connect", ({ sessionPresent }) => {
      mqtt.off("error", onError);
      mqtt.off("close", onClose);
      resolve({ mqtt, version, sessionPresent });
    });
  });
}

/** What MQTT.js is told; DESIGN's facts say why for each. */
function mqttOptions(
  options: ConnectOptions,
  broker: Broker,
  version: Version,
  milliseconds: number,
): IClientOptions {
  const { resume, expiry } = options.session;
  return {
    clientId: options.clientId,
    username: broker.username ?? options.username,
    password: broker.password ?? options.password,
    keepalive: options.keepalive,
    protocolVersion: version,
    clean: !resume,
    connectTimeout: milliseconds,
    will: options.will === undefined ? undefined : {
      topic: options.will.topic,
      payload: Buffer.from(options.will.payload),
      qos: 1,
      retain: false,
    },
    properties: version === 5
      ? { sessionExpiryInterval: expiry, maximumPacketSize: MAX_PACKET_BYTES }
      : undefined,
    // The first connection is tried by us; see NextStream for the later ones.
    reconnectPeriod: 0,
    reconnectOnConnackError: true,
    // A resubscription that MQTT.js makes would hide a denial.
    resubscribe: false,
    reschedulePings: false,
    // Without these it builds a table of 65,536 entries (~40 ms), or starts
    // a worker (measured).
    writeCache: false,
    timerVariant: "native",
  };
}

/** The versions to try, best first. */
function versionsOf(wanted: ConnectOptions["protocolVersion"]): Version[] {
  return wanted === "auto" ? [5, 4] : [wanted];
}

/**
 * A version as people know it.
 *
 * @param version Its number on the wire.
 * @returns Such as `MQTT 3.1.1`.
 */
export function versionName(version: Version): string {
  return version === 5 ? "MQTT 5" : "MQTT 3.1.1";
}

/** What a failed attempt means: an error that ends it all, or try on. */
function failureOf(
  cause: Error | undefined,
  broker: Broker,
  options: ConnectOptions,
  milliseconds: number,
): Attempted | Error {
  if (cause === undefined) {
    return new Attempted("it closed the connection without a word", true);
  }
  if (cause.message === "connack timeout") {
    const seconds = Math.round(milliseconds / 100) / 10;
    return new Attempted(`no answer within ${seconds} s`);
  }
  const code = reasonCodeOf(cause);
  if (code === undefined) return new Attempted(networkReason(cause));
  const at = `${showBroker(broker)} refused the connection`;
  const reason = reasonName(code);
  if (WRONG_VERSION.includes(code)) return new Attempted(reason, true);
  if (UNAVAILABLE.includes(code)) return new Attempted(reason);
  if (!NOT_AUTHORIZED.includes(code)) {
    return new RefusedError(`${at}: ${reason}.`);
  }
  const user = JSON.stringify(broker.username ?? options.username);
  return new NotAuthorizedError(
    `${at} of user ${user}: ${reason}. Check --username and --password.`,
  );
}

/**
 * The MQTT reason code an error of MQTT.js carries.
 *
 * @param error Any error it gives.
 * @returns The code, or undefined for errors of other kinds.
 */
export function reasonCodeOf(error: Error): number | undefined {
  return "code" in error && typeof error.code === "number"
    ? error.code
    : undefined;
}

/**
 * A reason code in words (MQTT 5 §2.4, MQTT 3.1.1 §3.2.2.3).
 *
 * @param code The code.
 * @returns Its name in lower case; the number where it has none.
 */
export function reasonName(code: number): string {
  const names: Record<number, string> = ackHandler.ReasonCodes;
  return names[code]?.toLowerCase() || `reason code ${code}`;
}

/** What common system errors mean, for people. */
const SYSTEM_ERRORS = new Map([
  ["ECONNREFUSED", "connection refused, nothing listens there"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "the host name can't be looked up now"],
  ["ECONNRESET", "it reset the connection"],
  ["ETIMEDOUT", "no answer"],
  ["EHOSTUNREACH", "no way to that host"],
  ["ENETUNREACH", "no way to that network"],
  ["EPIPE", "it closed the connection"],
]);

/**
 * An error of the network in words.
 *
 * @param error What a stream gave.
 * @returns Part of a sentence.
 */
export function networkReason(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  return SYSTEM_ERRORS.get(code) ?? (error.message || code || error.name);
}
