import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/cli/flags.ts";

Deno.test("flags: a mistyped word has a nearest one, a strange one has none", () => {
  const words = ["host", "history", "topic", "nick", "who", "quit"];
  const found = ["topik", "nik", "TOPIC", "tpoic", "hist", "wh", "quti", "wo"]
    .map((word) => nearest(word, words));
  assertEquals(
    found,
    ["topic", "nick", "topic", "topic", "history", "who", "quit", "who"],
  );
  for (const word of ["", "x", "bogus", "room", "whereabouts"]) {
    assertEquals(nearest(word, words), undefined, word);
  }
});
