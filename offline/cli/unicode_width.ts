/**
 * Stands in for `@std/cli/unicode-width` where JSR can't be reached. It knows
 * the blocks of wide characters, not each code point of them.
 *
 * @module
 */

/** Take no cell: controls, marks, joiners and other invisible characters. */
const ZERO =
  /[\p{Cc}\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\u1160-\u11FF\u2028\u2029]/u;

/** Take two cells: East Asian wide characters and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{17000}-\u{18CFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;

/**
 * Tells how many cells of a terminal a text takes.
 *
 * @param str The text.
 * @returns The sum over its code points.
 */
export function unicodeWidth(str: string): number {
  let width = 0;
  for (const char of str) {
    if (char >= " " && char <= "~") width++;
    else if (!ZERO.test(char)) width += WIDE.test(char) ? 2 : 1;
  }
  return width;
}
