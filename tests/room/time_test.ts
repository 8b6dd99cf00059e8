import { assertEquals } from "@std/assert";
import {
  age,
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

test("a payload is late when it is older than half a minute", () => {
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
