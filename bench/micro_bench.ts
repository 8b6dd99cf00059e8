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

const TEXT = "The build is green, and lunch is at half past twelve as ever. 👋";

/** Near the most that a payload can carry, for characters of some bytes. */
const fill = (text: string, bytes: number) =>
  text.repeat(Math.floor((MAX_PAYLOAD_BYTES - 200) / bytes));

/** Texts that keep the rendering busiest, each in a payload of 64 KiB. */
const HOSTILE: Record<string, string> = {
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

const payload = (message: string): Payload => ({
  type: "message",
  from: "Ada",
  message,
  id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
  at: "2026-01-02T03:04:05.678Z",
});

const received = (message: string): Received => ({
  topic: "chat/room",
  payload: payload(message),
  qos: 1,
  retain: false,
  receivedAt: new Date("2026-01-02T03:04:05.700Z"),
  duplicate: false,
});

const plain = { color: false, showTopic: false };
const ordinary = received(TEXT);
const bytes = encode(payload(TEXT));
const hostileLine = received(HOSTILE["C1 controls"]);
const notJson = new Uint8Array(MAX_PAYLOAD_BYTES).fill(0x5b);

Deno.bench("encode", { group: "wire format" }, () => {
  encode(payload(TEXT));
});
Deno.bench("decode", { group: "wire format" }, () => {
  decode(bytes);
});
Deno.bench(
  "decode, 64 KiB of opening brackets",
  { group: "wire format" },
  () => {
    decode(notJson);
  },
);

Deno.bench("renderLine", { group: "rendering" }, () => {
  renderLine(ordinary, plain);
});
Deno.bench("renderLine with the topic", { group: "rendering" }, () => {
  renderLine(ordinary, { ...plain, showTopic: true });
});
Deno.bench("renderJson", { group: "rendering" }, () => {
  renderJson(ordinary);
});
Deno.bench("decode and renderLine", { group: "rendering" }, () => {
  renderLine({ ...ordinary, payload: decode(bytes) }, plain);
});

for (const [what, text] of Object.entries(HOSTILE)) {
  Deno.bench(`safeText, 64 KiB of ${what}`, { group: "hostile text" }, () => {
    safeText(text);
  });
}
for (const [what, text] of Object.entries(HOSTILE)) {
  const hostile = received(text);
  Deno.bench(`renderJson, 64 KiB of ${what}`, { group: "hostile JSON" }, () => {
    renderJson(hostile);
  });
}
Deno.bench(
  "renderLine, 64 KiB of C1 controls",
  { group: "hostile line" },
  () => {
    renderLine(hostileLine, plain);
  },
);
Deno.bench("safeName, 64 KiB of marks", { group: "hostile name" }, () => {
  safeName(HOSTILE["combining marks"]);
});
