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
  title: string;
  /** What runs along the x-axis. */
  xLabel: string;
  series: Series[];
}

const PLOT_WIDTH = 400;
const PLOT_HEIGHT = 250;
const COLUMNS = 2;
const LEGEND_HEIGHT = 34;

/** Where the axes of a plot end. */
const LEFT = 58;
const RIGHT = PLOT_WIDTH - 24;
const TOP = 34;
const BOTTOM = PLOT_HEIGHT - 44;

/**
 * The colours of the lines, for light and for dark, are such that people who
 * can't tell red from green can tell them apart (each of the light ones has a
 * contrast of 4 on white).
 */
const STYLE = "<style>" +
  "text{font:12px system-ui,sans-serif}.title{font-weight:600}" +
  "circle,.line{stroke:currentColor;fill:currentColor}" +
  ".line{fill:none;stroke-width:2}" +
  ".ground{fill:#ffffff}text{fill:#1f2328}.grid{stroke:#d8dde3}" +
  ".s0{color:#0060b0}.s1{color:#b04a00}.s2{color:#6b6b6b}.s3{color:#8a2a86}" +
  "@media(prefers-color-scheme:dark){" +
  ".ground{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}" +
  ".s0{color:#5fb0ff}.s1{color:#ff9d4d}.s2{color:#a8a8a8}.s3{color:#e88ae4}" +
  "}</style>\n";

/** A scale from values to pixels. */
interface Scale {
  at: (value: number) => number;
  ticks: number[];
}

/**
 * Draws plots side by side, two to a line, under one legend.
 *
 * @param plots At least one; the lines of all of them in the same order.
 */
export function svg(plots: Plot[]): string {
  const fullest = plots.reduce((best, plot) =>
    plot.series.length > best.series.length ? plot : best
  );
  const names = fullest.series.map(({ name }) => name);
  const width = PLOT_WIDTH * Math.min(COLUMNS, plots.length);
  const height = LEGEND_HEIGHT +
    PLOT_HEIGHT * Math.ceil(plots.length / COLUMNS);
  const drawn = plots.map((plot, index) => {
    const x = PLOT_WIDTH * (index % COLUMNS);
    const y = LEGEND_HEIGHT + PLOT_HEIGHT * Math.floor(index / COLUMNS);
    const content = drawPlot(plot, names);
    return `<g transform="translate(${x} ${y})">\n${content}</g>\n`;
  });
  const head = `viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${head}>\n` +
    `<title>${escape(plots.map(({ title }) => title).join("; "))}</title>\n` +
    `${STYLE}<rect class="ground" width="100%" height="100%"/>\n` +
    `${legend(names)}${drawn.join("")}</svg>\n`;
}

function legend(names: string[]): string {
  return names.map((name, index) => {
    const x = LEFT + 110 * index;
    return `<circle class="s${index}" cx="${x}" cy="20" r="4"/>` +
      `<text x="${x + 10}" y="24">${escape(name)}</text>\n`;
  }).join("");
}

function drawPlot({ title, xLabel, series }: Plot, names: string[]): string {
  const points = series.flatMap(({ points }) => points);
  const x = logScale(points.map(([x]) => x), LEFT, RIGHT);
  const y = logScale(points.map(([, y]) => y), BOTTOM, TOP);
  const middle = (LEFT + RIGHT) / 2;
  return [
    `<text class="title" x="${LEFT}" y="20">${escape(title)}</text>\n`,
    `<text x="${middle}" y="${BOTTOM + 34}" text-anchor="middle">` +
    `${escape(xLabel)}</text>\n`,
    ...x.ticks.map((tick) =>
      gridLine(x.at(tick), TOP, x.at(tick), BOTTOM) +
      label(x.at(tick), BOTTOM + 16, "middle", tick)
    ),
    ...y.ticks.map((tick) =>
      gridLine(LEFT, y.at(tick), RIGHT, y.at(tick)) +
      label(LEFT - 6, y.at(tick) + 4, "end", tick)
    ),
    ...series.map(({ name, points }) =>
      drawLine(
        `s${names.indexOf(name)}`,
        points.map(([px, py]) => [round(x.at(px)), round(y.at(py))]),
      )
    ),
  ].join("");
}

function drawLine(color: string, pixels: number[][]): string {
  const dots = pixels.map(([cx, cy]) =>
    `<circle class="${color}" cx="${cx}" cy="${cy}" r="3"/>\n`
  );
  const path = pixels.map((pixel) => pixel.join(",")).join(" ");
  return `<polyline class="line ${color}" points="${path}"/>\n` + dots.join("");
}

function gridLine(...ends: number[]): string {
  const [x1, y1, x2, y2] = ends.map(round);
  return `<line class="grid" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>\n`;
}

function label(x: number, y: number, anchor: string, tick: number): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">` +
    `${tick.toLocaleString("en")}</text>\n`;
}

/** A logarithmic scale from just below the least to just above the most. */
function logScale(values: number[], from: number, to: number): Scale {
  const ticks = niceNumbers(Math.min(...values), Math.max(...values));
  const low = Math.log(ticks[0]);
  const span = Math.log(ticks.at(-1)!) - low;
  const at = (value: number) =>
    from + (to - from) * (Math.log(value) - low) / span;
  return { at, ticks };
}

/**
 * Numbers of the form 1, 2 or 5 × 10ⁿ around some values; powers of ten alone
 * where there are many. At least two: the first at most `least`, the last at
 * least `most`.
 */
export function niceNumbers(least: number, most: number): number[] {
  const steps = most / least > 200 ? [1] : [1, 2, 5];
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
