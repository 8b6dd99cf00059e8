import { assert, assertEquals, assertFalse } from "@std/assert";
import { decode } from "../../lib/protocol.ts";
import {
  mentionOf,
  renderDay,
  renderGathered,
  renderLine,
  renderNote,
} from "../../lib/room/line.ts";
import {
  COLOR,
  colorTest,
  crowd,
  line,
  message,
  NOTES,
  notice,
  PLAIN,
  received,
  TIME,
  utf8,
} from "../support/line_fixtures.ts";

/** The colour of a name. */
const colorOf = (name: string) =>
  Number(/38;5;(\d+)m/.exec(line(message("", name), COLOR))![1]);

colorTest("the author's own, the rest of the frame and notices dim", () => {
  assertEquals(colorOf("bob"), 100);
  assertEquals(
    renderLine(received(message("hi", "bob")), COLOR),
    "\x1b[2m14:03:22 [chat/room]\x1b[22m \x1b[38;5;100mbob\x1b[39m: hi",
  );
  assertEquals(
    renderLine(received(message("hi")), { ...COLOR, showTopic: false }),
    `\x1b[2m14:03:22\x1b[22m \x1b[1m\x1b[4m\x1b[38;5;${
      colorOf("alice")
    }malice\x1b[39m\x1b[24m\x1b[22m: hi`,
  );
  assertEquals(
    renderLine(received(notice("User bob timed out.")), COLOR),
    "\x1b[2m14:03:22 [chat/room] -- User bob timed out.\x1b[22m",
  );
  assertEquals(
    renderLine(received(decode(utf8("x\x1b[31m"))), COLOR),
    "\x1b[2m14:03:22 [chat/room] ?? x<U+001B>[31m\x1b[22m",
  );
  assertEquals(
    renderLine(received(message("\x1b[2J", "\x1b")), COLOR),
    "\x1b[2m14:03:22 [chat/room]\x1b[22m " +
      `\x1b[38;5;${colorOf("\x1b")}m"<U+001B>"\x1b[39m: <U+001B>[2J`,
  );
});

/** The start of bob's lines for alice, in colour. */
const BOB = "\x1b[2m14:03:22\x1b[22m \x1b[38;5;100mbob\x1b[39m: ";

/** Coloured lines for a reader. */
const readBy = (self: string) => ({
  ...PLAIN,
  color: true,
  self,
  mention: mentionOf(self),
});

colorTest("the reader's name stands out in what others say", () => {
  const alice = readBy("alice");
  assertEquals(
    line(message("Alice, hi alice\x1b!", "bob"), alice),
    `${BOB}\x1b[1m\x1b[7mAlice\x1b[27m\x1b[22m, hi ` +
      "\x1b[1m\x1b[7malice\x1b[27m\x1b[22m<U+001B>!",
  );
  assertEquals(line(message("malice", "bob"), alice), `${BOB}malice`);
  assertFalse(line(message("I am alice"), alice).includes("\x1b[7m"));
  assertEquals(
    line(notice("alice left"), alice),
    "\x1b[2m14:03:22 -- alice left\x1b[22m",
  );
  // Lines begin with "a: hi" in quotes; people leave them away.
  assertEquals(
    line(message("tell a: hi, too", "bob"), readBy("a: hi")),
    `${BOB}tell \x1b[1m\x1b[7ma: hi\x1b[27m\x1b[22m, too`,
  );
});

colorTest("what /me sends is in italics", () => {
  const shown = (text: string) =>
    line(message(text, "bob"), readBy("alice")).slice(BOB.length);
  assertEquals(shown("*waves*"), "\x1b[3m*waves*\x1b[23m");
  assertEquals(
    shown("*waves at alice*"),
    "\x1b[3m*waves at \x1b[1m\x1b[7malice\x1b[27m\x1b[22m*\x1b[23m",
  );
  const others = ["*", "**", "***", "*a", "a*", "*a* b", "*a* *b*", "**a**"];
  for (const text of others) assertEquals(shown(text), text);
});

colorTest("the gutter is dim, mentions in each line stand out", () => {
  const options = { ...readBy("alice"), multiline: true };
  assertEquals(
    line(message("hi\nalice\n*x*", "bob"), options),
    `${BOB}hi\n\x1b[2m│\x1b[22m \x1b[1m\x1b[7malice\x1b[27m\x1b[22m` +
      "\n\x1b[2m│\x1b[22m *x*",
  );
});

colorTest(
  "lines of another client under the reader's name are another's",
  () => {
    const options = { ...readBy("alice"), sends: true };
    const sent = received(message("I am alice"));
    const own = renderLine({ ...sent, sentTo: sent.topic }, options);
    const another = renderLine(sent, options);
    assertEquals(
      [own, another].map((line) => line.includes("\x1b[4m")),
      [true, false],
    );
    assertEquals(
      [own, another].map((line) => line.includes("\x1b[7m")),
      [false, true],
    );
  },
);

Deno.test("colours: plain lines have neither mentions nor italics", () => {
  const options = { ...PLAIN, self: "alice", mention: mentionOf("alice") };
  assertEquals(
    line(message("*waves at alice*", "bob"), options),
    "14:03:22 bob: *waves at alice*",
  );
});

colorTest("many who come and go are dim", () => {
  assertEquals(
    renderGathered(crowd({ joined: ["bob"] }), new Date(), COLOR),
    "\x1b[2m14:03:22 [chat/room] -- 1 joined: bob\x1b[22m",
  );
});

colorTest("notes and days are dim", () => {
  const [[note]] = NOTES;
  assertEquals(
    renderNote(note, TIME, { ...PLAIN, color: true }),
    `\x1b[2m${renderNote(note, TIME, PLAIN)}\x1b[22m`,
  );
  assertEquals(
    renderDay(new Date(2026, 10, 23, 0, 0, 7), { color: true }),
    "\x1b[2m00:00:07 == Monday, 2026-11-23\x1b[22m",
  );
});

colorTest("none is weak on black or on white, or plain red or green", () => {
  const level = (i: number) => i === 0 ? 0 : 55 + 40 * i;
  const linear = (c: number) =>
    c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const used = new Set<number>();
  for (let i = 0; i < 1000; i++) used.add(colorOf(`user${i}`));
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
