/**
 * Plots with logarithmic axes as SVG, in the reader's light or dark. Pure.
 *
 * @module
 */

/** One plot: lines by their names, along ascending x, all above 0. */
export interface Plot {
  title: string;
  /** What runs along the x-axis. */
  xLabel: string;
  lines: Map<string, [x: number, y: number][]>;
}

const WIDTH = 400;
const HEIGHT = 250;
const LEGEND = 34;

/** Where the axes of a plot end. */
const [LEFT, RIGHT, TOP, BOTTOM] = [58, WIDTH - 24, 34, HEIGHT - 44];

// People who can't tell red from green can tell these colours apart.
const STYLE = `<style>
text{font:12px system-ui,sans-serif}.title{font-weight:600}
circle,.line{stroke:currentColor;fill:currentColor}
.line{fill:none;stroke-width:2}
.ground{fill:#ffffff}text{fill:#1f2328}.grid{stroke:#d8dde3}
.s0{color:#0060b0}.s1{color:#b04a00}.s2{color:#6b6b6b}.s3{color:#8a2a86}
@media(prefers-color-scheme:dark){
.ground{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}
.s0{color:#5fb0ff}.s1{color:#ff9d4d}.s2{color:#a8a8a8}.s3{color:#e88ae4}
}</style>
`;

/** Draws plots, two to a line, under one legend. */
export function svg(plots: Plot[]): string {
  const names = [...new Set(plots.flatMap(({ lines }) => [...lines.keys()]))];
  const height = LEGEND + HEIGHT * Math.ceil(plots.length / 2);
  const legend = names.map((name, index) => {
    const x = LEFT + 110 * index;
    return `<circle class="s${index}" cx="${x}" cy="20" r="4"/>\n` +
      text(x + 10, 24, "start", name);
  });
  const drawn = plots.map((plot, index) => {
    const x = WIDTH * (index % 2);
    const y = LEGEND + HEIGHT * Math.floor(index / 2);
    return `<g transform="translate(${x} ${y})">\n${draw(plot, names)}</g>\n`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ` +
    `viewBox="0 0 ${2 * WIDTH} ${height}" width="${2 * WIDTH}">\n` +
    `<title>${escape(plots.map(({ title }) => title).join("; "))}</title>\n` +
    `${STYLE}<rect class="ground" width="100%" height="100%"/>\n` +
    `${legend.join("")}${drawn.join("")}</svg>\n`;
}

function draw({ title, xLabel, lines }: Plot, names: string[]): string {
  const points = [...lines.values()].flat();
  const x = scale(points.map(([x]) => x), LEFT, RIGHT);
  const y = scale(points.map(([, y]) => y), BOTTOM, TOP);
  return [
    text(LEFT, 20, "start", title, "title"),
    text((LEFT + RIGHT) / 2, BOTTOM + 34, "middle", xLabel),
    ...x.ticks.map((tick) =>
      grid(x.at(tick), TOP, x.at(tick), BOTTOM) +
      text(x.at(tick), BOTTOM + 16, "middle", tick.toLocaleString("en"))
    ),
    ...y.ticks.map((tick) =>
      grid(LEFT, y.at(tick), RIGHT, y.at(tick)) +
      text(LEFT - 6, y.at(tick) + 4, "end", tick.toLocaleString("en"))
    ),
    ...[...lines].map(([name, points]) => {
      const pixels = points.map(([px, py]) => [x.at(px), y.at(py)]);
      return drawLine(`s${names.indexOf(name)}`, pixels);
    }),
  ].join("");
}

function drawLine(color: string, pixels: number[][]): string {
  const dots = pixels.map(([cx, cy]) =>
    `<circle class="${color}" cx="${cx}" cy="${cy}" r="3"/>\n`
  );
  return `<polyline class="line ${color}" points="${pixels.join(" ")}"/>\n` +
    dots.join("");
}

const grid = (x1: number, y1: number, x2: number, y2: number) =>
  `<line class="grid" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>\n`;

const text = (x: number, y: number, at: string, words: string, kind = "") =>
  `<text class="${kind}" x="${x}" y="${y}" text-anchor="${at}">` +
  `${escape(words)}</text>\n`;

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A logarithmic scale to whole pixels, between the ticks around values. */
function scale(values: number[], from: number, to: number) {
  const ticks = ticksAround(Math.min(...values), Math.max(...values));
  const low = Math.log(ticks[0]);
  const span = Math.log(ticks.at(-1)!) - low;
  const at = (value: number) =>
    Math.round(from + (to - from) * (Math.log(value) - low) / span);
  return { at, ticks };
}

/**
 * Numbers of the form 1, 2 or 5 × 10ⁿ around some values, at least two; powers
 * of ten alone where there are many.
 */
export function ticksAround(least: number, most: number): number[] {
  const steps = most / least > 200 ? [1] : [1, 2, 5];
  const powers = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
  const all = powers.flatMap((power) =>
    steps.map((step) => Number(`${step}e${power}`))
  );
  const start = all.findLastIndex((number) => number <= least);
  const end = all.findIndex((number) => number >= most && number > all[start]);
  return all.slice(start, end + 1);
}
