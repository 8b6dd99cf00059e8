/** One connection after another: brokers, versions, losses, sessions, wills. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { QoS, Version } from "../../lib/client.ts";
import {
  type Action,
  type Answer,
  FakeBroker,
  hostOf,
  letIn,
} from "../support/brokers.ts";
import { TestClock } from "../support/clock.ts";
import { errorOf, Member, memberTests } from "../support/members.ts";
import {
  accept,
  connack,
  disconnect,
  encode,
  GARBAGE,
  messageOf,
  oldConnack,
  publish,
} from "../support/packets.ts";
import { said } from "../support/peers.ts";
import { freePort } from "../support/processes.ts";

const test = memberTests("link");

/** A notice for a will. */
const willOf = (from: string, topic = "room", qos?: QoS) => ({
  ...{ topic, qos },
  payload: { type: "notice", from, notice: `${from} is gone` } as const,
});

/** The versions in which a broker was asked, in order. */
const versions = (broker: FakeBroker) =>
  broker.all("connect").map(({ protocolVersion }) => protocolVersion);

/** Answers of a broker that speaks one version. */
const only = (version: Version, refusal: Action): Answer =>
  letIn({
    connect: ({ protocolVersion }) => protocolVersion === version ? 0 : refusal,
  }, version);

/** Lets a client's attempt end for want of an answer. */
async function outwait(broker: FakeBroker, clock: TestClock): Promise<void> {
  await broker.next("connect");
  await clock.advance(5_000);
}

Deno.test("link: 3.1.1 where 5 is refused, by code 1 or 132, or a close", async () => {
  const codes = [oldConnack(1), connack(132), oldConnack(132)];
  for (const refusal of [...codes, "close"] as const) {
    await using broker = new FakeBroker(only(4, refusal));
    await using member = await Member.connect(broker);
    assertEquals(versions(broker), [5, 4], `${refusal}`);
    assertEquals((await member.next("connected")).version, 4);
    await member.say("in 3.1.1");
  }
});

Deno.test("link: no other version than the one that was asked for", async () => {
  for (const [spoken, other] of [[4, 5], [5, 4]] as const) {
    await using broker = new FakeBroker(only(spoken, "close"));
    const name = other === 5 ? "MQTT 5" : "MQTT 3.1.1";
    assertStringIncludes(
      await errorOf(Member.connect(broker, { protocolVersion: other })),
      `no broker speaks ${name} with us. Try it without --protocol-version`,
    );
    assertEquals(versions(broker), [other]);
  }
});

Deno.test("link: the first broker that accepts, or that refuses the user", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using odd = new FakeBroker(() => connack(133));
  await using good = new FakeBroker(letIn({}));
  await using spare = new FakeBroker(letIn({}));
  const servers = [{ port: freePort() }, busy, odd, good, spare];
  await using member = await Member.connect(servers);
  assertEquals(member.client.broker.port, good.port);
  const counts = [busy, odd, good, spare].map((it) => it.connections);
  assertEquals(counts, [1, 1, 1, 0]);
  assertEquals(
    await errorOf(Member.connect(odd)),
    `RefusedError: ${hostOf(odd)} refused the connection: client identifier ` +
      "not valid.",
  );
  await using strict = new FakeBroker(() => connack(135));
  const refusal = await errorOf(Member.connect([strict, spare]));
  assertMatch(refusal, /^NotAuthorizedError: .* refused .* of user "chat": /);
  assertEquals(spare.connections, 0);
});

Deno.test("link: garbage with CONNACK, or in its place, is no connection", async () => {
  const garbage = [[...connack(), ...GARBAGE], [0x26, 0x03, 0, 0, 0]];
  for (const answer of garbage) {
    await using broker = new FakeBroker(() => answer);
    await using good = new FakeBroker(letIn({}));
    await using member = await Member.connect([broker, good]);
    assertEquals(member.client.broker.port, good.port, `${answer}`);
    const error = await errorOf(Member.connect(broker));
    assertMatch(error, /^UnreachableError: .*it does not speak MQTT there/);
  }
});

for (const guess of ["silence", "close"] as const) {
  Deno.test(`link: 3.1.1 after ${guess} is for one connection`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: ({ protocolVersion }, { number }) =>
        protocolVersion === 4 || number > 1
          ? accept(protocolVersion as Version)
          : guess === "close"
          ? "close"
          : undefined,
    }));
    const clock = new TestClock();
    const connecting = Member.connect(broker, { clock });
    if (guess === "silence") await outwait(broker, clock);
    await using member = await connecting;
    assertEquals(member.client.version, 4);
    broker.drop();
    await member.next("reconnecting");
    await clock.advance(1_000);
    await member.next("connected", ({ version }) => version === 5);
    assertEquals(versions(broker), [5, 4, 5]);
  });
}

test("a version that is refused later is learnt", {
  connect({ protocolVersion }, { number }) {
    const spoken = number === 1 || number > 4 ? 5 : 4;
    return protocolVersion === spoken ? accept(spoken) : oldConnack(1);
  },
}, async ({ broker, member }) => {
  for (const spoken of [4, 4, 5]) {
    broker.drop();
    await member.next("connected", ({ version }) => version === spoken);
  }
  assertEquals(versions(broker), [5, 5, 4, 4, 4, 5]);
  const [{ reason }] = member.reports("failed");
  assertEquals(reason, "unacceptable protocol version");
});

Deno.test("link: silence costs a time-out for each version, and all are named", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using silent = new FakeBroker();
  const servers = [busy, silent, { port: freePort() }];
  const [a, b, c] = servers.map(hostOf);
  const clock = new TestClock();
  const connecting = errorOf(Member.connect(servers, { clock }));
  await silent.next("connect");
  await clock.advance(4_999);
  assertEquals(versions(silent), [5]);
  await clock.advance(1);
  await outwait(silent, clock);
  assertStringIncludes(
    await connecting,
    `No broker answers at ${a} (server busy) or ${b} (no answer in time) ` +
      `or ${c} (connection refused, nothing listens there).`,
  );
  assertEquals(versions(silent), [5, 4]);
});

Deno.test("link: the next in turn at a loss, each in its version", async () => {
  await using old = new FakeBroker(letIn({}, 4));
  await using modern = new FakeBroker(only(5, "close"));
  await using member = await Member.connect([old, modern]);
  await member.next("connected");
  for (const [from, to] of [[old, modern], [modern, old]]) {
    from.drop();
    assertEquals((await member.next("disconnected")).broker.port, from.port);
    assertEquals((await member.next("reconnecting")).broker.port, to.port);
    assertEquals((await member.next("connected")).broker.port, to.port);
  }
  assertEquals([versions(old), versions(modern)], [[5, 4, 4], [5]]);
  assertEquals(member.client.version, 4);
});

test("a take-over that the broker tells of ends it at once", {
  options: { clientId: "same" },
  publish: () => undefined,
}, async ({ broker, member }) => {
  const sent = errorOf(member.say("lost"));
  const { link } = await broker.next("publish");
  await link.send(disconnect(0x8e));
  assertEquals(await sent, "AbandonedError: No answer came for room.");
  assertEquals(
    `${await member.client.lost}`,
    `RefusedError: ${hostOf(broker)} gave the session to another client with ` +
      'the id "same"; end that one, or use another --id.',
  );
  assertMatch(await errorOf(member.say("too late")), /^AbandonedError: /);
  assertEquals(member.client.online, false);
  assertEquals(member.kinds, ["connected"]);
  assertEquals(broker.connections, 1);
});

/** Client id, what is between silent closes, hints, and whether it may be. */
const RIVALS = [
  ["same", "nothing", 1, true],
  [undefined, "nothing", 0, undefined],
  ["same", "failures", 0, true],
  ["same", "garbage", 0, true],
  ["same", "restarts", 0, undefined],
] as const;

for (const [clientId, between, hints, isPossible] of RIVALS) {
  // A broker of MQTT 5 says that it has lost the session.
  const version = between === "restarts" ? 5 : 4;
  test(`${hints} hints at another client: id ${clientId}, ${between} between`, {
    options: { clientId, protocolVersion: version },
    connect: (_, { number }) =>
      between === "failures" && number % 4 === 0 ? 3 : 0,
  }, async ({ broker, member }) => {
    for (let losses = 0; losses < 7; losses++) {
      await member.next("connected");
      // The other client comes back after as long a wait.
      await member.clock.advance((member.waits.at(-1) ?? 0) * 1000);
      const { link } = broker.all("connect").at(-1)!;
      const isGarbage = between === "garbage" && losses % 3 === 2;
      if (isGarbage) await link.send(GARBAGE);
      else link.close();
    }
    const { mayBeShared } = await member.next("connected");
    assertEquals(mayBeShared, isPossible);
    const [before, ...parts] = member.kinds.join().split("maybe shared");
    assertEquals(parts.length, hints);
    if (hints === 1) assertEquals(before.split("disconnected").length - 1, 4);
    // Two clients that take it from each other don't hammer the broker.
    const all = [1, 2, 4, 8, 16, 32, 64];
    if (between !== "failures") assertEquals(member.waits, all);
  });
}

/** What answers a reconnect, by version, the reason, and the wait after it. */
const REFUSALS: [Version, Action, string, number][] = [
  [5, 0x88, "server unavailable", 2],
  [5, 0x87, "not authorized", 32],
  [5, disconnect(142), "session taken over", 2],
  [5, [...connack(), ...GARBAGE], "it does not speak MQTT there", 2],
  // What spoke MQTT 5 is not doubted for a close.
  [5, "close", "the broker closed the connection (no reason given)", 2],
  [4, 3, "server unavailable", 2],
  [4, 5, "not authorized", 32],
];

for (const [version, answer, refusal, wait] of REFUSALS) {
  test(`MQTT ${version}: "${refusal}" at a reconnect is not the end`, {
    options: { protocolVersion: version === 5 ? "auto" : 4 },
    connect: (_, { number }) => number === 2 ? answer : 0,
  }, async ({ broker, member }) => {
    broker.drop();
    assertEquals((await member.next("failed")).reason, refusal);
    const { seconds } = await member.next("reconnecting");
    assertEquals(seconds <= wait && seconds >= wait * 0.75, true);
    await member.next("connected");
    await member.say("still here");
    assertEquals(versions(broker), [version, version, version]);
  });
}

for (const how of ["CONNACK", "DISCONNECT"] as const) {
  test(`a broker that moved for good ends it, ${how} 157`, {
    connect: (_, { number }) => number > 1 ? 157 : 0,
  }, async ({ broker, member }) => {
    const { link } = await broker.next("connect");
    if (how === "CONNACK") link.close();
    else await link.send(disconnect(157));
    const error = `${await member.client.lost}`;
    assertMatch(error, /^RefusedError: .* server moved/);
  });
}

Deno.test("link: a broker that moved for good is replaced by the next", async () => {
  await using moved = new FakeBroker(letIn({}));
  await using other = new FakeBroker(letIn({}));
  await using member = await Member.connect([moved, other]);
  const { link } = await moved.next("connect");
  await link.send(disconnect(157));
  await other.next("connect");
  await member.say("still here");
});

test("the will has the QoS that the broker takes, for good", {
  options: { will: willOf("ann", "room", 2) },
  connect: ({ will }) => will?.qos ? 0x9b : 0,
}, async ({ broker, member }) => {
  broker.drop();
  await member.next("connected");
  await member.next("connected");
  const asked = broker.all("connect").map(({ will }) => will?.qos);
  assertEquals(asked, [2, 1, 0, 0]);
  // Where it takes none at all, that is a refusal.
  await using strict = new FakeBroker(() => connack(0x9b));
  const will = willOf("ann", "room", 1);
  const error = await errorOf(Member.connect(strict, { will }));
  assertMatch(error, /^RefusedError: /);
  assertEquals(strict.all("connect").map(({ will }) => will?.qos), [1, 0]);
});

test("a will that changes before CONNACK is sent, too", {
  connect: (_, { number }) => number === 2 ? undefined : 0,
  disconnect: () => "close",
}, async ({ broker, member }) => {
  broker.drop();
  await broker.next("connect");
  const { link } = await broker.next("connect");
  member.client.setWill(willOf("ann"));
  await link.send(connack());
  const { will } = await broker.next("connect");
  assertEquals(will?.topic, "room");
});

Deno.test("link: the broker's own words, wherever it says some", async () => {
  const properties = { reasonString: "closed on Sundays" };
  const words = "(closed on Sundays)";
  const moved = { ...properties, serverReference: "b.example:1883" };
  const answers = [connack(0x9d, moved), connack(0x85, properties), connack()];
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => answers[number - 1],
    publish: ({ messageId }) =>
      encode({ cmd: "puback", messageId, reasonCode: 0x97, properties }),
    subscribe: ({ messageId }) =>
      encode({ cmd: "suback", messageId, granted: [0x87], properties }),
  }));
  assertStringIncludes(
    await errorOf(Member.connect(broker)),
    `(server moved ${words}; it names b.example:1883 in its place)`,
  );
  assertStringIncludes(await errorOf(Member.connect(broker)), words);
  await using member = await Member.connect(broker);
  assertStringIncludes(await errorOf(member.say("hi")), words);
  const [{ reason }] = await member.client.join(["room"]);
  assertEquals(reason, `not authorized ${words}`);
  const { link } = broker.all("connect")[2];
  await link.send(encode({ cmd: "disconnect", reasonCode: 0x8b, properties }));
  const lost = await member.next("disconnected");
  assertEquals(lost.reason, `server shutting down ${words}`);
});

const night = new TestClock();

test("reconnect() ends the wait, and a night asleep counts", {
  options: { clock: night },
}, async ({ broker, member }) => {
  const evening = night.wall();
  await member.next("connected");
  assertEquals(member.client.reconnect(), false);
  broker.drop();
  await member.next("reconnecting");
  // One clock stands still.
  night.wall = () => evening + 8 * 3_600_000;
  assertEquals(member.client.reconnect(), true);
  assertEquals((await member.next("connected")).gap, 8 * 3_600);
  await member.say("still here");
  // So does the end.
  broker.drop();
  await member.next("reconnecting");
});

test("another will takes a new connection, and loses no message", {
  options: { will: willOf("ann", "a") },
  connect: (_, { number }) =>
    number === 3 ? connack(0x88) : connack(0, {}, number > 1),
  disconnect: () => "close",
  publish: (_, { number }) => number === 1 ? undefined : 0,
}, async ({ broker, member }) => {
  await member.client.join(["a"]);
  const sent = member.say("under way", "a");
  await broker.next("publish");
  for (const name of ["ada", "bea"]) member.client.setWill(willOf(name));
  await sent;
  await member.say("afterwards", "b");
  const begun = ["connected", "subscribed"];
  assertEquals(member.kinds, [...begun, ...begun]);
  assertEquals(member.reports("connected")[1].isRenewed, true);
  // It puts nothing on probation.
  assertEquals(broker.all("pingreq"), []);
  // A refused renewal is a loss as any other.
  member.client.setWill(willOf("cem", "c"));
  await member.say("at last", "c");
  const lost = ["disconnected", "reconnecting"];
  assertEquals(member.kinds.slice(4), [...lost, ...begun]);
  assertEquals(member.reports("connected")[2].isRenewed, undefined);
  const wills = broker.all("connect").map(({ will }) => `${will?.payload}`);
  const names = wills.map((payload) => JSON.parse(payload).from);
  assertEquals(names, ["ann", "bea", "cem", "cem"]);
  assertEquals(broker.all("connect").at(-1)!.will?.topic, "c");
  const goodbyes = broker.all("disconnect").map(({ properties }) =>
    properties?.sessionExpiryInterval
  );
  assertEquals(goodbyes, [undefined, undefined]);
});

const OUTAGE = { resume: false, expiry: 300 };
const KEPT = { resume: true, expiry: 86_400 };

/**
 * Session, the clean flags of the first and the next connection, version, client
 * id, and the expiry in an orderly DISCONNECT.
 */
const SESSIONS: [typeof KEPT, boolean[], Version, string?, number?][] = [
  // A random id has no session to discard.
  [OUTAGE, [false, false], 5, undefined, 0],
  [OUTAGE, [true, false], 5, "ann", 0],
  [KEPT, [false, false], 5, "ann"],
  [{ ...KEPT, expiry: 0 }, [false, false], 5, "ann"],
  [OUTAGE, [true, true], 4],
  [OUTAGE, [true, true], 4, "ann"],
  [KEPT, [false, false], 4, "ann"],
];

for (const [session, clean, version, clientId, atExit] of SESSIONS) {
  const how = `${clientId ?? "no"} id, ${session.resume ? "resumed" : "new"}`;
  test(`what MQTT ${version} asks for: ${session.expiry} s, ${how}`, {
    options: { protocolVersion: version, clientId, session },
    // A broker of MQTT 5 that keeps none.
    connect: () => version === 5 ? connack(0, { sessionExpiryInterval: 0 }) : 0,
  }, async ({ broker, member }) => {
    broker.drop();
    await member.next("disconnected");
    await member.next("connected");
    const asked = broker.all("connect");
    assertEquals(asked.map((connect) => connect.clean), clean);
    const expiry = version === 5 ? session.expiry : undefined;
    for (const { properties, clientId: id } of asked) {
      assertEquals(properties?.sessionExpiryInterval, expiry);
      assertEquals(id, clientId ?? asked[0].clientId);
    }
    const isWarned = version === 5 && session.resume && session.expiry > 0;
    assertEquals(member.reports("not kept").length, isWarned ? 2 : 0);
    await member.client.close();
    const { properties } = await broker.next("disconnect");
    assertEquals(properties?.sessionExpiryInterval, atExit);
  });
}

test("what a session kept and sends with CONNACK is not lost", {
  options: { clientId: "ann", session: { resume: true, expiry: 60 } },
  // One write, so that it is one segment, also after a reconnect.
  connect: (_, { number }) => [
    ...connack(0, {}, number > 1),
    ...["a", "b", "c"].flatMap((text, index) => [
      ...publish("room", said(text + number), 1 + index),
    ]),
  ],
}, async ({ broker, member }) => {
  assertEquals(await member.texts(3), ["a1", "b1", "c1"]);
  broker.drop();
  assertEquals(await member.texts(3), ["a2", "b2", "c2"]);
  const reports = member.reports("connected");
  assertEquals(reports.map((it) => it.sessionPresent), [false, true]);
});

for (const version of [5, 4] satisfies Version[]) {
  test(`what was unanswered goes out again, in order, MQTT ${version}`, {
    options: { protocolVersion: version },
    connect: () => accept(version, true),
    // The second is acknowledged, the others are not, until it is back.
    publish: (packet, { number }) =>
      number > 1 || messageOf(packet) === "2" ? 0 : undefined,
  }, async ({ broker, member }) => {
    const sent = ["1", "2", "3"].map((text) => member.say(text));
    await sent[1];
    for (let count = 0; count < 3; count++) await broker.next("publish");
    broker.drop();
    await member.next("disconnected");
    sent.push(...["4", "5"].map((text) => member.say(text)));
    await Promise.all(sent);
    const again = broker.all("publish").filter(({ link }) => link.number === 2);
    assertEquals(again.map(messageOf), ["1", "3", "4", "5"]);
    // With the same id.
    assertEquals(again[0].payload, broker.all("publish")[0].payload);
  });
}
