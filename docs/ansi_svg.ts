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

/**
 * The sixteen colours, which have no fixed values: like the names' colours in
 * the room, each has a contrast of at least 3.5 on black and on white.
 */
const SIXTEEN = [
  ...["#6e6e6e", "#d32f2f", "#2e8540", "#9a6700"],
  ...["#2673d9", "#a04bc4", "#16828a", "#767676"],
  ...["#767676", "#e5484d", "#2d8a4e", "#a3730d"],
  ...["#3b82f6", "#b25fd6", "#1a8a94", "#808080"],
];

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

/** Text that belongs together, and the cells it takes. */
interface Piece {
  text: string;
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
  const rows = parseAnsi(captured).map(placeRuns);
  const columns = Math.max(window.columns, ...rows.map(({ width }) => width));
  const width = columns * CELL_WIDTH + 2 * PADDING;
  const count = Math.max(rows.length, (window.cursor?.row ?? -1) + 1);
  const height = TITLE_BAR + count * ROW_HEIGHT + 2 * PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" ` +
    `height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    ...frame(width, height, escapeXml(window.title)),
    `<g xml:space="preserve">`,
    ...rows.flatMap(({ placed }, row) =>
      placed.flatMap((run) => draw(run, row))
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

/** A run, and the cells it takes. */
interface PlacedRun {
  style: Style;
  pieces: Piece[];
  column: number;
  width: number;
}

/** Gives each run of a row its cells. */
function placeRuns(runs: Run[]): { placed: PlacedRun[]; width: number } {
  let end = 0;
  const placed = runs.map(({ text, style }) => {
    const column = end;
    const pieces = splitText(text, column);
    for (const piece of pieces) end += piece.width;
    return { style, pieces, column, width: end - column };
  });
  return { placed, width: end };
}

/**
 * Splits text so that no piece depends on how wide a font draws another: ASCII
 * stays together, every other character is by itself.
 */
function splitText(text: string, start: number): Piece[] {
  let column = start;
  const texts = (text.match(/[ -~]+|[^ -~]+/g) ?? [])
    .flatMap((part) => isAscii(part) ? [part] : characters(part));
  return texts.map((text) => {
    const width = isAscii(text)
      ? text.length
      : Math.min(unicodeWidth(text), WIDEST);
    const piece = { text, column, width };
    column += width;
    return piece;
  });
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

/** A palette entry, or the class of a colour of the window's own. */
type Paint = number | "f" | "g";

/** A run's background, if it has one, and its text. */
function draw({ style, pieces, column, width }: PlacedRun, row: number) {
  const { foreground = "f", background = "g" } = style;
  const [ink, paper]: Paint[] = style.inverse
    ? [background, foreground]
    : [foreground, background];
  const elements: string[] = [];
  if (paper !== "g") {
    elements.push(
      `<rect ${painted([], paper)} ${position(column, row)} ` +
        `width="${width * CELL_WIDTH}" height="${ROW_HEIGHT}"/>`,
    );
  }
  const look = painted(["t", ...classesOf(style)], ink);
  for (const piece of pieces) {
    if (!style.underline && piece.text.trim() === "") continue;
    elements.push(
      `<text ${look} ${position(piece.column, row, BASELINE)}` +
        `${fitted(piece)}>${escapeXml(piece.text)}</text>`,
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

/** Attributes for classes and a paint. */
function painted(classes: string[], paint: Paint): string {
  const all = typeof paint === "string" ? [...classes, paint] : classes;
  return [
    ...all.length > 0 ? [`class="${all.join(" ")}"`] : [],
    ...typeof paint === "number" ? [`fill="${rgb(paint)}"`] : [],
  ].join(" ");
}

/** Attributes that put something on a cell. */
function position(column: number, row: number, down = 0): string {
  const x = PADDING + column * CELL_WIDTH;
  const y = TITLE_BAR + PADDING + row * ROW_HEIGHT + down;
  return `x="${x}" y="${y}"`;
}

/** Attributes that keep text in its cells, whatever the font. */
function fitted({ width }: Piece): string {
  if (width === 0) return "";
  const length = width * CELL_WIDTH;
  return ` textLength="${length}" lengthAdjust="spacingAndGlyphs"`;
}

/** A cursor that leaves what is under it readable. */
function drawCursor({ column, row }: { column: number; row: number }): string {
  return `<rect class="f" opacity="0.5" ${position(column, row)} ` +
    `width="${CELL_WIDTH}" height="${ROW_HEIGHT}"/>`;
}

/** A palette entry's `#rrggbb`. */
function rgb(color: number): string {
  if (color < 16) return SIXTEEN[color];
  if (color >= 232) return hexColor(Array(3).fill(8 + 10 * (color - 232)));
  const index = color - 16;
  const steps = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6];
  return hexColor(steps.map((step) => CUBE_STEPS[step]));
}

/** Red, green and blue, 0 to 255, as `#rrggbb`. */
function hexColor(values: readonly number[]): string {
  const hex = values.map((value) => value.toString(16).padStart(2, "0"));
  return `#${hex.join("")}`;
}

/** Any text as content of an element. */
function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
