/**
 * Captured terminal text → rows of styled text. Reads the colours and
 * attributes of `tmux capture-pane -e`, and drops every other escape sequence
 * and control character. Pure; imports nothing.
 *
 * @module
 */

/** An entry of the 256-colour palette, or any other colour as `#rrggbb`. */
export type Color = number | `#${string}`;

/** How text looks. What is left out is as the terminal has it. */
export interface Style {
  /** Whether it is bold. */
  bold?: boolean;
  /** Whether it is fainter than other text. */
  dim?: boolean;
  /** Whether it is italic. */
  italic?: boolean;
  /** Whether it has a line below, single or double. */
  underline?: boolean;
  /** Whether it has a line through it. */
  strike?: boolean;
  /** Whether foreground and background have changed places. */
  inverse?: boolean;
  /** Whether the text takes its place without being seen. */
  hidden?: boolean;
  /** The text's colour. */
  foreground?: Color;
  /** The colour behind it. */
  background?: Color;
}

/** Text in one style. */
export interface Run {
  /** The text: no control characters, and never empty. */
  text: string;
  /** How it looks. */
  style: Style;
}

/** What the parameters that stand for themselves change. */
const SWITCHES: ReadonlyMap<number, Style> = new Map<number, Style>([
  [1, { bold: true }],
  [2, { dim: true }],
  [3, { italic: true }],
  [4, { underline: true }],
  [7, { inverse: true }],
  [8, { hidden: true }],
  [9, { strike: true }],
  [21, { underline: true }], // a double one
  [22, { bold: undefined, dim: undefined }],
  [23, { italic: undefined }],
  [24, { underline: undefined }],
  [27, { inverse: undefined }],
  [28, { hidden: undefined }],
  [29, { strike: undefined }],
  [39, { foreground: undefined }],
  [49, { background: undefined }],
]);

/** The first parameter of each eight colours of the sixteen. */
const SIXTEEN: readonly [first: number, part: ColorPart, color: number][] = [
  [30, "foreground", 0],
  [40, "background", 0],
  [90, "foreground", 8],
  [100, "background", 8],
];

type ColorPart = "foreground" | "background";

const SEQUENCE = new RegExp(
  [
    "\\x1b\\[([0-?]*)([ -/]*[@-~])", // CSI; a colour ends in "m"
    "\\x1b[\\]PX^_][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)", // OSC, DCS, SOS, PM, APC
    "\\x1b[ -/]*[0-~]",
    "\\n",
    // XML can't hold these, not even escaped.
    "[\\0-\\x1f\\x7f-\\x9f\\ufffe\\uffff]",
  ].join("|"),
  "g",
);

/**
 * Reads captured text.
 *
 * @param captured Any text. Lines end in `\n`; a style goes on over the end of
 *   a line, as it does on a terminal.
 * @returns The rows, each with the text between two changes of style. An empty
 *   row has no runs; rows that are empty at the end are left out. Lone
 *   surrogates are U+FFFD.
 */
export function parseAnsi(captured: string): Run[][] {
  const rows: Run[][] = [[]];
  let style: Style = {};
  const add = (text: string) => {
    if (text !== "") rows.at(-1)!.push({ text: text.toWellFormed(), style });
  };
  let end = 0;
  for (const match of captured.matchAll(SEQUENCE)) {
    add(captured.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === "\n") rows.push([]);
    if (match[2] === "m") style = restyle(style, match[1]);
  }
  add(captured.slice(end));
  while (rows.at(-1)?.length === 0) rows.pop();
  return rows;
}

/** The style after an SGR sequence with these parameters. */
function restyle(style: Style, parameters: string): Style {
  // Parameters that begin with one of these mean something else than SGR.
  if (/^[<=>?]/.test(parameters)) return style;
  let result = style;
  const codes = parameters.split(";");
  while (codes.length > 0) {
    const [code, ...details] = codes.shift()!.split(":").map(Number);
    const isColor = code === 38 || code === 48;
    if (code === 0) result = {};
    else if (isColor) {
      const part = code === 38 ? "foreground" : "background";
      const color = details.length > 0
        ? detailedColor(details[0], details.slice(details[0] === 5 ? 1 : -3))
        : takeColor(codes);
      if (color !== undefined) result = { ...result, [part]: color };
    } else if (code === 4 && details[0] === 0) {
      result = { ...result, underline: undefined };
    } else result = { ...result, ...SWITCHES.get(code), ...oneOfSixteen(code) };
  }
  return result;
}

/** Takes what belongs to a colour in the form `38;5;N` or `38;2;R;G;B`. */
function takeColor(codes: string[]): Color | undefined {
  const kind = Number(codes.shift());
  const count = kind === 5 ? 1 : kind === 2 ? 3 : 0;
  return detailedColor(kind, codes.splice(0, count).map(Number));
}

/** The colour of kind 5 (palette) or 2 (red, green, blue), if it is one. */
function detailedColor(kind: number, values: number[]): Color | undefined {
  if (!values.every((value) => value >= 0 && value <= 255)) return undefined;
  if (kind === 5 && values.length === 1) return values[0];
  if (kind === 2 && values.length === 3) return hexColor(values);
  return undefined;
}

/** The change by a parameter of its own for one of sixteen colours. */
function oneOfSixteen(code: number): Style {
  for (const [first, part, color] of SIXTEEN) {
    if (code >= first && code < first + 8) {
      return { [part]: color + code - first };
    }
  }
  return {};
}

/**
 * Writes a colour.
 *
 * @param values Red, green and blue, 0 to 255.
 * @returns `#rrggbb`.
 */
export function hexColor(values: readonly number[]): `#${string}` {
  const hex = values.map((value) => value.toString(16).padStart(2, "0"));
  return `#${hex.join("")}`;
}
