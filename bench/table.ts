/**
 * Tables in Markdown, the numbers in them, and their place in README.md. Pure.
 *
 * @module
 */

const START = "<!-- figures -->";
const END = "<!-- end of figures -->";

/**
 * A table, aligned for whoever reads it as text.
 *
 * @param head The names of the columns.
 * @param rows As many cells each.
 * @param isNumeric Whether the cells after the first are numbers, which stand
 * to the right.
 * @returns Its lines, each with a line break.
 */
export function markdownTable(
  head: string[],
  rows: string[][],
  isNumeric = false,
): string {
  const widths = head.map((_, column) =>
    Math.max(4, ...[head, ...rows].map((cells) => cells[column].length))
  );
  const isRight = (column: number) => isNumeric && column > 0;
  const line = (cells: string[]) =>
    `| ${
      cells.map((cell, column) =>
        isRight(column)
          ? cell.padStart(widths[column])
          : cell.padEnd(widths[column])
      ).join(" | ")
    } |\n`;
  const rule = widths.map((width, column) =>
    isRight(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
  );
  return [head, rule, ...rows].map(line).join("");
}

/** A number with three digits that count, or all before the point. */
export function shortNumber(value: number): string {
  if (value >= 1_000) return withCommas(value);
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** A whole number with commas: `100,000`. */
export function withCommas(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Puts figures between the marks in a text, in place of what is there. */
export function replaceFigures(text: string, figures: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start === -1 || end < start) {
    throw new Error(`bench/README.md lacks the marks ${START} and ${END}.`);
  }
  return text.slice(0, start + START.length) + `\n\n${figures}\n` +
    text.slice(end);
}
