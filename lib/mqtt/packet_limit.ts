/**
 * A limit on the size of MQTT packets that a socket takes in. The parser of
 * MQTT.js and of the embedded broker has none: it gathers whatever length a
 * packet announces, up to 256 MiB, before it looks at it.
 *
 * @module
 */

import type { Socket } from "node:net";

/**
 * The largest packet that is taken, in bytes, so that memory has a bound. A
 * broker of MQTT 5 is told.
 */
export const MAX_PACKET_BYTES = 1_048_576;

/** Bytes that the length field of an MQTT packet may take. */
const LENGTH_BYTES = 4;

/** Follows the packets in a stream of bytes, without keeping any. */
export class PacketMeter {
  readonly #limit: number;
  /** Bytes of the packet's body that are still to come. */
  #body = 0;
  /** Bytes of the length field that were read, or undefined before the type. */
  #lengthBytes: number | undefined;

  /**
   * Makes a meter at the start of a stream.
   *
   * @param limit The most bytes a packet may announce after its fixed header.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param bytes The bytes, cut anywhere.
   * @returns False once a packet announces more than the limit, or has a length
   *   field that never ends. After that the meter is of no more use.
   */
  accept(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#lengthBytes === undefined && this.#body > 0) {
        const skipped = Math.min(this.#body, bytes.length - at);
        this.#body -= skipped;
        at += skipped;
      } else if (!this.#header(bytes[at++])) {
        return false;
      }
    }
    return true;
  }

  /** Takes one byte of a fixed header: a type, then 7 bits of length each. */
  #header(byte: number): boolean {
    if (this.#lengthBytes === undefined) {
      this.#lengthBytes = 0;
      return true;
    }
    this.#body += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if (byte < 0x80) this.#lengthBytes = undefined;
    return this.#body <= this.#limit &&
      (this.#lengthBytes ?? 0) < LENGTH_BYTES;
  }
}

/**
 * Ends a stream with an error as soon as a packet over the limit is announced.
 * Must be called before anything arrives, on a stream that is read by piping.
 *
 * @param stream The stream.
 * @param limit The most bytes a packet may announce after its fixed header.
 */
export function limitArriving(stream: Arriving, limit: number): void {
  const meter = new PacketMeter(limit);
  stream.on("data", (bytes: Uint8Array) => {
    if (stream.destroyed || meter.accept(bytes)) return;
    const error = new Error(`it announced a packet of over ${limit} bytes`);
    stream.destroy(Object.assign(error, { code: "EMSGSIZE" }));
  });
}

/** The part of a Node stream that matters here. */
export interface Arriving {
  /** Whether it has ended already. */
  readonly destroyed: boolean;
  /** Calls back with what arrives. */
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  /** Ends it. */
  destroy(error: Error): unknown;
}

/**
 * Cuts a connection as soon as it announces a packet over the limit, without a
 * word, as Mosquitto does to a client of MQTT 3.1.1. Must be called before
 * anything reads from the socket.
 *
 * @param socket The connection, read from with `read()`.
 * @param limit The most bytes a packet may announce after its fixed header.
 */
export function limitPackets(socket: Socket, limit: number): void {
  const meter = new PacketMeter(limit);
  const read = socket.read.bind(socket);
  socket.read = (size) => {
    const bytes: Uint8Array | null = read(size);
    if (bytes === null || meter.accept(bytes)) return bytes;
    socket.destroy();
    return null;
  };
}
