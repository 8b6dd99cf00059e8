/**
 * What was measured, and its two tables in Markdown: the medians, and which
 * targets they reach. Pure.
 *
 * @module
 */

const PEERS = ["mosquitto", "paho", "MQTT.js"] as const;
/** What bounds the others: as much as is there without ours, and does less. */
const FLOORS = ["MQTT.js on Deno", "empty Deno", "bare"] as const;

/** The programs, in the order of the table's columns. */
export const COLUMNS = [
  "ours",
  "ours, --json",
  "ours, --keep",
  "ours, sealed",
  "ours, bundled",
  "ours, compiled",
  "ours, task",
  ...PEERS,
  ...FLOORS,
] as const;
export type Column = typeof COLUMNS[number];

/** What ours should be, held against another program or way. */
export type Wanted = `${Column} ${"≤" | "≥"} ${number} × ${Column}`;

/** Samples by figure, whose name ends with its unit, and by program. */
export class Figures {
  readonly #samples = new Map<string, Map<Column, number[]>>();
  readonly #targets: [string, Wanted, string, string][] = [];

  /** Takes a sample; nothing where it is not known. */
  add(figure: string, column: Column, value: number | undefined): void {
    if (value === undefined) return;
    const columns = this.#samples.get(figure) ?? new Map();
    columns.set(column, [...columns.get(column) ?? [], value]);
    this.#samples.set(figure, columns);
  }

  /**
   * Says what a figure should be. Nothing fails by it: a machine may be busy.
   *
   * @param figure Which.
   * @param wanted Its ratio to that of the other.
   * @param bound What stands in the way.
   * @param of The figure of the other; the same by default.
   */
  want(figure: string, wanted: Wanted, bound = "", of = figure): void {
    this.#targets.push([figure, wanted, bound, of]);
  }

  /** The median; nothing where there is no sample. */
  median(figure: string, column: Column): number | undefined {
    const values = this.#samples.get(figure)?.get(column);
    return values && percentile(values, 0.5);
  }

  /** The table of the medians, with their ratios to the first peer's. */
  medians(): string {
    const names = [...this.#samples.keys()];
    const columns = COLUMNS.filter((column) =>
      names.some((figure) => this.#samples.get(figure)!.has(column))
    );
    const rows = names.map((figure) => [
      figure,
      ...columns.map((column) => this.#cell(figure, column)),
    ]);
    return markdownTable(["", ...columns], "--:", rows);
  }

  /** The table of the targets, without those of what was not measured. */
  targets(): string {
    const head = ["target", "wanted", "is", "", "floor", "what bounds it"];
    const rows = this.#targets.flatMap((target) => this.#judge(...target));
    return markdownTable(head, "---", rows);
  }

  #judge(figure: string, wanted: Wanted, bound: string, of: string) {
    const [, ours, sign, limit, to] = wanted.match(/^(.+) (.) (.+) × (.+)$/)!;
    const value = this.median(figure, ours as Column);
    const base = this.median(of, to as Column);
    if (value === undefined || !base) return [];
    const ratio = value / base;
    const isReached = sign === "≤" ? ratio <= +limit : ratio >= +limit;
    return [[
      `${figure}, ${ours}`,
      `${sign} ${limit} × ${of === figure ? to : of}`,
      ratio.toFixed(2),
      isReached ? "reached" : "missed",
      this.#floors(of, base),
      isReached ? "" : bound,
    ]];
  }

  #floors(figure: string, base: number): string {
    return FLOORS.flatMap((floor) => {
      const value = this.median(figure, floor);
      return value ? `${floor} ${(value / base).toFixed(2)}` : [];
    }).join(", ");
  }

  #cell(figure: string, column: Column): string {
    const value = this.median(figure, column);
    if (value === undefined) return "";
    const peer = PEERS.find((peer) => this.median(figure, peer) !== undefined);
    const base = peer && peer !== column && this.median(figure, peer);
    return shown(value) + (base ? ` (${shown(value / base)}×)` : "");
  }
}

/** A number with three digits that count, or all before the point. */
function shown(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/**
 * The smallest value that at least a share of all values, such as 0.99, don't
 * exceed.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** A table, which `deno fmt` aligns for whoever reads it as text. */
function markdownTable(head: string[], rule: string, rows: string[][]): string {
  const rules = head.map((_, column) => column > 0 ? rule : "---");
  return [head, rules, ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** Puts figures between their marks in a text, in place of what is there. */
export function replaceFigures(text: string, figures: string): string {
  const marked = /(<!-- figures -->)[^]*(<!-- end of figures -->)/;
  if (!marked.test(text)) throw new Error("The marks of the figures are gone.");
  return text.replace(
    marked,
    (_, start, end) => `${start}\n\n${figures}\n${end}`,
  );
}
