/**
 * Plots with logarithmic axes as SVG, in the reader's light or dark. Pure.
 *
 * @module
 */

/** One program's points. */
export interface Series {
  /** Its name, for the legend. */
  name: string;
  /** The points, by ascending x; both above 0. */
  points: [x: number, y: number][];
}

/** One plot. */
export interface Plot {
  /** What it shows. */
  title: string;
  /** What runs along the x-axis. */
  xLabel: string;
  /** All its lines. */
  series: Series[];
}

const PLOT_WIDTH = 400;
const PLOT_HEIGHT = 250;
const COLUMNS = 2;
const LEGEND_HEIGHT = 34;

/** The space around the axes of a plot. */
const MARGIN = { left: 58, right: 24, top: 34, bottom: 44 };

/**
 * Colours, for light and for dark, that people who can't tell red from green
 * can tell apart (the dark ones of each pair have a contrast of 4 on white).
 */
const COLORS = [
  ["#0060b0", "#5fb0ff"],
  ["#b04a00", "#ff9d4d"],
  ["#6b6b6b", "#a8a8a8"],
  ["#8a2a86", "#e88ae4"],
] as const;

/** A scale from values to pixels. */
interface Scale {
  at: (value: number) => number;
  ticks: number[];
}

/**
 * Draws plots side by side, two to a line, under one legend.
 *
 * @param plots At least one; the lines of all of them in the same order.
 * @returns The file.
 */
export function svg(plots: Plot[]): string {
  const names = plots.reduce<string[]>(
    (best, { series }) =>
      series.length > best.length ? series.map(({ name }) => name) : best,
    [],
  );
  const width = PLOT_WIDTH * Math.min(COLUMNS, plots.length);
  const height = LEGEND_HEIGHT +
    PLOT_HEIGHT * Math.ceil(plots.length / COLUMNS);
  const parts = plots.map((plot, index) => {
    const x = PLOT_WIDTH * (index % COLUMNS);
    const y = LEGEND_HEIGHT + PLOT_HEIGHT * Math.floor(index / COLUMNS);
    return `<g transform="translate(${x} ${y})">\n${
      drawPlot(plot, names)
    }</g>\n`;
  });
  const head = `viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${head}>\n` +
    `<title>${escape(plots.map(({ title }) => title).join("; "))}</title>\n` +
    `${style()}${legend(names)}${parts.join("")}</svg>\n`;
}

/** The colours by class, in light and dark. */
function style(): string {
  const colors = (dark: 0 | 1) =>
    COLORS.map((pair, index) =>
      `.s${index}{stroke:${pair[dark]};fill:${pair[dark]}}`
    ).join("");
  const ink = (ground: string, text: string, grid: string) =>
    `.ground{fill:${ground}}text{fill:${text}}.grid{stroke:${grid}}`;
  return "<style>" +
    "text{font:12px system-ui,sans-serif}.title{font-weight:600}" +
    ".line{fill:none!important;stroke-width:2}" +
    ink("#ffffff", "#1f2328", "#d8dde3") + colors(0) +
    "@media(prefers-color-scheme:dark){" +
    ink("#0d1117", "#e6edf3", "#30363d") + colors(1) + "}</style>\n" +
    '<rect class="ground" width="100%" height="100%"/>\n';
}

function legend(names: string[]): string {
  return names.map((name, index) => {
    const x = MARGIN.left + 110 * index;
    return `<circle class="s${index}" cx="${x}" cy="20" r="4"/>` +
      `<text x="${x + 10}" y="24">${escape(name)}</text>\n`;
  }).join("");
}

function drawPlot({ title, xLabel, series }: Plot, names: string[]): string {
  const points = series.flatMap(({ points }) => points);
  const right = PLOT_WIDTH - MARGIN.right;
  const bottom = PLOT_HEIGHT - MARGIN.bottom;
  const x = logScale(points.map(([x]) => x), MARGIN.left, right);
  const y = logScale(points.map(([, y]) => y), bottom, MARGIN.top);
  const middle = (MARGIN.left + right) / 2;
  const heading =
    `<text class="title" x="${MARGIN.left}" y="20">${escape(title)}</text>\n` +
    `<text x="${middle}" y="${bottom + 34}" text-anchor="middle">` +
    `${escape(xLabel)}</text>\n`;
  const columns = x.ticks.map((tick) =>
    gridLine(x.at(tick), MARGIN.top, x.at(tick), bottom) +
    label(x.at(tick), bottom + 16, "middle", tick)
  );
  const rows = y.ticks.map((tick) =>
    gridLine(MARGIN.left, y.at(tick), right, y.at(tick)) +
    label(MARGIN.left - 6, y.at(tick) + 4, "end", tick)
  );
  const lines = series.map(({ name, points }) => {
    const pixels = points.map(([px, py]) => [round(x.at(px)), round(y.at(py))]);
    const color = `s${names.indexOf(name)}`;
    const path = pixels.map((pixel) => pixel.join(",")).join(" ");
    return `<polyline class="line ${color}" points="${path}"/>\n` +
      pixels.map(([cx, cy]) =>
        `<circle class="${color}" cx="${cx}" cy="${cy}" r="3"/>\n`
      ).join("");
  });
  return heading + columns.join("") + rows.join("") + lines.join("");
}

function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round);
  return `<line class="grid" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>\n`;
}

function label(x: number, y: number, anchor: string, tick: number): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">` +
    `${tick.toLocaleString("en")}</text>\n`;
}

/** A logarithmic scale from just below the least to just above the most. */
function logScale(values: number[], from: number, to: number): Scale {
  const all = niceNumbers(Math.min(...values), Math.max(...values));
  const low = Math.log(all[0]);
  const span = Math.log(all.at(-1)!) - low;
  const at = (value: number) =>
    from + (to - from) * (Math.log(value) - low) / span;
  return { at, ticks: all };
}

/**
 * Numbers of the form 1, 2 or 5 × 10ⁿ around some values; powers of ten alone
 * where there are many.
 *
 * @param least The smallest value, above 0.
 * @param most The largest.
 * @returns At least two numbers: the first at most `least`, the last at least
 * `most`.
 */
export function niceNumbers(least: number, most: number): number[] {
  const wide = most / least > 200;
  const steps = wide ? [1] : [1, 2, 5];
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(most)) + 1;
  const all: number[] = [];
  for (let power = first; power <= last; power++) {
    // 10 ** -1 * 2 is not 0.2, but its nearest three digits are.
    all.push(
      ...steps.map((step) => Number((step * 10 ** power).toPrecision(3))),
    );
  }
  const start = all.findLastIndex((number) => number <= least);
  const end = all.findIndex((number) => number >= most && number > all[start]);
  return all.slice(start, end + 1);
}

/** A pixel, to a tenth. */
function round(pixel: number): number {
  return Math.round(pixel * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
