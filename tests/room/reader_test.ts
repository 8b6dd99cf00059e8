/**
 * What becomes of a room between the connection and the reader's lines. No test
 * waits for the timers: the end, or a lost connection, comes before.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { joinNotice } from "../../lib/protocol.ts";
import {
  droppedLine,
  Reader,
  type ReaderOptions,
} from "../../lib/room/reader.ts";
import { message, notice, received } from "../support/line_fixtures.ts";

const ROOM = "chat/room";
const TIME = /\d\d:\d\d:\d\d /;

/** A reader of a room, and its lines without their times. */
function read(options: Partial<ReaderOptions> = {}) {
  const lines: string[] = [];
  const reader = new Reader({
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
    ...options,
    write: (line) => lines.push(line.replace(TIME, "")),
    warn: (sentence) => lines.push(sentence),
  });
  return { reader, lines };
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
  Deno.test({ name: `reader: ${name}`, permissions: "none", fn });

test("at the end, what was held back is shown", () => {
  const { reader, lines } = read();
  for (const name of ["ann", "bob", "cy", "dan"]) reader.receive(joined(name));
  const first = ["ann", "bob", "cy"].map(shown);
  assertEquals(lines, first);
  reader.stop();
  assertEquals(lines, [...first, "-- 1 joined: dan"]);
  reader.receive(joined("eve"));
  assertEquals(lines[4], shown("eve"));
});

test("a lost connection holds nothing back", () => {
  const { reader, lines } = read();
  for (const name of ["ann", "bob", "cy", "dan"]) reader.receive(joined(name));
  reader.onStatus({
    type: "disconnected",
    broker: { scheme: "mqtt", host: "a", port: 1883, path: "" },
    reason: "it went away",
  });
  assertEquals(lines[3], "-- 1 joined: dan");
  reader.stop();
  assertEquals(lines.length, 4);
});

test("whoever said something is no part of the crowd", () => {
  const { reader, lines } = read();
  reader.receive(said("hi", "eve"));
  for (const name of ["ann", "bob", "cy", "eve"]) reader.receive(joined(name));
  assertEquals(lines, ["eve: hi", ...["ann", "bob", "cy", "eve"].map(shown)]);
  reader.stop();
});

test("with a count nothing is gathered, and each line counts", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ count: 5, onEnough });
  const names = ["ann", "bob", "cy", "dan", "eve"];
  for (const name of names) {
    assertEquals(isEnough, false);
    reader.receive(joined(name));
  }
  assertEquals(isEnough, true);
  assertEquals(lines, names.map(shown));
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

test("it takes note of who was seen", () => {
  const { reader } = read();
  reader.receive(joined("ann"));
  reader.receive(said("hi", "bob"));
  assertEquals(reader.roster.names().toSorted(), ["ann", "bob"]);
  reader.stop();
});

test("the bell rings where it is wanted", () => {
  const { reader, lines } = read({ bell: true });
  reader.receive(said("hi me", "ann"));
  assertEquals(lines, ["\x07ann: hi me"]);
  reader.stop();
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
