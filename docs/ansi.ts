/**
 * Captured terminal text → rows of styled text. Reads what the scripts write, as
 * `tmux capture-pane -e` gives it: five attributes and the colours of names.
 * Drops every other escape sequence and control character. Pure; imports nothing.
 *
 * @module
 */

/** How text looks. What is left out is as the terminal has it. */
export interface Style {
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  /** Whether text and background have changed places. */
  inverse?: boolean;
  /** An entry of the 256-colour palette, from its cube: 16 to 231. */
  color?: number;
}

/** Text in one style: no control characters, and never empty. */
export interface Run {
  text: string;
  style: Style;
}

/** What the parameters that stand for themselves change. */
const SWITCHES: Readonly<Record<string, Style>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  22: { bold: undefined, dim: undefined },
  23: { italic: undefined },
  24: { underline: undefined },
  27: { inverse: undefined },
  39: { color: undefined },
};

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
  // Colours of another kind take the rest: what follows is part of them.
  const codes = /38;5;(\d+)|[34]8.*|\d+|^$/g;
  for (const [code, color] of parameters.matchAll(codes)) {
    if (color !== undefined) result = { ...result, color: Number(color) };
    else if (Number(code) === 0) result = {};
    else result = { ...result, ...SWITCHES[code] };
  }
  return result;
}
