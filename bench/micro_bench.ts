/**
 * What a single message costs in the pure parts: encoding, decoding, and
 * showing it, ordinary and of the worst kind.
 *
 *     deno bench bench/micro_bench.ts
 *
 * @module
 */

import {
  decode,
  encode,
  MAX_PAYLOAD_BYTES,
  type Payload,
  type Received,
} from "../lib/protocol.ts";
import { renderJson } from "../lib/room/json.ts";
import { renderLine } from "../lib/room/line.ts";
import { safeName, safeText } from "../lib/safe_text.ts";

/** Near the most that a payload can carry, for characters of some bytes. */
const fill = (text: string, bytes: number) =>
  text.repeat(Math.floor((MAX_PAYLOAD_BYTES - 200) / bytes));

/** Texts that keep the rendering busiest, each in a payload of 64 KiB. */
const HOSTILE = {
  "C1 controls": fill("\x9b", 2),
  "DEL": fill("\x7f", 1),
  "different noncharacters": fill("\uFDD0\uFDD1\uFDD2\u2028\u202E\u2066", 18),
  "line breaks": fill("\n", 2),
  "combining marks": fill("\u0301", 2),
  "bases with 9 marks": fill("e" + "\u0301".repeat(9), 19),
  "joiners": fill("\u200D", 3),
  "variation selectors": fill("\uFE0F", 3),
  "soft hyphens": fill("\u00AD", 2),
  "broken flags": fill("\u{1F3F4}\u{E0067}\u{E0062}", 12),
  "black flags": fill("\u{1F3F4}", 4),
  "harmless but for the last": fill("a", 1).slice(0, -3) + "\x9b",
};

const payloadOf = (message: string): Payload => ({
  type: "message",
  from: "Ada",
  message,
  id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
  at: "2026-01-02T03:04:05.678Z",
});

const received = (message: string): Received => ({
  topic: "chat/room",
  payload: payloadOf(message),
  qos: 1,
  retain: false,
  receivedAt: new Date("2026-01-02T03:04:05.700Z"),
  duplicate: false,
});

const plain = { color: false, showTopic: false };
const TEXT = "The build is green, and lunch is at half past twelve as ever. 👋";
const payload = payloadOf(TEXT);
const ordinary = received(TEXT);
const bytes = encode(payload);
const notJson = new Uint8Array(MAX_PAYLOAD_BYTES).fill(0x5b);
const controls = received(HOSTILE["C1 controls"]);
const marks = HOSTILE["combining marks"];

const bench = (group: string, name: string, fn: () => unknown) =>
  Deno.bench({ group, name, fn: () => void fn() });

bench("wire format", "encode", () => encode(payload));
bench("wire format", "decode", () => decode(bytes));
bench("wire format", "decode, 64 KiB of brackets", () => decode(notJson));

bench("rendering", "renderLine", () => renderLine(ordinary, plain));
bench(
  "rendering",
  "renderLine with the topic",
  () => renderLine(ordinary, { ...plain, showTopic: true }),
);
bench("rendering", "renderJson", () => renderJson(ordinary));
bench(
  "rendering",
  "decode and renderLine",
  () => renderLine({ ...ordinary, payload: decode(bytes) }, plain),
);

for (const [what, text] of Object.entries(HOSTILE)) {
  const hostile = received(text);
  bench("hostile text", `safeText, 64 KiB of ${what}`, () => safeText(text));
  bench(
    "hostile JSON",
    `renderJson, 64 KiB of ${what}`,
    () => renderJson(hostile),
  );
}
bench(
  "hostile line",
  "renderLine, 64 KiB of C1 controls",
  () => renderLine(controls, plain),
);
bench("hostile name", "safeName, 64 KiB of marks", () => safeName(marks));
