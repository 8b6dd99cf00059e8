/** A client as a member: its options, what it says, how others learn of it. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Answers, answerTopicOf } from "../lib/answers.ts";
import { type ChatMessage, type ClientOptions, Signer } from "../lib/client.ts";
import { completeOptions } from "../lib/client_options.ts";
import { IdSource, parseId } from "../lib/ids.ts";
import { type Received, type RollCall, whoTopic } from "../lib/protocol.ts";
import { isSigned } from "../lib/sign.ts";
import { type FakeBroker, type Heard, hostOf } from "./support/brokers.ts";
import { TestClock } from "./support/clock.ts";
import { errorOf, Member, memberTests } from "./support/members.ts";
import { connack, publish } from "./support/packets.ts";
import { pureTests } from "./support/pure.ts";

const test = memberTests("client");

const LOCAL = { scheme: "mqtt", host: "localhost", port: 1883, path: "" };

Deno.test("client options: brokers and a user are enough", () => {
  const given = { brokers: ["localhost"], username: "ann" };
  const { clientId, ...settings } = completeOptions(given);
  assertMatch(clientId, /^chat[0-9a-f]{16}$/);
  assertEquals<object>(settings, {
    ...{ brokers: [LOCAL], username: "ann", password: undefined },
    ...{ hasRandomId: true, isDefaultUser: undefined, keepalive: 30 },
    ...{ protocolVersion: "auto", timeout: 10, tls: undefined },
    ...{ acknowledges: "received", session: { resume: false, expiry: 300 } },
  });
  const session = { resume: true };
  const kept = completeOptions({ ...given, session }).session;
  assertEquals(kept, { resume: true, expiry: 86_400 });
});

Deno.test("client options: what is given replaces the defaults", () => {
  const said: Partial<ClientOptions> = {
    ...{ username: "ann", password: "secret", clientId: "ann-1" },
    ...{ keepalive: 5, protocolVersion: 4, timeout: 1.5, tls: { ca: "PEM" } },
    ...{ acknowledges: "asked", session: { resume: true, expiry: 60 } },
  };
  const brokers = ["ws://ann:pw@a/mqtt", { ...LOCAL } as never, "a"];
  const web = { scheme: "ws", host: "a", port: 80, path: "/mqtt" };
  assertEquals<object>(completeOptions({ ...said, brokers }), {
    ...said,
    brokers: [
      { ...web, username: "ann", password: "pw" },
      LOCAL,
      // With something to trust or to show, it is not spoken to in plain.
      { scheme: "mqtts", host: "a", port: 8883, path: "" },
    ],
    ...{ hasRandomId: false, isDefaultUser: undefined },
  });
  const [{ scheme }] = completeOptions({ brokers: ["a"], tls: {} }).brokers;
  assertEquals(scheme, "mqtt");
});

Deno.test("client options: one sentence for each fault, by name", () => {
  const complete = (more: object) =>
    completeOptions({ brokers: ["a"], ...more });
  const faultOf = (more: object) => `${assertThrows(() => complete(more))}`;
  const TIMEOUT = "`timeout` takes seconds above 0, 2147483 at most.";
  const KEEPALIVE = "`keepalive` takes whole seconds from 0 to 65535.";
  for (const timeout of [0, -1, NaN, Infinity, 2_147_484]) {
    assertEquals(faultOf({ timeout }), `RangeError: ${TIMEOUT}`);
  }
  for (const keepalive of [-1, 1.5, NaN, 65_536]) {
    assertEquals(faultOf({ keepalive }), `RangeError: ${KEEPALIVE}`);
  }
  const most = { keepalive: 65_535, timeout: 2_147_483 };
  const { keepalive, timeout } = complete(most);
  assertEquals({ keepalive, timeout }, most);
  assertEquals(complete({ keepalive: 0 }).keepalive, 0);
  const empty = "AddressError: `brokers` is empty; name at least one.";
  assertEquals(faultOf({ brokers: [] }), empty);
  assertEquals(
    faultOf({ brokers: ["a", "mqtt://ann:secret@a b"] }),
    "AddressError: `brokers[1]` does not fit: a mqtt:// URL that can't be read.",
  );
});

test("one run of numbers a room; what is refused leaves a hole", {
  connect: () => connack(0, { maximumPacketSize: 1_000 }),
  // MQTT 5 §3.4.2.1 does not list 149, which Mosquitto 2.0.11 sends; 16 is no
  // error, but says that there are no subscribers.
  publish: (packet) => packet.payload.includes('"no"') ? 149 : 16,
}, async ({ broker, member: ann }) => {
  await ann.say("a", "hall");
  await ann.client.send("hall", { type: "notice", from: "ann", notice: "c" });
  const sent = ["a", "x".repeat(70_000), "y".repeat(2_000), "no", "b"]
    .map((text) => errorOf(ann.say(text)));
  const [first, large, larger, refused, last] = await Promise.all(sent);
  assertEquals([first, last], ["none", "none"]);
  assertMatch(large, /^PayloadTooLargeError: /);
  assertMatch(larger, /^PublishError: .* takes packets of 1000 bytes at most/);
  assertEquals(
    refused,
    `PublishError: ${hostOf(broker)} did not take a message for room: ` +
      "packet too large.",
  );
  const ids = broker.all("publish")
    .map(({ payload }) => parseId(JSON.parse(`${payload}`).id)!);
  assertEquals(ids.map(({ number }) => number), [1, 2, 1, 4, 5]);
  assertEquals(new Set(ids.map(({ run }) => run)).size, 2);
  assertEquals(broker.connections, 1);
});

test("two calls of join, over two connections, get an answer each", {
  subscribe: (_, { number }) => number > 1 ? 1 : undefined,
}, async ({ broker, member: ann }) => {
  const left = ann.client.join(["hall"]);
  const both = [ann.client.join(["room"]), ann.client.join(["room", "room"])];
  await broker.next("subscribe");
  // A room that is left first is not granted.
  ann.client.leave(["hall"]);
  assertEquals(await left, [{ topic: "hall", reason: "it was left" }]);
  broker.drop();
  const granted = { topic: "room", qos: 1 } as const;
  assertEquals(await Promise.all(both), [[granted], [granted, granted]]);
  assertEquals(broker.asked(2), ["room"]);
});

const HI: ChatMessage = { type: "message", from: "ann", message: "hi" };

test("sends and joins at QoS 1 unless told otherwise", {
  options: { username: "ada" },
}, async ({ broker, member: ann }) => {
  await ann.client.join(["room"]);
  const { subscriptions } = await broker.next("subscribe");
  assertEquals(subscriptions.map(({ qos }) => qos), [1]);
  // A payload keeps the id and the time that it has.
  const own = { ...HI, id: "own", at: "2026-01-02T03:04:05.678Z" };
  await ann.client.send("room", own);
  const { qos, payload } = await broker.next("publish");
  assertEquals([qos, JSON.parse(payload.toString())], [1, own]);
  // Without a name, the user's is said.
  await ann.client.say("room", "hi", 0);
  const said = await broker.next("publish");
  const { from, message } = JSON.parse(said.payload.toString());
  assertEquals([from, message, said.qos], ["ada", "hi", 0]);
});

test("what would break the connection is not sent", {}, async (scene) => {
  const { broker, member: ann } = scene;
  const topic = "room/+";
  const refusal = 'TopicError: The topic "room/+" has a wildcard, + or #; ' +
    "messages go to one room.";
  assertEquals(await errorOf(ann.client.send(topic, HI)), refusal);
  const will = { topic, payload: HI };
  assertEquals(await errorOf(Member.connect(broker, { will })), refusal);
  // Nor is a filter a room to be a member of.
  const rooms = ["room", topic];
  assertEquals(await errorOf(Member.connect(broker, { rooms })), refusal);
  assertEquals(
    await errorOf(ann.client.join(["room", "room/#/a"])),
    'TopicError: The topic filter "room/#/a" has a # before its end.',
  );
  await ann.say("hi");
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  await ann.client.close();
  const closed = "AbandonedError: The connection is closed.";
  assertEquals(await errorOf(ann.client.join(["room"])), closed);
});

test("a topic of a history is a room while it is joined", {}, async (scene) => {
  const { broker, member: ann } = scene;
  await ann.client.join(["a/$history", "b"]);
  const { link } = await broker.next("subscribe");
  await ann.clock.advance(60_000);
  await link.send(publish("a/$history", "1", 1));
  const { historyOf, receivedAt } = await ann.received.next();
  assertEquals([historyOf, +receivedAt], [undefined, ann.clock.wall()]);
  await ann.client.leave(["a/$history"]);
  await link.send(publish("a/$history", "2", 2));
  assertEquals((await ann.received.next()).historyOf, "a");
  // What was left is asked for no more.
  link.close();
  await ann.say("later");
  assertEquals(broker.asked(2), ["b"]);
  // A room is not optional, whatever it was joined with.
  const [{ subscriptions: [{ rh }] }] = broker.all("subscribe").slice(-1);
  assertEquals(rh, 1);
});

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

const noticesIn = (broker: FakeBroker) =>
  broker.all("publish").map(({ payload }) => payload)
    .filter((payload) => payload.includes('"notice"')).map(noticeOf);

const willOf = ({ will }: Heard<"connect">) => noticeOf(will!.payload);

const isLeave = ({ payload }: { payload: unknown }) =>
  `${payload}`.includes("disconnecting");

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
  connect: (_, { number }) => number === 3 ? "close" : 0,
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
  const joins = [1, 3, 4].map((number) => `${number} ${JOINED}`);
  assertEquals(noticesIn(broker), joins);
});

test("an unanswered join notice is sent again, and not another one", {
  options: OWN,
  publish: (_, { number }) => number > 1 ? 0 : undefined,
}, async ({ broker, member: bot }) => {
  const announced = bot.client.announce();
  await broker.next("publish");
  broker.drop();
  await announced;
  await bot.client.close();
  const wills = broker.all("connect").map(willOf);
  assertEquals(wills, [`1w ${LOST}`, `1w ${LOST}`]);
  assertEquals(noticesIn(broker), [`1 ${JOINED}`, `1 ${JOINED}`, `2 ${LEFT}`]);
});

const noticeOfBot = (notice: string) =>
  ({ type: "notice", from: "bot", notice }) as const;

const WILL = { topic: ROOM, payload: noticeOfBot(LOST) };

const join = ({ client }: Member, qos?: 0) =>
  client.send(ROOM, noticeOfBot(JOINED), qos);

test("a will names the last join notice that a program sent, if it was taken", {
  options: { will: WILL, signer: Signer.generate() },
  publish: ({ qos }, { number }) => qos === 0 ? "close" : number > 3 ? 0x87 : 0,
}, async ({ broker, member: bot }) => {
  await bot.next("connected");
  const renew = () => bot.client.setWill({ ...WILL });
  const lose = () => void errorOf(join(bot, 0));
  const wills: string[] = [];
  await join(bot);
  for (const end of [renew, renew, () => broker.drop(), lose]) {
    // On one connection: a room that was left is joined again.
    if (wills.length === 1) await join(bot);
    end();
    await bot.next("connected");
    wills.push(willOf(broker.all("connect").at(-1)!).split(" ")[0]);
  }
  assertMatch(await errorOf(join(bot)), /not authorized/);
  renew();
  await bot.next("connected");
  const last = broker.all("connect").slice(-2).map(({ will }) =>
    JSON.parse(`${will!.payload}`)
  );
  // The will is signed at each connection, and has no time.
  assert(last.every((will) => isSigned(ROOM, will) && !("at" in will)));
  assertEquals(last[1].id, undefined);
  const joins = [1, 2, 3, 4].map((number) => `${number} ${JOINED}`);
  assertEquals(noticesIn(broker), joins);
  assertEquals(wills, ["1w", "2w", "3w", "4w"]);
});

test("a join notice that was refused is tried on the next connection", {
  options: OWN,
  publish: (_, { number }) => number === 1 ? 0x87 : 0,
}, async ({ broker, member: bot }) => {
  assertMatch(await errorOf(bot.client.announce()), /not authorized/);
  broker.drop();
  await broker.next("publish", ({ link }) => link.number === 2);
  assertEquals(noticesIn(broker), [`1 ${JOINED}`, `2 ${JOINED}`]);
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
  assertEquals(noticesIn(broker), [`1 ${JOINED}`, `3 ${LEFT}`]);
});

test("every room has the notices, the first the will; a break brings no join", {
  options: { name: "bot", rooms: ["a", "b"] },
  publish: (packet, { number }) =>
    number === 1 && isLeave(packet) ? "close" : 0,
}, async ({ broker, member: bot }) => {
  const { will } = await broker.next("connect");
  assertEquals([will?.topic, will?.qos], ["a", 1]);
  await bot.client.announce();
  for (const _ of [1, 2]) await bot.client[Symbol.asyncDispose]();
  const heard = broker.all("publish").map(({ topic, payload }) =>
    `${topic}: ${noticeOf(payload)}`
  );
  const left = "a: 2 User bot disconnecting from a.";
  assertEquals(heard, [
    "a: 1 User bot is now subscribed to a.",
    "b: 1 User bot is now subscribed to b.",
    ...[left, left, "b: 2 User bot disconnecting from b."],
  ]);
});

test("close waits for the answer to the leave no longer than for others", {
  options: OWN,
  publish: (packet) => isLeave(packet) ? undefined : 0,
}, async ({ broker, member: bot }) => {
  await bot.client.announce();
  let isClosed = false;
  const closed = bot.client.close().then(() => isClosed = true);
  await broker.next("publish", isLeave);
  await bot.clock.advance(4_999);
  assertEquals(isClosed, false);
  await bot.clock.advance(1);
  await closed;
});

test("a room that the broker denies is an error, and is not left", {
  options: OWN,
  subscribe: () => 0x87,
}, async ({ broker, member: bot }) => {
  assertEquals(
    await errorOf(bot.client.announce()),
    "NotAuthorizedError: The broker does not let you read chat/room: not " +
      "authorized.",
  );
  await bot.client.close();
  assertEquals(broker.all("publish"), []);
});

const RUN = "AbC_09-xyzAbC_09";
const ANSWERS = `chat/room/$who/${RUN}`;

Deno.test("answers: a question is of a room of the member, live, with a run", () => {
  const answersTo = (
    changes: Partial<Received> = {},
    call: Partial<RollCall> = {},
  ) =>
    answerTopicOf({
      ...{ topic: "chat/room/$who", whoOf: "chat/room", qos: 0, retain: false },
      ...{ receivedAt: new Date(0), duplicate: false },
      payload: { type: "who", name: "eve", id: `${RUN}-1`, ...call },
      ...changes,
    }, ["hall", "chat/room"]);
  assertEquals(answersTo(), ANSWERS);
  // Some brokers turn `/` into `.`.
  assertEquals(answersTo({ whoOf: "chat.room" }), ANSWERS);
  for (const changes of [{ retain: true }, { sealed: false }, { whoOf: "a" }]) {
    assertEquals(answersTo(changes), undefined);
  }
  for (const id of [undefined, "short-1"]) {
    assertEquals(answersTo({}, { id }), undefined);
  }
  assertEquals(answersTo({}, { type: "here" }), undefined);
});

/** A member whose answers are recorded; `fails` is their outcome. */
class Answering {
  readonly clock = new TestClock();
  readonly answers = new Answers(this.clock);
  readonly sent: string[] = [];
  name = "bot";
  online = true;
  fails = false;

  call(topic: string, { type, name }: RollCall): Promise<void> {
    this.sent.push(`${topic} ${type} ${name}`);
    return this.fails ? Promise.reject(new Error("no")) : Promise.resolve();
  }

  async asked(milliseconds = 1_000): Promise<string[]> {
    this.answers.answerSoon(ANSWERS, this, this);
    await this.clock.advance(milliseconds);
    return this.sent.splice(0);
  }
}

Deno.test("answers: within a second, under the name of then, until two fail", async () => {
  const bot = new Answering();
  for (let count = 0; count < 3; count++) {
    bot.answers.answerSoon(ANSWERS, bot, bot);
  }
  bot.name = "robot";
  assertEquals(await bot.asked(), [`${ANSWERS} here robot`]);
  assertEquals(bot.clock.nextIn, undefined);
  // None while offline, none after the end.
  bot.online = false;
  assertEquals(await bot.asked(2_000), []);
  bot.online = true;
  assertEquals((await bot.asked(2_000)).length, 1);
  bot.answers.answerSoon(ANSWERS, bot, bot);
  bot.answers.stop();
  await bot.clock.advance(1_000);
  assertEquals(bot.sent, []);
  for (const fails of [true, false, true, true]) {
    bot.fails = fails;
    assertEquals((await bot.asked(2_000)).length, 1);
  }
  assertEquals([bot.answers.isRefused, await bot.asked()], [true, []]);
});

const ids = pureTests("ids");

ids("of an id of ours the run and the number are read, of others none", () => {
  for (const run of [RUN, "-".repeat(16), "0".repeat(40), `${RUN}-12`]) {
    for (const number of [1, 9, 10, 12_345, 900_000_000, 999_999_999]) {
      assertEquals(parseId(`${run}-${number}`), { run, number });
    }
  }
  const afterRun = [
    ...["", "-", "-0", "-01", "-1.5", "-1e3", "-+1", "- 1", "-1 ", "-1\n"],
    ...["-١", "_1", "1", " -1", "é-1", "=-1", `-${"9".repeat(40)}`],
    // Times in seconds and milliseconds, and what no counter gets to.
    ...["-1000000000", "-1785400000", "-1785400000123", "-1000000000000000"],
  ];
  const others = [
    ...["", "1", "-1", "x-1", `${RUN.slice(1)}-1`],
    ...afterRun.map((end) => RUN + end),
    "0f8fad5b-d9cb-469f-a165-708677289501",
    "00000000-0000-0000-0000-123456789012",
  ];
  for (const id of others) assertEquals(parseId(id), undefined, id);
});

ids("a room's ids count from 1, in a run of 96 random bits of its own", () => {
  const source = new IdSource();
  const [id, hall] = ["room", "hall"].map((room) => source.next(room));
  for (const each of [id, hall]) assertMatch(each, /^[\w-]{16}-1$/);
  const { run } = parseId(id)!;
  assert(run !== parseId(hall)!.run);
  assertEquals(source.next("room"), `${run}-2`);
  assertEquals([id, hall].map((each) => source.topicOf(each)), [
    "room",
    "hall",
  ]);
  for (const other of [new IdSource().next("room"), "", "-1", `x${id}`]) {
    assertEquals(source.topicOf(other), undefined);
  }
});

ids("a thousand rooms are remembered", () => {
  const source = new IdSource();
  const all = Array.from({ length: 1001 }, (_, i) => source.next(`${i}`));
  assertEquals(all.filter((id) => source.topicOf(id) === undefined), [all[0]]);
  const [first, second] = all.map((id) => parseId(id)!.run);
  assertEquals(parseId(source.next("1"))!.run, second);
  assert(parseId(source.next("0"))!.run !== first);
});
