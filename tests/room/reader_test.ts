/**
 * What becomes of a room between the connection and the reader's lines. No test
 * waits for the timers: the end, or a lost connection, comes before.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { joinNotice } from "../../lib/protocol.ts";
import { Reading, type ReadingOptions } from "../../lib/room/reader.ts";
import { Roster } from "../../lib/room/roster.ts";
import { message, notice, received } from "../support/line_fixtures.ts";

const ROOM = "chat/room";

/** A reading of a room, and its lines without their times. */
function read(options: Partial<ReadingOptions> = {}) {
  const lines: string[] = [];
  const reading = new Reading({
    topics: [ROOM],
    name: "me",
    username: "chat",
    qos: 1,
    announce: false,
    json: false,
    color: false,
    showTopic: false,
    resume: false,
    gather: true,
    roster: new Roster(),
    ...options,
    write: (line) => lines.push(line.replace(/\d\d:\d\d:\d\d /, "")),
    warn: (sentence) => lines.push(sentence),
  });
  return { reading, lines };
}

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

/** A test without any permission. */
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `reading: ${name}`, permissions: "none", fn });

test("at the end, what was held back is shown", () => {
  const { reading, lines } = read();
  for (const name of ["ann", "bob", "cy", "dan"]) reading.receive(joined(name));
  const first = ["ann", "bob", "cy"].map(shown);
  assertEquals(lines, first);
  reading.stop();
  assertEquals(lines, [...first, "-- 1 joined: dan"]);
  reading.receive(joined("eve"));
  assertEquals(lines[4], shown("eve"));
});

test("a lost connection holds nothing back", () => {
  const { reading, lines } = read();
  for (const name of ["ann", "bob", "cy", "dan"]) reading.receive(joined(name));
  reading.onStatus({
    type: "disconnected",
    broker: { scheme: "mqtt", host: "a", port: 1883, path: "" },
    reason: "it went away",
  });
  assertEquals(lines[3], "-- 1 joined: dan");
  reading.stop();
  assertEquals(lines.length, 4);
});

test("whoever said something is no part of the crowd", () => {
  const { reading, lines } = read();
  reading.receive(said("hi", "eve"));
  for (const name of ["ann", "bob", "cy", "eve"]) reading.receive(joined(name));
  assertEquals(lines, ["eve: hi", ...["ann", "bob", "cy", "eve"].map(shown)]);
  reading.stop();
});

test("with a count nothing is gathered, and each line counts", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reading, lines } = read({ count: 5, onEnough });
  const names = ["ann", "bob", "cy", "dan", "eve"];
  for (const name of names) {
    assertEquals(isEnough, false);
    reading.receive(joined(name));
  }
  assertEquals(isEnough, true);
  assertEquals(lines, names.map(shown));
});

test("the line of a new day does not count", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reading, lines } = read({ count: 2, onEnough });
  const at = (day: number) => ({
    ...said("hi", "ann"),
    receivedAt: new Date(2026, 10, day),
  });
  reading.receive(at(22));
  reading.receive(at(23));
  assertEquals(lines, ["ann: hi", "== Monday, 2026-11-23", "ann: hi"]);
  assertEquals(isEnough, true);
});

test("it takes note of who was seen", () => {
  const roster = new Roster();
  const { reading } = read({ roster });
  reading.receive(joined("ann"));
  reading.receive(said("hi", "bob"));
  assertEquals(roster.names().toSorted(), ["ann", "bob"]);
  reading.stop();
});

test("the bell rings where it is wanted", () => {
  const { reading, lines } = read({ bell: true });
  reading.receive(said("hi me", "ann"));
  assertEquals(lines, ["\x07ann: hi me"]);
  reading.stop();
});
