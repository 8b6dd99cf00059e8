/**
 * What every row is given: the broker's port, the programs, how much to
 * measure, and the one way to measure it.
 *
 * @module
 */

import type { Plot } from "./plot.ts";
import type { Found, Program } from "./programs.ts";
import { type Column, COLUMNS, Figures } from "./table.ts";

/** A row of the benchmark: measures something. */
export type Row = (bench: Bench) => Promise<void>;

export class Bench {
  readonly figures = new Figures();
  readonly plots: Plot[] = [];
  readonly ours: Program;

  constructor(
    readonly port: number,
    /** Where files may be left until the end. */
    readonly folder: string,
    readonly isShort: boolean,
    readonly found: Found,
  ) {
    this.ours = found.programs.find(({ column }) => column === "ours")!;
  }

  /** How much is measured: for figures that count, or to see that it works. */
  size<T>(full: T, short: T): T {
    return this.isShort ? short : full;
  }

  /**
   * Measures programs in turn, round by round. What `run` returns are figures
   * by the end of their names, which begin with `what`.
   */
  async measure<P extends { column: Column }>(
    what: string,
    rounds: number,
    programs: P[],
    run: (
      program: P,
    ) => Promise<Record<string, number | undefined> | undefined>,
  ): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      console.error(`${what}, round ${round} of ${rounds}`);
      for (const program of programs) {
        for (const [name, value] of Object.entries(await run(program) ?? {})) {
          this.figures.add(`${what}, ${name}`, program.column, value);
        }
      }
    }
  }

  /** Plots a figure of what was measured for several counts. */
  plot(
    title: string,
    xLabel: string,
    names: Map<number, string>,
    figure: string,
  ): void {
    const lines: Plot["lines"] = new Map();
    for (const column of COLUMNS) {
      for (const [x, what] of names) {
        const y = this.figures.median(`${what}, ${figure}`, column);
        if (y) lines.set(column, [...lines.get(column) ?? [], [x, y]]);
      }
    }
    this.plots.push({ title, xLabel, lines });
  }
}
