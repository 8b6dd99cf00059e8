import { assert, assertEquals, assertMatch } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { decode, MAX_PAYLOAD_BYTES } from "../lib/protocol.ts";
import { nameColor, renderJson, renderLine } from "../lib/render.ts";
import {
  assertHarmless,
  chars,
  COLOR,
  escape,
  HARMFUL,
  line,
  message,
  notice,
  PLAIN,
  received,
  TOPIC,
  utf8,
} from "./render_fixtures.ts";

Deno.test("a message, a notice and what is no chat payload", () => {
  assertEquals(line(message("hello")), "14:03:22 alice: hello");
  assertEquals(
    line(notice("User bob is now subscribed to chat/room.")),
    "14:03:22 -- User bob is now subscribed to chat/room.",
  );
  assertEquals(
    line(decode(utf8("User alice timed out"))),
    "14:03:22 ?? User alice timed out (not JSON)",
  );
  assertEquals(line(message("")), "14:03:22 alice: ");
});

Deno.test("the topic and the retained mark stand before the author", () => {
  const old = { ...received(message("hi")), retain: true };
  assertEquals(renderLine(old, PLAIN), "14:03:22 (retained) alice: hi");
  assertEquals(
    renderLine(old, TOPIC),
    "14:03:22 [chat/room] (retained) alice: hi",
  );
  assertEquals(line(notice("n"), TOPIC), "14:03:22 [chat/room] -- n");
});

// In NO_COLOR's presence @std/fmt/colors has no colours to test.
Deno.test({
  name: "colours: the author's own, the rest of the frame and notices dim",
  ignore: Deno.noColor,
  fn() {
    setColorEnabled(true);
    assertEquals(nameColor("bob"), 100);
    assertEquals(
      renderLine(received(message("hi", "bob")), COLOR),
      "\x1b[2m14:03:22 [chat/room]\x1b[22m \x1b[38;5;100mbob\x1b[39m: hi",
    );
    assertEquals(
      renderLine(received(message("hi")), { ...COLOR, showTopic: false }),
      `\x1b[2m14:03:22\x1b[22m \x1b[1m\x1b[38;5;${
        nameColor("alice")
      }malice\x1b[39m\x1b[22m: hi`,
    );
    assertEquals(
      renderLine(received(notice("User bob timed out.")), COLOR),
      "\x1b[2m14:03:22 [chat/room] -- User bob timed out.\x1b[22m",
    );
    assertEquals(
      renderLine(received(decode(utf8("x\x1b[31m"))), COLOR),
      "\x1b[2m14:03:22 [chat/room] ?? x<U+001B>[31m (not JSON)\x1b[22m",
    );
    assertEquals(
      renderLine(received(message("\x1b[2J", "\x1b")), COLOR),
      "\x1b[2m14:03:22 [chat/room]\x1b[22m " +
        `\x1b[38;5;${nameColor("\x1b")}m"<U+001B>"\x1b[39m: <U+001B>[2J`,
    );
  },
});

Deno.test("the time is local by default", () => {
  const what = received(message("hi"));
  what.receivedAt = new Date(2026, 0, 2, 3, 4, 5);
  const options = { color: false, showTopic: false };
  assertEquals(renderLine(what, options), "03:04:05 alice: hi");
});

Deno.test("no colour is weak on black or on white, or plain red or green", () => {
  const level = (i: number) => i === 0 ? 0 : 55 + 40 * i;
  const linear = (c: number) =>
    c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const used = new Set<number>();
  for (let i = 0; i < 1000; i++) used.add(nameColor(`user${i}`));
  assertEquals(used.size, 10);
  for (const color of used) {
    const n = color - 16; // the 6 × 6 × 6 cube
    const rgb = [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6].map(level);
    const [r, g, b] = rgb.map((c) => linear(c / 255));
    const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    assert((luminance + 0.05) / 0.05 >= 3.5, `${color} on black`);
    assert(1.05 / (luminance + 0.05) >= 3.5, `${color} on white`);
    assert(rgb.filter((c) => c >= 95).length > 1, `${color} is one primary`);
  }
});

Deno.test("each of the 65 control characters, in every field", () => {
  const controls = [...chars(0, 0x1f), ...chars(0x7f, 0x9f)];
  assertEquals(controls.length, 65);
  for (const char of controls) {
    const inText = char === "\t"
      ? "a b"
      : /[\r\n]/.test(char)
      ? "a ⏎ b"
      : `a${escape(char)}b`;
    const text = `a${char}b`;
    assertEquals(line(message(text)), `14:03:22 alice: ${inText}`);
    assertEquals(line(notice(text)), `14:03:22 -- ${inText}`);
    const quoted = `"a${escape(char)}b"`;
    assertEquals(line(message("x", text)), `14:03:22 ${quoted}: x`);
    const inTopic = received(message("x"), text);
    assertEquals(renderLine(inTopic, TOPIC), `14:03:22 [${quoted}] alice: x`);
    assertEquals(
      line(decode(utf8(text))),
      `14:03:22 ?? ${inText} (not JSON)`,
    );
    for (const payload of [message(text, text), notice(text, text)]) {
      assertHarmless(received(payload, text));
    }
    assertHarmless(received(decode(utf8(text)), text));
  }
});

Deno.test("a message with line breaks is one line", () => {
  assertEquals(
    line(message("hi\r\n14:03:23 bob: I agree\n\r\n-- x\u2028y\u2029z\u0085")),
    "14:03:22 alice: hi ⏎ 14:03:23 bob: I agree ⏎  ⏎ -- x" +
      "<U+2028>y<U+2029>z<U+0085>",
  );
});

Deno.test("what is no chat payload is shortened, its size named", () => {
  const shown = (bytes: Uint8Array) =>
    line(decode(bytes)).replace("14:03:22 ", "");
  assertEquals(shown(utf8("")), "?? (0 bytes, not JSON)");
  assertEquals(shown(utf8("\ufeff")), "?? (3 bytes, not JSON)");
  assertEquals(
    shown(utf8("x".repeat(200))),
    `?? ${"x".repeat(200)} (not JSON)`,
  );
  const cut = (text: string) => `?? ${text.repeat(200)}… `;
  assertEquals(
    shown(utf8("é".repeat(201))),
    `${cut("é")}(402 bytes, not JSON)`,
  );
  assertEquals(
    shown(utf8("😀".repeat(201))),
    `${cut("😀")}(804 bytes, not JSON)`,
  );
  assertEquals(
    shown(utf8("x".repeat(MAX_PAYLOAD_BYTES + 1))),
    `${cut("x")}(65537 bytes, over the limit of 65536 bytes)`,
  );
  assertEquals(
    shown(new Uint8Array([0x61, 0xff, 0xe2, 0x82])),
    "?? a\ufffd\ufffd (not UTF-8)",
  );
});

Deno.test("JSON lines: all members, in order", () => {
  const at = "2026-01-02T03:04:05.600Z";
  assertEquals(
    renderJson(received({ ...message("hi"), id: "x1", at })),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"message","from":"alice","text":"hi","id":"x1",' +
      `"at":"${at}","qos":1,"retain":false,"duplicate":false}`,
  );
  assertEquals(
    renderJson({ ...received(notice("n")), retain: true, duplicate: true }),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"notice","from":"bob","text":"n","qos":1,"retain":true,' +
      '"duplicate":true}',
  );
  assertEquals(
    renderJson(received(decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xff])))),
    '{"receivedAt":"2026-01-02T03:04:05.678Z","topic":"chat/room",' +
      '"type":"malformed","reason":"not UTF-8","text":"\\ufeff\ufffd",' +
      '"bytes":"77u//w==","qos":1,"retain":false,"duplicate":false}',
  );
});

Deno.test("JSON lines: harmful characters are escapes and parse back", () => {
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
