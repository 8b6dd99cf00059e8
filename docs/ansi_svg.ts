/**
 * Captured terminal text → a picture of a terminal window, as SVG. Owns the
 * geometry and the colours of the picture; {@link parseAnsi} reads the text.
 * Pure: the same text gives the same picture.
 *
 * The window follows the reader's light or dark scheme; the colours that the
 * text asks for stay as they are. Nothing is loaded: the font is the reader's
 * own monospaced one, and every piece of text is fitted to its cells.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import { parseAnsi, type Run, type Style } from "./ansi.ts";

/** What stands around the text. */
export interface Window {
  /** The window's title: one line of text. */
  title: string;
  /** The terminal's width in cells. A wider row widens the picture. */
  columns: number;
  /** Where the cursor is, in cells from the top left, if it is to be seen. */
  cursor?: { column: number; row: number };
}

/** In pixels. A cell is 0.6 em wide, as in most monospaced fonts. */
const FONT_SIZE = 15;
const CELL_WIDTH = 9;
const ROW_HEIGHT = 20;
const BASELINE = 15;
const PADDING = 16;
const TITLE_BAR = 32;

/** No cluster of code points takes more cells. */
const WIDEST = 2;

/** The steps of red, green and blue in the 256-colour palette's cube. */
const CUBE_STEPS = [0, 95, 135, 175, 215, 255];

const CSS = [
  `.t{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,` +
  `"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}`,
  ".b{font-weight:bold}",
  ".i{font-style:italic}",
  ".u{text-decoration:underline}",
  ".d{opacity:.65}",
  ".f{fill:#1f2328}",
  ".g{fill:#fff}",
  ".w{stroke:#d0d7de}",
  "@media(prefers-color-scheme:dark){" +
  ".f{fill:#e6edf3}.g{fill:#0d1117}.w{stroke:#3d444d}}",
].join("\n");

/** Text that is drawn as one, and the cells it takes. */
interface Piece extends Run {
  column: number;
  width: number;
}

/**
 * Draws a terminal window.
 *
 * @param captured What `tmux capture-pane -e -p` gives, or any other text;
 *   whatever it holds stays text.
 * @param window What stands around it.
 * @returns The SVG document, with a line break at its end.
 */
export function ansiSvg(captured: string, window: Window): string {
  const rows = parseAnsi(captured).map(place);
  const ends = rows.flat().map(({ column, width }) => column + width);
  const columns = Math.max(window.columns, ...ends);
  const width = columns * CELL_WIDTH + 2 * PADDING;
  const count = Math.max(rows.length, (window.cursor?.row ?? -1) + 1);
  const height = TITLE_BAR + count * ROW_HEIGHT + 2 * PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" ` +
    `height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    ...frame(width, height, escapeXml(window.title)),
    `<g xml:space="preserve">`,
    ...rows.flatMap((pieces, row) =>
      pieces.flatMap((piece) => draw(piece, row))
    ),
    ...window.cursor ? [drawCursor(window.cursor)] : [],
    `</g>`,
    `</svg>`,
    ``,
  ].join("\n");
}

/** The window around the text. */
function frame(width: number, height: number, title: string): string[] {
  const middle = TITLE_BAR / 2;
  const buttons = [20, 38, 56].map((x) =>
    `<circle cx="${x}" cy="${middle}" r="5.5"/>`
  );
  return [
    `<title>${title}</title>`,
    `<style>`,
    CSS,
    `</style>`,
    `<rect class="g w" x="0.5" y="0.5" width="${width - 1}" ` +
    `height="${height - 1}" rx="8"/>`,
    `<path class="w" d="M1 ${TITLE_BAR}.5H${width - 1}"/>`,
    `<g class="f" opacity="0.3">${buttons.join("")}</g>`,
    `<text class="t d f" x="${width / 2}" y="${middle + 5}" ` +
    `text-anchor="middle">${title}</text>`,
  ];
}

/** Gives each piece of a row its cells. */
function place(runs: Run[]): Piece[] {
  let end = 0;
  return runs.flatMap(({ text, style }) =>
    split(text).map((text) => {
      const width = isAscii(text)
        ? text.length
        : Math.min(unicodeWidth(text), WIDEST);
      const column = end;
      end += width;
      return { text, style, column, width };
    })
  );
}

/**
 * Splits text so that no piece depends on how wide a font draws another: ASCII
 * stays together, every other character is by itself.
 */
function split(text: string): string[] {
  return (text.match(/[ -~]+|[^ -~]+/g) ?? [])
    .flatMap((part) => isAscii(part) ? [part] : characters(part));
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** What a reader takes for single characters. */
function characters(text: string): string[] {
  // Named, so that every machine splits alike.
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** A piece's background, if it is inverse, and its text. */
function draw({ text, style, column, width }: Piece, row: number): string[] {
  const { color, inverse } = style;
  const elements: string[] = [];
  if (inverse) {
    elements.push(
      `<rect ${painted([], "f", color)} ${position(column, row)} ` +
        `width="${width * CELL_WIDTH}" height="${ROW_HEIGHT}"/>`,
    );
  }
  if (style.underline || text.trim() !== "") {
    const classes = ["t", ...classesOf(style)];
    const look = inverse ? painted(classes, "g") : painted(classes, "f", color);
    elements.push(
      `<text ${look} ${position(column, row, BASELINE)}${fitted(width)}>` +
        `${escapeXml(text)}</text>`,
    );
  }
  return elements;
}

/** The classes for all but the colours. */
function classesOf(style: Style): string[] {
  return [
    ...style.bold ? ["b"] : [],
    ...style.dim ? ["d"] : [],
    ...style.italic ? ["i"] : [],
    ...style.underline ? ["u"] : [],
  ];
}

/** Attributes for classes and a colour: the palette's, or the window's own. */
function painted(classes: string[], own: "f" | "g", color?: number): string {
  if (color === undefined) return `class="${[...classes, own].join(" ")}"`;
  const fill = `fill="${rgb(color)}"`;
  return classes.length > 0 ? `class="${classes.join(" ")}" ${fill}` : fill;
}

/** Attributes that put something on a cell. */
function position(column: number, row: number, down = 0): string {
  const x = PADDING + column * CELL_WIDTH;
  const y = TITLE_BAR + PADDING + row * ROW_HEIGHT + down;
  return `x="${x}" y="${y}"`;
}

/** Attributes that keep text in its cells, whatever the font. */
function fitted(width: number): string {
  if (width === 0) return "";
  const length = width * CELL_WIDTH;
  return ` textLength="${length}" lengthAdjust="spacingAndGlyphs"`;
}

/** A cursor that leaves what is under it readable. */
function drawCursor({ column, row }: { column: number; row: number }): string {
  return `<rect class="f" opacity="0.5" ${position(column, row)} ` +
    `width="${CELL_WIDTH}" height="${ROW_HEIGHT}"/>`;
}

/** The `#rrggbb` of a palette entry in the cube, where names' colours are. */
function rgb(color: number): string {
  const index = color - 16;
  const steps = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6];
  const hex = steps.map((step) =>
    CUBE_STEPS[step].toString(16).padStart(2, "0")
  );
  return `#${hex.join("")}`;
}

/** Any text as content of an element. */
function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
