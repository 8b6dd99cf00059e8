/** A client as a member: what it says, and how others learn of it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ChatClient,
  NotAuthorizedError,
  Signer,
  TopicError,
} from "../lib/client.ts";
import { whoTopic } from "../lib/protocol.ts";
import { isSigned } from "../lib/sign.ts";
import {
  type FakeBroker,
  type Heard,
  hostOf,
  openBroker,
} from "./support/brokers.ts";
import { Member, memberTests } from "./support/members.ts";
import { connack, puback, publish, suback } from "./support/packets.ts";
import { Peer } from "./support/peers.ts";

const test = memberTests("client");

const ROOM = "chat/room";
const OWN = { name: "bot", rooms: [ROOM] };
const JOINED = "User bot is now subscribed to chat/room.";
const LEFT = "User bot disconnecting from chat/room.";
const LOST = "User bot timed out.";

/** Number and text of a notice; `w` stands behind the number of a will. */
function noticeOf(payload: unknown): string {
  const { id, notice } = JSON.parse(`${payload}`);
  return `${id.slice(id.lastIndexOf("-") + 1)} ${notice}`;
}

const sentIn = (broker: FakeBroker) =>
  broker.all("publish").map(({ payload }) => noticeOf(payload));

const willOf = ({ will }: Heard<"connect">) => noticeOf(will!.payload);

Deno.test("client: an announced member joins, then leaves, or is lost", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const next = async () => noticeOf((await peer.next()).text);
  const login = { username: "chat", password: "chat" };
  {
    const brokers = [hostOf(broker)];
    await using bot = await ChatClient.connect({ brokers, ...login, ...OWN });
    await bot.announce();
    assertEquals(await next(), `1 ${JOINED}`);
  }
  assertEquals(await next(), `2 ${LEFT}`);
  await using again = await Member.connect(broker, OWN);
  await again.client.announce();
  assertEquals(await next(), `1 ${JOINED}`);
  again.client.abort();
  assertEquals(await next(), `1w ${LOST}`);
});

test("an announced member answers who is there, another one doesn't", {
  options: OWN,
}, async ({ broker, member: bot }) => {
  const { link } = await broker.next("connect");
  const question = { type: "who", from: "eve", id: "AAAAAAAAAAAAAAAA-1" };
  const topic = whoTopic(ROOM, "AAAAAAAAAAAAAAAA");
  const ask = async () => {
    await link.send(publish(whoTopic(ROOM), JSON.stringify(question), 1));
    await bot.received.next();
    await bot.clock.advance(1_000);
    // A round trip later, an answer has come.
    await bot.client.say(ROOM, "x");
    const answers = broker.all("publish").filter((it) => it.topic === topic);
    return answers.map(({ payload, qos }) => `${payload} ${qos}`);
  };
  assertEquals(await ask(), []);
  await bot.client.announce();
  const answer = '{"type":"here","from":"bot"} 0';
  assertEquals(await ask(), [answer]);
  assertEquals(await ask(), [answer, answer]);
  // None is due after the end.
  await link.send(publish(whoTopic(ROOM), JSON.stringify(question), 1));
  await bot.received.next();
});

test("each connection has a join notice, which its will names", {
  options: OWN,
  connect: (_, { number }) => number === 3 ? "close" : connack(),
}, async ({ broker, member: bot }) => {
  await bot.client.announce();
  await bot.client.say(ROOM, "x");
  // An attempt to connect that fails takes no number.
  for (const number of [2, 4]) {
    broker.drop();
    await broker.next("publish", ({ link }) => link.number === number);
  }
  const wills = broker.all("connect").map(willOf);
  const numbers = ["1w", "3w", "4w", "4w"];
  assertEquals(wills, numbers.map((number) => `${number} ${LOST}`));
  const notices = broker.all("publish").map(({ payload }) => payload)
    .filter((payload) => payload.includes('"notice"')).map(noticeOf);
  assertEquals(notices, [`1 ${JOINED}`, `3 ${JOINED}`, `4 ${JOINED}`]);
});

test("an unanswered join notice is sent again, and not another one", {
  options: OWN,
  publish: (packet, { number }) => number > 1 ? puback(packet) : undefined,
}, async ({ broker, member: bot }) => {
  const announced = bot.client.announce();
  await broker.next("publish");
  broker.drop();
  await announced;
  await bot.client.close();
  const wills = broker.all("connect").map(willOf);
  assertEquals(wills, [`1w ${LOST}`, `1w ${LOST}`]);
  assertEquals(sentIn(broker), [`1 ${JOINED}`, `1 ${JOINED}`, `2 ${LEFT}`]);
});

const noticeOfBot = (notice: string) =>
  ({ type: "notice", from: "bot", notice }) as const;

const WILL = { topic: ROOM, payload: noticeOfBot(LOST) };

const join = ({ client }: Member) => client.send(ROOM, noticeOfBot(JOINED));

test("a will names the last join notice that a program sent, if it was taken", {
  options: { will: WILL, signer: Signer.generate() },
  publish: (packet, { number }) =>
    packet.qos === 0 ? "close" : puback(packet, number > 3 ? 0x87 : 0),
}, async ({ broker, member: bot }) => {
  await bot.next("connected");
  const renew = () => bot.client.setWill({ ...WILL });
  const lose = () =>
    void assertRejects(() => bot.client.send(ROOM, noticeOfBot(JOINED), 0));
  const wills: string[] = [];
  await join(bot);
  for (const end of [renew, renew, () => broker.drop(), lose]) {
    // On one connection: a room that was left is joined again.
    if (wills.length === 1) await join(bot);
    end();
    await bot.next("connected");
    wills.push(willOf(broker.all("connect").at(-1)!).split(" ")[0]);
  }
  await assertRejects(() => join(bot));
  renew();
  await bot.next("connected");
  const last = broker.all("connect").slice(-2).map(({ will }) =>
    JSON.parse(`${will!.payload}`)
  );
  // The will is signed at each connection, and has no time.
  assert(last.every((will) => isSigned(ROOM, will) && !("at" in will)));
  assertEquals(last[1].id, undefined);
  const joins = [1, 2, 3, 4].map((number) => `${number} ${JOINED}`);
  assertEquals(sentIn(broker), joins);
  assertEquals(wills, ["1w", "2w", "3w", "4w"]);
});

test("a join notice that was refused is tried on the next connection", {
  options: OWN,
  publish: (packet, { number }) => puback(packet, number === 1 ? 0x87 : 0),
}, async ({ broker, member: bot }) => {
  await assertRejects(() => bot.client.announce());
  broker.drop();
  await broker.next("publish", ({ link }) => link.number === 2);
  assertEquals(sentIn(broker), [`1 ${JOINED}`, `2 ${JOINED}`]);
});

test("an announced member that renews its will joins no second time", {
  options: { ...OWN, will: { topic: "other", payload: noticeOfBot("Gone.") } },
}, async ({ broker, member: bot }) => {
  // It may have a will of its own, which names no join notice.
  const { will } = await broker.next("connect");
  assertEquals(will?.topic, "other");
  assertEquals(JSON.parse(`${will?.payload}`).id, undefined);
  await bot.client.announce();
  bot.client.setWill(WILL);
  await bot.client.say(ROOM, "x");
  await Promise.all([bot.client.close(), bot.client.close()]);
  assertEquals(willOf(await broker.next("connect")), `1w ${LOST}`);
  const notices = sentIn(broker).filter((notice) => notice.includes("User"));
  assertEquals(notices, [`1 ${JOINED}`, `3 ${LEFT}`]);
});

test("every room has the notices, the first the will; a break brings no join", {
  options: { name: "bot", rooms: ["a", "b"] },
  publish: (packet, { number }) =>
    number === 1 && packet.payload.includes("disconnecting")
      ? "close"
      : puback(packet),
}, async ({ broker, member: bot }) => {
  const { will } = await broker.next("connect");
  assertEquals([will?.topic, will?.qos], ["a", 1]);
  await bot.client.announce();
  for (const _ of [1, 2]) await bot.client.close();
  const heard = broker.all("publish").map(({ topic, payload }) =>
    `${topic}: ${noticeOf(payload)}`
  );
  assertEquals(heard, [
    "a: 1 User bot is now subscribed to a.",
    "b: 1 User bot is now subscribed to b.",
    "a: 2 User bot disconnecting from a.",
    "a: 2 User bot disconnecting from a.",
    "b: 2 User bot disconnecting from b.",
  ]);
});

test("close waits for the answer to the leave no longer than for others", {
  options: OWN,
  publish: (packet) =>
    packet.payload.includes("disconnecting") ? undefined : puback(packet),
}, async ({ broker, member: bot }) => {
  await bot.client.announce();
  let isClosed = false;
  const closed = bot.client.close().then(() => isClosed = true);
  await broker.next("publish", (it) => it.payload.includes("disconnecting"));
  await bot.clock.advance(4_999);
  assertEquals(isClosed, false);
  await bot.clock.advance(1);
  await closed;
});

test("a room that the broker denies is an error, and is not left", {
  options: OWN,
  subscribe: (packet) => suback(packet, 0x87),
}, async ({ broker, member: bot }) => {
  await assertRejects(
    () => bot.client.announce(),
    NotAuthorizedError,
    "does not let you read chat/room: ",
  );
  await bot.client.close();
  assertEquals(broker.all("publish"), []);
  // A filter is no room to be a member of.
  const rooms = [ROOM, "chat/#"];
  await assertRejects(() => Member.connect(broker, { rooms }), TopicError);
});
