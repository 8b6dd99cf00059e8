/**
 * What every row works with: the broker, the programs, how much is measured,
 * and where the figures go.
 *
 * @module
 */

import type { Processes } from "./processes.ts";
import type { Program } from "./programs.ts";
import type { Results } from "./results.ts";

/** How much is measured. */
export interface Sizes {
  /** How often a one-shot runs. */
  oneShots: number;
  /** How often everything else runs. */
  rounds: number;
  /** Messages to a listener, lines to a publisher. */
  messages: number;
  /** Lines to a publisher that waits for each one's acknowledgement. */
  stepwise: number;
  /** Lines to a publisher where memory is compared: few, */
  fewLines: number;
  /** and many. */
  manyLines: number;
  /** Latency: messages measured, */
  samples: number;
  /** after some that are not. */
  warmUp: number;
  /** How long a listener idles while its CPU time is counted, in seconds. */
  idleSeconds: number;
  /** Growth: numbers of topics, */
  topics: number[];
  /** and messages to all of them together. */
  topicMessages: number;
  /** Growth: numbers of listeners, */
  listeners: number[];
  /** and messages to each of them. */
  roomMessages: number;
}

/** A run whose figures count. */
export const FULL: Sizes = {
  oneShots: 15,
  rounds: 3,
  messages: 100_000,
  stepwise: 10_000,
  fewLines: 10_000,
  manyLines: 1_000_000,
  samples: 1_000,
  warmUp: 200,
  idleSeconds: 10,
  topics: [1, 10, 100, 1_000],
  topicMessages: 20_000,
  listeners: [1, 10, 50],
  roomMessages: 4_000,
};

/** A run that only shows that everything works. */
export const SHORT: Sizes = {
  oneShots: 1,
  rounds: 1,
  messages: 2_000,
  stepwise: 200,
  fewLines: 500,
  manyLines: 5_000,
  samples: 20,
  warmUp: 5,
  idleSeconds: 1,
  topics: [1, 100],
  topicMessages: 500,
  listeners: [1, 3],
  roomMessages: 100,
};

/** What every row works with. */
export interface Setting {
  /** The broker's port, on 127.0.0.1. */
  port: number;
  /** Who starts and ends processes. */
  processes: Processes;
  /** The programs. */
  programs: Program[];
  /** Whether GNU time is there. */
  hasTime: boolean;
  /** How much is measured. */
  sizes: Sizes;
  /** Where the figures go. */
  results: Results;
  /** Where files may be written. */
  folder: string;
  /** Says what is under way. */
  tell: (text: string) => void;
}

/**
 * The rounds of a row, each announced.
 *
 * @param setting What tells.
 * @param what What is measured.
 * @param count How many rounds.
 * @returns Their numbers, from 1.
 */
export function* rounds(
  { tell }: Setting,
  what: string,
  count: number,
): Generator<number> {
  for (let round = 1; round <= count; round++) {
    tell(`${what}, round ${round} of ${count}`);
    yield round;
  }
}
