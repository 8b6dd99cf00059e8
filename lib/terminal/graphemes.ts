/**
 * Where the characters of a text begin and end as a reader sees them: an emoji
 * of several parts, a letter with its marks, a flag are one each. Pure. Text in
 * ASCII is told apart first: to load what knows the others takes 10 ms.
 *
 * @module
 */

/** What is between two of these belongs to neither. */
const ASCII = /^[ -~]{2}$/;

/** ASCII that no mark follows; or others, and what they may follow. */
const RUNS = /([ -~]+(?![^ -~]))|(?:[ -~]?[^ -~]+)+/g;

/**
 * The start of the grapheme that a place is in.
 *
 * @param text Any text.
 * @param at A place in it, in UTF-16 code units.
 * @returns The place itself if it is between two.
 */
export function graphemeStart(text: string, at: number): number {
  return around(text, at)?.index ?? at;
}

/** The end of the grapheme that a place is in, as {@link graphemeStart}. */
export function graphemeEnd(text: string, at: number): number {
  const grapheme = around(text, at);
  return grapheme === undefined || grapheme.index === at
    ? at
    : grapheme.index + grapheme.segment.length;
}

/** The grapheme that a place is in or before, unless it is between two. */
function around(text: string, at: number): Intl.SegmentData | undefined {
  const isAtEnd = at <= 0 || at >= text.length;
  if (isAtEnd || ASCII.test(text.slice(at - 1, at + 1))) return undefined;
  return new Intl.Segmenter().segment(text).containing(at);
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
