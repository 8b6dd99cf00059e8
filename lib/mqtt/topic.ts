/** Topic names and topic filters: which are valid, and which match. Pure. */

import { Buffer } from "node:buffer";

/** A topic, or topic filter, that brokers would refuse. */
export class TopicError extends Error {
  static {
    this.prototype.name = "TopicError";
  }
}

/** The most bytes of a topic: the length field of MQTT strings has 16 bits. */
export const MAX_TOPIC_BYTES = 65_535;

/**
 * Characters that brokers may refuse (MQTT 5 §1.5.4): NUL always, control
 * characters and noncharacters at their choice. Mosquitto closes the
 * connection over each of them, so that a client that reconnects and resends
 * would never get past it.
 */
// deno-lint-ignore no-control-regex -- finding control characters is its job
const UNSAFE = /[\0-\x1f\x7f-\x9f\p{Noncharacter_Code_Point}\p{Surrogate}]/u;

/** Says why messages can't be published to a topic; undefined when they can. */
export function topicFault(topic: string): string | undefined {
  const fault = stringFault(topic);
  if (fault !== undefined) return fault;
  if (/[+#]/.test(topic)) {
    return "has a wildcard, + or #; messages go to one room";
  }
  if (isShared(topic)) return "is shared with other readers; write its room";
}

/** Says why a topic filter is not valid (MQTT 5 §4.7); undefined when it is. */
export function filterFault(filter: string): string | undefined {
  const fault = stringFault(filter);
  if (fault !== undefined) return fault;
  const levels = filter.split("/");
  if (levels.some((level) => level.length > 1 && /[+#]/.test(level))) {
    return "has a wildcard that is not a level of its own, as in chat/+/news";
  }
  if (levels.slice(0, -1).includes("#")) {
    return "has a # before its end";
  }
  // MQTT 5 §4.8.2; Mosquitto grants them, and sends nothing.
  if (isShared(filter) && !/^\$share\/[^/+]+\/./.test(filter)) {
    return "shares no room; write $share/GROUP/ROOM";
  }
}

/** Throws a {@link TopicError} unless messages can be published to a topic. */
export function checkTopic(topic: string): void {
  refuse("topic", topic, topicFault(topic));
}

/** Throws a {@link TopicError} unless a topic filter is valid. */
export function checkFilter(filter: string): void {
  refuse("topic filter", filter, filterFault(filter));
}

function refuse(kind: string, topic: string, fault: string | undefined): void {
  if (fault === undefined) return;
  throw new TopicError(`The ${kind} ${JSON.stringify(topic)} ${fault}.`);
}

/** Whether a filter is a topic: no wildcard and no shared subscription. */
export function isOneTopic(filter: string): boolean {
  return !/[+#]/.test(filter) && !isShared(filter);
}

/** Whether a filter is a shared subscription (MQTT 5 §4.8.2). */
export function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}

/** The filter of a shared subscription, without its group; others as they are. */
export function withoutGroup(filter: string): string {
  return filter.replace(/^\$share\/[^/]*\//, "");
}

/**
 * Says why a text is no valid MQTT string (MQTT 5 §1.5.4), as topics, users and
 * client ids are; undefined when it is one.
 */
export function stringFault(topic: string): string | undefined {
  if (topic === "") return "is empty";
  if (UNSAFE.test(topic)) {
    return "has a control character or another one that brokers refuse";
  }
  const bytes = Buffer.byteLength(topic);
  if (bytes > MAX_TOPIC_BYTES) {
    return `takes ${bytes} bytes; ${MAX_TOPIC_BYTES} is the limit`;
  }
}

/**
 * Whether a valid topic filter matches a topic (MQTT 3.1.1 and 5, section 4.7):
 * `+` is one level, `#` any number of them and the parent as well; a wildcard
 * in the first level matches no topic that begins with `$`.
 */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") !== filter.startsWith("$")) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= levels.length) return false;
    if (level !== "+" && level !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}
