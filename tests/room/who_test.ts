/** Who answers the question who is in a room, and what that costs. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AbandonedError, Signer } from "../../lib/client.ts";
import { parseId } from "../../lib/ids.ts";
import { joinNotice, whoTopic } from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { Names } from "../../lib/room/names.ts";
import { type Answer, answerLine } from "../../lib/room/who.ts";
import { fingerprint } from "../../lib/sign.ts";
import { HARMFUL } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn } from "../support/rooms.ts";
import {
  openReader,
  ROOM,
  SimBroker,
  SimClient,
  type SimOptions,
} from "../support/sim.ts";

const test = pureTests("who");

const WHO = whoTopic(ROOM);

const namesOf = (answers: Answer[]) => answers.map(({ name }) => name).sort();

/** What was published on topics of questions and answers. */
const calls = (broker: SimBroker) =>
  broker.sent.filter(({ topic }) => topic.startsWith(WHO));
const answersSent = (broker: SimBroker) =>
  calls(broker).filter(({ topic, text }) =>
    topic !== WHO && text.includes('"here"')
  );

/** Has a reader ask; returns the answers of less than two seconds. */
async function ask(
  broker: SimBroker,
  { room }: Awaited<ReturnType<typeof openReader>>,
  meanwhile: (run: string) => unknown = () => {},
): Promise<Answer[]> {
  let answers: Answer[] | undefined;
  const count = calls(broker).length;
  room.ask(ROOM).then((them) => answers = them);
  await broker.clock.advance(0);
  const question = calls(broker)[count];
  const { id = "" } = question === undefined ? {} : JSON.parse(question.text);
  await meanwhile(parseId(id)?.run ?? "");
  await broker.clock.advance(1_999);
  assert(answers !== undefined);
  return answers;
}

/** A room with a newcomer, and members with these names. */
async function scene(names: string[], options: SimOptions = {}) {
  const broker = new SimBroker();
  for (const name of names) await openReader(broker, { name, history: 0 });
  const newcomer = await openReader(broker, { history: 0, ...options });
  await broker.clock.advance(1_000);
  return { broker, newcomer };
}

test("a newcomer hears of all members, and nothing is shown", async () => {
  const broker = new SimBroker();
  const member = await openReader(broker, { name: "Ada" });
  await openReader(broker, { name: "Bob", hasNoLocal: false });
  const newcomer = await openReader(broker, { hasNoLocal: false });
  await broker.clock.advance(1_000);
  const before = [member, newcomer].map(({ lines }) => [...lines]);
  assertEquals(namesIn(newcomer.room.roster), ["me"]);
  assertEquals(namesOf(await ask(broker, newcomer)), ["Ada", "Bob"]);
  const after = [member, newcomer].map(({ lines }) => [...lines]);
  assertEquals(after, before);
  assertEquals(namesIn(newcomer.room.roster), ["me"]);
  await member.room.rename("Grace");
  assertEquals(namesOf(await ask(broker, newcomer)), ["Bob", "Grace"]);
});

test("200 members send 200 small answers, to the asker alone", async () => {
  const names = Array.from({ length: 200 }, (_, i) => `member ${i}`);
  const { broker, newcomer } = await scene(names);
  let delivered = 0;
  for (const client of broker.clients) {
    const { deliver } = client;
    client.deliver = (...args) => {
      const isAnswer = args[0].topic.startsWith(`${WHO}/`);
      if (isAnswer && client.filters.includes(args[0].topic)) delivered++;
      deliver.apply(client, args);
    };
  }
  assertEquals(namesOf(await ask(broker, newcomer)), names.sort());
  assertEquals(answersSent(broker).length, 200);
  assertEquals(delivered, 200);
  for (const { text } of answersSent(broker)) assert(text.length < 50, text);
  assertEquals(calls(broker).length, 201);
});

test("a flood of questions costs a member one answer a second", async () => {
  const { broker } = await scene(["Ada"]);
  for (let n = 0; n < 1_000; n++) {
    const run = `${n}`.padEnd(16, "x");
    broker.call(WHO, { type: "who", from: "Eve", id: `${run}-1` });
    if (n % 10 === 0) await broker.clock.advance(100);
  }
  await broker.clock.advance(2_000);
  // The reader is a member as well.
  const sent = answersSent(broker).length;
  assert(sent >= 10 && sent <= 22, `${sent}`);
});

test("only a valid id of a question becomes a topic", async () => {
  const { broker } = await scene(["Ada"]);
  const run = "A".repeat(16);
  const ids = [
    ...[undefined, "", 5, run, `${run}-0`, `${run}-x`, "short-1", "+-1", "#"],
    ...[`${run}/x-1`, `${run}+-1`, `../${run}-1`, `${run}\0-1`, `${run} -1`],
    ...[`${"A".repeat(63)}-1`, `é${run}-1`, `${run}\n-1`],
  ];
  for (const id of ids) {
    broker.call(WHO, { type: "who", from: "Eve", id, topic: ROOM });
    await broker.clock.advance(2_000);
  }
  const id = `${run}-1`;
  broker.call(WHO, { type: "who", id });
  broker.call(WHO, { type: "here", from: "Eve", id });
  broker.call("chat/other/$who", { type: "who", from: "Eve", id });
  await broker.clock.advance(2_000);
  assertEquals(answersSent(broker), []);
  broker.call(WHO, { type: "who", from: "Eve", id });
  await broker.clock.advance(1_000);
  const [{ topic, text }] = answersSent(broker);
  assertEquals(topic, `${WHO}/${run}`);
  assertEquals(Object.keys(JSON.parse(text)), ["type", "from"]);
});

test("a retained question is not answered by each newcomer", async () => {
  const broker = new SimBroker();
  const id = `${"A".repeat(16)}-1`;
  broker.call(WHO, { type: "who", from: "Eve", id }, true);
  await openReader(broker, { history: 0 });
  await broker.clock.advance(2_000);
  assertEquals(answersSent(broker), []);
});

test("answers that fit no question, or say too much, are no answers", async () => {
  const { broker, newcomer } = await scene([]);
  const here = { type: "here", from: "Eve" };
  const answers = await ask(broker, newcomer, (run) => {
    broker.call(whoTopic(ROOM, "B".repeat(16)), here);
    broker.call(WHO, here);
    broker.call(ROOM, here);
    broker.call(whoTopic(ROOM, run), { ...here, type: "who" });
    broker.call(whoTopic(ROOM, run), { ...here, from: "x".repeat(257) });
    broker.call(whoTopic(ROOM, run), { ...here, from: "" });
    broker.call(whoTopic(ROOM, run), { type: "message", from: "Eve" });
  });
  assertEquals(answers, []);
  assertEquals(newcomer.lines.slice(1), [
    "== A payload is a question of /who or its answer, out of its place.",
  ]);
});

test("forged answers are bounded, stay text, and change nothing else", async () => {
  const { broker, newcomer } = await scene(["Ada"]);
  const before = newcomer.room.roster.list();
  const nasty = "\x1b[2J\u202e\n== now";
  const answers = await ask(broker, newcomer, (run) => {
    const topic = whoTopic(ROOM, run);
    for (let n = 0; n < 10; n++) {
      broker.call(topic, { type: "here", from: "again" });
    }
    for (let n = 0; n < 5_000; n++) {
      broker.call(topic, { type: "here", from: nasty + n });
    }
  });
  assertEquals(answers.length, 991);
  assertEquals(newcomer.room.roster.list(), before);
  const line = answerLine(answers, new Ignored(), () => new Set());
  assertMatch(line, /^991 answered: .* and 941 more$/);
  assertEquals(line.match(/== now\d/g)?.length, 49);
  assert(!HARMFUL.test(line));
});

test("keys say whose names answer, and come first", async () => {
  const [ada, eve, bob] = [1, 2, 3].map(() => Signer.generate());
  const names = new Names(new Map([["Ada", new Set([ada.key])]]));
  const broker = new SimBroker();
  const newcomer = await openReader(broker, { names, history: 0 });
  const answers = await ask(broker, newcomer, async (run) => {
    const topic = whoTopic(ROOM, run);
    const say = async (name: string, signer?: Signer) => {
      const client = new SimClient(broker, { signer });
      await client.call(topic, { type: "here", name }, 0);
    };
    // Hers, forged, before she answers.
    const forged = { type: "here", from: "Ada", key: ada.key };
    broker.call(topic, { ...forged, sig: "A".repeat(86) });
    await say("Ada", eve);
    await say("Ada");
    await say("Cy");
    await say("Bob", bob);
    await say("Ada", ada);
    // Moved from another question.
    const moved = { type: "here", name: "Di" } as const;
    const sig = bob.sign(whoTopic(ROOM, "C".repeat(16)), moved);
    broker.call(topic, { type: "here", from: "Di", key: bob.key, sig });
  });
  const ignored = new Ignored(["Cy"]);
  const keysOf = (name: string) => names.keysOf(name);
  const [adas, bobs, eves] = [ada, bob, eve].map(({ key }) => fingerprint(key));
  assertEquals(
    answerLine(answers, ignored, keysOf),
    `7 answered: Ada (key ${adas}), Bob (key ${bobs}), Cy (ignored), ` +
      `(bad signature) Ada, (another key) Ada (key ${eves}), (unsigned) Ada, ` +
      "(bad signature) Di",
  );
});

test("in a room with a secret only what is sealed counts", async () => {
  const secret = "correct horse battery staple";
  const broker = new SimBroker();
  await openReader(broker, { name: "Ada", secret });
  const newcomer = await openReader(broker, { secret });
  await openReader(broker, { name: "Eve" });
  await broker.clock.advance(1_000);
  const id = `${"A".repeat(16)}-1`;
  broker.call(WHO, { type: "who", from: "Eve", id });
  const answers = await ask(broker, newcomer, (run) => {
    broker.call(whoTopic(ROOM, run), { type: "here", from: "Eve" });
  });
  assertEquals(namesOf(answers), ["Ada"]);
  // The question without it was answered without it, and by no other client.
  const open = answersSent(broker).filter((sent) => sent.secret === undefined);
  assertEquals(open.map(({ text }) => JSON.parse(text).from), ["Eve", "Eve"]);
  assertEquals(answersSent(broker).length, 3);
});

test("where it may not be asked, there is no wait and no second question", async () => {
  for (
    const options of [
      { mayWrite: (topic: string) => !topic.includes("$who") },
      { mayRead: (topic: string) => !topic.includes("$who") },
    ]
  ) {
    const { broker, newcomer } = await scene(["Ada"], options);
    const { room, sim, lines, warnings } = newcomer;
    const before = [...lines];
    let tries = 0;
    const { call, join } = sim;
    sim.call = (...args) => (tries++, call.apply(sim, args));
    sim.join = (...args) => (tries++, join.apply(sim, args));
    for (let n = 0; n < 2; n++) {
      const asked = room.ask(ROOM);
      await broker.clock.advance(0);
      assertEquals(await asked, []);
    }
    assertEquals([lines, warnings], [before, []]);
    assert(tries <= 2, `${tries}`);
    assertEquals(calls(broker), []);
  }
});

test("a reader that knows more than 50 members doesn't ask", async () => {
  const { broker, newcomer } = await scene([]);
  const join = (n: number) => {
    const notice = joinNotice(`x${n}`, ROOM);
    broker.say("", { type: "notice", from: `x${n}`, notice });
  };
  for (let n = 1; n < 50; n++) join(n);
  await ask(broker, newcomer);
  assertEquals(calls(broker).length, 1);
  join(50);
  await ask(broker, newcomer);
  assertEquals(calls(broker).length, 1);
});

test("a second question waits for the first, and none for a reader that stops", async () => {
  const { broker, newcomer: { room } } = await scene(["Ada"]);
  const first = room.ask(ROOM);
  await broker.clock.advance(100);
  assertEquals(await room.ask(ROOM), []);
  await broker.clock.advance(1_000);
  room.stop();
  assertEquals(await first, []);
  assertEquals(await room.ask(ROOM), []);
  assertEquals(calls(broker).filter(({ topic }) => topic === WHO).length, 1);
});

test("a reader that stops before it has subscribed doesn't ask", async () => {
  const { broker, newcomer: { room, sim } } = await scene([]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const { join } = sim;
  sim.join = async (...args) => {
    await promise;
    return join.apply(sim, args);
  };
  const asked = room.ask(ROOM);
  room.stop();
  resolve();
  assertEquals(await asked, []);
  assertEquals(calls(broker), []);
});

test("a member that is offline, has left, or breaks over it doesn't answer", async () => {
  const broker = new SimBroker();
  const ada = await openReader(broker, { name: "Ada" });
  const bob = await openReader(broker, { name: "Bob" });
  const cy = await openReader(broker, { name: "Cy" });
  const newcomer = await openReader(broker);
  await broker.clock.advance(1_000);
  bob.room.stop();
  let tries = 0;
  cy.sim.call = () => {
    tries++;
    return Promise.reject(new AbandonedError("it broke"));
  };
  const answers = await ask(broker, newcomer, () => ada.sim.cut());
  assertEquals(answers, []);
  ada.sim.back();
  for (let n = 0; n < 3; n++) {
    assertEquals(namesOf(await ask(broker, newcomer)), ["Ada"]);
  }
  assertEquals(tries, 2);
});
