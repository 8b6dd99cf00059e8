import { assertEquals } from "@std/assert";
import {
  age,
  DayWatch,
  LATE_MS,
  localDay,
  localTime,
  longDay,
} from "../../lib/room/time.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("time");

test("two digits each", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 678);
  assertEquals(localTime(time), "03:04:05");
  assertEquals(localDay(time), "2026-01-02");
  assertEquals(longDay(time), "Friday, 2026-01-02");
  assertEquals(localTime(new Date(2026, 11, 31, 23, 59, 59)), "23:59:59");
});

test("the days of a week", () => {
  const days = [22, 23, 24, 25, 26, 27, 28]
    .map((day) => longDay(new Date(2026, 10, day, 12)));
  assertEquals(days, [
    "Sunday, 2026-11-22",
    "Monday, 2026-11-23",
    "Tuesday, 2026-11-24",
    "Wednesday, 2026-11-25",
    "Thursday, 2026-11-26",
    "Friday, 2026-11-27",
    "Saturday, 2026-11-28",
  ]);
});

test("a new day is one that is not the day before's", () => {
  const watch = new DayWatch();
  const times: [Date, boolean][] = [
    [new Date(2026, 10, 22, 23, 59, 59, 998), false],
    [new Date(2026, 10, 22, 23, 59, 59, 999), false],
    [new Date(2026, 10, 23), true],
    [new Date(2026, 10, 23, 23, 59, 59, 999), false],
    // The same day of another month, and of another year.
    [new Date(2026, 11, 23), true],
    [new Date(2027, 11, 23), true],
    // A clock that was set back.
    [new Date(2027, 11, 22, 23, 59), true],
    [new Date(2027, 11, 22), false],
  ];
  for (const [time, isNew] of times) {
    assertEquals(watch.isNewDay(time), isNew, `${time}`);
  }
});

test("days have 23 to 25 hours where clocks are changed", () => {
  for (let month = 0; month < 12; month++) {
    for (let day = 1; day < 29; day++) {
      const watch = new DayWatch();
      watch.isNewDay(new Date(2026, month, day));
      const last = new Date(2026, month, day, 23, 59, 59);
      assertEquals(watch.isNewDay(last), false, `${last}`);
      const next = new Date(2026, month, day + 1);
      assertEquals(watch.isNewDay(next), true, `${next}`);
    }
  }
});

test("what is late is what is older than half a minute", () => {
  const start = Date.parse("2026-12-31T23:59:58.500Z");
  assertEquals(age(undefined, new Date(start)), 0);
  assertEquals(LATE_MS, 30_000);
  for (let ms = 0; ms < 4_000; ms += 250) {
    const receivedAt = new Date(start + ms);
    for (let offset = -33_000; offset < 3_000; offset += 125) {
      const sent = start + ms + offset;
      const iso = new Date(sent).toISOString();
      const forms: [string, number][] = [
        [iso, sent],
        [iso.replace(/Z$/, "999999Z"), sent],
        [`${iso.slice(0, 19)}Z`, Math.floor(sent / 1000) * 1000],
      ];
      for (const [at, sentAt] of forms) {
        assertEquals(age(at, receivedAt), start + ms - sentAt, at);
      }
    }
  }
});
