import { assertEquals } from "@std/assert";
import { utf8Length } from "../lib/utf8.ts";

Deno.test("utf8Length is what the encoder would give", () => {
  const parts = ["", "a", "\x7f", "\x80", "ü", "\u07FF", "\u0800", "€"].concat(
    [
      "日",
      "\uFFFF",
      "👋",
      "\u{10FFFF}",
      "\uD800",
      "\uDBFF",
      "\uDC00",
      "\uDFFF",
    ],
  );
  const encoder = new TextEncoder();
  for (const a of parts) {
    for (const b of parts) {
      for (const c of parts) {
        const text = a + b + c;
        const { length } = encoder.encode(text);
        assertEquals(utf8Length(text), length, JSON.stringify(text));
      }
    }
  }
});
