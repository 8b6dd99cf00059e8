import "../../lib/mqtt/library_env.ts"; // first: mqtt-packet reads the environment on loading
import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt";
import { type Acknowledges, Inbound } from "../../lib/mqtt/inbound.ts";
import { memberTests, textOf } from "../support/members.ts";
import { connack, encode, type PacketOf, suback } from "../support/packets.ts";

const test = memberTests("arriving");

/** What a client does about what arrives, as texts, in order. */
class Scene {
  readonly done: string[] = [];
  readonly inbound: Inbound;

  constructor(acknowledges: Acknowledges = "received") {
    this.inbound = new Inbound(
      acknowledges,
      ({ cmd, messageId }) => this.done.push(`${cmd} ${messageId}`),
      ({ packet, number }) =>
        this.done.push(`${number}: ${packet.payload} in ${packet.topic}`),
    );
    this.inbound.open(false);
  }

  /** Has a message arrive; returns what was done about it. */
  take(
    qos: 0 | 1 | 2,
    messageId: number,
    text: string,
    more: Partial<IPublishPacket> = {},
  ): string[] {
    this.inbound.take({
      ...{ cmd: "publish", topic: "chat/x", payload: Buffer.from(text) },
      ...{ qos, messageId, dup: false, retain: false, ...more },
    }, false);
    return this.done.splice(0);
  }

  /** Acknowledges up to a number; returns what was sent. */
  acknowledge(number: number): string[] {
    this.inbound.acknowledge(number);
    return this.done.splice(0);
  }
}

Deno.test("a message is reported, then acknowledged", () => {
  const scene = new Scene();
  assertEquals(scene.take(0, 0, "a"), ["1: a in chat/x"]);
  assertEquals(scene.take(1, 5, "b"), ["2: b in chat/x", "puback 5"]);
  assertEquals(scene.take(2, 6, "c"), ["3: c in chat/x", "pubrec 6"]);
  assertEquals(scene.take(2, 6, "c"), ["pubrec 6"]);
  // The packet ids of a kept session stay, those of a lost one mean nothing.
  scene.inbound.open(true);
  assertEquals(scene.take(2, 6, "c"), ["pubrec 6"]);
  scene.inbound.open(false);
  assertEquals(scene.take(2, 6, "d"), ["4: d in chat/x", "pubrec 6"]);
});

Deno.test("asked: messages are acknowledged in order of arrival", () => {
  const scene = new Scene("asked");
  // What is not reported goes with what came before it.
  assertEquals(scene.take(1, 1, ""), ["puback 1"]);
  assertEquals(scene.take(1, 5, "a"), ["1: a in chat/x"]);
  assertEquals(scene.take(2, 6, "b"), ["2: b in chat/x"]);
  assertEquals(scene.take(0, 0, "c"), ["3: c in chat/x"]);
  assertEquals(scene.take(1, 7, "d"), ["4: d in chat/x"]);
  assertEquals(scene.take(1, 8, ""), []);
  assertEquals(scene.acknowledge(3), ["puback 5", "pubrec 6"]);
  assertEquals(scene.acknowledge(3), []);
  assertEquals(scene.acknowledge(4), ["puback 7", "puback 8"]);
  assertEquals(scene.acknowledge(1), []);
  assertEquals(scene.take(1, 9, ""), ["puback 9"]);
});

Deno.test("asked: an acknowledgement never reaches another connection", () => {
  const scene = new Scene("asked");
  scene.take(1, 5, "a");
  scene.inbound.close();
  assertEquals(scene.acknowledge(1), []);
  scene.inbound.open(true);
  assertEquals(scene.acknowledge(1), []);
  assertEquals(scene.take(1, 5, "a", { dup: true }), ["2: a in chat/x"]);
  assertEquals(scene.acknowledge(2), ["puback 5"]);
  // A repeat at QoS 2 waits for what was reported.
  scene.take(2, 6, "b");
  scene.inbound.open(true);
  assertEquals(scene.take(2, 6, "b", { dup: true }), []);
  assertEquals(scene.acknowledge(3), ["pubrec 6"]);
  // After DISCONNECT nothing is taken, except what is not asked about.
  scene.inbound.close();
  assertEquals(scene.take(1, 7, "c"), []);
  const received = new Scene();
  received.inbound.close();
  assertEquals(received.take(1, 5, "a"), ["1: a in chat/x"]);
});

Deno.test("a retained message is reported again when it is another", () => {
  const scene = new Scene();
  const take = (text: string, topic = "chat/x") => {
    scene.inbound.open(false);
    return scene.take(0, 0, text, { retain: true, topic }).length;
  };
  assertEquals([take("a"), take("a"), take("a", "chat/y")], [1, 0, 1]);
  assertEquals([take("b"), take("b"), take("a")], [1, 0, 1]);
  // Live ones may say the same again.
  assertEquals(scene.take(0, 0, "a").length, 1);
  assertEquals([1, 2].map(() => take("a", "chat/x/$history")), [1, 1]);
  scene.inbound.unsubscribe(["chat/#"]);
  assertEquals(take("a"), 1);
});

Deno.test("of retained messages and of copies the latest 10,000 are known", () => {
  const scene = new Scene();
  for (const filter of ["#", "chat/#"]) scene.inbound.subscribe(filter);
  const kinds = [
    { retain: true },
    { properties: { subscriptionIdentifier: 1 } },
    { properties: { subscriptionIdentifier: 2 } },
  ];
  const take = (kind: number, n: number) =>
    scene.take(0, 0, "a", { topic: `chat/${n}`, ...kinds[kind] }).length;
  const all = Array.from({ length: 10_000 }, (_, n) => n);
  for (const n of [...all, 0, 10_000]) {
    for (const kind of [0, 1]) take(kind, n);
  }
  for (const kind of [0, 2]) {
    assertEquals([0, 2, 1].map((n) => take(kind, n)), [0, 0, 1]);
  }
});

Deno.test("copies for overlapping filters are reported once", () => {
  const scene = new Scene();
  scene.inbound.subscribe("chat/#");
  scene.inbound.subscribe("chat/x");
  scene.inbound.subscribe("elsewhere");
  const take = (ids?: number | number[], topic = "chat/x") => {
    // The types of mqtt-packet know one number only.
    const properties = { subscriptionIdentifier: ids as number };
    return scene.take(1, 5, "a", { properties, topic }).length - 1;
  };
  // The same is said again.
  assertEquals([1, 2, 1, 2].map((id) => take(id)), [1, 0, 1, 0]);
  assertEquals([take(2), take(1)], [1, 0]);
  // One copy for both.
  assertEquals([take([1, 2]), take([1, 2])], [1, 1]);
  // Only one filter matches.
  assertEquals([take(1, "chat/y"), take(1, "chat/y")], [1, 1]);
  // A broker without identifiers: both are shown.
  assertEquals([take(), take()], [1, 1]);
  // Only one filter is left.
  scene.inbound.unsubscribe(["chat/x"]);
  assertEquals([take(1), take(2)], [1, 1]);
  // More filters match than before.
  scene.inbound.subscribe("chat/y");
  assertEquals([take(1, "chat/y"), take(2, "chat/y")], [1, 0]);
  assertEquals(take(1, "elsewhere"), 1);
  scene.inbound.subscribe("$share/g/+");
  assertEquals([take(1, "elsewhere"), take(2, "elsewhere")], [1, 0]);
});

/** A PUBLISH packet of a broker. */
const said = (text: string, qos: 1 | 2, messageId: number, id?: number) => ({
  cmd: "publish",
  ...{ topic: "room", qos, messageId },
  payload: JSON.stringify({ type: "message", from: "bob", message: text }),
  ...{ dup: false, retain: false, properties: { subscriptionIdentifier: id } },
} as const);

/** Grants a subscription, and sends packets at once. */
const grant = (packet: PacketOf<"subscribe">, ...sent: Packet[]) =>
  Buffer.concat([suback(packet, 2), ...sent.map((it) => encode(it))]);

const LARGE = { ...said("", 1, 7), payload: "x".repeat(1_500_000) };

test("a payload over the limit is skipped in MQTT 3.1.1", {
  options: { protocolVersion: 4 },
  subscribe(packet, { number }) {
    const large = encode({ ...LARGE, retain: true, dup: true }, 4);
    // The first connection breaks in the middle of it.
    if (number === 1) return large.subarray(0, 200_000);
    const granted = encode({ ...packet, cmd: "suback", granted: [1] }, 4);
    return Buffer.concat([granted, large, encode(said("after", 1, 8), 4)]);
  },
}, async ({ broker, member }) => {
  const joined = member.client.join(["room"]);
  const [cut] = await member.received.take(1);
  broker.drop();
  await joined;
  await member.received.next((it) => textOf(it) === "after");
  assertEquals(member.received.all.length, 2);
  assertEquals([cut.topic, cut.retain, cut.duplicate], ["room", true, true]);
  assertEquals(cut.payload, {
    type: "malformed",
    reason: "over the limit of 1048576 bytes",
    bytes: Buffer.alloc(0),
    isCut: true,
  });
  await broker.next("puback", (it) => it.messageId === 8);
});

test("a packet over the limit renews the connection in MQTT 5", {
  subscribe: (packet, { number }) =>
    number <= 4 ? encode(LARGE) : grant(packet, said("after", 1, 8)),
}, async ({ member }) => {
  // It denies nothing.
  assertEquals(await member.client.join(["room"]), [{ topic: "room", qos: 2 }]);
  assertEquals(await member.texts(1), ["after"]);
  const { reason } = await member.next("disconnected");
  assertEquals(reason, "the broker sent a packet of over 1048576 bytes");
});

test("a message of QoS 2 is received at PUBLISH, once in a session", {
  connect: (_, { number }) => connack(0, {}, number > 2),
  subscribe: (packet) => grant(packet, said("one", 2, 7)),
  pubrec: (_, { number }) =>
    number < 3 ? "close" : encode({ cmd: "pubrel", messageId: 7 }),
  // The packet id is free again.
  pubcomp: () => encode(said("two", 1, 7)),
}, async ({ broker, member }) => {
  await member.client.join(["room"], 2);
  assertEquals(await member.texts(3), ["one", "one", "two"]);
  assertEquals(broker.connections, 3);
});

test("a room that is joined again shows what is retained", {
  subscribe: (packet) => grant(packet, { ...said("kept", 1, 7), retain: true }),
}, async ({ member }) => {
  await member.client.join(["room"]);
  assertEquals(await member.texts(1), ["kept"]);
  await member.client.leave(["room"]);
  await member.client.join(["room"]);
  assertEquals(await member.texts(1), ["kept"]);
});

test("a message for two filters of ours is received once in MQTT 5", {
  connect: (_, { number }) =>
    connack(0, number > 1 ? { subscriptionIdentifiersAvailable: false } : {}),
  subscribe(packet) {
    const second = Number(packet.properties?.subscriptionIdentifier);
    if (second !== 2) return grant(packet);
    const copies = [1, second].map((id) => said("twice", 1, id, id));
    return grant(packet, ...copies, said("last", 1, 3, 1));
  },
}, async ({ broker, member }) => {
  await member.client.join(["#", "room"]);
  assertEquals(await member.texts(2), ["twice", "last"]);
  broker.drop();
  for (let count = 0; count < 4; count++) await broker.next("subscribe");
  const ids = broker.all("subscribe").map(({ properties }) =>
    properties?.subscriptionIdentifier
  );
  assertEquals(ids, [1, 2, undefined, undefined]);
});
