import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { joinNotice } from "../../lib/protocol.ts";
import { pureTests } from "../support/pure.ts";
import {
  HISTORY,
  openKeeper,
  openReader,
  ROOM,
  SimBroker,
  SimClient,
  speaker,
  upTo,
} from "../support/sim.ts";

const test = pureTests("keeper", () => new SimBroker());

/** What is whole after a while. */
async function wholeIn(broker: SimBroker): Promise<string[]> {
  await broker.clock.advance(3_000);
  const { whole, messages } = broker.history;
  return messages.slice(-whole).map(({ message }) => message ?? "a notice");
}

test("the last messages are written, at most once a second", async (broker) => {
  await openKeeper(broker, { keep: 3 });
  const say = speaker(broker);
  await broker.clock.advance(3_000);
  const before = broker.histories.length;
  for (let i = 0; i < 50; i++) {
    await say(100);
    await broker.clock.advance(100);
  }
  await broker.clock.advance(2_000);
  const written = broker.histories.length - before;
  assert(written >= 5 && written <= 6, `${written}`);
  assertEquals(broker.texts, upTo(5_000, 4_998));
  await broker.clock.advance(60_000);
  assertEquals(broker.histories.length - before, written);
});

for (const latency of [300, 3_000]) {
  test(`a history that takes ${latency} ms is merged`, async (broker) => {
    const first = await openKeeper(broker);
    const say = speaker(broker);
    await say(3);
    await broker.clock.advance(2_000);
    first.sim.kill();
    await openKeeper(broker, { latency });
    await say(2);
    await broker.clock.advance(latency < 500 ? 400 : 10_000);
    assertEquals(broker.texts, upTo(5));
  });
}

test("a repeated text is kept again, also without an id", async (broker) => {
  await openKeeper(broker);
  await openKeeper(broker, { name: "Other", ahead: 86_400_000 });
  for (const _ of "abc") {
    broker.say("ok");
    await broker.clock.advance(2_000);
  }
  broker.say("ok");
  broker.say("ok");
  await broker.clock.advance(2_000);
  assertEquals(broker.texts, ["ok", "ok", "ok", "ok", "ok"]);
});

for (const hasNoLocal of [true, false]) {
  for (const announce of [true, false]) {
    const how = `${hasNoLocal ? "MQTT 5" : "MQTT 3.1.1"}, ${
      announce ? "announced" : "not announced"
    }`;
    test(`keepers with clocks a day apart settle (${how})`, async (broker) => {
      const options = { hasNoLocal, announce };
      await openKeeper(broker, { ...options, name: "A", ahead: 43_200_000 });
      const say = speaker(broker);
      await say(3);
      broker.say("plain");
      await broker.clock.advance(3_000);
      await openKeeper(broker, { ...options, name: "B", ahead: -43_200_000 });
      await say(3);
      broker.say("plain too");
      await broker.clock.advance(3_000);
      const { length } = broker.histories;
      assertEquals(broker.texts, [
        ...upTo(3),
        "plain",
        ...upTo(6, 4),
        "plain too",
      ]);
      await broker.clock.advance(3_600_000);
      assertEquals(broker.histories.length, length);
    });
  }
}

test("the larger of two keepers counts, and both settle", async (broker) => {
  await openKeeper(broker, { name: "A", keep: 5 });
  await openKeeper(broker, { name: "B", keep: 50 });
  await speaker(broker)(20);
  await broker.clock.advance(10_000);
  const { length } = broker.histories;
  assertEquals(broker.texts, upTo(20));
  await broker.clock.advance(60_000);
  assertEquals(broker.histories.length, length);
});

test("a keeper whose clock is an hour back goes on keeping", async (broker) => {
  const first = await openKeeper(broker, { ahead: 3_600_000 });
  const say = speaker(broker);
  await say(3);
  await broker.clock.advance(2_000);
  const { at } = broker.history;
  first.sim.kill();
  await openKeeper(broker);
  await say(3);
  await broker.clock.advance(2_000);
  assertEquals(broker.texts, upTo(6));
  assert(broker.history.at > at);
});

test("entries are in the order of their arrival, whatever their clocks", async (broker) => {
  await openKeeper(broker);
  const question = { from: "Ada", id: "q", at: "2026-01-02T14:30:02.000Z" };
  const answer = { from: "Bob", id: "a", at: "2026-01-02T14:30:00.000Z" };
  broker.say("When?", question);
  broker.say("At five.", answer);
  await broker.clock.advance(2_000);
  assertEquals(broker.texts, ["When?", "At five."]);
});

test("an entry keeps its members, and the time of arrival stands beside", async (broker) => {
  await openKeeper(broker);
  const at = "2026-01-02T10:00:00.000Z";
  const signed = { from: "Ada", id: "x", at, key: "k".repeat(43), sig: "s" };
  broker.say("signed", signed);
  await broker.clock.advance(2_000);
  const { messages, keys } = broker.history;
  const entry = messages.find(({ id }) => id === "x");
  const kept = { type: "message", message: "signed", ...signed, key: 0 };
  assertEquals([entry, keys], [kept as unknown, [signed.key]]);
});

test("whole counts what came since the last gap of the keeper", async (broker) => {
  const { sim } = await openKeeper(broker);
  const say = speaker(broker);
  await say(2);
  assertEquals(await wholeIn(broker), ["a notice", "Ada 1", "Ada 2"]);
  sim.cut();
  await say(1);
  sim.back();
  await say(1);
  assertEquals(await wholeIn(broker), ["a notice", "Ada 4"]);
  // A hole in the numbers.
  sim.drops = () => true;
  await say(1);
  sim.drops = () => false;
  await say(2);
  assertEquals(await wholeIn(broker), ["Ada 6", "Ada 7"]);
});

test("a keeper reads the history once after each gap", async (broker) => {
  const { sim } = await openKeeper(broker, { latency: 300 });
  const join = sim.join.bind(sim);
  let reads = 0;
  sim.join = (filters, ...rest) => {
    if (filters.includes(HISTORY)) reads++;
    return join(filters, ...rest);
  };
  for (const gap of [1, 2, 3]) {
    sim.cut();
    sim.back();
    await broker.clock.advance(3_000);
    assertEquals(reads, gap);
  }
});

test("at QoS 0 nothing is whole", async (broker) => {
  await openKeeper(broker, { qos: 0 });
  await speaker(broker)(3);
  await broker.clock.advance(2_000);
  assertEquals([broker.history.whole, broker.texts], [0, upTo(3)]);
});

for (const announce of [true, false]) {
  const how = announce ? "by its join" : "by an entry, unannounced";
  test(`a keeper takes over what the other has whole, ${how}`, async (broker) => {
    const first = await openKeeper(broker, { name: "A" });
    const say = speaker(broker);
    await say(5);
    await broker.clock.advance(3_000);
    await openKeeper(broker, { name: "B", announce });
    await say(1);
    await broker.clock.advance(3_000);
    first.sim.kill();
    await say(1);
    const whole = await wholeIn(broker);
    assertEquals(whole.filter((text) => text !== "a notice"), upTo(7));
  });
}

test("a keeper takes over no claim of a dead keeper", async (broker) => {
  const first = await openKeeper(broker, { name: "A" });
  const say = speaker(broker);
  await say(5);
  await broker.clock.advance(3_000);
  first.sim.kill();
  await say(1);
  await openKeeper(broker, { name: "B" });
  await say(1);
  assertEquals(await wholeIn(broker), ["a notice", "Ada 7"]);
  assertEquals(broker.texts, [...upTo(5), "Ada 7"]);
});

test("heard has the last 100 joins, also where they are no entries", async (broker) => {
  await openKeeper(broker, { keep: 1 });
  const client = new SimClient(broker, {});
  for (let i = 0; i < 120; i++) {
    const notice = joinNotice("Ada", ROOM);
    await client.send(ROOM, { type: "notice", from: "Ada", notice });
  }
  await broker.clock.advance(2_000);
  const { heard, messages } = broker.history;
  assertEquals([heard.length, messages.length], [100, 0]);
});

test("an old history put back by an outsider is reported and overwritten", async (broker) => {
  const { warnings } = await openKeeper(broker, { secret: "s" });
  const say = speaker(broker, "Ada", "s");
  await say(3);
  await broker.clock.advance(5_000);
  const old = broker.retained.get(HISTORY)!;
  await say(3);
  await broker.clock.advance(5_000);
  for (const _ of "ab") {
    broker.publish(old, 1, true);
    await broker.clock.advance(2_000);
    assertEquals(broker.texts, upTo(6));
  }
  assertEquals(warnings.length, 1);
  assertMatch(
    warnings[0],
    /^The history of chat\/room was replaced by an older/,
  );
});

test("an at more than a day ahead is not believed", async (broker) => {
  const { warnings } = await openKeeper(broker);
  const at = "9999-12-31T23:59:59.999Z";
  broker.put({ type: "history", from: "x", at, messages: [] });
  await speaker(broker)(1);
  await broker.clock.advance(2_000);
  assert(broker.history.at < "2027");
  assertEquals([broker.texts, warnings], [["Ada 1"], []]);
});

test("an undecodable history is overwritten, at most once a minute", async () => {
  const wires = ['{"sealed":"AAAA"}', "rubbish", '{"type":"history"}'];
  for (const secret of [undefined, "s"]) {
    for (const wire of wires) {
      const broker = new SimBroker();
      broker.put(wire);
      const { warnings } = await openKeeper(broker, { secret });
      await broker.clock.advance(10_000);
      // The keeper's own join is no evidence that its secret fits.
      assertEquals(broker.retained.get(HISTORY)!.text, wire);
      const say = speaker(broker, "Ada", secret);
      await say(1);
      await broker.clock.advance(2_000);
      assertEquals([broker.texts, warnings], [["Ada 1"], []]);
      broker.put(wire);
      await say(1);
      await broker.clock.advance(50_000);
      assertEquals(broker.retained.get(HISTORY)!.text, wire);
      await broker.clock.advance(10_000);
      assertEquals(broker.texts, ["Ada 1", "Ada 2"]);
    }
  }
});

test("two secrets in one room take turns of a minute", async (broker) => {
  for (const secret of ["old", "new"]) {
    await openKeeper(broker, { secret, name: secret });
  }
  const [one, two] = ["old", "new"].map((it) => speaker(broker, it, it));
  for (let i = 0; i < 100; i++) {
    await Promise.all([one(), two()]);
    await broker.clock.advance(3_000);
  }
  const changes = broker.histories.filter(({ secret }, i, all) =>
    secret !== all[i - 1]?.secret
  );
  assert(changes.length >= 5 && changes.length <= 14, `${changes.length}`);
});

test("with a secret, unsealed payloads are not kept", async (broker) => {
  await openKeeper(broker, { secret: "s" });
  broker.say("forged");
  await broker.clock.advance(2_000);
  assertEquals(broker.texts, []);
});

test("sealed payloads that can't be kept are warned of once", async (broker) => {
  const { warnings } = await openKeeper(broker);
  await speaker(broker, "Ada", "s")(3);
  await broker.clock.advance(2_000);
  assertEquals(warnings, [
    "What is sealed in chat/room is not kept: --secret-file FILE opens it.",
  ]);
});

test("entries that don't fit the broker's packets are reported", async (broker) => {
  const { warnings, keeper } = await openKeeper(broker, { bytes: 220 });
  await speaker(broker)(5);
  await broker.clock.advance(5_000);
  assertEquals(broker.texts, []);
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0], /^The last message of chat\/room is not kept: /);
  assertEquals(keeper.hasFailed, true);
});

test("the oldest entries are left out for a small packet size", async (broker) => {
  const { warnings, keeper } = await openKeeper(broker, { bytes: 4_500 });
  for (let i = 1; i <= 4; i++) broker.say(`${i}`.padEnd(1_500));
  await broker.clock.advance(2_000);
  assertEquals(broker.texts.map((text) => text.trim()), ["3", "4"]);
  assertEquals([warnings.length, keeper.hasFailed], [1, false]);
  assertMatch(warnings[0], /^\d of the last payloads of chat\/room are not/);
});

for (const what of ["read", "write"] as const) {
  test(`says where it may not ${what}`, async (broker) => {
    const may = (topic: string) => topic !== HISTORY;
    const { warnings, keeper } = await openKeeper(
      broker,
      what === "read" ? { mayRead: may } : { mayWrite: may },
    );
    const say = speaker(broker);
    for (const _ of "ab") {
      await say(1);
      await broker.clock.advance(2_000);
    }
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0], new RegExp(`let you ${what} chat/room/.history`));
    assertEquals(keeper.isDenied, true);
  });
}

test("a last write that is refused is a failure", async (broker) => {
  let isOpen = true;
  const { keeper } = await openKeeper(broker, {
    mayWrite: (topic) => isOpen || topic !== HISTORY,
  });
  await broker.clock.advance(2_000);
  isOpen = false;
  await speaker(broker)(1);
  const ended = keeper.end();
  await broker.clock.advance(1_000);
  await ended;
  assertEquals([keeper.isDenied, keeper.hasFailed], [true, true]);
});

test("a broker without retained messages keeps no room", async (broker) => {
  const { keeper, sim } = await openKeeper(broker);
  const client = Object.assign(Object.create(sim), { retains: false });
  assertThrows(() => keeper.begin(client), Error, "keeps no retained");
});

test("the end writes pending entries and the own leave", async (broker) => {
  const { keeper, room } = await openKeeper(broker);
  await broker.clock.advance(2_000);
  await speaker(broker)(1);
  // Our own broker acknowledges the leave notice first.
  const ended = keeper.end();
  await broker.clock.advance(100);
  await room.presence.leave();
  await broker.clock.advance(500);
  await ended;
  assertEquals(broker.texts, ["Ada 1"]);
  assertEquals(broker.history.here, []);
  await speaker(broker, "Bob")(1);
  await broker.clock.advance(5_000);
  assertEquals(broker.texts, ["Ada 1"]);
});

test("a silent member drops out of `here` after a day", async (broker) => {
  await openKeeper(broker);
  await openReader(broker, { name: "Ada" });
  await broker.clock.advance(2_000);
  assertEquals(broker.history.here.map(([name]) => name).sort(), [
    "Ada",
    "Keeper",
  ]);
  await broker.clock.advance(86_400_000);
  broker.say("hello");
  await broker.clock.advance(2_000);
  assertEquals(broker.history.here, []);
});

for (const announce of [true, false]) {
  test(`a broker that lost the history gets it back (announced: ${announce})`, async (broker) => {
    const { sim } = await openKeeper(broker, { announce });
    await speaker(broker)(3);
    await broker.clock.advance(2_000);
    sim.cut();
    broker.retained.clear();
    sim.back();
    await broker.clock.advance(3_000);
    assertEquals(broker.texts, upTo(3));
  });
}

test("a thousand rooms have a hundred histories a second at most", async (broker) => {
  const written: number[] = [];
  const topics = Array.from({ length: 300 }, (_, i) => `chat/${i}`);
  const { sim, keeper } = await openKeeper(broker, { announce: false });
  const keep = sim.keep.bind(sim);
  sim.keep = (topic, history) => {
    written.push(broker.clock.monotonic());
    return keep(topic, history);
  };
  await broker.clock.advance(1_000);
  for (const topic of topics) {
    sim.join([topic]);
    keeper.receive({
      ...{ topic, qos: 1, retain: false, duplicate: false },
      payload: { type: "message", from: "Ada", message: "hi" },
      receivedAt: new Date(broker.clock.wall()),
    });
  }
  await broker.clock.advance(6_000);
  assertEquals(written.length, 300);
  assert(written[299] - written[0] >= 2_900, `${written[299] - written[0]}`);
});
