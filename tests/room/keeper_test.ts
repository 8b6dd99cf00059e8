/**
 * Keeping rooms, with a broker, a clock and timers of the test's own.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ChatClient, type Grant, PublishError } from "../../lib/client.ts";
import type { KeptHistory, Received } from "../../lib/protocol.ts";
import { joinNotice, leaveNotice } from "../../lib/room/members.ts";
import { decodeHistory, encodeHistory } from "../../lib/room/history.ts";
import { Keeper, KeepingError } from "../../lib/room/keeper.ts";
import { KeptRoom } from "../../lib/room/kept_room.ts";
import { message, notice, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const ROOM = "chat/room";
const SESSION = "abcdefghijklmnop";
const START = Date.parse("2026-01-02T12:00:00.000Z");

/** A keeper, what it writes, and what it is told. */
function begin(
  { topics = [ROOM], keep = 3, retains = true, denies = "" } = {},
) {
  const written: [topic: string, history: KeptHistory][] = [];
  const told: string[] = [];
  const timers = new Map<() => void, number>();
  let now = START;
  let bytes = 65_536;
  const client = {
    retains,
    broker: { scheme: "mqtt", host: "a", port: 1883, path: "" },
    join: (filters: string[]): Promise<Grant[]> =>
      Promise.resolve(
        filters.map((topic) =>
          denies === "read"
            ? { topic, reason: "no" }
            : { topic, qos: 1 as const }
        ),
      ),
    keepsBytes: () => bytes,
    keep(topic: string, history: KeptHistory) {
      if (denies === "write") {
        return Promise.reject(new PublishError("It may not be.", 135));
      }
      written.push([topic, history]);
      return Promise.resolve();
    },
  };
  const keeper = new Keeper({
    topics,
    keep,
    name: "Keeper",
    qos: 1,
    warn: (sentence) => told.push(sentence),
    debug: (sentence) => told.push(sentence),
    now: () => new Date(now),
    wait(milliseconds, then) {
      timers.set(then, now + milliseconds);
      return () => timers.delete(then);
    },
  });
  const begin = () => keeper.begin(client as unknown as ChatClient);
  /** Lets time pass, and what was waited for happen. */
  const pass = async (milliseconds: number) => {
    await turn();
    now += milliseconds;
    for (const [then, at] of timers) {
      if (at > now) continue;
      timers.delete(then);
      then();
    }
    await turn();
  };
  const receive = (payload: Received["payload"], topic = ROOM) =>
    keeper.receive({
      ...received(payload, topic),
      retain: false,
      receivedAt: new Date(now),
    });
  let number = 0;
  const say = (text: string, topic = ROOM) => {
    const at = new Date(now).toISOString();
    receive(
      { ...message(text, "Ada"), id: `${SESSION}-${++number}`, at },
      topic,
    );
  };
  const last = () => {
    const history = decodeHistory(written.at(-1)![1], now)!;
    const texts = history.messages.flatMap(({ payload }) =>
      payload.type === "message" ? payload.message : []
    );
    return { ...history, texts };
  };
  const limit = (most: number) => bytes = most;
  return { keeper, begin, pass, receive, say, written, told, last, limit };
}

/** Lets promises settle. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

const test = pureTests("keeper");

test("writes the last messages, once a second at most", async () => {
  const { begin: start, pass, say, written, last } = begin();
  start();
  await pass(1_000);
  assertEquals(written.length, 0);
  for (let i = 1; i <= 5_000; i++) say(`${i}`);
  await pass(999);
  assertEquals(written.length, 0);
  await pass(1);
  assertEquals([written.length, written[0][0]], [1, `${ROOM}/$history`]);
  assertEquals(last().texts, ["4998", "4999", "5000"]);
  assertEquals([last().from, last().since], [
    "Keeper",
    "2026-01-02T12:00:00.000Z",
  ]);
  await pass(5_000);
  assertEquals(written.length, 1);
});

test("goes on from what is kept, and waits for that", async () => {
  const { begin: start, pass, receive, say, written, last } = begin();
  const old = {
    ...message("old", "Bob"),
    id: "x",
    at: "2026-01-01T00:00:00.000Z",
  };
  start();
  say("new");
  await pass(499);
  assertEquals(written.length, 0);
  receive(
    encodeHistory({
      from: "k",
      at: "2026-01-02T11:59:00.000Z",
      messages: [{ payload: old, time: Date.parse(old.at) }],
      here: ["Bob"],
    }),
    `${ROOM}/$history`,
  );
  await pass(0);
  assertEquals(written.length, 1);
  assertEquals([last().texts, last().here], [["old", "new"], ["Bob"]]);
});

test("writes nothing that is kept already", async () => {
  const { begin: start, pass, receive, say, written } = begin();
  start();
  await pass(1_000);
  say("a");
  await pass(1_000);
  // Its own, and another's that says the same.
  receive(written[0][1], `${ROOM}/$history`);
  await pass(2_000);
  assertEquals(written.length, 1);
  // Another's that lacks it.
  receive(
    encodeHistory({ from: "k", messages: [], here: [] }),
    `${ROOM}/$history`,
  );
  await pass(2_000);
  assertEquals(written.length, 2);
});

test("somebody who says the same again has said it again", async () => {
  const { begin: start, pass, receive, written, last } = begin();
  start();
  await pass(1_000);
  for (const _ of "abc") {
    receive(message("ok", "Python"));
    await pass(1_000);
    receive(written.at(-1)![1], `${ROOM}/$history`);
  }
  assertEquals(last().texts, ["ok", "ok", "ok"]);
});

test("whoever writes something else each time is answered more and more slowly", async () => {
  const { begin: start, pass, receive, say, written } = begin();
  start();
  await pass(1_000);
  say("a");
  for (let second = 0; second < 120; second++) {
    await pass(1_000);
    const none = { from: "k", messages: [], here: [] };
    receive(encodeHistory(none), `${ROOM}/$history`);
  }
  // After 1, 1, 1, 1, 2, 4, 8, 16 and 32 seconds, about.
  assert(written.length < 12, `${written.length}`);
  say("b");
  const before = written.length;
  await pass(1_000);
  assertEquals(written.length, before + 1);
});

test("two keepers with clocks far apart keep what has no id, and settle", () => {
  const rooms = [new KeptRoom(9), new KeptRoom(9)];
  const clocks = [START, START + 300_000];
  rooms.forEach((room, which) =>
    room.add({
      ...received(message("a", "Python")),
      retain: false,
      receivedAt: new Date(clocks[which]),
    })
  );
  let writes = 0;
  for (let second = 0; second < 60; second++) {
    for (const [which, room] of rooms.entries()) {
      const history = room.next({ from: "k" }, 65_536);
      if (history === undefined) continue;
      writes++;
      const now = START + second * 1_000;
      rooms.forEach((other, index) =>
        other.adopt(
          decodeHistory(encodeHistory(history), now + index * 300_000)!,
          new Date(now),
        )
      );
      assert(history.messages.length <= 2, `${which}`);
    }
  }
  assert(writes <= 3, `${writes}`);
});

test("knows who is here", async () => {
  const { begin: start, pass, receive, last, written } = begin();
  start();
  await pass(1_000);
  for (const name of ["Ada", "Bob"]) {
    receive(notice(joinNotice(name, ROOM), name));
  }
  receive(notice(leaveNotice("Ada", ROOM), "Ada"));
  await pass(1_000);
  assertEquals(last().here, ["Bob"]);
  receive(notice(leaveNotice("Bob", ROOM), "Bob"));
  await pass(1_000);
  assertEquals([last().here, written.length], [[], 2]);
});

test("keeps rooms that a wildcard finds, and no history of a history", async () => {
  const { begin: start, pass, say, receive, written } = begin({
    topics: ["#"],
  });
  start();
  say("a", "x");
  say("b", "y");
  receive(message("c"), "x/$history");
  receive({ type: "malformed", reason: "", bytes: new Uint8Array() }, "z");
  await pass(1_000);
  await pass(1_000);
  assertEquals(written.map(([topic]) => topic), ["x/$history", "y/$history"]);
});

test("leaves out the oldest where the broker takes less, and says so once", async () => {
  const { begin: start, pass, say, last, told, limit } = begin({ keep: 100 });
  limit(4_500);
  start();
  await pass(1_000);
  for (let i = 0; i < 3; i++) say(`${i}`.padEnd(1_500));
  await pass(1_000);
  assertEquals(last().texts.map((text) => text.trim()), ["1", "2"]);
  say("3".padEnd(1_500));
  await pass(1_000);
  assertEquals(told.length, 1, `${told}`);
  assert(told[0].startsWith("1 of the last payloads of chat/room"), told[0]);
});

test("keeps the last of what is more than a history takes, while it can't write", async () => {
  const { begin: start, pass, say, last, told } = begin({ keep: 500 });
  start();
  for (let i = 1; i <= 40; i++) say(`${i}`.padEnd(20_000));
  await pass(500);
  assertEquals(last().texts.map((text) => text.trim()), ["38", "39", "40"]);
  assert(told[0].startsWith("37 of the last payloads of chat/room"), told[0]);
});

test("what is not sealed is not kept where there is a secret", async () => {
  const { begin: start, pass, keeper, written } = begin();
  start();
  await pass(1_000);
  keeper.receive({ ...received(message("forged")), sealed: false });
  await pass(2_000);
  assertEquals(written.length, 0);
});

test("does not write over what it can't open", async () => {
  for (const reason of [undefined, "sealed with another secret"]) {
    const { begin: start, pass, say, receive, written, told, keeper } = begin();
    start();
    say("a");
    receive({ type: "sealed", sealed: "AAAA", reason }, `${ROOM}/$history`);
    await pass(1_000);
    say("b");
    await pass(1_000);
    await keeper.end();
    assertEquals([written.length, told.length], [0, 1]);
    assert(told[0].startsWith(`${ROOM} is not kept: what is kept`), told[0]);
  }
});

test("says where it may not keep", async () => {
  for (const denies of ["read", "write"]) {
    const { begin: start, pass, say, told, keeper } = begin({ denies });
    start();
    await pass(1_000);
    for (const text of ["a", "b"]) {
      say(text);
      await pass(1_000);
    }
    assertEquals(told.length, 1);
    assert(told[0].includes(`${denies} chat/room/$history`), told[0]);
    assertEquals(keeper.isDenied, true);
  }
  const { begin: start } = begin({ retains: false });
  assertThrows(start, KeepingError, "keeps no retained messages");
});

test("says once that it can't keep what is sealed", async () => {
  const { begin: start, pass, receive, written, told } = begin();
  start();
  await pass(1_000);
  for (let i = 0; i < 3; i++) receive({ type: "sealed", sealed: "A" });
  await pass(2_000);
  assertEquals([written.length, told.length], [0, 1]);
});

test("what no keeper wrote is written over", async () => {
  const { begin: start, pass, say, receive, written, keeper } = begin();
  start();
  await pass(1_000);
  say("a");
  await pass(1_000);
  const bytes = new Uint8Array();
  receive({ type: "malformed", reason: "no", bytes }, `${ROOM}/$history`);
  await pass(1_000);
  assertEquals([written.length, keeper.hasFailed], [2, false]);
});

test("at the end it writes what is left", async () => {
  const { begin: start, pass, say, keeper, last, written } = begin();
  start();
  await pass(1_000);
  say("a");
  await keeper.end();
  assertEquals(last().texts, ["a"]);
  say("b");
  await pass(5_000);
  assertEquals(written.length, 1);
});

test("says since when nothing was missed", async () => {
  const { begin: start, pass, say, keeper, last } = begin();
  start();
  await pass(60_000);
  const broker = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;
  const again = { type: "connected", broker, version: 5, gap: 9 } as const;
  keeper.onStatus({ ...again, sessionPresent: true });
  say("a");
  await pass(1_000);
  assertEquals(last().since, "2026-01-02T12:00:00.000Z");
  keeper.onStatus({ ...again, sessionPresent: false });
  say("b");
  await pass(1_000);
  assertEquals(last().since, "2026-01-02T12:01:01.000Z");
});
