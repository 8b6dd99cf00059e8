import { assert, assertEquals, assertFalse } from "@std/assert";
import type { ChatClient } from "../../lib/client.ts";
import {
  joinNotice,
  type Payload,
  type Received,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import { TestClock } from "../support/clock.ts";
import {
  joined as joins,
  message,
  namesIn,
  notice,
  read,
  received,
  ROOM,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const broker = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;
const connected = { type: "connected", broker, version: 5 } as const;
const lost = { type: "disconnected", broker, reason: "it went away" } as const;
const subscribed = { type: "subscribed", topic: ROOM, qos: 1 } as const;

const comes = (payload: Received["payload"], more: Partial<Received> = {}) => ({
  ...received(payload),
  receivedAt: new Date(),
  ...more,
});
const joined = (name: string, more?: Partial<Received>) =>
  comes(joins(name), more);
const said = (text: string, from: string, more?: Partial<Received>) =>
  comes(message(text, from), more);
const shown = (name: string) => `-- ${joinNotice(name, ROOM)}`;

const test = pureTests("reader", read);

test("a lost connection shows gathered notices", ({ reader, lines }) => {
  for (const name of ["ann", "bob", "cy", "dan"]) reader.receive(joined(name));
  reader.onStatus(lost);
  assertEquals(lines[3], "-- 1 joined: dan");
  reader.stop();
  assertEquals(lines.length, 4);
});

test("a gap before the room was readable has no line", ({ reader, lines }) => {
  const gap = { ...connected, sessionPresent: false, gap: 1 };
  const linesAfter = (status: Parameters<typeof reader.onStatus>[0]) => {
    reader.onStatus(status);
    return lines.length;
  };
  assertEquals(linesAfter(gap), 0);
  reader.onStatus(subscribed);
  assertEquals(linesAfter(gap), 1);
  // The user asked for a renewal, which is news only where it missed messages.
  const renewal = { ...gap, isRenewed: true };
  assertEquals(linesAfter({ ...renewal, sessionPresent: true }), 1);
  assertEquals(linesAfter(renewal), 2);
  assertEquals(linesAfter({ ...gap, sessionPresent: true }), 3);
  const shared = { ...renewal, sessionPresent: true, mayBeShared: true };
  assertEquals(linesAfter(shared), 4);
  // At QoS 0 the session keeps nothing.
  reader.onStatus({ ...subscribed, qos: 0 });
  assertEquals(linesAfter({ ...renewal, sessionPresent: true }), 5);
  reader.onStatus({ ...subscribed, topic: "hall" });
  assertEquals(linesAfter({ ...renewal, sessionPresent: true }), 6);
  const resumed = read({ resume: true });
  resumed.reader.onStatus(gap);
  assertEquals(resumed.lines.length, 1);
  const denied = read({ announce: true }).reader;
  denied.onStatus({ type: "denied", topic: ROOM, reason: "no" });
  assert(denied.presence.isDenied);
  // No client announces itself in rooms that it doesn't name.
  const { will } = read({ announce: true, topics: ["chat/#"] }).reader.presence;
  assertEquals(will, undefined);
});

test("notices of a member who spoke are not gathered", ({ reader, lines }) => {
  reader.receive(said("hi", "eve"));
  for (const name of ["ann", "bob", "cy", "eve"]) reader.receive(joined(name));
  assertEquals(lines, ["eve: hi", ...["ann", "bob", "cy", "eve"].map(shown)]);
});

test("with a count nothing is gathered, and each line of others counts, but no day", () => {
  let enough = 0;
  const { reader, lines } = read({ count: 5, onEnough: () => enough++ });
  const own = { sentTo: ROOM };
  reader.receive(joined("me", { receivedAt: new Date(2026, 10, 22), ...own }));
  const names = ["ann", "bob", "cy", "dan", "eve"];
  for (const name of names) {
    assertEquals(enough, 0);
    reader.receive(joined(name, { receivedAt: new Date(2026, 10, 23) }));
  }
  reader.receive(joined("fay"));
  assertEquals(enough, 1);
  const [me, ...others] = ["me", ...names].map(shown);
  assertEquals(lines, [me, "== Monday, 2026-11-23", ...others]);
});

test("what the session kept is counted, also where it is held for a history", async () => {
  const clock = new TestClock(Date.now());
  const ignored = new Ignored(["bob"]);
  const { reader, lines } = read({ resume: true, history: 5, clock, ignored });
  reader.onStatus({ ...connected, sessionPresent: true });
  for (const name of ["bob", "ann", "bob"]) reader.receive(said("hi", name));
  await clock.advance(30_000);
  assertEquals(lines, []);
  reader.stop();
  const missed = "== 1 message came while you were away.";
  assertEquals(lines, ["ann: hi", missed]);
  assertEquals(clock.nextIn, undefined);
  // Without a session, or unasked, none was kept.
  for (const resume of [false, true]) {
    const { reader, lines } = read({ resume, clock });
    reader.onStatus({ ...connected, sessionPresent: !resume });
    await clock.advance(2_000);
    assertEquals(lines, []);
  }
  // They end in a gap, too.
  const cut = read({ resume: true, clock, sends: true });
  cut.reader.onStatus({ ...connected, sessionPresent: true });
  cut.reader.receive(joined("ann"));
  cut.reader.receive(said("hi", "me"));
  cut.reader.onStatus(lost);
  await clock.advance(2_000);
  assertEquals(cut.lines, [shown("ann"), "me: hi", missed]);
  // What an earlier client of ours sent is of no other member.
  cut.reader.receive(said("old", "me", { retain: true }));
  assertEquals(namesIn(cut.reader.roster), ["ann"]);
  // They end before our own join.
  const other = read({ resume: true, announce: true, clock });
  other.reader.onStatus({ ...connected, sessionPresent: true });
  other.reader.onStatus(subscribed);
  const send = () => Promise.resolve();
  other.reader.announce({ send } as unknown as ChatClient);
  await clock.advance(0);
  other.reader.receive(said("hi", "ann"));
  other.reader.receive(joined("me", { sentTo: ROOM }));
  assertEquals(other.lines, ["ann: hi", missed, shown("me")]);
  other.reader.stop();
  assertEquals(clock.nextIn, undefined);
});

test("lines of an ignored author are not shown, counted or gathered, and ring no bell", () => {
  let isEnough = false;
  const ignored = new Ignored(["bob", "me"]);
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ ignored, count: 2, onEnough, bell: true });
  for (const one of [joined("bob"), said("hi me", "bob")]) reader.receive(one);
  reader.receive(said("kept", "bob", { retain: true }));
  reader.receive(said("from another me", "me"));
  reader.receive(said("mine", "me", { sentTo: ROOM }));
  assertEquals([lines, isEnough], [["me: mine"], false]);
  reader.receive(said("hi", "Bob"));
  assertEquals([lines.splice(0), isEnough], [["me: mine", "Bob: hi"], true]);
  const crowd = read({ ignored });
  for (const name of ["a", "b", "c", "d", "bob"]) {
    crowd.reader.receive(joined(name));
  }
  crowd.reader.stop();
  assertEquals(crowd.lines[3], "-- 1 joined: d");
  // They are there all the same.
  assertEquals(namesIn(crowd.reader.roster).includes("bob"), true);
  ignored.remove("bob");
  crowd.reader.receive(said("hi", "bob"));
  assertEquals(crowd.lines.at(-1), "bob: hi");
});

test("an ignored name is compared exactly, or as lines show it where it can't be typed", () => {
  const names = ["Ada", "a: b", '"Bo<U+200B>"', `"${"x".repeat(32)}"…`, " c"];
  const ignored = new Ignored(names);
  assertEquals(ignored.add("__proto__"), true);
  // Of long names all that look so, since a line shows no more of them.
  const all = ["Ada", "a: b", "Bo\u200b", "__proto__", "x".repeat(33)];
  for (const name of [...all, "x".repeat(256), " c"]) {
    assertEquals([ignored.has(name), ignored.add(name)], [true, false], name);
  }
  const others = ["ada", "Ada ", "Аda", "Ada\u200b", "Bo", "", "x".repeat(32)];
  for (const name of others) assertEquals(ignored.has(name), false, name);
  const list = ["Ada", '"a: b"', ...names.slice(2, 4), '" c"', "__proto__"];
  assertEquals(ignored.list(), list);
  // In either spelling.
  assertEquals(ignored.remove("c"), false);
  for (const name of [...all.slice(0, 4), '" c"', names[3]]) {
    assertEquals(ignored.remove(name), true, name);
  }
  assertEquals(ignored.list(), []);
});

test("mentions of the new name ring", async () => {
  const { reader, lines } = read({ bell: true, sends: true });
  await reader.rename("I");
  for (const text of ["hi me", "hi I"]) reader.receive(said(text, "ann"));
  assertEquals(lines, ["ann: hi me", "\x07ann: hi I"]);
});

test("an unsealed forgery is marked, and changes no roster", () => {
  const { reader, lines } = read({ announce: true, bell: true });
  const forge = (payload: Payload) =>
    reader.receive(comes(payload, { sealed: false }));
  forge(joins("me"));
  assertFalse(reader.presence.isHeard);
  forge(message("hi me", "ann"));
  const names = ["b", "c", "d", "e", "f"];
  for (const name of names) forge(notice(timeoutNotice(name), name));
  assertEquals(reader.roster.list(), []);
  assertEquals(lines, [
    ...[`(unsealed) ${shown("me")}`, "(unsealed) ann: hi me"],
    ...names.map((name) => `(unsealed) -- ${timeoutNotice(name)}`),
  ]);
  reader.receive(joined("me", { sealed: true, sentTo: ROOM }));
  assert(reader.presence.isHeard);
  assertEquals(namesIn(reader.roster), ["me"]);
});

test("without the secret, a run of sealed payloads counts once", () => {
  let isEnough = false;
  const onEnough = () => isEnough = true;
  const { reader, lines } = read({ announce: true, count: 2, onEnough });
  const closed = { type: "sealed", sealed: "AQ" } as const;
  for (let i = 0; i < 3; i++) reader.receive(comes(closed));
  assertEquals([isEnough, reader.roster.list()], [false, []]);
  // The room can be read all the same.
  assert(reader.presence.isHeard);
  reader.receive(said("hi", "alice"));
  assertEquals(isEnough, true);
  assertEquals(lines, [
    "== 3 sealed payloads (--secret-file FILE opens them)",
    "alice: hi",
  ]);
});
