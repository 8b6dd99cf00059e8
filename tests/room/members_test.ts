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
  namesIn,
  notice,
  received,
  ROOM,
} from "../support/line_fixtures.ts";
import { KEY } from "../support/keys.ts";
import { pureTests, scenesIn } from "../support/pure.ts";

/** Noon, so many seconds later. */
const noon = (seconds: number) =>
  new Date(Date.parse("2026-01-02T12:00:00Z") + seconds * 1000);

/** What arrives so many seconds after noon. */
const at = (
  seconds: number,
  payload: Payload,
  more: Partial<Received> = {},
): Received => ({ ...received(payload), receivedAt: noon(seconds), ...more });

/** A roster that was told of what arrived. */
function told(...all: Received[]): Roster {
  const roster = new Roster();
  for (const one of all) roster.note(one);
  return roster;
}

const statesIn = (roster: Roster) =>
  roster.list().map(({ name, at, state, isOwn }) =>
    `${isOwn ? "my " : ""}${name} ${state} ${(+at - +noon(0)) / 1000}`
  ).join(", ");

const OLD = "a".repeat(16);
const RUN = "b".repeat(16);

const DOES: Record<string, (name: string, to: string) => Payload> = {
  joins: (name) => joined(name),
  leaves: (name) => left(name),
  drops: (name) => lost(name),
  says: (name) => message("hi", name),
  becomes: (name, to) => notice(renameNotice(name, to), name),
  visits: (name, to) =>
    notice(`User ${name} is now subscribed to ${to}.`, name),
  reports: (name, to) => notice(leaveNotice(to, ROOM), name),
  waves: (name) => notice("hello", name),
};

/**
 * What members do, one a second, `me` as this client; an id may stand in
 * brackets. Then each state, with the second in which the member was last heard.
 */
const SCENES = `
members are listed with their state, the most recent first
  ann joins, bob says, cy joins, dan joins, cy leaves, dan drops, ann says:
  ann here 7, dan lost 6, cy left 5, bob wrote 2
a member who left or was lost comes back by joining
  ann leaves, ann joins, bob drops, bob joins: bob here 4, ann here 2
a member who only wrote, or wrote after a leave, is not here
  cy says, bob joins, bob leaves, bob says: bob wrote 4, cy wrote 1
another client under the reader's name is another member
  me joins, I joins, me becomes I, I leaves: I left 4, my I here 3
a renamed member is the same
  me joins, ann joins, ann says, ann becomes Ann, me becomes I, x becomes Cy:
  Cy here 6, my I here 5, Ann here 4
our own will is of a connection before this one
  me joins, me drops: my me here 1
the leave of a new run counts, whatever number the old one joined with
  ann joins (${OLD}-9), ann says (${RUN}-2), ann leaves (${RUN}-3): ann left 3
a leave or will of a run before, or of a join before the last, does not
  ann joins (${OLD}-1), ann joins (${RUN}-5), ann leaves (${OLD}-2),
  ann drops (${OLD}-1w), ann drops (${RUN}-4w), ann says (${RUN}-6): ann here 6
the will of the last join counts, also after messages
  ann joins (${RUN}-5), ann says (${RUN}-6), ann drops (${RUN}-5w): ann lost 3
other notices change no roster
  ann visits hall, bob reports ann, cy waves:
`;

const test = pureTests("members");

for (const [title, scene] of scenesIn(SCENES)) {
  test(title, () => {
    const [events, states] = scene.split(/: ?/);
    const own = { sentTo: ROOM };
    const all = events.split(", ").map((event, index) => {
      const [, name, does, to, id] = /^(\w+) (\w+)(?: (\w+))?(?: \((.*)\))?$/
        .exec(event)!;
      const payload = { ...DOES[does](name, to), ...id && { id } };
      return at(index + 1, payload, name === "me" ? own : {});
    });
    assertEquals(statesIn(told(...all)), states);
  });
}

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
    // Of who is known, it says nothing.
    at(5, left("ann"), { retain }),
    at(6, sent(left("eve"), -60)),
  );
  assertEquals(
    statesIn(roster),
    "eve wrote 4, dan wrote 3, cy wrote 1, ann wrote 0, bob wrote -29.001",
  );
  assertEquals(
    ["ann", "bob", "cy", "dan"].map((name) => roster.spokeAt(name)),
    [Number(noon(0)), Number(noon(1)), undefined, undefined],
  );
  roster.note(at(7, left("ann")));
  roster.note(at(8, notice(renameNotice("ann", "Ann"), "ann")));
  assertEquals(roster.spokeAt("Ann"), Number(noon(0)));
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
  // A keeper's list has none forgotten.
  roster.noteHere(new Map([["bob", noon(1_001)]]), noon(1_001));
  assertEquals(namesIn(roster), names);
});

test("any name of up to 256 characters is a name, also __proto__", () => {
  const names = ["__proto__", "x".repeat(256), "x".repeat(257)];
  const roster = told(...names.map((name, i) => at(-i, message("", name))));
  assertEquals(namesIn(roster), names.slice(0, 2));
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
  const keysOf = (name: string) => name === "bob" ? [KEY, KEY] : [];
  const ignored = new Ignored(["bob", "Ada"]);
  assertEquals(whoLines(seen, now, ignored, keysOf), [
    "Seen in this session:",
    "  Ada (you), seen 14:03:29",
    "  Ada (ignored), left 14:03:29",
    "  bob (ignored), key 21FE 31DF or 21FE 31DF, seen 14:03:29",
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
  assertEquals(statesIn(roster), "my ann here 2, bob here 0");
  // Who was heard is there.
  roster.note(at(4, message("hi", "ann")));
  roster.note(at(5, message("hi", "ann"), { sentTo: ROOM }));
  assertEquals(
    statesIn(roster),
    "my ann here 5, ann wrote 4, bob here 0",
  );
});

test("a keeper's `here` counts for a day, and less than what was heard", () => {
  const roster = told(at(0, joined("ann")), at(100, left("bob")));
  const here = new Map([
    ...[["ann", noon(-5)], ["bob", noon(50)], ["cy", noon(0)]] as const,
    ["ghost", noon(100 - 86_401)] as const,
  ]);
  roster.noteHere(here, noon(100));
  assertEquals(statesIn(roster), "bob left 100, cy here 0, ann here 0");
  const listed = [86_400, 86_401].map((now) =>
    roster.here(noon(now)).map(({ name }) => name)
  );
  assertEquals(listed, [["cy", "ann"], []]);
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
  assertEquals(statesIn(roster), "bob here 30, ann left 10, cy left -50");
});
