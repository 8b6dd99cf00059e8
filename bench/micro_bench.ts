/**
 * What a single message costs in the pure parts: encoding, decoding, and
 * showing it, ordinary and of the worst kind.
 *
 *     deno bench bench/micro_bench.ts
 *
 * @module
 */

import { decode, encode, MAX_PAYLOAD_BYTES } from "../lib/protocol.ts";
import { renderJson } from "../lib/room/json.ts";
import { renderLine } from "../lib/room/line.ts";

const TEXT = "The build is green, and lunch is at half past twelve as ever. 👋";

/** Texts that keep the rendering busiest, each near the most of a payload. */
const HOSTILE = {
  "C1 controls": "\x9b",
  "different noncharacters": "\uFDD0\uFDD1\uFDD2\u2028\u202E\u2066",
  "line breaks": "\n",
  "combining marks": "\u0301",
  "bases with 9 marks": "e" + "\u0301".repeat(9),
  "broken flags": "\u{1F3F4}\u{E0067}\u{E0062}",
};

const bytesOf = (message: string) =>
  encode({
    type: "message",
    from: "Ada",
    message,
    id: "0b9e6c1e-8a3f-4a57-9d0c-0b5a3f0f6d7e",
    at: "2026-01-02T03:04:05.678Z",
  });

const received = (bytes: Uint8Array) => ({
  topic: "chat/room",
  payload: decode(bytes),
  qos: 1 as const,
  retain: false,
  receivedAt: new Date("2026-01-02T03:04:05.700Z"),
  duplicate: false,
});

function benchShowing(group: string, bytes: Uint8Array): void {
  const message = received(bytes);
  const settings = { color: false, showTopic: false };
  Deno.bench("decode", { group }, () => void decode(bytes));
  Deno.bench("line", { group }, () => void renderLine(message, settings));
  Deno.bench("JSON", { group }, () => void renderJson(message));
}

Deno.bench("encode", { group: "ordinary" }, () => void bytesOf(TEXT));
benchShowing("ordinary", bytesOf(TEXT));
for (const [what, text] of Object.entries(HOSTILE)) {
  const size = new TextEncoder().encode(JSON.stringify(text)).length - 2;
  const count = Math.floor((MAX_PAYLOAD_BYTES - 200) / size);
  benchShowing(`64 KiB of ${what}`, bytesOf(text.repeat(count)));
}
