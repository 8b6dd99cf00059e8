/**
 * As much of MQTT 3.1.1 as a bare client needs: a few packets as bytes, many
 * PUBLISH packets encoded beforehand, and a counter of the packets in a stream.
 * It does no work per message that a chat client does, so that what it reaches
 * is the broker's limit. Pure.
 *
 * @module
 */

/** The types of packets (MQTT 3.1.1 §2.2.1) that are counted by name. */
export const PACKET = {
  connack: 2,
  publish: 3,
  puback: 4,
  suback: 9,
} as const;

const encoder = new TextEncoder();

/**
 * CONNECT with a clean session, without a keep alive (MQTT 3.1.1 §3.1).
 *
 * @param clientId The client id.
 * @returns The packet.
 */
export function connect(clientId: string): Uint8Array<ArrayBuffer> {
  return packet(0x10, text("MQTT"), [4, 2, 0, 0], text(clientId));
}

/**
 * SUBSCRIBE to one topic filter at QoS 0 (MQTT 3.1.1 §3.8).
 *
 * @param filter The topic filter.
 * @returns The packet.
 */
export function subscribe(filter: string): Uint8Array<ArrayBuffer> {
  return packet(0x82, [0, 1], text(filter), [0]);
}

/** What goes into each of many PUBLISH packets. */
export interface Batch {
  /** How many. */
  count: number;
  /** The topics in turn. */
  topics: readonly string[];
  /** The QoS of all of them; at 1 the packet ids go round. */
  qos: 0 | 1;
  /** The payload of one of them, counted from 0. */
  payload: (index: number) => Uint8Array;
}

/**
 * PUBLISH packets, one after the other (MQTT 3.1.1 §3.3).
 *
 * @param batch What they are.
 * @returns All of them.
 */
export function publishes(batch: Batch): Uint8Array<ArrayBuffer> {
  const { count, topics, qos, payload } = batch;
  const names = topics.map(text);
  const packets = Array.from({ length: count }, (_, index) => {
    const id = 1 + index % 0xffff;
    const idBytes = qos === 1 ? [id >> 8, id & 0xff] : [];
    const name = names[index % names.length];
    return packet(0x30 | qos << 1, name, idBytes, payload(index));
  });
  return concat(packets);
}

/** Counts the packets of a stream by their type. */
export class PacketCounter {
  readonly #counts = new Uint32Array(16);
  /** The type of the packet under way; its first byte is yet to come at -1. */
  #type = -1;
  /** Whether the length of the packet under way is known. */
  #isMeasured = false;
  /** That length, as far as it is known, less what has come of the rest. */
  #left = 0;
  #shift = 0;

  /**
   * Takes the next bytes.
   *
   * @param bytes Any part of the stream, in order.
   */
  read(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#type === -1) {
        this.#type = bytes[at++] >> 4;
      } else if (!this.#isMeasured) {
        this.#measure(bytes[at++]);
      } else {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
      }
      if (this.#isMeasured && this.#left === 0) this.#finish();
    }
  }

  /**
   * How many packets of a type have come whole.
   *
   * @param type One of {@link PACKET}.
   * @returns The number.
   */
  count(type: number): number {
    return this.#counts[type];
  }

  #measure(byte: number): void {
    this.#left += (byte & 0x7f) << this.#shift;
    this.#shift += 7;
    this.#isMeasured = byte < 0x80;
  }

  #finish(): void {
    this.#counts[this.#type]++;
    this.#type = -1;
    this.#isMeasured = false;
    this.#shift = 0;
  }
}

/** A packet of a first byte and what follows the length. */
function packet(
  first: number,
  ...parts: ArrayLike<number>[]
): Uint8Array<ArrayBuffer> {
  const body = concat(parts);
  const head = [first];
  let rest = body.length;
  do {
    head.push(rest & 0x7f | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return concat([head, body]);
}

/** A string as MQTT has it: the length in two bytes, UTF-8. */
function text(value: string): Uint8Array {
  const bytes = encoder.encode(value);
  return concat([[bytes.length >> 8, bytes.length & 0xff], bytes]);
}

function concat(parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
