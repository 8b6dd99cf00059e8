/**
 * The colours of names. Pure.
 *
 * @module
 */

import { bold, rgb8, underline } from "@std/fmt/colors";

/**
 * Colours of the 256-colour palette, each with a contrast of at least 3.5 on
 * black and 3.5 on white. None is a plain red or green, which many people
 * can't tell apart.
 */
const PALETTE = [30, 32, 63, 99, 100, 134, 162, 164, 166, 168] as const;

/**
 * The colour of a name: the same one in every run.
 *
 * @param name Any string.
 * @returns A colour of the 256-colour palette, for `rgb8`.
 */
export function nameColor(name: string): number {
  // FNV-1a over UTF-16 code units: short names that differ in one letter land
  // far apart.
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return PALETTE[(hash >>> 0) % PALETTE.length];
}

/**
 * A name in its colour; one's own stands out.
 *
 * @param shown What is shown, the name and whatever belongs to it.
 * @param name The name, which decides on the colour.
 * @param isOwn Whether it is the reader's.
 * @returns What is shown, with escapes about it.
 */
export function paintName(shown: string, name: string, isOwn: boolean): string {
  const colored = rgb8(shown, nameColor(name));
  // Not all terminals show 256 colours in bold any different.
  return isOwn ? bold(underline(colored)) : colored;
}
