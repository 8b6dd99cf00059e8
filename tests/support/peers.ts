/**
 * Another member of the rooms, who speaks plain MQTT: sees what is on the wire
 * and may publish anything.
 *
 * @module
 */

import "../../lib/mqtt/library_env.ts"; // first: mqtt reads the environment on loading
import { Buffer } from "node:buffer";
import { connect as openSocket } from "node:net";
import type { MqttClient } from "mqtt";
import mqttClient from "mqtt/lib/client";
import { PATIENCE_MS } from "./text_lines.ts";

/** One publication as it arrived. */
export interface Arrival {
  topic: string;
  text: string;
  qos: number;
}

/** The payload of a message as the Python program sends it. */
export const said = (message: string, from = "ann") =>
  JSON.stringify({ type: "message", from, message });

/** A client of a test's broker. */
export class Peer implements AsyncDisposable {
  readonly #mqtt: MqttClient;
  readonly #arrived: Arrival[] = [];
  #news = Promise.withResolvers<void>();

  private constructor(mqtt: MqttClient) {
    this.#mqtt = mqtt;
    mqtt.on("message", (topic, payload, { qos }) => {
      this.#arrived.push({ topic, text: payload.toString(), qos });
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    });
  }

  /** Connects as a user who may do everything, and subscribes. */
  static async connect(
    broker: { port: number },
    ...filters: string[]
  ): Promise<Peer> {
    const mqtt: MqttClient = new mqttClient.default(
      () => openSocket(broker.port, "127.0.0.1"),
      {
        protocolVersion: 4,
        clientId: crypto.randomUUID(),
        username: "Server",
        password: "admin",
        reconnectPeriod: 0,
        timerVariant: "native",
        writeCache: false,
      },
    );
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

  /** The next publication. */
  async next(): Promise<Arrival> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("Nothing arrived at the peer.")),
      PATIENCE_MS,
    );
    try {
      for (;;) {
        const arrival = this.#arrived.shift();
        if (arrival !== undefined) return arrival;
        await Promise.race([this.#news.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Everything up to the one with a certain text, that one left out. */
  async until(text: string): Promise<Arrival[]> {
    const arrivals: Arrival[] = [];
    for (;;) {
      const arrival = await this.next();
      if (arrival.text === text) return arrivals;
      arrivals.push(arrival);
    }
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mqtt.endAsync(true);
  }
}
