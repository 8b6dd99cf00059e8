import { assertEquals } from "@std/assert";
import { whoLines } from "../../lib/cli/entries.ts";
import type { Seen } from "../../lib/room/roster.ts";

Deno.test("who: everybody, with the day where it is another", () => {
  const now = new Date(2026, 10, 22, 14, 3, 29);
  const seen: Seen[] = [
    { name: "Ada", at: now, state: "here" },
    { name: "bob\x1b", at: new Date(2026, 10, 22, 9, 0, 1), state: "left" },
    { name: "carol", at: new Date(2026, 10, 21, 23, 59, 59), state: "lost" },
  ];
  assertEquals(whoLines(seen, "Ada", now), [
    "Seen in this session:",
    "  Ada (you), seen 14:03:29",
    '  "bob<U+001B>", left 09:00:01',
    "  carol, lost 2026-11-21 23:59:59",
  ]);
  const crowd = Array.from({ length: 52 }, () => seen[0]);
  const lines = whoLines(crowd, "bob", now);
  assertEquals(lines.slice(-2), ["  Ada, seen 14:03:29", "  and 2 more"]);
  assertEquals(lines.length, 52);
});
