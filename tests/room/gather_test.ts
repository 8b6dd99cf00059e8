import { assert, assertEquals } from "@std/assert";
import type { Payload } from "../../lib/protocol.ts";
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
import { pureTests, scenesIn } from "../support/pure.ts";

/** A view that gathers; its lines are without their times. */
function watch(options: Partial<ViewOptions> = {}) {
  const { room, lines, clock } = view({ gather: true, self: "me", ...options });
  /** Shows what arrives now. */
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

const test = pureTests("gathering", watch);

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
  let spoke = -Infinity;
  const spokeAt = (name: string) => name === "ann" ? spoke : undefined;
  const { show, join, shown, wait, clock } = crowded({ spokeAt });
  spoke = clock.wall();
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

test("sealed payloads that go on have a line each minute at most, and delay no joins", async ({ close, show, join, shown, wait }) => {
  const first: boolean[] = [];
  for (let i = 0; i < 90; i++) {
    first.push(close());
    await wait(10_000);
  }
  const lines = shown().length;
  assert(lines >= 16 && lines <= 24, `${lines} lines in 15 minutes`);
  assertEquals(first.filter((isFirst) => isFirst).length, lines + 1);
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
