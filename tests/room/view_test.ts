import { assert, assertEquals } from "@std/assert";
import type { Received } from "../../lib/protocol.ts";
import type { Note } from "../../lib/room/line.ts";
import type { ViewOptions } from "../../lib/room/view.ts";
import {
  joined,
  message,
  notice,
  received,
  view,
} from "../support/line_fixtures.ts";
import { TestClock } from "../support/clock.ts";
import { pureTests } from "../support/pure.ts";

const NOW = new Date("2026-01-02T14:30:00.000Z");

/** A message of ann, sent so many milliseconds before it arrived. */
function said(text: string, { age }: { age?: number } = {}) {
  const at = age === undefined
    ? undefined
    : new Date(Number(NOW) - age).toISOString();
  const payload = { ...message(text, "ann"), at };
  return { ...received(payload, "room"), receivedAt: NOW };
}

/** Bytes that are no chat payload. */
const malformed: Received = {
  ...said(""),
  payload: { type: "malformed", reason: "not UTF-8", bytes: Uint8Array.of(65) },
};

const test = pureTests("room view", view);

test("a late or kept message shows when it was sent; kept ones are counted", ({ room, lines }) => {
  room.show(said("in time", { age: 30_000 }));
  room.show(said("late", { age: 30_001 }));
  room.show(said("from a clock ahead", { age: -60_000 }));
  for (const _ of "ab") {
    room.beginMissed();
    room.show(said("kept", { age: 5 }));
    room.show({ ...said(""), payload: notice("n") });
    for (const _ of "ab") room.endMissed();
  }
  room.show(said("live", { age: 5 }));
  room.beginMissed();
  room.show(said("kept", { age: 5 }));
  room.beginMissed();
  room.endMissed();
  const kept = [
    ...["(sent) ann: kept", "-- n"],
    "== 1 message came while you were away.",
  ];
  const texts = lines.map((line) =>
    line.replace(/\(sent [\d: -]+\)/, "(sent)").replace("14:03:22 ", "")
  );
  assertEquals(texts, [
    ...["ann: in time", "(sent) ann: late", "ann: from a clock ahead"],
    ...[...kept, ...kept, "ann: live", kept[0]],
    "== 0 messages came while you were away.",
  ]);
});

/** A message that arrives on a day of November 2026, at a time. */
const arriving = (day: number, ...time: number[]): Received => ({
  ...said("hi"),
  receivedAt: new Date(2026, 10, day, ...time),
});

test("a new day has a line, but for the first, and not in JSON", () => {
  const clock = new TestClock(Number(new Date(2026, 10, 25, 0, 0, 1)));
  const plain = view({ formatTime: undefined, clock });
  const json = view({ json: true });
  for (const { room } of [plain, json]) {
    room.show(arriving(22, 23, 59, 59));
    room.show(arriving(23, 0, 0, 7));
    room.show(arriving(23, 0, 0, 8));
    room.note({ type: "missed", count: 1 });
    room.show(arriving(25, 12, 0, 0));
  }
  assertEquals(plain.lines, [
    "23:59:59 ann: hi",
    "00:00:07 == Monday, 2026-11-23",
    ...["00:00:07 ann: hi", "00:00:08 ann: hi"],
    "00:00:01 == Wednesday, 2026-11-25",
    "00:00:01 == 1 message came while you were away.",
    "12:00:00 ann: hi",
  ]);
  assertEquals(json.lines.length, 5);
});

test("a day is new in another month or year, and after 23 or 25 hours", () => {
  const { room, lines } = view({ formatTime: undefined });
  const isNew = (...date: [number, number, number, number?, number?]) => {
    lines.length = 0;
    room.show({ ...said("hi"), receivedAt: new Date(...date) });
    return lines.length > 1;
  };
  isNew(2026, 10, 23);
  assert(isNew(2026, 11, 23) && isNew(2027, 11, 23));
  // A clock that was set back.
  assert(isNew(2027, 11, 22, 23, 59) && !isNew(2027, 11, 22));
  for (let day = 1; day <= 366; day++) {
    assert(isNew(2028, 0, day) && !isNew(2028, 0, day, 23, 59), `${day}`);
  }
});

test("the bell rings for mentions, once in two seconds", async () => {
  const { room, lines, clock } = view({ bell: true, self: "bob" });
  const texts: [after: number, text: string, rings: boolean][] = [
    [0, "none", false],
    [0, "hi Bob", true],
    [1_999, "bob?", false],
    [1, "bob!", true],
    [1_999, "bob?", false],
    [1, "bob!", true],
  ];
  for (const [after, text, rings] of texts) {
    await clock.advance(after);
    room.show(said(text));
    assertEquals(lines.at(-1), `${rings ? "\x07" : ""}14:03:22 ann: ${text}`);
  }
  // At the message, not at the day before it.
  await clock.advance(2_000);
  room.show({ ...arriving(23, 12), payload: said("bob").payload });
  assertEquals(lines.slice(-2), [
    ...["14:03:22 == Monday, 2026-11-23", "\x0714:03:22 ann: bob"],
  ]);
});

test("a mention notifies, in text that ends no notification", () => {
  const { room, notifications } = view({ bell: true, self: "bob" });
  const hostile = "bob\x07\x1b\\\x9c\x18;\n" + "x".repeat(300);
  room.show(by("a;b\x07\x1b]0;title\x07", hostile));
  const text = "bob<U+0007><U+001B>\\<U+009C><U+0018>; ⏎ ";
  const author = '"a,b<U+0007><U+001B>]0,title<U+0007>"';
  const shown = text + "x".repeat(200 - text.length);
  assertEquals(notifications, [
    `\x1b]9;${author}: ${shown}\x07` +
    `\x1b]777;notify;${author};${shown}\x07`,
  ]);
});

test("no bell for the reader's own, for notices, in JSON, or unasked", () => {
  const told = { ...said(""), payload: notice("bob", "ann") };
  const bob = said("bob");
  const cases: [Partial<ViewOptions>, Received][] = [
    [{ bell: true, self: "bob" }, by("bob", "I am bob")],
    [{ bell: true, self: "bob" }, told],
    [{ bell: true, self: "bob" }, malformed],
    [{ bell: true, self: "bob" }, { ...bob, sealed: false }],
    [{ bell: true, self: "bob", json: true }, bob],
    [{ self: "bob" }, bob],
    [{ bell: true }, bob],
  ];
  for (const [options, what] of cases) {
    const { room, lines } = view(options);
    room.show(what);
    assertEquals([lines.length, lines[0].includes("\x07")], [1, false]);
  }
});

/** What a view shows, and what goes elsewhere. */
function only(what: "messages" | "mentions", options: Partial<ViewOptions>) {
  const notes: [string, boolean][] = [];
  const writeNote = (line: string, tellsLoss: boolean) => {
    notes.push([line.replace("14:03:22 ", ""), tellsLoss]);
  };
  return { ...view({ only: what, writeNote, ...options }), notes };
}

const by = (from: string, text: string): Received => ({
  ...said(""),
  payload: message(text, from),
});

test("--only hides notices, ?? and the reader's own", () => {
  const all: Received[] = [
    ...[by("ann", "hi"), by("bob", "bob?"), by("ann", "hi Bob")],
    { ...by("ann", "unsealed bob"), sealed: false },
    { ...said(""), payload: notice("bob joined") },
    { ...said(""), payload: { type: "sealed", sealed: "" } },
    malformed,
  ];
  const shown = (what: "messages" | "mentions", options = {}) => {
    const { room, lines } = only(what, { self: "bob", ...options });
    const isShown = all.map((one) => room.show(one));
    for (const one of all) room.showKept(one, NOW);
    assertEquals(lines.length, 2 * isShown.filter((is) => is).length);
    return isShown.map(Number).join("");
  };
  for (const json of [false, true]) {
    assertEquals(shown("messages", { json }), "1011000");
    assertEquals(shown("mentions", { json }), "0010000");
  }
  // What the default name says is not the reader's alone.
  assertEquals(shown("messages", { self: "chat" }), "1111000");
  const chat = only("messages", { self: "chat" });
  assertEquals(chat.room.show(by("chat", "hi")), true);
  const verdict = { signature: "other", mark: "another key" } as const;
  const marked = (["messages", "mentions"] as const).map((what) =>
    only(what, { self: "bob" }).room.show(by("ann", "bob"), verdict)
  );
  assertEquals(marked, [true, false]);
});

test("--only says elsewhere what can't be shown, plain, and counts none of it", () => {
  const sealed = { type: "sealed", sealed: "" } as const;
  const reason = "over the limit of 9 bytes";
  const unread: Received["payload"][] = [
    { ...sealed, reason: "sealed, cut short" },
    { type: "malformed", reason, isCut: true, bytes: new Uint8Array() },
    ...[notice("n"), sealed, sealed],
  ];
  const gap = { type: "gap", seconds: 1, broker: "a", mayMiss: false } as const;
  const fetched = { type: "fetched", count: 1 } as const;
  const notes: [Note, tellsLoss: boolean][] = [
    [gap, false],
    [{ ...gap, mayMiss: true }, true],
    [{ ...gap, mayMissQoS0: true }, true],
    [{ ...fetched, mayMiss: false }, false],
    [{ ...fetched, mayMiss: true }, true],
    [{ type: "lost", from: "ann", count: 2, topic: "room" }, true],
    [{ type: "uncounted" }, true],
    [{ type: "forgotten" }, false],
    [{ type: "dropped", count: 1 }, true],
    [{ type: "another", from: "ann", key: "K" }, false],
    [{ type: "unchecked" }, false],
    [{ type: "now" }, false],
  ];
  for (const json of [false, true]) {
    const { room, lines, notes: told } = only("messages", {
      json,
      color: true,
    });
    room.beginMissed();
    room.show(arriving(22, 12));
    const all = unread.map((payload) => ({ ...arriving(22, 12), payload }));
    assertEquals(all.filter((one) => room.show(one)), []);
    room.show(arriving(23, 12));
    room.endMissed();
    assertEquals(lines.length, 2);
    assertEquals(told.splice(0), [
      ["== A payload is sealed, cut short.", false],
      [`== A payload is ${reason}.`, true],
      ["== 2 sealed payloads (--secret-file FILE opens them)", false],
      ["== Monday, 2026-11-23", false],
      ["== 2 messages came while you were away.", false],
    ]);
    for (const [note] of notes) room.note(note);
    const tellLoss = notes.map(([, tellsLoss]) => tellsLoss);
    assertEquals(told.map(([, tellsLoss]) => tellsLoss), tellLoss);
  }
});

test("the log has a pipe's lines, without the history of before", () => {
  const play = (options: Partial<ViewOptions>) => {
    const { room, lines } = view({ self: "bob", sends: true, ...options });
    const before = () => {
      room.note({ type: "history", count: 1 });
      room.showKept(by("ann", "before"), NOW);
      room.note({ type: "now" });
      room.note({ type: "history", count: 0 });
    };
    if (options.log) before();
    room.beginMissed();
    room.show(by("ann", "a\nbob"));
    room.endMissed();
    room.rename("bob B");
    for (const name of ["cy", "dan", "eve", "fay", "gus"]) {
      room.show({ ...said(""), payload: joined(name, "room") });
    }
    room.show({ ...said(""), payload: { type: "sealed", sealed: "" } });
    room.show(arriving(23, 12));
    room.note({ type: "fetched", count: 1, mayMiss: true });
    room.showKept(by("ann", "fetched"), NOW);
    room.show({ ...said(""), payload: { type: "sealed", sealed: "" } });
    room.endGathering();
    return lines;
  };
  const log: string[] = [];
  const bells = { color: true, multiline: true, bell: true, gather: true };
  const shown = play({ ...bells, log: (line) => log.push(line) });
  assertEquals(log, play({}));
  assertEquals(log.length, 14);
  assertEquals(shown.length < log.length + 4, true);
});
