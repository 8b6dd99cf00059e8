/**
 * Stands in for `@std/fmt/colors` where JSR can't be reached: the styles that
 * this project uses, with the same escapes.
 *
 * @module
 */

// The one piece of state, because the package this stands in for has it.
let enabled = !Deno.noColor;

/** Turns styling on or off; NO_COLOR wins over it. */
export function setColorEnabled(value: boolean): void {
  if (!Deno.noColor) enabled = value;
}

/** Opens a style before the text and again wherever the text closes it. */
function paint(str: string, open: string, close: number): string {
  if (!enabled) return str;
  const [start, end] = [`\x1b[${open}m`, `\x1b[${close}m`];
  return start + str.replaceAll(end, start) + end;
}

export const bold = (str: string): string => paint(str, "1", 22);
export const dim = (str: string): string => paint(str, "2", 22);
export const italic = (str: string): string => paint(str, "3", 23);
export const underline = (str: string): string => paint(str, "4", 24);
export const inverse = (str: string): string => paint(str, "7", 27);
export const red = (str: string): string => paint(str, "31", 39);

/** Colours a text from the palette of 256 colours. */
export function rgb8(str: string, color: number): string {
  return paint(str, `38;5;${color}`, 39);
}
