import { assertEquals } from "@std/assert";
import type { Received } from "../../lib/protocol.ts";
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
function said(text: string, { id, age }: { id?: string; age?: number } = {}) {
  const at = age === undefined
    ? undefined
    : new Date(Number(NOW) - age).toISOString();
  const payload = { ...message(text, "ann"), id, at };
  return { ...received(payload, "room"), receivedAt: NOW };
}

/** Bytes that are no chat payload. */
const malformed: Received = {
  ...said(""),
  payload: { type: "malformed", reason: "not UTF-8", bytes: Uint8Array.of(65) },
};

const test = pureTests("room view", view);

test("a late message shows when it was sent", ({ room, lines }) => {
  room.show(said("in time", { age: 30_000 }));
  room.show(said("late", { age: 30_001 }));
  room.show(said("from a clock ahead", { age: -60_000 }));
  const isSent = lines.map((line) => line.includes(" (sent "));
  assertEquals(isSent, [false, true, false]);
});

test("kept messages show when they were sent, and are counted", ({ room, lines }) => {
  room.beginMissed();
  room.show(said("a", { id: "1", age: 5 }));
  room.show(said("b", { id: "2", age: 5 }));
  room.show({ ...said(""), payload: notice("n") });
  room.endMissed();
  room.endMissed();
  room.show(said("c", { id: "3", age: 5 }));
  const texts = lines.map((line) =>
    line.replace(/\(sent [\d: -]+\)/, "(sent)")
  );
  assertEquals(texts, [
    "14:03:22 (sent) ann: a",
    "14:03:22 (sent) ann: b",
    "14:03:22 -- n",
    "14:03:22 == 2 messages came while you were away.",
    "14:03:22 ann: c",
  ]);
});

/** A message that arrives on a day of November 2026, at a time. */
const arriving = (day: number, ...time: number[]): Received => ({
  ...said("hi"),
  receivedAt: new Date(2026, 10, day, ...time),
});

test("a new day has a line, but for the first", () => {
  const clock = new TestClock(Number(new Date(2026, 10, 25, 0, 0, 1)));
  const { room, lines } = view({ formatTime: undefined, clock });
  room.show(arriving(22, 23, 59, 59));
  room.show(arriving(23, 0, 0, 7));
  room.show(arriving(23, 0, 0, 8));
  room.note({ type: "missed", count: 1 });
  room.show(arriving(25, 12, 0, 0));
  assertEquals(lines, [
    "23:59:59 ann: hi",
    "00:00:07 == Monday, 2026-11-23",
    "00:00:07 ann: hi",
    "00:00:08 ann: hi",
    "00:00:01 == Wednesday, 2026-11-25",
    "00:00:01 == 1 message came while you were away.",
    "12:00:00 ann: hi",
  ]);
});

test("a day is new in another month or year, and after 23 or 25 hours", () => {
  const { room, lines } = view({ formatTime: undefined });
  const times: [Date, boolean][] = [
    [new Date(2026, 10, 22, 23, 59, 59, 999), false],
    [new Date(2026, 10, 23), true],
    [new Date(2026, 10, 23, 23, 59, 59, 999), false],
    [new Date(2026, 11, 23), true],
    [new Date(2027, 11, 23), true],
    // A clock that was set back.
    [new Date(2027, 11, 22, 23, 59), true],
    [new Date(2027, 11, 22), false],
  ];
  // Some have 23 hours, and some have 25.
  for (let day = 1; day <= 366; day++) {
    times.push([new Date(2028, 0, day), true]);
    times.push([new Date(2028, 0, day, 23, 59, 59), false]);
  }
  for (const [receivedAt, isNew] of times) {
    lines.length = 0;
    room.show({ ...said("hi"), receivedAt });
    assertEquals(lines.length, isNew ? 2 : 1, `${receivedAt}`);
  }
});

test("JSON has no lines for days", () => {
  const { room, lines } = view({ json: true });
  room.show(arriving(22, 23, 59, 59));
  room.show(arriving(23, 0, 0, 7));
  room.note({ type: "missed", count: 1 });
  assertEquals(
    lines.map((line) => JSON.parse(line).type),
    ["message", "message", "missed"],
  );
});

test("the bell rings for mentions, once in two seconds", async () => {
  const { room, lines, clock } = view({ bell: true, self: "bob" });
  const texts: [after: number, text: string][] = [
    [0, "none"],
    [0, "hi Bob"],
    [1_999, "bob?"],
    [1, "bob!"],
    [1_999, "bob?"],
    [1, "bob!"],
  ];
  for (const [after, text] of texts) {
    await clock.advance(after);
    room.show(said(text));
  }
  assertEquals(lines.map((line) => line.replace("14:03:22 ann: ", "")), [
    ...["none", "\x07hi Bob", "bob?", "\x07bob!", "bob?", "\x07bob!"],
  ]);
});

test("a mention notifies, in text that ends no notification", () => {
  const { room, notifications } = view({ bell: true, self: "bob" });
  const hostile = "bob\x07\x1b\\\x9c\x18;\n" + "x".repeat(300);
  room.show(by("a;b\x07\x1b]0;title\x07", hostile));
  const [notification] = notifications;
  const text = "bob<U+0007><U+001B>\\<U+009C><U+0018>; ⏎ ";
  const author = '"a,b<U+0007><U+001B>]0,title<U+0007>"';
  const shown = text + "x".repeat(200 - text.length);
  assertEquals(
    notification,
    `\x1b]9;${author}: ${shown}\x07` +
      `\x1b]777;notify;${author};${shown}\x07`,
  );
});

test("the bell rings at the message, not at the day before it", () => {
  const { room, lines } = view({ bell: true, self: "bob" });
  room.show(arriving(22, 12));
  room.show({ ...arriving(23, 12), payload: said("bob").payload });
  assertEquals(lines.slice(1), [
    "14:03:22 == Monday, 2026-11-23",
    "\x0714:03:22 ann: bob",
  ]);
});

test("no bell for the reader's own, for notices, in JSON, or unasked", () => {
  const quiet = view({ bell: true, self: "bob" });
  const told = { ...said(""), payload: notice("bob", "ann") };
  for (const one of [by("bob", "I am bob"), told, malformed]) {
    quiet.room.show(one);
  }
  const others = [
    view({ bell: true, json: true, self: "bob" }),
    view({ self: "bob" }),
    view({ bell: true }),
  ];
  for (const { room } of others) room.show(said("bob"));
  const all = [quiet, ...others].flatMap(({ lines }) => lines);
  assertEquals(all.length, 6);
  assertEquals(all.filter((line) => line.includes("\x07")), []);
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
    by("ann", "hi"),
    by("bob", "bob?"),
    by("ann", "hi Bob"),
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
  const verdict = { signature: "other", mark: "another key" } as const;
  const marked = only("mentions", { self: "bob" });
  assertEquals(marked.room.show(by("ann", "bob"), verdict), false);
  const messages = only("messages", { self: "bob" });
  assertEquals(messages.room.show(by("ann", "bob"), verdict), true);
  // What the default name says is not the reader's alone.
  assertEquals(shown("messages", { self: "chat" }), "1111000");
  const { room, lines } = only("messages", { self: "chat" });
  assertEquals(room.show(by("chat", "hi")), true);
  assertEquals(lines, ["14:03:22 chat: hi"]);
});

test("--only says elsewhere what can't be shown, and counts none of it", () => {
  const sealed = (reason?: string): Received => ({
    ...said(""),
    payload: { type: "sealed", sealed: "", reason },
  });
  const cut = { reason: "over the limit of 9 bytes", isCut: true } as const;
  for (const json of [false, true]) {
    const { room, lines, notes } = only("messages", { json, color: true });
    const all = [
      sealed("sealed, cut short"),
      { ...malformed, payload: { ...malformed.payload, ...cut } } as Received,
      sealed(),
      sealed(),
    ];
    assertEquals(all.filter((received) => room.show(received)), []);
    room.endGathering();
    assertEquals(lines, []);
    assertEquals(notes, [
      ["== A payload is sealed, cut short.", false],
      ["== A payload is over the limit of 9 bytes.", true],
      ["== 2 sealed payloads (--secret-file FILE opens them)", false],
    ]);
  }
});

test("--only sends lines of our own elsewhere, plain, also with JSON", () => {
  for (const json of [false, true]) {
    const { room, lines, notes } = only("messages", { json, color: true });
    room.beginMissed();
    room.show(arriving(22, 12));
    room.show({ ...said(""), payload: notice("n") });
    room.show(arriving(23, 12));
    room.endMissed();
    const gap = { type: "gap", seconds: 1, broker: "a" } as const;
    room.note({ ...gap, mayMiss: false });
    room.note({ ...gap, mayMiss: true });
    room.note({ type: "lost", from: "ann", count: 2, topic: "room" });
    for (const mayMiss of [false, true]) {
      room.note({ type: "fetched", count: 1, mayMiss });
    }
    assertEquals(lines.length, 2);
    const fetched = notes.splice(-2).map(([, tellsLoss]) => tellsLoss);
    assertEquals(fetched, [false, true]);
    assertEquals(notes, [
      ["== Monday, 2026-11-23", false],
      ["== 2 messages came while you were away.", false],
      ["== Connected to a after 1.0 s without a connection.", false],
      [
        "== Connected to a after 1.0 s without a connection. Messages may be " +
        "missing here.",
        true,
      ],
      ["== 2 messages of ann did not arrive.", true],
    ]);
  }
});

test("the log has a pipe's lines, without the history of before", () => {
  const play = (options: Partial<ViewOptions>) => {
    const { room, lines } = view({ self: "bob", sends: true, ...options });
    const before = () => {
      room.note({ type: "history", count: 1 });
      room.showKept(by("ann", "before"), NOW);
      room.note({ type: "now" });
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
    room.endGathering();
    return lines;
  };
  const log: string[] = [];
  const bells = { color: true, multiline: true, bell: true, gather: true };
  const shown = play({ ...bells, log: (line) => log.push(line) });
  assertEquals(log, play({}));
  assertEquals(log.length, 13);
  assertEquals(shown.length < log.length + 3, true);
});
