/** A broker's limits, and what it refuses, one message at a time. */

import { assertEquals, assertRejects } from "@std/assert";
import { PublishError, type QoS } from "../../lib/client.ts";
import { publishBytes } from "../../lib/mqtt/sender.ts";
import { FakeBroker, hostOf, letIn, letInOld } from "../support/brokers.ts";
import { Member, memberTest } from "../support/members.ts";
import { connack, messageOf, puback, sizeOf } from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

for (const maximumQoS of [0, 1] as const) {
  memberTest(`limits: a broker that takes QoS ${maximumQoS} at most`, {
    connect: () => connack(0, { maximumQoS }),
  }, async ({ broker, member }) => {
    for (const qos of [0, 2, 2, 1] as const) await member.say("a", "room", qos);
    // QoS 0 isn't acknowledged, so it is awaited here.
    for (let count = 0; count < 4; count++) await broker.next("publish");
    const at = broker.all("publish").map(({ qos }) => qos);
    assertEquals(at, [0, maximumQoS, maximumQoS, maximumQoS]);
    assertEquals(member.reports("lowered"), [
      { type: "lowered", broker: member.client.broker, qos: maximumQoS },
    ]);
  });
}

for (const version of [5, 4] as const) {
  const named = version === 5 ? "MQTT 5" : "MQTT 3.1.1";
  Deno.test(`limits: the size of a packet is known before, ${named}`, async () => {
    await using broker = new FakeBroker((version === 5 ? letIn : letInOld)({}));
    const options = { protocolVersion: version };
    await using member = await Member.connect(broker, options);
    for (const [index, length] of [0, 1, 100, 10_000, 30_000].entries()) {
      const qos = (index % 3) as QoS;
      await member.say("x".repeat(length), "room/é", qos);
      const packet = await broker.next("publish");
      const { topic, payload } = packet;
      const computed = publishBytes(topic, payload.length, qos, version);
      assertEquals(computed, sizeOf(packet, version));
    }
  });
}

Deno.test("limits: too large a message isn't sent, and the others are", async () => {
  const maximumPacketSize = 200;
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { maximumPacketSize }),
  }));
  await using member = await Member.connect(broker);
  // So long that the length field takes two bytes, as for the largest.
  const long = "x".repeat(50);
  await member.say(long);
  const room = maximumPacketSize - sizeOf(await broker.next("publish"));
  const largest = long + "x".repeat(room);
  const sent = ["a", largest, largest + "x", "b"].map((text) =>
    member.say(text)
  );
  const error = await assertRejects(() => sent[2], PublishError);
  assertEquals(
    error.message,
    `${hostOf(broker)} takes packets of 200 bytes at most, this message ` +
      "needs 201; send it in parts.",
  );
  assertEquals([error.reasonCode, error.isDenied], [149, false]);
  await Promise.all([sent[0], sent[1], sent[3]]);
  const texts = broker.all("publish").map(messageOf);
  assertEquals(texts, [long, "a", largest, "b"]);
  assertEquals(broker.connections, 1);
});

memberTest("limits: never more unacknowledged than the broker takes", {
  connect: () => connack(0, { receiveMaximum: 5 }),
  publish: () => undefined,
}, async ({ broker, member }) => {
  const COUNT = 40;
  const sent = Array.from({ length: COUNT }, (_, i) => member.say(`${i}`));
  for (let answered = 0; answered < COUNT; answered++) {
    const packet = await broker.next("publish");
    // As soon as five are there, nothing else may come before an answer.
    while (broker.all("publish").length < answered + 5) {
      if (answered + 5 > COUNT) break;
      await new Promise((resolve) => setTimeout(resolve));
    }
    const arrived = broker.all("publish").length;
    assertEquals(arrived, Math.min(answered + 5, COUNT));
    await packet.link.send(puback(packet));
  }
  await Promise.all(sent);
});

// Mosquitto 2.0.11 sends 149, which MQTT 5 §3.4.2.1 does not list.
memberTest("limits: a PUBACK with a code that MQTT has not is read", {
  publish: (packet) => puback(packet, 149),
}, async ({ broker, member }) => {
  await assertRejects(
    () => inTime(member.say("a")),
    PublishError,
    `${hostOf(broker)} did not take a message for room: packet too large.`,
  );
  assertEquals(broker.connections, 1);
});

memberTest("limits: a message without subscribers is no error", {
  publish: (packet) => puback(packet, 16),
}, async ({ member }) => {
  await member.say("hello?");
});

Deno.test("limits: whether the broker keeps retained messages", async () => {
  for (const retainAvailable of [undefined, true, false]) {
    await using broker = new FakeBroker(letIn({
      connect: () => connack(0, { retainAvailable }),
    }));
    await using member = await Member.connect(broker);
    assertEquals(member.client.retains, retainAvailable ?? true);
  }
});

Deno.test("limits: the length field grows by a byte for each 7 bits", () => {
  // 3 bytes of topic, the rest payload, so that `size` follows the header.
  const bytes = (size: number) => publishBytes("t", size - 3, 0, 4) - size;
  const growth = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  assertEquals(growth.map(bytes), [2, 3, 3, 4, 4, 5]);
  assertEquals(bytes(268_435_455), 5);
});
