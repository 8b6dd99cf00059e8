import { assert, assertEquals } from "@std/assert";
import type { Payload, Received } from "../../lib/protocol.ts";
import type { Note } from "../../lib/room/line.ts";
import type { ViewOptions } from "../../lib/room/view.ts";
import {
  joined,
  left,
  lost,
  message,
  notice,
  received,
  ROOM,
  view,
} from "../support/line_fixtures.ts";
import { TestClock } from "../support/clock.ts";
import { pureTests, scenesIn } from "../support/pure.ts";

const NOW = new Date("2026-01-02T14:30:00.000Z");

/** A message of ann, sent so many milliseconds before it arrived. */
function said(text: string, age?: number) {
  const at = age === undefined
    ? undefined
    : new Date(Number(NOW) - age).toISOString();
  const payload = { ...message(text, "ann"), at };
  return { ...received(payload, "room"), receivedAt: NOW };
}

const malformed: Received = {
  ...said(""),
  payload: { type: "malformed", reason: "not UTF-8", bytes: Uint8Array.of(65) },
};

/** A view that gathers; its lines are without their times. */
function watch(options: Partial<ViewOptions> = {}) {
  const { room, lines, clock } = view({ gather: true, self: "me", ...options });
  const show = (payload: Payload, topic = ROOM, retain = false) =>
    room.show({
      ...received(payload, topic),
      receivedAt: new Date(clock.wall()),
      retain,
    });
  const join = (names: string, topic?: string) =>
    names.split(" ").map((name) => show(joined(name, topic), topic));
  const close = (topic = ROOM) =>
    room.show(received({ type: "sealed", sealed: "AQ" }, topic));
  /** The lines since this was asked last. */
  const shown = () =>
    lines.splice(0).map((line) => line.replace("14:03:22 ", ""));
  const wait = (milliseconds: number) => clock.advance(milliseconds);
  return { room, clock, show, join, close, shown, wait };
}

/** One in which three have just joined, so that the next is one of many. */
function crowded(options: Partial<ViewOptions> = {}) {
  const all = watch(options);
  all.join("x y z");
  assertEquals(all.shown().length, 3);
  return all;
}

const test = pureTests("view", watch);

test("a late or kept message shows when it was sent", () => {
  const { room, lines } = view();
  room.show(said("in time", 30_000));
  room.show(said("late", 30_001));
  room.show(said("from a clock ahead", -60_000));
  room.beginMissed();
  room.show(said("kept", 5));
  room.endMissed();
  room.show(said("live", 5));
  const isMarked = lines.map((line) => /^\S+ \(sent [\d:-]+/.test(line));
  assertEquals(isMarked, [false, true, false, true, false, false]);
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

test("a day is new in another month or year, too", () => {
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

/** What arrives, what time passes, and what is shown, in short. */
const SCENES = `
three are shown as they come, the others in one line
  x y z a b c d e f join | erin leaves | shows x joins / y joins / z joins |
  wait 999 | shows | wait 1 | shows 6 joined: a, b, c and 3 more; 1 left: erin
three within two seconds are few
  a joins | wait 900 | a joins | wait 900 | a joins | wait 199 | a joins |
  shows a joins / a joins / a joins | wait 1000 | shows 1 joined: a
three within more are none
  a joins | wait 667 | b joins | wait 667 | c joins | wait 666 | d joins |
  wait 667 | e joins | shows a joins / b joins / c joins / d joins / e joins
as long as more come, there is a line every three seconds
  crowd | a joins | wait 600 | b joins | wait 600 | c joins | wait 600 | d joins |
  wait 600 | e joins | wait 599 | shows | wait 1 | shows 5 joined: a, b, c, d, e |
  f joins | wait 600 | g joins | wait 999 | shows | wait 1 | shows 2 joined: f, g
a notice that is not one of many overtakes none that is held back
  crowd | wait 100 | a joins | wait 800 | b joins | wait 900 | c joins | wait 900 |
  d joins | shows | wait 400 | shows 4 joined: a, b, c, d
the last change of a name counts, in the order of the changes
  crowd | ann joins | bob drops | cy joins | ann leaves | bob joins | wait 1000 |
  shows 2 joined: cy, bob; 1 left: ann
each room has its own line
  crowd | crowd in hall | ann joins | wait 500 | bob leaves in hall |
  ann says in hall | shows ann: in hall | wait 500 | shows 1 joined: ann |
  wait 500 | shows 1 left: bob in hall
an author who speaks has joined before
  crowd | ann joins | bob says | shows bob: | cy joins | ann says |
  shows 2 joined: ann, cy / ann:
what is late or kept, and lines of ours, come after what is held back
  crowd | ann joins | ann says late | shows 1 joined: ann / ann: late | bob joins |
  note | shows 1 joined: bob / note | cy joins | cy says kept |
  shows 1 joined: cy / cy: kept
at the end all is shown, and nothing is held back any more
  crowd | 1 sealed | ann joins | end | shows 1 sealed / 1 joined: ann | ann leaves |
  shows ann leaves | 1 sealed | wait 1000 | shows 1 sealed
sealed payloads are one line, before what follows them
  7 sealed | shows | ann says | shows 7 sealed / ann: | 1 sealed | note |
  shows 1 sealed / note
sealed payloads are shown a second after the last
  1 sealed | wait 900 | 1 sealed | wait 900 | 1 sealed | wait 999 | shows | wait 1 |
  shows 3 sealed
sealed payloads name their room, or that there are several
  2 sealed in hall | wait 1000 | shows 2 sealed in hall | 1 sealed |
  1 sealed in hall | end | shows 2 sealed in several rooms
`;

/** A line without what is in each of its kind. */
const inShort = (line: string) => {
  const [, where = "", rest] = /^(?:\[(.*?)\] )?(.*)$/.exec(line)!;
  const place = where === "hall" ? " in hall" : "";
  return rest.replace(/^(?:-- |== )/, "").replace(/^\(sent .*?\) /, "")
    .replace(/ payloads?( in chat\/room)?/, "").replace(/ \(--secret.*/, "")
    .replace(/^User (\w+) is now .*/, "$1 joins").replace(/dropped .*/, "note")
    .replace(/^User (\w+) disc.*/, "$1 leaves").replace("1 line note", "note")
    .trim() + place;
};

for (const [title, scene] of scenesIn(SCENES)) {
  test(title, async () => {
    const { show, join, close, shown, wait, room, clock } = watch({
      showTopic: true,
    });
    const late = new Date(clock.wall() - 60_000);
    for (const step of scene.split(" | ")) {
      const [, what, topic] = /^(.*?)(?: in (hall))?$/.exec(step)!;
      const [one, does = "", how] = what.split(" ");
      const acts: Record<string, () => unknown> = {
        sealed: () => {
          for (let n = Number(one); n > 0; n--) close(topic);
        },
        joins: () => join(one, topic),
        leaves: () => show(left(one, topic), topic),
        drops: () => show(lost(one), topic),
        says: () => {
          const payload = message(how ?? "", one);
          const at = late.toISOString();
          if (how === "kept") room.showKept(received(payload), late);
          else show(how === "late" ? { ...payload, at } : payload, topic);
        },
      };
      if (one === "wait") await wait(Number(does));
      else if (what.endsWith(" join")) join(what.replace(" join", ""));
      else if (one === "crowd") {
        join("x y z", topic);
        assertEquals(shown().length, 3);
      } else if (one === "note") room.note({ type: "dropped", count: 1 });
      else if (one === "end") room.endGathering();
      else if (one === "shows") {
        const lines = step.replace(/^shows ?/, "");
        assertEquals(shown().map(inShort).join(" / "), lines);
      } else acts[does]();
    }
    await wait(1_000);
    assertEquals([shown(), clock.nextIn], [[], undefined]);
  });
}

test("other, own, retained, late and kept notices are shown", () => {
  const { show, shown, room, clock } = crowded();
  show(message("User ann is now subscribed to chat/room.", "ann"));
  show(notice("User ann is away.", "ann"));
  show(joined("ann", "hall"));
  show({ ...joined("ann"), from: "bob" });
  show(joined("x".repeat(257)));
  show(joined("me"));
  show(joined("ann"), ROOM, true);
  const at = new Date(clock.wall() - 30_001).toISOString();
  show({ ...joined("bob"), at });
  room.show({ ...received(joined("eve")), sealed: false });
  room.beginMissed();
  show(joined("cy"));
  assertEquals(shown().length, 10);
  assertEquals(clock.nextIn, undefined);
});

test("an author who spoke within ten minutes is no part of the crowd", async () => {
  const spokeAt = (name: string) => name === "ann" ? Number(NOW) : undefined;
  const { show, join, shown, wait } = crowded({ spokeAt });
  show(left("ann"));
  show(left("bob"));
  assertEquals(shown(), ["-- User ann disconnecting from chat/room."]);
  await wait(10 * 60_000 - 1);
  join("x y z");
  shown();
  show(left("ann"));
  assertEquals(shown().length, 1);
  await wait(1);
  show(left("ann"));
  assertEquals(shown(), []);
});

test("at most a thousand people are held back, again and again", async () => {
  const { join, shown, wait } = crowded();
  for (let i = 0; i < 2_001; i++) join(`u${i} u${i}`);
  assertEquals(shown(), [
    "-- 1000 joined: u0, u1, u2 and 997 more",
    "-- 1000 joined: u999, u1000, u1001 and 997 more",
  ]);
  await wait(1_000);
  assertEquals(shown(), ["-- 3 joined: u1998, u1999, u2000"]);
});

test("a hundred rooms are gathered, until one is quiet", async ({ join, shown, wait }) => {
  const crowd = (topic: string) => {
    join("a b c d", topic);
    return shown().length;
  };
  for (let i = 0; i < 100; i++) assertEquals(crowd(`room${i}`), 3);
  assertEquals(crowd("hall"), 4);
  await wait(1_999);
  shown();
  assertEquals(crowd("hall"), 4);
  await wait(1);
  assertEquals(crowd("hall"), 3);
});

test("a room is not forgotten with the people that it holds", async ({ room, clock, join, shown, wait }) => {
  // A machine that was asleep has late timers.
  clock.after = () => () => {};
  for (let i = 0; i < 100; i++) join("a b c d", `room${i}`);
  await wait(2_000);
  join("a", "hall");
  shown();
  room.endGathering();
  assertEquals(shown().length, 100);
});

test("nothing is gathered in JSON, and joins only where it is wanted", () => {
  for (const options of [{ json: true }, { gather: false }]) {
    const { join, shown, clock } = crowded(options);
    join("ann");
    assertEquals(shown().length, 1);
    assertEquals(clock.nextIn, undefined);
  }
  const { close, shown } = watch({ json: true });
  assertEquals([close(), close()], [true, true]);
  assertEquals(shown().length, 2);
});

test("lines of sealed payloads come at longer intervals up to a minute, and delay no joins", async ({ close, show, join, shown, wait }) => {
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    assertEquals([close(), close()], [true, false]);
    await wait(seconds * 1_000 - 1);
    assertEquals(shown(), []);
    await wait(1);
    assertEquals(shown().length, 1);
  }
  close();
  join("x y z ann");
  shown();
  await wait(1_000);
  assertEquals(shown(), ["-- 1 joined: ann"]);
  // After another line it begins anew.
  show(message("hi"));
  shown();
  close();
  await wait(1_000);
  assertEquals(shown().length, 1);
});

test("a flood of sealed payloads is held back for a minute at most", async ({ close, shown, wait }) => {
  for (let i = 0; i < 70; i++) {
    close();
    await wait(900);
  }
  assertEquals(shown(), [
    "== 67 sealed payloads (--secret-file FILE opens them)",
  ]);
});
