/**
 * Clients of a test's broker that log in as anybody, and are told how it went.
 *
 * @module
 */

import "../../lib/mqtt/library_env.ts"; // first: mqtt reads the environment on loading
import type { IClientOptions, MqttClient } from "mqtt";
import { News } from "./news.ts";
import { inTime } from "./patience.ts";
import { openClient } from "./peers.ts";

/** A test that fails where it would wait for ever. */
export function test(name: string, body: () => Promise<void>): void {
  Deno.test(`broker: ${name}`, () => inTime(body()));
}

/** A client of MQTT.js that was let in, or wasn't. */
export class Caller implements AsyncDisposable {
  readonly #inbox = new News<string>("messages");
  /** CONNACK's code; undefined when the connection ended without one. */
  code: number | undefined;
  /** Whether the broker had a session of this client. */
  sessionPresent = false;
  /** Done once the connection has ended. */
  readonly closed: Promise<void>;

  constructor(readonly mqtt: MqttClient) {
    this.closed = new Promise((resolve) => mqtt.once("close", () => resolve()));
    mqtt.on("message", (topic, payload) => {
      this.#inbox.add(`${topic} ${payload}`);
    });
  }

  /** What arrived, up to a line that must come, that line included. */
  async until(last: string): Promise<string[]> {
    return await this.#inbox.until((line) => line === last);
  }

  /** Publishes and waits for the acknowledgement. */
  async say(topic: string, text: string, qos: 0 | 1 | 2 = 1): Promise<void> {
    await this.mqtt.publishAsync(topic, text, { qos });
  }

  /** Subscribes; gives the granted QoS. */
  async hear(filter: string, qos: 0 | 1 | 2 = 1): Promise<number> {
    const [granted] = await this.mqtt.subscribeAsync(filter, { qos });
    return granted.qos;
  }

  /** Dies: the connection ends without DISCONNECT. */
  async die(): Promise<void> {
    this.mqtt.stream.destroy();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mqtt.endAsync(!this.mqtt.connected);
  }
}

/** Connects and waits for the answer, whichever it is. */
export async function connect(
  broker: { port: number },
  login?: string,
  options: Partial<IClientOptions> = {},
): Promise<Caller> {
  const [username, password] = login?.split("/") ?? [];
  const mqtt = openClient(broker, { username, password, ...options });
  const caller = new Caller(mqtt);
  await new Promise<void>((resolve) => {
    mqtt.on("connect", ({ sessionPresent }) => {
      caller.code = 0;
      caller.sessionPresent = sessionPresent;
      resolve();
    });
    mqtt.on(
      "error",
      (error) => caller.code = (error as { code?: number }).code,
    );
    caller.closed.then(resolve);
  });
  return caller;
}

/** Everything the broker answers to some bytes, to the end of the connection. */
export async function answer(
  broker: { port: number },
  bytes: Uint8Array,
): Promise<number[]> {
  using socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: broker.port,
  });
  await socket.write(bytes);
  const answered: number[] = [];
  try {
    for await (const chunk of socket.readable) answered.push(...chunk);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return answered;
}
