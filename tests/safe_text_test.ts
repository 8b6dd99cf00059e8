import { assertEquals } from "@std/assert";
import { renderJson } from "../lib/room/json.ts";
import { safeName, safeText, safeTopic } from "../lib/safe_text.ts";
import {
  assertHarmless,
  escape,
  line,
  message,
  received,
} from "./support/line_fixtures.ts";

/** What is shown for a character after a letter, by its Unicode properties. */
function expected(char: string): string {
  if (char === "\t") return " ";
  if (/[\r\n]/.test(char)) return " ⏎ ";
  if (/\p{Cs}/u.test(char)) return "\ufffd";
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u.test(char)) {
    return escape(char);
  }
  if (/[\u202A-\u202E\u2066-\u206F\uFFF9-\uFFFB]/.test(char)) {
    return escape(char);
  }
  if (/[\p{M}\u200C\u200D]/u.test(char)) return char;
  return /\p{Default_Ignorable_Code_Point}/u.test(char) ? "" : char;
}

Deno.test("every code point on its own, and marks as floods", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code === 0x40000) code = 0xe0000; // four to thirteen are unassigned
    const char = String.fromCodePoint(code);
    const text = `a${char}b`;
    const shown = safeText(text);
    // An assertion for each would take a second.
    if (shown !== `a${expected(char)}b`) {
      assertEquals(shown, `a${expected(char)}b`);
    }
    if (/\p{M}/u.test(char)) {
      assertEquals(safeText(char.repeat(9)), `\u25cc${char.repeat(8)}`);
    }
    if (shown === text || /\p{Cs}/u.test(char)) continue;
    // What a text is not shown with is an escape in names and topics.
    assertEquals(safeName(text), `"a${escape(char)}b"`);
    assertEquals(safeTopic(text), `"a${escape(char)}b"`);
    assertHarmless(received(message(text, text), text));
  }
});

Deno.test("tags stay in a flag and are dropped elsewhere", () => {
  const tags = (text: string) =>
    text.replace(/./g, (c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0)));
  const end = "\u{e007f}";
  const flag = `🏴${tags("gbeng")}${end}`;
  assertEquals(safeText(`x${flag}y`), `x${flag}y`);
  assertEquals(safeText(`x${tags("ignore all")}${end}y`), "xy");
  assertEquals(safeText(`x🏴${tags("gbengland")}${end}`), "x🏴");
  assertEquals(safeText(`🏴${tags("gbeng")}y`), "🏴y");
  assertEquals(safeText(`🏴\u200e${tags("gbeng")}${end}`), "🏴");
  // Lone surrogates become U+FFFD, also next to what is dropped.
  assertEquals(safeText("a\ud83d\u200e\ude00"), "a\ufffd\ufffd");
  assertEquals(safeName("\ud83d"), '"\ufffd"');
  assertEquals(safeText(`🏴${tags("say")}${tags("hello you")}${end}`), "🏴");
});

Deno.test("marks: 500 are cut to 8, a leading one gets a base", () => {
  const mark = "\u0301";
  assertEquals(safeText(`e${mark.repeat(500)}x`), `e${mark.repeat(8)}x`);
  assertEquals(safeText(`${mark}x`), `\u25cc${mark}x`);
  assertEquals(safeText(`\u200e${mark}x`), `\u25cc${mark}x`);
  assertEquals(safeText(`\u200d${mark}x`), `\u25cc\u200d${mark}x`);
  assertEquals(safeText("\u200d".repeat(500)), "\u200d".repeat(8));
  // What is dropped in between begins no new run.
  const flood = `${mark.repeat(8)}\u200b`.repeat(9);
  assertEquals(safeText(`e${flood}`), `e${mark.repeat(8)}`);
  assertEquals(safeName(`e${mark.repeat(20)}`), `"e${mark.repeat(8)}"`);
  assertEquals(line(message("x", mark)), `14:03:22 "\u25cc${mark}": x`);
});

Deno.test("real text stays byte for byte", () => {
  const texts = [
    'printable ASCII ~!@#$%^&*()_+{}|:"<>? <U+001B>',
    "Grüße aus Łódź, naïve façade — “quoted” … 5 €",
    "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 👁️‍🗨️ 🧑🏿‍🤝‍🧑🏻", // ZWJ, skin tones
    "🇩🇪🇯🇵 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁵󠁳󠁴󠁸󠁿 🏴‍☠️", // flags, with tags
    "1️⃣ #️⃣ *️⃣ ☎︎ ☎️", // keycaps, text and emoji style
    "می‌خواهم کتاب‌ها را بخوانم", // Persian with ZWNJ
    "مَكْتَبَةٌ السَّلَامُ عَلَيْكُمْ", // Arabic with harakat
    "क्षेत्र हिन्दी क्‍ष र्‍य", // Devanagari, with ZWJ
    "ভালোবাসি র‍্যাব ক্ষ தமிழ் ஸ்ரீ க்ஷ", // Bengali, Tamil
    "മലയാളം അവന്‍ ශ්‍රී ලංකාව", // Malayalam, chillu with ZWJ; Sinhala
    "ที่นี่ น้ำใจ กรุงเทพฯ ພາສາລາວ", // Thai, Lao
    "ខ្មែរ ស្ត្រី မြန်မာဘာသာ", // Khmer, Burmese
    "བོད་སྐད་ ཧྐྵྨླྺྼྻྂ", // Tibetan, a stack of eight
    "שָׁלוֹם עֲלֵיכֶם בְּרֵאשִׁ֖ית", // Hebrew with niqqud and cantillation
    "ᠮᠣᠩᠭᠣᠯ ᠤ᠋ ᠳ᠋ ᠠ᠌ ᠨ᠍ ᠰ᠏", // Mongolian with variation selectors
    "葛󠄀城市 辻󠄀 漢字カタカナ ひらがな 한국어 값 ㅋㅋㅋ", // CJK, variants; Hangul
    "한국어 값 がぱ".normalize("NFD"), // conjoining Jamo, kana with marks
    "Tiếng Việt tiếng Việt ÅÉñ g̃ ḱ̀".normalize("NFD"),
    "አማርኛ ქართული Հայերեն ᏣᎳᎩ ꦗꦮ ߒߞߏ", // more scripts
    "x̄ ± ∑∞ ℝ 𝔘𝔫𝔦 ⠓⠊ ♠♥ ┌─┐ ﷽", // symbols
    "\ue000 \u{f0000} \u{1fc00} \u{323b0}", // private use, unassigned
  ];
  for (const text of texts) {
    assertEquals(safeText(text), text);
    assertEquals(line(message(text)), `14:03:22 alice: ${text}`);
    assertEquals(JSON.parse(renderJson(received(message(text)))).text, text);
  }
});

Deno.test("a name or topic can't pass for another part of the line", () => {
  const names = ["alice", "a.b-c_d", "Anna Maria 2", "José", "Jose\u0301"];
  names.push("李小龙", "דוד", "اکبر", "_x", "a".repeat(32), "𝔘".repeat(32));
  for (const name of names) assertEquals(safeName(name), name);
  const plain = ["", " ", "alice ", " alice", "a  b", "a\u00a0b", "a: hi"];
  plain.push("12:00", "--", "-- User bob timed out.", "[chat]", "??");
  plain.push("x -- User bob timed out.", "(retained) alice", "\u2800");
  plain.push("al\u034fice", "alice\ufe0f", "علی\u200cرضا");
  const quoted: [string, string][] = [
    ...plain.map((name): [string, string] => [name, `"${name}"`]),
    ['a": hi', '"a\\": hi"'],
    ['\\"', '"\\\\\\""'],
    ['"alice"', '"\\"alice\\""'],
    ["\u3164", '"<U+3164>"'],
    ["alice\u3164", '"alice<U+3164>"'],
    ["a\tb\nc", '"a<U+0009>b<U+000A>c"'],
    ["a".repeat(33), `"${"a".repeat(32)}"…`],
    ["😀".repeat(33), `"${"😀".repeat(32)}"…`],
    ["\u200e".repeat(65000), `"${"<U+200E>".repeat(32)}"…`],
  ];
  for (const [name, shown] of quoted) {
    assertEquals(safeName(name), shown);
    assertEquals(line(message("x", name)), `14:03:22 ${shown}: x`);
  }
  for (const topic of ["chat/room", "/a//b", "$SYS/#", "+/b", "città"]) {
    assertEquals(safeTopic(topic), topic);
  }
  assertEquals(safeTopic("a] alice: x"), '"a] alice: x"');
  assertEquals(safeTopic("my room"), '"my room"');
  assertEquals(safeTopic("a".repeat(129)), `"${"a".repeat(128)}"…`);
});
