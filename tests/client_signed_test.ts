/** The chat client with a key, over an embedded broker. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Signer } from "../lib/client.ts";
import type { Payload } from "../lib/protocol.ts";
import { isSigned } from "../lib/sign.ts";
import { openBroker } from "./support/brokers.ts";
import { Member, textOf } from "./support/members.ts";
import { Peer, said } from "./support/peers.ts";

const ROOM = "chat/room";
const GONE = { type: "notice", from: "ann", notice: "User ann timed out." };

Deno.test("signed: what a client sends carries its key, and others verify it", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const signer = Signer.generate();
  await using ann = await Member.connect(broker, { signer });
  await using bob = await Member.connect(broker);
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await ann.say("hi", ROOM);
  const { text } = await peer.next();
  const payload = JSON.parse(text) as Payload;
  assertEquals(payload.key, signer.key);
  assert(isSigned(ROOM, payload));
  assertEquals((await bob.received.next()).check, "valid");
  const own = await ann.received.next();
  assertEquals([own.check, own.sentTo], ["valid", ROOM]);
  // The same signature under a changed text, and no signature.
  await peer.publish(ROOM, text.replace('"hi"', '"ha"'));
  assertEquals((await bob.received.next()).check, "bad");
  await peer.publish(ROOM, said("hi"));
  assertEquals((await bob.received.next()).check, "none");
  await peer.publish(ROOM, text.replace(/,"sig":"[^"]+"/, ""));
  assertEquals((await bob.received.next()).check, "bad");
});

Deno.test("signed: a payload under our id is ours only if we signed it", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const signer = Signer.generate();
  await using ann = await Member.connect(broker, { signer });
  await ann.client.join([ROOM]);
  await ann.say("hi", ROOM);
  const { id } = JSON.parse((await peer.next()).text);
  await ann.received.next();
  const forged: Payload = { type: "message", from: "ann", message: "no", id };
  const other = Signer.generate();
  const signed = { ...forged, key: other.key, sig: other.sign(ROOM, forged) };
  const stolen = { ...signed, key: signer.key };
  for (
    const [payload, check] of [
      [forged, "none"],
      [signed, "valid"],
      [stolen, "bad"],
    ] as const
  ) {
    await peer.publish(ROOM, JSON.stringify(payload));
    const received = await ann.received.next();
    assertEquals([received.check, received.sentTo], [check, undefined]);
  }
});

Deno.test("signed: in a room with a secret the signature is inside the seal", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const secret = "correct horse battery staple";
  const signer = Signer.generate();
  await using ann = await Member.connect(broker, { signer, secret });
  await using bob = await Member.connect(broker, { secret });
  await bob.client.join([ROOM]);
  await ann.say("hi", ROOM);
  assertEquals((await peer.next()).text.includes(signer.key), false);
  const { check, sealed, payload } = await bob.received.next();
  assertEquals([check, sealed], ["valid", true]);
  assertEquals("key" in payload && payload.key, signer.key);
});

Deno.test("signed: each connection signs its will with the id of a join", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const payload = GONE as Payload;
  const signer = Signer.generate();
  const will = { topic: ROOM, payload };
  await using ann = await Member.connect(broker, { signer, will });
  await ann.say("hi", ROOM);
  const message = JSON.parse((await peer.next()).text);
  ann.client.setWill(will);
  await ann.next("connected");
  await ann.next("connected");
  ann.client.abort();
  const wire = JSON.parse((await peer.next()).text);
  assert(isSigned(ROOM, wire));
  assertEquals([wire.notice, wire.at], [GONE.notice, undefined]);
  assertEquals(wire.id, message.id.replace(/-2$/, "-1w"));
});

Deno.test("signed: a client may begin to sign", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker);
  await ann.say("one", ROOM);
  assertEquals(JSON.parse((await peer.next()).text).sig, undefined);
  ann.client.signer = Signer.generate();
  await ann.say("two", ROOM);
  const two = JSON.parse((await peer.next()).text);
  assertMatch(two.sig, /^[\w-]{86}$/);
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
  await peer.publish(ROOM, forged);
  assertEquals((await ann.received.next()).check, "bad");
});
