import { assertEquals } from "@std/assert";
import { edited } from "../../lib/terminal/secret.ts";

Deno.test("secret: keys that edit do their work", () => {
  const cases: [string, string][] = [
    ["", ""],
    ["s3cret ü👋", "s3cret ü👋"],
    ["ab\x7fc", "ac"],
    ["a👋\bb", "ab"],
    ["\x7f\x7fa", "a"],
    ["wrong\x15right", "right"],
    ["wrong\x15", ""],
    ["a\x1ab\x1c", "ab"],
    ["a👩‍👩‍👧\x7fb", "ab"],
    ["a\x1b[<0;1;1Mb\x1b]11;rgb:0/0/0\x07c\x1b[I", "abc"],
    ["a\x1b[D\x1b[3~\x1bOPb\x1b[1;5C", "ab"],
  ];
  for (const [keys, text] of cases) {
    assertEquals(edited(keys), text, JSON.stringify(keys));
  }
});
