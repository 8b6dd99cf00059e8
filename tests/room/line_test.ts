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

/** What arrives, how lines are shown, and the line without its time. */
const LINES: [
  Parameters<typeof received>[0],
  Partial<ReturnType<typeof received>>,
  typeof PLAIN,
  string,
][] = [
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
  [
    { type: "sealed", sealed: "AQ", reason: "shut" },
    {},
    PLAIN,
    "== A payload is shut.",
  ],
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

/** The rows of a terminal of some columns, without colours. */
const rowsOf = (line: string, columns: number) =>
  breakLine(line, columns).split("\r\n").map((row) => {
    const [, cells, text] = INDENTED.exec(row) ?? [undefined, 0, row];
    return " ".repeat(Number(cells)) + text.replace(SGR, "");
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
  const trace = ["Error: no", "    at a (b.ts:1)", "", "\tat c"].join("\n");
  assertEquals(rowsOf(shown(trace), 40), [
    ...["14:03:22 alice: Error: no", "│     at a (b.ts:1)", "│ ", "│  at c"],
  ]);
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
