import { assert, assertEquals, assertMatch } from "@std/assert";
import { IdSource, numberIn, parseId } from "../lib/ids.ts";
import { MAX_ID_LENGTH } from "../lib/protocol.ts";
import { pureTests } from "./support/pure.ts";

const RUN = "AbC_09-xyzAbC_09";

const test = pureTests("ids");

test("an id of ours is read", () => {
  const numbers = [1, 9, 10, 12_345, 900_000_000, 999_999_999];
  for (const run of [RUN, "-".repeat(16), "0".repeat(40), `${RUN}-12`]) {
    for (const number of numbers) {
      const id = `${run}-${number}`;
      assertEquals(parseId(id), { run, number });
      assertEquals(numberIn(id), number);
    }
  }
});

test("another id is not taken for one of ours", () => {
  const afterRun = [
    ...["", "-", "-0", "-01", "-1.5", "-1e3", "-+1", "- 1", "-1 ", "-1\n"],
    ...["-١", "_1", "1", " -1", "é-1", "=-1", `-${"9".repeat(40)}`],
    // Times in seconds and milliseconds, and what no counter gets to.
    ...["-1000000000", "-1785400000", "-1785400000123", "-1000000000000000"],
  ];
  const others = [
    ...["", "1", "-1", "x-1", `${RUN.slice(1)}-1`],
    ...afterRun.map((end) => RUN + end),
    "0f8fad5b-d9cb-469f-a165-708677289501",
    "00000000-0000-0000-0000-123456789012",
  ];
  for (const id of others) assertEquals(parseId(id), undefined, id);
});

test("the ids of a room count from 1, in a run of 96 random bits", () => {
  const ids = new IdSource();
  const first = parseId(ids.next("room"))!;
  assertEquals(first.number, 1);
  assertEquals(parseId(ids.next("room")), { ...first, number: 2 });
  const hall = ids.next("hall");
  assertMatch(hall, /^[\w-]{16}-1$/);
  assert(hall.length + 8 <= MAX_ID_LENGTH);
  assert(parseId(hall)!.run !== first.run);
  assertEquals(parseId(ids.next("room")), { ...first, number: 3 });
});

test("a client knows its own ids, and where it sent them", () => {
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
  const [first, second] = all.map((id) => parseId(id)!.run);
  assertEquals(parseId(ids.next("1"))!.run, second);
  assert(parseId(ids.next("0"))!.run !== first);
});
