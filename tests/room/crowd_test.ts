import { assertEquals } from "@std/assert";
import { Crowds } from "../../lib/room/crowd.ts";
import type { Payload } from "../../lib/protocol.ts";
import {
  joinNotice,
  leaveNotice,
  type PresenceChange,
  timeoutNotice,
} from "../../lib/room/members.ts";
import { message, notice, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const ROOM = "chat/room";

/** The notice of a change. */
function change(what: PresenceChange, name: string, topic = ROOM): Payload {
  const texts: Record<PresenceChange, string> = {
    "joined": joinNotice(name, topic),
    "left": leaveNotice(name, topic),
    "timed out": timeoutNotice(name),
  };
  return notice(texts[what], name);
}

/** Crowds, and shorter ways to use it. */
class Watch {
  readonly crowds: Crowds;

  constructor(spokeAt: Record<string, number> = {}) {
    this.crowds = new Crowds((name) => spokeAt[name]);
  }

  /** Whether a notice is held back at a time. */
  gather(
    now: number,
    name: string,
    what: PresenceChange = "joined",
    topic = ROOM,
  ): boolean {
    return this.crowds.gather(received(change(what, name, topic), topic), now);
  }

  /** What is due at a time. */
  take(now?: number) {
    return this.crowds.take(now).map(({ topic, people }) =>
      [topic, ...[...people].map((one) => one.join(" "))].join(": ")
    );
  }
}

/** One in which three have come at 0, so that the next is held back. */
function crowded(spokeAt: Record<string, number> = {}): Watch {
  const watch = new Watch(spokeAt);
  for (const name of ["x", "y", "z"]) {
    assertEquals(watch.gather(0, name), false);
  }
  return watch;
}

const test = pureTests("crowds");

test("the first three within two seconds are shown at once", () => {
  const watch = new Watch();
  const held = [0, 900, 1_800, 1_999, 2_000]
    .map((now, i) => watch.gather(now, `user${i}`));
  assertEquals(held, [false, false, false, true, true]);
  assertEquals(watch.take(), ["chat/room: user3 joined: user4 joined"]);
  assertEquals(crowded().gather(2_000, "ann"), false);
});

test("a few now and then are never held back", () => {
  const watch = new Watch();
  for (let now = 0; now < 60_000; now += 667) {
    assertEquals(watch.gather(now, `user${now}`), false);
  }
  assertEquals(watch.crowds.wait(60_000), undefined);
});

test("they are due after a second without another", () => {
  const watch = crowded();
  watch.gather(100, "ann");
  assertEquals(watch.crowds.wait(100), 1_000);
  watch.gather(700, "bob", "left");
  assertEquals(watch.crowds.wait(800), 900);
  assertEquals(watch.take(1_699), []);
  assertEquals(watch.take(1_700), ["chat/room: ann joined: bob left"]);
  assertEquals(watch.take(), []);
  assertEquals(watch.crowds.wait(1_700), undefined);
});

test("they are due after three seconds in any case", () => {
  const watch = crowded();
  for (let now = 100; now < 3_100; now += 500) watch.gather(now, `user${now}`);
  assertEquals(watch.crowds.wait(2_600), 500);
  assertEquals(watch.take(3_099), []);
  assertEquals(watch.take(3_100).length, 1);
  // As many go on coming.
  assertEquals(watch.gather(3_100, "ann"), true);
  assertEquals(watch.take(), ["chat/room: ann joined"]);
});

test("one after a pause waits for what is held back", () => {
  const watch = crowded();
  watch.gather(1, "ann");
  // Not many any more, but it came later.
  assertEquals(watch.gather(5_000, "bob"), true);
  assertEquals(watch.take(), ["chat/room: ann joined: bob joined"]);
});

test("of somebody who comes and goes counts the last", () => {
  const watch = crowded();
  watch.gather(1, "ann");
  watch.gather(2, "bob", "timed out");
  watch.gather(3, "ann", "left");
  assertEquals(watch.take(), ["chat/room: bob timed out: ann left"]);
  watch.gather(4, "bob", "timed out");
  watch.gather(5, "bob", "joined");
  assertEquals(watch.take(), ["chat/room: bob joined"]);
});

test("each room on its own", () => {
  const watch = crowded();
  assertEquals(watch.gather(0, "ann", "joined", "hall"), false);
  assertEquals(watch.gather(0, "ann"), true);
  assertEquals(watch.crowds.holds(ROOM, "ann"), true);
  assertEquals(watch.crowds.holds(ROOM, "bob"), false);
  assertEquals(watch.crowds.holds("hall", "ann"), false);
  for (const name of ["b", "c", "d"]) {
    watch.gather(600, name, "joined", "hall");
  }
  assertEquals(watch.crowds.wait(600), 400);
  assertEquals(watch.take(1_000), ["chat/room: ann joined"]);
  assertEquals(watch.crowds.wait(1_000), 600);
  assertEquals(watch.take(1_600), ["hall: d joined"]);
});

test("who said something lately is no part of the crowd", () => {
  const watch = crowded({ ann: 0, bob: 0 });
  assertEquals(watch.gather(100, "ann", "left"), false);
  const later = 10 * 60_000;
  assertEquals(watch.gather(later - 1, "bob"), false);
  for (const name of ["x", "y", "z"]) watch.gather(later - 1, name);
  assertEquals(watch.gather(later, "bob"), true);
});

test("messages and other notices are not held back", () => {
  const watch = crowded();
  for (
    const payload of [
      message(joinNotice("ann", ROOM), "ann"),
      notice("User ann is away.", "ann"),
      change("joined", "ann", "hall"),
      notice(joinNotice("ann", ROOM), "bob"),
      change("joined", "x".repeat(257)),
    ]
  ) {
    assertEquals(watch.crowds.gather(received(payload), 1), false);
  }
  assertEquals(watch.gather(1, "ann"), true);
});

test("a clock that is set back holds nothing longer", () => {
  const watch = crowded();
  watch.gather(1, "ann");
  assertEquals(watch.crowds.wait(-60_000), 0);
  assertEquals(watch.take(-60_000), ["chat/room: ann joined"]);
});

test("a thousand people are as many as are held back", () => {
  const watch = crowded();
  for (let i = 0; i < 999; i++) watch.gather(1, `user${i}`);
  watch.gather(1, "user0", "left");
  assertEquals(watch.crowds.isFull, false);
  watch.gather(1, "ann");
  assertEquals(watch.crowds.isFull, true);
  watch.take();
  assertEquals(watch.crowds.isFull, false);
});

test("a hundred busy rooms are as many as are looked after", () => {
  const watch = new Watch();
  const crowd = (now: number, topic: string) =>
    ["a", "b", "c", "d"].map((name) =>
      watch.gather(now, name, "joined", topic)
    )[3];
  for (let i = 0; i < 100; i++) assertEquals(crowd(0, `room${i}`), true);
  assertEquals(crowd(1_999, "hall"), false);
  assertEquals(crowd(2_000, "hall"), false);
  // The others have gone quiet and nothing of them is held back.
  assertEquals(watch.take(2_000).length, 100);
  assertEquals(crowd(2_000, "hall"), true);
});
