/**
 * What the figures should reach, and whether they do. Nothing fails by it: a
 * busy machine is no broken program. Pure.
 *
 * @module
 */

import { type Column, type Results, withCommas } from "./results.ts";

/** What a figure of ours is held against. */
export interface Target {
  /** The case of our figure. */
  id: string;
  /** Our column; "ours" by default. */
  ours?: Column;
  /** The column to compare with. */
  peer: Column;
  /** The case to compare with; the same by default. */
  base?: string;
  /** The ratio of ours to theirs may be at most this, */
  atMost?: number;
  /** or has to be at least this. */
  atLeast?: number;
}

/** All of them, by the rows' numbers. */
export const TARGETS: readonly Target[] = [
  { id: "1 wall", peer: "paho", atMost: 1.3 },
  { id: "1 wall", peer: "MQTT.js", atMost: 0.5 },
  { id: "1 wall", ours: "ours, bundled", peer: "paho", atMost: 1 },
  { id: "1 wall", ours: "ours, compiled", peer: "paho", atMost: 1 },
  { id: "2 wall QoS 0", peer: "mosquitto", atMost: 1 },
  { id: "2 wall QoS 0", peer: "paho", atMost: 0.5 },
  { id: "2 CPU QoS 0", peer: "mosquitto", atMost: 1.15 },
  { id: "2 wall QoS 1", peer: "mosquitto", atMost: 0.9 },
  { id: "2 wall QoS 1", peer: "paho", atMost: 0.5 },
  { id: "2 CPU QoS 1", peer: "mosquitto", atMost: 1.15 },
  { id: "2 wall --json", peer: "ours", base: "2 wall QoS 1", atMost: 1.2 },
  { id: "2 CPU --json", peer: "ours", base: "2 CPU QoS 1", atMost: 1.2 },
  { id: "3 rate", peer: "paho", atLeast: 2 },
  { id: "3 rate", peer: "bare", atLeast: 0.5 },
  { id: "3 many peak", peer: "ours", base: "3 few peak", atMost: 1.3 },
  { id: "4 p50", peer: "MQTT.js", atMost: 1.1 },
  { id: "4 p99", peer: "paho", atMost: 1 },
  { id: "5 RSS", peer: "MQTT.js", atMost: 0.75 },
];

/**
 * Says of each target whether it was reached; nothing of those that were not
 * measured, or measured as 0.
 *
 * @param results What was measured.
 * @param targets What was wanted.
 * @returns Lines, each with a line break.
 */
export function judge(
  results: Results,
  targets: readonly Target[] = TARGETS,
): string {
  return targets.map((target) => judgeOne(results, target)).join("");
}

function judgeOne(results: Results, target: Target): string {
  const { id, ours = "ours", peer, base = id, atMost, atLeast } = target;
  const value = results.median(id, ours);
  const other = results.median(base, peer);
  if (value === undefined || !other) return "";
  const ratio = value / other;
  const isReached = ratio <= (atMost ?? Infinity) && ratio >= (atLeast ?? 0);
  const wanted = atMost === undefined
    ? `at least ${atLeast}`
    : `at most ${atMost}`;
  const of = base === id ? peer : base;
  return `${isReached ? "reached" : "MISSED "}  ${id}, ${ours}: ` +
    `${ratio >= 1_000 ? withCommas(ratio) : ratio.toFixed(2)} × ${of} ` +
    `(wanted: ${wanted})\n`;
}
