import { assertEquals } from "@std/assert";
import {
  leaveNotice,
  type Payload,
  type Received,
  renameNotice,
} from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { Roster, whoLines } from "../../lib/room/members.ts";
import {
  joined,
  left,
  lost,
  message,
  notice,
  received,
} from "../support/line_fixtures.ts";
import { KEY } from "../support/keys.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn } from "../support/rooms.ts";

/** Noon, so many seconds later. */
const noon = (seconds: number) =>
  new Date(Date.parse("2026-01-02T12:00:00Z") + seconds * 1000);

/** What arrives so many seconds after noon. */
const at = (
  seconds: number,
  payload: Payload,
  more: Partial<Received> = {},
): Received => ({ ...received(payload), receivedAt: noon(seconds), ...more });

const ROOM = "chat/room";

/** A roster that was told of what arrived. */
function told(...all: Received[]): Roster {
  const roster = new Roster();
  for (const one of all) roster.note(one);
  return roster;
}

const statesIn = (roster: Roster) =>
  roster.list().map(({ name, state }) => `${name} ${state}`);

const test = pureTests("members");

test("members are listed with their state, the most recent first", () => {
  const roster = told(
    at(1, joined("ann")),
    at(2, message("hi", "bob")),
    at(3, joined("cy")),
    at(4, joined("dan")),
    at(5, left("cy")),
    at(6, lost("dan")),
    at(7, message("hi", "ann")),
  );
  assertEquals(roster.list(), [
    { name: "ann", at: noon(7), state: "here" },
    { name: "dan", at: noon(6), state: "lost" },
    { name: "cy", at: noon(5), state: "left" },
    { name: "bob", at: noon(2), state: "wrote" },
  ]);
});

test("a member who left or was lost comes back by joining", () => {
  const roster = told(
    ...[at(1, left("ann")), at(2, joined("ann"))],
    ...[at(3, lost("bob")), at(4, joined("bob"))],
  );
  assertEquals(statesIn(roster), ["bob here", "ann here"]);
});

test("a member who only wrote is not here", () => {
  const roster = told(
    at(1, message("built", "a script")),
    ...[at(2, joined("bob")), at(3, left("bob"))],
    at(4, message("by the way", "bob")),
  );
  assertEquals(statesIn(roster), ["bob wrote", "a script wrote"]);
});

test("another client under the reader's name is another member", () => {
  const sentTo = ROOM;
  const roster = told(
    at(1, joined("ann"), { sentTo }),
    at(2, joined("ann")),
    at(3, message("hi", "ann"), { sentTo }),
    at(4, left("ann")),
  );
  assertEquals(roster.list(), [
    { name: "ann", at: noon(4), state: "left" },
    { name: "ann", at: noon(3), state: "here", isOwn: true },
  ]);
});

test("a renamed member is the same", () => {
  const sentTo = ROOM;
  const renamed = (from: string, to: string) =>
    notice(renameNotice(from, to), from);
  const roster = told(
    ...[at(1, joined("me"), { sentTo }), at(2, joined("ann"))],
    at(3, message("hi", "ann")),
    at(4, renamed("ann", "Ann B.")),
    at(5, renamed("me", "I"), { sentTo }),
    at(6, renamed("unknown", "Cy")),
  );
  assertEquals(roster.list(), [
    { name: "Cy", at: noon(6), state: "here" },
    { name: "I", at: noon(5), state: "here", isOwn: true },
    { name: "Ann B.", at: noon(4), state: "here" },
  ]);
  assertEquals(roster.spokeAt("Ann B."), Number(noon(3)));
});

test("the leave of a new run counts, whatever number the old one joined with", () => {
  const [old, run] = ["a".repeat(16), "b".repeat(16)];
  const roster = told(
    at(1, { ...joined("ann"), id: `${old}-9` }),
    at(2, { ...message("hi", "ann"), id: `${run}-2` }),
    at(3, { ...left("ann"), id: `${run}-3` }),
  );
  assertEquals(statesIn(roster), ["ann left"]);
});

test("other notices and malformed payloads change no roster", () => {
  const roster = told(
    at(1, notice("User ann is now subscribed to chat/hall.", "ann")),
    at(1, notice(leaveNotice("ann", ROOM), "bob")),
    at(1, notice("hello", "cy")),
    {
      ...at(1, message("")),
      payload: {
        type: "malformed",
        reason: "not JSON",
        bytes: new TextEncoder().encode("User dan timed out"),
      },
    },
  );
  assertEquals(roster.list(), []);
});

test("retained and late payloads have their author's time", () => {
  const sent = (payload: Payload, seconds: number) => ({
    ...payload,
    at: noon(seconds).toISOString(),
  });
  const retain = true;
  const roster = told(
    at(0, sent(message("in time", "ann"), -30)),
    at(1, sent(message("late", "bob"), -29.001)),
    at(2, sent(message("kept", "cy"), 1), { retain }),
    at(3, sent(message("from a clock ahead", "dan"), 60), { retain }),
    at(4, message("kept", "eve"), { retain }),
  );
  assertEquals(roster.list(), [
    { name: "eve", at: noon(4), state: "wrote" },
    { name: "dan", at: noon(3), state: "wrote" },
    { name: "cy", at: noon(1), state: "wrote" },
    { name: "ann", at: noon(0), state: "wrote" },
    { name: "bob", at: noon(-29.001), state: "wrote" },
  ]);
});

test("a retained payload changes no known member", () => {
  const roster = told(
    at(1, left("ann")),
    at(2, message("hi", "ann"), { retain: true }),
  );
  assertEquals(roster.list(), [{ name: "ann", at: noon(1), state: "left" }]);
});

test("spokeAt is when a member last spoke", () => {
  const roster = told(
    at(1, message("hi", "ann")),
    at(2, left("ann")),
    at(3, joined("bob")),
    at(4, message("hi", "cy"), { retain: true }),
  );
  assertEquals(
    ["ann", "bob", "cy", "dan"].map((name) => roster.spokeAt(name)),
    [Number(noon(1)), undefined, undefined, undefined],
  );
});

test("the longest unseen of more than 1,000 is forgotten", () => {
  const roster = new Roster();
  for (let i = 0; i < 1_000; i++) roster.note(at(i, message("", `user${i}`)));
  for (const name of ["user1", "user0"]) {
    roster.note(at(1_000, message("", name)));
  }
  assertEquals(namesIn(roster).length, 1_000);
  roster.note(at(1_001, message("", "ann")));
  const names = namesIn(roster);
  assertEquals(names.length, 1_000);
  assertEquals(names.slice(0, 3), ["ann", "user0", "user1"]);
  assertEquals(names.at(-1), "user3");
});

test("any name is a name, also __proto__", () => {
  const roster = told(
    at(1, message("", "__proto__")),
    at(2, message("", "x".repeat(256))),
    at(3, message("", "x".repeat(257))),
  );
  assertEquals(namesIn(roster), ["x".repeat(256), "__proto__"]);
});

test("/who lists each member, with the day if it is another", () => {
  const now = new Date(2026, 10, 22, 14, 3, 29);
  const seen: Parameters<typeof whoLines>[0] = [
    { name: "Ada", at: now, state: "here", isOwn: true },
    { name: "Ada", at: now, state: "left" },
    { name: "bob", at: now, state: "here" },
    { name: "ci\x1b", at: new Date(2026, 10, 22, 9, 0, 1), state: "wrote" },
    { name: "dan", at: new Date(2026, 10, 21, 23, 59, 59), state: "lost" },
  ];
  const keysOf = (name: string) => name === "bob" ? [KEY] : [];
  const ignored = new Ignored(["bob", "Ada"]);
  assertEquals(whoLines(seen, now, ignored, keysOf), [
    "Seen in this session:",
    "  Ada (you), seen 14:03:29",
    "  Ada (ignored), left 14:03:29",
    "  bob (ignored), key 21FE 31DF, seen 14:03:29",
    '  "ci<U+001B>", wrote 09:00:01',
    "  dan, lost 2026-11-21 23:59:59",
  ]);
  const crowd = Array.from({ length: 52 }, () => seen[1]);
  const lines = whoLines(crowd, now, new Ignored(), () => []);
  assertEquals(lines.slice(-2), ["  Ada, left 14:03:29", "  and 2 more"]);
  assertEquals(lines.length, 52);
});

test("a reader that a keeper lists is not another member", () => {
  const roster = new Roster();
  const here = (at: Date) => new Map(["ann", "bob"].map((name) => [name, at]));
  roster.noteHere(here(noon(0)), noon(1));
  roster.note(at(2, joined("ann"), { sentTo: ROOM }));
  roster.noteHere(here(noon(-1)), noon(3));
  assertEquals(roster.list(), [
    { name: "ann", at: noon(2), state: "here", isOwn: true },
    { name: "bob", at: noon(0), state: "here" },
  ]);
  // Who was heard is there.
  roster.note(at(4, message("hi", "ann")));
  roster.note(at(5, message("hi", "ann"), { sentTo: ROOM }));
  assertEquals(roster.list().filter(({ name }) => name === "ann").length, 2);
});

test("a keeper's `here` counts for a day, and less than what was heard", () => {
  const roster = told(at(0, joined("ann")), at(100, left("bob")));
  const here = new Map([
    ...[["ann", noon(-5)], ["bob", noon(50)], ["cy", noon(0)]] as const,
    ["ghost", noon(100 - 86_401)] as const,
  ]);
  roster.noteHere(here, noon(100));
  assertEquals(statesIn(roster), [
    "bob left",
    "cy here",
    "ann here",
  ]);
  assertEquals(roster.here(noon(86_400)).map(({ name }) => name), [
    "cy",
    "ann",
  ]);
  assertEquals(roster.here(noon(86_401)), []);
});

test("an entry of a history says nothing of a member heard since", () => {
  const roster = told(at(0, joined("ann")), at(0, joined("bob")));
  const connected = noon(20);
  roster.note(at(30, message("hi", "bob")));
  for (const name of ["ann", "bob"]) {
    roster.noteKept(left(name), ROOM, noon(10), connected);
  }
  roster.noteKept(message("old", "cy"), ROOM, noon(-60), connected);
  roster.noteKept(left("cy"), ROOM, noon(-50), connected);
  assertEquals(statesIn(roster), [
    "bob here",
    "ann left",
    "cy left",
  ]);
});
