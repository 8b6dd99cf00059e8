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
  MAX_KEPT,
  MAX_PAYLOAD_BYTES,
  type Payload,
  type Received,
} from "../../lib/protocol.ts";
import { received, utf8 } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

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

/** A history on the wire, with changes. */
const wire = (more: Record<string, unknown> = {}) => ({
  ...{ type: "history", from: "k", messages: [], ...more },
});

const many = <T>(length: number, make: (i: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i));

const test = pureTests("history");

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
  const { keys, ...kept } = JSON.parse(encoded(history(entries)));
  const indexes = kept.messages.map(({ key }: { key?: number }) => key);
  assertEquals(keys, [BOB, ADA]);
  assertEquals(indexes, [0, 1, undefined, undefined, 0]);
  assertEquals(good(encoded(history(entries))).entries, entries);
  // Earlier keepers wrote the key itself.
  const messages = entries.map(({ payload }) => payload);
  const earlier = good(wire({ messages })).entries;
  assertEquals(earlier.map(({ payload }) => payload), messages);
});

test("an index without a key, or a sender's own number, is no key", () => {
  const { key: _, ...rest } = signed("hi", ADA).payload;
  const read = (key: unknown, keys: unknown) =>
    good(wire({ messages: [{ ...rest, key }], keys })).entries[0].payload;
  for (const key of [-1, 1, 0.5, 1e300, true, null, [0], { 0: 0 }]) {
    assertEquals(read(key, [ADA]), rest);
  }
  for (const keys of [undefined, 5, ADA, { 0: ADA }, [5], ["x".repeat(129)]]) {
    assertEquals(read(0, keys), rest);
  }
  const sent = decode(utf8(JSON.stringify({ ...rest, key: 0 })));
  const entries = [signed("1", ADA), { payload: sent as Payload, time: NOW }];
  assertEquals(good(encoded(history(entries))).entries[1].payload, rest);
});

test("times are the receiver's, whatever clock the keeper has", () => {
  const timeOf = (at: number, retain: boolean) =>
    good(encoded(history([said("x", 7_000)], { at })), { retain })
      .entries[0].time - NOW;
  const hour = 3_600_000;
  assertEquals(timeOf(NOW - hour, false), -7_000);
  assertEquals(timeOf(NOW - hour, true), -hour - 7_000);
  assertEquals(timeOf(NOW + hour, true), -7_000);
});

test("an invalid time falls back to the payload's, or the history's", () => {
  const at = "2026-01-02T11:00:00.000Z";
  const entry = said("x").payload;
  const messages = [{ ...entry, at }, entry];
  const agos = [undefined, -1, 1.5, "5", null, 1e300, NOW + 1];
  for (const ago of [...agos.map((ago) => [ago, ago]), 5, "x", { 0: 1 }]) {
    const { entries } = good(wire({ messages, ago }));
    assertEquals(entries.map(({ time }) => time), [Date.parse(at), NOW]);
  }
});

test("messages come first, notices get a quarter", () => {
  const all = many(40, (i) => [said(`m${i}`), happened(`n${i}`)]).flat();
  const kept = texts(cut({ entries: all, whole: 0 }, 20));
  const [messages, notices] = ["m", "n"]
    .map((type) => kept.filter((text) => text[0] === type));
  assertEquals(messages, many(20, (i) => `m${i + 20}`));
  assertEquals(notices, ["n35", "n36", "n37", "n38", "n39"]);
  const long = all.map((entry) =>
    entry.payload.type === "notice" ? happened("n".repeat(1_000)) : entry
  );
  const small = texts(cut({ entries: long, whole: 0 }, 400, 10_000));
  assertEquals(small.filter((text) => text[0] === "n").length, 2);
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
  const kept = texts(cut({ entries, whole: 0 }, 8));
  assertEquals(kept, ["m1", "m2", "n3", "m3", "n4"]);
  assertEquals(wholeOf(8), 5);
  assertEquals([2, 1, 0].map((whole) => wholeOf(8, whole)), [2, 1, 0]);
});

test("the oldest are left out until it fits; a key takes its place once", () => {
  const counts = [1, 10, 600].map((keys) => {
    let count = 0;
    for (const size of [1, 60, 1_000, 10_000, 30_000]) {
      for (const bytes of [MAX_PAYLOAD_BYTES, 49_049, 48_601, 5_000]) {
        const text = "é".repeat(size / 2);
        const all = many(600, (i) => {
          const key = `"${i % keys}`.padEnd(43, '"');
          const { payload } = signed(text, key, i);
          // A time of 12 digits.
          return { payload, time: NOW - 999_999_999_999 };
        });
        const here = new Map([["ada", new Date(NOW)]]);
        const full = history(all, { here, whole: 600, heard: ["j"] });
        const fitted = fitHistory(full, MAX_KEPT, bytes);
        const { entries, whole } = fitted;
        assertEquals(entries, all.slice(all.length - entries.length));
        assertEquals(whole, entries.length);
        assertEquals(fitHistory(fitted, MAX_KEPT, bytes), fitted);
        const left = bytes - utf8(encoded(fitted)).length;
        const next = utf8(JSON.stringify(all[0].payload)).length + 16;
        // Beside it, 2,048 bytes are for what isn't a message.
        assert(left >= 0 && left < next + 2_048, `${size} ${bytes} ${left}`);
        count += entries.length;
      }
    }
    return count;
  });
  const [one, ten, all] = counts;
  assert(one > ten && ten > all * 1.05, `${counts}`);
});

test("a message of 60 KiB is kept beside the names, which take 16 KiB at most", () => {
  const long = "x".repeat(257);
  const names = ["", long, ...many(2_000, (i) => `${i}`)];
  const here = new Map(names.map((name) => [name, new Date(NOW)]));
  const heard = many(100, (i) => `${RUN}-${i + 1}`);
  const large = (i: number) => said(`${i}`.padEnd(60 * 1024), 10 - i);
  const full = history([large(1), large(2)], { here, heard, from: long });
  const fitted = fitHistory(full, MAX_KEPT);
  assertEquals(texts(fitted).map((text) => text.trim()), ["2"]);
  assertEquals(fitted.heard, heard);
  assert(utf8(encoded(fitted)).length <= MAX_PAYLOAD_BYTES);
  const { from, here: listed } = fitHistory({ ...full, entries: [] }, 500);
  assertEquals(from, "x".repeat(256));
  assertEquals([...listed.keys()], names.slice(2, listed.size + 2));
  assert(listed.size > 600 && listed.size <= 1_000, `${listed.size}`);
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

test("what is of another kind, or beyond a limit, is left out", () => {
  const messages = ["a", "b"].map((text) => said(text).payload);
  const [day, id, name] = [86_400_000, "x".repeat(64), "x".repeat(256)];
  const [early, late] = [0, 1].map((ms) => new Date(NOW + day + ms).toJSON());
  const ids = many(150, (i) => `${i}`);
  const cases: [member: keyof History, given: unknown[], read: unknown][] = [
    ["at", [early], NOW + day],
    ["at", [late, 5, "now", null, "2026-01-02"], undefined],
    ["whole", [-1, 1.5, "1", null], 0],
    ["whole", [1], 1],
    ["from", ["k\ud800"], "k\ufffd"],
    ["whole", [2, 9], 2],
    ["heard", [["a", "", 5, `${id}x`, id, null]], ["a", id]],
    ["heard", [ids], ids.slice(50)],
    ["heard", ["abc", 5, null], []],
    // A join that is listed often would have a merge repeat what follows it.
    ["heard", [["a", ...Array(200).fill("b")]], ["a", "b"]],
    ["here", [null, "ada", 5, ["ada"], [["", 1]], [[5]]], []],
    ["here", [[["\ud800", "x"]]], [["\ufffd", NOW]]],
    ["here", [[[name, 5]]], [[name, NOW - 5]]],
    ["here", [[[`${name}x`, 1]]], []],
  ];
  for (const [member, given, expected] of cases) {
    for (const value of given) {
      const read = good(wire({ messages, [member]: value }));
      const here = [...read.here].map(([name, at]) => [name, Number(at)]);
      const found: unknown = { ...read, here }[member];
      assertEquals(found, expected, `${member} ${JSON.stringify(value)}`);
    }
  }
  const crowd = many(1_001, (i) => [`${i}`, 0]);
  assertEquals(good(wire({ here: crowd })).here.size, 1_000);
  const flood = many(520, (i) => said(`${i}`).payload);
  assertEquals(good(wire({ messages: flood })).entries.length, MAX_KEPT);
});

test("other payloads are no history", () => {
  good(wire({ here: [] }));
  const bad = [
    ...["", "hello", "null", "5", '"history"', "[]", "{}"],
    ...[JSON.stringify(wire()).slice(0, -1), "[".repeat(MAX_PAYLOAD_BYTES)],
    ...[wire({ type: "message" }), wire({ type: ["history"] })],
    ...[wire({ from: "" }), wire({ from: 5 })],
    ...[wire({ messages: undefined }), wire({ messages: {} })],
    JSON.stringify(wire()).padEnd(MAX_PAYLOAD_BYTES + 1),
  ];
  for (const wire of bad) assertEquals(decoded(wire), "can't be read");
  const nested = "[".repeat(30_000) + "]".repeat(30_000);
  const deep = JSON.stringify(wire()).replace("[]", nested);
  assertEquals(texts(good(deep)), []);
});

test("invalid and repeated entries are left out", () => {
  const entry = said("good", 0, "1").payload;
  const messages = [
    ...[null, 5, "text", [entry], {}, { type: "message", from: "a" }],
    ...[{ type: "history", from: "a", messages: [] }, entry, entry],
    ...[{ ...entry, message: "forged" }, { ...entry, message: 5 }],
  ];
  assertEquals(texts(good(wire({ messages }))), ["good", "forged"]);
  const odd = { ...entry, id: 5, at: "now", x: [] };
  const [{ payload }] = good(wire({ messages: [odd] })).entries;
  assertEquals(payload, { type: "message", from: "ada", message: "good" });
});

/** Entries with ids of one letter each; `|` stands before what is whole. */
const list = (letters: string) => {
  const [before, whole = ""] = letters.split("|");
  const entries = [...before + whole].map((letter, i) =>
    said(letter, 1_000_000 - i * 10_000, letter)
  );
  return { entries, whole: whole.length };
};
const both = (mine: Entry[], theirs: Entry[]) =>
  texts(
    merge({ entries: mine, whole: 0 }, { entries: theirs, whole: 0 }, false),
  );

test("entries that one keeper lacks are inserted in place, what is whole stays", () => {
  const cases: [mine: string, theirs: string, both: string, isJoined?: true][] =
    [
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
      // A keeper that came back (J): it lacks c to e of the gap, they lack x.
      ["ab|Jx", "abcde", "abcde|Jx"],
      ["ab|Jx", "abcdeJy", "abcdeJy|x"],
      // A history in a false order moves no entry to where it is cut first.
      ["|abcd", "dabc", "|abcd"],
      ["|abcd", "dxabc", "abcdx"],
      ["ab|cd", "dbac", "ab|cd"],
      // Theirs is whole for one that joined before it was written.
      ["|cd", "|abc", "ab|cd"],
      ["|cd", "|abc", "|abcd", true],
      ["|cd", "a|bc", "a|bcd", true],
      // Theirs has what ours should have had.
      ["|abd", "abcd", "abc|d"],
      ["ab", "|ab", "ab"],
    ];
  for (const [mine, theirs, both, isJoined = false] of cases) {
    const merged = merge(list(mine), list(theirs), isJoined);
    const text = texts(merged);
    if (merged.whole > 0) text.splice(-merged.whole, 0, "|");
    assertEquals(text.join(""), both, `${mine} ${theirs}`);
  }
});

test("payloads of one run keep their order", () => {
  const run = (...numbers: number[]) => [
    said("z", 0, "z"),
    ...numbers.map((n) => said(`${n}`, 0, `${RUN}-${n}`)),
  ];
  assertEquals(both(run(2), run(1, 3)), ["z", "1", "2", "3"]);
  const others = [said("z", 0, "z"), said("o", 0, `${"x".repeat(16)}-1`)];
  assertEquals(both(run(2), others), ["z", "2", "o"]);
});

test("without an id, the same text within five seconds is one entry", () => {
  const other = said("x", 0, "x");
  const near = both([said("hi", 10_000), other], [said("hi", 15_000), other]);
  assertEquals(near, ["hi", "x"]);
  const apart = both([said("hi", 10_000), other], [said("hi", 15_001), other]);
  assertEquals(apart.length, 3);
  // Said every second, and one keeper begins earlier.
  const ticks = (from: number, to: number, late = 0) =>
    many(
      to - from + 1,
      (i) => said("tick", 100_000 - (from + i) * 1_000 - late),
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
  // A live history has the times of our own clock.
  const live = [said("a", 9_000 + hour, "a"), said("hi", 8_000)];
  assertEquals(both(entries(0).slice(0, 2), live), ["a", "hi"]);
  // Nothing else is the same.
  const plain = (ahead: number) => [said("1", -ahead), said("2", -ahead)];
  assertEquals(both(plain(0), plain(hour)), ["1", "2"]);
});

test("two keepers with as many joins settle", () => {
  const [mine, theirs] = [1, 2].map((from) => many(100, (i) => `${from + i}`));
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
