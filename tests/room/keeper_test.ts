import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { AbandonedError } from "../../lib/client.ts";
import { joinNotice } from "../../lib/protocol.ts";
import { received } from "../support/line_fixtures.ts";
import { pureTests, scenesIn } from "../support/pure.ts";
import {
  act,
  HISTORY,
  openRoom,
  ROOM,
  SimClient,
  speaker,
  upTo,
} from "../support/sim.ts";

const test = pureTests("keeper", () => openRoom());

const messageIn = (topic: string) =>
  received({ type: "message", from: "Ada", message: "hi" }, topic);

const SCENES = `
a history that comes soon is merged
  A keeps | Ada says 3 | A dies | B keeps latency=300! | Ada says 2! | wait 400 |
  kept 1-5
a history that comes late is merged
  A keeps | Ada says 3! | wait 1000 | A dies! | B keeps latency=3000! |
  Ada says 2 | wait 8000 | kept 1-5
a repeated text is kept again, also without an id
  A keeps | B keeps ahead=86400000 | Python says ok | Python says ok |
  Python says ok! | Python says ok | kept ok, ok, ok, ok
a keeper whose clock is an hour back goes on keeping
  A keeps ahead=3600000 | Ada says 3 | kept 1-3 | A dies | B keeps | Ada says 3 |
  kept 1-6
whole counts what came since the last gap of the keeper, or hole in the numbers
  A keeps | Ada says 2 | whole notice 1 2 | A cut! | Ada says 1! | A back! |
  Ada says 1 | whole notice 4 | A cut! | Ada says 1! | A back! | Ada says 1 |
  whole notice 6 | A deaf! | Ada says 1! | A hears! | Ada says 2 | whole 8 9 |
  A back mayBeShared=true! | Ada says 1 | whole 10
a keeper takes over what the other has whole, by its join
  A keeps | Ada says 5 | B keeps! | Ada says 1 | A dies | Ada says 1 |
  whole notice 1 2 3 4 5 notice 6 7
a keeper takes over what the other has whole, by an entry, unannounced
  A keeps | Ada says 5 | B keeps announce=false! | Ada says 1 | A dies |
  Ada says 1 | whole notice 1 2 3 4 5 6 7
a broker that lost the history gets it back, each time
  A keeps | Ada says 3 | A cut! | forgotten! | A back | kept 1-3 | A cut! |
  forgotten! | A back | kept 1-3
a silent member drops out of \`here\` after a day
  A keeps | me reads | here A me | wait 86400000 | Python says hello | here
an old history that is put back is reported once, and overwritten
  A keeps | Ada says 3 | wait 3000 | remembered | Ada says 3 | wait 3000 |
  replayed | kept 1-6 | A cut! | A back | replayed | kept 1-6 | warned The history of chat/room was
  replaced by an older one, which is ignored.
a keeper takes over the members that another one lists
  A keeps keep=1 | me reads | A dies | B keeps keep=1 | Ada says 1 |
  here A B me | warned
a broker that lost the history gets it back from an unannounced keeper
  A keeps announce=false | Ada says 3 | A cut! | forgotten! | A back | kept 1-3
a keeper that comes back reads the history before it writes, each time
  A keeps latency=400 | Ada says 3 | B keeps | A cut! | Ada says 2 | B dies! |
  A back! | Ada says 1! | wait 300 | kept 1-5 | kept 1-6 | B keeps | A cut! |
  Ada says 2 | B dies! | A back! | Ada says 1! | wait 300 | kept 1-8 | kept 1-9
a keeper takes over what the other has whole, by an entry, behind a wildcard
  A keeps | Ada says 5 | B keeps topics=["chat/#"]! | Ada says 1 | A dies |
  Ada says 1 | whole notice 1 2 3 4 5 6 7
`;

for (const [title, scene] of scenesIn(SCENES)) test(title, () => act(scene));

for (const hasNoLocal of [true, false]) {
  for (const announce of [true, false]) {
    const how = `hasNoLocal=${hasNoLocal} announce=${announce}`;
    // The larger of the two counts.
    test(`keepers with clocks a day apart settle, ${how}`, () =>
      act(
        `A keeps keep=50 ahead=43200000 ${how} | Ada says 3! | Python says plain |
        B keeps keep=9 ahead=-43200000 ${how} | Ada says 3! | Python says too |
        kept 1-3, plain, 4-6, too | settled | Ada says 9 |
        kept 1-3, plain, 4-6, too, 7-15 | settled`,
      ));
  }
}

test("the last messages are written, at most once a second", async ({ broker, keep, say, wait }) => {
  await keep({ keep: 3 });
  await wait(3_000);
  const before = broker.histories.length;
  for (let i = 0; i < 50; i++) await say(100, 100);
  await wait(2_000);
  const written = broker.histories.length - before;
  assert(written >= 5 && written <= 6, `${written}`);
  assertEquals(broker.texts, upTo(5_000, 4_998));
  await wait(60_000);
  assertEquals(broker.histories.length - before, written);
  // What is sent again is no news.
  broker.publish(broker.sent.findLast(({ topic }) => topic === ROOM)!);
  await wait(2_000);
  assertEquals(broker.histories.length - before, written);
});

test("entries keep their order of arrival and their members, whatever their clocks", async ({ broker, keep, wait }) => {
  await keep();
  const question = { from: "Ada", id: "q", at: "2026-01-02T14:30:02.000Z" };
  const at = "2026-01-02T14:30:00.000Z";
  const answer = { from: "Bob", id: "a", at, key: "k".repeat(43), sig: "s" };
  broker.say("When?", question);
  broker.say("At five.", answer);
  await wait(2_000);
  assertEquals(broker.texts, ["When?", "At five."]);
  const { messages, keys, whole } = broker.history;
  const entry = messages.find(({ id }) => id === "a");
  const kept = { type: "message", message: "At five.", ...answer, key: 0 };
  assertEquals([entry, keys], [kept as unknown, [answer.key]]);
  // An id that counts nothing leaves no hole.
  assertEquals(whole, messages.length);
});

test("nothing is whole where one room of several is read at QoS 0", async ({ broker, keep, say }) => {
  const { keeper } = await keep();
  for (const qos of [0, 1] as const) {
    keeper.onStatus({ type: "subscribed", topic: ROOM, qos });
  }
  await say();
  assertEquals(broker.history.whole, 0);
});

test("a keeper takes over no claim of a dead keeper, nor by a forged join", async ({ broker, keep, say }) => {
  const first = await keep({ name: "A" });
  await say(5);
  first.sim.kill();
  await say(1, 0);
  await keep({ name: "B" });
  const notice = joinNotice("A", ROOM);
  const [id] = broker.history.heard;
  broker.say("", { type: "notice", from: "A", notice, id });
  await say();
  const { whole, messages } = broker.history;
  const newest = messages.slice(-whole).flatMap(({ message }) => message ?? []);
  assertEquals(newest, ["Ada 7"]);
  assertEquals(broker.texts, [...upTo(5), "Ada 7"]);
});

test("heard has the last 100 joins, also where they are no entries, or another keeper heard them", async ({ broker, keep, say, wait }) => {
  const { sim } = await keep({ keep: 1 });
  const client = new SimClient(broker, {});
  for (let i = 0; i < 120; i++) {
    const notice = joinNotice("Ada", ROOM);
    await client.send(ROOM, { type: "notice", from: "Ada", notice });
  }
  await wait(2_000);
  const { heard, messages } = broker.history;
  assertEquals([heard.length, messages.length], [100, 0]);
  sim.kill();
  await keep({ announce: false });
  await say();
  assertEquals([broker.history.heard, broker.texts], [heard, ["Ada 1"]]);
});

test("an at more than a day ahead is not believed", async ({ broker, keep, say }) => {
  const { warnings } = await keep();
  const at = "9999-12-31T23:59:59.999Z";
  broker.put({ type: "history", from: "x", at, messages: [] });
  await say();
  assert(broker.history.at < "2027");
  assertEquals(broker.history.heard.length, 1);
  assertEquals([broker.texts, warnings], [["Ada 1"], []]);
  // One of another clock is, and ours is later.
  const soon = new Date(broker.clock.wall() + 3_600_000).toISOString();
  broker.put({ type: "history", from: "x", at: soon, messages: [] });
  await say();
  assert(broker.history.at > soon);
});

test("an undecodable history is overwritten, at most once a minute", async () => {
  const wires = ['{"sealed":"AAAA"}', "rubbish", '{"type":"history"}'];
  for (const secret of [undefined, "s"]) {
    for (const wire of wires) {
      const { broker, keep, say, wait } = openRoom(secret);
      const onTopic = () => broker.retained.get(HISTORY)!.text;
      broker.put(wire);
      const { warnings } = await keep();
      await wait(10_000);
      // The keeper's own join is no evidence that its secret fits.
      assertEquals(onTopic(), wire);
      await say(1, 99);
      assertEquals(onTopic(), wire);
      await wait(1);
      assertEquals([broker.texts, warnings], [["Ada 1"], []]);
      await say();
      assertEquals(broker.texts, ["Ada 1", "Ada 2"]);
      broker.put(wire);
      await say(1, 57_999);
      assertEquals(onTopic(), wire);
      await wait(1);
      assertEquals(broker.texts, upTo(3));
      // And so where there is nothing new.
      broker.put(wire);
      await wait(60_000);
      assertEquals(broker.texts, upTo(3));
    }
  }
  const { broker, keep, say, wait } = openRoom();
  const { sim } = await keep();
  await say();
  broker.put("rubbish");
  await say();
  assertEquals(broker.texts, upTo(2));
  // One that can be decoded again is no reason to wait.
  await say(1, 0);
  broker.put("rubbish");
  broker.put({ type: "history", from: "x", messages: [] });
  await wait(2_000);
  assertEquals(broker.texts, upTo(3));
  // The minute goes on over a gap.
  sim.cut();
  broker.put("rubbish");
  sim.back();
  await say();
  assertEquals(broker.retained.get(HISTORY)!.text, "rubbish");
});

test("what is sealed where it should not be, or not where it should, or retained, is not kept", async ({ broker, keep, wait }) => {
  const { warnings } = await keep();
  await speaker(broker, "Ada", "s")(3);
  await wait(2_000);
  const why = "is not kept: --secret-file FILE opens it.";
  assertEquals(warnings, [`What is sealed in chat/room ${why}`]);
  const sealed = openRoom("s");
  // The broker itself gives retained ones to newcomers.
  const text = JSON.stringify({ type: "message", from: "Ada", message: "old" });
  sealed.broker.publish({ topic: ROOM, text, secret: "s" }, 1, true);
  await sealed.keep();
  sealed.broker.say("forged");
  await sealed.wait(2_000);
  assertEquals(sealed.broker.texts, []);
});

test("what doesn't fit the broker's packets is left out, and reported", async ({ broker, keep, say }) => {
  const { warnings, keeper } = await keep({ bytes: 220 });
  await say(5);
  assertEquals([broker.texts, warnings.length], [[], 1]);
  assertMatch(warnings[0], /^The last message of chat\/room is not kept: /);
  assertEquals(keeper.hasFailed, true);
  const larger = openRoom();
  const all = await larger.keep({ bytes: 4_500, announce: false });
  const notice = "x".repeat(2_000);
  larger.broker.say("", { type: "notice", from: "Ada", notice });
  for (let i = 1; i <= 5; i++) {
    larger.broker.say(`${i}`.padEnd(1_500));
    await larger.wait(i < 4 ? 0 : 2_000);
  }
  assertEquals(larger.broker.texts.map((text) => text.trim()), ["4", "5"]);
  assertEquals([all.warnings.length, all.keeper.hasFailed], [1, false]);
  const few = /^\d of the last payloads of chat\/room are not/;
  assertMatch(all.warnings[0], few);
});

for (const [what, right] of [["read", "mayRead"], ["write", "mayWrite"]]) {
  test(`says where it may not ${what}, of five rooms`, async ({ keep, say, wait }) => {
    const may = (topic: string) => !topic.endsWith("/$history");
    const { warnings, keeper, sim } = await keep({ [right]: may });
    for (const _ of "ab") {
      await say();
      sim.cut();
      sim.back();
    }
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0], new RegExp(`let you ${what} chat/room/.history`));
    assertEquals(keeper.isDenied, true);
    for (let i = 2; i < 9; i++) keeper.receive(messageIn(`chat/${i}`));
    await wait(2_000);
    assertEquals(warnings.length, 5);
  });
}

test("a last write that is refused is a failure", async ({ keep, say, wait }) => {
  let isOpen = true;
  const mayWrite = (topic: string) => isOpen || topic !== HISTORY;
  const { keeper } = await keep({ mayWrite });
  await wait(2_000);
  isOpen = false;
  await say(1, 0);
  const ended = keeper.end();
  await wait(1_000);
  await ended;
  assertEquals([keeper.isDenied, keeper.hasFailed], [true, true]);
});

test("a broker without retained messages keeps no room", async ({ keep }) => {
  const { keeper, sim } = await keep();
  const client = Object.assign(Object.create(sim), { retains: false });
  assertThrows(() => keeper.begin(client), Error, "keeps no retained");
});

test("the end writes pending entries and the own leave, and nothing later", async ({ broker, keep, say, wait }) => {
  const { keeper, room } = await keep();
  await wait(2_000);
  await say(1, 0);
  await room.rename("K");
  // Our own broker acknowledges the leave notice first.
  const ended = keeper.end();
  await wait(100);
  await room.presence.leave();
  await wait(100);
  await ended;
  assertEquals([broker.texts, broker.history.here], [["Ada 1"], []]);
  await say(1, 5_000);
  assertEquals(broker.texts, ["Ada 1"]);
  assertEquals(broker.clock.nextIn, undefined);
  // What is still being read is merged first.
  const late = await keep({ latency: 300, announce: false });
  await say(1, 0);
  late.keeper.end();
  await wait(1_000);
  assertEquals(broker.texts, ["Ada 1", "Ada 3"]);
  // What was not read since a gap is not replaced.
  const gone = await keep({ announce: false });
  await wait(2_000);
  await say(1, 0);
  gone.sim.cut();
  gone.keeper.end();
  gone.sim.back();
  await wait(1_000);
  assertEquals(broker.texts, ["Ada 1", "Ada 3"]);
});

test("a history is written once the one before it is acknowledged", async ({ keep, say, wait }) => {
  const { keeper, sim, warnings } = await keep({ announce: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  let written = 0;
  sim.keep = () => (written++, promise);
  for (const _ of "abc") await say();
  assertEquals(written, 1);
  resolve();
  await wait(0);
  assertEquals(written, 2);
  // What the end of the client abandons is no failure.
  const errors = [new AbandonedError("it ended"), new Error("too late.")];
  for (const error of errors) {
    assertEquals([warnings, keeper.hasFailed], [[], false]);
    sim.keep = () => Promise.reject(error);
    await say();
  }
  assertEquals(warnings, ["chat/room is not kept: too late."]);
});

test("a history is older than what was known before the connection, if retained", async () => {
  const cases: [steps: string, isRefused: boolean][] = [
    ["live new, retained old", false],
    ["live new, live old", true],
    ["live new, read, retained old", true],
    ["live new, reconnect, retained old", true],
    ["live new, reconnect, read, live old", true],
  ];
  for (const [steps, isRefused] of cases) {
    const { broker, keep, wait } = openRoom();
    const { sim, warnings } = await keep({ announce: false });
    const now = broker.clock.wall();
    for (const step of steps.split(", ")) {
      if (step === "read") await wait(1_000);
      if (step === "reconnect") sim.cut();
      if (step === "reconnect") sim.back();
      const [how, age] = step.split(" ");
      if (age === undefined) continue;
      const at = new Date(now - (age === "old" ? 2_001 : 0)).toJSON();
      const wire = { type: "history", from: "x", at, messages: [] };
      const sent = { topic: HISTORY, text: JSON.stringify(wire) };
      sim.deliver(sent, 1, how === "retained", false);
    }
    assertEquals(warnings.length, Number(isRefused), steps);
  }
});

test("holes are found in the last thousand runs of a room", async ({ broker, keep, wait }) => {
  await keep();
  let runs = 0;
  const say = (number: number, run = `${++runs}`) =>
    broker.say("hi", { id: `${run.padStart(16, "_")}-${number}` });
  say(1, "a");
  for (const [others, whole] of [[999, 1], [1_000, 100]]) {
    for (let i = 0; i < others; i++) say(1);
    say(2 * others, "a");
    await wait(2_000);
    assertEquals(broker.history.whole, whole);
  }
});

test("a thousand rooms are kept, with a hundred histories a second at most", async ({ broker, keep, wait }) => {
  const written: number[] = [];
  const { sim, keeper, warnings } = await keep({ announce: false });
  const write = sim.keep.bind(sim);
  sim.keep = (topic, history) => {
    written.push(broker.clock.monotonic());
    return write(topic, history);
  };
  await wait(1_000);
  const come = (topic: string) => keeper.receive(messageIn(topic));
  for (let i = 1; i < 1_000; i++) come(`chat/${i}`);
  assertEquals([warnings, keeper.hasFailed], [[], false]);
  for (const _ of "ab") come("chat/1000");
  assertEquals(warnings, ["Only the first 1000 rooms are kept."]);
  await wait(3_000);
  const spans = written.slice(100).map((time, i) => time - written[i]);
  assert(spans.length > 100 && Math.min(...spans) >= 1_000, `${spans}`);
});
