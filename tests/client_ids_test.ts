/** The numbers in the ids that a client sends. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PayloadTooLargeError, PublishError } from "../lib/client.ts";
import { parseId } from "../lib/ids.ts";
import { decode } from "../lib/protocol.ts";
import { FakeBroker, letIn } from "./support/brokers.ts";
import { Member } from "./support/members.ts";
import { connack, puback } from "./support/packets.ts";

/** The number of a message that came, and its run. */
function idOf({ payload }: { payload: string | Uint8Array }) {
  const bytes = typeof payload === "string"
    ? new TextEncoder().encode(payload)
    : payload;
  const content = decode(bytes);
  assert("id" in content);
  const id = parseId(content.id!);
  assert(id !== undefined, content.id);
  return id;
}

Deno.test("numbers: one run for each room, notices included", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.say("a", "hall");
  await ann.say("b");
  await ann.client.send("hall", { type: "notice", from: "ann", notice: "c" });
  await ann.say("d", "hall");
  const ids = broker.all("publish").map(idOf);
  assertEquals(ids.map(({ number }) => number), [1, 1, 2, 3]);
  assertEquals(new Set(ids.map(({ run }) => run)).size, 2);
});

Deno.test("numbers: what is refused leaves a hole, since nothing arrived", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { maximumPacketSize: 1_000 }),
    publish: (packet) =>
      puback(packet, packet.payload.includes('"no"') ? 135 : 0),
  }));
  await using ann = await Member.connect(broker);
  const sent = ["a", "x".repeat(70_000), "y".repeat(2_000), "no", "b"]
    .map((text) => ann.say(text));
  await assertRejects(() => sent[1], PayloadTooLargeError);
  for (const refused of sent.slice(2, 4)) {
    await assertRejects(() => refused, PublishError);
  }
  await Promise.all([sent[0], sent[4]]);
  const ids = broker.all("publish").map(idOf);
  assertEquals(ids.map(({ number }) => number), [1, 4, 5]);
  assertEquals(new Set(ids.map(({ run }) => run)).size, 1);
});

Deno.test("numbers: what is sent again has the same", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet, { number }) => number > 1 ? puback(packet) : undefined,
  }));
  await using ann = await Member.connect(broker);
  const sent = [ann.say("a"), ann.say("b")];
  for (const _ of sent) await broker.next("publish");
  broker.heard.all.at(-1)!.link.close();
  await ann.next("disconnected");
  sent.push(ann.say("c"));
  await Promise.all(sent);
  const ids = broker.all("publish").map(idOf);
  assertEquals(ids.map(({ number }) => number), [1, 2, 1, 2, 3]);
  assertEquals(new Set(ids.map(({ run }) => run)).size, 1);
});

Deno.test("numbers: without a connection, too large is an error at once", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.say("a");
  broker.heard.all.at(-1)!.link.close();
  await ann.next("disconnected");
  await assertRejects(() => ann.say("x".repeat(70_000)), PayloadTooLargeError);
});

Deno.test("numbers: a payload keeps the id and the time that it has", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  const message = { type: "message", from: "ann", message: "a" } as const;
  const own = { id: "own", at: "2026-01-02T03:04:05.678Z" };
  await ann.client.send("room", { ...message, ...own });
  const { payload } = await broker.next("publish");
  const { id, at } = JSON.parse(payload.toString());
  assertEquals({ id, at }, own);
});
