import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Gathered } from "../../lib/room/gather.ts";
import { decode, MAX_PAYLOAD_BYTES } from "../../lib/protocol.ts";
import {
  renderDay,
  renderGathered,
  renderLine,
  renderNote,
} from "../../lib/room/line.ts";
import { breakLine } from "../../lib/terminal/screen.ts";
import {
  assertHarmless,
  chars,
  crowd,
  escape,
  gap,
  line,
  message,
  NOTES,
  notice,
  PLAIN,
  received,
  SGR,
  TIME,
  TOPIC,
  utf8,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

/** A row that begins with a move of the cursor. */
const INDENTED = new RegExp(`^${"\x1b"}\\[(\\d+)C(.*)$`, "s");

const test = pureTests("line");

test("a message, a notice and what is no chat payload", () => {
  assertEquals(line(message("hello")), "14:03:22 alice: hello");
  assertEquals(
    line(notice("User bob is now subscribed to chat/room.")),
    "14:03:22 -- User bob is now subscribed to chat/room.",
  );
  assertEquals(
    line(decode(utf8("User alice timed out"))),
    "14:03:22 ?? User alice timed out",
  );
  assertEquals(line(message("")), "14:03:22 alice: ");
});

test("the topic and the retained mark stand before the author", () => {
  const old = { ...received(message("hi")), retain: true };
  assertEquals(renderLine(old, PLAIN), "14:03:22 (retained) alice: hi");
  assertEquals(
    renderLine(old, TOPIC),
    "14:03:22 [chat/room] (retained) alice: hi",
  );
  assertEquals(line(notice("n"), TOPIC), "14:03:22 [chat/room] -- n");
});

test("many joins and leaves share a line", () => {
  const names = Array.from({ length: 17 }, (_, i) => `user${i}`);
  const shown = (what: Gathered, options = PLAIN) =>
    renderGathered(what, new Date(), options);
  assertEquals(shown(crowd({ joined: ["bob"] })), "14:03:22 -- 1 joined: bob");
  assertEquals(
    shown(
      crowd({
        "timed out": ["ivy"],
        joined: names,
        left: ["a: hi", "erin", "\x1b", "gina", "hal"],
      }),
      TOPIC,
    ),
    "14:03:22 [chat/room] -- 17 joined: user0, user1, user2 and 14 more; " +
      '5 left: "a: hi", erin, "<U+001B>", gina, hal; 1 timed out: ivy',
  );
  assertEquals(
    shown(crowd({ left: names.slice(0, 6) })),
    "14:03:22 -- 6 left: user0, user1, user2 and 3 more",
  );
});

test("the time is local by default", () => {
  const what = received(message("hi"));
  what.receivedAt = new Date(2026, 0, 2, 3, 4, 5);
  const options = { color: false, showTopic: false };
  assertEquals(renderLine(what, options), "03:04:05 alice: hi");
});

test("each of the 65 control characters, in every field", () => {
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
      `14:03:22 ?? ${inText}`,
    );
    for (const payload of [message(text, text), notice(text, text)]) {
      assertHarmless(received(payload, text));
    }
    assertHarmless(received(decode(utf8(text)), text));
  }
});

test("a message with line breaks is one line", () => {
  assertEquals(
    line(message("hi\r\n14:03:23 bob: I agree\n\r\n-- x\u2028y\u2029z\u0085")),
    "14:03:22 alice: hi ⏎ 14:03:23 bob: I agree ⏎  ⏎ -- x" +
      "<U+2028>y<U+2029>z<U+0085>",
  );
});

/** The rows of a terminal of some columns, without colours. */
const rowsOf = (line: string, columns: number) =>
  breakLine(line, columns).split("\r\n").map((row) => {
    const [, cells, text] = INDENTED.exec(row) ?? [undefined, 0, row];
    return " ".repeat(Number(cells)) + text.replace(SGR, "");
  });

test("lines of a message stand below each other after a gutter", () => {
  const shown = (text: string, more = {}) =>
    renderLine(received(message(text)), { ...PLAIN, multiline: true, ...more });
  assertEquals(
    shown("hi\r\n14:03:23 bob: I agree\n\n  at x\r-- x\u2028y\u0085"),
    "14:03:22 alice: hi\n│ 14:03:23 bob: I agree\n│ \n│   at x\n" +
      "│ -- x<U+2028>y<U+0085>",
  );
  assertEquals(
    shown("\n".repeat(60_000)).split("\n").slice(-2),
    ["│ ", "│ … 59801 more lines"],
  );
  const unsealed = { ...received(message("a\nb")), sealed: false };
  assertEquals(
    renderLine(unsealed, { ...PLAIN, multiline: true }),
    "14:03:22 (unsealed) alice: a\n│ b",
  );
  // A notice is one line.
  const left = received(notice("a\nb"));
  assertEquals(
    renderLine(left, { ...PLAIN, multiline: true }),
    "14:03:22 -- a ⏎ b",
  );
});

test("no row of a message passes for another line, in any width", () => {
  const forged = ["14:03:23 bob: hi", "== 3 lines", "-- x", "?? x", "│ x"];
  for (const columns of [20, 40, 80]) {
    for (const fake of forged) {
      const texts = [
        `a\n${fake}`,
        `${" ".repeat(columns - 18)}${fake}`,
        `${"x".repeat(columns - 17)}${fake}`,
        `x\n${"x ".repeat(columns)}\n\n${fake.repeat(9)}`,
        "天".repeat(columns) + fake,
      ];
      for (const text of texts) {
        const what = received(message(text));
        const line = renderLine(what, { ...PLAIN, multiline: true });
        const [first, ...others] = rowsOf(line, columns);
        assert(first.startsWith("14:03:22 alice:"), first);
        for (const row of others) assertMatch(row, /^(?:│ | {2})/, text);
      }
    }
  }
});

test("a trace keeps its blanks and blank lines", () => {
  const trace = ["Error: no", "    at a (b.ts:1)", "", "\tat c"].join("\n");
  const options = { ...PLAIN, multiline: true };
  const line = renderLine(received(message(trace)), options);
  assertEquals(rowsOf(line, 40), [
    "14:03:22 alice: Error: no",
    "│     at a (b.ts:1)",
    "│ ",
    "│  at c",
  ]);
});

test("a malformed payload is shortened, with its size", () => {
  const shown = (bytes: Uint8Array) =>
    line(decode(bytes)).replace("14:03:22 ", "");
  assertEquals(shown(utf8("")), "?? (0 bytes)");
  assertEquals(shown(utf8("\ufeff")), "?? (3 bytes)");
  assertEquals(
    shown(utf8("x".repeat(200))),
    `?? ${"x".repeat(200)}`,
  );
  const cut = (text: string) => `?? ${text.repeat(200)}… `;
  assertEquals(
    shown(utf8("é".repeat(201))),
    `${cut("é")}(402 bytes)`,
  );
  assertEquals(
    shown(utf8("😀".repeat(201))),
    `${cut("😀")}(804 bytes)`,
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

test("each note has its sentence", () => {
  for (const [note, sentence] of NOTES) {
    assertEquals(renderNote(note, TIME, PLAIN), `14:03:22 == ${sentence}`);
  }
});

test("a day, with the time of what opens it", () => {
  const time = new Date(2026, 10, 23, 0, 0, 7);
  assertEquals(
    renderDay(time, { color: false }),
    "00:00:07 == Monday, 2026-11-23",
  );
  assertEquals(renderDay(time, PLAIN), "14:03:22 == Monday, 2026-11-23");
});

test("notes are safe to print", () => {
  assertEquals(
    renderNote(gap(1, false, "a\x1b[2J\n\u202e"), TIME, PLAIN),
    "14:03:22 == Connected to a<U+001B>[2J ⏎ <U+202E> after 1.0 s " +
      "without a connection.",
  );
});
