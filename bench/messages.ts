/**
 * What is said in a benchmark: lines, and chat messages in the real wire format
 * as MQTT packets that are encoded once and sent as often as needed. Pure.
 *
 * @module
 */

import "../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import { encodeFor } from "../lib/codec.ts";
import type { RoomSeal } from "../lib/seal.ts";

/** What the last message of a {@link Batch} says, and no other. */
export const LAST = "and that was the last one.";

/** Messages as packets, one after the other. */
export interface Batch {
  count: number;
  qos: 0 | 1;
  packets: Uint8Array;
}

/** A line of about 80 bytes, which its number makes unique. */
export function lineOf(index: number): string {
  const number = `${index}`.padStart(7, "0");
  return `${number} The build is green, and lunch is at half past twelve ` +
    "in the usual place.";
}

/**
 * So many messages of about 200 bytes, to some topics in turn; sealed where
 * there is a seal.
 */
export function batchOf(
  count: number,
  topics: string[],
  qos: 0 | 1,
  seal?: RoomSeal,
): Batch {
  const packets = Array.from({ length: count }, (_, index) => {
    const text = index < count - 1 ? lineOf(index) : `${lineOf(index)} ${LAST}`;
    const messageId = 1 + index % 0xffff;
    const topic = topics[index % topics.length];
    return packetOf(topic, text, qos, messageId, seal);
  });
  return { count, qos, packets: Buffer.concat(packets) };
}

/** A chat message as a PUBLISH packet. */
export function packetOf(
  topic: string,
  text: string,
  qos: 0 | 1 = 0,
  messageId = 1,
  seal?: RoomSeal,
): Buffer {
  const payload = encodeFor(topic, {
    type: "message",
    from: "Ada",
    message: text,
    id: crypto.randomUUID(),
    at: new Date().toISOString(),
  }, seal);
  return generate({
    cmd: "publish",
    topic,
    payload,
    qos,
    messageId,
    dup: false,
    retain: false,
  });
}
