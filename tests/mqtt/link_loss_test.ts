/** Losing the connection: what is reported, when it comes back, when it ends. */

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  RefusedError,
  UnreachableError,
  type Version,
} from "../../lib/client.ts";
import { FakeBroker, hostOf, letIn, letInOld } from "../support/brokers.ts";
import { TestClock } from "../support/clock.ts";
import { Member } from "../support/members.ts";
import {
  connack,
  disconnect,
  GARBAGE,
  oldConnack,
} from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

Deno.test("link: the broker's reason for a DISCONNECT is shown", async () => {
  const reasons: [number, string][] = [
    [0x8b, "server shutting down"],
    [0x98, "administrative action"],
    [0x8d, "keep alive timeout"],
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

Deno.test("link: garbage with the first CONNACK is no connection", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => [...connack(), ...GARBAGE],
  }));
  await using good = new FakeBroker(letIn({}));
  await using member = await Member.connect([broker, good]);
  assertEquals(member.client.broker.port, good.port);
  await assertRejects(
    () => Member.connect(broker),
    UnreachableError,
    "(it does not speak MQTT there)",
  );
});

Deno.test("link: garbage with a later CONNACK, and a new connection", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) =>
      number === 2 ? [...connack(), ...GARBAGE] : connack(),
  }));
  await using member = await Member.connect(broker);
  broker.drop();
  const { reason } = await member.next("failed");
  assertEquals(reason, "it does not speak MQTT there");
  await member.next("connected");
  await member.say("understood");
  assertEquals(broker.connections, 3);
});

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

/** Refusals at a reconnect, by version, and the wait that follows. */
const REFUSALS: [
  version: Version,
  code: number,
  reason: string,
  wait: number,
][] = [
  [5, 0x88, "server unavailable", 2],
  [5, 0x80, "unspecified error", 2],
  [5, 0x87, "not authorized", 32],
  [5, 0x8a, "banned", 32],
  [5, 0x86, "bad user name or password", 32],
  [4, 3, "server unavailable", 2],
  [4, 5, "not authorized", 32],
];

for (const [version, code, refusal, wait] of REFUSALS) {
  Deno.test(`link: "${refusal}" at a reconnect is not the end, MQTT ${version}`, async () => {
    const accept = version === 5 ? connack : oldConnack;
    await using broker = new FakeBroker((version === 5 ? letIn : letInOld)({
      connect: (_, { number }) => accept(number === 2 ? code : 0),
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
  Deno.test(`link: a broker that moved for good ends it, ${how} 157`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: (_, { number }) =>
        number > 1 ? connack(157, { serverReference: "b" }) : connack(),
    }));
    await using member = await Member.connect(broker);
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

Deno.test("link: a DISCONNECT in place of CONNACK ends no run", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => number === 2 ? disconnect(142) : connack(),
  }));
  await using member = await Member.connect(broker);
  broker.drop();
  assertEquals((await member.next("failed")).reason, "session taken over");
  await member.next("connected");
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
