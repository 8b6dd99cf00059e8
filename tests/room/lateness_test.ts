import { assertEquals } from "@std/assert";
import { age, LATE_MS, LateWatch } from "../../lib/room/lateness.ts";

Deno.test("what is late is what is older than half a minute", () => {
  const watch = new LateWatch();
  const start = Date.parse("2026-12-31T23:59:58.500Z");
  assertEquals(watch.isLate(undefined, new Date(start)), false);
  for (let ms = 0; ms < 4_000; ms += 250) {
    const receivedAt = new Date(start + ms);
    for (let offset = -33_000; offset < 3_000; offset += 125) {
      const iso = new Date(start + ms + offset).toISOString();
      const forms = [iso, iso.replace(/Z$/, "999999Z"), `${iso.slice(0, 19)}Z`];
      for (const at of forms) {
        const expected = age(at, receivedAt) > LATE_MS;
        assertEquals(watch.isLate(at, receivedAt), expected, at);
      }
    }
  }
});
