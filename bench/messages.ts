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

/** Where messages go. */
export interface Room {
  topics: readonly string[];
  qos: 0 | 1;
}

/** Messages as packets, one after the other. */
export interface Batch extends Room {
  count: number;
  packets: Uint8Array;
}

/** A line of about 80 bytes, which its number makes unique. */
export function lineOf(index: number): string {
  const number = `${index}`.padStart(7, "0");
  return `${number} The build is green, and lunch is at half past twelve ` +
    "in the usual place.";
}

/** So many messages of about 200 bytes, to some topics in turn. */
export function batchOf(
  count: number,
  { topics, qos }: Room,
  seal?: RoomSeal,
): Batch {
  const packets = Array.from({ length: count }, (_, index) => {
    const text = index < count - 1 ? lineOf(index) : `${lineOf(index)} ${LAST}`;
    const topic = topics[index % topics.length];
    return packetOf(topic, text, seal, qos, 1 + index % 0xffff);
  });
  return { count, topics, qos, packets: Buffer.concat(packets) };
}

/** A chat message as a PUBLISH packet. */
export function packetOf(
  topic: string,
  message: string,
  seal?: RoomSeal,
  qos: 0 | 1 = 0,
  messageId = 1,
): Buffer {
  const id = crypto.randomUUID();
  const at = new Date().toISOString();
  const chat = { type: "message", from: "Ada", message, id, at } as const;
  const payload = encodeFor(topic, chat, seal);
  const flags = { dup: false, retain: false };
  return generate({ cmd: "publish", topic, payload, qos, messageId, ...flags });
}
