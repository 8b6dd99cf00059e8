/**
 * What has come and what has not: nothing counts twice, and of what was sent
 * with our ids a reader knows how much did not arrive. Pure state, bounded;
 * whoever uses it has the clock and the timer.
 *
 * @module
 */

import { isSession, numberIn, sessionIn } from "../ids.ts";
import { MAX_NAME_LENGTH, type Payload } from "../protocol.ts";
import { firstCodePoints } from "../safe_text.ts";
import { SessionNumbers } from "./session_numbers.ts";
import { SeenIds } from "./seen_ids.ts";
import { type Session, Sessions } from "./sessions.ts";

/** Payloads of somebody that did not arrive. */
export interface Loss {
  /** The room. */
  topic: string;
  /** Who sent them: the name they had last. */
  from: string;
  /** How many. */
  count: number;
}

/** The most sessions of which something may have to be told at a time. */
const MAX_OPEN = 4_096;

/** The longest leap from one number to another that is taken for a count. */
const MAX_LEAP = 10_000_000;

/** No payload says a later time. */
const LAST_TIME = "9999-12-31T23:59:59.999999999Z";

/** In a room with a longer name, in UTF-16 code units, nothing is counted. */
const MAX_TOPIC_LENGTH = 1_024;

/**
 * Takes note of what arrives. Times are in milliseconds, all by one clock.
 *
 * It remembers at least 1,024 sessions that sent more than one payload and as
 * many that sent one, each with its numbers from the last 256 holes on; and the
 * last 16,384 ids that are not ours.
 */
export class Arrivals {
  readonly #sessions = new Sessions();
  /** Ids that don't count, and the first of each session. */
  readonly #others = new SeenIds();
  /** Where something is missing that was not told. */
  readonly #open = new Set<Session>();

  /**
   * Takes note of a payload.
   *
   * @param payload What came. Without an id it is always new.
   * @param topic The room it came from; elsewhere the id is another one's.
   * @param now The time.
   * @param isLive Whether it was sent to whoever is in the room. What lies
   * between two of these should have come too. False for what was kept, for
   * history, and where others may get a part: shared subscriptions.
   * @param latest The latest time of sending that is believed, as payloads have
   * it: whoever says a later one would have all that follows taken for doubles.
   * @returns Whether it is new. So is what was told as lost and comes.
   */
  note(
    payload: Payload,
    topic: string,
    now: number,
    isLive = true,
    latest = LAST_TIME,
  ): boolean {
    const { id, at = "" } = payload;
    if (id === undefined) return true;
    const number = numberIn(id);
    if (number === 0 || topic.length > MAX_TOPIC_LENGTH) {
      return this.#others.add(id, topic);
    }
    const session = this.#sessions.find(id, topic);
    if (session === undefined || session.numbers.leap(number) > MAX_LEAP) {
      // The first as well, so that it is known when its session is forgotten.
      if (!this.#others.add(id, topic)) return false;
      if (session === undefined) {
        const believed = at <= latest ? at : "";
        this.#begin(id, { ...payload, at: believed }, topic)
          .add(number, now, isLive);
      }
      return true;
    }
    const isLater = at > session.at && at <= latest;
    let isNew = session.numbers.add(number, now, isLive);
    if (!isNew && isLive && isLater) {
      // Nothing is sent again with a later time: this counter began anew.
      session.numbers = new SessionNumbers(number);
      isNew = session.numbers.add(number, now, isLive);
    }
    if (isLater) session.at = at;
    if (isNew && isLive) session.from = shortened(payload.from);
    if (session.numbers.isOpen && this.#open.size < MAX_OPEN) {
      this.#open.add(session);
    }
    return isNew;
  }

  /** Whether something may be missing. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /**
   * How long until a loss is due.
   *
   * @param now The time.
   * @returns Milliseconds; undefined when none is, until more is noted.
   */
  wait(now: number): number | undefined {
    let least: number | undefined;
    for (const session of this.#open) {
      const wait = session.numbers.wait(now);
      // Whatever changes that is noted, which opens it again.
      if (wait === undefined) this.#open.delete(session);
      else least = Math.min(wait, least ?? wait);
    }
    return least;
  }

  /**
   * Hands over the losses that are due, each once.
   *
   * @param now The time; without it, all that is missing is due.
   * @returns One for each room and author.
   */
  take(now?: number): Loss[] {
    const losses = new Map<string, Loss>();
    for (const session of this.#open) {
      const { topic, from, numbers } = session;
      const count = numbers.take(now);
      if (!numbers.isOpen) this.#open.delete(session);
      if (count === 0) continue;
      const key = JSON.stringify([topic, from]);
      const loss = losses.get(key);
      if (loss === undefined) losses.set(key, { topic, from, count });
      else loss.count += count;
    }
    return [...losses.values()];
  }

  /** Remembers a session from an id on, if that is one of ours. */
  #begin(
    id: string,
    { from, at = "" }: Payload,
    topic: string,
  ): SessionNumbers {
    const numbers = new SessionNumbers(numberIn(id));
    const session = sessionIn(id);
    if (isSession(session)) {
      const prefix = `${session}-`;
      this.#sessions.add({
        prefix,
        topic,
        from: shortened(from),
        at,
        numbers,
      });
    }
    return numbers;
  }
}

/** A name, of which only so much is remembered. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH
    ? name
    : firstCodePoints(name, MAX_NAME_LENGTH);
}
