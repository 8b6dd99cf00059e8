import { assertEquals } from "@std/assert";
import { SeenIds } from "../../lib/room/seen_ids.ts";

/** The ids from one number up to another, left out. */
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`);

/** Which of them are new. */
const added = (seen: SeenIds, ids: string[]) =>
  ids.filter((id) => seen.add(id, "room"));

Deno.test({
  name: "seen ids: each is new once",
  permissions: "none",
  fn() {
    const seen = new SeenIds();
    const all = [...ids(0, 100), "", "__proto__", "constructor"];
    assertEquals(added(seen, all), all);
    assertEquals(added(seen, all), []);
  },
});

Deno.test({
  name: "seen ids: the newest are remembered, twice as many at most",
  permissions: "none",
  fn() {
    for (let count = 1; count <= 50; count++) {
      const seen = new SeenIds(10);
      added(seen, ids(0, count));
      const newest = ids(Math.max(0, count - 10), count);
      assertEquals(added(seen, newest), [], `of ${count}`);
    }
    const seen = new SeenIds(10);
    added(seen, ids(0, 30));
    assertEquals(added(seen, ids(0, 10)), ids(0, 10));
  },
});

Deno.test({
  name: "seen ids: 16,384 unless told otherwise",
  permissions: "none",
  fn() {
    const seen = new SeenIds();
    added(seen, ids(0, 16_384 + 1));
    assertEquals(added(seen, ids(0, 16_384 + 1)), []);
    added(seen, ids(20_000, 20_000 + 2 * 16_384));
    assertEquals(added(seen, ["0"]), ["0"]);
  },
});

Deno.test({
  name: "seen ids: the same id elsewhere is another message's",
  permissions: "none",
  fn() {
    const seen = new SeenIds(10);
    const rooms = ["a", "b", "c", "a b", ""];
    const all = rooms.flatMap((room) => ["x", "x a"].map((id) => [id, room]));
    assertEquals(all.filter(([id, room]) => !seen.add(id, room)), []);
    assertEquals(all.filter(([id, room]) => seen.add(id, room)), []);
    // One id takes no more memory than many.
    for (let i = 0; i < 30; i++) seen.add("y", `${i}`);
    assertEquals(seen.add("y", "29"), false);
    assertEquals(seen.add("y", "0"), true);
  },
});
