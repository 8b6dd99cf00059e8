import { assert, assertEquals } from "@std/assert";
import {
  cut,
  decodeHistory,
  encodeHistory,
  type Entry,
  fitHistory,
  hasNews,
  type History,
  merge,
  mergeHeard,
} from "../../lib/room/history.ts";
import {
  decode,
  encodeText,
  historyTopic,
  MAX_KEPT,
  MAX_PAYLOAD_BYTES,
  type Payload,
  type Received,
  roomOfHistory,
} from "../../lib/protocol.ts";
import { HARMFUL, received, utf8 } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { Random } from "../support/random.ts";

const NOW = Date.parse("2026-01-02T12:00:00.000Z");
const RUN = "abcdefghijklmnop";

/** A message that was received so many milliseconds ago. */
const said = (message: string, ago = 1_000, id?: string): Entry => ({
  payload: { type: "message", from: "ada", message, ...id && { id } },
  time: NOW - ago,
});
const happened = (notice: string, ago = 1_000): Entry => ({
  payload: { type: "notice", from: "bob", notice },
  time: NOW - ago,
});

const history = (entries: Entry[], more: Partial<History> = {}): History => ({
  ...{ from: "keeper", at: NOW, entries, whole: 0, heard: [], here: new Map() },
  ...more,
});

const textOf = ({ payload }: Entry) =>
  payload.type === "message" ? payload.message : payload.notice;
const texts = ({ entries }: { entries: Entry[] }) => entries.map(textOf);

const encoded = (history: History) => encodeText(encodeHistory(history, NOW));

/** What bytes on the topic are decoded to. */
const decoded = (
  wire: unknown,
  more: Partial<Received> = {},
): History | string => {
  const text = typeof wire === "string" ? wire : JSON.stringify(wire);
  return decodeHistory({
    ...received(decode(utf8(text))),
    receivedAt: new Date(NOW),
    ...more,
  });
};
const good = (wire: unknown, more?: Partial<Received>): History => {
  const result = decoded(wire, more);
  assert(typeof result === "object", `${result}`);
  return result;
};

const test = pureTests("history");

test("each room has its topic", () => {
  for (const room of ["chat", "a/b", "/", "$x", "a/$history"]) {
    assertEquals(roomOfHistory(historyTopic(room)), room);
  }
  assertEquals(historyTopic("chat/room"), "chat/room/$history");
  const others = ["chat", "$history", "/$history", "a/$history/b", "a$history"];
  for (const topic of others) assertEquals(roomOfHistory(topic), undefined);
});

test("the wire format is that of docs/wire-format.md", () => {
  const full = history([said("one", 2_000, "x1"), happened("two", 0)], {
    whole: 1,
    heard: ["j1"],
    here: new Map([["ada", new Date(NOW - 5_000)]]),
  });
  assertEquals(JSON.parse(encoded(full)), {
    type: "history",
    from: "keeper",
    at: "2026-01-02T12:00:00.000Z",
    whole: 1,
    heard: ["j1"],
    messages: full.entries.map(({ payload }) => payload),
    keys: [],
    ago: [2_000, 0],
    here: [["ada", 5_000]],
  });
  assertEquals(good(encoded(full)), full);
});

/** A message with one of several keys; the signature is as long as a real one. */
const signed = (message: string, key: string, i = 0): Entry => {
  const { payload, time } = said(message, 1_000 - i, `id-${i}`);
  return { payload: { ...payload, key, sig: "s".repeat(86) }, time };
};
const [ADA, BOB] = ["A", "B"].map((letter) => letter.repeat(43));

test("keys are listed once, and come back in the entries", () => {
  const entries = [
    ...[signed("1", BOB, 1), signed("2", ADA, 2), said("3"), happened("4")],
    signed("5", BOB, 3),
  ];
  const { messages, keys } = JSON.parse(encoded(history(entries)));
  assertEquals(keys, [BOB, ADA]);
  assertEquals(messages.map(({ key }: { key: number }) => key), [
    ...[0, 1, undefined, undefined, 0],
  ]);
  assertEquals(good(encoded(history(entries))).entries, entries);
  // Earlier keepers wrote the key itself.
  const plain = entries.map(({ payload }) => payload);
  const earlier = { type: "history", from: "k", messages: plain };
  assertEquals(good(earlier).entries.map(({ payload }) => payload), plain);
});

test("an index without a key leaves the entry without one", () => {
  const { key: _, ...rest } = signed("hi", ADA).payload;
  const wire = { type: "history", from: "k" };
  for (const key of [-1, 1, 0.5, 1e300, true, null, [0], { 0: 0 }]) {
    const messages = [{ ...rest, key }];
    assertEquals(good({ ...wire, messages, keys: [ADA] }).entries[0].payload, {
      ...rest,
    });
  }
  const messages = [{ ...rest, key: 0 }];
  for (const keys of [undefined, 5, ADA, { 0: ADA }, [5], ["x".repeat(129)]]) {
    assertEquals(good({ ...wire, messages, keys }).entries[0].payload, rest);
  }
});

test("a key that a sender wrote as a number is no index", () => {
  const { key: _, ...rest } = signed("hi", ADA).payload;
  const sent = decode(utf8(JSON.stringify({ ...rest, key: 0 })));
  const entries = [signed("1", ADA), { payload: sent as Payload, time: NOW }];
  const kept = good(encoded(history(entries))).entries[1];
  assertEquals(kept.payload, rest);
});

test("signed entries of few keys fit where those of many don't", () => {
  const fitted = (keys: number) => {
    const all = Array.from(
      { length: 600 },
      (_, i) => signed("x".repeat(60), `"${i % keys}`.padEnd(43, '"'), i),
      // With times of 12 digits.
    ).map(({ payload }) => ({ payload, time: NOW - 999_999_999_999 }));
    let some = history(all);
    for (let bytes = 49_049; bytes > 48_549; bytes -= 50) {
      some = fitHistory(history(all), MAX_KEPT, bytes);
      const size = utf8(encoded(some)).length;
      assert(size <= bytes && size > bytes - 2_000, `${size}`);
      assertEquals(fitHistory(some, MAX_KEPT, bytes), some);
    }
    return some.entries.length;
  };
  const [one, ten, all] = [1, 10, 600].map(fitted);
  assert(one > ten && ten > all * 1.2, `${one} ${ten} ${all}`);
});

test("times are the receiver's, whatever clock the keeper has", () => {
  const { entries: [live] } = good(encoded(history([said("x", 7_000)], {
    at: NOW - 3_600_000,
  })));
  assertEquals(live.time, NOW - 7_000);
  const old = { retain: true };
  const kept = (at: number) =>
    good(encoded(history([said("x", 7_000)], { at })), old).entries[0].time;
  assertEquals(kept(NOW - 3_600_000), NOW - 3_607_000);
  assertEquals(kept(NOW + 3_600_000), NOW - 7_000);
});

test("an invalid time falls back to the payload's, or the history's", () => {
  const at = "2026-01-02T11:00:00.000Z";
  const wire = { type: "history", from: "k" };
  const entry = said("x").payload;
  for (const ago of [undefined, -1, 1.5, "5", null, 1e300, NOW + 1]) {
    const messages = [{ ...entry, at }, entry];
    const { entries } = good({ ...wire, messages, ago: [ago, ago] });
    assertEquals(entries.map(({ time }) => time), [Date.parse(at), NOW]);
  }
  for (const ago of [5, "x", { 0: 1 }]) {
    assertEquals(
      good({ ...wire, messages: [entry], ago }).entries[0].time,
      NOW,
    );
  }
});

test("an at is believed up to a day ahead", () => {
  const at = (ahead: number) =>
    good(encoded(history([], { at: NOW + ahead }))).at;
  assertEquals(at(86_400_000), NOW + 86_400_000);
  assertEquals(at(86_400_001), undefined);
  const wire = { type: "history", from: "k", messages: [] };
  for (const at of [5, "now", null, "2026-02-30T00:00:00Z"]) {
    assertEquals(good({ ...wire, at }).at, undefined);
  }
});

test("messages come first, notices get a quarter", () => {
  const all = Array.from({ length: 40 }, (_, i) => [
    said(`m${i}`),
    happened(`n${i}`),
  ]).flat();
  const { entries } = cut({ entries: all, whole: 0 }, 20);
  const kept = texts({ entries });
  assertEquals(kept.filter((text) => text[0] === "m").length, 20);
  assertEquals(kept.filter((text) => text[0] === "n"), [
    ...["n35", "n36", "n37", "n38", "n39"],
  ]);
  const long = all.map(({ payload, time }) =>
    payload.type === "notice"
      ? happened(payload.notice.padEnd(1_000))
      : { payload, time }
  );
  const small = cut({ entries: long, whole: 0 }, 400, 10_000);
  assertEquals(
    small.entries.filter(({ payload }) => payload.type === "notice").length,
    2,
  );
});

test("a cut of a message takes whole down, one of a notice does not", () => {
  const entries = [
    ...[happened("n1"), said("m1"), happened("n2"), said("m2")],
    ...[happened("n3"), said("m3"), happened("n4")],
  ];
  const wholeOf = (limit: number, whole = entries.length) =>
    cut({ entries, whole }, limit).whole;
  // m3, m2, m1 and no notice; m2 and m3; m3.
  assertEquals([3, 2, 1].map((limit) => wholeOf(limit)), [3, 2, 1]);
  assertEquals(texts(cut({ entries, whole: 0 }, 8)), [
    ...["m1", "m2", "n3", "m3", "n4"],
  ]);
  assertEquals(wholeOf(8), 5);
  assertEquals([2, 1, 0].map((whole) => wholeOf(8, whole)), [2, 1, 0]);
});

test("the oldest are left out until it fits", () => {
  for (const size of [1, 100, 1_000, 10_000, 30_000]) {
    for (const bytes of [MAX_PAYLOAD_BYTES, 49_049, 5_000]) {
      const all = Array.from(
        { length: 600 },
        (_, i) => said("é".repeat(size / 2), 1_000 - i, `id-${i}`),
      );
      const here = new Map([["ada", new Date(NOW)]]);
      const full = history(all, { here, whole: 600, heard: ["j"] });
      const fitted = fitHistory(full, MAX_KEPT, bytes);
      assert(utf8(encoded(fitted)).length <= bytes);
      const { entries } = fitted;
      assertEquals(
        texts(fitted),
        all.slice(all.length - entries.length).map(textOf),
      );
      assertEquals(fitted.whole, entries.length);
      assertEquals(fitHistory(fitted, MAX_KEPT, bytes), fitted);
      const each = utf8(JSON.stringify(all[0].payload)).length + 16;
      // Times take up to 12 digits.
      const spare = 2_048 + entries.length * 12;
      const isFull = utf8(encoded(fitted)).length + each > bytes - spare;
      assert(entries.length === MAX_KEPT || isFull, `${size} ${bytes}`);
    }
  }
});

test("a message of 60 KiB is kept beside 2,000 members", () => {
  const here = new Map(
    Array.from({ length: 2_000 }, (_, i) => [`member ${i}`, new Date(NOW)]),
  );
  const heard = Array.from({ length: 100 }, (_, i) => `${RUN}-${i + 1}`);
  const large = (i: number) => said(`${i}`.padEnd(60 * 1024), 10 - i);
  const full = history([large(1), large(2)], { here, heard });
  const fitted = fitHistory(full, MAX_KEPT);
  assertEquals(texts(fitted).map((text) => text.trim()), ["2"]);
  assertEquals(fitted.heard, heard);
  assert(utf8(encoded(fitted)).length <= MAX_PAYLOAD_BYTES);
  assertEquals(fitHistory({ ...full, entries: [] }, 500).here.size > 500, true);
});

test("every keeper leaves out the same large entries, and keeps those before", () => {
  const names = ["k", '"'.repeat(256), "\x01".repeat(256)];
  for (let size = 60 * 1024; size < MAX_PAYLOAD_BYTES; size += 250) {
    const entries = [said("one", 3), said("x".repeat(size), 2), said("", 1)];
    const kept = names.map((from) => {
      const fitted = fitHistory(history(entries, { from }), MAX_KEPT);
      assert(utf8(encoded(fitted)).length <= MAX_PAYLOAD_BYTES, `${size}`);
      return texts(fitted).at(-2)?.length;
    });
    assertEquals(new Set(kept).size, 1, `${size}: ${kept}`);
  }
  const entries = [said("one"), said("x".repeat(65_400)), said("two")];
  const fitted = fitHistory(history(entries, { whole: 3 }), MAX_KEPT);
  assertEquals([texts(fitted), fitted.whole], [["one", "two"], 1]);
});

test("names are bounded", () => {
  const long = "x".repeat(257);
  const here = new Map(
    ["", long, ...Array.from({ length: 2_000 }, (_, i) => `${i}`)]
      .map((name) => [name, new Date(NOW)]),
  );
  const fitted = fitHistory(history([], { here }), MAX_KEPT);
  assert(!fitted.here.has("") && !fitted.here.has(long));
  assert(fitted.here.size > 600 && fitted.here.size <= 1_000);
  assertEquals(fitHistory(history([], { from: long }), 5).from.length, 256);
  const wire = { type: "history", from: "k", messages: [] };
  for (const here of [undefined, null, "ada", ["ada"], [["", 1]], [[5]], 5]) {
    assertEquals(good({ ...wire, here }).here.size, 0);
  }
  const many = Array.from({ length: 2_000 }, (_, i) => [`${i}`, i]);
  assertEquals(good({ ...wire, here: many }).here.size, 1_000);
  const odd = good({ ...wire, here: [["a", "x"], ["b", 5], [long, 1]] }).here;
  assertEquals([...odd], [["a", new Date(NOW)], ["b", new Date(NOW - 5)]]);
});

test("whole and heard are bounded", () => {
  const wire = {
    ...{ type: "history", from: "k" },
    messages: [said("a").payload, said("b").payload],
  };
  const wholes = [[1, 1], [9, 2], [-1, 0], [1.5, 0], ["1", 0], [null, 0]];
  for (const [whole, expected] of wholes) {
    assertEquals(good({ ...wire, whole }).whole, expected);
  }
  const heard = ["a", "", 5, "x".repeat(65), null];
  assertEquals(good({ ...wire, heard }).heard, ["a"]);
  const many = Array.from({ length: 150 }, (_, i) => `${i}`);
  assertEquals(good({ ...wire, heard: many }).heard, many.slice(50));
  assertEquals(good({ ...wire, heard: "abc" }).heard, []);
  // A join that is listed often would have a merge repeat what follows it.
  const often = ["a", ...Array(200).fill("b")];
  assertEquals(good({ ...wire, heard: often }).heard, ["a", "b"]);
});

test("other payloads are no history", () => {
  const wire = { type: "history", from: "k", messages: [], here: [] };
  good(wire);
  const bad = [
    ...["", "hello", "null", "5", '"history"', "[]", "{}"],
    JSON.stringify(wire).slice(0, -1),
    ...[{ ...wire, type: "message" }, { ...wire, type: ["history"] }],
    ...[{ ...wire, from: "" }, { ...wire, from: 5 }],
    ...[{ ...wire, messages: undefined }, { ...wire, messages: {} }],
    JSON.stringify(wire).padEnd(MAX_PAYLOAD_BYTES + 1),
    "[".repeat(MAX_PAYLOAD_BYTES),
  ];
  for (const wire of bad) assertEquals(decoded(wire), "can't be read");
  const nested = '{"type":"history","from":"k","messages":' +
    "[".repeat(30_000) + "]".repeat(30_000) + "}";
  assertEquals(texts(good(nested)), []);
});

test("invalid and repeated entries are left out", () => {
  const entry = said("good", 0, "1").payload;
  const entries = [
    ...[null, 5, "text", [entry], {}, { type: "message", from: "a" }],
    ...[{ type: "history", from: "a", messages: [] }, entry, entry],
    ...[{ ...entry, message: "forged" }, { ...entry, message: 5 }],
  ];
  const wire = { type: "history", from: "k", messages: entries };
  assertEquals(texts(good(wire)), ["good", "forged"]);
  const odd = { ...entry, id: 5, at: "now", x: [] };
  const [{ payload }] = good({ ...wire, messages: [odd] }).entries;
  assertEquals(payload, { type: "message", from: "ada", message: "good" });
});

test("hostile text survives encoding unchanged", () => {
  const nasty = "\x1b\u202e\ud800\n";
  const messages = Array.from({ length: 520 }, (_, i) => ({
    ...{ type: "message", from: nasty, message: `${i}`, id: `${nasty}${i}` },
  }));
  const result = good({ type: "history", from: nasty, messages });
  assertEquals(texts(result), messages.slice(-MAX_KEPT).map((m) => m.message));
  assert(result.from.isWellFormed() && HARMFUL.test(result.from));
  assert(utf8(encoded(result)).length <= MAX_PAYLOAD_BYTES);
});

test("rubbish, cut and twisted histories never throw", () => {
  const random = new Random(1);
  const entries = Array.from(
    { length: 20 },
    (_, i) => said(`m${i}`, 100 - i, `id${i}`),
  );
  const bytes = utf8(encoded(history(entries)));
  for (let i = 0; i < 1_000; i++) {
    const end = random.chance(0.2) ? random.below(3_000) : undefined;
    const twisted = bytes.slice(0, end);
    for (let n = random.below(4); n > 0; n--) {
      twisted[random.below(twisted.length)] = random.below(256);
    }
    const payload = decode(twisted);
    const result = decodeHistory({ ...received(payload), sealed: true });
    if (typeof result === "object") assert(encoded(result).length > 0);
  }
  const values = [null, true, 5, -1e308, "", "x", [], {}, [[]], { a: 1 }];
  for (let i = 0; i < 1_000; i++) {
    const wire = Object.fromEntries(
      ["from", "at", "whole", "heard", "messages", "ago", "here"].map((key) => [
        key,
        random.chance(0.5)
          ? random.one(values)
          : key === "messages"
          ? [said("x").payload]
          : [["x", 5], 5, "x"],
      ]),
    );
    const result = decoded({ ...wire, type: "history" });
    if (typeof result === "object") good(encoded(result));
  }
});

/** Entries with ids of one letter each. */
const list = (letters: string, whole = 0) => ({
  entries: [...letters].map((letter, i) =>
    said(letter, 1_000_000 - i * 10_000, letter)
  ),
  whole,
});
const merged = (mine: string, theirs: string) =>
  texts(merge(list(mine), list(theirs), false)).join("");
/** The texts of two lists of entries, merged. */
const both = (mine: Entry[], theirs: Entry[]) =>
  texts(
    merge({ entries: mine, whole: 0 }, { entries: theirs, whole: 0 }, false),
  );

test("entries that one keeper lacks are inserted in place", () => {
  const cases = [
    ["", "abc", "abc"],
    ["abc", "", "abc"],
    ["abc", "abc", "abc"],
    ["abxc", "abyc", "abxyc"],
    ["bcd", "abc", "abcd"],
    ["xbc", "abc", "axbc"],
    // Their order counts, also where the keepers received it in another.
    ["ba", "ab", "ab"],
    // Nothing in common: what was there before comes first.
    ["xy", "ab", "abxy"],
  ];
  for (const [mine, theirs, both] of cases) {
    assertEquals(merged(mine, theirs), both, `${mine} ${theirs}`);
  }
});

test("what is whole stays in its order, behind what was sent in the gap before", () => {
  const cases: [string, number, string, string, number][] = [
    // A keeper that came back (J): it lacks c to e of the gap, they lack x.
    ["abJx", 2, "abcde", "abcdeJx", 2],
    ["abJx", 2, "abcdeJy", "abcdeJyx", 1],
    // A history in a false order moves no entry to where it is cut first.
    ["abcd", 4, "dabc", "abcd", 4],
    ["abcd", 4, "dxabc", "abcdx", 0],
    ["abcd", 2, "dbac", "abcd", 2],
  ];
  for (const [mine, whole, theirs, both, left] of cases) {
    const result = merge(list(mine, whole), list(theirs), false);
    assertEquals([texts(result).join(""), result.whole], [both, left], mine);
  }
});

test("payloads of one run keep their order", () => {
  const run = (...numbers: number[]) => [
    said("z", 0, "z"),
    ...numbers.map((n) => said(`${n}`, 0, `${RUN}-${n}`)),
  ];
  assertEquals(both(run(2), run(1, 3)), ["z", "1", "2", "3"]);
});

test("without an id, the same text within five seconds is one entry", () => {
  assertEquals(both([said("hi", 10_000)], [said("hi", 14_000)]), ["hi"]);
  const other = said("x", 0, "x");
  const apart = both([said("hi", 10_000), other], [said("hi", 16_000), other]);
  assertEquals(apart.length, 3);
  // Said every second, and one keeper begins earlier.
  const ticks = (from: number, to: number, late = 0) =>
    Array.from(
      { length: to - from + 1 },
      (_, i) => said("tick", 100_000 - (from + i) * 1_000 - late),
    );
  assertEquals(both(ticks(1, 10), ticks(4, 12, 100)).length, 12);
});

test("without an id, common entries give the clocks' offset", () => {
  const hour = 3_600_000;
  const entries = (ahead: number) => [
    ...[said("a", 9_000 - ahead, "a"), said("hi", 8_000 - ahead)],
    ...[said("b", 7_000 - ahead, "b"), said("hi", 1_000 - ahead)],
  ];
  assertEquals(both(entries(0), entries(-hour)), ["a", "hi", "b", "hi"]);
  // Nothing else is the same.
  const plain = (ahead: number) => [said("1", -ahead), said("2", -ahead)];
  assertEquals(both(plain(0), plain(hour)), ["1", "2"]);
});

test("whole is merged from both keepers", () => {
  const whole = (
    [mine, m]: [string, number],
    [theirs, t]: [string, number],
    isJoined: boolean,
  ) => merge(list(mine, m), list(theirs, t), isJoined).whole;
  assertEquals(whole(["cd", 2], ["abc", 3], false), 2);
  assertEquals(whole(["cd", 2], ["abc", 3], true), 4);
  assertEquals(whole(["cd", 2], ["abc", 2], true), 3);
  // Theirs has what ours should have had.
  assertEquals(whole(["abd", 3], ["abcd", 0], false), 1);
  assertEquals(whole(["ab", 0], ["ab", 2], false), 0);
});

test("two keepers with as many joins settle", () => {
  const ids = (from: number) =>
    Array.from({ length: 100 }, (_, i) => `${from + i}`);
  const [mine, theirs] = [ids(1), ids(2)];
  assertEquals(mergeHeard(mine, theirs), theirs);
  assertEquals(mergeHeard(theirs, mine), theirs);
});

test("an entry or a join that the broker lacks is news", () => {
  const news = (mine: string, theirs: string, joins = ["", ""]) =>
    hasNews(
      { ...list(mine), heard: [...joins[0]] },
      { ...list(theirs), heard: [...joins[1]] },
    );
  assertEquals(news("ab", "ab"), false);
  assertEquals(news("b", "ab"), false);
  assertEquals(news("abc", "ab"), true);
  assertEquals(news("a", "a", ["j", ""]), true);
  assertEquals(news("a", "a", ["j", "ij"]), false);
  // Without an id, one that was said twice.
  const [twice, once] = [[said("a", 0), said("a", 60_000)], [said("a", 0)]]
    .map((entries) => ({ entries, heard: [] }));
  assertEquals([hasNews(twice, once), hasNews(once, twice)], [true, false]);
});
