/**
 * What a reader drops as a double and tells as lost, with a clock and timers of
 * the test's own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import type { Loss } from "../../lib/room/arrivals.ts";
import { Losses } from "../../lib/room/losses.ts";
import { message, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { read, ROOM } from "../support/rooms.ts";

const SESSION = "abcdefghijklmnop";

/** A message with a number, from somebody's session. */
const numbered = (
  n: number,
  { from = "Ada", topic = ROOM, session = SESSION } = {},
) => received({ ...message(`${n}`, from), id: `${session}-${n}` }, topic);

/** An account; what it tells, and how its time passes. */
function account(topics = [ROOM], lookUp = () => false) {
  const told: Loss[] = [];
  let now = 0;
  let timer: { at: number; then: () => void } | undefined;
  const losses = new Losses({
    topics,
    lookUp,
    tell: (loss) => told.push(loss),
    now: () => now,
    wait(milliseconds, then) {
      timer = { at: now + milliseconds, then };
      return () => timer = undefined;
    },
  });
  const pass = (milliseconds: number) => {
    now += milliseconds;
    if (timer === undefined || timer.at > now) return;
    const { then } = timer;
    timer = undefined;
    then();
  };
  const come = (...numbers: number[]) =>
    numbers.map((n) => losses.isNew(numbered(n)));
  return { losses, told, pass, come, isWaiting: () => timer !== undefined };
}

const test = pureTests("losses");

test("nothing twice, by id and topic", () => {
  const { losses } = account(["+"]);
  const isNew = (id: string, topic: string) =>
    losses.isNew(received({ ...message("a"), id }, topic));
  assertEquals([isNew("1", "room"), isNew("1", "room")], [true, false]);
  assertEquals([isNew("2", "room"), isNew("1", "hall")], [true, true]);
  const inRoom = numbered(1, { topic: "room" });
  assertEquals([losses.isNew(inRoom), losses.isNew(inRoom)], [true, false]);
});

test("what is missing is told once, when it is sure to be", () => {
  const { told, pass, come } = account();
  come(1, 2, 6);
  pass(2_999);
  assertEquals(told, []);
  pass(1);
  assertEquals(told, [{ topic: ROOM, from: "Ada", count: 3 }]);
  come(7, 8);
  pass(10_000);
  assertEquals(told.length, 1);
});

test("what comes late is not lost", () => {
  const { told, pass, come } = account();
  come(1, 2, 5);
  pass(2_000);
  assertEquals(come(3, 4), [true, true]);
  pass(10_000);
  assertEquals(told, []);
});

test("what is lost at the end is told at the end", () => {
  const { losses, told, come, isWaiting } = account();
  come(1, 2, 9);
  losses.stop();
  assertEquals(told, [{ topic: ROOM, from: "Ada", count: 6 }]);
  assertEquals(isWaiting(), false);
});

test("what is found elsewhere is not lost", () => {
  let lookUps = 0;
  const { losses, told, pass, come } = account([ROOM], () => {
    lookUps++;
    return true;
  });
  come(1, 2, 6);
  pass(3_000);
  assertEquals([lookUps, told.length], [1, 0]);
  assertEquals(losses.isNewKept(numbered(3).payload as never, ROOM), true);
  assertEquals(losses.isNewKept(numbered(6).payload as never, ROOM), false);
  losses.lookedUp();
  assertEquals(told, [{ topic: ROOM, from: "Ada", count: 2 }]);
  losses.lookedUp();
  assertEquals(told.length, 1);
});

test("a shared subscription gets a part of the room", () => {
  const { losses, told, come } = account([`$share/g/chat/#`, "other/+"]);
  come(1, 2, 9);
  losses.isNew(numbered(1, { topic: "other/room" }));
  losses.isNew(numbered(2, { topic: "other/room" }));
  losses.isNew(numbered(4, { topic: "other/room" }));
  losses.stop();
  assertEquals(told, [{ topic: "other/room", from: "Ada", count: 1 }]);
});

test("so does a session that another client may have", () => {
  const { losses, told, come } = account();
  come(1, 2);
  losses.mayBeShared();
  come(9);
  losses.stop();
  assertEquals(told, []);
});

test("what a broker kept for newcomers tells of no hole", () => {
  const { losses, told, come } = account();
  come(5, 6);
  losses.isNew({ ...numbered(1), retain: true });
  losses.isNew({ ...numbered(20), retain: true });
  losses.stop();
  assertEquals(told, []);
});

test("a topic in another spelling is the same room", () => {
  const { losses, told } = account(["a.b"]);
  losses.isNew(numbered(1, { topic: "a/b" }));
  losses.isNew(numbered(2, { topic: "a/b" }));
  assertEquals(losses.isNewKept(numbered(2).payload as never, "a.b"), false);
  losses.stop();
  assertEquals(told, []);
});

test("two readers of one process know nothing of each other", () => {
  const [one, other] = [account(), account()];
  one.come(1, 2, 3);
  other.come(1, 3);
  one.losses.stop();
  other.losses.stop();
  assertEquals([one.told.length, other.told.length], [0, 1]);
});

test("a counter that begins anew, and a forged leap", () => {
  const { losses, told, come } = account();
  come(1, 2, 3);
  assertEquals(come(999_999_999), [true]);
  losses.isNew(received({ ...message("x"), id: `${SESSION}-1e15` }, ROOM));
  come(4);
  losses.stop();
  assertEquals(told, []);
});

test("who takes the next number of somebody, and a time to come, silences nobody", () => {
  const { losses } = account();
  const sent = (n: number, at: string, from = "Ada") =>
    losses.isNew({
      ...received({ ...message("x", from), id: `${SESSION}-${n}`, at }),
      receivedAt: new Date("2026-01-02T12:00:00.500Z"),
    });
  const at = (ms: string) => `2026-01-02T12:00:00.${ms}Z`;
  assertEquals([sent(1, at("100")), sent(2, at("200"))], [true, true]);
  assertEquals(sent(3, "9999-12-31T23:59:59.999Z", "Eve"), true);
  assertEquals(sent(4, at("250"), "Eve"), true);
  assertEquals([sent(3, at("300")), sent(4, at("400"))], [true, true]);
  // What is sent again is a double still.
  assertEquals([sent(4, at("400")), sent(4, at("400"))], [false, false]);
});

test("ten thousand sessions of one message tell nothing", () => {
  const { losses, told } = account();
  for (let i = 0; i < 10_000; i++) {
    const session = `${i}`.padStart(16, "s");
    losses.isNew(numbered(1 + i, { session }));
  }
  losses.stop();
  assertEquals(told, []);
});

test("of whom nothing is shown nothing is lost", () => {
  const { reader, lines } = read({ ignored: new Ignored(["Ada"]) });
  for (const n of [1, 2, 9]) reader.receive(numbered(n));
  for (const n of [1, 2]) {
    reader.receive(numbered(n, { from: "Bob", session: SESSION + "2" }));
  }
  reader.stop();
  assertEquals(lines, ["Bob: 1", "Bob: 2"]);
});

test("a reader says who and how many, as a line and as JSON", () => {
  const plain = read();
  for (const n of [1, 2, 8_250]) plain.reader.receive(numbered(n));
  plain.reader.stop();
  assertEquals(
    plain.lines.at(-1),
    "== 8,247 messages of Ada did not arrive here.",
  );
  const json = read({ json: true });
  const from = "\x1b[31m: a\n";
  for (const n of [1, 3]) json.reader.receive(numbered(n, { from }));
  json.reader.stop();
  const { receivedAt: _, ...lost } = JSON.parse(json.lines.at(-1)!);
  assertEquals(lost, { type: "lost", from, count: 1, topic: ROOM });
});

test("what comes after enough lines is no hole", () => {
  const { reader, lines } = read({ count: 2 });
  for (const n of [1, 2, 3, 4]) reader.receive(numbered(n));
  reader.stop();
  assertEquals(lines, ["Ada: 1", "Ada: 2"]);
});
