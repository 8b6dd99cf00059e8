import { assert, assertEquals, assertMatch } from "@std/assert";
import { AbandonedError, Signer } from "../../lib/client.ts";
import { parseId } from "../../lib/ids.ts";
import { joinNotice, whoTopic } from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { Names } from "../../lib/room/names.ts";
import { type Answer, answerLine } from "../../lib/room/who.ts";
import { fingerprint } from "../../lib/sign.ts";
import { HARMFUL, namesIn, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { openReader, ROOM, SimBroker, SimClient } from "../support/sim.ts";

const test = pureTests("who");

const WHO = whoTopic(ROOM);

const RUN = "A".repeat(16);
const QUESTION = { type: "who", from: "Eve", id: `${RUN}-1` };

const namesOf = (answers: Answer[]) => answers.map(({ name }) => name).sort();

/** What was published on topics of questions and answers. */
const calls = (broker: SimBroker) =>
  broker.sent.filter(({ topic }) => topic.startsWith(WHO));
const answersSent = (broker: SimBroker) =>
  calls(broker).filter(({ topic, text }) =>
    topic !== WHO && text.includes('"here"')
  );

/** A room with a newcomer, and members with these names. */
async function scene(names: string[], options: Options = {}) {
  const broker = new SimBroker();
  for (const name of names) await openReader(broker, { name, history: 0 });
  const newcomer = await openReader(broker, { history: 0, ...options });
  const wait = (milliseconds: number) => broker.clock.advance(milliseconds);
  await wait(1_000);
  /** Has the newcomer ask; returns the answers of less than two seconds. */
  const ask = async (meanwhile: (run: string) => unknown = () => {}) => {
    let answers: Answer[] | undefined;
    const count = calls(broker).length;
    newcomer.room.ask(ROOM).then((them) => answers = them);
    await wait(0);
    const { text = "{}" } = calls(broker)[count] ?? {};
    await meanwhile(parseId(JSON.parse(text).id ?? "")?.run ?? "");
    await wait(1_999);
    assert(answers !== undefined);
    return answers;
  };
  return { broker, newcomer, ask, wait };
}

type Options = Parameters<typeof openReader>[1];

test("a newcomer hears of all members, in small answers, and nothing is shown", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `member ${i + 10}`);
  const { broker, newcomer, ask, wait } = await scene(names, {
    hasNoLocal: false,
  });
  const member = await openReader(broker, {
    ...{ name: "Ada", hasNoLocal: false, enters: true },
  });
  await wait(1_000);
  const shown = () => [member, newcomer].map(({ lines }) => [...lines]);
  const before = shown();
  const known = namesIn(newcomer.room.roster);
  let topic = "";
  const answers = await ask((run) => topic = whoTopic(ROOM, run));
  assertEquals(namesOf(answers), ["Ada", ...names]);
  assertEquals(shown(), before);
  assertEquals(namesIn(newcomer.room.roster), known);
  // To the asker alone.
  const sent = answersSent(broker);
  assertEquals([sent.length, calls(broker).length], [41, 42]);
  assert(sent.every((one) => one.topic === topic && one.text.length < 50));
  assert(!newcomer.sim.filters.includes(topic));
  await member.room.rename("Grace");
  assertEquals(namesOf(await ask()), ["Grace", ...names]);
});

test("answers that fit no question, or say too much, are no answers", async () => {
  const { broker, newcomer, ask, wait } = await scene([]);
  const here = { type: "here", from: "Eve" };
  const retained = (topic: string, wire: unknown) =>
    newcomer.sim.deliver({ topic, text: JSON.stringify(wire) }, 0, true, false);
  retained(WHO, QUESTION);
  await wait(1_000);
  assertEquals(answersSent(broker), []);
  const answers = await ask((run) => {
    for (const topic of [whoTopic(ROOM, RUN), WHO, ROOM]) {
      broker.call(topic, here);
    }
    retained(whoTopic(ROOM, run), here);
    for (const more of [{ type: "who" }, { type: "message" }, { from: "" }]) {
      broker.call(whoTopic(ROOM, run), { ...here, ...more });
    }
    broker.call(whoTopic(ROOM, run), { ...here, from: "x".repeat(257) });
  });
  assertEquals(answers, []);
  assertEquals(newcomer.lines.slice(1), [
    "== A payload is a question of /who or its answer, out of its place.",
  ]);
});

test("forged answers are bounded, stay text, and change nothing else", async () => {
  const { broker, newcomer, ask } = await scene(["Ada"]);
  const before = newcomer.room.roster.list();
  const nasty = "\x1b[2J\u202e\n== now";
  for (const _ of "ab") {
    const answers = await ask((run) => {
      const call = (from: string) =>
        broker.call(whoTopic(ROOM, run), { type: "here", from });
      for (let n = 0; n < 10; n++) call("again");
      for (let n = 0; n < 1_500; n++) call(nasty + n);
    });
    assertEquals(answers.length, 991);
    assertEquals(newcomer.room.roster.list(), before);
    const line = answerLine(answers, new Ignored(), () => new Set());
    assertMatch(line, /^991 answered: .* and 941 more$/);
    assertEquals(line.match(/== now\d/g)?.length, 49);
    assert(!HARMFUL.test(line));
  }
});

test("keys say whose names answer, and come first", async () => {
  const [ada, eve, bob] = [1, 2, 3].map(() => Signer.generate());
  const names = new Names(new Map([["Ada", new Set([ada.key])]]));
  const { broker, ask } = await scene([], { names });
  const answers = await ask(async (run) => {
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
  const { broker, ask, wait } = await scene([], { secret });
  await openReader(broker, { name: "Ada", secret });
  await openReader(broker, { name: "Eve" });
  await wait(1_000);
  broker.call(WHO, QUESTION);
  const answers = await ask((run) => {
    broker.call(whoTopic(ROOM, run), { type: "here", from: "Eve" });
  });
  assertEquals(namesOf(answers), ["Ada"]);
  // The question without it was answered without it, and by no other client.
  const open = answersSent(broker).filter((sent) => sent.secret === undefined);
  assertEquals(open.map(({ text }) => JSON.parse(text).from), ["Eve", "Eve"]);
  assertEquals(answersSent(broker).length, 3);
});

test("where it may not be asked, there is no wait and no second question", async () => {
  const may = (topic: string) => !topic.includes("$who");
  const cases = [[2, { mayWrite: may }], [0, { mayRead: may }]] as const;
  for (const [most, options] of cases) {
    const { broker, newcomer, wait } = await scene(["Ada"], options);
    const { room, sim, lines, warnings } = newcomer;
    const before = [...lines];
    let tries = 0;
    const { call, join } = sim;
    sim.call = (...args) => (tries++, call.apply(sim, args));
    sim.join = (...args) => (tries++, join.apply(sim, args));
    for (let n = 0; n < 2; n++) {
      const asked = room.ask(ROOM);
      await wait(0);
      assertEquals(await asked, []);
    }
    assertEquals([lines, warnings, calls(broker)], [before, [], []]);
    // Nor is a question answered.
    broker.call(WHO, QUESTION);
    await wait(2_000);
    assertEquals(tries, most);
  }
});

test("a reader that knows more than 50 members doesn't ask", async () => {
  const { broker, ask } = await scene([]);
  for (let n = 1; n <= 50; n++) {
    // With the newcomer, so many are known.
    if (n >= 49) await ask();
    const notice = joinNotice(`x${n}`, ROOM);
    broker.say("", { type: "notice", from: `x${n}`, notice });
  }
  await ask();
  assertEquals(calls(broker).length, 2);
});

test("a second question waits for the first, and a reader that stops neither asks nor answers", async () => {
  const { broker, newcomer: { room, sim }, wait } = await scene([]);
  const first = room.ask(ROOM);
  await wait(100);
  assertEquals(await room.ask(ROOM), []);
  await wait(1_000);
  const { run } = parseId(JSON.parse(calls(broker)[0].text).id)!;
  broker.call(whoTopic(ROOM, run), { type: "here", from: "Eve" });
  broker.call(WHO, QUESTION);
  room.stop();
  assertEquals([await first, await room.ask(ROOM)], [[], []]);
  const late = { type: "who", name: "Eve", id: QUESTION.id } as const;
  await wait(2_000);
  room.receive({ ...received(late, WHO), whoOf: ROOM });
  await wait(1_000);
  assertEquals(broker.clock.nextIn, undefined);
  assertEquals(calls(broker).length, 3);
  assertEquals(sim.filters, [ROOM]);
  // Nor does one that stops while it subscribes.
  const other = await scene([]);
  const asked = other.newcomer.room.ask(ROOM);
  other.newcomer.room.stop();
  assertEquals([await asked, calls(other.broker)], [[], []]);
});

test("a member that is offline, has left, or breaks over it doesn't answer", async () => {
  const { broker, ask, wait } = await scene([]);
  const [ada, bob, cy] = await Promise.all(
    ["Ada", "Bob", "Cy"].map((name) => openReader(broker, { name })),
  );
  await wait(1_000);
  bob.room.stop();
  let tries = 0;
  cy.sim.call = () => {
    tries++;
    return Promise.reject(new AbandonedError("it broke"));
  };
  const cut = async () => {
    ada.sim.cut();
    assertEquals(await ada.room.ask(ROOM), []);
  };
  assertEquals(await ask(cut), []);
  ada.sim.back();
  await wait(0);
  assertEquals(answersSent(broker), []);
  for (let n = 0; n < 2; n++) assertEquals(namesOf(await ask()), ["Ada"]);
  assertEquals(await cy.room.ask(ROOM), []);
  assertEquals(tries, 2);
});
