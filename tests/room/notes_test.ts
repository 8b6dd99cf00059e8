import { assertEquals } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import {
  type Note,
  renderDay,
  renderJsonNote,
  renderNote,
} from "../../lib/room/notes.ts";

const TIME = new Date("2026-01-02T03:04:05.678Z");
const PLAIN = { color: false, formatTime: () => "14:03:22" };

const gap = (seconds: number, mayMiss: boolean, broker = "a:1883"): Note => ({
  type: "gap",
  seconds,
  broker,
  mayMiss,
});

/** Each note and its sentence. */
const NOTES: [Note, string][] = [
  [gap(2.34, false), "Connected to a:1883 after 2.3 s without a connection."],
  [
    gap(0.04, true),
    "Connected to a:1883 after 0.0 s without a connection. " +
    "Messages may be missing here.",
  ],
  [
    { type: "dropped", count: 1 },
    "1 line dropped here: the output was too slow for them.",
  ],
  [
    { type: "dropped", count: 12_000 },
    "12000 lines dropped here: the output was too slow for them.",
  ],
  [{ type: "missed", count: 0 }, "0 messages came while you were away."],
  [{ type: "missed", count: 1 }, "1 message came while you were away."],
];

/** A test without any permission. */
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `notes: ${name}`, permissions: "none", fn });

test("each kind has its sentence", () => {
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

test("JSON has the note's own members", () => {
  for (const [note] of NOTES) {
    const json = renderJsonNote(note, TIME);
    assertEquals(JSON.parse(json), { receivedAt: TIME.toJSON(), ...note });
  }
});

// In NO_COLOR's presence @std/fmt/colors has no colours to test.
Deno.test({
  name: "notes: are dimmed in colour",
  ignore: Deno.noColor,
  permissions: "none",
  fn() {
    setColorEnabled(true);
    const [[note]] = NOTES;
    assertEquals(
      renderNote(note, TIME, { ...PLAIN, color: true }),
      `\x1b[2m${renderNote(note, TIME, PLAIN)}\x1b[22m`,
    );
    assertEquals(
      renderDay(new Date(2026, 10, 23, 0, 0, 7), { color: true }),
      "\x1b[2m00:00:07 == Monday, 2026-11-23\x1b[22m",
    );
  },
});

test("are safe to print", () => {
  const note = gap(1, false, "a\x1b[2J\n\u202e");
  assertEquals(
    renderNote(note, TIME, PLAIN),
    "14:03:22 == Connected to a<U+001B>[2J ⏎ <U+202E> after 1.0 s " +
      "without a connection.",
  );
  assertEquals(/[\p{Cc}\u202e]/u.test(renderJsonNote(note, TIME)), false);
});
