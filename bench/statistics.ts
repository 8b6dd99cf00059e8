/**
 * The few numbers that stand for many: median and percentile. Pure.
 *
 * @module
 */

/** The value in the middle; the mean of the two there for an even count. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The smallest value that at least a given share of all values don't exceed
 * (nearest rank).
 *
 * @param values At least one, in any order.
 * @param share From 0 to 1: 0.99 for p99.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** A sorted copy. */
function ascending(values: readonly number[]): number[] {
  if (values.length === 0) {
    throw new RangeError("There is no median or percentile of no values.");
  }
  return values.toSorted((a, b) => a - b);
}
