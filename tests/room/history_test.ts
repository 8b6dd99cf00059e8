import { assert, assertEquals } from "@std/assert";
import {
  decodeHistory,
  encodeHistory,
  fitHistory,
  type History,
} from "../../lib/room/history.ts";
import {
  historyTopic,
  MAX_KEPT,
  roomOfHistory,
} from "../../lib/room/history_topic.ts";
import type { Kept } from "../../lib/room/history_merge.ts";
import {
  decode,
  encode,
  encodeText,
  MAX_PAYLOAD_BYTES,
} from "../../lib/protocol.ts";
import { pureTests } from "../support/pure.ts";
import { Random } from "../support/random.ts";
import { HARMFUL, utf8 } from "../support/line_fixtures.ts";

const NOW = Date.parse("2026-01-02T12:00:00.000Z");
const AT = "2026-01-02T11:59:00.000Z";

/** Something said so many milliseconds ago, its time in the payload. */
const said = (message: string, ago = 1_000, id?: string): Kept => {
  const time = NOW - ago;
  const at = new Date(time).toISOString();
  const payload = { type: "message" as const, from: "ada", at, message };
  return { payload: id === undefined ? payload : { ...payload, id }, time };
};

/** A history of messages. */
const history = (messages: Kept[], here: string[] = []): History => ({
  from: "keeper",
  at: AT,
  messages,
  here,
});

/** What bytes are decoded to. */
const decodedBytes = (bytes: Uint8Array, now = NOW) => {
  const payload = decode(bytes);
  return payload.type === "history" ? decodeHistory(payload, now) : undefined;
};

/** What a JSON value, or a text as it is, is decoded to. */
const decoded = (wire: unknown, now = NOW) =>
  decodedBytes(
    utf8(typeof wire === "string" ? wire : JSON.stringify(wire)),
    now,
  );

/** A history as it goes out. */
const encoded = (history: History) =>
  encodeText(encodeHistory(fitHistory(history)));

/** The texts of a history. */
const texts = (history?: History) =>
  history?.messages.map(({ payload }) =>
    payload.type === "message" ? payload.message : payload.notice
  );

const test = pureTests("history");

test("each room has its topic", () => {
  for (const room of ["chat", "a/b", "/", "$x", "a/$history"]) {
    assertEquals(roomOfHistory(historyTopic(room)), room);
  }
  assertEquals(historyTopic("chat/room"), "chat/room/$history");
  for (
    const topic of [
      "chat",
      "$history",
      "/$history",
      "a/$history/b",
      "a$history",
    ]
  ) {
    assertEquals(roomOfHistory(topic), undefined, topic);
  }
});

test("on the wire it is payloads, oldest first, and who is here", () => {
  const one = said("one", 2_000, "x1");
  const two: Kept = {
    payload: { type: "notice", from: "bob", notice: "two" },
    time: NOW,
  };
  assertEquals(JSON.parse(encoded(history([one, two], ["ada", "bob"]))), {
    type: "history",
    from: "keeper",
    at: AT,
    messages: [one.payload, {
      ...two.payload,
      kept: "2026-01-02T12:00:00.000Z",
    }],
    here: ["ada", "bob"],
  });
});

test("what is encoded decodes to the same", () => {
  const histories = [
    history([]),
    history([said("one", 3), said("two", 2), said("three", 1)], ["a", "é"]),
    history([{ ...said("its clock is wrong"), time: NOW - 5 }]),
    history([{
      payload: { type: "message", from: "a", message: "\u2028\ufffd\0" },
      time: 0,
    }]),
    { from: "k", messages: [], here: [] },
  ];
  for (const one of histories) {
    assertEquals(decoded(encoded(one)), one);
  }
});

test("the oldest are left out until it fits", () => {
  for (const size of [1, 100, 1_000, 10_000, 30_000]) {
    const all = Array.from(
      { length: 600 },
      (_, i) => said("é".repeat(size / 2), 1_000 - i, `id-${i}`),
    );
    const full = history(all, ["ada"]);
    const fitted = fitHistory(full);
    const json = encoded(full);
    const bytes = utf8(json).length;
    assert(bytes <= MAX_PAYLOAD_BYTES);
    assertEquals(decoded(json), fitted);
    const { length } = fitted.messages;
    assertEquals(fitted.messages, all.slice(-length));
    assertEquals(fitHistory(fitted), fitted);
    const each = utf8(JSON.stringify(all[0].payload)).length + 1;
    assert(length === MAX_KEPT || bytes + each > MAX_PAYLOAD_BYTES, `${size}`);
  }
});

test("to the byte", () => {
  const all = [said("one", 3), said("x".repeat(60_000), 2), said("", 1)];
  for (const here of [[], ["ada"]]) {
    const empty = utf8(encoded(history(all, here))).length;
    const filled = (size: number) =>
      history([...all.slice(0, 2), said("x".repeat(size - empty), 1)], here);
    const full = filled(MAX_PAYLOAD_BYTES);
    // One byte is lost where there is a second list.
    const lost = here.length;
    assertEquals(fitHistory(full).messages.length, 3 - lost);
    const nearly = filled(MAX_PAYLOAD_BYTES - lost);
    assertEquals(
      utf8(encoded(nearly)).length,
      MAX_PAYLOAD_BYTES - lost,
    );
    const over = filled(MAX_PAYLOAD_BYTES + 1);
    assertEquals(fitHistory(over).messages.length, 2);
  }
});

test("to fewer bytes, where a broker or a seal takes no more", () => {
  const all = Array.from(
    { length: 50 },
    (_, i) => said("é".repeat(500), 100 - i, `id-${i}`),
  );
  const names = Array.from({ length: 20 }, (_, i) => `somebody ${i}`);
  const full = { ...history(all, names), since: AT };
  const each = utf8(JSON.stringify(all[0].payload)).length + 1;
  let last = 0;
  for (let bytes = 4_000; bytes <= 49_049; bytes += 777) {
    const fitted = fitHistory(full, bytes);
    const size = utf8(encodeText(encodeHistory(fitted))).length;
    assert(size <= bytes && size + each > bytes - 1, `${size} of ${bytes}`);
    assertEquals(fitted.messages, all.slice(-fitted.messages.length));
    assertEquals(fitted.here, names);
    assert(fitted.messages.length >= last);
    last = fitted.messages.length;
    assertEquals(fitHistory(fitted, bytes), fitted);
  }
  assert(last > 40);
  assertEquals(fitHistory(full, MAX_PAYLOAD_BYTES), fitHistory(full));
  // One that all but takes the limit is left out, as it is with the usual one.
  const large = [said("one", 9), said("x".repeat(9_000), 5), said("two", 2)];
  assertEquals(texts(fitHistory(history(large), 10_000)), ["one", "two"]);
  assertEquals(fitHistory(history(large), 12_000).messages, large);
  for (const bytes of [0, 100, 2_048]) {
    assertEquals(fitHistory(full, bytes).messages, []);
  }
});

test("one message of 60 KiB is kept, whoever is here", () => {
  const names = Array.from({ length: 2_000 }, (_, i) => `somebody ${i}`);
  const large = (i: number) => said(`${i}`.padEnd(60 * 1024), 10 - i);
  const fitted = fitHistory(history([large(1), large(2)], names));
  assertEquals(fitted.messages, [large(2)]);
  assert(fitted.here.length > 100);
  assertEquals(fitted.here, names.slice(0, fitted.here.length));
});

test("a message that no history can take is left out, not all before it", () => {
  const huge = said("x".repeat(MAX_PAYLOAD_BYTES - 100), 5);
  assert(encode(huge.payload).length > MAX_PAYLOAD_BYTES - 100);
  const all = [said("one", 9), huge, said("two", 2)];
  assertEquals(texts(fitHistory(history(all))), ["one", "two"]);
  assertEquals(texts(fitHistory(history([all[0], huge]))), ["one"]);
  assertEquals(texts(fitHistory(history([huge]))), []);
});

test("what is left out does not depend on who keeps it", () => {
  const names = ["k", '"'.repeat(256), "\x01".repeat(256)];
  for (let size = 60 * 1024; size < MAX_PAYLOAD_BYTES; size += 50) {
    const messages = [said("one", 3), said("x".repeat(size), 2), said("", 1)];
    const lasts = names.map((from) => {
      const json = encoded({ ...history(messages), from });
      assert(utf8(json).length <= MAX_PAYLOAD_BYTES, `${size}`);
      return texts(decoded(json))?.slice(-2)[0]?.length;
    });
    assertEquals(new Set(lasts).size, 1, `${size}: ${lasts}`);
  }
});

test("names are bounded", () => {
  const long = "x".repeat(257);
  const many = Array.from({ length: 2_000 }, (_, i) => `${i}`);
  const { here } = fitHistory(history([], ["", long, ...many]));
  assertEquals(here, many.slice(0, 1_000));
  const longest = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(256));
  assertEquals(fitHistory(history([], longest)).here.length, 63);
  assertEquals(fitHistory({ ...history([]), from: long }).from.length, 256);
  const wire = { ...history([]), type: "history" };
  assertEquals(
    decoded({ ...wire, here: ["a", "", 5, null, ["b"], long, "c", "a"] })?.here,
    ["a", "c"],
  );
  assertEquals(decoded({ ...wire, here: many })?.here.length, 1_000);
  for (const here of [undefined, null, "ada", { 0: "ada", length: 1 }, 5]) {
    assertEquals(decoded({ ...wire, here })?.here, []);
  }
});

test("what is no history is none", () => {
  const good = { type: "history", from: "k", messages: [], here: [] };
  assertEquals(decoded(good), { from: "k", messages: [], here: [] });
  const bad = [
    "",
    "hello",
    "null",
    "5",
    '"history"',
    "[]",
    "{}",
    JSON.stringify(good).slice(0, -1),
    { ...good, type: "message" },
    { ...good, type: ["history"] },
    { ...good, from: "" },
    { ...good, from: 5 },
    { ...good, from: undefined },
    { ...good, messages: undefined },
    { ...good, messages: {} },
    { ...good, messages: { length: 1, 0: said("x").payload } },
    JSON.stringify(good).padEnd(MAX_PAYLOAD_BYTES + 1),
    "[".repeat(MAX_PAYLOAD_BYTES),
    "[".repeat(MAX_PAYLOAD_BYTES / 2) + "]".repeat(MAX_PAYLOAD_BYTES / 2),
  ];
  for (const wire of bad) assertEquals(decoded(wire), undefined, String(wire));
  assertEquals(
    decodedBytes(new Uint8Array([0x22, 0xff, 0x22])),
    undefined,
  );
  const nested = '{"type":"history","from":"k","messages":' +
    "[".repeat(30_000) + "]".repeat(30_000) + "}";
  assertEquals(decoded(nested)?.messages, []);
});

test("entries that are no payloads are left out", () => {
  const good = said("good").payload;
  const entries = [
    null,
    5,
    "text",
    [good],
    {},
    { type: "message", from: "a" },
    { type: "message", from: "", message: "x" },
    { type: "history", from: "a", messages: [] },
    { type: "toString", from: "a", message: "x" },
    good,
    { ...good, message: 5 },
  ];
  const wire = { type: "history", from: "k", messages: entries };
  assertEquals(texts(decoded(wire)), ["good"]);
  // What a payload has that is not as ours is ignored, as it is when it comes.
  const odd = { ...good, id: 5, at: "now", kept: 7, x: [] };
  const [{ payload }] = decoded({ ...wire, messages: [odd] })!.messages;
  assertEquals(payload, { type: "message", from: "ada", message: "good" });
});

test("hostile text comes back as it is, and is as many as are kept", () => {
  const nasty = "\x1b\u202e\ud800\n";
  const messages = Array.from({ length: 520 }, (_, i) => ({
    type: "message",
    from: nasty,
    message: `${i}`,
    id: `${nasty}${i}`,
  }));
  const result = decoded({ type: "history", from: nasty, messages });
  assertEquals(result?.messages.length, MAX_KEPT);
  assertEquals(texts(result), messages.slice(-MAX_KEPT).map((m) => m.message));
  assert(result!.from.isWellFormed());
  assert(HARMFUL.test(result!.from));
  assert(utf8(encoded(result!)).length <= MAX_PAYLOAD_BYTES);
});

test("nothing is from later than a minute ahead", () => {
  const at = "9999-12-31T23:59:59.999Z";
  const future = { ...said("future").payload, at };
  const wire = { type: "history", from: "k", at, messages: [] };
  const plain = { type: "message", from: "a", message: "plain" };
  for (const entry of [future, { ...plain, kept: at }, plain]) {
    const result = decoded({ ...wire, messages: [entry] });
    const [{ time, isAhead }] = result!.messages;
    assertEquals([time, isAhead], [NOW + 60_000, true]);
    // It gets no younger.
    const again = decoded(encoded(result!), NOW + 3_600_000);
    const { isAhead: _, ...stays } = result!.messages[0];
    assertEquals(again?.messages, [stays]);
  }
  const soon = new Date(NOW + 59_000).toISOString();
  const [{ time }] =
    decoded({ ...wire, messages: [{ ...plain, kept: soon }] })!.messages;
  assertEquals(time, NOW + 59_000);
});

test("nothing is from before the year 0, where a time can't be read again", () => {
  const plain = { type: "message", from: "a", message: "a" };
  const at = "0000-01-01T00:00:00Z";
  const wire = { type: "history", from: "k", at, messages: [plain, plain] };
  const result = decoded(wire);
  assertEquals(decoded(encoded(result!), NOW + 60_000), result);
});

test("where no time is said, the order stays", () => {
  const messages = ["z", "a", "z", "b"].map((message) => ({
    type: "message",
    from: "python",
    message,
  }));
  for (const at of [AT, undefined]) {
    const result = decoded({ type: "history", from: "k", at, messages });
    assertEquals(texts(result), ["z", "a", "z", "b"]);
  }
});

test("a time is read where it is one", () => {
  const wire = { type: "history", from: "k", at: AT };
  const payload = said("x").payload;
  const time = (entry: object) =>
    decoded({ ...wire, messages: [{ ...payload, ...entry }] })?.messages[0]
      .time;
  assertEquals(time({}), NOW - 1_000);
  assertEquals(time({ kept: AT }), Date.parse(AT));
  for (const kept of ["", "now", 5, null, {}, "2026-02-30T00:00:00Z"]) {
    assertEquals(time({ kept }), NOW - 1_000);
  }
  for (const at of [5, "now", null]) {
    assertEquals(decoded({ ...wire, at, messages: [] })?.at, undefined);
  }
});

test("since when nothing was missed is kept, where it is a time", () => {
  const since = "2026-01-02T09:00:00.000Z";
  const full = { ...history([said("one")], ["ada"]), since };
  assertEquals(JSON.parse(encoded(full)).since, since);
  assertEquals(decoded(encoded(full)), full);
  assertEquals("since" in JSON.parse(encoded(history([]))), false);
  const wire = { type: "history", from: "k", at: AT, messages: [] };
  const none = [undefined, null, 5, "", "now", {}, "2026-02-30T00:00:00Z"];
  for (const since of none) {
    assertEquals("since" in decoded({ ...wire, since })!, false);
  }
});

test("rubbish, cut and twisted histories never throw", () => {
  const random = new Random(1);
  const good = encoded(history(
    Array.from({ length: 20 }, (_, i) => said(`m${i}`, 100 - i, `id${i}`)),
    ["ada", "bob"],
  ));
  const bytes = utf8(good);
  for (let i = 0; i < 2_000; i++) {
    const twisted = bytes.slice(
      0,
      random.chance(0.2) ? random.below(3_000) : undefined,
    );
    for (let n = random.below(4); n > 0; n--) {
      twisted[random.below(twisted.length)] = random.below(256);
    }
    const result = decodedBytes(twisted);
    if (result) assert(encoded(result).length > 0);
  }
  const rubbish = Uint8Array.from(
    { length: MAX_PAYLOAD_BYTES },
    () => random.below(256),
  );
  assertEquals(decodedBytes(rubbish), undefined);
  // Any value in any place.
  const values = [null, true, 5, -1e308, "", "x", [], {}, [[]], { a: 1 }];
  const place = (depth: number): unknown =>
    depth > 0 && random.chance(0.5)
      ? Object.fromEntries(
        ["type", "from", "message", "notice", "id", "at", "kept"]
          .map((key) => [key, place(depth - 1)]),
      )
      : random.one([...values, "history", "message", "notice", AT]);
  for (let i = 0; i < 5_000; i++) {
    const messages = Array.from({ length: 3 }, () => place(2));
    decoded({
      type: "history",
      from: "k",
      at: place(0),
      messages,
      here: place(1),
    });
  }
});
