import { assertEquals } from "@std/assert";
import { age, LATE_MS, localTime, longDay } from "../../lib/room/time.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("time");

test("times have two digits each, and a week seven days", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 678);
  assertEquals([localTime(time), longDay(time)], [
    ...["03:04:05", "Friday, 2026-01-02"],
  ]);
  assertEquals(localTime(new Date(2026, 11, 31, 23, 59, 59)), "23:59:59");
  const days = [22, 23, 24, 25, 26, 27, 28]
    .map((day) => longDay(new Date(2026, 10, day, 12)).slice(0, 3));
  assertEquals(days, ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]);
});

test("a payload is as old as its author and we say", () => {
  assertEquals(LATE_MS, 30_000);
  const receivedAt = new Date("2026-12-31T23:59:58.500Z");
  const cases: [at: string | undefined, age: number][] = [
    [undefined, 0],
    ["2026-12-31T23:59:28.500Z", 30_000],
    ["2026-12-31T23:59:28.500999999Z", 30_000],
    ["2026-12-31T23:59:58Z", 500],
    ["2027-01-01T00:00:00.125Z", -1_625],
  ];
  for (const [at, expected] of cases) {
    assertEquals(age(at, receivedAt), expected, at);
  }
});
