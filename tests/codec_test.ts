/**
 * What goes out to a topic and comes in from it, with a secret and without.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { decodeFrom, encodeFor } from "../lib/codec.ts";
import {
  decode,
  MAX_PAYLOAD_BYTES,
  type Payload,
  PayloadTooLargeError,
} from "../lib/protocol.ts";
import { renderLine } from "../lib/room/line.ts";
import { RoomSeal } from "../lib/seal.ts";
import { PLAIN, received } from "./support/line_fixtures.ts";
import { pureTests } from "./support/pure.ts";

const TOPIC = "chat/room";
const PAYLOAD: Payload = {
  type: "message",
  from: "Ada",
  message: "hi",
  id: "x-1",
  at: "2026-01-02T03:04:05.678Z",
};

const seal = new RoomSeal("correct horse battery staple");
const another = new RoomSeal("another secret");

const utf8 = (text: string) => new TextEncoder().encode(text);

const test = pureTests("codec");

test("without a secret, the JSON as it is", () => {
  const text = encodeFor(TOPIC, PAYLOAD);
  assertEquals(JSON.parse(text), PAYLOAD);
  assertEquals(decodeFrom(TOPIC, utf8(text)), { payload: PAYLOAD });
});

test("with a secret, nothing of the payload is to be seen", () => {
  const text = encodeFor(TOPIC, PAYLOAD, { seal });
  const { sealed, ...others } = JSON.parse(text);
  assertEquals(others, {
    type: "notice",
    from: "sealed",
    notice: "A sealed message: --secret-file opens it.",
  });
  assertEquals(typeof sealed, "string");
  assertEquals(decodeFrom(TOPIC, utf8(text), seal), {
    payload: PAYLOAD,
    sealed: true,
  });
  assertEquals(decodeFrom(TOPIC, utf8(text)), {
    payload: { type: "sealed", sealed },
  });
});

test("what can't be opened says why", () => {
  const text = encodeFor(TOPIC, PAYLOAD, { seal });
  const { sealed } = JSON.parse(text);
  const reason =
    "sealed with another secret, for another room, or changed since";
  const payload = { type: "sealed", sealed, reason } as const;
  const expected = { payload, sealed: true };
  assertEquals(decodeFrom(TOPIC, utf8(text), another), expected);
  assertEquals(decodeFrom("chat/else", utf8(text), seal), expected);
  const version2 = text.replace('"sealed":"A', '"sealed":"B');
  const { payload: unknown } = decodeFrom(TOPIC, utf8(version2), seal);
  assert(unknown.type === "sealed");
  // The first 6 bits of the version byte are in the first digit.
  assertEquals(
    unknown.reason,
    "sealed in version 5, which is not known here",
  );
});

test("every bit of what is sealed flipped is refused, in one line", () => {
  const text = encodeFor(TOPIC, PAYLOAD, { seal });
  const bytes = utf8(text);
  const start = text.indexOf('"sealed":"') + '"sealed":"'.length;
  let refused = 0;
  for (let bit = 8 * start; bit < 8 * (bytes.length - 2); bit++) {
    const at = bit >> 3;
    const flipped = bytes.with(at, bytes[at] ^ (1 << (bit & 7)));
    const content = decodeFrom(TOPIC, flipped, seal);
    const { payload } = content;
    const line = renderLine({ ...received(payload), ...content }, PLAIN);
    assertMatch(line, /^14:03:22 (\(unsealed\) \?\?|==) [^\n]+$/);
    const { reason } = payload as { reason?: string };
    const isRefused = payload.type === "malformed" ||
      (payload.type === "sealed" && reason !== undefined);
    if (isRefused) refused++;
    // A quote cuts `sealed` short; what follows makes it no JSON.
    assert(isRefused, `bit ${bit}: ${JSON.stringify(payload)}`);
  }
  assertEquals(refused, 8 * (bytes.length - 2 - start));
});

test("what is not sealed is told as such", () => {
  for (const text of [encodeFor(TOPIC, PAYLOAD), "no JSON", '{"sealed":1}']) {
    const { payload, sealed } = decodeFrom(TOPIC, utf8(text), seal);
    assertEquals([payload, sealed], [decode(utf8(text)), false]);
    assert(payload.type !== "sealed");
  }
});

test("`sealed` counts before all else", () => {
  for (const more of ["{}", '{"type":1}', '{"from":""}', '{"message":"hi"}']) {
    const wire = JSON.stringify({ ...JSON.parse(more), sealed: "AQ" });
    assertEquals(decode(utf8(wire)), { type: "sealed", sealed: "AQ" });
  }
});

test("sealed twice is no chat payload; nor is what is inside but no JSON", () => {
  const twice = seal.seal(TOPIC, encodeFor(TOPIC, PAYLOAD, { seal }));
  const inside = seal.seal(TOPIC, "no JSON");
  for (
    const [text, reason] of [[twice, "sealed twice"], [inside, "not JSON"]]
  ) {
    const { payload, sealed } = decodeFrom(TOPIC, utf8(text), seal);
    assert(payload.type === "malformed");
    assertEquals([payload.reason, sealed], [reason, true]);
  }
});

test("the limit is that of the sealed payload", () => {
  const largest = (seal?: RoomSeal) => {
    let [low, high] = [0, MAX_PAYLOAD_BYTES];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      try {
        encodeFor(TOPIC, { ...PAYLOAD, message: "x".repeat(middle) }, { seal });
        low = middle;
      } catch {
        high = middle;
      }
    }
    return low;
  };
  const message = "x".repeat(largest(seal) + 1);
  assertEquals(largest() - largest(seal), MAX_PAYLOAD_BYTES - 49_049);
  const error = assertThrows(
    () => encodeFor(TOPIC, { ...PAYLOAD, message }, { seal }),
    PayloadTooLargeError,
    "The message takes 65537 bytes with its envelope, the limit is 65536",
  );
  assertEquals(error.size, 65_537);
  assertEquals(encodeFor(TOPIC, { ...PAYLOAD, message }).length < 65_536, true);
});
