import { assert, assertEquals } from "@std/assert";
import type { Payload } from "../../lib/protocol.ts";
import { Losses } from "../../lib/room/losses.ts";
import { received } from "../support/line_fixtures.ts";
import {
  decodeHistory,
  encodeHistory,
  fitHistory,
} from "../../lib/room/history.ts";
import {
  areNews,
  areSameNames,
  type Kept,
  kept,
  merge,
  reachesBack,
  unseen,
} from "../../lib/room/history_merge.ts";
import { pureTests } from "../support/pure.ts";
import { Random } from "../support/random.ts";

const NOW = Date.parse("2026-01-02T12:00:00.000Z");
const ALL = 10_000;

/** A session of 16 characters. */
const session = (name: string) => name.padStart(16, "_");

/** Something said so many seconds after a time. */
function said(
  text: string,
  seconds: number,
  { from = "ada", id, at }: { from?: string; id?: string; at?: number } = {},
): Kept {
  const payload: Payload = { type: "message", from, message: text };
  if (id !== undefined) payload.id = id;
  if (at !== undefined) payload.at = new Date(NOW + at * 1000).toISOString();
  return { payload, time: NOW + seconds * 1000 };
}

/** What was said, in short. */
const texts = (messages: Kept[]) =>
  messages.map(({ payload }) =>
    payload.type === "message" ? payload.message : payload.notice
  ).join(" ");

/** The merged texts, whichever comes first. */
function merged(some: Kept[], others: Kept[], limit = ALL): string {
  const result = merge(some, others, limit);
  assertEquals(result, merge(others, some, limit));
  assertEquals(result, merge(result, result, limit));
  return texts(result);
}

const test = pureTests("history merge");

test("a message is kept at its author's time where that is right", () => {
  const payload = (at?: string): Payload => ({
    type: "notice",
    from: "a",
    notice: "",
    at,
  });
  const time = (at?: string) => kept(payload(at), new Date(NOW)).time - NOW;
  assertEquals(time("2026-01-02T11:59:58.500Z"), -1_500);
  assertEquals(time("2026-01-02T12:00:02.000Z"), 2_000);
  assertEquals(time("2026-01-02T12:00:02.001Z"), 0);
  assertEquals(time("1970-01-01T00:00:00Z"), 0);
  assertEquals(time("9999-12-31T23:59:59Z"), 0);
  assertEquals(time(), 0);
});

test("by time, and the last of them", () => {
  const some = [said("a", 1, { id: "1" }), said("c", 3)];
  const others = [said("b", 2), said("d", 4, { id: "4" })];
  assertEquals(merged(some, others), "a b c d");
  assertEquals(merged(some, others, 3), "b c d");
  assertEquals(merged(some, others, 0), "");
  assertEquals(merged([], []), "");
});

test("messages and notices don't take each other's place", () => {
  const joined = (name: string, seconds: number): Kept => ({
    payload: { type: "notice", from: name, notice: name },
    time: NOW + seconds * 1000,
  });
  const some = [said("a", 1), joined("N", 2), said("c", 5), joined("Q", 8)];
  const others = [said("b", 3), joined("O", 4), joined("P", 6), said("d", 7)];
  assertEquals(merged(some, others), "a N b O c P d Q");
  assertEquals(merged(some, others, 3), "b O c P d Q");
  assertEquals(merged(some, others, 1), "d Q");
  assertEquals(merged(some, others, 0), "");
  // However many come and go, what was said stays.
  const crowd = Array.from({ length: 50 }, (_, i) => joined(`${i}`, 10 + i));
  assertEquals(merged(some, crowd, 2), "a c 48 49");
  const talk = Array.from({ length: 50 }, (_, i) => said(`${i}`, 10 + i));
  assertEquals(merged(some, talk, 2), "N Q 48 49");
});

test("the same id is the same message, with the earlier time", () => {
  const some = [said("x", 2, { id: "1" }), said("y", 2.5, { id: "2" })];
  const others = [said("x", 3, { id: "1" }), said("y", 1, { id: "2" })];
  assertEquals(merged(some, others), "y x");
  const [y, x] = merge(some, others, ALL);
  assertEquals([y.time - NOW, x.time - NOW], [1_000, 2_000]);
  // Somebody forged one of them.
  const forged = [said("z", 2, { id: "1" }), said("z", 9, { id: "2" })];
  assertEquals(merged(some, forged), "x y");
});

test("without an id: the same author and text within five seconds", () => {
  const one = [said("hi", 10)];
  assertEquals(merged(one, [said("hi", 15)]), "hi");
  assertEquals(merged(one, [said("hi", 15.001)]), "hi hi");
  assertEquals(merged(one, [said("ho", 10)]), "hi ho");
  assertEquals(merged(one, [said("hi", 10, { from: "bob" })]), "hi hi");
  assertEquals(merged(one, [said("hi", 10, { id: "1" })]), "hi hi");
  const notice: Payload = { type: "notice", from: "ada", notice: "hi" };
  assertEquals(merged(one, [{ payload: notice, time: NOW }]), "hi hi");
});

test("what was said twice stays twice", () => {
  const some = [said("ok", 1), said("ok", 2), said("ok", 30)];
  const others = [said("ok", 1.1), said("ok", 2.1), said("ok", 29.9)];
  assertEquals(merged(some, others), "ok ok ok");
  assertEquals(merged(some, [said("ok", 2.1)]), "ok ok ok");
  assertEquals(merged(some, [...others, said("ok", 3)]), "ok ok ok ok");
});

test("one session's messages stay in order, whatever its clock does", () => {
  const of = (number: number, seconds: number, name = "s") =>
    said(`${name}${number}`, seconds, { id: `${session(name)}-${number}` });
  // Set back between 2 and 3.
  const back = [of(1, 10), of(2, 11), of(3, 5), of(4, 6)];
  assertEquals(merged(back, [of(1, 5.5, "t")]), "s1 s2 s3 t1 s4");
  // Number 1 was sent again, late.
  const late = [of(2, 2), of(3, 3), of(1, 30)];
  assertEquals(merged(late, [of(1, 2.5, "t")]), "s1 s2 t1 s3");
  // At the same time.
  assertEquals(merged([of(10, 1), of(9, 1), of(2, 1)], []), "s2 s9 s10");
});

test("at the same time, by what their authors say, then by session", () => {
  const some = [said("b", 1, { at: -20, id: "z" })];
  const others = [said("a", 1, { at: -30, id: "y" })];
  assertEquals(merged(some, others), "a b");
  assertEquals(merged([said("b", 1)], [said("a", 1)]), "a b");
});

/** Random messages: sessions, others' ids, none; right and wrong clocks. */
function anything(random: Random, count: number): Kept[] {
  return Array.from({ length: count }, () => {
    const number = random.below(30) + 1;
    const seconds = number + random.below(10) - 5;
    const kind = random.below(4);
    const id = kind < 2
      ? `${session(`s${kind}`)}-${number}`
      : kind === 2
      ? `other ${number}`
      : undefined;
    const text = kind === 3 ? random.one(["ok", "yes"]) : `${number}`;
    const at = random.chance(0.5) ? seconds + random.below(3) : undefined;
    return said(text, seconds, { id, at, from: random.one(["ada", "bob"]) });
  });
}

/** Whether each session is in order. */
function isInOrder(messages: Kept[]): boolean {
  const last = new Map<string, number>();
  return messages.every(({ payload: { id = "" } }) => {
    const [, name, number] = /^(.{16})-(\d+)$/.exec(id) ?? [];
    if (name === undefined) return true;
    const isNext = Number(number) > (last.get(name) ?? 0);
    last.set(name, Number(number));
    return isNext;
  });
}

test("any two, any way round", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const [a, b] = [anything(random, 40), anything(random, 40)];
    const limit = random.one([5, 20, ALL]);
    const both = merge(a, b, limit);
    assertEquals(both, merge(b, a, limit), `${seed}`);
    assertEquals(both, merge(random.shuffled(b), random.shuffled(a), limit));
    assertEquals(both, merge(both, both, limit));
    assertEquals(both, merge(both, [], limit));
    assert(isInOrder(both), `${seed}`);
    // What is left when the first are cut off is in the same order.
    for (let n = 0; n <= both.length; n++) {
      assertEquals(merge(both.slice(n), [], ALL), both.slice(n), `${seed}`);
    }
    // Without ids, what was said again and again may go with another one.
    const known = ({ payload }: Kept) => payload.id !== undefined;
    if (limit === ALL) {
      for (const one of [a, b]) {
        const again = merge(both, one, ALL).filter(known);
        assertEquals(again, both.filter(known));
      }
    }
  }
});

test("with ids, any three in any order", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const some = () =>
      anything(random, 30).filter(({ payload }) => payload.id !== undefined);
    const [a, b, c] = [some(), some(), some()];
    assertEquals(
      merge(merge(a, b, ALL), c, ALL),
      merge(a, merge(b, c, ALL), ALL),
      `${seed}`,
    );
  }
});

test("two keepers settle, whoever begins", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const limit = random.one([5, 10, 50]);
    const keepers = [anything(random, 40), anything(random, 40)]
      .map((messages) => merge(messages, [], limit));
    let onBroker: Kept[] = merge(anything(random, 10), [], limit);
    let [writes, quiet] = [0, 0];
    for (let turn = random.below(2); quiet < 2; turn = 1 - turn) {
      keepers[turn] = merge(keepers[turn], onBroker, limit);
      quiet++;
      if (!areNews(keepers[turn], onBroker)) continue;
      onBroker = keepers[turn];
      quiet = 0;
      writes++;
    }
    assert(writes <= 5, `${seed}`);
    assertEquals(keepers[0], keepers[1], `${seed}`);
  }
});

test("two keepers of a room keep the last of it, through losses and restarts", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed);
    const limit = 50;
    const names = ["k", "a keeper with a longer name"];
    const keepers: Kept[][] = [[], []];
    let onBroker = encodeHistory({ from: "k", messages: [], here: [] });
    const read = (now: number) => decodeHistory(onBroker, now)!.messages;
    const sync = (which: number, now: number) => {
      keepers[which] = merge(keepers[which], read(now), limit);
      const mine = fitHistory({
        from: names[which],
        messages: keepers[which],
        here: [],
      });
      if (areNews(mine.messages, read(now))) onBroker = encodeHistory(mine);
    };
    const sent: string[] = [];
    const skew = { ada: 0, bob: -3_600, eve: 86_400 };
    const down = [0, 0];
    for (let i = 1; i <= 600; i++) {
      const from = random.one(["ada", "bob", "eve", "python"] as const);
      const now = NOW + i * 100;
      const payload: Payload = { type: "message", from, message: `${i}` };
      if (from !== "python") {
        payload.id = `${session(from)}-${i}`;
        payload.at = new Date(now + skew[from] * 1000).toISOString();
      }
      sent.push(`${i}`);
      for (const which of [0, 1]) {
        // One of them may be gone at a time, for a while.
        if (down[which] > 0) {
          if (--down[which] === 0) keepers[which] = [];
          continue;
        }
        keepers[which].push(kept(payload, new Date(now + random.below(40))));
        // Before the other comes back, it has written what that one missed.
        if (i % 10 === which || down[1 - which] === 1) {
          sync(which, now + 50);
          if (random.chance(0.2) && down[1 - which] === 0) {
            down[which] = 1 + random.below(30);
          }
        }
      }
    }
    const now = NOW + 100_000;
    for (const which of [0, 1, 0, 1]) if (down[which] === 0) sync(which, now);
    const both = read(now);
    assertEquals(texts(both), sent.slice(-limit).join(" "), `${seed}`);
  }
});

test("only what is kept less far back is written", () => {
  const all = [1, 2, 3, 4].map((n) => said(`${n}`, n, { id: `${n}` }));
  assert(areNews(all, []));
  assert(areNews(all, all.slice(1)));
  assert(areNews(all, all.slice(0, 3)));
  assert(areNews(all, [...all.slice(0, 3), said("x", 4, { id: "4" })]));
  assert(areNews(all, [...all.slice(0, 3), said("4", 5, { id: "4" })]));
  assert(!areNews(all, [...all]));
  assert(!areNews(all.slice(2), all));
  // One that has less room leaves out what is too large for it.
  assert(!areNews([all[0], all[2]], all.slice(0, 3)));
  assert(!areNews([], all));
  assert(!areNews([], []));
  // Notices are compared on their own.
  const left: Payload = { type: "notice", from: "ada", notice: "left" };
  const notice: Kept = { payload: left, time: NOW + 3_500 };
  assert(areNews([...all, notice], all));
  assert(areNews(all, [notice]));
  assert(!areNews(all.slice(3), [...all, notice]));
  assert(!areNews([notice], [...all.slice(0, 3), notice, all[3]]));
});

test("the same people in any order", () => {
  assert(areSameNames(["a", "b"], ["b", "a"]));
  assert(areSameNames([], []));
  assert(!areSameNames(["a", "b"], ["a"]));
  assert(!areSameNames([], ["a"]));
});

test("what a reader has not seen", () => {
  const counts: number[] = [];
  const losses = new Losses({
    topics: ["room"],
    report: (note) => note.type === "lost" && counts.push(note.count),
  });
  const of = (n: number) => said(`${n}`, n, { id: `${session("s")}-${n}` });
  const live = [of(1), of(2), of(9)];
  live.forEach(({ payload }) => losses.isNew(received(payload, "room")));
  const plain = [said("ok", 3), said("no", 3)];
  const messages = [
    ...[1, 2, 3, 4].map(of),
    said("ok", 4),
    said("ok", 5),
    said("x", 6, { id: "other" }),
    of(9),
  ];
  const read = () =>
    unseen(
      messages,
      plain,
      (payload) => losses.isNewKept(payload, "room"),
    );
  const missed = read();
  assertEquals(texts(missed), "3 4 ok x");
  assert(!reachesBack(messages, missed, NOW));
  assert(reachesBack(messages, missed, NOW + 1_000));
  // All of them came after.
  assert(!reachesBack(messages.slice(2), missed, NOW + 60_000));
  assert(!reachesBack([], [], NOW));
  losses.stop();
  assertEquals(counts, [4]);
  assertEquals(texts(read()), "ok");
});
