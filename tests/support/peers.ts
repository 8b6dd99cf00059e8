/**
 * Another member of the rooms, who speaks plain MQTT: sees what is on the wire
 * and may publish anything.
 *
 * @module
 */

import "../../lib/mqtt/library_env.ts"; // first: mqtt reads the environment on loading
import { Buffer } from "node:buffer";
import { connect as openSocket } from "node:net";
import type { IClientOptions, MqttClient } from "mqtt";
import mqttClient from "mqtt/lib/client";
import { News } from "./news.ts";

/** One publication as it arrived. */
export interface Arrival {
  topic: string;
  text: string;
  qos: number;
}

/** The payload of a message as the Python program sends it. */
export const said = (message: string, from = "ann") =>
  JSON.stringify({ type: "message", from, message });

/** A client of MQTT.js that connects once and no more. */
export function openClient(
  { port }: { port: number },
  options: Partial<IClientOptions>,
): MqttClient {
  return new mqttClient.default(() => openSocket(port, "127.0.0.1"), {
    protocolVersion: 4,
    clientId: crypto.randomUUID(),
    reconnectPeriod: 0,
    timerVariant: "native",
    writeCache: false,
    ...options,
  });
}

/** A client of a test's broker. */
export class Peer implements AsyncDisposable {
  readonly #mqtt: MqttClient;
  readonly #arrived = new News<Arrival>("arrivals at the peer");

  private constructor(mqtt: MqttClient) {
    this.#mqtt = mqtt;
    mqtt.on("message", (topic, payload, { qos }) => {
      this.#arrived.add({ topic, text: payload.toString(), qos });
    });
  }

  /** Connects as a user who may do everything, and subscribes. */
  static async connect(
    broker: { port: number },
    ...filters: string[]
  ): Promise<Peer> {
    const login = { username: "Server", password: "admin" };
    const mqtt = openClient(broker, login);
    const peer = new Peer(mqtt);
    await new Promise<void>((resolve, reject) => {
      mqtt.once("connect", () => resolve());
      mqtt.once("close", () => reject(new Error("The peer was not let in.")));
      mqtt.on("error", reject);
    });
    if (filters.length > 0) await mqtt.subscribeAsync(filters, { qos: 2 });
    return peer;
  }

  /** Publishes at QoS 1 and waits for the acknowledgement. */
  async publish(
    topic: string,
    payload: string | Uint8Array,
    retain = false,
  ): Promise<void> {
    const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
    await this.#mqtt.publishAsync(topic, bytes, { qos: 1, retain });
  }

  /** All that has arrived so far. */
  get arrived(): readonly Arrival[] {
    return this.#arrived.all;
  }

  /** The next publication. */
  async next(): Promise<Arrival> {
    return await this.#arrived.next();
  }

  /** Everything up to the one with a certain text, that one left out. */
  async until(text: string): Promise<Arrival[]> {
    const isLast = (arrival: Arrival) => arrival.text === text;
    return (await this.#arrived.until(isLast)).slice(0, -1);
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mqtt.endAsync(true);
  }
}
