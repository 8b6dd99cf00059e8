/**
 * Brokers that do what the field's bug reports tell of: deaf after a reconnect,
 * closing over what they don't allow, refusing with words of their own.
 *
 * @module
 */

import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  PublishError,
  RefusedError,
  type Status,
  UnreachableError,
} from "../../lib/client.ts";
import { completeOptions } from "../../lib/client_options.ts";
import { Link } from "../../lib/mqtt/link.ts";
import { loadTransport } from "../../lib/mqtt/stream.ts";
import {
  type Answers,
  FakeBroker,
  hostOf,
  letIn,
  letInOld,
} from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import {
  connack,
  disconnect,
  encode,
  messageOf,
  oldConnack,
  puback,
  publish,
  suback,
} from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

const said = (message: string) =>
  JSON.stringify({ type: "message", from: "eve", message });

/** The types of what was told, without the steps. */
const kinds = (statuses: Status[]) =>
  statuses.map(({ type }) => type).filter((type) => type !== "step");

Deno.test("faults: what waits for an answer keeps nothing else waiting", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number > 1),
    publish: () => undefined,
    subscribe: (packet, { number }) =>
      number === 1
        ? suback(packet, 1)
        : [...suback(packet, 1), ...publish("room", said("talk"), 7)],
  }));
  await using member = await Member.connect(broker, { timeout: 1 });
  await member.client.join(["room"]);
  const sent = member.say("unanswered");
  sent.catch(() => {});
  const { link } = await broker.next("publish");
  link.close();
  // Subscribed and heard while the message that went out again is unanswered.
  assertEquals(await member.texts(1), ["talk"]);
  await member.statuses.next((status) =>
    status.type === "disconnected" &&
    status.reason === "it does not acknowledge what was sent again"
  );
  assertEquals(await member.texts(1), ["talk"]);
  const { message } = await assertRejects(() => inTime(sent), PublishError);
  assertStringIncludes(message, "it was not acknowledged on 3 connections");
  const isSentAgain = broker.all("publish").map((packet) => {
    assertEquals(messageOf(packet), "unanswered");
    return packet.dup;
  });
  assertEquals(isSentAgain, [false, true, true]);
});

/** How a broker closes over a SUBSCRIBE that it doesn't allow. */
const CLOSINGS: [how: string, closing: Answers["subscribe"], reason: string][] =
  [
    ["without a word", () => "close", "it breaks the connection over that"],
    [
      "with DISCONNECT 0x87",
      () => disconnect(0x87),
      "it breaks the connection over that: not authorized",
    ],
    [
      "after SUBACK 0x87",
      (packet, link) => {
        queueMicrotask(() => link.close());
        return suback(packet, 0x87);
      },
      "not authorized",
    ],
  ];

for (const [how, closing, reason] of CLOSINGS) {
  Deno.test(`faults: a broker that closes over SUBSCRIBE ${how}`, async () => {
    await using broker = new FakeBroker(letIn({ subscribe: closing }));
    await using member = await Member.connect(broker);
    const grants = await inTime(member.client.join(["secret"]));
    assertEquals(grants, [{ topic: "secret", reason }]);
    const asked = broker.all("subscribe").length;
    assertEquals(asked, reason === "not authorized" ? 1 : 3);
  });
}

Deno.test("faults: of several rooms, those that may be read are", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      packet.subscriptions.some(({ topic }) => topic === "secret")
        ? "close"
        : suback(packet, ...packet.subscriptions.map(() => 1)),
  }));
  await using member = await Member.connect(broker);
  const grants = await inTime(member.client.join(["a", "secret", "b"]));
  assertEquals(grants.map(({ qos }) => qos), [1, undefined, 1]);
  const last = broker.all("subscribe").slice(-2)
    .flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic));
  assertEquals(last.sort(), ["a", "b"]);
});

Deno.test("faults: a broker that is silent over what is optional is not left", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      packet.subscriptions.some(({ topic }) => topic === "optional")
        ? undefined
        : suback(packet, 1),
  }));
  await using member = await Member.connect(broker, { timeout: 1 });
  await member.client.join(["a"]);
  const [{ reason }] = await inTime(member.client.join(["optional"], 1, true));
  assertEquals(reason, "no answer to SUBSCRIBE in 1 s");
  await inTime(member.say("here"));
  assertEquals(broker.connections, 1);
});

for (const code of [undefined, 0x87]) {
  const how = code === undefined ? "without a word" : "with its reason";
  Deno.test(`faults: a broker that closes over PUBLISH ${how}`, async () => {
    await using broker = new FakeBroker(letIn({
      publish: () => code === undefined ? "close" : disconnect(code),
    }));
    await using member = await Member.connect(broker);
    const error = await assertRejects(
      () => inTime(member.say("no")),
      PublishError,
      "3 times over it",
    );
    assertEquals(error.isDenied, code === 0x87);
    assertEquals(error.message.includes("not authorized"), code === 0x87);
  });
}

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
  (await broker.next("connect")).link.close();
  await member.next("connected");
  await inTime(member.say("here"));
  const asked = broker.all("connect").map(({ will }) => will?.qos);
  assertEquals(asked.slice(0, 3), [2, 1, 0]);
});

Deno.test("faults: a session that the broker doesn't keep is told of", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, { sessionExpiryInterval: 0 }),
  }));
  await using kept = await Member.connect(broker, {
    clientId: "ann",
    session: { resume: true },
  });
  await using passing = await Member.connect(broker);
  assertEquals(kinds(kept.statuses.all), ["connected", "not kept"]);
  assertEquals(kinds(passing.statuses.all), ["connected"]);
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

Deno.test("faults: MQTT 3.1.1 where a broker is silent over MQTT 5", async () => {
  await using broker = new FakeBroker(letInOld({
    connect: ({ protocolVersion }) =>
      protocolVersion === 4 ? oldConnack() : undefined,
  }));
  await using member = await Member.connect(broker, { timeout: 1 });
  assertEquals(member.client.version, 4);
});

Deno.test("faults: a CONNACK that can't be read fails at once", async () => {
  const from = performance.now();
  await using broker = new FakeBroker(() => [0x26, 0x03, 0, 0, 0]);
  await assertRejects(
    () => Member.connect(broker, { timeout: 15 }),
    UnreachableError,
    "does not speak MQTT",
  );
  assertLess(performance.now() - from, 5_000);
});

Deno.test("faults: QoS 2 is done where the broker knows no more of it", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number > 1),
    publish: ({ messageId }) => encode({ cmd: "pubrec", messageId }),
    pubrel: ({ messageId }, { number }) =>
      number === 1
        ? "close"
        : encode({ cmd: "pubcomp", messageId, reasonCode: 0x92 }),
  }));
  await using member = await Member.connect(broker);
  const payload = { type: "message", from: "ann", message: "hi" } as const;
  await inTime(member.client.send("room", payload, 2));
  // The broker had it: PUBREL went out again, and PUBLISH didn't.
  assertEquals(
    [broker.all("publish").length, broker.all("pubrel").length],
    [1, 2],
  );
});

for (const failure of ["refusal", "loss"] as const) {
  Deno.test(`faults: the wait that is told is the one that happens, ${failure}`, async () => {
    const arrivals: number[] = [];
    await using broker = new FakeBroker(letIn({
      connect: (_, { number }) => {
        arrivals.push(performance.now());
        if (number < 2 || number > 3) return connack();
        return failure === "refusal" ? connack(0x88) : "close";
      },
    }));
    await using member = await Member.connect(broker);
    (await broker.next("connect")).link.close();
    for (let attempt = 1; attempt < 4; attempt++) {
      const { seconds } = await member.next("reconnecting");
      const told = performance.now() + seconds * 1000;
      while (arrivals.length <= attempt) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const difference = arrivals[attempt] - told;
      assertGreater(difference, -5);
      // A busy machine may be late, but not by the next wait.
      assertLess(difference, 600);
    }
    const waits = member.statuses.all
      .flatMap((status) =>
        status.type === "reconnecting" ? Math.ceil(status.seconds) : []
      );
    assertEquals(waits, [1, 2, 4]);
  });
}

Deno.test("faults: a night asleep counts, whichever clock stood still", async () => {
  await using broker = new FakeBroker(letIn({}));
  const options = completeOptions({
    brokers: [hostOf(broker)],
    username: "chat",
  });
  let wall = 0;
  const gaps: (number | undefined)[] = [];
  const hasReturned = Promise.withResolvers<void>();
  const open = await loadTransport(options.brokers);
  const link = new Link(options, open, {
    onStatus(status) {
      if (status.type !== "connected") return;
      gaps.push(status.gap);
      if (gaps.length === 2) hasReturned.resolve();
    },
    onUp() {},
    onPublish() {},
    onDown() {
      wall += 8 * 3_600_000;
    },
    onLost() {},
  }, {
    now: () => wall,
    wait(_, then) {
      wall += 8 * 3_600_000;
      queueMicrotask(then);
      return () => {};
    },
  });
  await link.connect();
  (await broker.next("connect")).link.close();
  await hasReturned.promise;
  link.break();
  assertEquals(gaps[0], undefined);
  assertGreater(gaps[1]!, 8 * 3_600 - 1);
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
  assertEquals(kinds(member.statuses.all), [
    "connected",
    "subscribed",
    "connected",
    "subscribed",
  ]);
  const again = member.statuses.all.filter(({ type }) => type === "connected");
  assertInstanceOf(again, Array);
  assertEquals("isRenewed" in again[1] && again[1].isRenewed, true);
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
