/**
 * Captured terminal text → rows of styled text. Reads what the scripts can look
 * like in `tmux capture-pane -e`: five attributes and the 256 colours. Drops
 * every other escape sequence and control character. Pure; imports nothing.
 *
 * @module
 */

/** How text looks. What is left out is as the terminal has it. */
export interface Style {
  /** Whether it is bold. */
  bold?: boolean;
  /** Whether it is fainter than other text. */
  dim?: boolean;
  /** Whether it is italic. */
  italic?: boolean;
  /** Whether it has a line below. */
  underline?: boolean;
  /** Whether foreground and background have changed places. */
  inverse?: boolean;
  /** The text's colour: an entry of the 256-colour palette. */
  foreground?: number;
  /** The colour behind it, likewise. */
  background?: number;
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
  [22, { bold: undefined, dim: undefined }],
  [23, { italic: undefined }],
  [24, { underline: undefined }],
  [27, { inverse: undefined }],
  [39, { foreground: undefined }],
  [49, { background: undefined }],
]);

const SEQUENCE = new RegExp(
  [
    "\\x1b\\[([\\d;]*)m", // SGR
    // Any other; those that carry text take it along.
    "\\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\\x07\\x1b\\n]*|[ -/]*[0-~])",
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
 *   row has no runs; rows that are empty at the end are left out.
 */
export function parseAnsi(captured: string): Run[][] {
  const rows: Run[][] = [[]];
  let style: Style = {};
  const add = (text: string) => {
    if (text !== "") rows.at(-1)!.push({ text, style });
  };
  let end = 0;
  for (const match of captured.matchAll(SEQUENCE)) {
    add(captured.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === "\n") rows.push([]);
    if (match[1] !== undefined) style = restyle(style, match[1]);
  }
  add(captured.slice(end));
  while (rows.at(-1)?.length === 0) rows.pop();
  return rows;
}

/** The style after an SGR sequence with these parameters. */
function restyle(style: Style, parameters: string): Style {
  let result = style;
  const codes = parameters.split(";").map(Number);
  while (codes.length > 0) {
    const code = codes.shift()!;
    if (code === 0) result = {};
    else if (code === 38 || code === 48) {
      const [kind, color] = codes.splice(0, 2);
      // Of another kind, what follows isn't codes but parts of the colour.
      if (kind !== 5) break;
      const part = code === 38 ? "foreground" : "background";
      result = { ...result, [part]: color };
    } else result = { ...result, ...SWITCHES.get(code), ...oneOfSixteen(code) };
  }
  return result;
}

/** The change by a parameter of its own for one of sixteen colours. */
function oneOfSixteen(code: number): Style {
  const color = code % 10;
  if (color > 7) return {};
  switch (code - color) {
    case 30:
      return { foreground: color };
    case 40:
      return { background: color };
    case 90:
      return { foreground: color + 8 };
    case 100:
      return { background: color + 8 };
    default:
      return {};
  }
}
