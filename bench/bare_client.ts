/**
 * An MQTT client that does next to nothing: it sends packets that were encoded
 * beforehand and counts those that come. What it reaches is the broker's own
 * limit, and as a sender or a counter it is the same for every program. Effects.
 *
 * @module
 */

import { connect, PACKET, PacketCounter, subscribe } from "./packets.ts";

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 60_000;

/** A connection to the broker. */
export class BareClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #counter = new PacketCounter();
  #hasEnded = false;
  #news = Promise.withResolvers<void>();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#read().catch(() => {}).finally(() => {
      this.#hasEnded = true;
      this.#news.resolve();
    });
  }

  /**
   * Connects.
   *
   * @param port The broker's, on 127.0.0.1.
   * @returns The connection, accepted by the broker.
   */
  static async connect(port: number): Promise<BareClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new BareClient(connection);
    await client.send(connect(`bare-${crypto.randomUUID()}`));
    await client.untilCount(PACKET.connack, 1);
    return client;
  }

  /**
   * Subscribes at QoS 0, once a connection: there is nothing to acknowledge.
   *
   * @param filter The topic filter.
   */
  async subscribe(filter: string): Promise<void> {
    await this.send(subscribe(filter));
    await this.untilCount(PACKET.suback, 1);
  }

  /**
   * Sends packets.
   *
   * @param packets Any number, as bytes.
   */
  async send(packets: Uint8Array): Promise<void> {
    let rest = packets;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#connection.write(rest));
    }
  }

  /**
   * How many packets of a type have come.
   *
   * @param type One of {@link PACKET}.
   * @returns The number.
   */
  count(type: number): number {
    return this.#counter.count(type);
  }

  /**
   * Waits until so many packets of a type have come.
   *
   * @param type One of {@link PACKET}.
   * @param count How many.
   * @throws {Error} When the connection ends before, or nothing comes for a
   * minute.
   */
  async untilCount(type: number, count: number): Promise<void> {
    while (this.count(type) < count) {
      if (this.#hasEnded || !await this.hasNews(PATIENCE_MS)) {
        throw new Error(
          `The broker sent ${this.count(type)} of ${count} packets of type ` +
            `${type} to the bare client, and then nothing.`,
        );
      }
    }
  }

  /**
   * Waits for anything to come.
   *
   * @param patience For how many milliseconds.
   * @returns Whether something did.
   */
  async hasNews(patience: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), patience);
    const came = this.#news.promise.then(() => !this.#hasEnded);
    const result = await Promise.race([came, late.promise]);
    clearTimeout(timer);
    return result;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const size = await this.#connection.read(buffer);
      if (size === null) return;
      this.#counter.read(buffer.subarray(0, size));
      const news = this.#news;
      this.#news = Promise.withResolvers();
      news.resolve();
    }
  }
}
