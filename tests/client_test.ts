/** What the client sends, and the answers that its calls get. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AbandonedError,
  PayloadTooLargeError,
  PublishError,
  TopicError,
} from "../lib/client.ts";
import { parseId } from "../lib/ids.ts";
import { FakeBroker, letIn } from "./support/brokers.ts";
import { Member, memberTest } from "./support/members.ts";
import { connack, encode, puback, publish, suback } from "./support/packets.ts";
import { inTime } from "./support/patience.ts";

/** The runs and the numbers of all messages that came. */
function idsOf(broker: FakeBroker) {
  const ids = broker.all("publish").map(({ payload }) => {
    const { id } = JSON.parse(payload.toString());
    const counted = parseId(id);
    assert(counted !== undefined, id);
    return counted;
  });
  return {
    numbers: ids.map(({ number }) => number),
    runs: new Set(ids.map(({ run }) => run)).size,
  };
}

Deno.test("numbers: one run for each room, notices included", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.say("a", "hall");
  await ann.say("b");
  await ann.client.send("hall", { type: "notice", from: "ann", notice: "c" });
  await ann.say("d", "hall");
  assertEquals(idsOf(broker), { numbers: [1, 1, 2, 3], runs: 2 });
});

memberTest("numbers: what is refused leaves a hole, since nothing arrived", {
  connect: () => connack(0, { maximumPacketSize: 1_000 }),
  publish: (packet) =>
    puback(packet, packet.payload.includes('"no"') ? 135 : 0),
}, async ({ broker, member: ann }) => {
  const sent = ["a", "x".repeat(70_000), "y".repeat(2_000), "no", "b"]
    .map((text) => ann.say(text));
  await assertRejects(() => sent[1], PayloadTooLargeError);
  for (const refused of sent.slice(2, 4)) {
    await assertRejects(() => refused, PublishError);
  }
  await Promise.all([sent[0], sent[4]]);
  assertEquals(idsOf(broker), { numbers: [1, 4, 5], runs: 1 });
});

memberTest("numbers: what is sent again has the same", {
  publish: (packet, { number }) => number > 1 ? puback(packet) : undefined,
}, async ({ broker, member: ann }) => {
  const sent = [ann.say("a"), ann.say("b")];
  for (const _ of sent) await broker.next("publish");
  broker.drop();
  await ann.next("disconnected");
  sent.push(ann.say("c"));
  await Promise.all(sent);
  assertEquals(idsOf(broker), { numbers: [1, 2, 1, 2, 3], runs: 1 });
});

Deno.test("numbers: without a connection, too large is an error at once", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.say("a");
  broker.drop();
  await ann.next("disconnected");
  await assertRejects(() => ann.say("x".repeat(70_000)), PayloadTooLargeError);
});

memberTest("joining: two calls, over two connections, get an answer each", {
  subscribe: (packet, { number }) => number > 1 ? suback(packet, 1) : undefined,
}, async ({ broker, member: ann }) => {
  const both = [ann.client.join(["room"]), ann.client.join(["room", "room"])];
  await broker.next("subscribe");
  broker.drop();
  const [one, two] = await inTime(Promise.all(both));
  const granted = { topic: "room", qos: 1 } as const;
  assertEquals([one, two], [[granted], [granted, granted]]);
});

Deno.test("joining: a room that is left first is not granted", async () => {
  await using broker = new FakeBroker(letIn({ subscribe: () => undefined }));
  await using ann = await Member.connect(broker);
  const joined = ann.client.join(["room"]);
  await broker.next("subscribe");
  ann.client.leave(["room"]);
  const [{ qos, reason }] = await inTime(joined);
  assertEquals([qos, reason], [undefined, "it was left"]);
});

Deno.test("joining: not after the end", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.client.close();
  await assertRejects(() => ann.client.join(["room"]), AbandonedError);
});

Deno.test("client: sends and joins at QoS 1 unless told otherwise", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  const [grant] = await ann.client.join(["room"]);
  assertEquals(grant, { topic: "room", qos: 1 });
  const { subscriptions } = await broker.next("subscribe");
  assertEquals(subscriptions.map(({ qos }) => qos), [1]);
  const payload = { type: "message", from: "ann", message: "hi" } as const;
  await ann.client.send("room", payload);
  assertEquals((await broker.next("publish")).qos, 1);
});

Deno.test("client: what would break the connection is not sent", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using member = await Member.connect(broker);
  const { client } = member;
  const payload = { type: "message", from: "ann", message: "hi" } as const;
  await assertRejects(
    () => client.send("room/+", payload),
    TopicError,
    'The topic "room/+" has a wildcard, + or #; messages go to one room.',
  );
  await assertRejects(
    () => client.join(["room", "room/#/a"]),
    TopicError,
    'The topic filter "room/#/a" has a # before its end.',
  );
  await member.say("hi");
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
});

memberTest("client: a topic of a history is a room while it is joined", {
  unsubscribe: ({ messageId }) =>
    encode({ cmd: "unsuback", messageId, granted: [0] }),
}, async ({ broker, member: ann }) => {
  await ann.client.join(["a/$history"]);
  const { link } = await broker.next("subscribe");
  await link.send(publish("a/$history", "1", 1));
  assertEquals((await ann.received.next()).historyOf, undefined);
  await ann.client.leave(["a/$history"]);
  await link.send(publish("a/$history", "2", 2));
  assertEquals((await ann.received.next()).historyOf, "a");
});

Deno.test("client: a payload keeps the id and the time that it has", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  const message = { type: "message", from: "ann", message: "a" } as const;
  const own = { id: "own", at: "2026-01-02T03:04:05.678Z" };
  await ann.client.send("room", { ...message, ...own });
  const { payload } = await broker.next("publish");
  const { id, at } = JSON.parse(payload.toString());
  assertEquals({ id, at }, own);
});
