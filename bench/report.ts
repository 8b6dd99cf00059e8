/**
 * What a run leaves in this folder: the table in README.md and the plot of
 * growth. Pure; main.ts writes the files.
 *
 * @module
 */

import { COLUMNS, type Results } from "./results.ts";
import { type Growth, growthCases } from "./rows/growth.ts";
import type { Sizes } from "./setting.ts";
import { type Plot, type Series, svg } from "./svg.ts";

const START = "<!-- figures -->";
const END = "<!-- end of figures -->";

/**
 * Puts figures between the marks in a text.
 *
 * @param text The text.
 * @param figures What goes there.
 * @returns The text with the figures.
 * @throws {Error} When the marks are missing.
 */
export function replaceFigures(text: string, figures: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start === -1 || end < start) {
    throw new Error(`bench/README.md lacks the marks ${START} and ${END}.`);
  }
  return text.slice(0, start + START.length) + `\n\n${figures}\n` +
    text.slice(end);
}

/**
 * Draws growth.
 *
 * @param results What was measured.
 * @param sizes The points where it was.
 * @returns The file.
 */
export function growthPlot(results: Results, sizes: Sizes): string {
  const plots = (["topics", "listeners"] as const).flatMap((growth) => {
    const counts = sizes[growth];
    const label = growth === "topics"
      ? "topics of one listener"
      : "listeners in one room";
    return [
      plot(results, growth, counts, "time", "µs for each message shown", label),
      plot(results, growth, counts, "peak", "MB of one listener, peak", label),
    ];
  });
  return svg(plots);
}

function plot(
  results: Results,
  growth: Growth,
  counts: number[],
  kind: "time" | "peak",
  title: string,
  xLabel: string,
): Plot {
  const scale = kind === "peak" ? 1e-6 : 1;
  const series = COLUMNS.map((name): Series => ({
    name,
    points: counts.flatMap((count): [number, number][] => {
      const value = results.median(growthCases(growth, count)[kind].id, name);
      return value === undefined ? [] : [[count, value * scale]];
    }),
  }));
  return {
    title,
    xLabel,
    series: series.filter(({ points }) => points.length > 0),
  };
}
