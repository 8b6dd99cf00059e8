/**
 * Where keys move the cursor to, as in a shell: by graphemes, by words, to the
 * ends. Pure.
 *
 * @module
 */

import { graphemeEnd, graphemeStart } from "./graphemes.ts";

/** A text and the cursor in it. */
export interface Draft {
  readonly text: string;
  /** In UTF-16 code units; always between two graphemes. */
  readonly cursor: number;
}

/** Finds a place, which may be past an end or within a grapheme. */
export type Motion = (draft: Draft) => number;

export const left: Motion = ({ cursor }) => cursor - 1;
export const right: Motion = ({ cursor }) => cursor + 1;
export const start: Motion = () => 0;
export const end: Motion = ({ text }) => text.length;

const WORD = /[\p{L}\p{M}\p{N}_\u200C\u200D]/u;
const BLANK = /\s/;

/** Before the word that the cursor is in or after. */
export const wordLeft: Motion = ({ text, cursor }) => {
  const at = skip(text, cursor, -1, (char) => !WORD.test(char));
  return skip(text, at, -1, (char) => WORD.test(char));
};

export const wordRight: Motion = ({ text, cursor }) => {
  const at = skip(text, cursor, 1, (char) => !WORD.test(char));
  return skip(text, at, 1, (char) => WORD.test(char));
};

/** As {@link wordLeft}, where only blanks are between words. */
export const blankLeft: Motion = ({ text, cursor }) => {
  const at = skip(text, cursor, -1, (char) => BLANK.test(char));
  return skip(text, at, -1, (char) => !BLANK.test(char));
};

/** Goes over the code points that fit, to the right or to the left. */
function skip(
  text: string,
  from: number,
  step: 1 | -1,
  fits: (char: string) => boolean,
): number {
  let at = from;
  for (;;) {
    const isPair = step === -1 && /[\uDC00-\uDFFF]/.test(text[at - 1] ?? "");
    const next = step === 1 ? at : at - (isPair ? 2 : 1);
    const code = text.codePointAt(next);
    if (code === undefined) return at;
    const char = String.fromCodePoint(code);
    if (!fits(char)) return at;
    at = step === 1 ? at + char.length : next;
  }
}

/** Where a motion leads to: a place in the text, between two graphemes. */
export function goal(draft: Draft, motion: Motion): number {
  const { text, cursor } = draft;
  const at = Math.min(Math.max(motion(draft), 0), text.length);
  return at < cursor ? graphemeStart(text, at) : graphemeEnd(text, at);
}
