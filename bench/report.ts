/** The figures, as two tables in Markdown and as plots. */

import { type Column, COLUMNS } from "./programs.ts";

export const PEERS = ["mosquitto", "paho", "MQTT.js"] as const;

/** Samples by figure, whose name ends with its unit, and by program. */
export class Figures {
  readonly #samples: Record<string, Partial<Record<Column, number[]>>> = {};

  add(figure: string, column: Column, value: number | undefined): void {
    if (value === undefined) return;
    ((this.#samples[figure] ??= {})[column] ??= []).push(value);
  }

  #median(figure: string, column: Column): number | undefined {
    const values = this.#samples[figure]?.[column];
    return values && percentile(values, 0.5);
  }

  /** Returns the table of the medians, with their ratios to the first peer's. */
  medians(): string {
    const measured = Object.assign({}, ...Object.values(this.#samples));
    const columns = COLUMNS.filter((column) => column in measured);
    const rows = Object.keys(this.#samples).map((figure) => {
      const peer = PEERS.find((peer) => this.#median(figure, peer));
      const base = peer && this.#median(figure, peer);
      const cells = columns.map((column) => {
        const value = this.#median(figure, column);
        if (value === undefined) return "";
        const ratio = base && peer !== column && ` (${shown(value / base)}×)`;
        return shown(value) + (ratio || "");
      });
      return [figure, ...cells];
    });
    return markdownTable(["", ...columns], "--:", rows);
  }

  /** Returns the table of those targets whose figures were measured. */
  judge(targets: string): string {
    const rows = targets.split("\n").flatMap((target) => {
      const [figure, wanted = "", of = figure] = target.split(" | ");
      const [, ours, sign, limit, times] = wanted
        .match(/^(.+) ([≤≥]) ([\d.]+)(?: × (.+))?$/) ?? [];
      const value = this.#median(figure, ours as Column);
      const base = times ? this.#median(of, times as Column) : 1;
      if (value === undefined || !base) return [];
      const is = value / base;
      const isReached = sign === "≤" ? is <= +limit : is >= +limit;
      const bound = of === figure ? wanted : wanted.replace(/[^×]+$/, ` ${of}`);
      const verdict = isReached ? "reached" : "missed";
      return [[figure, bound, shown(is), verdict]];
    });
    return markdownTable(["figure", "target", "is", ""], "---", rows);
  }

  /** Draws the figures named "ROW WHAT: COUNT, FIGURE", two plots to a row. */
  svg(): string {
    const named = Object.keys(this.#samples)
      .flatMap((it) => [...it.matchAll(/^\d+ (.+): ([\d,]+), (.+)$/g)]);
    const grouped = Map.groupBy(named, ([, row, , it]) => `${it}|${row}`);
    const plots = [...grouped].map(([heading, steps], index) => {
      const lines = COLUMNS.map((column): Line => [
        column,
        steps.map(([figure]) => this.#median(figure, column)!),
      ]).filter(([, values]) => values.every(Boolean));
      const plot = draw(heading.split("|"), steps.map(([, , it]) => it), lines);
      const [x, y] = [WIDTH * (index % 2), HEIGHT * Math.floor(index / 2)];
      return `<g transform="translate(${x} ${y})">${plot}</g>\n`;
    });
    const size = `${2 * WIDTH} ${HEIGHT * Math.ceil(plots.length / 2)}`;
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}">\n` +
      `${STYLE}<rect class="ground" width="100%" height="100%"/>\n` +
      `${plots.join("")}</svg>\n`;
  }
}

/** A number with three significant digits, or all before the point. */
function shown(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** The smallest value that a share of all values, such as 0.99, don't exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function markdownTable(head: string[], rule: string, rows: string[][]): string {
  const rules = head.map((_, column) => column > 0 ? rule : "---");
  return [head, rules, ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

const [WIDTH, HEIGHT] = [400, 280];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 376, 64, 236];

// Colours that people with red-green blindness can tell apart.
const STYLE = `<style>
text{font:12px system-ui,sans-serif}polyline{fill:none;stroke-width:2}
polyline,circle{stroke:currentColor}circle,.name{fill:currentColor}
.ground{fill:#fff}text{fill:#1f2328}.grid{stroke:#d8dde3}
.s0{color:#0060b0}.s1{color:#b04a00}.s2{color:#6b6b6b}.s3{color:#8a2a86}
@media(prefers-color-scheme:dark){
.ground{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}
.s0{color:#5fb0ff}.s1{color:#ff9d4d}.s2{color:#a8a8a8}.s3{color:#e88ae4}
}</style>`;

type Line = [name: string, values: number[]];

/** Draws the values of each program at the steps, on a logarithmic scale. */
function draw([title, label]: string[], steps: string[], lines: Line[]) {
  const all = lines.flatMap(([, values]) => values);
  const [low, high] = [Math.min(...all) / 1.2, Math.max(...all) * 1.2];
  const [across, down] = [RIGHT - LEFT, BOTTOM - TOP];
  const x = (index: number) =>
    Math.round(LEFT + across * (index / (steps.length - 1 || 1)));
  const y = (value: number) =>
    Math.round(BOTTOM - down * Math.log(value / low) / Math.log(high / low));
  const ticks = [1, 10, 100, 1_000].flatMap((it) => [it, 2 * it, 5 * it])
    .filter((tick) => tick >= low && tick <= high);
  const text = (x: number, y: number, at: string, words: string, name = "") =>
    `<text class="${name}" x="${x}" y="${y}" text-anchor="${at}">${words}</text>`;
  const grid = (d: string) => `<path class="grid" d="${d}"/>`;
  return [
    text(LEFT, 20, "start", title),
    text((LEFT + RIGHT) / 2, BOTTOM + 34, "middle", label),
    ...steps.map((step, index) =>
      grid(`M${x(index)} ${TOP}V${BOTTOM}`) +
      text(x(index), BOTTOM + 16, "middle", step)
    ),
    ...ticks.map((tick) =>
      grid(`M${LEFT} ${y(tick)}H${RIGHT}`) +
      text(LEFT - 6, y(tick) + 4, "end", tick.toLocaleString("en"))
    ),
    ...lines.map(([name, values], index) => {
      const points = values.map((value, index) => [x(index), y(value)]);
      return `<g class="s${index}"><polyline points="${points.join(" ")}"/>` +
        points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3"/>`).join("") +
        text(LEFT + 90 * index, 44, "start", name, "name") + "</g>";
    }),
  ].join("\n");
}
