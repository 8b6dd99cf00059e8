/**
 * Many who come and go, as a reader sees them: with a clock and a timer that
 * move when the test says so.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Payload } from "../../lib/protocol.ts";
import { joinNotice, leaveNotice } from "../../lib/room/members.ts";
import { RoomView, type ViewOptions } from "../../lib/room/view.ts";
import { message, notice, PLAIN, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const ROOM = "chat/room";
const START = Date.parse("2026-01-02T03:04:05.678Z");

const joined = (name: string, topic = ROOM) =>
  notice(joinNotice(name, topic), name);
const left = (name: string, topic = ROOM) =>
  notice(leaveNotice(name, topic), name);

/** A view that gathers, its lines, and its time. */
class Watch {
  readonly lines: string[] = [];
  readonly view: RoomView;
  #ms = 0;
  #timer?: { at: number; then: () => void };

  constructor(options: Partial<ViewOptions> = {}) {
    this.view = new RoomView({
      ...PLAIN,
      json: false,
      gather: true,
      self: "me",
      ...options,
      write: (line) => this.lines.push(line),
      now: () => this.#now,
      wait: (milliseconds, then) => {
        this.#timer = { at: this.#ms + milliseconds, then };
        return () => this.#timer = undefined;
      },
    });
  }

  get #now(): Date {
    return new Date(START + this.#ms);
  }

  /** Whether something is waited for. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  /** Shows what arrives now. */
  show(payload: Payload, topic = ROOM, retain = false): boolean {
    const receivedAt = this.#now;
    return this.view.show({
      ...received(payload, topic),
      receivedAt,
      retain,
    });
  }

  /** Lets three join, so that the next is one of many; forgets their lines. */
  crowd(topic = ROOM): this {
    for (const name of ["x", "y", "z"]) this.show(joined(name, topic), topic);
    assertEquals(this.lines.length, 3);
    this.lines.length = 0;
    return this;
  }

  /** Lets time pass. */
  pass(milliseconds: number): void {
    const end = this.#ms + milliseconds;
    while (this.#timer !== undefined && this.#timer.at <= end) {
      const { at, then } = this.#timer;
      this.#timer = undefined;
      this.#ms = at;
      then();
    }
    this.#ms = end;
  }
}

const test = pureTests("crowd in view");

test("three are shown as they come, the others in one line", () => {
  const watch = new Watch();
  for (let i = 0; i < 20; i++) assertEquals(watch.show(joined(`u${i}`)), true);
  watch.show(left("erin"));
  const first = [0, 1, 2].map((i) =>
    `14:03:22 -- User u${i} is now subscribed to chat/room.`
  );
  assertEquals(watch.lines, first);
  watch.pass(999);
  assertEquals(watch.lines, first);
  watch.pass(1);
  assertEquals(watch.lines, [
    ...first,
    "14:03:22 -- 17 joined: u3, u4, u5 and 14 more; 1 left: erin",
  ]);
  assertEquals(watch.isWaiting, false);
});

test("as long as more come, a line every three seconds", () => {
  const watch = new Watch().crowd();
  for (let i = 0; i < 70; i++) {
    watch.show(joined(`u${i}`));
    watch.pass(100);
  }
  const gathered = (count: number, first: number) =>
    `14:03:22 -- ${count} joined: u${first}, u${first + 1}, u${first + 2} ` +
    `and ${count - 3} more`;
  assertEquals(watch.lines, [gathered(30, 0), gathered(30, 30)]);
  watch.pass(900);
  assertEquals(watch.lines[2], gathered(10, 60));
});

test("rooms are told apart", () => {
  const watch = new Watch({ showTopic: true }).crowd().crowd("hall");
  watch.show(joined("ann"));
  watch.pass(500);
  watch.show(left("bob", "hall"), "hall");
  watch.pass(500);
  assertEquals(watch.lines, ["14:03:22 [chat/room] -- 1 joined: ann"]);
  watch.pass(500);
  assertEquals(watch.lines[1], "14:03:22 [hall] -- 1 left: bob");
});

test("whoever speaks has come before", () => {
  const watch = new Watch().crowd();
  watch.show(joined("ann"));
  watch.show(message("I was here all the time", "bob"));
  watch.show(joined("cy"));
  watch.show(message("hi", "ann"));
  assertEquals(watch.lines, [
    "14:03:22 bob: I was here all the time",
    "14:03:22 -- 2 joined: ann, cy",
    "14:03:22 ann: hi",
  ]);
  watch.pass(5_000);
  assertEquals(watch.lines.length, 3);
});

test("what is late comes after what was held back, too", () => {
  const watch = new Watch({ formatTime: () => "14:03:22" }).crowd();
  watch.show(joined("ann"));
  const at = new Date(START - 60_000).toISOString();
  watch.show({ ...message("hi", "ann"), at });
  assertEquals(watch.lines[0], "14:03:22 -- 1 joined: ann");
  assertEquals(watch.lines[1].endsWith(" ann: hi"), true);
});

test("notes come after what was held back", () => {
  const watch = new Watch().crowd();
  watch.show(joined("ann"));
  watch.view.note({ type: "dropped", count: 1 });
  assertEquals(watch.lines, [
    "14:03:22 -- 1 joined: ann",
    "14:03:22 == 1 line dropped here: the output was too slow for them.",
  ]);
});

test("never one's own, what is retained, late, or came while away", () => {
  const watch = new Watch().crowd();
  watch.show(joined("me"));
  watch.show(joined("ann"), ROOM, true);
  watch.show({
    ...joined("bob"),
    at: new Date(START - 30_001).toISOString(),
  });
  watch.view.beginMissed();
  watch.show(joined("cy"));
  assertEquals(watch.lines.length, 4);
  assertEquals(watch.isWaiting, false);
});

test("never those who said something lately", () => {
  const spokeAt = (name: string) => name === "ann" ? START : undefined;
  const watch = new Watch({ spokeAt }).crowd();
  watch.show(left("ann"));
  watch.show(left("bob"));
  assertEquals(watch.lines, [
    "14:03:22 -- User ann disconnecting from chat/room.",
  ]);
});

test("a thousand are not kept waiting", () => {
  const watch = new Watch().crowd();
  for (let i = 0; i < 1_001; i++) watch.show(joined(`u${i}`));
  assertEquals(watch.lines, [
    "14:03:22 -- 1000 joined: u0, u1, u2 and 997 more",
  ]);
  watch.pass(1_000);
  assertEquals(watch.lines[1], "14:03:22 -- 1 joined: u1000");
});

test("at the end all is shown, and nothing held back any more", () => {
  const watch = new Watch().crowd();
  watch.show(joined("ann"));
  watch.view.endGathering();
  assertEquals(watch.isWaiting, false);
  watch.show(left("ann"));
  assertEquals(watch.lines, [
    "14:03:22 -- 1 joined: ann",
    "14:03:22 -- User ann disconnecting from chat/room.",
  ]);
});

test("not in JSON, and not unless it is wanted", () => {
  for (const options of [{ json: true }, { gather: false }]) {
    const watch = new Watch(options).crowd();
    watch.show(joined("ann"));
    assertEquals(watch.lines.length, 1);
    assertEquals(watch.isWaiting, false);
  }
});
