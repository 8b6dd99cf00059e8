/** The figures, as two tables in Markdown and as plots. */

export const PEERS = ["mosquitto", "paho", "MQTT.js"] as const;
/** Programs that do less than ours, and so bound it. */
const FLOORS = ["MQTT.js on Deno", "empty Deno", "bare"] as const;

/** The programs, in the order of the table's columns. */
export const COLUMNS = [
  "ours",
  "ours, --json",
  "ours, --keep",
  "ours, sealed",
  "ours, signed",
  "ours, bundled",
  "ours, compiled",
  "ours, task",
  ...PEERS,
  ...FLOORS,
] as const;
export type Column = typeof COLUMNS[number];

/**
 * Holds our figure against that of another program, or another figure. No
 * missed target is a failure.
 */
export type Target = [
  figure: string,
  wanted: `${Column} ${"≤" | "≥"} ${number} × ${Column}`,
  of?: string,
];

/** Samples by figure, whose name ends with its unit, and by program. */
export class Figures {
  readonly #samples = new Map<string, Map<Column, number[]>>();

  add(figure: string, column: Column, value: number | undefined): void {
    if (value === undefined) return;
    const columns = this.#samples.get(figure) ?? new Map();
    columns.set(column, [...columns.get(column) ?? [], value]);
    this.#samples.set(figure, columns);
  }

  #median(figure: string, column: Column): number | undefined {
    const values = this.#samples.get(figure)?.get(column);
    return values && percentile(values, 0.5);
  }

  /** Returns the table of the medians, with their ratios to the first peer's. */
  medians(): string {
    const figures = [...this.#samples.keys()];
    const columns = COLUMNS.filter((column) =>
      figures.some((figure) => this.#samples.get(figure)!.has(column))
    );
    const rows = figures.map((figure) => {
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
  judge(targets: Target[]): string {
    const head = ["target", "wanted", "is", "", "floor"];
    const rows = targets.flatMap(
      ([figure, wanted, of = figure]) => {
        const [, ours, sign, limit, to] = wanted.match(
          /^(.+) (.) (.+) × (.+)$/,
        )!;
        const value = this.#median(figure, ours as Column);
        const base = this.#median(of, to as Column);
        if (value === undefined || !base) return [];
        const ratio = value / base;
        const isReached = sign === "≤" ? ratio <= +limit : ratio >= +limit;
        const floors = FLOORS.flatMap((floor) => {
          const value = this.#median(of, floor);
          return value ? `${floor} ${(value / base).toFixed(2)}` : [];
        });
        return [[
          `${figure}, ${ours}`,
          `${sign} ${limit} × ${of === figure ? to : of}`,
          ratio.toFixed(2),
          isReached ? "reached" : "missed",
          floors.join(", "),
        ]];
      },
    );
    return markdownTable(head, "---", rows);
  }

  /** Returns plots of the figures named "ROW WHAT: COUNT, FIGURE". */
  plots(): Plot[] {
    const plots = new Map<string, Plot>();
    for (const [figure, columns] of this.#samples) {
      const [, xLabel, count, title] =
        figure.match(/^\d+ (.+): ([\d,]+), (.+)$/) ?? [];
      if (!title) continue;
      const key = `${xLabel}, ${title}`;
      const plot = plots.get(key) ?? { title, xLabel, lines: new Map() };
      plots.set(key, plot);
      for (const column of columns.keys()) {
        const line = plot.lines.get(column) ?? [];
        const x = Number(count.replaceAll(",", ""));
        line.push([x, this.#median(figure, column)!]);
        plot.lines.set(column, line);
      }
    }
    return [...plots.values()];
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

/** A plot: lines by their programs, along ascending x, all above 0. */
interface Plot {
  title: string;
  xLabel: string;
  lines: Map<string, [x: number, y: number][]>;
}

const [WIDTH, HEIGHT] = [400, 280];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 376, 64, 236];

// Colours that people with red-green blindness can tell apart.
const STYLE = `<style>
text{font:12px system-ui,sans-serif}.line{fill:none;stroke-width:2}
.line,circle{stroke:currentColor}circle,.name{fill:currentColor}
.ground{fill:#fff}text{fill:#1f2328}.grid{stroke:#d8dde3}
.s0{color:#0060b0}.s1{color:#b04a00}.s2{color:#6b6b6b}.s3{color:#8a2a86}
@media(prefers-color-scheme:dark){
.ground{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}
.s0{color:#5fb0ff}.s1{color:#ff9d4d}.s2{color:#a8a8a8}.s3{color:#e88ae4}
}</style>`;

/** Draws plots with logarithmic axes, two to a row, as SVG. */
export function svg(plots: Plot[]): string {
  const size = `${2 * WIDTH} ${HEIGHT * Math.ceil(plots.length / 2)}`;
  const drawn = plots.map((plot, index) => {
    const [x, y] = [WIDTH * (index % 2), HEIGHT * Math.floor(index / 2)];
    return `<g transform="translate(${x} ${y})">${draw(plot)}</g>\n`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}">\n` +
    `${STYLE}<rect class="ground" width="100%" height="100%"/>\n` +
    `${drawn.join("")}</svg>\n`;
}

function draw({ title, xLabel, lines }: Plot): string {
  const points = [...lines.values()].flat();
  const x = scale(points.map(([x]) => x), LEFT, RIGHT);
  const y = scale(points.map(([, y]) => y), BOTTOM, TOP);
  const grid = (d: string) => `<path class="grid" d="${d}"/>`;
  return [
    text(LEFT, 20, "start", title),
    text((LEFT + RIGHT) / 2, BOTTOM + 34, "middle", xLabel),
    ...x.ticks.flatMap((tick) => [
      grid(`M${x.at(tick)} ${TOP}V${BOTTOM}`),
      text(x.at(tick), BOTTOM + 16, "middle", tick.toLocaleString("en")),
    ]),
    ...y.ticks.flatMap((tick) => [
      grid(`M${LEFT} ${y.at(tick)}H${RIGHT}`),
      text(LEFT - 6, y.at(tick) + 4, "end", tick.toLocaleString("en")),
    ]),
    ...[...lines].flatMap(([name, points], index) => {
      const pixels = points.map(([px, py]) => [x.at(px), y.at(py)]);
      const dots = pixels.map(([cx, cy]) =>
        `<circle cx="${cx}" cy="${cy}" r="3"/>`
      );
      const line = pixels.map((pixel) => pixel.join()).join(" ");
      const legend = text(LEFT + 90 * index, 44, "start", name)
        .replace("<text", '<text class="name"');
      return `<g class="s${index}"><polyline class="line" points="${line}"/>` +
        `${dots.join("")}${legend}</g>`;
    }),
  ].join("\n");
}

const text = (x: number, y: number, at: string, words: string) =>
  `<text x="${x}" y="${y}" text-anchor="${at}">${words}</text>`;

/** A logarithmic scale to whole pixels, between 1, 2 or 5 × 10ⁿ. */
function scale(values: number[], from: number, to: number) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const steps = most / least > 200 ? [1] : [1, 2, 5];
  const all = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6]
    .flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
  const start = all.findLastIndex((tick) => tick <= least);
  const end = all.findIndex((tick) => tick >= most && tick > all[start]);
  const ticks = all.slice(start, end + 1);
  const [low, high] = [ticks[0], ticks.at(-1)!];
  const at = (value: number) =>
    Math.round(
      from + (to - from) * Math.log(value / low) / Math.log(high / low),
    );
  return { at, ticks };
}
