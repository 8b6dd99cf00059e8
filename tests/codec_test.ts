import { assert, assertEquals } from "@std/assert";
import { decodeFrom, encodeFor } from "../lib/codec.ts";
import { decode, type Payload } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";
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

test("with a secret, it opens for those who have it", () => {
  const text = encodeFor(TOPIC, PAYLOAD, { seal });
  const { sealed } = JSON.parse(text);
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
