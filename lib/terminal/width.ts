/** The characters of a text as a reader sees them, and how many cells they take. */

import { unicodeWidth } from "@std/cli/unicode-width";

/** Two printable ASCII characters: always a boundary. Segmenter takes 10 ms to load. */
const ASCII_PAIR = /^[ -~]{2}$/;

/** ASCII that no mark follows; or other text, with the ASCII before it. */
const RUNS = /([ -~]+(?![^ -~]))|(?:[ -~]?[^ -~]+)+/g;

/** The start of the grapheme around an index, or the index if it is a boundary. */
export function graphemeStart(text: string, index: number): number {
  return graphemeAround(text, index)?.index ?? index;
}

/** The end of the grapheme around an index, or the index if it is a boundary. */
export function graphemeEnd(text: string, index: number): number {
  const around = graphemeAround(text, index);
  return around === undefined || around.index === index
    ? index
    : around.index + around.segment.length;
}

function graphemeAround(
  text: string,
  index: number,
): Intl.SegmentData | undefined {
  const isAtEnd = index <= 0 || index >= text.length;
  if (isAtEnd || ASCII_PAIR.test(text.slice(index - 1, index + 1))) return;
  return new Intl.Segmenter().segment(text).containing(index);
}

/** Cuts a text into graphemes. */
export function* graphemes(text: string): Generator<string> {
  for (const [run, ascii] of text.matchAll(RUNS)) {
    if (ascii !== undefined) yield* ascii;
    else {for (const { segment } of new Intl.Segmenter().segment(run)) {
        yield segment;
      }}
  }
}

/**
 * Narrow characters that some terminals draw wide: symbols and punctuation of
 * ambiguous width (UAX #11), such as … and —, and all that VS16 makes an emoji,
 * such as ❤️ (two cells in kitty, Ghostty, foot, xterm.js with graphemes). Letters
 * of ambiguous width are left out: a Russian text would fill half of each row.
 */
const MAY_BE_WIDE =
  /(?!\p{Emoji_Presentation})[\xA1\xA4\xA7-\xAA\xAE\xB0-\xB4\xB6-\xBA\xBC-\xBF\xD7\xF7\u2010-\u2027\u2030-\u205E\u20AC\u2100-\u2BFF\uE000-\uF8FF\uFFFD\u{1F100}-\u{1F1AC}]\uFE0F?|(?<!\p{Emoji_Presentation})\uFE0F/gu;

/** A text of which each character takes one cell everywhere. */
const PLAIN = /^[ -~]*$/;

/** The most cells that any terminal takes for a text: to fill rows. */
export function most(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return unicodeWidth(text) + (text.match(MAY_BE_WIDE)?.length ?? 0);
}

/**
 * The fewest cells that any terminal takes for a text: to erase rows. To erase
 * too little leaves a row of the prompt, too much takes one of the room.
 */
export function least(text: string): number {
  let width = 0;
  for (const cluster of graphemes(text)) {
    const first = unicodeWidth(String.fromCodePoint(cluster.codePointAt(0)!));
    width += cluster.includes("\uFE0E") ? Math.min(first, 1) : first;
  }
  return width;
}
