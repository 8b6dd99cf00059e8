import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  IdSource,
  isSession,
  MAX_NUMBER,
  numberIn,
  parseId,
} from "../lib/ids.ts";
import { MAX_ID_LENGTH } from "../lib/protocol.ts";
import { pureTests } from "./support/pure.ts";

const SESSION = "AbC_09-xyzAbC_09";

const test = pureTests("ids");

test("ours are read", () => {
  const numbers = [1, 9, 10, 12_345, 900_000_000, MAX_NUMBER];
  const sessions = [SESSION, "-".repeat(16), "0".repeat(40), `${SESSION}-12`];
  for (const session of sessions) {
    for (const number of numbers) {
      const id = `${session}-${number}`;
      assertEquals(parseId(id), { session, number });
      assertEquals(numberIn(id), number);
    }
  }
});

test("others are not ours", () => {
  const others = [
    "",
    "1",
    "-1",
    "x-1",
    SESSION,
    `${SESSION}-`,
    `${SESSION}-0`,
    `${SESSION}-01`,
    `${SESSION}-1.5`,
    `${SESSION}-1e3`,
    `${SESSION}-+1`,
    `${SESSION}- 1`,
    `${SESSION}-1 `,
    `${SESSION}-1\n`,
    `${SESSION}-١`,
    `${SESSION}_1`,
    `${SESSION}1`,
    `${SESSION.slice(1)}-1`,
    `${SESSION} -1`,
    `${SESSION}é-1`,
    `${SESSION}=-1`,
    // Numbers no counter gets to: seconds, milliseconds, forgeries.
    `${SESSION}-${MAX_NUMBER + 1}`,
    `${SESSION}-1785400000`,
    `${SESSION}-1785400000123`,
    `${SESSION}-1000000000000000`,
    `${SESSION}-${"9".repeat(40)}`,
    "0f8fad5b-d9cb-469f-a165-708677289501",
    "00000000-0000-0000-0000-123456789012",
  ];
  for (const id of others) assertEquals(parseId(id), undefined, id);
});

test("what can't be ours is told by its number or its session", () => {
  for (const id of [`${SESSION}é-1`, `${SESSION} x-1`]) {
    assertEquals(numberIn(id), 1);
    assertEquals(isSession(id.slice(0, -2)), false);
  }
});

test("the ids of each room count from 1", () => {
  const ids = new IdSource();
  const first = parseId(ids.next("room"))!;
  assertEquals(first.number, 1);
  assertEquals(parseId(ids.next("room")), { ...first, number: 2 });
  assertEquals(parseId(ids.next("hall"))?.number, 1);
  assertEquals(parseId(ids.next("room")), { ...first, number: 3 });
});

test("another session begins after the highest number", () => {
  const ids = new IdSource(MAX_NUMBER);
  const last = ids.next("room");
  assertEquals(parseId(last)?.number, MAX_NUMBER);
  const next = ids.next("room");
  assert(parseId(next)!.session !== parseId(last)!.session);
  // Echoes of what was sent may still come.
  assertEquals([last, next].map((id) => ids.topicOf(id)), ["room", "room"]);
});

test("a session has 96 random bits", () => {
  const ids = new IdSource();
  const all = Array.from({ length: 1000 }, (_, i) => ids.next(`${i}`));
  assertEquals(new Set(all).size, 1000);
  for (const id of all) {
    assertMatch(id, /^[\w-]{16}-1$/);
    assert(parseId(id) !== undefined);
  }
});

test("the longest is short enough for a payload", () => {
  assert(new IdSource(MAX_NUMBER).next("room").length <= MAX_ID_LENGTH);
});

test("a client knows its own, and where it sent them", () => {
  const ids = new IdSource();
  const id = ids.next("room");
  assertEquals(ids.topicOf(id), "room");
  assertEquals(ids.topicOf(ids.next("hall")), "hall");
  for (const other of [new IdSource().next("room"), "", "-1", `x${id}`]) {
    assertEquals(ids.topicOf(other), undefined);
  }
});

test("a thousand rooms are remembered", () => {
  const ids = new IdSource();
  const all = Array.from({ length: 1001 }, (_, i) => ids.next(`${i}`));
  assertEquals(all.filter((id) => ids.topicOf(id) === undefined), [all[0]]);
  const sessions = [all[0], all[1]].map((id) => parseId(id)!.session);
  assertEquals(parseId(ids.next("1"))!.session, sessions[1]);
  assert(parseId(ids.next("0"))!.session !== sessions[0]);
});
