/**
 * The numbers of what a client sends: without holes, whatever becomes of it.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PayloadTooLargeError, PublishError } from "../lib/client.ts";
import { parseId } from "../lib/ids.ts";
import { decode } from "../lib/protocol.ts";
import { FakeBroker, letIn } from "./support/brokers.ts";
import { Member } from "./support/members.ts";
import { connack, type PacketOf, puback } from "./support/packets.ts";

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

Deno.test("numbers: what is refused before it is sent leaves no hole", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { maximumPacketSize: 1_000 }),
  }));
  await using ann = await Member.connect(broker);
  const sent = [ann.say("a"), ann.say("x".repeat(70_000))];
  sent.push(ann.say("y".repeat(2_000)), ann.say("b"));
  await assertRejects(() => sent[1], PayloadTooLargeError);
  await assertRejects(() => sent[2], PublishError);
  await Promise.all([sent[0], sent[3]]);
  const ids = broker.all("publish").map(idOf);
  assertEquals(ids.map(({ number }) => number), [1, 2]);
  assertEquals(ids[0].run, ids[1].run);
});

Deno.test("numbers: after a refusal another run begins", async () => {
  const isDenied = ({ payload }: PacketOf<"publish">) =>
    payload.toString().includes('"no"');
  await using broker = new FakeBroker(letIn({
    publish: (packet) =>
      isDenied(packet) ? puback(packet, 135) : puback(packet),
  }));
  await using ann = await Member.connect(broker);
  await ann.say("a");
  await assertRejects(() => ann.say("no"), PublishError);
  await ann.say("b");
  const ids = broker.all("publish").map(idOf);
  assertEquals(ids.map(({ number }) => number), [1, 2, 1]);
  assert(ids[0].run !== ids[2].run);
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

Deno.test("numbers: without a connection, too large is told at once", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.say("a");
  broker.heard.all.at(-1)!.link.close();
  await ann.next("disconnected");
  await assertRejects(() => ann.say("x".repeat(70_000)), PayloadTooLargeError);
});
