/**
 * What a single message costs in the pure parts: encoding, decoding, and
 * showing it, ordinary and of the worst kind; and what a secret adds.
 *
 *     deno bench bench/micro_bench.ts
 *
 * @module
 */

import { decodeFrom, encodeFor } from "../lib/codec.ts";
import { MAX_PAYLOAD_BYTES, type Payload } from "../lib/protocol.ts";
import { renderJson } from "../lib/room/json.ts";
import { mentionOf, renderLine } from "../lib/room/line.ts";
import { Losses } from "../lib/room/losses.ts";
import { RoomSeal } from "../lib/seal.ts";
import { isSigned, Signer } from "../lib/sign.ts";

const TEXT = "The build is green, and lunch is at half past twelve as ever. 👋";
const SECRET = "correct horse battery staple";
const TOPIC = "chat/room";
const START = new Date("2026-01-02T03:04:05.700Z");

/** Texts that keep the rendering busiest, each near the most of a payload. */
const HOSTILE = {
  "C1 controls": "\x9b",
  "different noncharacters": "\uFDD0\uFDD1\uFDD2\u2028\u202E\u2066",
  "line breaks": "\n",
  "combining marks": "\u0301",
  "bases with 9 marks": "e" + "\u0301".repeat(9),
  "broken flags": "\u{1F3F4}\u{E0067}\u{E0062}",
};

const payloadOf = (message: string): Payload => ({
  type: "message",
  from: "Ada",
  message,
  id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
  at: "2026-01-02T03:04:05.678Z",
});

const encode = (message: string, seal?: RoomSeal) =>
  new TextEncoder().encode(encodeFor(TOPIC, payloadOf(message), { seal }));

const bench = (group: string, name: string, fn: () => unknown) =>
  Deno.bench({ group, name, fn: () => void fn() });

function benchShowing(group: string, bytes: Uint8Array): void {
  const message = {
    topic: TOPIC,
    ...decodeFrom(TOPIC, bytes),
    qos: 1 as const,
    retain: false,
    receivedAt: START,
    duplicate: false,
  };
  const settings = { color: false, showTopic: false };
  bench(group, "decode", () => decodeFrom(TOPIC, bytes));
  bench(group, "line", () => renderLine(message, settings));
  bench(group, "JSON", () => renderJson(message));
}

bench("ordinary", "encode", () => encode(TEXT));
benchShowing("ordinary", encode(TEXT));
for (const [what, text] of Object.entries(HOSTILE)) {
  const size = new TextEncoder().encode(JSON.stringify(text)).length - 2;
  const count = Math.floor((MAX_PAYLOAD_BYTES - 200) / size);
  benchShowing(`64 KiB of ${what}`, encode(text.repeat(count)));
}

// Milliseconds at most, whatever the text: a name is found in linear time.
for (const name of ["a", "a".repeat(255) + "b", "a a a a b", "é"]) {
  const mention = mentionOf(name);
  for (const text of ["a", "a ", "é", "e\u0301", "a\u200d", " "]) {
    const flood = text.repeat(MAX_PAYLOAD_BYTES / text.length);
    const what = `${name.slice(0, 9)} in 64 KiB of ${JSON.stringify(text)}`;
    bench("mention", what, () => mention.mark(flood));
  }
}

// What a reader remembers: of our ids, the numbers; of others, the ids.
for (const [what, prefix] of [["ours", "abcdefghijklmnop-"], ["others", "x"]]) {
  const losses = new Losses({ topics: [TOPIC], report: () => {} });
  const at = "2026-01-02T03:04:05.678Z";
  let number = 0;
  bench("losses", `an id of ${what}`, () => {
    const id = `${prefix}${++number % 999_999_999}`;
    return losses.isNew({
      topic: TOPIC,
      payload: { type: "message", from: "Ada", message: TEXT, id, at },
      qos: 1,
      retain: false,
      receivedAt: START,
      duplicate: false,
    });
  });
}

const seal = new RoomSeal(SECRET);
const sealed = encode(TEXT, seal);
let room = 0;
const another = () => decodeFrom(`chat/${room++}`, sealed, seal);
const signer = Signer.generate();
const signedText = encodeFor(TOPIC, payloadOf(TEXT), { signer });
const signedBytes = new TextEncoder().encode(signedText);
const signedPayload = decodeFrom(TOPIC, signedBytes).payload as Payload;
bench("signed", "encode", () => encodeFor(TOPIC, payloadOf(TEXT), { signer }));
bench("signed", "verify", () => isSigned(TOPIC, signedPayload));
bench("sealed", "encode", () => encode(TEXT, seal));
bench("sealed", "decode", () => decodeFrom(TOPIC, sealed, seal));
bench("sealed", "decode without the secret", () => decodeFrom(TOPIC, sealed));
bench(
  "sealed",
  "decode what is for another room, each time a new one",
  another,
);
bench("sealed", "start: the root of all keys", () => new RoomSeal(SECRET));
