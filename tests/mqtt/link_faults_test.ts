/** Brokers of bug reports: deaf, closing over what they refuse, or confused. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  PublishError,
  RefusedError,
  UnreachableError,
} from "../../lib/client.ts";
import { FakeBroker, letIn } from "../support/brokers.ts";
import { TestClock } from "../support/clock.ts";
import { Member } from "../support/members.ts";
import { connack, encode, puback } from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

Deno.test("faults: the will's QoS is as asked for, or as the broker takes it", async () => {
  await using broker = new FakeBroker(letIn({
    connect: ({ will }) => connack((will?.qos ?? 0) > 0 ? 0x9b : 0),
  }));
  const will = {
    topic: "room",
    payload: { type: "notice", from: "ann", notice: "gone" },
    qos: 2,
  } as const;
  await using member = await Member.connect(broker, { will });
  broker.drop();
  await member.next("connected");
  await inTime(member.say("here"));
  const asked = broker.all("connect").map(({ will }) => will?.qos);
  assertEquals(asked.slice(0, 3), [2, 1, 0]);
});

Deno.test("faults: a will that is refused at each QoS is refused", async () => {
  await using broker = new FakeBroker(() => connack(0x9b));
  const payload = { type: "notice", from: "ann", notice: "gone" } as const;
  const will = { topic: "room", payload, qos: 1 } as const;
  await assertRejects(() => Member.connect(broker, { will }), RefusedError);
  assertEquals(broker.all("connect").map(({ will }) => will?.qos), [1, 0]);
});

Deno.test("faults: a will that changes before CONNACK is sent, too", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => number === 2 ? undefined : connack(),
    disconnect: () => "close",
  }));
  await using member = await Member.connect(broker);
  broker.drop();
  await broker.next("connect");
  const { link } = await broker.next("connect");
  const payload = { type: "notice", from: "ann", notice: "gone" } as const;
  member.client.setWill({ topic: "room", payload });
  await link.send(connack());
  const { will } = await inTime(broker.next("connect"));
  assertEquals(will?.topic, "room");
});

Deno.test("faults: a session that the broker doesn't keep is reported", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { sessionExpiryInterval: 0 }),
  }));
  await using kept = await Member.connect(broker, {
    clientId: "ann",
    session: { resume: true },
  });
  await using passing = await Member.connect(broker);
  assertEquals(kept.kinds, ["connected", "not kept"]);
  assertEquals(passing.kinds, ["connected"]);
});

Deno.test("faults: the broker's own words, wherever it says some", async () => {
  const properties = { reasonString: "closed on Sundays" };
  const words = "(closed on Sundays)";
  await using moved = new FakeBroker(() =>
    connack(0x9d, { ...properties, serverReference: "b.example:1883" })
  );
  await assertRejects(
    () => Member.connect(moved),
    UnreachableError,
    `(server moved ${words}; it names b.example:1883 in its place)`,
  );
  await using strict = new FakeBroker(() => connack(0x85, properties));
  await assertRejects(() => Member.connect(strict), RefusedError, words);

  await using broker = new FakeBroker(letIn({
    publish: ({ messageId }) =>
      encode({ cmd: "puback", messageId, reasonCode: 0x97, properties }),
    subscribe: ({ messageId }) =>
      encode({ cmd: "suback", messageId, granted: [0x87], properties }),
  }));
  await using member = await Member.connect(broker);
  await assertRejects(() => member.say("hi"), PublishError, words);
  const [{ reason }] = await member.client.join(["room"]);
  assertEquals(reason, `not authorized ${words}`);
  const { link } = await broker.next("connect");
  await link.send(encode({ cmd: "disconnect", reasonCode: 0x8b, properties }));
  const lost = await member.next("disconnected");
  assertEquals(lost.reason, `server shutting down ${words}`);
});

Deno.test("faults: a CONNACK that can't be read fails at once", async () => {
  await using broker = new FakeBroker(() => [0x26, 0x03, 0, 0, 0]);
  await assertRejects(
    () => Member.connect(broker),
    UnreachableError,
    "does not speak MQTT",
  );
});

for (const failure of ["refusal", "close"] as const) {
  Deno.test(`faults: the reported waits double, after a ${failure}, too`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: (_, { number }) => {
        if (number < 2 || number > 3) return connack();
        return failure === "refusal" ? connack(0x88) : "close";
      },
    }));
    await using member = await Member.connect(broker);
    broker.drop();
    await member.next("disconnected");
    await member.next("connected");
    const failures = member.reports("failed").map(({ reason }) => reason);
    const reason = failure === "refusal"
      ? "server unavailable"
      : "the broker closed the connection (no reason given)";
    assertEquals([failures, member.waits], [[reason, reason], [1, 2, 4]]);
  });
}

Deno.test("faults: a night asleep counts, even if one clock stood still", async () => {
  await using broker = new FakeBroker(letIn({}));
  const clock = new TestClock();
  let night = 0;
  clock.wall = () => night;
  await using member = await Member.connect(broker, { clock });
  await member.next("connected");
  broker.drop();
  await member.next("disconnected");
  night = 8 * 3_600_000;
  await clock.advance(1_000);
  const { gap } = await member.next("connected");
  assertEquals(gap, 8 * 3_600);
});

Deno.test("faults: another will takes a new connection, and no message with it", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number > 1),
    disconnect: () => "close",
    publish: (packet, { number }) => number === 1 ? undefined : puback(packet),
  }));
  const will = (from: string, topic: string) => ({
    topic,
    payload: { type: "notice", from, notice: `${from} is gone` } as const,
  });
  await using member = await Member.connect(broker, { will: will("ann", "a") });
  await member.client.join(["a"]);
  const sent = member.say("under way", "a");
  await broker.next("publish");
  member.client.setWill(will("bea", "b"));
  await inTime(sent);
  await inTime(member.say("afterwards", "b"));
  const wills = broker.all("connect").map(({ will }) => [
    will?.topic,
    JSON.parse(String(will?.payload)).from,
  ]);
  assertEquals(wills, [["a", "ann"], ["b", "bea"]]);
  const [goodbye] = broker.all("disconnect");
  assertEquals(goodbye.properties?.sessionExpiryInterval, undefined);
  assertEquals(member.kinds, [
    "connected",
    "subscribed",
    "connected",
    "subscribed",
  ]);
  assertEquals(member.reports("connected")[1].isRenewed, true);
});

Deno.test("faults: a room that was left is asked for no more", async () => {
  await using broker = new FakeBroker(letIn({
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }),
  }));
  await using member = await Member.connect(broker);
  await member.client.join(["a"]);
  await member.client.join(["b"]);
  await inTime(member.client.leave(["a"]));
  const { unsubscriptions, link } = await broker.next("unsubscribe");
  assertEquals(unsubscriptions, ["a"]);
  link.close();
  await member.statuses.next((status) =>
    status.type === "connected" && status.gap !== undefined
  );
  await member.next("subscribed");
  const [last] = broker.all("subscribe").slice(-1);
  assertEquals(last.subscriptions.map(({ topic }) => topic), ["b"]);
});
