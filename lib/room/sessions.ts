/**
 * The sessions that ids begin with, each a client in one room, as far as they
 * are remembered. MQTT's sessions are something else.
 *
 * @module
 */

import { sessionIn } from "../ids.ts";
import type { SessionNumbers } from "./session_numbers.ts";

/** What one client has sent into one room. */
export interface Session {
  /** What its ids begin with, up to their number. */
  readonly prefix: string;
  readonly topic: string;
  /** The name it had last. */
  from: string;
  /** The latest time of sending, as text. */
  at: string;
  numbers: SessionNumbers;
}

/**
 * How many are remembered at least, and twice as many at most; of those that
 * sent one payload as many again, so that a flood of these makes no other one
 * forgotten.
 */
const MAX_SESSIONS = 1_024;

/** By two characters of 6 bits each. */
const SLOTS = 64 * 64;

/** Remembers sessions; forgets those that sent nothing for longest. */
export class Sessions {
  readonly #once = new Recent(MAX_SESSIONS, () => {});
  readonly #more = new Recent(MAX_SESSIONS, () => this.#lately.fill(undefined));
  /**
   * Some of those that sent more, by what their ids begin with: to make a key
   * for each payload takes longer than all the rest.
   */
  readonly #lately = new Array<Session | undefined>(SLOTS).fill(undefined);

  /**
   * Finds the session of an id that has a number.
   *
   * @param id The id of its second payload, or of a later one.
   * @param topic Where that was sent; elsewhere it is another session.
   */
  find(id: string, topic: string): Session | undefined {
    const slot = (id.charCodeAt(0) & 63) << 6 | id.charCodeAt(1) & 63;
    const lately = this.#lately[slot];
    if (lately?.topic === topic && id.startsWith(lately.prefix)) return lately;
    const key = keyOf(sessionIn(id), topic);
    const session = this.#more.get(key) ?? this.#once.get(key);
    // An id that is not ours may have made the key of another one.
    if (session?.topic !== topic) return undefined;
    if (this.#once.delete(key)) this.#more.set(key, session);
    return this.#lately[slot] = session;
  }

  /**
   * Remembers one that is not found.
   *
   * @param session One that has sent one payload.
   */
  add(session: Session): void {
    this.#once.set(keyOf(sessionIn(session.prefix), session.topic), session);
  }
}

/** A key for each session and topic: no session has a space. */
function keyOf(session: string, topic: string): string {
  return `${session} ${topic}`;
}

/** Sessions by a key; forgets those that were not asked for. */
class Recent {
  readonly #size: number;
  readonly #onForget: () => void;
  #newer = new Map<string, Session>();
  #older = new Map<string, Session>();

  constructor(size: number, onForget: () => void) {
    this.#size = size;
    this.#onForget = onForget;
  }

  get(key: string): Session | undefined {
    const newer = this.#newer.get(key);
    if (newer !== undefined) return newer;
    const older = this.#older.get(key);
    if (older !== undefined) {
      this.#older.delete(key);
      this.set(key, older);
    }
    return older;
  }

  delete(key: string): boolean {
    return this.#newer.delete(key) || this.#older.delete(key);
  }

  set(key: string, session: Session): void {
    if (this.#newer.size >= this.#size) {
      this.#older = this.#newer;
      this.#newer = new Map();
      this.#onForget();
    }
    this.#newer.set(key, session);
  }
}
