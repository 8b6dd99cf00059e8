import { assertEquals, assertFalse } from "@std/assert";
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
  const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0xff]);
  const cases: [Parameters<typeof renderJson>, string][] = [
    [
      [received({ ...message("hi"), id: "x1", at })],
      `"message","from":"alice","text":"hi","id":"x1","at":"${at}","qos":1,` +
      '"retain":false,"duplicate":false,"sealed":false}',
    ],
    [
      [{
        ...received(notice("n")),
        retain: true,
        duplicate: true,
        sealed: true,
      }],
      '"notice","from":"bob","text":"n","qos":1,"retain":true,' +
      '"duplicate":true,"sealed":true}',
    ],
    [
      [received(decode(bytes)), { signature: "valid", key: "K" }, true],
      '"malformed","reason":"not UTF-8","text":"\\ufeff\ufffd",' +
      '"bytes":"77u//w==","key":"K","signature":"valid","qos":1,' +
      '"retain":false,"duplicate":false,"sealed":false,"history":true}',
    ],
    [
      [received({ type: "sealed", sealed: "AQ", reason: "shut" })],
      '"sealed","reason":"shut","qos":1,"retain":false,"duplicate":false,' +
      '"sealed":true}',
    ],
  ];
  const start = '{"receivedAt":"2026-01-02T03:04:05.678Z",' +
    '"topic":"chat/room","type":';
  for (const [args, end] of cases) {
    assertEquals(renderJson(...args), start + end);
  }
});

test("notes have their own members; harmful characters are escapes", () => {
  for (const [note] of NOTES) {
    const json = renderJsonNote(note, TIME);
    assertEquals(JSON.parse(json), { receivedAt: TIME.toJSON(), ...note });
  }
  const json = renderJsonNote(gap(1, false, "a\x1b[2J\n\u202e"), TIME);
  assertFalse(HARMFUL.test(json));
  const text = "\0\x1b\x9b\u2028\u202e\ud800é" + "\u0301".repeat(500);
  const shown = renderJson(received(message(text, text), text));
  assertFalse(HARMFUL.test(shown));
  const { topic, from, text: said } = JSON.parse(shown);
  assertEquals([topic, from, said], [text, text, text]);
});
