/** A broker's limits, and what it refuses, one message at a time. */

import { assertEquals, assertRejects } from "@std/assert";
import { PublishError } from "../../lib/client.ts";
import { limitsOf, publishBytes } from "../../lib/mqtt/sender.ts";
import { FakeBroker, hostOf, letIn, letInOld } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { connack, messageOf, puback, sizeOf } from "../support/packets.ts";
import { inTime } from "../support/patience.ts";
import { pureTests } from "../support/pure.ts";
import { assertOneLine, run } from "../support/processes.ts";

for (const maximumQoS of [0, 1] as const) {
  Deno.test(`limits: a broker that takes QoS ${maximumQoS} at most`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: () => connack(0, { maximumQoS }),
    }));
    await using member = await Member.connect(broker);
    const payload = { type: "message", from: "ann", message: "a" } as const;
    for (const qos of [0, 2, 2, 1] as const) {
      await member.client.send("room", payload, qos);
    }
    // QoS 0 isn't acknowledged, so it is awaited here.
    for (let count = 0; count < 4; count++) await broker.next("publish");
    const at = broker.all("publish").map(({ qos }) => qos);
    assertEquals(at, [0, maximumQoS, maximumQoS, maximumQoS]);
    const lowered = member.statuses.all.filter(({ type }) =>
      type === "lowered"
    );
    assertEquals(lowered, [
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
    for (const length of [0, 1, 100, 10_000, 30_000]) {
      await member.say("x".repeat(length), "room/é");
      const packet = await broker.next("publish");
      const { topic, payload, qos } = packet;
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

Deno.test("limits: never more unacknowledged than the broker takes", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { receiveMaximum: 5 }),
    publish: () => undefined,
  }));
  await using member = await Member.connect(broker);
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

/** Reason codes, and how a script ends that only got them. */
const REASONS: [code: number, name: string, exit: number][] = [
  [135, "not authorized", 3],
  [144, "topic name invalid", 5],
  [151, "quota exceeded", 5],
];

for (const [code, name, exit] of REASONS) {
  Deno.test(`limits: reason code ${code} by its name`, async () => {
    await using broker = new FakeBroker(letIn({
      publish: (packet) => puback(packet, code),
    }));
    const args = ["-h", hostOf(broker), "-t", "chat/room"];
    const [one, piped] = await Promise.all([
      run("publisher.ts", [...args, "-m", "a"]),
      run("publisher.ts", args, { stdin: "a\n" }),
    ]);
    const sentence = `${hostOf(broker)} did not take a message for ` +
      `chat/room: ${name}.`;
    const said = (subject: string) =>
      new RegExp(`: ${subject} was not sent\\. ${RegExp.escape(sentence)}\n$`);
    assertOneLine(one, exit, said("The message"));
    assertOneLine(piped, exit, said("Line 1"));
  });
}

Deno.test("limits: a PUBACK with a code that MQTT has not is read", async () => {
  // Mosquitto 2.0.11 sends 149, which MQTT 5 §3.4.2.1 does not list.
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, 149),
  }));
  await using member = await Member.connect(broker);
  await assertRejects(
    () => inTime(member.say("a")),
    PublishError,
    `${hostOf(broker)} did not take a message for room: packet too large.`,
  );
  assertEquals(broker.connections, 1);
});

Deno.test("limits: a message without subscribers is no error", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, 16),
  }));
  await using member = await Member.connect(broker);
  await member.say("hello?");
});

const test = pureTests("limits");

test("the standard's, where a broker announces none", () => {
  const standard = {
    qos: 2,
    packetBytes: 268_435_460,
    inFlight: 60_000,
    retains: true,
  };
  assertEquals(limitsOf(5) as unknown, standard);
  assertEquals(limitsOf(5, {}) as unknown, standard);
});

test("those that a broker announces", () => {
  assertEquals(
    limitsOf(5, { maximumQoS: 0, maximumPacketSize: 100, receiveMaximum: 5 }),
    { qos: 0, packetBytes: 100, inFlight: 5, retains: true },
  );
  assertEquals(limitsOf(5, { maximumQoS: 1 }).qos, 1);
  assertEquals(limitsOf(5, { maximumQoS: 2 }).qos, 2);
  assertEquals(limitsOf(5, { receiveMaximum: 65_535 }).inFlight, 60_000);
  // Beyond the standard: what a broker can't mean is not obeyed.
  assertEquals(limitsOf(5, { maximumQoS: 7 }).qos, 2);
});

test("what is retained is kept, unless a broker says that it is not", () => {
  assertEquals(limitsOf(5, { retainAvailable: false }).retains, false);
  assertEquals(limitsOf(5, { retainAvailable: true }).retains, true);
  assertEquals(limitsOf(5, { retainAvailable: undefined }).retains, true);
  // MQTT 3.1.1 can't say.
  assertEquals(limitsOf(4).retains, true);
});

test("a packet's size, by version and QoS", () => {
  // Fixed header 2, topic 2 + 4, packet id 2, properties' length 1, payload 3.
  assertEquals(publishBytes("room", 3, 0, 4), 11);
  assertEquals(publishBytes("room", 3, 0, 5), 12);
  for (const qos of [1, 2] as const) {
    assertEquals(publishBytes("room", 3, qos, 4), 13);
    assertEquals(publishBytes("room", 3, qos, 5), 14);
  }
});

test("a topic is measured in UTF-8", () => {
  assertEquals(publishBytes("é👋", 0, 0, 4), 2 + 2 + 6);
});

test("the length field grows by a byte for each 7 bits", () => {
  // 3 bytes of topic, the rest payload, so that `size` follows the header.
  const bytes = (size: number) => publishBytes("t", size - 3, 0, 4) - size;
  const growth = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  assertEquals(growth.map(bytes), [2, 3, 3, 4, 4, 5]);
  assertEquals(bytes(268_435_455), 5);
});
