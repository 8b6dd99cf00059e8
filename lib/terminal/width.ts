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

/** The most cells that a text takes: to fill rows. */
export function most(text: string): number {
  return unicodeWidth(text);
}

/**
 * The fewest cells that a text takes: to erase rows. To erase too little leaves
 * a row of the prompt behind, too much would take one of the room's.
 */
export function least(text: string): number {
  let width = 0;
  for (const cluster of graphemes(text)) {
    width += unicodeWidth(String.fromCodePoint(cluster.codePointAt(0)!));
  }
  return width;
}
