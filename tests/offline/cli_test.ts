/**
 * What the project takes from `jsr:@std/cli` and `jsr:@std/fmt`. These pass
 * alike with the real packages and with the stand-ins.
 */

import { assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import * as colors from "@std/fmt/colors";

Deno.test("unicodeWidth sums the cells of code points", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["plain ~", 7],
    ["é e\u0301", 3],
    ["天地玄黃", 8],
    ["ｆｕｌｌ", 8],
    ["ｶﾅ", 2],
    ["한국어", 6],
    ["Привет", 6],
    ["שלום", 4],
    ["ไทย", 3],
    ["हिन्दी", 5],
    ["👋", 2],
    ["👩\u200D👩\u200D👧", 6],
    ["👍🏽", 4],
    ["❤", 1],
    ["\u200B\uFE0F", 0],
    ["\x00\x1b\x7f\x9b", 0],
    ["€“”…–", 5],
  ];
  for (const [text, width] of widths) {
    assertEquals(unicodeWidth(text), width, text);
  }
});

Deno.test("colours write exact escapes, or none", () => {
  // NO_COLOR wins over all: then every function returns its text.
  const on = (text: string, plain: string) => Deno.noColor ? plain : text;
  const codes: [(text: string) => string, string, number][] = [
    [colors.bold, "1", 22],
    [colors.dim, "2", 22],
    [colors.italic, "3", 23],
    [colors.underline, "4", 24],
    [colors.inverse, "7", 27],
    [colors.red, "31", 39],
    [(text) => colors.rgb8(text, 208), "38;5;208", 39],
  ];
  for (const [paint, open, close] of codes) {
    assertEquals(paint("a b"), on(`\x1b[${open}ma b\x1b[${close}m`, "a b"));
    assertEquals(paint(""), on(`\x1b[${open}m\x1b[${close}m`, ""));
  }
  assertEquals(
    colors.red(`a${colors.rgb8("b", 4)}c`),
    on("\x1b[31ma\x1b[38;5;4mb\x1b[31mc\x1b[39m", "abc"),
  );
  try {
    colors.setColorEnabled(false);
    assertEquals(colors.red("a"), "a");
  } finally {
    colors.setColorEnabled(true);
  }
  assertEquals(colors.red("a"), on("\x1b[31ma\x1b[39m", "a"));
});
