/**
 * An MQTT client that does next to nothing: it sends packets that were encoded
 * beforehand and counts those that come. What it reaches is the broker's own
 * limit, and as a sender or a counter it is the same for every program.
 *
 * @module
 */

import "../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { generate, type PacketCmd, parser } from "mqtt-packet";
import { Incoming } from "./incoming.ts";

/** How long an answer may take, in seconds. */
const PATIENCE_S = 60;

export class BareClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #incoming: Incoming;
  readonly #counts = new Map<PacketCmd, number>();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    const packets = parser();
    packets.on("packet", ({ cmd }) => {
      this.#counts.set(cmd, (this.#counts.get(cmd) ?? 0) + 1);
    });
    const take = ({ buffer, byteOffset, length }: Uint8Array) =>
      void packets.parse(Buffer.from(buffer, byteOffset, length));
    this.#incoming = new Incoming(connection.readable, take);
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
    const packet = { cmd: "subscribe" as const, messageId: 1, subscriptions };
    await this.send(generate(packet));
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
   * Waits for so many packets of a kind, or so many seconds without any news;
   * returns how many have come.
   */
  async wait(kind: PacketCmd, count: number, silence: number): Promise<number> {
    const came = () => this.#counts.get(kind) ?? 0;
    await this.#incoming.until(() => came() >= count, silence);
    return came();
  }

  /** As {@link BareClient.wait}, but throws when they don't come. */
  async expect(kind: PacketCmd, count: number): Promise<void> {
    const came = await this.wait(kind, count, PATIENCE_S);
    if (came >= count) return;
    throw new Error(`The broker sent ${came} of ${count} ${kind}, no more.`);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
