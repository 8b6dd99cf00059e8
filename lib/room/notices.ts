/**
 * The standard notices of a room: who joined, left, or was lost; made, and
 * found again in what others send. Pure.
 *
 * @module
 */

import type { ChatNotice } from "../protocol.ts";

/** The notice of somebody who joined a room. */
export function joinNotice(name: string, topic: string): string {
  return `User ${name} is now subscribed to ${topic}.`;
}

/** The notice of somebody who leaves a room in good order. */
export function leaveNotice(name: string, topic: string): string {
  return `User ${name} disconnecting from ${topic}.`;
}

/** The notice the broker sends for somebody whose connection was lost. */
export function timeoutNotice(name: string): string {
  return `User ${name} timed out.`;
}

/** What a standard notice says of its author. */
export type PresenceChange = "joined" | "left" | "timed out";

/**
 * What a notice says of its author, if it is one of the standard notices, ours
 * or the older program's: those have a space before the full stop, and a
 * newline behind the last.
 *
 * @param notice The notice.
 * @param topic The topic it arrived on. Some brokers turn `.` and `/` into each
 * other (measured: RabbitMQ, NATS), so these count as the same.
 * @returns The change, or undefined for any other text, also where it names
 * another author or another topic.
 */
export function presenceOf(
  { from, notice }: ChatNotice,
  topic: string,
): PresenceChange | undefined {
  const isOf = (standard: (name: string, topic: string) => string) => {
    const [ours, theirs] = [standard(from, topic), standard(from, `${topic} `)];
    return notice === ours || notice === theirs ||
      (notice.length === ours.length && respelled(notice) === respelled(ours));
  };
  if (isOf(joinNotice)) return "joined";
  if (isOf(leaveNotice)) return "left";
  return notice.replace(/\n$/, "") === timeoutNotice(from)
    ? "timed out"
    : undefined;
}

/**
 * Whether two topics may be the same room: some brokers turn `.` and `/` into
 * each other.
 */
export function isSameRoom(topic: string, other: string): boolean {
  return respelled(topic) === respelled(other);
}

/** A text in which brokers can't confuse two characters of a topic. */
function respelled(text: string): string {
  return text.replaceAll(".", "/");
}
