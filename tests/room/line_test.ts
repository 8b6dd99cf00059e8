import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import type { Gathered } from "../../lib/room/gather.ts";
import {
  decode,
  MAX_PAYLOAD_BYTES,
  type Received,
} from "../../lib/protocol.ts";
import {
  mentionOf,
  renderDay,
  renderGathered,
  renderLine,
  renderNote,
} from "../../lib/room/line.ts";
import {
  assertHarmless,
  COLOR,
  crowd,
  escape,
  gap,
  HARMFUL,
  line,
  message,
  NOTES,
  notice,
  PLAIN,
  received,
  TIME,
  TOPIC,
  utf8,
} from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { safeText } from "../../lib/safe_text.ts";
import { renderJson, renderJsonNote } from "../../lib/room/json.ts";

const test = pureTests("line");
const jsonTest = pureTests("JSON lines");

/** Registers a test of colours: where NO_COLOR is set, there are none. */
const colorTest = (name: string, fn: () => void): void =>
  Deno.test({
    ...{ name: `colours: ${name}`, ignore: Deno.noColor, permissions: "none" },
    fn() {
      setColorEnabled(true);
      fn();
    },
  });

const SHUT = { type: "sealed", sealed: "AQ", reason: "shut" } as const;

type Payload = Received["payload"];

/** What arrives, how lines are shown, and the line without its time. */
const LINES: [Payload, Partial<Received>, typeof PLAIN, string][] = [
  [message("hello"), {}, PLAIN, "alice: hello"],
  [message(""), {}, PLAIN, "alice: "],
  [message("hi"), { retain: true }, PLAIN, "(retained) alice: hi"],
  [message("hi"), { retain: true }, TOPIC, "[chat/room] (retained) alice: hi"],
  [message("hi"), { sealed: true }, PLAIN, "alice: hi"],
  [message("hi"), { sealed: false }, TOPIC, "[chat/room] (unsealed) alice: hi"],
  [message("", "(unsealed) bob"), {}, PLAIN, '"(unsealed) bob": '],
  [notice("n"), {}, PLAIN, "-- n"],
  [notice("n"), { sealed: false }, TOPIC, "[chat/room] (unsealed) -- n"],
  [decode(utf8("User alice timed out")), {}, PLAIN, "?? User alice timed out"],
  [decode(utf8("A")), { sealed: false }, PLAIN, "(unsealed) ?? A"],
  [SHUT, {}, PLAIN, "== A payload is shut."],
  [
    message("hi\r\n14:03:23 bob: I agree\n\r\n-- x\u2028y\u2029z\u0085"),
    {},
    PLAIN,
    "alice: hi ⏎ 14:03:23 bob: I agree ⏎  ⏎ -- x<U+2028>y<U+2029>z<U+0085>",
  ],
];

test("time, topic, marks and author, then what was said, in one line", () => {
  for (const [payload, more, options, shown] of LINES) {
    const what = { ...received(payload), ...more };
    assertEquals(renderLine(what, options), `14:03:22 ${shown}`);
  }
  const at = new Date(Number(TIME) - 60_000).toISOString();
  const late = { ...received({ ...message("hi"), at }), retain: true };
  assertMatch(
    renderLine({ ...late, sealed: false }, TOPIC, true),
    /^14:03:22 \[chat\/room\] \(retained\) \(unsealed\) \(sent [\d:]{8}\) alice: hi$/,
  );
  const receivedAt = new Date(2026, 0, 2, 3, 4, 5);
  assertEquals(
    renderLine({ ...late, receivedAt }, { color: false, showTopic: false }),
    "03:04:05 (retained) alice: hi",
  );
});

test("many joins and leaves share a line", () => {
  const names = Array.from({ length: 17 }, (_, i) => `user${i}`);
  const shown = (what: Gathered, options = PLAIN) =>
    renderGathered(what, new Date(), options);
  const left = ["a: hi", "erin", "\x1b", "gina", "hal"];
  assertEquals(
    shown(crowd({ "timed out": ["ivy"], joined: names, left }), TOPIC),
    "14:03:22 [chat/room] -- 17 joined: user0, user1, user2 and 14 more; " +
      '5 left: "a: hi", erin, "<U+001B>", gina, hal; 1 timed out: ivy',
  );
  assertEquals(
    shown(crowd({ left: ["\x1b", ...names.slice(0, 5)] })),
    '14:03:22 -- 6 left: "<U+001B>", user0, user1 and 3 more',
  );
});

test("control characters are shown as such, in every field", () => {
  const inText = { "\t": "a b", "\r": "a ⏎ b", "\n": "a ⏎ b" };
  for (const char of ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x80", "\x9f"]) {
    const text = `a${char}b`;
    const escaped = `a${escape(char)}b`;
    const shown = inText[char as keyof typeof inText] ?? escaped;
    assertEquals(line(message(text)), `14:03:22 alice: ${shown}`);
    assertEquals(line(notice(text)), `14:03:22 -- ${shown}`);
    assertEquals(line(decode(utf8(text))), `14:03:22 ?? ${shown}`);
    const everywhere = received(message("x", text), text);
    const line2 = `14:03:22 ["${escaped}"] "${escaped}": x`;
    assertEquals(renderLine(everywhere, TOPIC), line2);
    assertHarmless({ ...everywhere, sealed: false });
  }
});

test("lines of a message stand below each other after a gutter", () => {
  const multiline = { ...PLAIN, multiline: true };
  const shown = (text: string, sealed = true) =>
    renderLine({ ...received(message(text)), sealed }, multiline);
  assertEquals(
    shown("hi\r\n14:03:23 bob: I agree\n\n  at x\r-- x\u2028y\u0085"),
    "14:03:22 alice: hi\n│ 14:03:23 bob: I agree\n│ \n│   at x\n" +
      "│ -- x<U+2028>y<U+0085>",
  );
  const many = ["x\n".repeat(199), "x\n".repeat(200), "\n".repeat(60_000)]
    .map((text) => shown(text).split("\n"));
  assertEquals(many.map(({ length }) => length), [200, 201, 201]);
  assertEquals(many.map((rows) => rows.at(-1)), [
    ...["│ ", "│ … 1 more line", "│ … 59801 more lines"],
  ]);
  assertEquals(shown("a\nb", false), "14:03:22 (unsealed) alice: a\n│ b");
  // A notice is one line.
  const two = received(notice("a\nb"));
  assertEquals(renderLine(two, multiline), "14:03:22 -- a ⏎ b");
});

test("a malformed payload is shortened, with its size", () => {
  const cases: [payload: string, text: string, remark: string][] = [
    ["", "", "(0 bytes)"],
    ["\ufeff", "", "(3 bytes)"],
    ["x".repeat(200), "x".repeat(200), ""],
    ["é".repeat(201), `${"é".repeat(200)}… `, "(402 bytes)"],
    ["😀".repeat(201), `${"😀".repeat(200)}… `, "(804 bytes)"],
    [
      "x".repeat(MAX_PAYLOAD_BYTES + 1),
      `${"x".repeat(200)}… `,
      "(65537 bytes, over the limit of 65536 bytes)",
    ],
  ];
  const shown = (bytes: Uint8Array) => line(decode(bytes)).slice(9);
  for (const [payload, text, remark] of cases) {
    assertEquals(shown(utf8(payload)), `?? ${text}${remark}`);
  }
  const cut = new Uint8Array([0x61, 0xff, 0xe2, 0x82]);
  assertEquals(shown(cut), "?? a\ufffd\ufffd (not UTF-8)");
});

test("each note has its sentence, safe to print", () => {
  for (const [note, sentence] of NOTES) {
    assertEquals(renderNote(note, TIME, PLAIN), `14:03:22 == ${sentence}`);
  }
  assertEquals(
    renderNote(gap(1, false, "a\x1b[2J\n\u202e"), TIME, PLAIN),
    "14:03:22 == Connected to a<U+001B>[2J ⏎ <U+202E> after 1.0 s " +
      "without a connection.",
  );
});

test("a day of the week, with the time of what opens it", () => {
  const days = ["Sun", "Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur"];
  for (const [index, day] of days.entries()) {
    const time = new Date(2026, 10, 1 + index, 0, 0, 7);
    const line = `== ${day}day, 2026-11-0${1 + index}`;
    assertEquals(renderDay(time, { color: false }), `00:00:07 ${line}`);
    assertEquals(renderDay(time, PLAIN), `14:03:22 ${line}`);
  }
});

const colorOf = (name: string) =>
  Number(/38;5;(\d+)m/.exec(line(message("", name), COLOR))![1]);

const dim = (text: string) => `\x1b[2m${text}\x1b[22m`;
const AT = "14:03:22 [chat/room]";

colorTest("the author's own, the rest of the frame and notices dim", () => {
  const alice = `\x1b[1m\x1b[4m\x1b[38;5;${colorOf("alice")}malice` +
    "\x1b[39m\x1b[24m\x1b[22m";
  const odd = `\x1b[38;5;${colorOf("\x1b")}m"<U+001B>"\x1b[39m`;
  const cases: [Payload, string, Partial<Received>?][] = [
    [message("hi", "bob"), `${dim(AT)} \x1b[38;5;100mbob\x1b[39m: hi`],
    [message("hi"), `${dim(AT)} ${alice}: hi`],
    [message("\x1b[2J", "\x1b"), `${dim(AT)} ${odd}: <U+001B>[2J`],
    [notice("User bob timed out."), dim(`${AT} -- User bob timed out.`)],
    [decode(utf8("x\x1b[31m")), dim(`${AT} ?? x<U+001B>[31m`)],
    // A marked line has no colours at all.
    [message("alice"), dim(`${AT} (unsealed) alice: alice`), { sealed: false }],
  ];
  for (const [payload, shown, more] of cases) {
    assertEquals(renderLine({ ...received(payload), ...more }, COLOR), shown);
  }
  const [[note]] = NOTES;
  const color = { ...PLAIN, color: true };
  const plain = renderNote(note, TIME, PLAIN);
  assertEquals(renderNote(note, TIME, color), dim(plain));
  assertEquals(renderDay(TIME, color), dim(renderDay(TIME, PLAIN)));
  assertEquals(
    renderGathered(crowd({ joined: ["bob"] }), new Date(), COLOR),
    dim(`${AT} -- 1 joined: bob`),
  );
});

/** The start of bob's lines for alice, in colour. */
const BOB = "\x1b[2m14:03:22\x1b[22m \x1b[38;5;100mbob\x1b[39m: ";
const [OPEN, CLOSE] = ["\x1b[1m\x1b[7m", "\x1b[27m\x1b[22m"];
const inverse = (text: string) => `${OPEN}${text}${CLOSE}`;
const italic = (text: string) => `\x1b[3m${text}\x1b[23m`;

const readBy = (self: string) => ({
  ...PLAIN,
  color: true,
  self,
  mention: mentionOf(self),
});

colorTest("the reader's name stands out, what /me sends is in italics", () => {
  const cases: [text: string, shown: string, self?: string][] = [
    [
      "Alice, hi alice\x1b!",
      `${inverse("Alice")}, hi ${inverse("alice")}<U+001B>!`,
    ],
    ["malice", "malice"],
    // Lines begin with "a: hi" in quotes; people leave them away.
    ["tell a: hi, too", `tell ${inverse("a: hi")}, too`, "a: hi"],
    ["*waves*", italic("*waves*")],
    ["*waves at alice*", italic(`*waves at ${inverse("alice")}*`)],
    ...["*", "**", "***", "*a", "a*", "*a* b", "*a* *b*", "**a**"]
      .map((text): [string, string] => [text, text]),
    [
      "hi\nalice\n*x*",
      `hi\n\x1b[2m│\x1b[22m ${inverse("alice")}\n\x1b[2m│\x1b[22m *x*`,
    ],
  ];
  for (const [text, shown, self = "alice"] of cases) {
    const options = { ...readBy(self), multiline: text.includes("\n") };
    assertEquals(line(message(text, "bob"), options), BOB + shown);
  }
  const alice = readBy("alice");
  assert(!line(message("I am alice"), alice).includes(OPEN));
  assertEquals(line(notice("alice"), alice), dim("14:03:22 -- alice"));
  const waves = message("*waves at alice*", "bob");
  const plain = line(waves, { ...alice, color: false });
  assertEquals(plain, "14:03:22 bob: *waves at alice*");
});

colorTest("another client's lines under the name are another's", () => {
  const options = { ...readBy("alice"), sends: true };
  const sent = received(message("I am alice"));
  const both = [{ ...sent, sentTo: sent.topic }, sent]
    .map((one) => renderLine(one, options));
  assertEquals(both.map((line) => line.includes("\x1b[4m")), [true, false]);
  assertEquals(both.map((line) => line.includes(OPEN)), [false, true]);
});

colorTest("none is weak on black or on white, or plain red or green", () => {
  const level = (i: number) => i === 0 ? 0 : 55 + 40 * i;
  const linear = (c: number) =>
    c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const names = Array.from({ length: 1_000 }, (_, i) => `user${i}`);
  const used = new Set(names.map(colorOf));
  assertEquals(used.size, 10);
  for (const color of used) {
    const n = color - 16; // the 6 × 6 × 6 cube
    const rgb = [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6].map(level);
    const [r, g, b] = rgb.map((c) => linear(c / 255));
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    assert(light / 0.05 >= 3.5 && 1.05 / light >= 3.5, `${color} is weak`);
    assert(rgb.filter((c) => c >= 95).length > 1, `${color} is one primary`);
  }
});

const MENTIONS: [name: string, yes: string[], no: string[]][] = [
  ["alice", ["alice", "Alice!", "hi ALICE", "(alice)", "@alice: x"], []],
  ["alice", ["alice's", "-alice-"], ["", "malice", "alices", "alice_"]],
  ["alice", [], ["alice2", "_alice", "alicé", "alic e"]],
  // A letter, and one that is in the escapes of colours.
  ["m", ["m", "m m", "I'm"], ["am", "ma", "m\u0301"]],
  ["é", ["É", "e\u0301", "(é)"], ["e", "né", "e\u0301\u0302"]],
  ["e\u0301va", ["éva", "e\u0301va"], ["eva"]],
  ["ß", ["ß", "ẞ"], ["ss", "aß"]],
  ["σς", ["ΣΣ", "σσ"], ["σ"]],
  ["a.b", ["a.b", "A.B."], ["axb", "a.bc"]],
  [".*", [".*", "x.*y"], ["anything", ""]],
  ["c++ (x|y)", ["c++ (x|y)", "C++ (X|Y)z"], ["c++ x", "cc++ (x|y)"]],
  ["$&", ["$&", "a$&"], ["$", "&"]],
  ["bob smith", ["Bob Smith?", "x bob smith"], ["bob  smith", "bobs smith"]],
  ["田中", ["田中", "@田中!"], ["田中さん"]],
  ["😀", ["😀", "hi😀there"], ["😁"]],
  ["👩", ["👩", "👩 👩‍🚀"], ["👩‍🚀", "👩🏽", "🧑‍👩"]],
  ["👩‍🚀", ["👩‍🚀"], ["👩", "👩‍🚀‍👩"]],
  ["a\x1bb", ["a\x1bb", "a<U+001B>b"], ["ab"]],
  ["\u200e", [], ["", "\u200e", "x"]],
  ["", [], ["", " ", "x"]],
];

colorTest("a mention is a whole word in any case, marked as written", () => {
  for (const [name, yes, no] of MENTIONS) {
    const mention = mentionOf(name);
    for (const text of yes.map(safeText)) {
      const marked = mention.mark(text);
      assert(mention.isIn(text), `${name} in ${text}`);
      assert(marked.includes(OPEN), marked);
      assertEquals(marked.replaceAll(OPEN, "").replaceAll(CLOSE, ""), text);
    }
    for (const text of no) {
      assert(!mention.isIn(safeText(text)), `no ${name} in ${text}`);
      assertEquals(mention.mark(text), text);
    }
  }
  const marked = `${inverse("m")}, ${inverse("M")} and am`;
  assertEquals(mentionOf("m").mark("m, M and am"), marked);
  assertEquals(mentionOf("$&").mark("$&"), inverse("$&"));
});

jsonTest("all members, in order", () => {
  const at = "2026-01-02T03:04:05.600Z";
  const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0xff]);
  const flags = { retain: true, duplicate: true, sealed: true };
  const cases: [Parameters<typeof renderJson>, string][] = [
    [
      [received({ ...message("hi"), id: "x1", at })],
      `"message","from":"alice","text":"hi","id":"x1","at":"${at}","qos":1,` +
      '"retain":false,"duplicate":false,"sealed":false}',
    ],
    [
      [{ ...received(notice("n")), ...flags }],
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
      [received(SHUT)],
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

jsonTest("notes have their own members; harmful characters are escapes", () => {
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
  const later = { ...received(message("a", "b")), receivedAt: new Date(1) };
  assertMatch(renderJson(later), /^{"receivedAt":"1970-01-01T00:00:00.001Z"/);
});
