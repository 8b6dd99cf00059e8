/** What becomes of a room between the connection and the reader's lines. */

import { assertEquals } from "@std/assert";
import { joinNotice, timeoutNotice } from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { droppedLine } from "../../lib/room/view.ts";
import { TestClock } from "../support/clock.ts";
import { message, notice, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn, read, ROOM, TIME } from "../support/rooms.ts";

const broker = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;
const connected = { type: "connected", broker, version: 5 } as const;
const now = { receivedAt: new Date() };
const joined = (name: string) => ({
  ...received(notice(joinNotice(name, ROOM), name)),
  ...now,
});
const said = (text: string, from: string) => ({
  ...received(message(text, from)),
  ...now,
});
const shown = (name: string) => `-- ${joinNotice(name, ROOM)}`;

const test = pureTests("reader", read);

test("a lost connection shows gathered notices", ({ reader, lines }) => {
  for (const name of ["ann", "bob", "cy", "dan"]) reader.receive(joined(name));
  reader.onStatus({ type: "disconnected", broker, reason: "it went away" });
  assertEquals(lines[3], "-- 1 joined: dan");
  reader.stop();
  assertEquals(lines.length, 4);
});

test("a gap before the room was readable has no line", ({ reader, lines }) => {
  const gap = { ...connected, sessionPresent: false, gap: 1 };
  reader.onStatus(gap);
  assertEquals(lines, []);
  reader.onStatus({ type: "subscribed", topic: ROOM, qos: 1 });
  reader.onStatus(gap);
  assertEquals(lines.length, 1);
  // The user asked for a renewal, which is news only where it missed messages.
  const renewal = { ...gap, isRenewed: true };
  reader.onStatus({ ...renewal, sessionPresent: true });
  assertEquals(lines.length, 1);
  reader.onStatus(renewal);
  assertEquals(lines.length, 2);
});

test("notices of a member who spoke are not gathered", ({ reader, lines }) => {
  reader.receive(said("hi", "eve"));
  for (const name of ["ann", "bob", "cy", "eve"]) reader.receive(joined(name));
  assertEquals(lines, ["eve: hi", ...["ann", "bob", "cy", "eve"].map(shown)]);
});

test("with a count nothing is gathered, and each line of others counts", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ count: 5, onEnough });
  const names = ["ann", "bob", "cy", "dan", "eve"];
  reader.receive({ ...joined("me"), sentTo: ROOM });
  for (const name of names) {
    assertEquals(isEnough, false);
    reader.receive(joined(name));
  }
  assertEquals(isEnough, true);
  reader.receive(joined("fay"));
  assertEquals(lines, ["me", ...names].map(shown));
});

test("what is held for a history counts as missed", async () => {
  const clock = new TestClock(Date.now());
  const { reader, lines } = read({ resume: true, history: 5, clock });
  reader.onStatus({ ...connected, sessionPresent: true });
  reader.receive(said("hi", "ann"));
  await clock.advance(30_000);
  assertEquals(lines, []);
  reader.stop();
  assertEquals(lines, ["ann: hi", "== 1 message came while you were away."]);
});

test("the line of a new day does not count", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ count: 2, onEnough });
  const at = (day: number) => ({
    ...said("hi", "ann"),
    receivedAt: new Date(2026, 10, day),
  });
  reader.receive(at(22));
  reader.receive(at(23));
  assertEquals(lines, ["ann: hi", "== Monday, 2026-11-23", "ann: hi"]);
  assertEquals(isEnough, true);
});

test("lines of an ignored author are not shown, counted or gathered, and ring no bell", () => {
  let isEnough = false;
  const ignored = new Ignored(["bob"]);
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ ignored, count: 1, onEnough, bell: true });
  for (const one of [joined("bob"), said("hi me", "bob")]) reader.receive(one);
  reader.receive({ ...said("kept", "bob"), retain: true });
  assertEquals([lines, isEnough], [[], false]);
  reader.receive(said("hi", "Bob"));
  assertEquals([lines, isEnough], [["Bob: hi"], true]);
  const crowd = read({ ignored });
  for (const name of ["a", "b", "c", "d", "bob"]) {
    crowd.reader.receive(joined(name));
  }
  crowd.reader.stop();
  assertEquals(crowd.lines[3], "-- 1 joined: d");
  // They are there all the same.
  assertEquals(namesIn(crowd.reader.roster).includes("bob"), true);
});

test("ignored messages are not among those that came while away", () => {
  const { reader, lines } = read({
    resume: true,
    ignored: new Ignored(["bob"]),
  });
  reader.onStatus({ ...connected, sessionPresent: true });
  for (const name of ["bob", "ann", "bob"]) reader.receive(said("hi", name));
  reader.stop();
  assertEquals(lines, ["ann: hi", "== 1 message came while you were away."]);
});

test("an author can be unignored, and own lines are always shown", () => {
  const ignored = new Ignored(["bob", "me"]);
  const { reader, lines } = read({ ignored });
  reader.receive({ ...said("mine", "me"), sentTo: ROOM });
  reader.receive(said("from another me", "me"));
  ignored.remove("bob");
  reader.receive(said("hi", "bob"));
  assertEquals(lines, ["me: mine", "bob: hi"]);
});

test("the client's own will changes no roster", () => {
  const { reader } = read({ sends: true });
  reader.receive({ ...joined("me"), sentTo: ROOM });
  reader.onStatus({ type: "disconnected", broker, reason: "it went away" });
  const will = received(notice(timeoutNotice("me"), "me"));
  reader.receive({ ...now, ...will, sentTo: ROOM });
  assertEquals(reader.roster.list().map(({ state }) => state), ["here"]);
});

test("mentions of the new name ring", async () => {
  const { reader, lines } = read({ bell: true, sends: true });
  await reader.rename("I");
  for (const text of ["hi me", "hi I"]) reader.receive(said(text, "ann"));
  assertEquals(lines, ["ann: hi me", "\x07ann: hi I"]);
});

test("a line stands in for those that were dropped", () => {
  assertEquals(
    droppedLine(3, { json: false, color: false }).replace(TIME, ""),
    "== 3 lines dropped here: the output was too slow for them.",
  );
  const { receivedAt: _, ...rest } = JSON.parse(
    droppedLine(3, { json: true, color: true }),
  );
  assertEquals(rest, { type: "dropped", count: 3 });
});
