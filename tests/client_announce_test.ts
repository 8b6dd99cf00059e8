/** A client as a member: what it says, and how others learn of it. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  ChatClient,
  NotAuthorizedError,
  type Received,
  TopicError,
} from "../lib/client.ts";
import { IdSource, parseId, runIn, willId } from "../lib/ids.ts";
import { decode, timeoutNotice, whoTopic } from "../lib/protocol.ts";
import { Roster } from "../lib/room/members.ts";
import {
  FakeBroker,
  type Heard,
  hostOf,
  letIn,
  openBroker,
} from "./support/brokers.ts";
import { Member } from "./support/members.ts";
import { connack, puback, suback } from "./support/packets.ts";
import { timedTests } from "./support/patience.ts";
import { Peer } from "./support/peers.ts";

const test = timedTests("client");

const ROOM = "chat/room";
const OWN = { name: "bot", rooms: [ROOM] };
const JOINED = "User bot is now subscribed to chat/room.";
const LEFT = "User bot disconnecting from chat/room.";

/** Text and number of a notice; `w` stands behind the number of a will. */
function noticeOf(bytes: string | Uint8Array): string {
  const content = decode(
    typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
  );
  if (content.type !== "notice") throw new Error(content.type);
  const id = content.id!;
  const number = parseId(id.replace(/w$/, ""))!.number;
  return `${number}${id.endsWith("w") ? "w" : ""} ${content.notice}`;
}

const sentIn = (broker: FakeBroker) =>
  broker.all("publish").map(({ payload }) => noticeOf(payload));

const willOf = ({ will }: Heard<"connect">) => noticeOf(will!.payload);

test("say sends under the name of the options, else under the user's", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using bot = await Member.connect(broker, { name: "bot" });
  await using plain = await Member.connect(broker, { username: "ada" });
  assertEquals([bot.client.name, plain.client.name], ["bot", "ada"]);
  await bot.client.say(ROOM, "Hello");
  await plain.client.say(ROOM, "Hi", 0);
  const sent = broker.all("publish").map(({ topic, payload, qos }) => {
    const { from, message } = JSON.parse(payload.toString());
    return [topic, from, message, qos];
  });
  assertEquals(sent, [[ROOM, "bot", "Hello", 1], [ROOM, "ada", "Hi", 0]]);
});

test("an announced member is here, then left, or lost after a crash", async () => {
  await using broker = await openBroker();
  await using eve = await Member.connect(broker);
  await eve.client.join([ROOM]);
  const roster = new Roster();
  const hear = async (notice: string) => {
    roster.note(
      await eve.received.next(({ payload }: Received) =>
        payload.type === "notice" && payload.notice === notice
      ),
    );
    return roster.list().map(({ name, state }) => `${name} ${state}`);
  };
  {
    await using bot = await ChatClient.connect({
      ...{ brokers: [hostOf(broker)], username: "chat", password: "chat" },
      ...OWN,
    });
    await bot.announce();
    assertEquals(await hear(JOINED), ["bot here"]);
  }
  assertEquals(await hear(LEFT), ["bot left"]);
  await using again = await Member.connect(broker, OWN);
  await again.client.announce();
  assertEquals(await hear(JOINED), ["bot here"]);
  again.client.abort();
  assertEquals(await hear("User bot timed out."), ["bot lost"]);
});

test("an announced member answers who is there, another one doesn't", async () => {
  await using broker = await openBroker();
  await using eve = await Member.connect(broker);
  await using bot = await Member.connect(broker, OWN);
  await using shy = await Member.connect(broker, { ...OWN, name: "shy" });
  await shy.client.join([ROOM]);
  await shy.client.join([whoTopic(ROOM)], 0, true);
  const ask = async () => {
    const id = new IdSource().next(ROOM);
    await eve.client.join([whoTopic(ROOM, runIn(id))]);
    await eve.client.call(whoTopic(ROOM), { type: "who", name: "eve", id }, 1);
    for (const member of [bot, shy]) {
      await member.received.next(({ payload }) => payload.type === "who");
      await member.clock.advance(1_000);
    }
    await eve.received.next(({ payload }) => payload.type === "here");
    // What is sent last arrives last.
    await shy.client.say(ROOM, "done");
    await eve.received.next(({ payload }) => payload.type === "message");
  };
  await eve.client.join([ROOM]);
  await bot.client.announce();
  await ask();
  await ask();
  const answers = eve.received.all.map(({ payload }) => payload)
    .filter(({ type }) => type === "here");
  const answer = { type: "here", name: "bot" } as const;
  assertEquals(answers, [answer, answer]);
});

test("each connection has a join notice, which its will names", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using bot = await Member.connect(broker, OWN);
  assertEquals(willOf(await broker.next("connect")), "1w User bot timed out.");
  await bot.client.announce();
  await bot.client.say(ROOM, "x");
  for (const [index, number] of [3, 4].entries()) {
    broker.drop();
    const connect = await broker.next("connect");
    assertEquals(willOf(connect), `${number}w User bot timed out.`);
    await broker.heard.next(({ cmd, link }) =>
      cmd === "publish" && link.number === index + 2
    );
  }
  const notices = broker.all("publish").map(({ payload }) => payload)
    .filter((payload) => payload.includes('"notice"')).map(noticeOf);
  assertEquals(notices, [`1 ${JOINED}`, `3 ${JOINED}`, `4 ${JOINED}`]);
});

test("an attempt to connect that fails takes no number", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => number === 2 ? "close" : connack(),
  }));
  await using bot = await Member.connect(broker, OWN);
  await bot.client.announce();
  broker.drop();
  await broker.heard.next(({ cmd, link }) =>
    cmd === "publish" && link.number === 3
  );
  assertEquals(sentIn(broker), [`1 ${JOINED}`, `2 ${JOINED}`]);
});

test("an unanswered join notice is sent again, and not another one", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet, { number }) => number > 1 ? puback(packet) : undefined,
  }));
  await using bot = await Member.connect(broker, OWN);
  const announced = bot.client.announce();
  await broker.next("publish");
  broker.drop();
  await announced;
  await bot.client.close();
  assertEquals(broker.all("connect").map(willOf), [
    "1w User bot timed out.",
    "1w User bot timed out.",
  ]);
  assertEquals(sentIn(broker), [`1 ${JOINED}`, `1 ${JOINED}`, `2 ${LEFT}`]);
});

const noticeOfBot = (notice: string) =>
  ({ type: "notice", from: "bot", notice }) as const;

const WILL = { topic: ROOM, payload: noticeOfBot(timeoutNotice("bot")) };

const join = ({ client }: Member) => client.send(ROOM, noticeOfBot(JOINED));

test("a will names the last join notice that a program sent", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using bot = await Member.connect(broker, { will: WILL });
  await bot.next("connected");
  const wills: string[] = [];
  const renew = () => bot.client.setWill({ ...WILL });
  await join(bot);
  for (const end of [renew, renew, () => broker.drop()]) {
    // On one connection: a room that was left is joined again.
    if (wills.length === 1) await join(bot);
    end();
    await bot.next("connected");
    wills.push(willOf(broker.all("connect").at(-1)!));
  }
  await join(bot);
  assertEquals(
    sentIn(broker),
    [1, 2, 3].map((number) => `${number} ${JOINED}`),
  );
  assertEquals(wills.map((will) => will.split(" ")[0]), ["1w", "2w", "3w"]);
});

test("a will names no join notice that was refused", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, 0x87),
  }));
  await using bot = await Member.connect(broker);
  await bot.next("connected");
  await assertRejects(() => join(bot));
  bot.client.setWill(WILL);
  await bot.next("connected");
  const { will } = broker.all("connect").at(-1)!;
  assertEquals(JSON.parse(will!.payload.toString()).id, undefined);
});

test("an announced member that renews its will joins no second time", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using bot = await Member.connect(broker, OWN);
  await bot.client.announce();
  bot.client.setWill(WILL);
  await bot.client.say(ROOM, "x");
  await bot.client.close();
  const wills = broker.all("connect").map(willOf);
  assertEquals(new Set(wills), new Set(["1w User bot timed out."]));
  assertEquals(
    broker.all("publish").filter(({ payload }) => payload.includes(JOINED))
      .length,
    1,
  );
});

test("every room has the notices, the first one the will", async () => {
  await using broker = new FakeBroker(letIn({}));
  const rooms = ["a", "b"];
  await using bot = await Member.connect(broker, { name: "bot", rooms });
  const { will } = await broker.next("connect");
  assertEquals([will?.topic, will?.qos], ["a", 1]);
  await bot.client.announce();
  await Promise.all([bot.client.close(), bot.client.close()]);
  const heard = broker.all("publish").map(({ topic, payload }) =>
    `${topic}: ${noticeOf(payload)}`
  );
  assertEquals(heard, [
    "a: 1 User bot is now subscribed to a.",
    "b: 1 User bot is now subscribed to b.",
    "a: 2 User bot disconnecting from a.",
    "b: 2 User bot disconnecting from b.",
  ]);
});

test("a connection lost at the end brings the leave again, and no join", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet, { number }) =>
      number === 1 && packet.payload.includes("disconnecting")
        ? "close"
        : puback(packet),
  }));
  await using bot = await Member.connect(broker, OWN);
  await bot.client.announce();
  await bot.client.close();
  assertEquals(sentIn(broker), [`1 ${JOINED}`, `2 ${LEFT}`, `2 ${LEFT}`]);
});

test("close waits for the broker's answer to the leave no longer than for others", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) =>
      packet.payload.includes("disconnecting") ? undefined : puback(packet),
  }));
  await using bot = await Member.connect(broker, OWN);
  await bot.client.announce();
  const closed = bot.client.close();
  await broker.heard.next((packet) =>
    packet.cmd === "publish" && packet.payload.includes("disconnecting")
  );
  bot.clock.advance(5_000);
  await closed;
});

test("a room that the broker denies is an error, and is not left", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) => suback(packet, 0x87),
  }));
  await using bot = await Member.connect(broker, OWN);
  await assertRejects(
    () => bot.client.announce(),
    NotAuthorizedError,
    "does not let you read chat/room: ",
  );
  await bot.client.close();
  assertEquals(broker.all("publish"), []);
});

test("a filter is no room to be a member of", async () => {
  await using broker = new FakeBroker(letIn({}));
  await assertRejects(
    () => Member.connect(broker, { rooms: [ROOM, "chat/#"] }),
    TopicError,
  );
});

test("an announced member may have a will of its own", async () => {
  await using broker = new FakeBroker(letIn({}));
  const payload = { type: "notice", from: "bot", notice: "Gone." } as const;
  const will = { topic: "other", payload };
  await using bot = await Member.connect(broker, { ...OWN, will });
  assertEquals((await broker.next("connect")).will?.topic, "other");
  await bot.client.announce();
  assertEquals(sentIn(broker), [`1 ${JOINED}`]);
});

test("the broker takes the will's id for that of the join", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using bot = await Member.connect(broker, OWN);
  await bot.client.announce();
  const { id } = JSON.parse((await peer.next()).text);
  bot.client.abort();
  assertEquals(JSON.parse((await peer.next()).text).id, willId(id));
});
