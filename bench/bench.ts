/**
 * What every row is given: the broker, the programs, how much is measured, and
 * where the figures go.
 *
 * @module
 */

import { Figure, type Target, type Unit } from "./figures.ts";
import type { Command, Processes } from "./processes.ts";
import type { Found, OneShot, Place, Program } from "./programs.ts";
import type { Plot } from "./svg.ts";

/** A row of the benchmark: measures something, and adds its figures. */
export type Row = (bench: Bench) => Promise<void>;

/** What every row is given. */
export class Bench {
  readonly processes: Processes;
  readonly port: number;
  readonly programs: Program[];
  readonly oneShots: OneShot[];
  readonly figures: Figure[] = [];
  readonly plots: Plot[] = [];
  readonly #isShort: boolean;
  readonly #hasTime: boolean;

  constructor(
    { processes, port, isShort }: Place,
    { programs, oneShots, hasTime }: Found,
  ) {
    this.processes = processes;
    this.port = port;
    this.programs = programs;
    this.oneShots = oneShots;
    this.#isShort = isShort;
    this.#hasTime = hasTime;
  }

  /** How much is measured: for figures that count, or to see that it works. */
  size<T>(full: T, short: T): T {
    return this.#isShort ? short : full;
  }

  /** A row of the table, below those that are there. */
  figure(what: string, unit: Unit, targets?: Target[]): Figure {
    const figure = new Figure(what, unit, targets);
    this.figures.push(figure);
    return figure;
  }

  /** The numbers of rounds, from 1, each announced. */
  *rounds(what: string, count: number): Generator<number> {
    for (let round = 1; round <= count; round++) {
      this.tell(`${what}, round ${round} of ${count}`);
      yield round;
    }
  }

  /** Says what is under way. */
  tell(text: string): void {
    console.error(text);
  }

  /**
   * A command under GNU time, where that is there: it alone can tell the peak
   * memory of a process that has ended. Linux counts into the memory of a new
   * process what its parent had at the fork, and GNU time has little.
   */
  timed(command: Command): Command {
    return this.#hasTime ? ["time", "-f", "%M", ...command] : command;
  }
}
