/** What readers see in a room with a secret, with it and without. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  joinNotice,
  type Payload,
  type Received,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { renderJson } from "../../lib/room/json.ts";
import { renderLine } from "../../lib/room/line.ts";
import {
  assertHarmless,
  COLOR,
  colorTest,
  message,
  notice,
  PLAIN,
  received,
  TIME,
  TOPIC,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn, read, ROOM } from "../support/rooms.ts";

const CLOSED = { type: "sealed", sealed: "AQ" } as const;
const REASON = "sealed with another secret, for another room, or changed since";

const opened = (payload: Payload) => ({ ...received(payload), sealed: true });
const unsealed = (payload: Received["payload"]) => ({
  ...received(payload),
  sealed: false,
});
const closed = (topic = ROOM) => received(CLOSED, topic);

const test = pureTests("sealed");

test("an opened payload looks like any other", () => {
  for (const payload of [message("hi"), notice("n")]) {
    for (const options of [PLAIN, TOPIC, { ...COLOR, color: !Deno.noColor }]) {
      assertEquals(
        renderLine(opened(payload), options),
        renderLine(received(payload), options),
      );
    }
  }
});

test("an unsealed payload is marked", () => {
  const line = (payload: Received["payload"], more = {}, showSent = false) =>
    renderLine({ ...unsealed(payload), ...more }, TOPIC, showSent);
  assertEquals(
    line(message("hi")),
    "14:03:22 [chat/room] (unsealed) alice: hi",
  );
  assertEquals(line(notice("n")), "14:03:22 [chat/room] (unsealed) -- n");
  assertEquals(
    line({
      type: "malformed",
      reason: "not JSON",
      isText: true,
      bytes: new Uint8Array([65]),
    }),
    "14:03:22 [chat/room] (unsealed) ?? A",
  );
  const at = new Date(Number(TIME) - 60_000).toISOString();
  const late = line({ ...message("hi"), at }, { retain: true }, true);
  assert(
    /^14:03:22 \[chat\/room\] \(retained\) \(unsealed\) \(sent [\d:]{8}\) alice: hi$/
      .test(late),
    late,
  );
});

colorTest("what was not sealed has none", () => {
  const line = renderLine(unsealed(message("hi alice", "alice")), COLOR);
  assertEquals(
    line,
    "\x1b[2m14:03:22 [chat/room] (unsealed) alice: hi alice\x1b[22m",
  );
});

test("no name imitates the mark, or hides it", () => {
  assertEquals(
    renderLine(opened(message("hi", "(unsealed) bob")), PLAIN),
    '14:03:22 "(unsealed) bob": hi',
  );
  assertHarmless(unsealed(message("\x1b[2J", "\x1b[2J")));
});

test("a payload that does not open says why, in one line", () => {
  const payload = { ...CLOSED, reason: REASON };
  const what = { ...received(payload), sealed: true };
  assertEquals(renderLine(what, PLAIN), `14:03:22 == A payload is ${REASON}.`);
  const { type, reason, sealed } = JSON.parse(renderJson(what));
  assertEquals([type, reason, sealed], ["sealed", REASON, true]);
});

test("JSON always has sealed, true or false", () => {
  const of = (what: Received) => JSON.parse(renderJson(what)).sealed;
  assertEquals(of(opened(message("hi"))), true);
  assertEquals(of(unsealed(message("hi"))), false);
  assertEquals(of(received(message("hi"))), false);
  assertEquals(of(closed()), true);
});

test("an unsealed forgery is marked, and changes no roster", () => {
  const { reader, lines } = read({ announce: true, bell: true });
  const receivedAt = new Date();
  const forge = (payload: Payload) =>
    reader.receive({ ...unsealed(payload), receivedAt });
  const text = joinNotice("me", ROOM);
  forge(notice(text, "me"));
  assertFalse(reader.presence.isHeard);
  forge(message("hi me", "ann"));
  for (const name of ["b", "c", "d", "e", "f"]) {
    forge(notice(timeoutNotice(name), name));
  }
  assertEquals(reader.roster.list(), []);
  assertEquals(lines, [
    `(unsealed) -- ${text}`,
    "(unsealed) ann: hi me",
    ...["b", "c", "d", "e", "f"].map((name) =>
      `(unsealed) -- ${timeoutNotice(name)}`
    ),
  ]);
  reader.receive({ ...opened(notice(text, "me")), receivedAt, sentTo: ROOM });
  assert(reader.presence.isHeard);
  assertEquals(namesIn(reader.roster), ["me"]);
});

test("without the secret, a run of sealed payloads counts once", () => {
  let isEnough = false;
  const { reader, lines } = read({
    announce: true,
    count: 2,
    onEnough: () => isEnough = true,
  });
  const now = { receivedAt: new Date() };
  for (let i = 0; i < 3; i++) reader.receive({ ...closed(), ...now });
  assertEquals([isEnough, reader.roster.list()], [false, []]);
  // The room can be read all the same.
  assert(reader.presence.isHeard);
  reader.receive({ ...received(message("hi")), ...now });
  assertEquals(isEnough, true);
  assertEquals(lines, [
    "== 3 sealed payloads (--secret-file FILE opens them)",
    "alice: hi",
  ]);
});
