/** What a broken connection says of what was unanswered when it broke. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import {
  AbandonedError,
  PublishError,
  type Version,
} from "../../lib/client.ts";
import {
  type Answers,
  FakeBroker,
  hostOf,
  letIn,
  letInOld,
} from "../support/brokers.ts";
import { Member, memberTest } from "../support/members.ts";
import {
  connack,
  disconnect,
  encode,
  GARBAGE,
  messageOf,
  oldConnack,
  oldPuback,
  type PacketOf,
  puback,
  publish,
  suback,
} from "../support/packets.ts";
import { inTime } from "../support/patience.ts";
import { Random } from "../support/random.ts";

/** The topics that a broker was asked for, over all connections. */
const askedFor = (broker: FakeBroker) =>
  broker.all("subscribe").flatMap(({ subscriptions }) =>
    subscriptions.map(({ topic }) => topic)
  );

const texts = (broker: FakeBroker) => broker.all("publish").map(messageOf);

const isFor = (packet: PacketOf<"subscribe">, topic: string) =>
  packet.subscriptions[0].topic === topic;

const ALONE = "the connection broke three times while only this was unanswered";
const SILENT = "the broker closed the connection (no reason given)";

/** How a broker closes over a SUBSCRIBE, the reason, and how often it is asked. */
const CLOSINGS: [string, Answers["subscribe"], string, number][] = [
  ["silently", () => "close", `${ALONE}: ${SILENT}`, 4],
  [
    "with DISCONNECT 0x87",
    () => disconnect(0x87),
    `${ALONE}: not authorized`,
    4,
  ],
  [
    "after SUBACK 0x87",
    (packet, link) => {
      queueMicrotask(() => link.close());
      return suback(packet, 0x87);
    },
    "not authorized",
    1,
  ],
];

for (const [how, closing, reason, times] of CLOSINGS) {
  Deno.test(`probation: a room over which the broker closes ${how} is denied`, async () => {
    await using broker = new FakeBroker(letIn({ subscribe: closing }));
    await using member = await Member.connect(broker);
    const grants = await inTime(member.client.join(["secret"]));
    assertEquals(grants, [{ topic: "secret", reason }]);
    assertEquals(broker.all("subscribe").length, times);
    // Each counted break lets the back-off begin anew.
    assert(member.waits.every((wait) => wait === 1), `${member.waits}`);
  });
}

memberTest("probation: of several rooms, only the one to blame is denied", {
  subscribe: (packet) => isFor(packet, "secret") ? "close" : suback(packet, 1),
}, async ({ member }) => {
  const grants = await inTime(member.client.join(["a", "secret", "b"]));
  assertEquals(grants.map(({ qos }) => qos), [1, undefined, 1]);
  await inTime(member.say("here"));
});

memberTest("probation: what is optional is given up after one lone break", {
  subscribe: (packet) =>
    isFor(packet, "a/$history") ? "close" : suback(packet, 1),
  publish: (packet) => packet.topic === "a/$history" ? "close" : puback(packet),
}, async ({ broker, member }) => {
  await member.client.join(["a"]);
  const history = member.client.join(["a/$history"]);
  const [{ reason }] = await inTime(history);
  const once = `the connection broke while only this was unanswered: ${SILENT}`;
  assertEquals(reason, once);
  const { message } = await assertRejects(
    () => inTime(member.say("kept", "a/$history")),
    PublishError,
  );
  assertStringIncludes(message, once);
  assertEquals(broker.all("publish").length, 1);
});

memberTest("probation: silence over what is optional breaks nothing", {
  subscribe: (packet) =>
    isFor(packet, "optional") ? undefined : suback(packet, 1),
}, async ({ broker, member }) => {
  await member.client.join(["a"]);
  const optional = member.client.join(["optional"], 1, true);
  await broker.heard.next((packet) =>
    packet.cmd === "subscribe" && isFor(packet, "optional")
  );
  await inTime(member.say("here"));
  await member.clock.advance(5_000);
  const [{ reason }] = await inTime(optional);
  assertEquals(reason, "no answer to SUBSCRIBE in 5 s");
  assertEquals(broker.connections, 1);
});

memberTest(
  "probation: an answer that is missing beside an optional one is awaited",
  {
    subscribe: () => undefined,
    publish: (packet, { number }) => number > 1 ? puback(packet) : undefined,
  },
  async ({ broker, member }) => {
    const optional = member.client.join(["optional"], 1, true);
    await broker.next("subscribe");
    const sent = member.say("here", "room");
    await member.clock.advance(5_000);
    await inTime(optional);
    await broker.next("publish");
    await member.clock.advance(5_000);
    await inTime(sent);
    assertEquals(broker.connections, 2);
  },
);

for (
  const [code, reason] of [
    [undefined, SILENT],
    [0x87, "not authorized"],
    [0x95, "packet too large"],
  ] as const
) {
  const how = code === undefined ? "silently" : `with DISCONNECT ${code}`;
  Deno.test(`probation: a message over which the broker closes ${how} is given up`, async () => {
    await using broker = new FakeBroker(letIn({
      publish: () => code === undefined ? "close" : disconnect(code),
    }));
    await using member = await Member.connect(broker);
    const error = await assertRejects(
      () => inTime(member.say("no")),
      PublishError,
    );
    assertEquals(
      error.message,
      `${hostOf(broker)} did not take a message for room: ${ALONE}: ${reason}.`,
    );
    // A message that is too large says nothing of the topic.
    assertEquals([error.reasonCode, error.isDenied], [code, code !== 0x95]);
    assertEquals(broker.all("publish").length, 4);
  });
}

Deno.test("probation: a reason counts for its own connection alone", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (_, { number }) => number < 4 ? disconnect(0x95) : "close",
  }));
  await using member = await Member.connect(broker);
  const error = await assertRejects(
    () => inTime(member.say("no")),
    PublishError,
  );
  assertEquals([error.reasonCode, error.isDenied], [undefined, true]);
});

memberTest("probation: lines around the one to blame are acknowledged", {
  // It acknowledges late, and closes at once.
  publish(packet, link) {
    if (messageOf(packet) === "bad") return "close";
    setTimeout(() => link.send(puback(packet)).catch(() => {}), 20);
  },
}, async ({ member }) => {
  const lines = ["1", "2", "3", "4", "bad", "6", "7", "8", "9", "10"];
  const sent = await inTime(
    Promise.allSettled(lines.map((line) => member.say(line))),
  );
  assertEquals(lines.filter((_, i) => "reason" in sent[i]), ["bad"]);
});

Deno.test("probation: a refused topic is not tried line by line", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => "close" }));
  await using member = await Member.connect(broker);
  const sent = await inTime(Promise.allSettled(
    Array.from({ length: 1_000 }, (_, i) => member.say(`${i}`)),
  ));
  const denied = sent.filter((it) => "reason" in it && it.reason.isDenied);
  assertEquals([denied.length, broker.connections <= 5], [1_000, true]);
  await assertRejects(
    () => member.say("later"),
    PublishError,
    "the broker takes no messages for this topic",
  );
});

Deno.test("probation: three messages in a row refuse a topic that was served", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) =>
      messageOf(packet).startsWith("bad") ? "close" : puback(packet),
  }));
  await using member = await Member.connect(broker);
  await member.say("good");
  const all = ["bad", "bad", "good", "bad", "bad", "bad", "good"];
  const sent = await inTime(
    Promise.allSettled(all.map((text) => member.say(text))),
  );
  assertEquals(
    sent.map((it) => "reason" in it ? it.reason.isDenied : "sent"),
    [false, false, "sent", false, false, true, true],
  );
});

Deno.test("probation: a broker that crashes after CONNACK is no denial", async () => {
  let crashes = 0;
  const crash = () => crashes++ < 3 ? "close" as const : undefined;
  await using broker = new FakeBroker(letIn({
    subscribe: (packet, { number }) =>
      number === 1 ? suback(packet, 1) : crash() ?? suback(packet, 1),
    publish: (packet) => crash() ?? puback(packet),
  }));
  await using member = await Member.connect(broker);
  await member.client.join(["a"]);
  broker.drop();
  await member.next("disconnected");
  await inTime(member.say("still here"));
  assertEquals(member.reports("denied"), []);
  assertEquals(member.reports("set aside"), []);
});

Deno.test("probation: a break before the PINGRESP clears the one on trial", async () => {
  let pings = 0;
  await using broker = new FakeBroker(letIn({
    // The 2nd of four pings before the second and the third try breaks.
    pingreq: () =>
      [3, 6].includes(++pings) ? "close" : encode({ cmd: "pingresp" }),
    publish: (packet, { number }) => number < 6 ? "close" : puback(packet),
  }));
  await using member = await Member.connect(broker);
  await inTime(member.say("innocent"));
});

memberTest("probation: own renewals count nothing", {
  disconnect: () => "close",
  subscribe: (packet, { number }) => number > 4 ? suback(packet, 1) : undefined,
}, async ({ broker, member }) => {
  const joined = member.client.join(["a"]);
  for (let renewals = 0; renewals < 4; renewals++) {
    await broker.next("subscribe");
    member.client.setWill({
      topic: "a",
      payload: { type: "notice", from: "ann", notice: `gone ${renewals}` },
    });
  }
  assertEquals(await inTime(joined), [{ topic: "a", qos: 1 }]);
  assertEquals([broker.connections, broker.all("pingreq").length], [5, 0]);
});

memberTest("probation: answers that can't be read count nothing", {
  publish: (packet, { number }) => number < 7 ? GARBAGE : puback(packet),
  subscribe: (packet, { number }) =>
    number < 5 ? suback(packet, 1, 1) : suback(packet, 1),
}, async ({ member }) => {
  const joined = member.client.join(["a"]);
  await inTime(member.say("at last"));
  assertEquals(await joined, [{ topic: "a", qos: 1 }]);
  const [first] = member.reports("disconnected");
  assertStringIncludes(first.reason, "the broker sent a malformed packet");
});

for (const receiveMaximum of [1, undefined]) {
  const window = receiveMaximum ?? "any";
  Deno.test(`probation: a missing PUBACK is awaited for the time-out, Receive Maximum ${window}`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: (_, { number }) => connack(0, { receiveMaximum }, number > 1),
      publish: (packet, { number }) =>
        number === 1 && messageOf(packet) === "2" ? undefined : puback(packet),
    }));
    await using member = await Member.connect(broker);
    const sent = ["1", "2", "3"].map((text) => member.say(text));
    await sent[0];
    await member.clock.advance(4_999);
    assertEquals(broker.connections, 1);
    await member.clock.advance(1);
    await inTime(Promise.all(sent));
    const [{ reason }] = member.reports("disconnected");
    assertEquals(reason, "no answer to PUBLISH in 5 s");
    const again = broker.all("publish").filter(({ link }) => link.number > 1);
    assertEquals(again[0].dup, true);
  });
}

Deno.test("probation: nothing but silence is given up in the end", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => undefined }));
  await using member = await Member.connect(broker);
  const sent = assertRejects(() => member.say("a"), PublishError);
  for (let tries = 0; tries < 4; tries++) {
    await broker.next("publish");
    await member.clock.advance(5_000);
  }
  const { message } = await inTime(sent);
  assertStringIncludes(message, `${ALONE}: no answer to PUBLISH in 5 s`);
});

memberTest("probation: no client is connected and deaf", {
  subscribe: (packet, { number }) =>
    number === 2
      ? undefined
      : [...suback(packet, 1), ...publish("a", "{}", number)],
}, async ({ broker, member }) => {
  await member.client.join(["a"]);
  broker.drop();
  await broker.heard.next(({ cmd, link }) =>
    cmd === "subscribe" && link.number === 2
  );
  await member.clock.advance(5_000);
  assertEquals((await member.received.take(2)).length, 2);
  assertEquals(askedFor(broker), ["a", "a", "a"]);
});

Deno.test("probation: after a reconnect, messages wait for the rooms", async () => {
  let isGranted = false;
  await using broker = new FakeBroker(letIn({
    subscribe(packet, { number }) {
      isGranted = number === 1;
      return isGranted ? suback(packet, 1) : undefined;
    },
    publish(packet) {
      assert(isGranted, "its echo would be missed");
      return puback(packet);
    },
  }));
  await using member = await Member.connect(broker);
  await member.client.join(["a"]);
  broker.drop();
  await member.next("disconnected");
  const sent = member.say("b", "a");
  await broker.next("subscribe");
  const { link, ...packet } = await broker.next("subscribe");
  isGranted = true;
  await link.send(suback(packet, 1));
  await inTime(sent);
});

Deno.test("probation: a granted room that breaks connections starves no others", async () => {
  let isRevoked = false;
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      isRevoked && isFor(packet, "b") ? "close" : suback(packet, 1),
  }));
  await using member = await Member.connect(broker);
  await member.client.join(["a", "b", "c"]);
  isRevoked = true;
  broker.drop();
  const aside = await member.next("set aside");
  assertEquals(aside.topic, "b");
  assertEquals(aside.reason, `${ALONE}: ${SILENT}`);
  // The wait ends while there is no connection; the others still come first.
  await inTime(member.say("served"));
  broker.drop();
  await member.next("set aside");
  assertEquals(askedFor(broker).slice(-3), ["a", "c", "b"]);
  for (let wait = 1; wait < 3; wait++) {
    await inTime(member.say(`${wait}`));
    const { seconds } = member.reports("set aside").at(-1)!;
    assertEquals(seconds, 2 ** wait);
    await member.clock.advance(seconds * 1000);
    await member.next("set aside");
  }
  isRevoked = false;
  await inTime(member.say("served"));
  await member.clock.advance(8_000);
  await member.statuses.next((status) =>
    status.type === "subscribed" && status.topic === "b"
  );
  assertEquals(member.reports("denied"), []);
  assertEquals(askedFor(broker).slice(-1), ["b"]);
  // Granted again, it is as any other room.
  isRevoked = true;
  broker.drop();
  assertEquals((await member.next("set aside")).seconds, 1);
});

Deno.test("probation: a link that breaks at random loses no message", async () => {
  const random = new Random(18);
  // A third of all packets that come after CONNACK break it.
  const maybe = (answer?: Iterable<number>) =>
    random.chance(1 / 3) ? "close" : answer;
  await using broker = new FakeBroker(letIn({
    pingreq: () => maybe(encode({ cmd: "pingresp" })),
    publish: (packet) => maybe(puback(packet)),
  }));
  await using member = await Member.connect(broker);
  const all = Array.from({ length: 200 }, (_, i) => member.say(`${i}`));
  await inTime(Promise.all(all));
});

Deno.test("probation: 1,000 messages in flight at the break arrive, twice as many with each round trip", async () => {
  const unanswered: number[] = [];
  let inFlight = 0;
  let expected = 1;
  await using broker = new FakeBroker(letIn({
    publish({ messageId }, { number }) {
      if (number === 1) return ++inFlight < 1_000 ? undefined : "close";
      inFlight--;
      unanswered.push(messageId!);
      if (unanswered.length < expected && inFlight > 0) return undefined;
      expected *= 2;
      return unanswered.splice(0).flatMap((messageId) => [
        ...puback({ messageId }),
      ]);
    },
  }));
  await using member = await Member.connect(broker);
  const all = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  await inTime(Promise.all(all.map((text) => member.say(text))));
  assertEquals(texts(broker).slice(1_000), all);
});

Deno.test("probation: never more than 20 in flight in 3.1.1", async () => {
  const waiting: PacketOf<"publish">[] = [];
  let most = 0;
  await using broker = new FakeBroker(letInOld({
    publish(packet, link) {
      waiting.push(packet);
      most = Math.max(most, waiting.length);
      if (waiting.length === 1) {
        setTimeout(() => link.send(waiting.splice(0).flatMap(answer)));
      }
      return undefined;
    },
  }));
  const answer = (packet: PacketOf<"publish">) => [...oldPuback(packet)];
  await using member = await Member.connect(broker, { protocolVersion: 4 });
  const all = Array.from({ length: 200 }, (_, i) => member.say(`${i}`));
  await inTime(Promise.all(all));
  assertEquals(most, 20);
});

memberTest("probation: at QoS 0 a PINGRESP confirms, a break does not", {
  publish: (packet) => messageOf(packet) === "bad" ? "close" : undefined,
}, async ({ broker, member }) => {
  const say = (text: string) => member.say(text, "room", 0);
  await inTime(say("1"));
  assertEquals(broker.heard.all.at(-1)!.cmd, "pingreq");
  await assertRejects(() => inTime(say("bad")), AbandonedError, "may be lost");
  await inTime(say("2"));
  assertEquals(texts(broker), ["1", "bad", "2"]);
});

Deno.test("probation: at most 60,000 in flight, and a packet id of theirs is not used again", async () => {
  const open = new Set<number>();
  let most = 0;
  let isUsedTwice = false;
  await using broker = new FakeBroker(letIn({
    publish({ messageId }) {
      isUsedTwice ||= open.has(messageId!);
      if (most > 0) return puback({ messageId });
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
  const unanswered = assertRejects(() => sent[0], AbandonedError);
  await member.client.join(["room"]);
  await inTime(Promise.all(sent.slice(1)));
  assertEquals([most, isUsedTwice], [60_000, false]);
  member.client.abort();
  await unanswered;
});

/** A broker's part in QoS 2 on each connection, and what it delivered. */
function qos2(
  how: (number: number) => {
    present?: boolean;
    pubrec?: "close";
    pubrel?: "close" | 0x92;
  },
  version: Version = 5,
): { answers: Answers; delivered: string[] } {
  const accept = version === 5
    ? (present: boolean) => connack(0, {}, present)
    : (present: boolean) => oldConnack(0, present);
  const delivered: string[] = [];
  const received = new Map<number, string>();
  return {
    delivered,
    answers: {
      connect: (_, { number }) => accept(how(number).present ?? false),
      publish(packet, { number }) {
        const { messageId } = packet;
        received.set(messageId!, messageOf(packet));
        return how(number).pubrec ?? encode({ cmd: "pubrec", messageId });
      },
      pubrel({ messageId }, { number }) {
        const { pubrel } = how(number);
        if (pubrel === "close") return "close";
        const text = received.get(messageId!);
        if (text !== undefined) delivered.push(text);
        // A broker of MQTT 3.1.1 can't say that it never had the message.
        const isUnknown = text === undefined && version === 5;
        const reasonCode = isUnknown ? 0x92 : pubrel ?? 0;
        return encode({ cmd: "pubcomp", messageId, reasonCode });
      },
    },
  };
}

Deno.test("QoS 2: PUBREL goes again to the broker that sent PUBREC", async () => {
  for (const [version, pubrel] of [[5, 0x92], [5], [4]] as const) {
    const open = version === 5 ? letIn : letInOld;
    const { answers } = qos2(
      (number) =>
        number === 1 ? { pubrel: "close" } : { present: true, pubrel },
      version,
    );
    await using broker = new FakeBroker(open(answers));
    const options = { protocolVersion: version };
    await using member = await Member.connect(broker, options);
    await inTime(member.say("a", "room", 2));
    // It has finished with it: 0x92 leaves no other reading (§4.13.2).
    assertEquals([texts(broker), broker.all("pubrel").length], [["a"], 2]);
  }
});

Deno.test("QoS 2: a broker without the session gets the message as new", async () => {
  for (const pubrec of ["close", undefined] as const) {
    const { answers, delivered } = qos2((number) =>
      number === 1 ? { pubrec, pubrel: "close" } : {}
    );
    await using broker = new FakeBroker(letIn(answers));
    await using member = await Member.connect(broker);
    await inTime(member.say("a", "room", 2));
    assertEquals(delivered, ["a"]);
    assertEquals(broker.all("publish").map(({ dup }) => dup), [false, false]);
  }
});

for (const protocolVersion of [5, 4] as const) {
  Deno.test(`QoS 2: another broker that never had the message gets it, MQTT ${protocolVersion}`, async () => {
    const open = protocolVersion === 5 ? letIn : letInOld;
    const first = qos2(() => ({ pubrel: "close" }), protocolVersion);
    const second = qos2(() => ({ present: true }), protocolVersion);
    await using a = new FakeBroker(open(first.answers));
    await using b = new FakeBroker(open(second.answers));
    await using member = await Member.connect([a, b], { protocolVersion });
    await inTime(member.say("a", "room", 2));
    assertEquals([second.delivered, texts(b)], [["a"], ["a"]]);
  });
}
