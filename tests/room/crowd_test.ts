import { assertEquals } from "@std/assert";
import { Folding } from "../../lib/room/crowd.ts";
import {
  joinNotice,
  leaveNotice,
  type Payload,
  type PresenceChange,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { message, notice, received } from "../support/line_fixtures.ts";

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

/** Folding, and shorter ways to use it. */
class Folds {
  readonly folding: Folding;

  constructor(spokeAt: Record<string, number> = {}) {
    this.folding = new Folding((name) => spokeAt[name]);
  }

  /** Whether a notice is held back at a time. */
  gather(
    now: number,
    name: string,
    what: PresenceChange = "joined",
    topic = ROOM,
  ): boolean {
    return this.folding.gather(received(change(what, name, topic), topic), now);
  }

  /** What is due at a time. */
  take(now?: number) {
    return this.folding.take(now).map(({ topic, people }) =>
      [topic, ...[...people].map((one) => one.join(" "))].join(": ")
    );
  }
}

/** One in which three have come at 0, so that the next is held back. */
function crowded(spokeAt: Record<string, number> = {}): Folds {
  const folds = new Folds(spokeAt);
  for (const name of ["x", "y", "z"]) {
    assertEquals(folds.gather(0, name), false);
  }
  return folds;
}

/** A test without any permission. */
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `folding: ${name}`, permissions: "none", fn });

test("the first three within two seconds are shown at once", () => {
  const folds = new Folds();
  const held = [0, 900, 1_800, 1_999, 2_000]
    .map((now, i) => folds.gather(now, `user${i}`));
  assertEquals(held, [false, false, false, true, true]);
  assertEquals(folds.take(), ["chat/room: user3 joined: user4 joined"]);
  assertEquals(crowded().gather(2_000, "ann"), false);
});

test("a few now and then are never held back", () => {
  const folds = new Folds();
  for (let now = 0; now < 60_000; now += 667) {
    assertEquals(folds.gather(now, `user${now}`), false);
  }
  assertEquals(folds.folding.wait(60_000), undefined);
});

test("they are due after a second without another", () => {
  const folds = crowded();
  folds.gather(100, "ann");
  assertEquals(folds.folding.wait(100), 1_000);
  folds.gather(700, "bob", "left");
  assertEquals(folds.folding.wait(800), 900);
  assertEquals(folds.take(1_699), []);
  assertEquals(folds.take(1_700), ["chat/room: ann joined: bob left"]);
  assertEquals(folds.take(), []);
  assertEquals(folds.folding.wait(1_700), undefined);
});

test("they are due after three seconds in any case", () => {
  const folds = crowded();
  for (let now = 100; now < 3_100; now += 500) folds.gather(now, `user${now}`);
  assertEquals(folds.folding.wait(2_600), 500);
  assertEquals(folds.take(3_099), []);
  assertEquals(folds.take(3_100).length, 1);
  // As many go on coming.
  assertEquals(folds.gather(3_100, "ann"), true);
  assertEquals(folds.take(), ["chat/room: ann joined"]);
});

test("one after a pause waits for what is held back", () => {
  const folds = crowded();
  folds.gather(1, "ann");
  // Not many any more, but it came later.
  assertEquals(folds.gather(5_000, "bob"), true);
  assertEquals(folds.take(), ["chat/room: ann joined: bob joined"]);
});

test("of somebody who comes and goes counts the last", () => {
  const folds = crowded();
  folds.gather(1, "ann");
  folds.gather(2, "bob", "timed out");
  folds.gather(3, "ann", "left");
  assertEquals(folds.take(), ["chat/room: bob timed out: ann left"]);
  folds.gather(4, "bob", "timed out");
  folds.gather(5, "bob", "joined");
  assertEquals(folds.take(), ["chat/room: bob joined"]);
});

test("each room on its own", () => {
  const folds = crowded();
  assertEquals(folds.gather(0, "ann", "joined", "hall"), false);
  assertEquals(folds.gather(0, "ann"), true);
  assertEquals(folds.folding.holds(ROOM, "ann"), true);
  assertEquals(folds.folding.holds(ROOM, "bob"), false);
  assertEquals(folds.folding.holds("hall", "ann"), false);
  for (const name of ["b", "c", "d"]) {
    folds.gather(600, name, "joined", "hall");
  }
  assertEquals(folds.folding.wait(600), 400);
  assertEquals(folds.take(1_000), ["chat/room: ann joined"]);
  assertEquals(folds.folding.wait(1_000), 600);
  assertEquals(folds.take(1_600), ["hall: d joined"]);
});

test("who said something lately is no part of the crowd", () => {
  const folds = crowded({ ann: 0, bob: 0 });
  assertEquals(folds.gather(100, "ann", "left"), false);
  const later = 10 * 60_000;
  assertEquals(folds.gather(later - 1, "bob"), false);
  for (const name of ["x", "y", "z"]) folds.gather(later - 1, name);
  assertEquals(folds.gather(later, "bob"), true);
});

test("messages and other notices are not held back", () => {
  const folds = crowded();
  for (
    const payload of [
      message(joinNotice("ann", ROOM), "ann"),
      notice("User ann is away.", "ann"),
      change("joined", "ann", "hall"),
      notice(joinNotice("ann", ROOM), "bob"),
      change("joined", "x".repeat(257)),
    ]
  ) {
    assertEquals(folds.folding.gather(received(payload), 1), false);
  }
  assertEquals(folds.gather(1, "ann"), true);
});

test("a clock that is set back holds nothing longer", () => {
  const folds = crowded();
  folds.gather(1, "ann");
  assertEquals(folds.folding.wait(-60_000), 0);
  assertEquals(folds.take(-60_000), ["chat/room: ann joined"]);
});

test("a thousand people are as many as are held back", () => {
  const folds = crowded();
  for (let i = 0; i < 999; i++) folds.gather(1, `user${i}`);
  folds.gather(1, "user0", "left");
  assertEquals(folds.folding.isFull, false);
  folds.gather(1, "ann");
  assertEquals(folds.folding.isFull, true);
  folds.take();
  assertEquals(folds.folding.isFull, false);
});

test("a hundred busy rooms are as many as are looked after", () => {
  const folds = new Folds();
  const crowd = (now: number, topic: string) =>
    ["a", "b", "c", "d"].map((name) =>
      folds.gather(now, name, "joined", topic)
    )[3];
  for (let i = 0; i < 100; i++) assertEquals(crowd(0, `room${i}`), true);
  assertEquals(crowd(1_999, "hall"), false);
  assertEquals(crowd(2_000, "hall"), false);
  // The others have gone quiet and nothing of them is held back.
  assertEquals(folds.take(2_000).length, 100);
  assertEquals(crowd(2_000, "hall"), true);
});
