import { assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("ignored");

test("a name is compared exactly, or as lines show it where it can't be typed", () => {
  const names = ["Ada", "a: b", '"Bo<U+200B>"', `"${"x".repeat(32)}"…`, " c"];
  const ignored = new Ignored(names);
  assertEquals(ignored.add("__proto__"), true);
  // Of long names all that look so, since a line shows no more of them.
  const all = ["Ada", "a: b", "Bo\u200b", "__proto__", "x".repeat(33)];
  for (const name of [...all, "x".repeat(256), " c"]) {
    assertEquals([ignored.has(name), ignored.add(name)], [true, false], name);
  }
  const others = ["ada", "Ada ", "Аda", "Ada\u200b", "Bo", "", "x".repeat(32)];
  for (const name of others) assertEquals(ignored.has(name), false, name);
  const list = ["Ada", '"a: b"', ...names.slice(2, 4), '" c"', "__proto__"];
  assertEquals(ignored.list(), list);
  // In either spelling.
  assertEquals(ignored.remove("c"), false);
  for (const name of [...all.slice(0, 4), '" c"', names[3]]) {
    assertEquals(ignored.remove(name), true, name);
  }
  assertEquals(ignored.list(), []);
});
