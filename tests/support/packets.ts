/**
 * MQTT packets by hand, for servers that tests script: what clients send, read
 * into its parts, and what servers answer, as bytes.
 *
 * @module
 */

/** The packets that have a name here, or "other". */
export type PacketName =
  | "connect"
  | "publish"
  | "subscribe"
  | "disconnect"
  | "other";

/** The types of packets (MQTT 5 §2.1.2) that have a name here. */
const NAMES = new Map<number, PacketName>([
  [1, "connect"],
  [3, "publish"],
  [8, "subscribe"],
  [14, "disconnect"],
]);

/** A packet as it came: what it is, and what follows its length. */
export interface Packet {
  name: PacketName;
  /** The low four bits of its first byte. */
  flags: number;
  body: Uint8Array;
  /** Its whole size in bytes. */
  size: number;
}

/** The properties that are read and written here, by MQTT.js's names. */
type PropertyName =
  | "sessionExpiryInterval"
  | "receiveMaximum"
  | "maximumQoS"
  | "maximumPacketSize";

/** Their codes (MQTT 5 §2.2.2.2) and sizes. */
const PROPERTIES: Record<PropertyName, [code: number, size: number]> = {
  sessionExpiryInterval: [0x11, 4],
  receiveMaximum: [0x21, 2],
  maximumQoS: [0x24, 1],
  maximumPacketSize: [0x27, 4],
};

/** Some of them. */
export type Properties = Partial<Record<PropertyName, number>>;

/** What a CONNECT says. */
export interface Connect {
  version: number;
  clean: boolean;
  clientId: string;
  properties: Properties;
}

/** What a PUBLISH says. */
export interface Publish {
  topic: string;
  text: string;
  qos: number;
  id?: number;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Reads a CONNECT (MQTT 5 §3.1, 3.1.1 §3.1). */
export function readConnect({ body }: Packet): Connect {
  const version = body[6];
  const { properties, end } = version === 5
    ? readProperties(body, 10)
    : { properties: {}, end: 10 };
  const idBytes = body.subarray(end + 2, end + 2 + (body[end + 1] | 0));
  const clientId = decoder.decode(idBytes);
  return { version, clean: (body[7] & 2) !== 0, clientId, properties };
}

/** Reads a PUBLISH without properties (MQTT 5 §3.3). */
export function readPublish(
  { body, flags }: Packet,
  version: number,
): Publish {
  const qos = flags >> 1 & 3;
  const topicEnd = 2 + (body[0] << 8 | body[1]);
  const topic = decoder.decode(body.subarray(2, topicEnd));
  const start = topicEnd + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0);
  const text = decoder.decode(body.subarray(start));
  const id = qos > 0 ? body[topicEnd] << 8 | body[topicEnd + 1] : undefined;
  return { topic, text, qos, id };
}

/** Reads the properties of a DISCONNECT of MQTT 5 (§3.14). */
export function readDisconnect({ body }: Packet): Properties {
  return body.length < 2 ? {} : readProperties(body, 1).properties;
}

/** Reads properties, fewer than 128 bytes of those known here. */
function readProperties(
  body: Uint8Array,
  start: number,
): { properties: Properties; end: number } {
  const properties: Properties = {};
  const end = start + 1 + body[start];
  for (let at = start + 1; at < end;) {
    const [name, [, size]] = entriesOf(PROPERTIES)
      .find(([, [code]]) => code === body[at])!;
    const digits = body.subarray(at + 1, at + 1 + size);
    properties[name] = digits.reduce((sum, byte) => sum * 256 + byte, 0);
    at += 1 + size;
  }
  return { properties, end };
}

/** CONNACK of MQTT 5. */
export function connack(
  code = 0,
  properties: Properties = {},
  sessionPresent = false,
): number[] {
  const bytes = entriesOf(properties).flatMap(([name, value = 0]) => {
    const [code, size] = PROPERTIES[name];
    const digits = Array.from(
      { length: size },
      (_, index) => value >>> 8 * (size - 1 - index) & 0xff,
    );
    return [code, ...digits];
  });
  const rest = [Number(sessionPresent), code, bytes.length, ...bytes];
  return [0x20, rest.length, ...rest];
}

/** CONNACK of MQTT 3.1.1, which an MQTT 3.1.1 server gives a client of 5 too. */
export function oldConnack(code = 0, sessionPresent = false): number[] {
  return [0x20, 2, Number(sessionPresent), code];
}

/** PUBACK of MQTT 5 for a PUBLISH at QoS 1. */
export function puback({ body }: Packet, code = 0): number[] {
  const id = 2 + (body[0] << 8 | body[1]);
  return [0x40, 4, body[id], body[id + 1], code, 0];
}

/** PUBACK of MQTT 3.1.1, and of MQTT 5 for success. */
export function oldPuback({ body }: Packet): number[] {
  const id = 2 + (body[0] << 8 | body[1]);
  return [0x40, 2, body[id], body[id + 1]];
}

/** SUBACK of MQTT 5 for a SUBSCRIBE without properties. */
export function suback({ body }: Packet, ...codes: number[]): number[] {
  return [0x90, 3 + codes.length, body[0], body[1], 0, ...codes];
}

/** SUBACK of MQTT 3.1.1. */
export function oldSuback({ body }: Packet, ...codes: number[]): number[] {
  return [0x90, 2 + codes.length, body[0], body[1], ...codes];
}

/** DISCONNECT of MQTT 5 from the server. */
export const disconnect = (code: number) => [0xe0, 2, code, 0];

/** PUBLISH of up to 127 bytes to a client of MQTT 5. */
export function publish({ topic, text, qos, id = 0 }: Publish): number[] {
  const name = encoder.encode(topic);
  const ids = qos > 0 ? [id >> 8, id & 0xff] : [];
  const body = [0, name.length, ...name, ...ids, 0, ...encoder.encode(text)];
  return [0x30 | qos << 1, body.length, ...body];
}

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  #bytes = new Uint8Array();

  /** Takes the next bytes; returns the packets that are complete with them. */
  *read(bytes: Uint8Array): Generator<Packet> {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    let start = 0;
    for (;;) {
      const packet = firstPacket(all.subarray(start));
      if (packet === undefined) break;
      start += packet.size;
      yield packet;
    }
    this.#bytes = all.slice(start);
  }
}

/** The packet that some bytes begin with, if all of it is there. */
function firstPacket(bytes: Uint8Array): Packet | undefined {
  let [length, at] = [0, 1];
  do {
    if (at >= bytes.length) return undefined;
    length += (bytes[at] & 0x7f) * 128 ** (at - 1);
  } while (bytes[at++] >= 0x80);
  const size = at + length;
  if (size > bytes.length) return undefined;
  return {
    name: NAMES.get(bytes[0] >> 4) ?? "other",
    flags: bytes[0] & 0xf,
    body: bytes.slice(at, size),
    size,
  };
}

/** `Object.entries` that knows its keys. */
function entriesOf<K extends string, V>(object: Partial<Record<K, V>>) {
  return Object.entries(object) as [K, V][];
}
