import { assert, assertEquals } from "@std/assert";
import { decode, type Received } from "../../lib/protocol.ts";
import {
  mentionOf,
  renderDay,
  renderGathered,
  renderLine,
  renderNote,
} from "../../lib/room/line.ts";
import { safeText } from "../../lib/safe_text.ts";
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

const dim = (text: string) => `\x1b[2m${text}\x1b[22m`;
const AT = "14:03:22 [chat/room]";

colorTest("the author's own, the rest of the frame and notices dim", () => {
  const alice = `\x1b[1m\x1b[4m\x1b[38;5;${colorOf("alice")}malice` +
    "\x1b[39m\x1b[24m\x1b[22m";
  const odd = `\x1b[38;5;${colorOf("\x1b")}m"<U+001B>"\x1b[39m`;
  const cases: [Received["payload"], string, Partial<Received>?][] = [
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

/** Coloured lines for a reader. */
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
  const plain = line(message("*waves at alice*", "bob"), {
    ...alice,
    color: false,
  });
  assertEquals(plain, "14:03:22 bob: *waves at alice*");
});

colorTest(
  "lines of another client under the reader's name are another's",
  () => {
    const options = { ...readBy("alice"), sends: true };
    const sent = received(message("I am alice"));
    const both = [{ ...sent, sentTo: sent.topic }, sent]
      .map((one) => renderLine(one, options));
    assertEquals(both.map((line) => line.includes("\x1b[4m")), [true, false]);
    assertEquals(both.map((line) => line.includes(OPEN)), [false, true]);
  },
);

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

/** A name, texts that mention it, texts that don't. */
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

colorTest(
  "a mention is a whole word in any case, marked as it was written",
  () => {
    for (const [name, yes, no] of MENTIONS) {
      const mention = mentionOf(name);
      for (const text of yes.map(safeText)) {
        const marked = mention.mark(text);
        assert(
          mention.isIn(text) && marked.includes(OPEN),
          `${name} in ${text}`,
        );
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
  },
);
