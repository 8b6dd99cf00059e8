/** One connection after another: brokers, versions, losses, sessions, wills. */

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  NotAuthorizedError,
  PublishError,
  type QoS,
  RefusedError,
  UnreachableError,
  type Version,
} from "../../lib/client.ts";
import {
  type Action,
  type Answers,
  FakeBroker,
  hostOf,
  letIn,
  letInOld,
} from "../support/brokers.ts";
import { TestClock } from "../support/clock.ts";
import { Member, memberTest } from "../support/members.ts";
import {
  connack,
  disconnect,
  encode,
  GARBAGE,
  messageOf,
  oldConnack,
  oldPuback,
  puback,
  publish,
} from "../support/packets.ts";
import { inTime } from "../support/patience.ts";
import { said } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";

/** A notice for a will. */
const willOf = (from: string, topic = "room", qos?: QoS) => ({
  ...{ topic, qos },
  payload: { type: "notice", from, notice: `${from} is gone` } as const,
});

/** The versions in which a broker was asked, in order. */
const versions = (broker: FakeBroker) =>
  broker.all("connect").map(({ protocolVersion }) => protocolVersion);

/** How brokers of MQTT 3.1.1 refuse MQTT 5. */
const OLD_REFUSALS: [string, Action][] = [
  ["reason code 1, as 3.1.1 has it", oldConnack(1)],
  ["reason code 132", connack(132)],
  ["reason code 132, as 3.1.1 would have it", oldConnack(132)],
  ["a close without CONNACK", "close"],
];

/** An old broker's answers. */
const refusing = (refusal: Action): Answers => ({
  connect: ({ protocolVersion }) =>
    protocolVersion === 4 ? oldConnack() : refusal,
});

for (const [how, refusal] of OLD_REFUSALS) {
  Deno.test(`link: 3.1.1 after ${how}`, async () => {
    await using broker = new FakeBroker(letInOld(refusing(refusal)));
    await using member = await Member.connect(broker);
    assertEquals([versions(broker), member.client.version], [[5, 4], 4]);
    assertEquals((await member.next("connected")).version, 4);
    await member.say("in 3.1.1");
  });
}

Deno.test("link: no other version than the one that was asked for", async () => {
  await using modern = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      protocolVersion === 5 ? connack() : "close",
  }));
  await using old = new FakeBroker(letInOld({}));
  for (const [broker, protocolVersion] of [[old, 5], [modern, 4]] as const) {
    const { message } = await assertRejects(
      () => Member.connect(broker, { protocolVersion }),
      UnreachableError,
      "--protocol-version",
    );
    const name = protocolVersion === 5 ? "MQTT 5" : "MQTT 3.1.1";
    assertEquals(message.includes(`no broker speaks ${name} with us`), true);
    assertEquals(versions(broker), [protocolVersion]);
  }
  for (const [broker, protocolVersion] of [[old, 4], [modern, 5]] as const) {
    await using member = await Member.connect(broker, { protocolVersion });
    assertEquals(member.client.version, protocolVersion);
    assertEquals(broker.connections, 2);
  }
});

Deno.test("link: the first broker that answers", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using good = new FakeBroker(letIn({}));
  await using spare = new FakeBroker(letIn({}));
  const servers = [{ port: freePort() }, busy, good, spare];
  await using member = await Member.connect(servers);
  assertEquals(member.client.broker.port, good.port);
  assertEquals([busy, good, spare].map((b) => b.connections), [1, 1, 0]);
});

/** Lets a client's attempt end for want of an answer. */
async function outwait(broker: FakeBroker, clock: TestClock): Promise<void> {
  await broker.next("connect");
  await clock.advance(5_000);
}

Deno.test("link: silence costs each version one whole time-out", async () => {
  await using silent = new FakeBroker();
  await using good = new FakeBroker(letIn({}));
  const clock = new TestClock();
  const connecting = Member.connect([silent, good], { clock });
  await silent.next("connect");
  await clock.advance(4_999);
  assertEquals(versions(silent), [5]);
  await clock.advance(1);
  await outwait(silent, clock);
  await using member = await connecting;
  assertEquals(versions(silent), [5, 4]);
  assertEquals(member.client.broker.port, good.port);
});

for (const guess of ["silence", "close"] as const) {
  Deno.test(`link: 3.1.1 after ${guess} is for one connection`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: ({ protocolVersion }, { number }) =>
        protocolVersion === 4
          ? oldConnack()
          : number > 1
          ? connack()
          : guess === "close"
          ? "close"
          : undefined,
      pingreq: undefined,
    }));
    const clock = new TestClock();
    const connecting = Member.connect(broker, { clock });
    if (guess === "silence") await outwait(broker, clock);
    await using member = await connecting;
    assertEquals(member.client.version, 4);
    broker.drop();
    await member.next("reconnecting");
    await clock.advance(1_000);
    await broker.next("connect");
    await member.statuses.next((status) =>
      status.type === "connected" && status.version === 5
    );
    assertEquals(versions(broker), [5, 4, 5]);
  });
}

Deno.test("link: a version that is refused later is learnt", async () => {
  let isOld = false;
  await using broker = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      isOld ? oldConnack(protocolVersion === 4 ? 0 : 1) : connack(),
  }));
  await using member = await Member.connect(broker);
  isOld = true;
  for (let losses = 0; losses < 2; losses++) {
    broker.drop();
    await member.statuses.next((status) =>
      status.type === "connected" && status.version === 4
    );
  }
  assertEquals(versions(broker), [5, 5, 4, 4]);
  const [{ reason }] = member.reports("failed");
  assertEquals(reason, "unacceptable protocol version");
});

memberTest("link: a broker that spoke MQTT 5 is not doubted for a close", {
  connect: (_, { number }) => number === 2 ? "close" : connack(),
}, async ({ broker, member }) => {
  broker.drop();
  await member.next("failed");
  await member.next("connected");
  assertEquals(versions(broker), [5, 5, 5]);
});

Deno.test("link: all of them are named when none answers", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using silent = new FakeBroker();
  const gone = { port: freePort() };
  const servers = [busy, gone, silent];
  const clock = new TestClock();
  const connecting = assertRejects(
    () => Member.connect(servers, { clock }),
    UnreachableError,
  );
  await outwait(silent, clock);
  await outwait(silent, clock);
  const { message } = await connecting;
  const [a, b, c] = servers.map(hostOf);
  assertStringIncludes(
    message,
    `No broker answers at ${a} (server busy) or ${b} (connection refused, ` +
      `nothing listens there) or ${c} (no answer in time).`,
  );
});

Deno.test("link: what no broker can help with ends it at the first", async () => {
  await using good = new FakeBroker(letIn({}));
  for (const code of [134, 135, 138, 140]) {
    await using strict = new FakeBroker(() => connack(code));
    await assertRejects(
      () => Member.connect([strict, good]),
      NotAuthorizedError,
      `${hostOf(strict)} refused the connection of user "chat": `,
    );
  }
  assertEquals(good.connections, 0);
});

Deno.test("link: what another broker may take is tried there", async () => {
  await using odd = new FakeBroker(() => connack(133));
  await using good = new FakeBroker(letIn({}));
  await using member = await Member.connect([odd, good]);
  assertEquals(member.client.broker.port, good.port);
  await assertRejects(
    () => Member.connect(odd),
    RefusedError,
    `${hostOf(odd)} refused the connection: client identifier not valid.`,
  );
});

Deno.test("link: the next in turn at a loss, each in its version", async () => {
  await using old = new FakeBroker(letInOld({}));
  await using modern = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      protocolVersion === 5 ? connack() : "close",
  }));
  await using member = await Member.connect([old, modern]);
  assertEquals(versions(old), [5, 4]);
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

Deno.test("link: the broker's reason for a DISCONNECT is shown", async () => {
  const reasons: [number, string][] = [
    [0x8b, "server shutting down"],
    [0x00, "it ended the connection in good order"],
  ];
  await Promise.all(reasons.map(async ([code, reason]) => {
    await using broker = new FakeBroker(letIn({}));
    await using member = await Member.connect(broker);
    const { link } = await broker.next("connect");
    await link.send(disconnect(code));
    link.close();
    assertEquals((await member.next("disconnected")).reason, reason);
    await member.next("connected");
    await member.say("still here");
  }));
});

Deno.test("link: a take-over that the broker tells of ends it at once", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using member = await Member.connect(broker, { clientId: "same" });
  const { link } = await broker.next("connect");
  await link.send(disconnect(0x8e));
  const error = await inTime(member.client.lost);
  assertInstanceOf(error, RefusedError);
  assertEquals(
    error.message,
    `${hostOf(broker)} gave the session to another client with the id ` +
      '"same"; end that one, or use another --id.',
  );
  assertEquals(member.client.online, false);
  assertEquals(member.kinds, ["connected"]);
  assertEquals(broker.connections, 1);
});

for (const clientId of ["same", undefined]) {
  const told = clientId === undefined ? "is no hint" : "is reported once";
  Deno.test(`link: losing the id to another client ${told}`, async () => {
    await using broker = new FakeBroker(letInOld({}));
    await using member = await Member.connect(broker, { clientId });
    for (let losses = 0; losses < 7; losses++) {
      await member.next("connected");
      // The other client comes back after as long a wait.
      await member.clock.advance((member.waits.at(-1) ?? 0) * 1000);
      broker.heard.all.findLast(({ cmd }) => cmd === "connect")!.link.close();
    }
    const { mayBeShared } = await member.next("connected");
    assertEquals(mayBeShared, clientId && true);
    const hints = member.reports("maybe shared").length;
    assertEquals(hints, clientId === undefined ? 0 : 1);
    // Two clients that take it from each other don't hammer the broker.
    assertEquals(member.waits, [1, 2, 4, 8, 16, 32, 64]);
  });
}

for (
  const [what, answer] of [
    ["with the first CONNACK", [...connack(), ...GARBAGE]],
    ["in place of it", [0x26, 0x03, 0, 0, 0]],
  ] as const
) {
  Deno.test(`link: garbage ${what} is no connection`, async () => {
    await using broker = new FakeBroker(() => answer);
    await using good = new FakeBroker(letIn({}));
    await using member = await Member.connect([broker, good]);
    assertEquals(member.client.broker.port, good.port);
    await assertRejects(
      () => Member.connect(broker),
      UnreachableError,
      "(it does not speak MQTT there)",
    );
  });
}

Deno.test("link: garbage in the middle of a conversation", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using member = await Member.connect(broker);
  await member.say("before");
  const { link } = await broker.next("publish");
  await link.send(GARBAGE);
  await member.next("disconnected");
  await member.next("connected");
  await member.say("after");
  assertEquals(broker.connections, 2);
});

/** What answers a reconnect, by version, the reason, and the wait after it. */
const REFUSALS: [
  version: Version,
  answer: Action,
  reason: string,
  wait: number,
][] = [
  [5, connack(0x88), "server unavailable", 2],
  [5, connack(0x80), "unspecified error", 2],
  [5, connack(0x87), "not authorized", 32],
  [5, connack(0x8a), "banned", 32],
  [5, connack(0x86), "bad user name or password", 32],
  [5, disconnect(142), "session taken over", 2],
  [5, [...connack(), ...GARBAGE], "it does not speak MQTT there", 2],
  [4, oldConnack(3), "server unavailable", 2],
  [4, oldConnack(5), "not authorized", 32],
];

for (const [version, answer, refusal, wait] of REFUSALS) {
  Deno.test(`link: "${refusal}" at a reconnect is not the end, MQTT ${version}`, async () => {
    const [open, accept] = version === 5
      ? [letIn, connack]
      : [letInOld, oldConnack];
    await using broker = new FakeBroker(open({
      connect: (_, { number }) => number === 2 ? answer : accept(),
    }));
    await using member = await Member.connect(broker, {
      protocolVersion: version,
    });
    broker.drop();
    const { reason } = await member.next("failed");
    assertEquals(reason, refusal);
    const { seconds } = await member.next("reconnecting");
    assertEquals(seconds <= wait && seconds >= wait * 0.75, true);
    await member.next("connected");
    await member.say("still here");
    assertEquals(broker.connections, 3);
  });
}

for (const how of ["CONNACK", "DISCONNECT"] as const) {
  memberTest(`link: a broker that moved for good ends it, ${how} 157`, {
    connect: (_, { number }) =>
      number > 1 ? connack(157, { serverReference: "b" }) : connack(),
  }, async ({ broker, member }) => {
    const { link } = await broker.next("connect");
    if (how === "CONNACK") link.close();
    else await link.send(disconnect(157));
    const error = await inTime(member.client.lost);
    assertInstanceOf(error, RefusedError);
    assertStringIncludes(error.message, "server moved");
  });
}

Deno.test("link: a broker that moved for good is replaced by the next", async () => {
  await using moved = new FakeBroker(letIn({}));
  await using other = new FakeBroker(letIn({}));
  await using member = await Member.connect([moved, other]);
  const { link } = await moved.next("connect");
  await link.send(disconnect(157));
  await inTime(other.next("connect"));
  await member.say("still here");
});

Deno.test("link: closes around a failed attempt are no hint at another client", async () => {
  await using broker = new FakeBroker(letInOld({
    connect: (_, { number }) => oldConnack(number === 4 ? 3 : 0),
  }));
  await using member = await Member.connect(broker, {
    clientId: "same",
    protocolVersion: 4,
  });
  for (let losses = 0; losses < 5; losses++) {
    await member.next("connected");
    broker.drop();
  }
  await member.next("connected");
  assertEquals(member.reports("maybe shared"), []);
});

Deno.test("link: reconnect() ends the wait", async () => {
  await using broker = new FakeBroker(letIn({}));
  const clock = new TestClock();
  await using member = await Member.connect(broker, { clock });
  await member.next("connected");
  await broker.next("connect");
  assertEquals(member.client.reconnect(), false);
  broker.drop();
  await member.next("reconnecting");
  // The clock stands still.
  assertEquals(member.client.reconnect(), true);
  await member.next("connected");
  await member.say("still here");
});

Deno.test("faults: the will's QoS is as asked for, or as the broker takes it", async () => {
  await using broker = new FakeBroker(letIn({
    connect: ({ will }) => connack((will?.qos ?? 0) > 0 ? 0x9b : 0),
  }));
  const will = willOf("ann", "room", 2);
  await using member = await Member.connect(broker, { will });
  broker.drop();
  await member.next("connected");
  await inTime(member.say("here"));
  const asked = broker.all("connect").map(({ will }) => will?.qos);
  assertEquals(asked.slice(0, 3), [2, 1, 0]);
});

Deno.test("faults: a will that is refused at each QoS is refused", async () => {
  await using broker = new FakeBroker(() => connack(0x9b));
  const will = willOf("ann", "room", 1);
  await assertRejects(() => Member.connect(broker, { will }), RefusedError);
  assertEquals(broker.all("connect").map(({ will }) => will?.qos), [1, 0]);
});

memberTest("faults: a will that changes before CONNACK is sent, too", {
  connect: (_, { number }) => number === 2 ? undefined : connack(),
  disconnect: () => "close",
}, async ({ broker, member }) => {
  broker.drop();
  await broker.next("connect");
  const { link } = await broker.next("connect");
  member.client.setWill(willOf("ann"));
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

memberTest("faults: the reported waits double, whatever fails", {
  connect: (_, { number }) =>
    number === 2 ? connack(0x88) : number === 3 ? "close" : connack(),
}, async ({ broker, member }) => {
  broker.drop();
  await member.next("disconnected");
  await member.next("connected");
  assertEquals(member.reports("failed").length, 2);
  assertEquals(member.waits, [1, 2, 4]);
});

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
  const will = willOf("ann", "a");
  await using member = await Member.connect(broker, { will });
  await member.client.join(["a"]);
  const sent = member.say("under way", "a");
  await broker.next("publish");
  member.client.setWill(willOf("bea", "b"));
  await inTime(sent);
  await inTime(member.say("afterwards", "b"));
  const wills = broker.all("connect").map(({ will }) => [
    will?.topic,
    JSON.parse(String(will?.payload)).from,
  ]);
  assertEquals(wills, [["a", "ann"], ["b", "bea"]]);
  const [goodbye] = broker.all("disconnect");
  assertEquals(goodbye.properties?.sessionExpiryInterval, undefined);
  const begun = ["connected", "subscribed"];
  assertEquals(member.kinds, [...begun, ...begun]);
  assertEquals(member.reports("connected")[1].isRenewed, true);
});

memberTest("faults: a room that was left is asked for no more", {
  unsubscribe: ({ messageId }) =>
    encode({ cmd: "unsuback", messageId, granted: [0] }),
}, async ({ broker, member }) => {
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

const OUTAGE = { resume: false, expiry: 300 };
const KEPT = { resume: true, expiry: 86_400 };

/**
 * Version, client id, session, the clean flags of the first and the next
 * connection, and the expiry in an orderly DISCONNECT.
 */
const SESSIONS: [
  version: Version,
  clientId: string | undefined,
  session: typeof KEPT,
  clean: [boolean, boolean],
  expiryAtExit?: number,
][] = [
  // A random id has no session to discard.
  [5, undefined, OUTAGE, [false, false], 0],
  [5, "ann", OUTAGE, [true, false], 0],
  [5, "ann", KEPT, [false, false]],
  [4, undefined, OUTAGE, [true, true]],
  [4, "ann", OUTAGE, [true, true]],
  [4, "ann", KEPT, [false, false]],
];

for (const [version, clientId, session, clean, atExit] of SESSIONS) {
  const how = `${clientId ?? "no"} id, ${session.resume ? "resumed" : "new"}`;
  Deno.test(`session: what MQTT ${version} asks for, ${how}`, async () => {
    await using broker = new FakeBroker((version === 5 ? letIn : letInOld)({}));
    await using member = await Member.connect(broker, {
      protocolVersion: version,
      clientId,
      session,
    });
    const first = await broker.next("connect");
    first.link.close();
    await member.next("disconnected");
    const second = await broker.next("connect");
    await member.next("connected");
    const asked = [first, second];
    assertEquals(asked.map((connect) => connect.clean), clean);
    const expiry = version === 5 ? session.expiry : undefined;
    for (const { properties } of asked) {
      assertEquals(properties?.sessionExpiryInterval, expiry);
    }
    assertEquals(first.clientId, clientId ?? second.clientId);
    assertEquals(second.clientId, first.clientId);
    await member.client.close();
    const { properties } = await broker.next("disconnect");
    assertEquals(properties?.sessionExpiryInterval, atExit);
  });
}

memberTest("session: whether it was kept is reported", {
  connect: (_, { number }) => connack(0, {}, number === 2),
}, async ({ broker, member }) => {
  assertEquals((await member.next("connected")).sessionPresent, false);
  broker.drop();
  assertEquals((await member.next("connected")).sessionPresent, true);
});

/** What a session has kept, as PUBLISH packets. */
const kept = (...texts: string[]) =>
  texts.flatMap((text, index) => [
    ...publish("room", said(text, "bob"), 1 + index),
  ]);

Deno.test("session: what comes with CONNACK is not lost", async () => {
  // One write, so that it is one segment, also after a reconnect.
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => [
      ...connack(0, {}, true),
      ...kept(`a${number}`, `b${number}`, `c${number}`),
    ],
  }));
  const session = { resume: true, expiry: 60 };
  const options = { clientId: "ann", session };
  await using member = await Member.connect(broker, options);
  assertEquals(await member.texts(3), ["a1", "b1", "c1"]);
  broker.drop();
  assertEquals(await member.texts(3), ["a2", "b2", "c2"]);
});

for (const version of [5, 4] satisfies Version[]) {
  const [accept, acknowledge] = version === 5
    ? [() => connack(0, {}, true), puback]
    : [() => oldConnack(0, true), oldPuback];
  const named = version === 5 ? "MQTT 5" : "MQTT 3.1.1";

  Deno.test(`session: what was unanswered goes out again, in order, ${named}`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: accept,
      // The second is acknowledged, the others are not, until it is back.
      publish: (packet, { number }) =>
        number > 1 || packet.payload.includes('"2"')
          ? acknowledge(packet)
          : undefined,
    }));
    await using member = await Member.connect(broker, {
      protocolVersion: version,
    });
    const sent = ["1", "2", "3"].map((text) => member.say(text));
    await sent[1];
    for (let count = 0; count < 3; count++) await broker.next("publish");
    broker.drop();
    await member.next("disconnected");
    sent.push(...["4", "5"].map((text) => member.say(text)));
    await Promise.all(sent);
    const again = broker.all("publish").filter(({ link }) => link.number === 2);
    assertEquals(again.map(messageOf), ["1", "3", "4", "5"]);
  });
}
