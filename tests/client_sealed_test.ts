/** The chat client with a secret, over an embedded broker without rights. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ChatClient, PayloadTooLargeError } from "../lib/client.ts";
import { RoomSeal } from "../lib/seal.ts";
import { FakeBroker, hostOf, letIn, openBroker } from "./support/brokers.ts";
import { Member, textOf } from "./support/members.ts";
import { Peer, said } from "./support/peers.ts";

/** The most that can be sealed, as docs/sealed-rooms.md says. */
const MAX_SEALABLE_BYTES = 49_049;

const SECRET = "correct horse battery staple";
const ROOM = "chat/room";

const gone = {
  type: "notice",
  from: "ann",
  notice: "User ann timed out.",
} as const;

Deno.test("sealed: members read each other, others only that it is sealed", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker, { secret: SECRET });
  await using bob = await Member.connect(broker, { secret: SECRET });
  await using other = await Member.connect(broker, { secret: `${SECRET}!` });
  await using none = await Member.connect(broker);
  for (const { client } of [ann, bob, other, none]) await client.join([ROOM]);
  await ann.say("hi", ROOM);

  const wire = await peer.next();
  assertMatch(
    wire.text,
    /^\{"type":"notice","from":"sealed","notice":"A sealed message: --secret-file opens it\.","sealed":"[\w-]+"\}$/,
  );
  const toBob = await bob.received.next();
  assertEquals([textOf(toBob), toBob.sealed, toBob.sentTo], [
    "hi",
    true,
    undefined,
  ]);
  const toAnn = await ann.received.next();
  assertEquals([textOf(toAnn), toAnn.sentTo], ["hi", ROOM]);
  const { sealed } = JSON.parse(wire.text);
  assertEquals((await none.received.next()).payload, {
    type: "sealed",
    sealed,
  });
  assertEquals((await other.received.next()).payload, {
    type: "sealed",
    sealed,
    reason: "sealed with another secret, for another room, or changed since",
  });
});

Deno.test("sealed: what another client sends is recognised, even with our own id", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using ann = await Member.connect(broker, { secret: SECRET });
  await ann.client.join([ROOM]);
  await ann.say("hi", ROOM);
  const { payload } = await ann.received.next();
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

Deno.test("sealed: the will, after a kill, and one that is set later", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using bob = await Member.connect(broker, { secret: SECRET });
  await bob.client.join([ROOM]);
  const will = { topic: ROOM, payload: gone };
  for (const isLater of [false, true]) {
    const ann = await Member.connect(broker, {
      secret: SECRET,
      ...isLater ? {} : { will },
    });
    if (isLater) {
      ann.client.setWill(will);
      await ann.next("connected");
      await ann.next("connected");
    }
    ann.client.abort();
    const { payload, sealed } = await bob.received.next();
    assertEquals([payload, sealed], [gone, true]);
    assertFalse((await peer.next()).text.includes("ann"));
  }
});

Deno.test("sealed: too large is refused with both numbers, before it is sent", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker, { secret: SECRET });
  const error = await assertRejects(
    () => ann.say("x".repeat(MAX_SEALABLE_BYTES), ROOM),
    PayloadTooLargeError,
    "bytes with its envelope, the limit is 65536; send it in parts.",
  );
  assert(error.size > 65_536);
  assertMatch(error.message, RegExp(`takes ${error.size} bytes`));
  await ann.say("x".repeat(MAX_SEALABLE_BYTES - 200), ROOM);
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  assertEquals(ann.client.keepsBytes(ROOM), MAX_SEALABLE_BYTES);
  const notice = "x".repeat(MAX_SEALABLE_BYTES);
  const will = { topic: ROOM, payload: { ...gone, notice } };
  assertThrows(() => ann.client.setWill(will), PayloadTooLargeError);
  await assertRejects(
    () => Member.connect(broker, { secret: SECRET, will }),
    PayloadTooLargeError,
  );
});

Deno.test("sealed: many rooms cost one scrypt", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using ann = await Member.connect(broker, { secret: SECRET });
  await ann.client.join(["chat/#"]);
  const seal = new RoomSeal(SECRET);
  const rooms = Array.from({ length: 500 }, (_, index) => `chat/${index}`);
  // With a scrypt for each, this would take minutes, and time out.
  await Promise.all(
    rooms.map((room) => peer.publish(room, seal.seal(room, said(room)))),
  );
  const received = await ann.received.take(rooms.length);
  assertEquals(received.map(textOf).sort(), rooms.toSorted());
});

Deno.test("sealed: an empty secret is refused, and none is kept", async () => {
  await using broker = new FakeBroker(letIn({}));
  const options = {
    brokers: [hostOf(broker)],
    username: "chat",
    secret: "",
  };
  await assertRejects(
    () => ChatClient.connect(options),
    RangeError,
    "The secret is empty.",
  );
  assertEquals(broker.connections, 0);
  await using ann = await Member.connect(broker, { secret: SECRET });
  const shown = Deno.inspect(ann.client, {
    depth: 20,
    showHidden: true,
    getters: true,
  }) + JSON.stringify(ann.client);
  assertFalse(shown.includes("horse"), shown);
});
