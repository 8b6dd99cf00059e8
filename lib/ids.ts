/**
 * The ids of what a client sends: `<session>-<n>`, a random session for each
 * room and a counter from 1, so that a reader can tell what did not arrive. To
 * anybody else an id is an opaque string. Pure, but for the randomness.
 *
 * @module
 */

/** Bytes of randomness in a session: two are the same once in 2⁴⁸ clients. */
const SESSION_BYTES = 12;

/** How many characters a session has at least: as many bytes in base64url. */
const MIN_SESSION_LENGTH = 16;

/**
 * The highest number of a session; another session begins after it. Nine
 * digits, so that neither times in seconds or milliseconds nor the end of a
 * UUID are taken for counters.
 */
export const MAX_NUMBER = 999_999_999;

const MAX_DIGITS = `${MAX_NUMBER}`.length;

/** The most rooms whose sessions are remembered; each may begin a new one. */
const MAX_ROOMS = 1_000;

const ZERO = "0".charCodeAt(0);
const DASH = "-".charCodeAt(0);

/** An id that counts. */
export interface CountedId {
  /** What all ids of one client for one room begin with. */
  session: string;
  /** Which of them it is, from 1. */
  number: number;
}

/**
 * Reads an id.
 *
 * @param id Any string.
 * @returns Its session and number; undefined where it can't be of this kind.
 */
export function parseId(id: string): CountedId | undefined {
  const number = numberIn(id);
  if (number === 0) return undefined;
  const session = sessionIn(id);
  return isSession(session) ? { session, number } : undefined;
}

/**
 * The number of an id, for whoever reads a hundred thousand a second.
 *
 * @param id Any string.
 * @returns The number at its end, or 0 where it can't be of this kind; any other
 * leaves that to {@link isSession}.
 */
export function numberIn(id: string): number {
  let number = 0;
  let scale = 1;
  let at = id.length - 1;
  for (; at >= MIN_SESSION_LENGTH; at--, scale *= 10) {
    const digit = id.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    number += digit * scale;
  }
  const isNumber = at >= MIN_SESSION_LENGTH && id.charCodeAt(at) === DASH &&
    id.length - 1 - at <= MAX_DIGITS && id.charCodeAt(at + 1) !== ZERO;
  return isNumber ? number : 0;
}

/**
 * What stands before the number of an id.
 *
 * @param id An id in which {@link numberIn} has found a number.
 * @returns The session.
 */
export function sessionIn(id: string): string {
  return id.slice(0, id.lastIndexOf("-"));
}

/**
 * Whether a text may be a session.
 *
 * @param text Any string.
 * @returns Whether it is at least 96 bits in base64url.
 */
export function isSession(text: string): boolean {
  return text.length >= MIN_SESSION_LENGTH && /^[\w-]+$/.test(text);
}

/** Gives ids, and knows its own. */
export class IdSource {
  readonly #first: number;
  readonly #rooms = new Map<string, CountedId>();
  /** By session. */
  readonly #topics = new Map<string, string>();

  /**
   * Makes one that has given none.
   *
   * @param first The number that a session begins with; for tests.
   */
  constructor(first = 1) {
    this.#first = first;
  }

  /**
   * Takes the next number.
   *
   * @param topic Where it is sent.
   * @returns The id.
   */
  next(topic: string): string {
    let room = this.#rooms.get(topic);
    if (room === undefined || room.number > MAX_NUMBER) {
      room = this.#begin(topic);
    }
    return `${room.session}-${room.number++}`;
  }

  /**
   * Where this client sent something.
   *
   * @param id The id it has.
   * @returns The topic, in the spelling it was sent to; undefined when somebody
   * else sent it.
   */
  topicOf(id: string): string | undefined {
    return this.#topics.get(sessionIn(id));
  }

  #begin(topic: string): CountedId {
    forgetOldest(this.#rooms);
    forgetOldest(this.#topics);
    const bytes = crypto.getRandomValues(new Uint8Array(SESSION_BYTES));
    const session = bytes.toBase64({ alphabet: "base64url" });
    const room = { session, number: this.#first };
    this.#rooms.set(topic, room);
    this.#topics.set(session, topic);
    return room;
  }
}

/** Makes room for one more. */
function forgetOldest(map: Map<string, unknown>): void {
  if (map.size < MAX_ROOMS) return;
  const [oldest] = map.keys();
  map.delete(oldest);
}
