/** The chat client with a secret, over an embedded broker without rights. */

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { PayloadTooLargeError } from "../lib/client.ts";
import { FakeBroker, letIn, openBroker } from "./support/brokers.ts";
import { Member, textOf } from "./support/members.ts";
import { Peer } from "./support/peers.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const ROOM = "chat/room";

const gone = {
  type: "notice",
  from: "ann",
  notice: "User ann timed out.",
} as const;

Deno.test("sealed: members read each other, and know what another client sends with their id", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker, { secret: SECRET });
  await using bob = await Member.connect(broker, { secret: SECRET });
  for (const { client } of [ann, bob]) await client.join([ROOM]);
  await ann.say("hi", ROOM);
  const toBob = await bob.received.next();
  assertEquals(
    [textOf(toBob), toBob.sealed, toBob.sentTo],
    ["hi", true, undefined],
  );
  const { payload, sentTo } = await ann.received.next();
  assertEquals([payload, sentTo], [toBob.payload, ROOM]);
  await peer.publish(ROOM, JSON.stringify(payload));
  const forged = await ann.received.next();
  assertEquals(forged.payload, payload);
  assertEquals([forged.sealed, forged.sentTo], [false, undefined]);
  // Replayed, it is what it was: the view knows its id.
  const { text } = await peer.next();
  await peer.publish(ROOM, text);
  assertEquals((await ann.received.next()).payload, payload);
  // In another room it does not open.
  await ann.client.join(["chat/else"]);
  await peer.publish("chat/else", text);
  assertEquals((await ann.received.next()).payload.type, "sealed");
});

Deno.test("sealed: too large is refused with both numbers, before it is sent", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker, { secret: SECRET });
  const error = await assertRejects(
    () => ann.say("x".repeat(MAX_SEALABLE_BYTES), ROOM),
    PayloadTooLargeError,
    "bytes with its envelope, the limit is 65536; send it in parts.",
  );
  assertMatch(error.message, RegExp(`takes ${error.size} bytes`));
  await ann.say("x".repeat(MAX_SEALABLE_BYTES - 200), ROOM);
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  assertEquals(ann.client.keepsBytes(ROOM), MAX_SEALABLE_BYTES);
  const notice = "x".repeat(MAX_SEALABLE_BYTES);
  const will = { topic: ROOM, payload: { ...gone, notice } };
  assertThrows(() => ann.client.setWill(will), PayloadTooLargeError);
});

Deno.test("sealed: an empty secret is refused", async () => {
  await using broker = new FakeBroker(letIn({}));
  await assertRejects(
    () => Member.connect(broker, { secret: "" }),
    RangeError,
    "The secret is empty.",
  );
  assertEquals(broker.connections, 0);
});
