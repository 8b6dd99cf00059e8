/**
 * Payloads as they go out to a topic and come in from it: sealed where there is
 * a secret, plain where there is none. Everything that is sent or received
 * passes here. Pure, but for the random nonces.
 *
 * @module
 */

import {
  decode,
  encodeText,
  type KeptHistory,
  type Malformed,
  type Payload,
  type Received,
} from "./protocol.ts";
import type { RoomSeal } from "./seal.ts";

/** What came in. */
export type Content = Pick<Received, "payload" | "sealed">;

/**
 * Encodes a payload for a topic.
 *
 * @param topic Where it goes.
 * @param payload What to send.
 * @param seal What to seal it with.
 * @returns The JSON, at most `MAX_PAYLOAD_BYTES` in UTF-8.
 * @throws {PayloadTooLargeError} When there would be more.
 */
export function encodeFor(
  topic: string,
  payload: Payload | KeptHistory,
  seal?: RoomSeal,
): string {
  return seal === undefined
    ? encodeText(payload)
    : encodeText(payload, (json) => seal.seal(topic, json));
}

/**
 * Decodes what came from a topic, and opens it where it is sealed. Never throws.
 *
 * @param topic Where it came from.
 * @param bytes The payload of a PUBLISH packet.
 * @param seal What opens it.
 * @returns What it says, and whether it came sealed.
 */
export function decodeFrom(
  topic: string,
  bytes: Uint8Array,
  seal?: RoomSeal,
): Content {
  const payload = decode(bytes);
  if (seal === undefined) return { payload };
  if (payload.type !== "sealed") return { payload, sealed: false };
  const inner = seal.open(topic, payload.sealed);
  return typeof inner === "string"
    ? { payload: { ...payload, reason: inner }, sealed: true }
    : { payload: decodeInner(inner), sealed: true };
}

/** Decodes what was sealed; that does not hold another. */
function decodeInner(bytes: Uint8Array): Payload | Malformed | KeptHistory {
  const payload = decode(bytes);
  return payload.type === "sealed"
    ? { type: "malformed", reason: "sealed twice", bytes }
    : payload;
}
