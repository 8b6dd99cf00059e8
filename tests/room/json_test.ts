import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { renderJson, renderJsonNote } from "../../lib/room/json.ts";
import { decode } from "../../lib/protocol.ts";
import {
  gap,
  HARMFUL,
  message,
  NOTES,
  notice,
  received,
  TIME,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("JSON lines");

test("all members, in order", () => {
  const at = "2026-01-02T03:04:05.600Z";
  assertEquals(
    renderJson(received({ ...message("hi"), id: "x1", at })),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"message","from":"alice","text":"hi","id":"x1",' +
      `"at":"${at}","qos":1,"retain":false,"duplicate":false,"sealed":false}`,
  );
  assertEquals(
    renderJson({ ...received(notice("n")), retain: true, duplicate: true }),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"notice","from":"bob","text":"n","qos":1,"retain":true,' +
      '"duplicate":true,"sealed":false}',
  );
  assertEquals(
    renderJson(received(decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xff])))),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"malformed","reason":"not UTF-8","text":"\\ufeff\ufffd",' +
      '"bytes":"77u//w==","qos":1,"retain":false,"duplicate":false,"sealed":false}',
  );
});

test("harmful characters are escapes and parse back", () => {
  const text = "\u0000\u001b\u007f\u009b\u2028\u202e\u200e\u00ad\u{1ffff}" +
    "\u{e0041}\ud800é👨‍👩‍👧" + "\u0301".repeat(500);
  const shown = renderJson(received(message(text, text), text));
  assert(!HARMFUL.test(shown));
  assertMatch(
    shown,
    /\\u007f\\u009b\\u2028\\u202e\\u200e\\u00ad\\ud83f\\udfff/,
  );
  const parsed = JSON.parse(shown);
  for (const field of ["topic", "from", "text"]) {
    assertEquals(parsed[field], text);
  }
});

test("notes have their own members", () => {
  for (const [note] of NOTES) {
    const json = renderJsonNote(note, TIME);
    assertEquals(JSON.parse(json), { receivedAt: TIME.toJSON(), ...note });
  }
});

test("notes are safe to print", () => {
  const json = renderJsonNote(gap(1, false, "a\x1b[2J\n\u202e"), TIME);
  assertFalse(/[\p{Cc}\u202e]/u.test(json));
});
