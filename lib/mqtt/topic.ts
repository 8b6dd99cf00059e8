/**
 * Topic names and topic filters: which are valid, and which match which. Pure.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A topic, or topic filter, that brokers would refuse. */
export class TopicError extends Error {
  static {
    this.prototype.name = "TopicError";
  }
}

/** The most bytes a topic may take, by the length field of MQTT strings. */
const MAX_TOPIC_BYTES = 65_535;

/**
 * What brokers may refuse in any string (MQTT 5 §1.5.4): NUL always, control
 * characters and noncharacters at their choice. Mosquitto closes the
 * connection over each of them, so that a client that reconnects and resends
 * would never get past it.
 */
// deno-lint-ignore no-control-regex -- finding control characters is its job
const UNSAFE = /[\0-\x1f\x7f-\x9f\p{Noncharacter_Code_Point}\p{Surrogate}]/u;

/**
 * Says what is wrong with a topic name, one to publish to.
 *
 * @param topic The topic.
 * @returns Why it is not valid, or undefined when it is.
 */
export function topicFault(topic: string): string | undefined {
  const fault = stringFault(topic);
  if (fault !== undefined) return fault;
  if (/[+#]/.test(topic)) {
    return "has a wildcard, + or #; messages go to one room";
  }
}

/**
 * Says what is wrong with a topic filter, one to subscribe to (MQTT 5 §4.7).
 *
 * @param filter The topic filter.
 * @returns Why it is not valid, or undefined when it is.
 */
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
}

/**
 * Lets only topics pass that one can publish to.
 *
 * @param topic The topic.
 * @throws {TopicError} When it is not valid.
 */
export function checkTopic(topic: string): void {
  refuse("topic", topic, topicFault(topic));
}

/**
 * Lets only topic filters pass that one can subscribe to.
 *
 * @param filter The topic filter.
 * @throws {TopicError} When it is not valid.
 */
export function checkFilter(filter: string): void {
  refuse("topic filter", filter, filterFault(filter));
}

function refuse(kind: string, topic: string, fault: string | undefined): void {
  if (fault === undefined) return;
  throw new TopicError(`The ${kind} ${JSON.stringify(topic)} ${fault}.`);
}

/**
 * Whether a filter stands for one topic, to which one could publish too.
 *
 * @param filter A valid topic filter.
 * @returns False for wildcards and shared subscriptions.
 */
export function isOneTopic(filter: string): boolean {
  return !/[+#]/.test(filter) && !filter.startsWith("$share/");
}

/**
 * Says what is wrong with a text as an MQTT string (MQTT 5 §1.5.4): a topic, a
 * user, a client id.
 *
 * @param topic The text.
 * @returns Why it is not valid, or undefined when it is.
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
 * Whether a topic filter matches a topic (MQTT 3.1.1 and 5, section 4.7): `+`
 * is one level, `#` any number of them and the parent as well; a wildcard in
 * the first level matches no topic that begins with `$`.
 *
 * @param filter A valid topic filter.
 * @param topic A topic name, without wildcards.
 * @returns True when it matches.
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
