/**
 * The wire format: what a chat payload is, and how it becomes bytes and back.
 * Owns the payload types, encode, decode and the limits. Pure.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** The most bytes a payload may have, encoded. */
export const MAX_PAYLOAD_BYTES = 65_536;

/** The most UTF-16 code units the `id` of a payload may have. */
export const MAX_ID_LENGTH = 64;

/**
 * The most UTF-16 code units of a name that people go by. The wire knows no
 * such limit: a longer one is shown, cut, and is not remembered.
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

/** MQTT quality of service: at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2;

/** What every chat payload carries. */
export interface Envelope {
  /** The author. Never empty. */
  from: string;
  /** Unique per payload, 1 to {@link MAX_ID_LENGTH} characters. */
  id?: string;
  /** When it was sent: RFC 3339, UTC, `Z` at its end. */
  at?: string;
  /** The author's public key; unread. */
  key?: string;
  /** The author's signature; unread. */
  sig?: string;
}

/** Something an author said. */
export interface ChatMessage extends Envelope {
  /** What kind of payload this is. */
  type: "message";
  /** The text. */
  message: string;
}

/** Something that happened to an author: joined, left, timed out. */
export interface ChatNotice extends Envelope {
  /** What kind of payload this is. */
  type: "notice";
  /** The description. */
  notice: string;
}

/** A chat payload. */
export type Payload = ChatMessage | ChatNotice;

/** Bytes that came into the room and are not a chat payload. */
export interface Malformed {
  /** What kind of payload this is. */
  type: "malformed";
  /** Why it is not a chat payload, as part of a sentence. */
  reason: string;
  /** The bytes as they came. */
  bytes: Uint8Array;
}

/** A sealed payload that can't be read here. */
export interface Sealed {
  /** What kind of payload this is. */
  type: "sealed";
  /** What is sealed, as docs/sealed-rooms.md specifies. */
  sealed: string;
  /**
   * Why the secret doesn't open it, as part of a sentence; undefined where the
   * client has none.
   */
  reason?: string;
}

/** The history of a room; `room/history.ts` reads and makes it. */
export interface KeptHistory {
  /** What kind of payload this is. */
  type: "history";
  /** All members of the payload. */
  wire: Record<string, unknown>;
}

/** One publication as it arrived in a room. */
export interface Received {
  /** The topic it was published to. */
  topic: string;
  /**
   * The room whose history this topic has. Undefined for all other topics, and
   * where the topic itself was joined as a room.
   */
  historyOf?: string;
  /** What it says. */
  payload: Payload | Malformed | Sealed | KeptHistory;
  /**
   * Whether it came sealed. Where it did not, anybody may have written it, under
   * any name. Undefined where the client has no secret.
   */
  sealed?: boolean;
  /** The QoS it was delivered with. */
  qos: QoS;
  /** Whether the broker had kept it as the topic's retained message. */
  retain: boolean;
  /** When it arrived here. */
  receivedAt: Date;
  /**
   * The topic this client sent it to, where it did; some brokers deliver it on
   * another spelling.
   */
  sentTo?: string;
  /**
   * Whether the broker marked it as sent before (MQTT's DUP flag); it may be
   * new here all the same.
   */
  duplicate: boolean;
}

/** A payload that is too large to send. */
export class PayloadTooLargeError extends Error {
  static {
    this.prototype.name = "PayloadTooLargeError";
  }

  /** The encoded size in bytes. */
  readonly size: number;

  /**
   * Makes the sentence for a payload of a size.
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
 * @param payload What to send.
 * @returns The bytes, at most {@link MAX_PAYLOAD_BYTES}.
 * @throws {PayloadTooLargeError} When there would be more.
 */
export function encode(payload: Payload): Uint8Array {
  return encoder.encode(encodeText(payload));
}

/**
 * Encodes a payload as JSON, for whoever encodes text as UTF-8.
 *
 * @param payload What to send.
 * @param finish Makes of the JSON what is sent, and keeps the limit; the JSON
 * itself by default.
 * @returns The JSON, at most {@link MAX_PAYLOAD_BYTES} in UTF-8.
 * @throws {PayloadTooLargeError} When there would be more.
 */
export function encodeText(
  payload: Payload | KeptHistory,
  finish: (json: string) => string = limited,
): string {
  if (payload.type === "history") return finish(JSON.stringify(payload.wire));
  const wire: Record<string, string> = {
    type: payload.type,
    from: payload.from.toWellFormed(),
  };
  if (payload.type === "message") wire.message = payload.message.toWellFormed();
  else wire.notice = payload.notice.toWellFormed();
  if (payload.id !== undefined) wire.id = payload.id.toWellFormed();
  if (payload.at !== undefined) wire.at = payload.at;
  return finish(JSON.stringify(wire));
}

/** Refuses what is too large. */
function limited(json: string): string {
  const size = Buffer.byteLength(json);
  if (size > MAX_PAYLOAD_BYTES) throw new PayloadTooLargeError(size);
  return json;
}

/**
 * Decodes what arrived in a room. Never throws: what is not a chat payload
 * comes back as {@link Malformed}. It is strict about `type`, `from` and the
 * text; other fields are ignored, and so are an `id` and an `at` that are not as
 * {@link Envelope} has them. The plain-text will of the older program is its
 * notice. Of a sealed payload nothing else is read.
 *
 * @param bytes The payload of a PUBLISH packet.
 * @returns The chat payload, what is sealed or kept, or why it is neither.
 */
export function decode(
  bytes: Uint8Array,
): Payload | Malformed | Sealed | KeptHistory {
  const malformed = (reason: string): Malformed => ({
    type: "malformed",
    reason,
    bytes,
  });
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    return malformed(`over the limit of ${MAX_PAYLOAD_BYTES} bytes`);
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return malformed("not UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return olderWill(text) ?? malformed("not JSON");
  }
  if (isObject(value)) {
    const { type, sealed } = value;
    if (typeof sealed === "string") return { type: "sealed", sealed };
    if (type === "history") return { type, wire: value };
  }
  const result = payloadOf(value);
  return typeof result === "string" ? malformed(result) : result;
}

function isSignature(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_SIGNATURE_LENGTH &&
    value.isWellFormed();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Turns what JSON was parsed to into a payload, as {@link decode} does.
 *
 * @param wire Any value that JSON has.
 * @returns The chat payload, or why it isn't one, as part of a sentence.
 */
export function payloadOf(wire: unknown): Payload | string {
  if (!isObject(wire)) return "not a JSON object";
  const { from, id, at } = wire;
  if (typeof from !== "string" || from === "") {
    return "no author in `from`";
  }
  const common: Envelope = { from: from.toWellFormed() };
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH) {
    common.id = id.toWellFormed();
  }
  if (typeof at === "string" && isUtcTime(at)) common.at = at;
  if (isSignature(wire.key)) common.key = wire.key;
  if (isSignature(wire.sig)) common.sig = wire.sig;
  switch (wire.type) {
    case "message":
      if (typeof wire.message !== "string") return "no text in `message`";
      return {
        type: "message",
        ...common,
        message: wire.message.toWellFormed(),
      };
    case "notice":
    case "info": // the older program's documentation names notices so in one place
      if (typeof wire.notice !== "string") return "no text in `notice`";
      return { type: "notice", ...common, notice: wire.notice.toWellFormed() };
    default:
      return "`type` is neither `message` nor `notice`";
  }
}

/** What the broker says for a client of the older program that was lost. */
const OLDER_WILL = /^(User (.+) timed out\.)\n?$/;

/** The will of the older program, if a text is one. */
function olderWill(text: string): ChatNotice | undefined {
  const [, notice, from] = OLDER_WILL.exec(text) ?? [];
  return notice === undefined ? undefined : { type: "notice", from, notice };
}

/** RFC 3339 in UTC, but for the days that not all months have. */
const UTC_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

/**
 * Whether a text is a time as payloads have it.
 *
 * @param text Any string.
 * @returns Whether it is RFC 3339, in UTC, and exists in the calendar.
 */
export function isUtcTime(text: string): boolean {
  const day = UTC_TIME.exec(text)?.[1];
  if (day === undefined) return false;
  // Date.parse takes 30 February for a day of March.
  return day <= "28" || new Date(text).getUTCDate() === Number(day);
}
