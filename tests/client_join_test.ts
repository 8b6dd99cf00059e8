/** Each call of join gets an answer. */

import { assertEquals, assertRejects } from "@std/assert";
import { AbandonedError } from "../lib/client.ts";
import { FakeBroker, letIn } from "./support/brokers.ts";
import { Member } from "./support/members.ts";
import { encode, publish, suback } from "./support/packets.ts";
import { inTime } from "./support/patience.ts";

Deno.test("joining: two calls, over two connections, get an answer each", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet, { number }) =>
      number > 1 ? suback(packet, 1) : undefined,
  }));
  await using ann = await Member.connect(broker);
  const both = [ann.client.join(["room"]), ann.client.join(["room", "room"])];
  await broker.next("subscribe");
  broker.heard.all.at(-1)!.link.close();
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

Deno.test("joining: a topic of a history is a room while it is joined", async () => {
  await using broker = new FakeBroker(letIn({
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }),
  }));
  await using ann = await Member.connect(broker);
  await ann.client.join(["a/$history"]);
  const { link } = await broker.next("subscribe");
  await link.send(publish("a/$history", "1", 1));
  assertEquals((await ann.received.next()).historyOf, undefined);
  await ann.client.leave(["a/$history"]);
  await link.send(publish("a/$history", "2", 2));
  assertEquals((await ann.received.next()).historyOf, "a");
});

Deno.test("joining: not after the end", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Member.connect(broker);
  await ann.client.close();
  await assertRejects(() => ann.client.join(["room"]), AbandonedError);
});
