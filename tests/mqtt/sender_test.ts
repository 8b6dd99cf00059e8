/**
 * Subscribing and publishing: what a broken connection says of what was
 * unanswered when it broke, and a broker's limits.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import type { PublishError } from "../../lib/client.ts";
import { publishBytes } from "../../lib/mqtt/sender.ts";
import {
  FakeBroker,
  type FakeLink,
  hostOf,
  letIn,
} from "../support/brokers.ts";
import { errorOf, Member, memberTests } from "../support/members.ts";
import {
  accept,
  connack,
  disconnect,
  encode,
  GARBAGE,
  messageOf,
  type PacketOf,
  puback,
  suback,
} from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

const test = memberTests("probation");

const texts = (broker: FakeBroker) => broker.all("publish").map(messageOf);

const isFor = (packet: PacketOf<"subscribe">, topic: string) =>
  packet.subscriptions[0].topic === topic;

const denialOf = (sent: Promise<void>): Promise<PublishError> =>
  sent.then(() => undefined as never, (error) => error);

/** Says texts; returns which were sent, and which errors say a denial. */
async function sayAll(member: Member, all: string[]) {
  const said = all.map((text) => member.say(text));
  const outcomes = await inTime(Promise.allSettled(said));
  return outcomes.map((it) => "reason" in it ? it.reason.isDenied : "sent");
}

const ONCE = "the connection broke while only this was unanswered";
const ALONE = ONCE.replace("broke", "broke three times");
const SILENT = "the broker closed the connection (no reason given)";

test("only those to blame are denied, what is optional after one lone break", {
  subscribe(packet, link) {
    if (isFor(packet, "secret") || isFor(packet, "a/$history")) return "close";
    if (!isFor(packet, "denied")) return 1;
    queueMicrotask(() => link.close());
    return 0x87;
  },
  publish: ({ topic }) => topic === "a/$history" ? "close" : 0,
}, async ({ broker, member }) => {
  const rooms = ["a", "secret", "denied", "b"];
  const grants = await member.client.join(rooms);
  assertEquals(grants.map(({ qos }) => qos), [1, undefined, undefined, 1]);
  await member.say("here");
  const count = broker.asked().filter((topic) => topic === "denied").length;
  assertEquals([count, grants[2].reason], [1, "not authorized"]);
  const reason = `${ONCE}: ${SILENT}`;
  const [history] = await member.client.join(["a/$history"]);
  assertEquals(history.reason, reason);
  const kept = await errorOf(member.say("kept", "a/$history"));
  assertStringIncludes(kept, reason);
  assertEquals(texts(broker), ["here", "kept"]);
});

test("silence over what is optional breaks nothing, and hides no other", {
  subscribe: (packet) => isFor(packet, "a") ? 1 : undefined,
  publish: (packet, { number }) =>
    number > 1 || messageOf(packet) === "here" ? 0 : undefined,
}, async ({ broker, member }) => {
  await member.client.join(["a"]);
  const optional = member.client.join(["optional"], 1, true);
  await member.say("here");
  const sent = member.say("unanswered");
  await broker.next("publish", (it) => messageOf(it) === "unanswered");
  await member.clock.advance(5_000);
  const [{ reason }] = await optional;
  assertEquals(reason, "no answer to SUBSCRIBE in 5 s");
  assertEquals(broker.connections, 1);
  await member.clock.advance(5_000);
  await sent;
  assertEquals(broker.connections, 2);
  assertEquals(broker.asked(), ["a", "optional", "a"]);
});

const CLOSINGS = [
  [undefined, SILENT],
  [0x87, "not authorized"],
  [0x95, "packet too large"],
  [0x99, "payload format invalid"],
] as const;

for (const [code, reason] of CLOSINGS) {
  const close = () => code === undefined ? "close" : disconnect(code);
  test(`what the broker closes over is given up: ${reason}`, {
    ...{ subscribe: close, publish: close },
  }, async ({ broker, member }) => {
    const denied = { topic: "secret", reason: `${ALONE}: ${reason}` };
    assertEquals(await member.client.join(["secret"]), [denied]);
    assertEquals(member.reports("denied"), [{ type: "denied", ...denied }]);
    assertEquals(broker.all("subscribe").length, 4);
    assertEquals(broker.all("pingreq").length, 1 + 4 + 16);
    const error = await denialOf(member.say("no"));
    assertEquals(
      `${error}`,
      `PublishError: ${hostOf(broker)} did not take a message for room: ` +
        `${ALONE}: ${reason}.`,
    );
    // A message that is too large or not text says nothing of the topic.
    const isDenied = code === undefined || code === 0x87;
    assertEquals([error.reasonCode, error.isDenied], [code, isDenied]);
    // On probation from the beginning.
    assertEquals(broker.all("publish").length, 3);
    // Each counted break lets the back-off begin anew.
    assert(member.waits.every((wait) => wait === 1), `${member.waits}`);
  });
}

test("a reason counts for its own connection alone", {
  publish: (_, { number }) => number < 4 ? disconnect(0x95) : "close",
}, async ({ member }) => {
  const error = await denialOf(member.say("no"));
  assertEquals([error.reasonCode, error.isDenied], [undefined, true]);
});

test("three messages in a row refuse a topic that was served, no others", {
  // It acknowledges late, and closes at once.
  publish(packet, link) {
    if (messageOf(packet) === "bad") return "close";
    setTimeout(() => link.send(puback(packet)).catch(() => {}), 20);
  },
}, async ({ member }) => {
  await member.say("good");
  const all = ["bad", "bad", "1", "2", "bad", "bad", "bad", "3"];
  assertEquals(
    await sayAll(member, all),
    [false, false, "sent", "sent", false, false, true, true],
  );
  const refusal = await denialOf(member.say("later"));
  assert(refusal.isDenied);
  assertStringIncludes(`${refusal}`, "takes no messages for this topic.");
});

Deno.test("probation: a break before the PINGRESP clears the one on trial", async () => {
  let pings = 0;
  await using broker = new FakeBroker(letIn({
    // The 2nd of four pings before the second and the third try breaks.
    pingreq: () => [3, 6].includes(++pings) ? "close" : 0,
    publish: (_, { number }) => number < 6 ? "close" : 0,
  }));
  await using member = await Member.connect(broker);
  await inTime(member.say("innocent"));
  assertEquals(pings, 7);
  for (const number of [7, 8]) {
    broker.drop();
    await member.next("connected", () => broker.connections === number);
  }
  // Only what happened on a connection lets its back-off begin anew.
  assertEquals(member.waits, [1, 1, 2, 1, 2, 1, 2]);
});

/** Not MQTT, PUBREL without a packet id, and a topic alias. */
const UNREADABLE = [
  GARBAGE,
  [0x62, 1, 0],
  encode({
    ...{ cmd: "publish", topic: "", payload: "{}", qos: 0 },
    ...{ dup: false, retain: false, properties: { topicAlias: 1 } },
  }),
];

test("answers that can't be read count nothing", {
  publish: (_, { number }) => UNREADABLE[number - 5] ?? 0,
  subscribe: (packet, { number }) => number < 5 ? suback(packet, 1, 1) : 1,
}, async ({ member }) => {
  const joined = member.client.join(["a"]);
  await member.say("at last");
  assertEquals(await joined, [{ topic: "a", qos: 1 }]);
  for (const { reason } of member.reports("disconnected")) {
    assert(reason.startsWith("the broker sent a malformed packet"), reason);
  }
  assertEquals(member.waits, [1, 2, 4, 8, 16, 32, 64]);
});

for (const receiveMaximum of [1, undefined]) {
  test(
    `a PUBACK is awaited for the time-out, Receive Maximum ${receiveMaximum}`,
    {
      connect: (_, { number }) => connack(0, { receiveMaximum }, number > 1),
      publish: (packet, { number }) =>
        number === 1 && messageOf(packet) === "2" ? undefined : 0,
    },
    async ({ broker, member }) => {
      await member.say("1");
      await member.clock.advance(3_000);
      const sent = ["2", "3"].map((text) => member.say(text));
      await member.clock.advance(4_999);
      assertEquals(broker.connections, 1);
      await member.clock.advance(1);
      await Promise.all(sent);
      const [{ reason }] = member.reports("disconnected");
      assertEquals(reason, "no answer to PUBLISH in 5 s");
      const again = broker.all("publish").filter(({ link }) => link.number > 1);
      assertEquals(again[0].dup, true);
    },
  );
}

test("nothing but silence is given up in the end", {
  publish: () => undefined,
}, async ({ broker, member }) => {
  const sent = errorOf(member.say("a"));
  for (let tries = 0; tries < 4; tries++) {
    await broker.next("publish");
    await member.clock.advance(5_000);
  }
  const reason = `${ALONE}: no answer to PUBLISH in 5 s.`;
  assertStringIncludes(await sent, reason);
});

test("rooms that were granted come first, then others, then messages", {
  subscribe: (packet, { number }) =>
    (number < 3 && isFor(packet, "b")) ||
      (number === 4 && isFor(packet, "a/$who"))
      ? undefined
      : 1,
}, async ({ broker, member }) => {
  await member.client.join(["a/$who"], 1, true);
  const all: Promise<unknown>[] = [member.client.join(["b"])];
  await member.client.join(["a"]);
  broker.drop();
  await member.next("disconnected");
  all.push(member.say("x", "a"));
  const isLast = () => broker.asked(2).includes("b");
  await broker.next("subscribe", isLast);
  await member.clock.advance(4_999);
  // Its echo would be missed.
  assertEquals(texts(broker), []);
  // No client is connected and deaf.
  await member.clock.advance(1);
  await Promise.all(all);
  const again = ["a", "b", "a", "b", "a/$who"];
  assertEquals(broker.asked().slice(3), again);
  // What is retained comes once, but each time for what is optional.
  const [first, second] = broker.all("subscribe")
    .map(({ subscriptions: [{ rh, nl }] }) => [rh, nl]);
  assertEquals([first, second], [[0, true], [1, false]]);
  // Each answer shows that the broker is well.
  assertEquals(broker.all("pingreq").length, 1 + 4);
  // None waits for what is optional.
  broker.drop();
  for (const _ of [2, 3]) await member.next("disconnected");
  await member.say("y", "a");
});

Deno.test("probation: a granted room that breaks connections starves no others", async () => {
  let isRevoked = false;
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) => isRevoked && isFor(packet, "b") ? "close" : 1,
  }));
  await using member = await Member.connect(broker);
  await member.client.join(["a", "b", "c"]);
  isRevoked = true;
  const again = member.client.join(["b"]);
  const aside = await member.next("set aside");
  assertEquals(aside.topic, "b");
  assertEquals(aside.reason, `${ALONE}: ${SILENT}`);
  // The wait ends while there is no connection; the others still come first.
  await inTime(member.say("served"));
  broker.drop();
  await member.next("set aside");
  assertEquals(broker.asked().slice(-3), ["a", "c", "b"]);
  for (let wait = 1; wait < 8; wait++) {
    await inTime(member.say(`${wait}`));
    const { seconds } = member.reports("set aside").at(-1)!;
    assertEquals(seconds, Math.min(2 ** wait, 120));
    await member.clock.advance(seconds * 1000);
    await member.next("set aside");
  }
  const { reason } = member.reports("set aside").at(-1)!;
  assertEquals(reason, `${ONCE}: ${SILENT}`);
  isRevoked = false;
  await inTime(member.say("served"));
  await member.clock.advance(120_000);
  await member.next("subscribed", ({ topic }) => topic === "b");
  assertEquals(await again, [{ topic: "b", qos: 1 }]);
  assertEquals(broker.asked().slice(-1), ["b"]);
  // Granted again, it is as any other room.
  isRevoked = true;
  broker.drop();
  assertEquals((await member.next("set aside")).seconds, 1);
  // When it is left, no timer is.
  await member.client.leave(["b"]);
});

Deno.test("probation: 1,000 messages in flight at the break arrive, twice as many with each round trip", async () => {
  const unanswered: number[] = [];
  const sizes: number[] = [];
  let inFlight = 0;
  await using broker = new FakeBroker(letIn({
    publish({ messageId }, link) {
      if (link.number === 1) return ++inFlight < 1_000 ? undefined : "close";
      inFlight--;
      unanswered.push(messageId!);
      const isRound = unanswered.length === 2 ** sizes.length;
      if (!isRound && inFlight > 0) return undefined;
      // Others that are on their way come meanwhile.
      setTimeout(() => {
        const answers = unanswered.splice(0);
        sizes.push(answers.length);
        link.send(answers.flatMap((messageId) => [...puback({ messageId })]));
      }, 20);
    },
  }));
  await using member = await Member.connect(broker);
  const all = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  assertEquals(new Set(await sayAll(member, all)), new Set(["sent"]));
  assertEquals(texts(broker).slice(1_000), all);
  assertEquals(sizes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 489]);
});

test("at QoS 0 a PINGRESP confirms, a break does not", {
  publish: (packet) => messageOf(packet) === "bad" ? "close" : undefined,
}, async ({ broker, member }) => {
  await member.say("1", "room", 0);
  assertEquals(broker.heard.all.at(-1)!.cmd, "pingreq");
  const ask = (text: string) => member.say(text, "room/$who", 0);
  const error = "AbandonedError: A message for room/$who may be lost.";
  for (const _ of [1, 2]) assertEquals(await errorOf(ask("bad")), error);
  // It is not known that the broker refuses the topic.
  await ask("good");
  assertEquals(texts(broker), ["1", "bad", "bad", "good"]);
});

test("a PINGRESP is awaited for the time-out, on probation alone", {
  publish: (_, { number }) =>
    number === 1 ? "close" : number < 4 ? 0 : undefined,
  pingreq: (_, { number }) => number === 2 ? undefined : 0,
}, async ({ broker, member }) => {
  const sent = member.say("a");
  await broker.next("pingreq");
  await member.clock.advance(5_000);
  await sent;
  const reasons = member.reports("disconnected").map(({ reason }) => reason);
  assertEquals(reasons, [SILENT, "no answer to PINGREQ in 5 s"]);
  broker.drop();
  for (const _ of [1, 2, 3]) await member.next("disconnected");
  // All go out at once.
  const all = sayAll(member, ["b", "c", "d"]);
  await broker.next("publish", (it) => messageOf(it) === "d");
  assertEquals(broker.connections, 4);
  member.client.abort();
  await all;
});

Deno.test("probation: at most 60,000 in flight, and a packet id of theirs is not used again", async () => {
  const open = new Set<number>();
  let most = 0;
  let isUsedTwice = false;
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { receiveMaximum: 65_535 }),
    publish({ messageId }) {
      isUsedTwice ||= open.has(messageId!);
      if (most > 0) return 0;
      open.add(messageId!);
    },
    // All that may go out came before it. The first stays unanswered.
    subscribe(packet) {
      most = open.size;
      const [first, ...others] = open;
      open.clear();
      open.add(first);
      const answers = others.map((messageId) => puback({ messageId }));
      return Buffer.concat([suback(packet, 1), ...answers]);
    },
  }));
  await using member = await Member.connect(broker);
  const sent = Array.from({ length: 66_000 }, () => member.say(""));
  const unanswered = errorOf(sent[0]);
  await member.client.join(["room"]);
  await inTime(Promise.all(sent.slice(1)));
  assertEquals([most, isUsedTwice], [60_000, false]);
  member.client.abort();
  assertStringIncludes(await unanswered, "AbandonedError: ");
});

const qos2 = memberTests("QoS 2");

/** Version, whether the broker kept the session, what breaks, and what follows. */
const BREAKS = [
  // It has finished with it: 0x92 leaves no other reading (§4.13.2).
  [5, true, "pubrel", ["pubrel"], 0x92],
  [5, true, "pubrel", ["pubrel"], 0],
  [4, true, "pubrel", ["pubrel"], 0],
  [5, false, "pubrel", ["publish", "pubrel"], 0],
  [5, false, "publish", ["publish", "pubrel"], 0],
] as const;

for (const [version, isKept, broken, again, code] of BREAKS) {
  const how = `the session is ${isKept ? "kept" : "lost"}, ${code}`;
  qos2(`after ${broken} comes ${again}, MQTT ${version}, ${how}`, {
    options: { protocolVersion: version },
    connect: (_, { number }) => accept(version, isKept && number > 1),
    [broken]: (_: unknown, { number }: FakeLink) =>
      number === 1 ? "close" : code,
  }, async ({ broker, member }) => {
    await member.say("a", "room", 2);
    const kinds = broker.heard.all
      .filter(({ cmd, link }) => link.number === 2 && cmd !== "pingreq")
      .map(({ cmd }) => cmd);
    assertEquals(kinds, ["connect", ...again]);
    assert(broker.all("publish").every(({ dup }) => !dup));
  });
}

Deno.test("QoS 2: another broker of MQTT 3.1.1 gets the message as new", async () => {
  await using first = new FakeBroker(letIn({ pubrel: () => "close" }, 4));
  // It can't say that it never had the message.
  const connect = () => accept(4, true);
  await using second = new FakeBroker(letIn({ connect }, 4));
  const options = { protocolVersion: 4 } as const;
  await using member = await Member.connect([first, second], options);
  await inTime(member.say("a", "room", 2));
  assertEquals(texts(second), ["a"]);
});

Deno.test("QoS 2: 0x92 of a broker that has sent no PUBREC is no receipt", async () => {
  const connect = () => accept(5, true);
  await using first: FakeBroker = new FakeBroker(letIn({
    connect,
    publish: (_, { number }) => number === 1 ? "close" : 0,
    pubrel: () => first.all("publish").length === 1 ? 0x92 : 0,
  }));
  const pubrel = () => "close" as const;
  await using second = new FakeBroker(letIn({ connect, pubrel }));
  await using member = await Member.connect([first, second]);
  const sent = ["a", "b"].map((text) => member.say(text, "room", 2));
  await inTime(Promise.all(sent));
  assertEquals([texts(first), texts(second)], [["a", "a", "b"], ["a"]]);
});

qos2("a broker that takes QoS 1 at most gets it as new", {
  connect: (_, { number }) =>
    number === 1 ? 0 : connack(0, { maximumQoS: 1 }, true),
  publish: (_, { number }) => number === 1 ? "close" : 0,
}, async ({ broker, member }) => {
  await member.say("a", "room", 2);
  const sent = broker.all("publish").map(({ qos, dup }) => [qos, dup]);
  assertEquals(sent, [[2, false], [1, false]]);
});

const limits = memberTests("limits");

for (const maximumQoS of [0, 1] as const) {
  limits(`a broker that takes QoS ${maximumQoS} at most, and its successor`, {
    connect: (_, { number }) =>
      connack(0, number === 1 ? { maximumQoS, retainAvailable: false } : {}),
  }, async ({ broker, member }) => {
    assertEquals(member.client.retains, false);
    for (const qos of [0, 2, 2, 1] as const) await member.say("a", "room", qos);
    broker.drop();
    await member.next("disconnected");
    await member.say("a", "room", 2);
    assertEquals(member.client.retains, true);
    const at = broker.all("publish").map(({ qos }) => qos);
    assertEquals(at, [0, maximumQoS, maximumQoS, maximumQoS, 2]);
    assertEquals(member.reports("lowered"), [
      { type: "lowered", broker: member.client.broker, qos: maximumQoS },
    ]);
  });
}

limits("too large a message isn't sent, and the others are", {
  connect: () => connack(0, { maximumPacketSize: 200 }),
}, async ({ broker, member }) => {
  // So long that the length field takes two bytes, as for the largest.
  const long = "x".repeat(50);
  await member.say(long);
  const room = 200 - encode(await broker.next("publish")).length;
  const largest = long + "x".repeat(room);
  const all = ["a", largest, largest + "x", "b"];
  const sent = all.map((text) => member.say(text));
  const error = await denialOf(sent[2]);
  assertEquals(
    `${error}`,
    `PublishError: ${
      hostOf(broker)
    } takes packets of 200 bytes at most, this ` +
      "message needs 201; send it in parts.",
  );
  assertEquals([error.reasonCode, error.isDenied], [149, false]);
  await Promise.all([sent[0], sent[1], sent[3]]);
  assertEquals(texts(broker), [long, "a", largest, "b"]);
  assertEquals(broker.connections, 1);
});

for (const [version, most] of [[5, 5], [4, 20]] as const) {
  limits(`never more than ${most} unacknowledged, MQTT ${version}`, {
    options: { protocolVersion: version },
    connect: () => version === 5 ? connack(0, { receiveMaximum: most }) : 0,
    publish: () => undefined,
  }, async ({ broker, member }) => {
    // What is not acknowledged takes no place.
    await member.say("QoS 0", "room", 0);
    await broker.next("publish");
    const sent = Array.from({ length: 40 }, (_, i) => member.say(`${i}`));
    for (const [index, answered] of sent.entries()) {
      // All that may go out comes before the SUBSCRIBE.
      await member.client.join([`${index}`]);
      const count = broker.all("publish").length - 1;
      assertEquals(count, Math.min(index + most, sent.length));
      const { link, messageId } = await broker.next("publish");
      await link.send(encode({ cmd: "puback", messageId }, version));
      await answered;
    }
  });
}

Deno.test("limits: the size of a packet is known before", () => {
  const [cmd, topic, payload] = ["publish", "room/é", "x".repeat(100)] as const;
  const rest = { messageId: 1, dup: false, retain: false };
  for (const version of [5, 4] as const) {
    for (const qos of [0, 1, 2] as const) {
      const packet = { cmd, topic, payload, qos, ...rest };
      const { length } = encode(packet, version);
      assertEquals(publishBytes(topic, 100, qos, version), length);
    }
  }
  // 3 bytes of topic, the rest payload, so that `size` follows the header.
  const bytes = (size: number) => publishBytes("t", size - 3, 0, 4) - size;
  const growth = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
  assertEquals(growth.map(bytes), [2, 3, 3, 4, 4, 5, 5]);
});
