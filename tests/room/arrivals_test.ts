import { assert, assertEquals } from "@std/assert";
import { Arrivals } from "../../lib/room/arrivals.ts";
import type { Payload } from "../../lib/protocol.ts";
import { pureTests } from "../support/pure.ts";
import { Random } from "../support/random.ts";

const ROOM = "chat/room";

/** A session of 16 characters. */
const session = (name: string | number) => `${name}`.padStart(16, "_");

/** Arrivals, and shorter ways to use them. */
class Reader {
  readonly arrivals = new Arrivals();
  now = 0;

  /** Which of some numbers are new. */
  note(
    numbers: number[],
    {
      from = "Ada",
      of = "ada" as string | number,
      topic = ROOM,
      isLive = true,
      at = undefined as string | undefined,
    } = {},
  ): number[] {
    return numbers.filter((number) => {
      const id = `${session(of)}-${number}`;
      const payload: Payload = { type: "message", from, message: "hi", id };
      if (at !== undefined) payload.at = at;
      return this.arrivals.note(payload, topic, this.now, isLive);
    });
  }

  /** What is told when it is due, at the latest after a minute. */
  lost(): string[] {
    const lost: string[] = [];
    const end = this.now + 60_000;
    while (this.now < end) {
      const wait = this.arrivals.wait(this.now);
      if (wait === undefined) break;
      this.now += wait;
      lost.push(...this.take(this.now));
    }
    return lost;
  }

  /** What is due at a time; without one, what is missing. */
  take(now?: number): string[] {
    return this.arrivals.take(now)
      .map(({ topic, from, count }) => `${topic}: ${count} of ${from}`);
  }
}

/** The numbers from one up to another, that one as well. */
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

const test = pureTests("arrivals");

test("each is new once", () => {
  const reader = new Reader();
  assertEquals(reader.note(range(1, 100)), range(1, 100));
  assertEquals(reader.note(range(1, 100)), []);
  assertEquals(reader.lost(), []);
  assertEquals(reader.arrivals.wait(0), undefined);
});

test("without an id each is new", () => {
  const { arrivals } = new Reader();
  const payload: Payload = { type: "message", from: "a", message: "hi" };
  assert(arrivals.note(payload, ROOM, 0));
  assert(arrivals.note(payload, ROOM, 0));
});

test("ids that are not ours are new once, and nothing of them is missing", () => {
  const reader = new Reader();
  const { arrivals } = reader;
  const ids = ["1", "5", "x-1", "x-5", crypto.randomUUID(), "__proto__"];
  const add = (id: string, topic = ROOM) =>
    arrivals.note({ type: "notice", from: "a", notice: "", id }, topic, 0);
  assertEquals(ids.filter((id) => add(id)), ids);
  assertEquals(ids.filter((id) => add(id)), []);
  assertEquals(ids.filter((id) => add(id, "hall")), ids);
  assertEquals(reader.lost(), []);
});

test("a hole is told once, after three seconds", () => {
  const reader = new Reader();
  reader.note([1, 2]);
  reader.now = 1_000;
  reader.note([8]);
  assertEquals(reader.arrivals.wait(1_000), 3_000);
  reader.note([9]);
  assertEquals(reader.arrivals.wait(2_500), 1_500);
  assertEquals(reader.take(3_999), []);
  assertEquals(reader.take(4_000), ["chat/room: 5 of Ada"]);
  assertEquals(reader.take(4_000), []);
  assertEquals(reader.take(), []);
  assertEquals(reader.arrivals.wait(4_000), undefined);
});

test("what comes in time is not missing", () => {
  const reader = new Reader();
  reader.note([1, 5]);
  reader.now = 2_999;
  assertEquals(reader.note([3, 2, 3, 4]), [3, 2, 4]);
  assertEquals(reader.arrivals.wait(reader.now), undefined);
  assertEquals(reader.take(), []);
});

test("what comes after it was told is new, and not told again", () => {
  const reader = new Reader();
  reader.note([1, 10, 11]);
  assertEquals(reader.lost(), ["chat/room: 8 of Ada"]);
  assertEquals(reader.note([5, 9, 2, 5]), [5, 9, 2]);
  assertEquals(reader.note(range(1, 11)), [3, 4, 6, 7, 8]);
  assertEquals(reader.note(range(1, 11)), []);
  assertEquals(reader.lost(), []);
});

test("each hole has its own time", () => {
  const reader = new Reader();
  reader.note([1, 3]);
  reader.now = 1_000;
  reader.note([4, 7]);
  assertEquals(reader.take(3_000), ["chat/room: 1 of Ada"]);
  assertEquals(reader.arrivals.wait(3_000), 1_000);
  assertEquals(reader.take(4_000), ["chat/room: 2 of Ada"]);
  reader.note([8, 10]);
  reader.now = 1_001;
  reader.note([14]);
  assertEquals(reader.take(), ["chat/room: 4 of Ada"]);
});

test("a clock that is set back holds nothing longer", () => {
  const reader = new Reader();
  reader.now = 100_000;
  reader.note([1, 3]);
  assertEquals(reader.arrivals.wait(1_000), 0);
  assertEquals(reader.take(1_000), ["chat/room: 1 of Ada"]);
});

test("a session is counted from the first that came live", () => {
  const reader = new Reader();
  reader.note([500, 501]);
  assertEquals(reader.lost(), []);
  // Sent before, and late; the others were for those who were there.
  assertEquals(reader.note([497, 499]), [497, 499]);
  assertEquals(reader.lost(), []);
  assertEquals(reader.note([498, 497, 1]), [498, 1]);
  assertEquals(reader.lost(), []);
  reader.note([503]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
});

test("rooms and sessions are counted on their own", () => {
  const reader = new Reader();
  reader.note([1, 3, 4]);
  reader.note([1, 4, 5], { topic: "hall" });
  reader.note([1, 5, 6], { of: "bob", from: "Bob" });
  reader.note([7, 2], { of: "ada2" });
  reader.note([9, 10], { of: "ada2" });
  assertEquals(reader.lost(), [
    "chat/room: 2 of Ada",
    "hall: 2 of Ada",
    "chat/room: 3 of Bob",
  ]);
  // One session's ids are another's in another room, whatever it is called.
  assertEquals(reader.note([1, 2], { topic: "" }), [1, 2]);
  assertEquals(reader.note([1, 2], { topic: "x y" }), [1, 2]);
  const id = `${session("ada")} x-1`;
  const payload: Payload = { type: "message", from: "Eve", message: "", id };
  assert(reader.arrivals.note(payload, "y", 0));
});

test("somebody goes by the name they had last", () => {
  const reader = new Reader();
  reader.note([1, 3], { from: "Ada" });
  reader.note([4], { from: "Ada L." });
  reader.note([4], { from: "Mallory" });
  reader.note([2_000_000], { from: "x".repeat(65_000) });
  const [{ from, count }] = reader.arrivals.take();
  assertEquals([from.length, count], [256, 1_999_996]);
  reader.note([2_000_001], { from: "Countess" });
  reader.note([2_000_003], { from: "Lovelace" });
  reader.note([2_000_002], { from: "Of old", isLive: false });
  reader.note([2_000_005], { from: "Lovelace" });
  assertEquals(reader.lost(), ["chat/room: 1 of Lovelace"]);
});

test("what is kept or read later is seen, and makes no hole", () => {
  const reader = new Reader();
  const kept = { isLive: false };
  assertEquals(reader.note([480, 485, 490], kept), [480, 485, 490]);
  assertEquals(reader.note([480, 485, 490], kept), []);
  assertEquals(reader.lost(), []);
  // What lies between the history and the first was sent before one came.
  assertEquals(reader.note([495, 496, 485]), [495, 496]);
  assertEquals(reader.lost(), []);
  assertEquals(reader.note([498]), [498]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
});

test("what is read later fills holes before they are told", () => {
  const reader = new Reader();
  reader.note(range(1, 100));
  reader.note([200, 201]);
  reader.now += 3_000;
  const history = range(150, 203);
  const added = reader.note(history, { isLive: false });
  assertEquals(added, [...range(150, 199), 202, 203]);
  assertEquals(reader.take(reader.now), ["chat/room: 49 of Ada"]);
  assertEquals(reader.note([202, 203, 204]), [204]);
  assertEquals(reader.lost(), []);
});

test("nothing is missing below what was read, until later ones come live", () => {
  const reader = new Reader();
  reader.note(range(1, 100));
  reader.note([600], { isLive: false });
  reader.now = 60_000;
  assertEquals(reader.arrivals.wait(reader.now), undefined);
  assertEquals(reader.take(), []);
  // They come slowly.
  assertEquals(reader.note(range(101, 300)), range(101, 300));
  assertEquals(reader.take(), []);
  assertEquals(reader.note([302]), [302]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
  // The one that was read already tells that what lies before is missing.
  assertEquals(reader.note([600]), []);
  assertEquals(reader.arrivals.wait(reader.now), 3_000);
  assertEquals(reader.lost(), ["chat/room: 297 of Ada"]);
});

test("where only a part comes, nothing is missing and nothing comes twice", () => {
  const reader = new Reader();
  const shared = { isLive: false };
  assertEquals(reader.note([1, 2, 4, 8, 9, 50], shared).length, 6);
  assertEquals(reader.note([1, 2, 3, 4, 8], shared), [3]);
  reader.now = 60_000;
  assertEquals(reader.lost(), []);
  assertEquals(reader.take(), []);
});

test("a counter that begins anew, by its times", () => {
  const reader = new Reader();
  const at = (second: number) => ({ at: `2026-01-02T03:04:0${second}.000Z` });
  reader.note([1, 2, 3, 6], at(1));
  assertEquals(reader.note([1, 2, 3], at(1)), []);
  assertEquals(reader.note([1], at(2)), [1]);
  assertEquals(reader.note([2, 3, 4, 5, 6, 7], at(3)), [2, 3, 4, 5, 6, 7]);
  assertEquals(reader.note([7, 5], at(3)), []);
  assertEquals(reader.lost(), []);
  // Also where the times are written in two ways.
  const times = ["05Z", "05.1Z", "06Z", "05.9Z"];
  times.forEach((time, index) => {
    const at = `2026-01-02T03:04:${time}`;
    assertEquals(reader.note([index + 8], { at }).length, 1);
  });
  times.forEach((time, index) => {
    const at = `2026-01-02T03:04:${time}`;
    assertEquals(reader.note([index + 8], { at }).length, 0);
  });
});

test("a counter that begins anew and doesn't say when is taken for doubles", () => {
  const reader = new Reader();
  reader.note(range(1, 5));
  assertEquals(reader.note(range(1, 7)), [6, 7]);
  assertEquals(reader.lost(), []);
});

test("a forged leap is not counted, and those that count go on", () => {
  const reader = new Reader();
  reader.note([1, 2]);
  for (const forged of [10 ** 15, 10 ** 9, 999_999_999, 10_000_004]) {
    assertEquals(reader.note([forged, forged]), [forged]);
  }
  assertEquals(reader.note([3, 4, 6]), [3, 4, 6]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
  // A leap that may be one is told, once, and what comes is new.
  assertEquals(reader.note([10_000_007, 7, 8, 7]), [10_000_007, 7, 8]);
  assertEquals(reader.lost(), ["chat/room: 9999998 of Ada"]);
  assertEquals(reader.note([9, 10, 9, 12]), [9, 10, 12]);
  assertEquals(reader.lost(), []);
});

test("ten thousand sessions of one message are silent, and push nobody out", () => {
  const reader = new Reader();
  reader.note([1, 2]);
  for (let i = 0; i < 10_000; i++) {
    assertEquals(reader.note([i + 1], { of: `s${i}` }), [i + 1]);
  }
  assertEquals(reader.note([4]), [4]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
  // Each is still known.
  for (let i = 0; i < 10_000; i++) {
    assertEquals(reader.note([i + 1], { of: `s${i}` }), []);
  }
});

test("ids that grow but don't count are told once", () => {
  const reader = new Reader();
  const lost = [];
  for (let i = 0; i < 1000; i++) {
    reader.note([3 * i + 1], { of: "stride" });
    lost.push(...reader.lost());
  }
  assertEquals(lost, ["chat/room: 2 of Ada"]);
  assertEquals(reader.arrivals.wait(reader.now), undefined);
  // Two in a row: so they do count.
  reader.note([2_999], { of: "stride" });
  const [{ count }] = reader.arrivals.take();
  assertEquals(count, 998 * 2);
});

test("at least 1,024 sessions are remembered, 2,048 at most", () => {
  const reader = new Reader();
  const ofAll = (count: number, numbers: number[]) =>
    range(1, count).flatMap((of) => reader.note(numbers, { of }));
  ofAll(1024, [1, 2]);
  assertEquals(ofAll(1024, [2]), []);
  ofAll(1024, [5]);
  assertEquals(reader.lost(), [`chat/room: ${2 * 1024} of Ada`]);
  range(2_000, 4_048).forEach((of) => reader.note([1, 2], { of }));
  assertEquals(reader.note([2, 7], { of: 1 }), [2, 7]);
});

test("those that go on sending are not forgotten", () => {
  const reader = new Reader();
  reader.note([1, 2]);
  for (let i = 0; i < 20_000; i++) {
    reader.note([1, 2], { of: `s${i}` });
    if (i % 500 === 0) reader.note([3 + i / 500]);
  }
  assertEquals(reader.note(range(1, 42)), []);
  reader.note([44]);
  assertEquals(reader.lost(), ["chat/room: 1 of Ada"]);
});

test("what is missing of somebody who is forgotten is told", () => {
  const reader = new Reader();
  reader.note([1, 2, 5]);
  for (let i = 0; i < 5_000; i++) reader.note([1, 2], { of: `s${i}` });
  assertEquals(reader.lost(), ["chat/room: 2 of Ada"]);
});

test("at most 256 holes of a session are remembered, and all are told", () => {
  const reader = new Reader();
  const odd = range(1, 1000).map((n) => 2 * n + 1);
  reader.note([1, 2, ...odd]);
  assertEquals(reader.arrivals.wait(0), 3_000);
  // The last are known exactly.
  assertEquals(reader.note(odd.slice(-250)), []);
  assertEquals(reader.lost(), ["chat/room: 999 of Ada"]);
  assertEquals(reader.note(range(1999, 2001)), [2000]);
  // Of the first nothing is known any more.
  assertEquals(reader.note([3]), [3]);
  assertEquals(reader.lost(), []);
});

test("in a room with an enormous name nothing is counted", () => {
  const reader = new Reader();
  const topic = "x".repeat(60_000);
  assertEquals(reader.note([1, 5, 5, 1, 6], { topic }), [1, 5, 6]);
  assertEquals(reader.lost(), []);
});

test("there is an end to what is told at a time", () => {
  const reader = new Reader();
  for (let i = 0; i < 10_000; i++) reader.note([1, 3], { of: `s${i}` });
  assert(
    reader.arrivals.take().reduce((sum, one) => sum + one.count, 0) >= 1024,
  );
  assertEquals(reader.take(), []);
});

test("shown and told are as many as were sent, whatever happens", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed);
    const reader = new Reader();
    const loss = random.one([0, 0.01, 0.3, 0.9]);
    const late = random.one([0, 0.05, 0.5]);
    const first = random.one([1, 1, 77]);
    let [shown, told, last] = [0, 0, 0];
    let delayed: { number: number; due: number }[] = [];
    const shownOnes = new Set<number>();
    const deliver = (number: number) => {
      const isNew = reader.note([number]).length > 0;
      assertEquals(isNew, !shownOnes.has(number), `${number}, seed ${seed}`);
      shownOnes.add(number);
      if (isNew) shown++;
      last = Math.max(last, number);
    };
    const tell = () => {
      for (const { count } of reader.arrivals.take(reader.now)) told += count;
    };
    deliver(first);
    deliver(first + 1);
    for (let number = first + 2; number < 2_000; number++) {
      reader.now += random.below(20);
      const isDue = ({ due }: { due: number }) => due <= reader.now;
      delayed.filter(isDue).forEach(({ number }) => deliver(number));
      delayed = delayed.filter((one) => !isDue(one));
      if (random.chance(loss)) continue;
      if (random.chance(late)) {
        delayed.push({ number, due: reader.now + random.below(2_900) });
      } else deliver(number);
      // Sent again, of what may be in flight.
      if (random.chance(0.1)) {
        deliver(random.one([...shownOnes].slice(-100)));
      }
      if (reader.arrivals.wait(reader.now) === 0) tell();
    }
    delayed.forEach(({ number }) => deliver(number));
    for (const { count } of reader.arrivals.take()) told += count;
    assertEquals(shown + told, last - first + 1, `seed ${seed}`);
    assertEquals(reader.take(), []);
  }
});
