/**
 * What a secret costs: once, for a topic, and for each message.
 *
 *     deno bench bench/sealed_bench.ts
 *
 * @module
 */

import { decodeFrom, encodeFor } from "../lib/codec.ts";
import type { Payload } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";

const SECRET = "correct horse battery staple";
const TOPIC = "chat/room";

const seal = new RoomSeal(SECRET);
const payload: Payload = {
  type: "message",
  from: "Ada",
  message: "The build is green, and lunch is at half past twelve as ever. 👋",
  id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
  at: "2026-01-02T03:04:05.678Z",
};
const bytesOf = (seal?: RoomSeal) =>
  new TextEncoder().encode(encodeFor(TOPIC, payload, seal));
const plain = bytesOf();
const sealed = bytesOf(seal);
let room = 0;

const bench = (group: string, name: string, fn: () => unknown) =>
  Deno.bench({ group, name, fn: () => void fn() });

bench("send", "plain", () => encodeFor(TOPIC, payload));
bench("send", "sealed", () => encodeFor(TOPIC, payload, seal));
bench("receive", "plain", () => decodeFrom(TOPIC, plain));
bench("receive", "sealed", () => decodeFrom(TOPIC, sealed, seal));
bench("receive", "sealed, no secret", () => decodeFrom(TOPIC, sealed));
bench(
  "receive",
  "sealed for another room, each time a new one",
  () => decodeFrom(`chat/${room++}`, sealed, seal),
);
bench("start", "the root of all keys", () => new RoomSeal(SECRET));
