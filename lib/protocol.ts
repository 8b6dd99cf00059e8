/**
 * The wire format: the payload types, encode, decode, the limits, and the
 * standard notices. Pure.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** The most bytes of an encoded payload. */
export const MAX_PAYLOAD_BYTES = 65_536;

/** The most UTF-16 code units of an `id`. */
export const MAX_ID_LENGTH = 64;

/**
 * The most UTF-16 code units of a name that users can choose. The wire has no
 * such limit: a longer name is shown, cut, and is not remembered.
 */
export const MAX_NAME_LENGTH = 256;

/** The most messages that a history has. */
export const MAX_KEPT = 500;

/** The most UTF-16 code units of `key` and `sig`. */
const MAX_SIGNATURE_LENGTH = 128;

/** The level below a room that has its history. */
const HISTORY_LEVEL = "/$history";

/**
 * Returns the topic of a room's history.
 *
 * @param room The room's topic.
 */
export function historyTopic(room: string): string {
  return room + HISTORY_LEVEL;
}

/**
 * Returns the room whose history is on a topic.
 *
 * @param topic Any topic.
 * @returns The room's topic; undefined where the topic has no history.
 */
export function roomOfHistory(topic: string): string | undefined {
  if (!topic.endsWith(HISTORY_LEVEL) || topic === HISTORY_LEVEL) return;
  return topic.slice(0, -HISTORY_LEVEL.length);
}

/** The level below a room on which members ask who is there. */
const WHO_LEVEL = "/$who";

/**
 * Returns the topic of questions who is in a room, or that of the answers to
 * one.
 *
 * @param room The room's topic.
 * @param run The run of the question's `id`, for its answers.
 */
export function whoTopic(room: string, run?: string): string {
  return room + WHO_LEVEL + (run === undefined ? "" : `/${run}`);
}

/**
 * Returns the room that a question or an answer on a topic is about.
 *
 * @param topic Any topic.
 * @returns The room's topic; undefined where the topic has neither.
 */
export function roomOfWho(topic: string): string | undefined {
  const end = topic.lastIndexOf(WHO_LEVEL);
  if (end < 1) return;
  const rest = topic.slice(end + WHO_LEVEL.length);
  return /^(\/[\w-]{16,64})?$/.test(rest) ? topic.slice(0, end) : undefined;
}

/** MQTT quality of service: at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2;

/** Members of every chat payload. */
export interface Envelope {
  /** The author. Never empty. */
  from: string;
  /** Unique per payload, 1 to {@link MAX_ID_LENGTH} characters. */
  id?: string;
  /** When it was sent: RFC 3339, UTC, `Z` at its end. */
  at?: string;
  /** The author's public key, in base64url; not verified. */
  key?: string;
  /** The author's signature, in base64url; not verified. */
  sig?: string;
}

/** A message. */
export interface ChatMessage extends Envelope {
  /** The kind of payload. */
  type: "message";
  /** The text. */
  message: string;
}

/** A notice about its author: joined, left, timed out. */
export interface ChatNotice extends Envelope {
  /** The kind of payload. */
  type: "notice";
  /** The description. */
  notice: string;
}

/** A chat payload. */
export type Payload = ChatMessage | ChatNotice;

/**
 * A question who is in a room, or a member's answer. It has no `from`, which in
 * memory only lines have.
 */
export interface RollCall extends Omit<Envelope, "from"> {
  /** The kind of payload. */
  type: "who" | "here";
  /** The author: `from` on the wire. */
  name: string;
}

/** Bytes that are not a chat payload. */
export interface Malformed {
  /** The kind of payload. */
  type: "malformed";
  /** Why they are not a chat payload, as part of a sentence. */
  reason: string;
  /** The bytes as they arrived. */
  bytes: Uint8Array;
  /** Whether they are plain text: UTF-8, and not the JSON of an object. */
  isText?: true;
  /** Whether the bytes were dropped on arrival, since there were too many. */
  isCut?: true;
}

/** A sealed payload that can't be read here. */
export interface Sealed {
  /** The kind of payload. */
  type: "sealed";
  /** The sealed bytes, as docs/sealed-rooms.md specifies. */
  sealed: string;
  /**
   * Why the secret doesn't open it, as part of a sentence; undefined where the
   * client has none.
   */
  reason?: string;
}

/** The history of a room; `room/history.ts` reads and makes it. */
export interface KeptHistory {
  /** The kind of payload. */
  type: "history";
  /** All members of the payload. */
  wire: Record<string, unknown>;
}

/**
 * What a payload's signature is worth: it verifies; there is none; it doesn't
 * verify; there were too many to verify them all.
 */
export type Check = "valid" | "none" | "bad" | "unchecked";

/** A received PUBLISH. */
export interface Received {
  /** The topic it was published to. */
  topic: string;
  /**
   * The room whose history this topic has. Undefined for all other topics, and
   * where the topic itself was joined as a room.
   */
  historyOf?: string;
  /** The same for the topics on which members ask who is in a room. */
  whoOf?: string;
  /** The decoded payload. */
  payload: Payload | Malformed | Sealed | KeptHistory | RollCall;
  /**
   * Whether it was sealed. If not, its author may be anyone. Undefined if the
   * client has no secret.
   */
  sealed?: boolean;
  /** What the signature of a message or notice is worth. */
  check?: Check;
  /** The QoS it was delivered with. */
  qos: QoS;
  /** Whether it is the topic's retained message. */
  retain: boolean;
  /** The time of arrival. */
  receivedAt: Date;
  /**
   * The topic this client sent it to, if it did; some brokers rewrite topics.
   */
  sentTo?: string;
  /**
   * MQTT's DUP flag: the broker may have sent it before. It may still be new
   * here.
   */
  duplicate: boolean;
  /** Counts what arrived at this client, from 1. */
  arrival?: number;
}

/** Thrown for a payload that is too large to send. */
export class PayloadTooLargeError extends Error {
  static {
    this.prototype.name = "PayloadTooLargeError";
  }

  /** The encoded size in bytes. */
  readonly size: number;

  /**
   * Creates the error for a size.
   *
   * @param size The encoded size in bytes.
   */
  constructor(size: number) {
    super(
      `The message takes ${size} bytes with its envelope, the limit is ` +
        `${MAX_PAYLOAD_BYTES}; send it in parts.`,
    );
    this.size = size;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Encodes a payload as UTF-8 JSON. Lone surrogates become U+FFFD, since UTF-8
 * can't carry them.
 *
 * @param payload The payload.
 * @returns The bytes, at most {@link MAX_PAYLOAD_BYTES}.
 * @throws {PayloadTooLargeError} When there would be more.
 */
export function encode(payload: Payload): Uint8Array {
  return encoder.encode(encodeText(payload));
}

/**
 * Encodes a payload as JSON text.
 *
 * @param payload The payload.
 * @param finish Turns the JSON into the text to send and checks the limit; by
 * default the JSON itself.
 * @returns The JSON, at most {@link MAX_PAYLOAD_BYTES} in UTF-8.
 * @throws {PayloadTooLargeError} When there would be more.
 */
export function encodeText(
  payload: Payload | KeptHistory | RollCall,
  finish: (json: string) => string = limited,
): string {
  if (payload.type === "history") return finish(JSON.stringify(payload.wire));
  const from = "from" in payload ? payload.from : payload.name;
  const wire: Record<string, string> = {
    type: payload.type,
    from: from.toWellFormed(),
  };
  if (payload.type === "message") wire.message = payload.message.toWellFormed();
  if (payload.type === "notice") wire.notice = payload.notice.toWellFormed();
  if (payload.id !== undefined) wire.id = payload.id.toWellFormed();
  if (payload.at !== undefined) wire.at = payload.at;
  if (payload.key !== undefined) wire.key = payload.key;
  if (payload.sig !== undefined) wire.sig = payload.sig;
  return finish(JSON.stringify(wire));
}

/** Throws if the JSON is too large. */
function limited(json: string): string {
  const size = Buffer.byteLength(json);
  if (size > MAX_PAYLOAD_BYTES) throw new PayloadTooLargeError(size);
  return json;
}

/**
 * Decodes a received payload. Never throws: bytes that are not a chat payload
 * become {@link Malformed}. Strict about `type`, `from` and the text; ignores
 * other members, and an `id` or `at` that {@link Envelope} does not allow. The
 * plain-text will of the older program becomes a notice. Of a sealed payload
 * only `sealed` is read.
 *
 * @param bytes The payload of a PUBLISH packet.
 * @returns The payload, or why the bytes are not one.
 */
export function decode(
  bytes: Uint8Array,
): Payload | Malformed | Sealed | KeptHistory | RollCall {
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    return malformed(bytes, `over the limit of ${MAX_PAYLOAD_BYTES} bytes`);
  }
  const text = utf8In(bytes);
  if (text === undefined) return malformed(bytes, "not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return olderWill(text) ?? malformed(bytes, "not JSON", true);
  }
  if (isObject(value)) {
    const { type, from, sealed } = value;
    if (typeof sealed === "string") return { type: "sealed", sealed };
    if (type === "history") return { type, wire: value };
    if ((type === "who" || type === "here") && isAuthor(from)) {
      return withOptional({ type, name: from.toWellFormed() }, value);
    }
  }
  const result = payloadOf(value);
  return typeof result === "string"
    ? malformed(bytes, result, !isObject(value))
    : result;
}

function malformed(
  bytes: Uint8Array,
  reason: string,
  isText = false,
): Malformed {
  return { type: "malformed", reason, bytes, ...isText && { isText } };
}

/** Reads UTF-8, without its byte order mark; undefined where it isn't that. */
function utf8In(bytes: Uint8Array): string | undefined {
  // A fifth of the decoder's time, for which U+FFFD stands for what is not
  // UTF-8; the decoder tells that from a U+FFFD that was sent.
  const text = Buffer.prototype.toString.call(bytes);
  if (!text.includes("\uFFFD") && text[0] !== "\uFEFF") return text;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function isSignature(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_SIGNATURE_LENGTH &&
    value.isWellFormed();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads a payload from parsed JSON, as {@link decode} does.
 *
 * @param wire Any JSON value.
 * @returns The chat payload, or why it isn't one, as part of a sentence.
 */
export function payloadOf(wire: unknown): Payload | string {
  if (!isObject(wire)) return "not a JSON object";
  const { from } = wire;
  if (!isAuthor(from)) return "no author in `from`";
  const payload = contentOf(wire, from.toWellFormed());
  return typeof payload === "string" ? payload : withOptional(payload, wire);
}

function isAuthor(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Adds the optional members, as far as they are right. */
function withOptional<T extends Payload | RollCall>(
  payload: T,
  { id, at, key, sig }: Record<string, unknown>,
): T {
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH) {
    payload.id = id.toWellFormed();
  }
  if (typeof at === "string" && isUtcTime(at)) payload.at = at;
  if (isSignature(key)) payload.key = key;
  if (isSignature(sig)) payload.sig = sig;
  return payload;
}

/** The author and the text, or why there is none. */
function contentOf(
  { type, message, notice }: Record<string, unknown>,
  from: string,
): Payload | string {
  switch (type) {
    case "message":
      if (typeof message !== "string") return "no text in `message`";
      return { type, from, message: message.toWellFormed() };
    case "notice":
    case "info": // a second name of notices in the older program's documentation
      if (typeof notice !== "string") return "no text in `notice`";
      return { type: "notice", from, notice: notice.toWellFormed() };
    default:
      return "`type` is neither `message` nor `notice`";
  }
}

/** The will of the older program. */
const OLDER_WILL = /^(User (.+) timed out\.)\n?$/;

/** Reads the will of the older program. */
function olderWill(text: string): ChatNotice | undefined {
  const [, notice, from] = OLDER_WILL.exec(text) ?? [];
  return notice === undefined ? undefined : { type: "notice", from, notice };
}

/** RFC 3339 in UTC; {@link isUtcTime} checks 29 February. */
const UTC_TIME =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31|02-29)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

/**
 * Returns whether a text is a time as in `at`.
 *
 * @param text Any string.
 * @returns Whether it is RFC 3339 in UTC and exists in the calendar.
 */
export function isUtcTime(text: string): boolean {
  if (!UTC_TIME.test(text)) return false;
  // In a common year Date.parse takes it for a day of March.
  return !text.startsWith("02-29", 5) || new Date(text).getUTCDate() === 29;
}

/**
 * Returns the notice that says that a member has joined a room.
 *
 * @param name The member's name, which is also the notice's `from`.
 * @param topic The room.
 * @returns The text of `notice`.
 */
export function joinNotice(name: string, topic: string): string {
  return `User ${name} is now subscribed to ${topic}.`;
}

/**
 * Returns the notice that says that a member leaves a room.
 *
 * @param name The member's name, which is also the notice's `from`.
 * @param topic The room.
 * @returns The text of `notice`.
 */
export function leaveNotice(name: string, topic: string): string {
  return `User ${name} disconnecting from ${topic}.`;
}

/**
 * Returns the notice that says that a member's connection is lost. It is sent
 * as a connection's will.
 *
 * @param name The member's name, which is also the notice's `from`.
 * @returns The text of `notice`.
 */
export function timeoutNotice(name: string): string {
  return `User ${name} timed out.`;
}

/**
 * Returns the notice that says that a member has another name.
 *
 * @param name The old name, which is also the notice's `from`.
 * @param newName The new name.
 * @returns The text of `notice`.
 */
export function renameNotice(name: string, newName: string): string {
  return `User ${name} is now known as ${newName}.`;
}

/** What a standard notice says of its author. */
export type PresenceChange = "joined" | "left" | "timed out";

/**
 * Reads a standard notice, ours or the older program's: those have a space
 * before the full stop, and a newline behind the last.
 *
 * @param notice The notice.
 * @param topic The topic it came on.
 * @returns What it says of its author; undefined for any other text, also where
 * it names another author or another topic.
 */
export function presenceOf(
  { from, notice }: ChatNotice,
  topic: string,
): PresenceChange | undefined {
  const isOf = (standard: (name: string, topic: string) => string) => {
    const [ours, theirs] = [standard(from, topic), standard(from, `${topic} `)];
    return notice === ours || notice === theirs ||
      (notice.length === ours.length && isSameRoom(notice, ours));
  };
  if (isOf(joinNotice)) return "joined";
  if (isOf(leaveNotice)) return "left";
  return notice.replace(/\n$/, "") === timeoutNotice(from)
    ? "timed out"
    : undefined;
}

/**
 * Reads the new name in a rename notice.
 *
 * @param notice The notice.
 * @returns The new name; undefined for any other text.
 */
export function newNameIn({ from, notice }: ChatNotice): string | undefined {
  const start = renameNotice(from, "").slice(0, -1);
  if (!notice.startsWith(start) || !notice.endsWith(".")) return undefined;
  const name = notice.slice(start.length, -1);
  return name === "" || name.length > MAX_NAME_LENGTH ? undefined : name;
}

/**
 * Compares topics. RabbitMQ and NATS turn `.` and `/` into each other
 * (measured), so these count as the same.
 *
 * @param topic A topic.
 * @param other Another topic.
 * @returns Whether they are the same room.
 */
export function isSameRoom(topic: string, other: string): boolean {
  return topic.replaceAll(".", "/") === other.replaceAll(".", "/");
}
