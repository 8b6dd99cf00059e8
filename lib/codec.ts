/**
 * Payloads as they go out to a topic and come in from it: signed where there is
 * a signer, sealed where there is a secret.
 */

import {
  type Check,
  decode,
  encodeText,
  type KeptHistory,
  type Payload,
  type Received,
  type RollCall,
  type Sealed,
} from "./protocol.ts";
import type { RoomSeal } from "./seal.ts";
import { isSigned, type Signer } from "./sign.ts";
import type { Clock } from "./timer.ts";

export type Content = Pick<Received, "payload" | "sealed">;

/** What signs payloads, and what seals them. */
export interface Protection {
  signer?: Signer;
  seal?: RoomSeal;
}

/** Verify at most this many signatures a second: each takes 25 to 34 µs. */
const MAX_CHECKS = 2_000;

/** Encodes a payload for a topic. Throws a `PayloadTooLargeError`. */
export function encodeFor(
  topic: string,
  payload: Payload | KeptHistory | RollCall,
  { signer, seal }: Protection = {},
): string {
  if (signer !== undefined && payload.type !== "history") {
    const sig = signer.sign(topic, payload);
    payload = { ...payload, key: signer.key, sig };
  }
  return seal === undefined
    ? encodeText(payload)
    : encodeText(payload, (json) => seal.seal(topic, json));
}

/** Decodes what came from a topic, and opens it where it is sealed. */
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
function decodeInner(bytes: Uint8Array): Exclude<Content["payload"], Sealed> {
  const payload = decode(bytes);
  return payload.type === "sealed"
    ? { type: "malformed", reason: "sealed twice", bytes }
    : payload;
}

/** Checks signatures, so many of them a second. */
export class Checker {
  readonly #clock: Clock;
  #second = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Checks the signature of what arrived on a topic. */
  check(topic: string, payload: Payload | RollCall): Check {
    if (payload.sig === undefined && payload.key === undefined) return "none";
    const second = Math.floor(this.#clock.monotonic() / 1_000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    if (++this.#count > MAX_CHECKS) return "unchecked";
    return isSigned(topic, payload) ? "valid" : "bad";
  }
}
