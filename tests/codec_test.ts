/** What a secret and a key do to payloads, alone and in clients at a broker. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Payload,
  PayloadTooLargeError,
  PublishError,
  Signer,
} from "../lib/client.ts";
import { decodeFrom, encodeFor } from "../lib/codec.ts";
import { decode } from "../lib/protocol.ts";
import { RoomSeal } from "../lib/seal.ts";
import { isSigned } from "../lib/sign.ts";
import { openBroker } from "./support/brokers.ts";
import { Member, memberTests, textOf } from "./support/members.ts";
import { connack } from "./support/packets.ts";
import { Peer, said } from "./support/peers.ts";
import { pureTests } from "./support/pure.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const ROOM = "chat/room";
const PAYLOAD: Payload = {
  ...{ type: "message", from: "Ada", message: "hi" },
  ...{ id: "x-1", at: "2026-01-02T03:04:05.678Z" },
};
const seal = new RoomSeal(SECRET);

const pure = pureTests("codec");

const utf8 = (text: string) => new TextEncoder().encode(text);

pure("with a secret, it opens for those who have it, and says why not", () => {
  const plain = encodeFor(ROOM, PAYLOAD);
  assertEquals(JSON.parse(plain), PAYLOAD);
  assertEquals(decodeFrom(ROOM, utf8(plain)), { payload: PAYLOAD });
  const text = encodeFor(ROOM, PAYLOAD, { seal });
  const open = (wire: string, topic = ROOM, key?: RoomSeal) =>
    decodeFrom(topic, utf8(wire), key);
  assertEquals(open(text, ROOM, seal), { payload: PAYLOAD, sealed: true });
  const { sealed } = JSON.parse(text);
  assertEquals(open(text), { payload: { type: "sealed", sealed } });
  const reason =
    "sealed with another secret, for another room, or changed since";
  const payload = { type: "sealed", sealed, reason } as const;
  assertEquals(open(text, "chat/else", seal), { payload, sealed: true });
  for (const [inner, reason] of [[text, "sealed twice"], ["", "not JSON"]]) {
    const { payload, sealed } = open(seal.seal(ROOM, inner), ROOM, seal);
    assert(payload.type === "malformed");
    assertEquals([payload.reason, sealed], [reason, true]);
  }
  for (const wire of [plain, "no JSON", '{"sealed":1}']) {
    const expected = { payload: decode(utf8(wire)), sealed: false };
    assertEquals(open(wire, ROOM, seal), expected);
  }
});

pure("a history is not signed", () => {
  const wire = { type: "history", from: "Ada" };
  const signer = Signer.generate();
  const text = encodeFor(ROOM, { type: "history", wire }, { signer });
  assertEquals(JSON.parse(text), wire);
});

pure("`sealed` counts before all else", () => {
  for (const more of ["{}", '{"type":1}', '{"from":""}', '{"message":"hi"}']) {
    const wire = JSON.stringify({ ...JSON.parse(more), sealed: "AQ" });
    assertEquals(decode(utf8(wire)), { type: "sealed", sealed: "AQ" });
  }
});

memberTests("sealed")("a history is as large as the broker's limit allows", {
  options: { secret: SECRET },
  connect: () => connack(0, { maximumPacketSize: 1_000 }),
}, async ({ broker, member: { client } }) => {
  const keep = (bytes: number) => {
    const wire = { x: "x".repeat(bytes - '{"x":""}'.length) };
    return client.keep("room/$history", { type: "history", wire });
  };
  const most = client.keepsBytes("room/$history");
  await keep(most);
  await assertRejects(() => keep(most + 3), PublishError, "1000 bytes at most");
  assertEquals(broker.all("publish").length, 1);
});

memberTests("sealed")("too large is refused, before it is sent", {
  options: { secret: SECRET },
}, async ({ broker, member: ann }) => {
  const large = "x".repeat(MAX_SEALABLE_BYTES);
  await assertRejects(() => ann.say(large, ROOM), PayloadTooLargeError);
  await ann.say("x".repeat(MAX_SEALABLE_BYTES - 200), ROOM);
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  assertEquals(ann.client.keepsBytes(ROOM), MAX_SEALABLE_BYTES);
  const payload = { type: "notice", from: "ann", notice: large } as const;
  const will = { topic: ROOM, payload };
  assertThrows(() => ann.client.setWill(will), PayloadTooLargeError);
  const empty = { secret: "" };
  await assertRejects(() => Member.connect(broker, empty), RangeError, "empty");
  assertEquals(broker.connections, 1);
});

Deno.test("signed: what a client sends carries its key, and others verify it", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker);
  await using bob = await Member.connect(broker);
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await ann.say("unsigned", ROOM);
  assertEquals((await bob.received.next()).check, "none");
  assertEquals((await ann.received.next()).sentTo, ROOM);
  await peer.next();
  const signer = ann.client.signer = Signer.generate();
  await ann.say("hi", ROOM);
  const { text } = await peer.next();
  const payload = JSON.parse(text) as Payload;
  assertEquals(payload.key, signer.key);
  assert(isSigned(ROOM, payload));
  assertEquals((await bob.received.next()).check, "valid");
  const own = await ann.received.next();
  assertEquals([own.check, own.sentTo], ["valid", ROOM]);
  // A payload under our id is ours only if we signed it.
  const { id } = payload;
  const forged: Payload = { type: "message", from: "ann", message: "no", id };
  const other = Signer.generate();
  const signed = { ...forged, key: other.key, sig: other.sign(ROOM, forged) };
  for (
    const [wire, check] of [
      [text.replace('"hi"', '"ha"'), "bad"],
      [text.replace(/,"sig":"[^"]+"/, ""), "bad"],
      [said("hi"), "none"],
      [JSON.stringify(forged), "none"],
      [JSON.stringify(signed), "valid"],
      [JSON.stringify({ ...signed, key: signer.key }), "bad"],
    ]
  ) {
    await peer.publish(ROOM, wire);
    const received = await ann.received.next();
    assertEquals([received.check, received.sentTo], [check, undefined], wire);
  }
});

Deno.test("sealed: members read each other, and the signature is inside the seal", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const [secret, signer] = [SECRET, Signer.generate()];
  await using ann = await Member.connect(broker, { secret });
  await using bob = await Member.connect(broker, { signer, secret });
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await bob.say("hi", ROOM);
  assertEquals((await peer.next()).text.includes(signer.key), false);
  const { check, sealed, sentTo, payload } = await ann.received.next();
  assertEquals([check, sealed, sentTo], ["valid", true, undefined]);
  assertEquals("key" in payload && payload.key, signer.key);
  await ann.say("hi", ROOM);
  const own = await ann.received.next();
  assertEquals([textOf(own), own.sealed, own.sentTo], ["hi", true, ROOM]);
  // Another client may use an id of ours.
  await peer.publish(ROOM, JSON.stringify(own.payload));
  const forged = await ann.received.next();
  assertEquals(forged.payload, own.payload);
  assertEquals([forged.sealed, forged.sentTo], [false, undefined]);
  // Replayed, it is what it was: the view knows its id.
  await peer.publish(ROOM, (await peer.next()).text);
  assertEquals((await ann.received.next()).payload, own.payload);
});

Deno.test("signed: of a forged flood 2,000 a second are verified, our own apart", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const signer = Signer.generate();
  await using ann = await Member.connect(broker, { signer });
  await ann.client.join([ROOM]);
  await ann.clock.advance(1_500);
  const sig = "A".repeat(86);
  const wire = { type: "message", from: "ann", message: "x", key: signer.key };
  const forged = JSON.stringify({ ...wire, sig });
  for (let second = 0; second < 2; second++) {
    for (let n = 0; n < 2_002; n++) peer.mqtt.publish(ROOM, forged);
    const flood = await ann.received.take(2_002);
    assertEquals(
      flood.map(({ check }) => check),
      [...Array(2_000).fill("bad"), "unchecked", "unchecked"],
    );
    await ann.say("hi", ROOM);
    const own = await ann.received.next();
    assertEquals([textOf(own), own.check, own.sentTo], ["hi", "valid", ROOM]);
    await ann.clock.advance(1_000);
  }
});
