/**
 * An MQTT client that does next to nothing: it sends packets that were encoded
 * beforehand and counts those that come. What it reaches is the broker's own
 * limit, and as a sender or a counter it is the same for every program.
 *
 * @module
 */

import "../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { generate, parser } from "mqtt-packet";
import { Progress, within } from "../lib/timer.ts";

/** How long an answer may take, in seconds. */
const PATIENCE_S = 60;

/** The packets that are counted. */
type Answer = "connack" | "suback" | "puback" | "publish";

/** A connection to the broker. */
export class BareClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #counts = { connack: 0, suback: 0, puback: 0, publish: 0 };
  readonly #progress = new Progress();
  #bytes = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    // Only the connection's end comes out of it, which a waiter is told.
    this.#read().catch(() => {}).finally(() => this.#progress.made());
  }

  /** Connects to the broker on a port of 127.0.0.1, and is accepted. */
  static async connect(port: number): Promise<BareClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new BareClient(connection);
    const clientId = `bare-${crypto.randomUUID()}`;
    await client.send(generate({ cmd: "connect", clientId, keepalive: 0 }));
    await client.expect("connack", 1);
    return client;
  }

  /** Subscribes at QoS 0: there is nothing to acknowledge. */
  async subscribe(topic: string): Promise<void> {
    const subscriptions = [{ topic, qos: 0 as const }];
    await this.send(
      generate({ cmd: "subscribe", messageId: 1, subscriptions }),
    );
    await this.expect("suback", 1);
  }

  /** Sends packets, any number of them as bytes. */
  async send(packets: Uint8Array): Promise<void> {
    let rest = packets;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#connection.write(rest));
    }
  }

  /**
   * Waits for packets of a kind.
   *
   * @param kind Which.
   * @param count How many since the connection was made.
   * @param patience For how many seconds without any news.
   * @returns How many have come.
   */
  async wait(kind: Answer, count: number, patience: number): Promise<number> {
    while (this.#counts[kind] < count) {
      const before = this.#bytes;
      await within(patience, this.#progress.next);
      if (this.#bytes === before) break;
    }
    return this.#counts[kind];
  }

  /** As {@link BareClient.wait}, but throws when they don't come. */
  async expect(kind: Answer, count: number): Promise<void> {
    const came = await this.wait(kind, count, PATIENCE_S);
    if (came >= count) return;
    throw new Error(
      `The broker sent ${came} of ${count} ${kind} to the bare client, and ` +
        "then nothing.",
    );
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const packets = parser();
    packets.on("packet", ({ cmd }) => {
      if (cmd in this.#counts) this.#counts[cmd as Answer]++;
    });
    for await (const bytes of this.#connection.readable) {
      this.#bytes += bytes.length;
      packets.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      this.#progress.made();
    }
  }
}
