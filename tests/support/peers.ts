/**
 * Another member of the rooms, who speaks plain MQTT: sees what is on the wire
 * and may publish anything; and a room of the embedded broker with such a member.
 */

import "../../lib/mqtt/library_env.ts"; // first: mqtt reads the environment on loading
import { assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect as openSocket } from "node:net";
import type { IClientOptions, MqttClient } from "mqtt";
import mqttClient from "mqtt/lib/client";
import type { RunningBroker } from "../../lib/broker/broker.ts";
import { openBroker, TOPIC } from "./brokers.ts";
import { News } from "./patience.ts";

export interface Arrival {
  topic: string;
  text: string;
  qos: number;
}

/** The payload of a message as the Python program sends it. */
export const said = (message: string, from = "ann") =>
  JSON.stringify({ type: "message", from, message });

/** A client of MQTT.js that connects once, and was accepted or refused. */
export class Peer implements AsyncDisposable {
  readonly mqtt: MqttClient;
  readonly #arrived = new News<Arrival>("arrivals at the peer");
  /** CONNACK's code; undefined when the connection ended without one. */
  code?: number;
  sessionPresent = false;
  readonly closed: Promise<void>;

  private constructor(port: number, options: Partial<IClientOptions>) {
    this.mqtt = new mqttClient.default(() => openSocket(port, "127.0.0.1"), {
      protocolVersion: 4,
      clientId: crypto.randomUUID(),
      reconnectPeriod: 0,
      timerVariant: "native",
      writeCache: false,
      ...options,
    });
    this.closed = new Promise((resolve) => this.mqtt.once("close", resolve));
    this.mqtt.on("message", (topic, payload, { qos }) => {
      this.#arrived.add({ topic, text: payload.toString(), qos });
    });
  }

  /** Logs in as `user/password`, or without, and waits for the answer. */
  static async login(
    { port }: { port: number },
    login?: string,
    options: Partial<IClientOptions> = {},
  ): Promise<Peer> {
    const [username, password] = login?.split("/") ?? [];
    const peer = new Peer(port, { username, password, ...options });
    await new Promise<void>((resolve) => {
      peer.mqtt.on("connect", ({ sessionPresent }) => {
        Object.assign(peer, { code: 0, sessionPresent });
        resolve();
      });
      peer.mqtt.on("error", (error) => {
        peer.code = (error as { code?: number }).code;
      });
      peer.closed.then(resolve);
    });
    return peer;
  }

  /** Connects as a user who may do everything, and subscribes. */
  static async connect(
    broker: { port: number },
    ...filters: string[]
  ): Promise<Peer> {
    const peer = await Peer.login(broker, "Server/admin");
    if (peer.code !== 0) throw new Error("The peer was refused.");
    if (filters.length > 0) await peer.mqtt.subscribeAsync(filters, { qos: 2 });
    return peer;
  }

  /** Publishes, at QoS 1 until the broker has acknowledged it. */
  async publish(
    topic: string,
    payload: string | Uint8Array,
    retain = false,
    qos: 0 | 1 | 2 = 1,
  ): Promise<void> {
    const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
    await this.mqtt.publishAsync(topic, bytes, { qos, retain });
  }

  async subscribe(filter: string, qos: 0 | 1 | 2 = 1): Promise<number> {
    return (await this.mqtt.subscribeAsync(filter, { qos }))[0].qos;
  }

  get arrived(): readonly Arrival[] {
    return this.#arrived.all;
  }

  async next(): Promise<Arrival> {
    return await this.#arrived.next();
  }

  /** Everything up to the one with a certain text, that one left out. */
  async until(text: string): Promise<Arrival[]> {
    const isLast = (arrival: Arrival) => arrival.text === text;
    return (await this.#arrived.until(isLast)).slice(0, -1);
  }

  /** Everything as `topic text`, up to such a line, that one included. */
  async lines(last: string): Promise<string[]> {
    const line = ({ topic, text }: Arrival) => `${topic} ${text}`;
    return (await this.#arrived.until((it) => line(it) === last)).map(line);
  }

  async die(): Promise<void> {
    this.mqtt.stream.destroy();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mqtt.endAsync(!this.mqtt.connected);
  }
}

/** Everything a broker answers to some bytes, to the end of the connection. */
export async function answer(
  { port }: { port: number },
  bytes: Uint8Array,
): Promise<number[]> {
  using socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await socket.write(bytes);
  const answered: number[] = [];
  try {
    for await (const chunk of socket.readable) answered.push(...chunk);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return answered;
}

interface Room {
  broker: RunningBroker;
  /** Another member, who reads the room unless a test names filters. */
  peer: Peer;
}

type Play = (room: Room) => Promise<void>;
type Register = (name: string, fn: () => Promise<void>) => void;

/** Registers tests of a subject in a room, perhaps through a gate. */
export const roomTests =
  (subject: string, register: Register = Deno.test, usual = [TOPIC]) =>
  (name: string, play: Play, filters = usual): void =>
    register(`${subject}: ${name}`, async () => {
      await using broker = await openBroker();
      await using peer = await Peer.connect(broker, ...filters);
      await play({ broker, peer });
    });

export async function nextPayload(peer: Peer) {
  return JSON.parse((await peer.next()).text);
}

/** The lines of a listener without their times, of which none is missing. */
export function linesOf({ stdout }: { stdout: string }): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => {
    assertMatch(line, /^\d\d:\d\d:\d\d /);
    return line.slice("00:00:00 ".length);
  });
}
