import { assertEquals } from "@std/assert";
import {
  graphemeEnd,
  graphemes,
  graphemeStart,
} from "../../lib/terminal/graphemes.ts";

Deno.test("graphemes: they are what Intl.Segmenter says, ASCII or not", () => {
  const text = "ab 1️⃣ #e\u0301\u0323x👩‍👩‍👧🇩🇪🇫🇷 각\u1112\u1161\u11ab~नि\n日本 z";
  const expected = Array.from(
    new Intl.Segmenter().segment(text),
    ({ segment }) => segment,
  );
  assertEquals([...graphemes(text)], expected);
  let index = 0;
  for (const grapheme of expected) {
    const end = index + grapheme.length;
    assertEquals(graphemeStart(text, index), index);
    assertEquals(graphemeEnd(text, index), index);
    for (let at = index + 1; at < end; at++) {
      assertEquals(graphemeStart(text, at), index);
      assertEquals(graphemeEnd(text, at), end);
    }
    index = end;
  }
  assertEquals(graphemeEnd(text, index), index);
});
