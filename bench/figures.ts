/**
 * What was measured: samples by program, the table of their medians, and the
 * table of what was wanted. Pure.
 *
 * @module
 */

import { median } from "./statistics.ts";
import { markdownTable, shortNumber, withCommas } from "./table.ts";

const OURS = [
  "ours",
  "ours, bundled",
  "ours, compiled",
  "ours, task",
] as const;
const PEERS = ["mosquitto", "paho", "MQTT.js"] as const;
/** What bounds the others: as much as is there without ours, and does less. */
const FLOORS = ["MQTT.js on Deno", "empty Deno", "bare"] as const;

/** The columns, in the table's order. */
export const COLUMNS = [...OURS, ...PEERS, ...FLOORS] as const;

/** A program, by its column. */
export type Column = typeof COLUMNS[number];

/** What a number is. */
export type Unit = "ms" | "µs" | "MB" | "lines/s" | "lines";

/** What a figure of ours should be. Nothing fails by it: a machine may be busy. */
export interface Target {
  /** Our column; "ours" by default. */
  ours?: Column;
  /** What it is held against: a program, or ours in another figure. */
  to: Column | Figure;
  /** Its ratio to that may be at most this, */
  atMost?: number;
  /** or has to be at least this. */
  atLeast?: number;
  /** What stands in the way. */
  bound?: string;
}

/** A sample may be shown in other words than its number. */
interface Sample {
  value: number;
  text?: string;
}

/** A row of the table: one thing that is measured of each program. */
export class Figure {
  readonly #samples = new Map<Column, Sample[]>();

  /**
   * @param what What is measured, with its conditions.
   * @param unit Its unit.
   * @param targets What ours should be.
   */
  constructor(
    readonly what: string,
    readonly unit: Unit,
    readonly targets: Target[] = [],
  ) {}

  /**
   * Takes a sample.
   *
   * @param column The program.
   * @param value The number, memory in bytes; nothing where it is not known.
   * @param text What to show in place of it.
   */
  add(column: Column, value: number | undefined, text?: string): void {
    if (value === undefined) return;
    const samples = this.#samples.get(column) ?? [];
    this.#samples.set(column, [...samples, { value, text }]);
  }

  /** Whether there are samples, of a program or of any. */
  has(column?: Column): boolean {
    return column ? this.#samples.has(column) : this.#samples.size > 0;
  }

  /** The median of a program; nothing where there is no sample. */
  median(column: Column): number | undefined {
    const samples = this.#samples.get(column);
    return samples && median(samples.map(({ value }) => value));
  }

  /** The median as the table shows it, with its ratio to the first peer's. */
  cell(column: Column): string {
    const value = this.median(column);
    if (value === undefined) return "";
    const { text } = this.#samples.get(column)!
      .toSorted((a, b) => Math.abs(a.value - value) - Math.abs(b.value - value))
      .at(0)!;
    if (text !== undefined) return text;
    const first = PEERS.find((peer) => this.has(peer));
    const base = first && first !== column && this.median(first);
    const ratio = base ? ` (${shortNumber(value / base)}×)` : "";
    return shown(value, this.unit) + ratio;
  }
}

/** A number as the table shows it, without its unit; of memory, in bytes. */
export function shown(value: number, unit: Unit): string {
  if (unit === "MB") return shortNumber(value / 1e6);
  return unit.startsWith("lines") ? withCommas(value) : shortNumber(value);
}

/** The table of the medians; what was not measured is left out. */
export function figureTable(figures: Figure[]): string {
  const rows = figures.filter((figure) => figure.has());
  const columns = COLUMNS.filter((column) =>
    rows.some((figure) => figure.has(column))
  );
  return markdownTable(
    ["", ...columns],
    rows.map((figure) => [
      `${figure.what}, ${figure.unit}`,
      ...columns.map((column) => figure.cell(column)),
    ]),
    true,
  );
}

/** The table of the targets; what was not measured, or as 0, is left out. */
export function targetTable(figures: Figure[]): string {
  return markdownTable(
    ["target", "wanted", "is", "", "floor", "what bounds it"],
    figures.flatMap((figure) =>
      figure.targets.map((target) => judge(figure, target))
        .filter((cells) => cells !== undefined)
    ),
  );
}

function judge(figure: Figure, target: Target): string[] | undefined {
  const { ours = "ours", to, atMost = Infinity, atLeast = 0, bound } = target;
  const isOwn = to instanceof Figure;
  const value = figure.median(ours);
  const other = isOwn ? to.median(ours) : figure.median(to);
  if (value === undefined || !other) return undefined;
  const ratio = value / other;
  const isReached = ratio <= atMost && ratio >= atLeast;
  const limit = atLeast > 0 ? `≥ ${atLeast}` : `≤ ${atMost}`;
  return [
    `${figure.what}, ${ours}`,
    `${limit} × ${isOwn ? to.what : to}`,
    ratio.toFixed(2),
    isReached ? "reached" : "missed",
    FLOORS.filter((floor) => figure.has(floor) && !isOwn && floor !== to)
      .map((floor) => `${floor} ${(figure.median(floor)! / other).toFixed(2)}`)
      .join(", "),
    isReached ? "" : bound ?? "",
  ];
}
