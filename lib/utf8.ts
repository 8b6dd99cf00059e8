/**
 * How much room a text takes in UTF-8, without encoding it: that would be a call
 * out of JavaScript and an array for each message. Pure.
 *
 * @module
 */

/** The most bytes of UTF-8 that a UTF-16 code unit takes. */
export const MAX_UTF8_BYTES = 3;

/**
 * The size of a text in UTF-8.
 *
 * @param text Any string.
 * @returns Its bytes; a lone surrogate counts as U+FFFD, which it is encoded as.
 */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else {
      bytes += 2;
      // Both halves of a pair together take 4 bytes, not 6.
      if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) {
        i++;
      }
    }
  }
  return bytes;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
