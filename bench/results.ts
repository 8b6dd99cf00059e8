/**
 * What was measured: samples by case and column, and the table of their
 * medians. Pure.
 *
 * @module
 */

import { median } from "./statistics.ts";

/** A row of the table. */
export interface Case {
  /** Unique. */
  id: string;
  /** What is measured, with its conditions. */
  what: string;
  /** What the numbers are. */
  unit: Unit;
}

/** What a number is. */
export type Unit = "ms" | "µs" | "MB" | "lines/s" | "lines";

/** A sample may be shown in other words than its number. */
interface Sample {
  value: number;
  text?: string;
}

/** The columns, in the table's order; the peers come after ours. */
export const COLUMNS = [
  "ours",
  "ours, bundled",
  "ours, compiled",
  "mosquitto",
  "paho",
  "MQTT.js",
  "bare",
] as const;

/** A program, by its column. */
export type Column = typeof COLUMNS[number];

/** The columns that are not peers: our own, and the broker's limit. */
const NOT_PEERS: readonly Column[] = [
  "ours",
  "ours, bundled",
  "ours, compiled",
  "bare",
];

/** All samples. */
export class Results {
  readonly #cases = new Map<string, Case>();
  readonly #samples = new Map<string, Map<Column, Sample[]>>();

  /**
   * Takes a sample. Cases come in the order of their first sample.
   *
   * @param row The case.
   * @param column The program.
   * @param value The number, in the case's unit: memory in bytes.
   * @param text What to show in place of it.
   */
  add(row: Case, column: Column, value: number, text?: string): void {
    this.#cases.set(row.id, row);
    const columns = this.#samples.get(row.id) ?? new Map<Column, Sample[]>();
    this.#samples.set(row.id, columns);
    columns.set(column, [...columns.get(column) ?? [], { value, text }]);
  }

  /**
   * The median of a program in a case.
   *
   * @param id The case's.
   * @param column The program.
   * @returns The median, or nothing where there is no sample.
   */
  median(id: string, column: Column): number | undefined {
    const samples = this.#samples.get(id)?.get(column);
    return samples && median(samples.map(({ value }) => value));
  }

  /**
   * The table, as Markdown. Behind a number, its ratio to that of the first
   * peer in the row.
   *
   * @returns Its lines, each with a line break.
   */
  table(): string {
    const columns = COLUMNS.filter((column) =>
      [...this.#samples.values()].some((row) => row.has(column))
    );
    const rows = [...this.#cases.values()].map((row) => [
      `${row.what}, ${row.unit}`,
      ...columns.map((column) => this.#cell(row, column)),
    ]);
    return markdownTable(["", ...columns], rows);
  }

  #cell(row: Case, column: Column): string {
    const value = this.median(row.id, column);
    if (value === undefined) return "";
    const samples = this.#samples.get(row.id)!.get(column)!;
    const text = nearest(samples, value).text;
    if (text !== undefined) return text;
    const first = COLUMNS.find((column) =>
      !NOT_PEERS.includes(column) &&
      this.median(row.id, column) !== undefined
    );
    const base = first && this.median(row.id, first);
    const ratio = base && first !== column
      ? ` (${shortNumber(value / base)}×)`
      : "";
    return shown(value, row.unit) + ratio;
  }
}

/** The sample whose value is nearest to a number. */
function nearest(samples: Sample[], value: number): Sample {
  return samples.reduce((best, sample) =>
    Math.abs(sample.value - value) < Math.abs(best.value - value)
      ? sample
      : best
  );
}

/**
 * A number as the table shows it, without its unit.
 *
 * @param value The number; of memory, in bytes.
 * @param unit Its unit.
 * @returns The text.
 */
export function shown(value: number, unit: Unit): string {
  switch (unit) {
    case "MB":
      return shortNumber(value / 1e6);
    case "lines":
    case "lines/s":
      return withCommas(value);
    default:
      return shortNumber(value);
  }
}

/**
 * A whole number with commas.
 *
 * @param value Any number.
 * @returns For instance `100,000`.
 */
export function withCommas(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** A number with three digits that count, or all before the point. */
function shortNumber(value: number): string {
  if (value >= 1_000) return withCommas(value);
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** A table in Markdown, its first column to the left. */
function markdownTable(head: string[], rows: string[][]): string {
  const all = [head, ...rows];
  const widths = head.map((_, index) =>
    Math.max(4, ...all.map((cells) => cells[index].length))
  );
  const line = (cells: string[]) => `| ${cells.join(" | ")} |\n`;
  const pad = (cells: string[]) =>
    line(
      cells.map((cell, index) =>
        index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index])
      ),
    );
  const rule = widths.map((width, index) =>
    index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return pad(head) + line(rule) + rows.map(pad).join("");
}
