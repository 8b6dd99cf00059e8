import { assertEquals } from "@std/assert";
import type { Received } from "../lib/protocol.ts";
import { RoomView } from "../lib/room_view.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");

/** A view that keeps its lines. */
function view(options: { json?: boolean; showTopic?: boolean } = {}) {
  const lines: string[] = [];
  const view = new RoomView({
    json: false,
    showTopic: false,
    color: false,
    formatTime: () => "14:03:22",
    ...options,
    write: (line) => lines.push(line),
    now: () => NOW,
  });
  return { view, lines };
}

/** A message, sent so many milliseconds before it arrived. */
function said(
  message: string,
  { id, age, topic = "room" }: { id?: string; age?: number; topic?: string } =
    {},
): Received {
  const at = age === undefined
    ? undefined
    : new Date(Number(NOW) - age).toISOString();
  return {
    topic,
    payload: { type: "message", from: "ann", message, id, at },
    qos: 1,
    retain: false,
    receivedAt: NOW,
    duplicate: false,
  };
}

/** Bytes that are no chat payload. */
const malformed: Received = {
  ...said(""),
  payload: { type: "malformed", reason: "not JSON", bytes: Uint8Array.of(65) },
};

/** A test without any permission. */
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `room view: ${name}`, permissions: "none", fn });

test("nothing twice, by id and topic", () => {
  const { view: room, lines } = view({ showTopic: true });
  assertEquals(room.show(said("a", { id: "1" })), true);
  assertEquals(room.show(said("a", { id: "1" })), false);
  assertEquals(room.show(said("b", { id: "2" })), true);
  assertEquals(room.show(said("a", { id: "1", topic: "hall" })), true);
  assertEquals(lines, [
    "14:03:22 [room] ann: a",
    "14:03:22 [room] ann: b",
    "14:03:22 [hall] ann: a",
  ]);
});

test("what has no id is always shown", () => {
  const { view: room, lines } = view();
  for (let times = 0; times < 2; times++) {
    assertEquals(room.show(said("a")), true);
    assertEquals(room.show(malformed), true);
  }
  assertEquals(lines, [
    "14:03:22 ann: a",
    "14:03:22 ?? A (not JSON)",
    "14:03:22 ann: a",
    "14:03:22 ?? A (not JSON)",
  ]);
});

test("a late message shows when it was sent", () => {
  const { view: room, lines } = view();
  room.show(said("in time", { age: 30_000 }));
  room.show(said("late", { age: 30_001 }));
  room.show(said("from a clock ahead", { age: -60_000 }));
  const isSent = lines.map((line) => line.includes(" (sent "));
  assertEquals(isSent, [false, true, false]);
});

test("kept messages show when they were sent, and are counted", () => {
  const { view: room, lines } = view();
  room.beginMissed();
  room.show(said("a", { id: "1", age: 5 }));
  room.show(said("a", { id: "1", age: 5 }));
  room.show(said("b", { id: "2", age: 5 }));
  room.endMissed();
  room.endMissed();
  room.show(said("c", { id: "3", age: 5 }));
  const texts = lines.map((line) =>
    line.replace(/\(sent [\d: -]+\)/, "(sent)")
  );
  assertEquals(texts, [
    "14:03:22 (sent) ann: a",
    "14:03:22 (sent) ann: b",
    "14:03:22 == 2 messages came while you were away.",
    "14:03:22 ann: c",
  ]);
});

test("notes, as lines and as JSON", () => {
  const note = { type: "dropped", count: 3 } as const;
  const text = "3 lines dropped here: the output was too slow for them.";
  const plain = view();
  plain.view.note(note);
  assertEquals(plain.lines, [`14:03:22 == ${text}`]);
  assertEquals(plain.view.renderNote(note), plain.lines[0]);
  const json = view({ json: true });
  json.view.note(note);
  assertEquals(json.lines.map((line) => JSON.parse(line)), [
    { receivedAt: NOW.toJSON(), ...note },
  ]);
});

test("JSON has the same messages, with their times", () => {
  const { view: room, lines } = view({ json: true });
  room.show(said("a", { id: "1", age: 60_000 }));
  room.show(said("a", { id: "1", age: 60_000 }));
  assertEquals(lines.length, 1);
  const { text, id, at } = JSON.parse(lines[0]);
  assertEquals([text, id, at], ["a", "1", "2026-01-02T03:03:05.678Z"]);
});
