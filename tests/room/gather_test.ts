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
  view,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const ROOM = "chat/room";

/** A view that gathers; its lines are without their times. */
function watch(options: Partial<ViewOptions> = {}) {
  const all = view({ gather: true, self: "me", ...options });
  const { room, lines, clock } = all;
  /** Shows what arrives now. */
  const show = (payload: Payload, topic = ROOM, retain = false) =>
    room.show({
      ...received(payload, topic),
      receivedAt: new Date(clock.wall()),
      retain,
    });
  const close = (topic = ROOM) =>
    room.show(received({ type: "sealed", sealed: "AQ" }, topic));
  /** The lines since this was asked last. */
  const shown = () =>
    lines.splice(0).map((line) => line.replace("14:03:22 ", ""));
  return { ...all, show, close, shown };
}

/** One in which three have just joined, so that the next is one of many. */
function crowded(options: Partial<ViewOptions> = {}, topic = ROOM) {
  const all = watch(options);
  for (const name of ["x", "y", "z"]) all.show(joined(name, topic), topic);
  assertEquals(all.shown().length, 3);
  return all;
}

const subscribed = (name: string, topic = ROOM) =>
  `-- User ${name} is now subscribed to ${topic}.`;

const test = pureTests("gathering", watch);

test("three are shown as they come, the others in one line", async ({ show, shown, clock }) => {
  for (let i = 0; i < 20; i++) assertEquals(show(joined(`u${i}`)), true);
  show(left("erin"));
  assertEquals(shown(), ["u0", "u1", "u2"].map((name) => subscribed(name)));
  await clock.advance(999);
  assertEquals(shown(), []);
  await clock.advance(1);
  assertEquals(shown(), [
    "-- 17 joined: u3, u4, u5 and 14 more; 1 left: erin",
  ]);
  assertEquals(clock.nextIn, undefined);
});

test("three within two seconds are few", async ({ show, shown, clock }) => {
  for (const ms of [0, 900, 900, 199]) {
    await clock.advance(ms);
    show(joined("ann"));
  }
  assertEquals(shown().length, 3);
  await clock.advance(60_000);
  assertEquals(shown(), ["-- 1 joined: ann"]);
  for (let i = 0; i < 60; i++) {
    show(joined(`u${i}`));
    await clock.advance(667);
  }
  assertEquals(shown().length, 60);
});

test("as long as more come, there is a line every three seconds", async () => {
  const { show, shown, clock } = crowded();
  for (let i = 0; i < 70; i++) {
    show(joined(`u${i}`));
    await clock.advance(100);
  }
  const gathered = (count: number, first: number) =>
    `-- ${count} joined: u${first}, u${first + 1}, u${first + 2} ` +
    `and ${count - 3} more`;
  assertEquals(shown(), [gathered(30, 0), gathered(30, 30)]);
  await clock.advance(900);
  assertEquals(shown(), [gathered(10, 60)]);
});

test("a notice that is not one of many overtakes none that is held back", async () => {
  const { show, shown, clock } = crowded();
  for (const [after, name] of [[100, "a"], [800, "b"], [900, "c"]] as const) {
    await clock.advance(after);
    show(joined(name));
  }
  await clock.advance(900);
  show(joined("d"));
  assertEquals(shown(), []);
  await clock.advance(400);
  assertEquals(shown(), ["-- 4 joined: a, b, c, d"]);
});

test("the last change of a name counts, in the order of the changes", async () => {
  const { show, shown, clock } = crowded();
  show(joined("ann"));
  show(lost("bob"));
  show(joined("cy"));
  show(left("ann"));
  show(joined("bob"));
  await clock.advance(1_000);
  assertEquals(shown(), ["-- 2 joined: cy, bob; 1 left: ann"]);
});

test("each room has its own line", async () => {
  const { show, shown, clock } = crowded({ showTopic: true });
  for (const name of ["x", "y", "z"]) show(joined(name, "hall"), "hall");
  shown();
  show(joined("ann"));
  await clock.advance(500);
  show(left("bob", "hall"), "hall");
  // In the hall she is not held back.
  show(message("hi", "ann"), "hall");
  await clock.advance(500);
  assertEquals(shown(), ["[hall] ann: hi", "[chat/room] -- 1 joined: ann"]);
  await clock.advance(500);
  assertEquals(shown(), ["[hall] -- 1 left: bob"]);
});

test("an author who speaks has joined before", () => {
  const { show, shown } = crowded();
  show(joined("ann"));
  show(message("I was here all the time", "bob"));
  show(joined("cy"));
  show(message("hi", "ann"));
  assertEquals(shown(), [
    "bob: I was here all the time",
    "-- 2 joined: ann, cy",
    "ann: hi",
  ]);
});

test("late messages, histories and lines of ours come after what is held back", () => {
  const { show, shown, room, clock } = crowded();
  const at = new Date(clock.wall() - 60_000).toISOString();
  show(joined("ann"));
  show({ ...message("hi", "ann"), at });
  show(joined("bob"));
  room.note({ type: "dropped", count: 1 });
  show(joined("cy"));
  room.showKept(received(message("before")), new Date(at));
  assertEquals(shown().map((line) => line.replace(/^[(]sent .*[)] /, "")), [
    "-- 1 joined: ann",
    "ann: hi",
    "-- 1 joined: bob",
    "== 1 line dropped here: the output was too slow for them.",
    "-- 1 joined: cy",
    "alice: before",
  ]);
});

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
  const { show, shown, clock } = crowded({
    spokeAt: (name) => name === "ann" ? spoke : undefined,
  });
  spoke = clock.wall();
  show(left("ann"));
  show(left("bob"));
  assertEquals(shown(), ["-- User ann disconnecting from chat/room."]);
  await clock.advance(10 * 60_000);
  for (const name of ["x", "y", "z"]) show(joined(name));
  shown();
  show(left("ann"));
  assertEquals(shown(), []);
});

test("at most a thousand people are held back", async () => {
  const { show, shown, clock } = crowded();
  for (let i = 0; i < 1_001; i++) {
    show(joined(`u${i}`));
    show(joined(`u${i}`));
  }
  assertEquals(shown(), ["-- 1000 joined: u0, u1, u2 and 997 more"]);
  await clock.advance(1_000);
  assertEquals(shown(), ["-- 2 joined: u999, u1000"]);
});

test("a hundred rooms are gathered, until one is quiet", async ({ show, shown, clock }) => {
  const crowd = (topic: string) => {
    for (const name of ["a", "b", "c", "d"]) show(joined(name, topic), topic);
    return shown().length;
  };
  for (let i = 0; i < 100; i++) assertEquals(crowd(`room${i}`), 3);
  assertEquals(crowd("hall"), 4);
  await clock.advance(1_999);
  shown();
  assertEquals(crowd("hall"), 4);
  await clock.advance(1);
  assertEquals(crowd("hall"), 3);
});

test("at the end all is shown, and nothing is held back any more", () => {
  const { show, shown, close, room, clock } = crowded();
  close();
  show(joined("ann"));
  room.endGathering();
  assertEquals(clock.nextIn, undefined);
  show(left("ann"));
  assertEquals(shown(), [
    "== 1 sealed payload (--secret-file FILE opens it)",
    "-- 1 joined: ann",
    "-- User ann disconnecting from chat/room.",
  ]);
});

test("nothing is gathered in JSON, and joins only where it is wanted", () => {
  for (const options of [{ json: true }, { gather: false }]) {
    const { show, shown, clock } = crowded(options);
    show(joined("ann"));
    assertEquals(shown().length, 1);
    assertEquals(clock.nextIn, undefined);
  }
  const { close, shown } = watch({ json: true });
  assertEquals([close(), close()], [true, true]);
  assertEquals(shown().length, 2);
});

test("sealed payloads are one line, before what follows them", ({ room, show, close, shown }) => {
  const closed = Array.from({ length: 7 }, () => close());
  assertEquals(closed, [true, ...Array(6).fill(false)]);
  assertEquals(shown(), []);
  show(message("hi"));
  close();
  room.note({ type: "dropped", count: 1 });
  assertEquals(shown(), [
    "== 7 sealed payloads (--secret-file FILE opens them)",
    "alice: hi",
    "== 1 sealed payload (--secret-file FILE opens it)",
    "== 1 line dropped here: the output was too slow for them.",
  ]);
});

test("sealed payloads are shown a second after the last", async ({ close, shown, clock }) => {
  for (let i = 0; i < 5; i++) {
    close();
    await clock.advance(900);
  }
  assertEquals(shown(), []);
  await clock.advance(100);
  assertEquals(shown(), [
    "== 5 sealed payloads (--secret-file FILE opens them)",
  ]);
  assertEquals(clock.nextIn, undefined);
});

test("sealed payloads that go on have a line each minute at most", async ({ close, show, shown, clock }) => {
  for (let i = 0; i < 90; i++) {
    close();
    await clock.advance(10_000);
  }
  const lines = shown().length;
  assert(lines >= 16 && lines <= 24, `${lines} lines in 15 minutes`);
  // After another line it begins anew.
  show(message("hi"));
  shown();
  close();
  await clock.advance(1_000);
  assertEquals(shown().length, 1);
});

test("a flood of sealed payloads is held back for a minute at most", async ({ close, shown, clock }) => {
  for (let i = 0; i < 70; i++) {
    close();
    await clock.advance(900);
  }
  assertEquals(shown(), [
    "== 67 sealed payloads (--secret-file FILE opens them)",
  ]);
});

test("a minute's wait for sealed payloads delays no joins", async ({ close, show, shown, clock }) => {
  for (let i = 0; i < 10; i++) {
    close();
    await clock.advance(60_000);
  }
  close();
  for (const name of ["x", "y", "z", "ann"]) show(joined(name));
  shown();
  await clock.advance(1_000);
  assertEquals(shown(), ["-- 1 joined: ann"]);
});

test("sealed payloads name their room, or that there are several", async () => {
  const { room, close, shown, clock } = watch({ showTopic: true });
  close();
  close();
  await clock.advance(1_000);
  close();
  close("chat/b");
  room.endGathering();
  assertEquals(shown(), [
    "== 2 sealed payloads in chat/room (--secret-file FILE opens them)",
    "== 2 sealed payloads in several rooms (--secret-file FILE opens them)",
  ]);
});
