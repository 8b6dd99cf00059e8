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
 * brackets. A keeper lists a member as of a second, or has kept what one did
 * then. At the end each state, with the second in which the member was heard.
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
  me joins, I joins, me becomes I, I leaves, me becomes I: my I here 5, I left 4
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
a reader that a keeper lists is not another member
  keeper lists me (0), keeper lists bob (0), me joins, keeper lists me (-1):
  my me here 3, bob here 0
what a keeper lists counts for a day, and less than what was heard
  ann joins, bob leaves, keeper lists ann (-5), keeper lists bob (1),
  keeper lists cy (-86395), keeper lists ghost (-86395):
  bob left 2, ann here 1, cy here -86395
an entry of a history says nothing of a member heard since
  ann joins, bob joins, reader connects, bob says, kept ann leaves (1),
  kept bob leaves (1), kept cy says (-60), kept cy leaves (-50):
  bob here 4, ann left 1, cy left -50
a member that only a keeper lists was not heard
  reader connects, keeper lists ann (1), kept ann leaves (5): ann left 5
`;

const test = pureTests("members");

for (const [title, scene] of scenesIn(SCENES)) {
  test(title, () => {
    const [events, states] = scene.split(/: ?/);
    const roster = new Roster();
    let connectedAt = noon(0);
    for (const [index, event] of events.split(", ").entries()) {
      const [, kept, name, does, to, brackets] =
        /^(kept )?(\w+) (\w+)(?: (\w+))?(?: \((.*)\))?$/.exec(event)!;
      const [now, then] = [noon(index + 1), noon(Number(brackets))];
      if (does === "connects") connectedAt = now;
      else if (does === "lists") roster.noteHere(new Map([[to, then]]), now);
      else {
        const payload = DOES[does](name, to);
        if (kept) roster.noteKept(payload, ROOM, then, connectedAt);
        else {
          const id = brackets ?? payload.id;
          const own = name === "me" ? { sentTo: ROOM } : {};
          roster.note(at(index + 1, { ...payload, id }, own));
        }
      }
    }
    assertEquals(statesIn(roster), states);
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
  const states = "eve wrote 4, dan wrote 3, cy wrote 1, ann wrote 0, " +
    "bob wrote -29.001";
  assertEquals(statesIn(roster), states);
  const spoke = ["ann", "bob", "cy", "dan"].map((it) => roster.spokeAt(it));
  assertEquals(spoke, [+noon(0), +noon(1), undefined, undefined]);
  roster.note(at(7, left("ann")));
  roster.note(at(8, notice(renameNotice("ann", "Ann"), "ann")));
  assertEquals(roster.spokeAt("Ann"), Number(noon(0)));
});

test("the longest unseen of more than 1,000 is forgotten, for none that a keeper lists", () => {
  const people = Array.from({ length: 999 }, (_, i) => `user${i}`);
  const roster = told(...people.map((name, i) => at(i, message("", name))));
  const here = ["bob", "cy"].map((name) => [name, noon(999)] as const);
  roster.noteHere(new Map(here), noon(999));
  for (const name of ["user1", "user0"]) {
    roster.note(at(1_000, message("", name)));
  }
  assertEquals(namesIn(roster).length, 1_000);
  roster.note(at(1_001, message("", "ann")));
  const names = namesIn(roster);
  assertEquals(names.length, 1_000);
  assertEquals(names.slice(0, 4), ["ann", "user0", "user1", "bob"]);
  assertEquals(names.at(-1), "user3");
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

test("members are here until a day after they were heard", () => {
  const roster = told(at(0, joined("ann")), at(0, left("bob")));
  const counts = [86_400, 86_401].map((now) => roster.here(noon(now)).length);
  assertEquals(counts, [1, 0]);
});
