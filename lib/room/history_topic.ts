/**
 * What keepers and readers agree on: where the history of a room is, how much
 * it has, when it comes. Apart from the rest, since everybody needs it and few
 * read a history. Pure.
 *
 * @module
 */

/** The most messages that a history has, and the most notices. */
export const MAX_KEPT = 500;

/** How often a keeper writes a history at most, in milliseconds. */
export const WRITE_MS = 1_000;

/**
 * How long, in milliseconds after the broker's answer, what it has may take to
 * come: brokers send it right behind (1 to 20 ms, measured on one machine).
 */
export const READ_MS = 500;

/** The level below a room that has its history. */
const LEVEL = "/$history";

/**
 * Where the history of a room is.
 *
 * @param room The room's topic.
 * @returns The topic of its history.
 */
export function historyTopic(room: string): string {
  return room + LEVEL;
}

/**
 * Whose history is on a topic.
 *
 * @param topic Any topic.
 * @returns The room's topic; undefined where it is no topic of a history.
 */
export function roomOfHistory(topic: string): string | undefined {
  if (!topic.endsWith(LEVEL) || topic === LEVEL) return undefined;
  return topic.slice(0, -LEVEL.length);
}
