/**
 * Stands in for `@std/fmt/colors` where JSR can't be reached: the styles this
 * project may use, with the same escapes. `setup.ts` puts it into `vendor/`.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";

/** Wraps a text in the escapes of one style. */
export type Style = (str: string) => string;

// The one piece of state, because the package this stands in for has it.
let enabled = !Deno.noColor;

/**
 * Turns styling on or off. Does nothing where NO_COLOR is set.
 *
 * @param value Whether the functions here add escapes.
 */
export function setColorEnabled(value: boolean): void {
  if (!Deno.noColor) enabled = value;
}

/**
 * Tells whether the functions here add escapes.
 *
 * @returns Whether they do; at first, whether NO_COLOR is not set.
 */
export function getColorEnabled(): boolean {
  return enabled;
}

/** Makes the function of a style from its SGR parameters. */
function style(open: string, close: number): Style {
  return (str) => paint(str, open, close);
}

/** Opens a style before the text and again wherever the text closes it. */
function paint(str: string, open: string, close: number): string {
  if (!enabled) return str;
  const [start, end] = [`\x1b[${open}m`, `\x1b[${close}m`];
  return start + str.replaceAll(end, start) + end;
}

/** An index into the palette of 256 colours. */
function index(color: number): number {
  return Math.trunc(Math.max(Math.min(color, 255), 0));
}

/** Bold. */
export const bold: Style = style("1", 22);
/** Faint. */
export const dim: Style = style("2", 22);
/** Italic. */
export const italic: Style = style("3", 23);
/** Underlined. */
export const underline: Style = style("4", 24);
/** Foreground and background swapped. */
export const inverse: Style = style("7", 27);
/** Red text. */
export const red: Style = style("31", 39);
/** Green text. */
export const green: Style = style("32", 39);
/** Yellow text. */
export const yellow: Style = style("33", 39);
/** Blue text. */
export const blue: Style = style("34", 39);
/** Magenta text. */
export const magenta: Style = style("35", 39);
/** Cyan text. */
export const cyan: Style = style("36", 39);
/** White text. */
export const white: Style = style("37", 39);
/** Bright black text, the same as {@link gray}. */
export const brightBlack: Style = style("90", 39);
/** Grey text. */
export const gray: Style = brightBlack;
/** Bright red text. */
export const brightRed: Style = style("91", 39);
/** Bright green text. */
export const brightGreen: Style = style("92", 39);
/** Bright yellow text. */
export const brightYellow: Style = style("93", 39);
/** Bright blue text. */
export const brightBlue: Style = style("94", 39);
/** Bright magenta text. */
export const brightMagenta: Style = style("95", 39);
/** Bright cyan text. */
export const brightCyan: Style = style("96", 39);
/** Bright white text. */
export const brightWhite: Style = style("97", 39);

/**
 * Colours a text from the palette of 256 colours.
 *
 * @param str The text.
 * @param color The colour, cut to 0–255.
 * @returns The text in its escapes.
 */
export function rgb8(str: string, color: number): string {
  return paint(str, `38;5;${index(color)}`, 39);
}

/**
 * Colours a text's background from the palette of 256 colours.
 *
 * @param str The text.
 * @param color The colour, cut to 0–255.
 * @returns The text in its escapes.
 */
export function bgRgb8(str: string, color: number): string {
  return paint(str, `48;5;${index(color)}`, 49);
}

/**
 * Takes the escapes out of a text. Unlike the package's, Node's function also
 * takes out the string terminator, ESC and a backslash.
 *
 * @param string The text.
 * @returns The text without escapes.
 */
export function stripAnsiCode(string: string): string {
  return stripVTControlCharacters(string);
}
