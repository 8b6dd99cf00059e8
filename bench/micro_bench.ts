/**
 * What a single message costs in the pure parts, and what a secret adds.
 *
 *     deno bench bench/micro_bench.ts
 *
 * @module
 */

import { decodeFrom, encodeFor } from "../lib/codec.ts";
import type { Payload } from "../lib/protocol.ts";
import { renderLine } from "../lib/room/line.ts";
import { Losses } from "../lib/room/losses.ts";
import { RoomSeal } from "../lib/seal.ts";

const SECRET = "correct horse battery staple";
const topic = "chat/room";
const payload: Payload = {
  type: "message",
  from: "Ada",
  message: "The build is green, and lunch is at half past twelve as ever. 👋",
  id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
  at: "2026-01-02T03:04:05.678Z",
};
const receivedAt = new Date("2026-01-02T03:04:05.700Z");
const flags = { qos: 1 as const, retain: false, duplicate: false };
const arrival = { topic, receivedAt, ...flags };
const settings = { color: false, showTopic: false };
const seal = new RoomSeal(SECRET);
const plainBytes = new TextEncoder().encode(encodeFor(topic, payload, {}));
const text = encodeFor(topic, payload, { seal });
const bytes = new TextEncoder().encode(text);
const losses = new Losses({ topics: [topic], report: () => {} });
let [room, number] = [0, 0];

const benches: Record<string, () => unknown> = {
  "encode": () => encodeFor(topic, payload, {}),
  "decode": () => decodeFrom(topic, plainBytes),
  "decode to line": () =>
    renderLine({ ...arrival, ...decodeFrom(topic, plainBytes) }, settings),
  "an id of ours": () => {
    const id = `abcdefghijklmnop-${++number % 999_999_999}`;
    losses.isNew({ ...arrival, payload: { ...payload, id } });
  },
  "sealed: encode": () => encodeFor(topic, payload, { seal }),
  "sealed: decode": () => decodeFrom(topic, bytes, seal),
  "sealed: decode the first of a room": () =>
    decodeFrom(`chat/${room++}`, bytes, seal),
  "sealed: start": () => new RoomSeal(SECRET),
};
for (const [name, fn] of Object.entries(benches)) {
  Deno.bench(name, () => void fn());
}
