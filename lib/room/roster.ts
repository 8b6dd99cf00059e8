/**
 * Who was seen in this session, when, and how that is told. Pure state, bounded.
 *
 * @module
 */

import { age, LATE_MS, timeAndDay } from "./time.ts";
import {
  MAX_NAME_LENGTH,
  type PresenceChange,
  presenceOf,
  type Received,
} from "../protocol.ts";
import { safeName } from "../safe_text.ts";

/** Whether somebody is in the room, by the last thing heard. */
export type PresenceState = "here" | "left" | "lost";

/** Somebody who was seen. */
export interface Seen {
  /** The name, as it came. */
  name: string;
  /** When: by our clock, or by theirs for what was kept or came late. */
  at: Date;
  /** Whether they are in the room. */
  state: PresenceState;
}

/** What is known of somebody. */
interface Known {
  state: PresenceState;
  /** When the last thing heard arrived. */
  receivedAt: Date;
  /** When it was sent, by their clock. */
  sentAt?: string;
  /** Whether it was kept by the broker. */
  retain: boolean;
  /** When they last said something, in milliseconds. */
  spokeAt?: number;
}

/** The most people that are remembered. */
const MAX_PEOPLE = 1_000;

/** The most people that are told of. */
const MAX_LISTED = 50;

const VERBS: Readonly<Record<PresenceState, string>> = {
  here: "seen",
  left: "left",
  lost: "lost",
};

/** What a change makes of somebody. */
const STATE_AFTER: Record<PresenceChange, PresenceState> = {
  "joined": "here",
  "left": "left",
  "timed out": "lost",
};

/**
 * Remembers who was seen, the reader included: who said something, and whose
 * joining, leaving or time-out was told. Other notices, and what is no chat
 * payload, tell of nobody. Of more than 1,000 people the longest unseen is forgotten.
 */
export class Roster {
  /** By name; the longest unseen first. */
  readonly #people = new Map<string, Known>();

  /**
   * Takes note of what arrived. Takes the same time whoever is remembered.
   *
   * @param received What arrived, in the order of its arrival.
   */
  note(received: Received): void {
    const { payload, topic, retain, receivedAt } = received;
    if (payload.type === "malformed" || payload.type === "sealed") return;
    const isMessage = payload.type === "message";
    const change = isMessage ? "joined" : presenceOf(payload, topic);
    const { from, at: sentAt } = payload;
    if (change === undefined || from.length > MAX_NAME_LENGTH) return;
    const known = this.#people.get(from);
    // What a broker kept is older than whatever was heard of them since.
    if (retain && known !== undefined) return;
    this.#put(from, {
      state: STATE_AFTER[change],
      receivedAt,
      sentAt,
      retain,
      spokeAt: isMessage && !retain ? Number(receivedAt) : known?.spokeAt,
    });
  }

  /**
   * When somebody last said something, as far as is remembered.
   *
   * @param name Who.
   * @returns When, in milliseconds since 1970, by our clock; undefined when it
   * is not remembered.
   */
  spokeAt(name: string): number | undefined {
    return this.#people.get(name)?.spokeAt;
  }

  /**
   * The names of those who were seen.
   *
   * @returns The most recent first.
   */
  names(): string[] {
    return this.list().map(({ name }) => name);
  }

  /**
   * Those who were seen.
   *
   * @returns The most recent first.
   */
  list(): Seen[] {
    const seen = Array.from(this.#people, ([name, entry]) => {
      return { name, at: seenAt(entry), state: entry.state };
    });
    return seen.reverse().sort((a, b) => Number(b.at) - Number(a.at));
  }

  /** Makes somebody the most recent. */
  #put(name: string, entry: Known): void {
    const people = this.#people;
    if (!people.delete(name) && people.size >= MAX_PEOPLE) {
      const [longestUnseen] = people.keys();
      people.delete(longestUnseen);
    }
    people.set(name, entry);
  }
}

/**
 * What `/who` answers.
 *
 * @param seen Those who were seen; the first 50 are named.
 * @param self The reader's name.
 * @param now The time it is told: other days are named.
 * @returns Lines without line breaks, safe to print.
 */
export function whoLines(seen: Seen[], self: string, now: Date): string[] {
  const listed = seen.slice(0, MAX_LISTED).map(({ name, at, state }) => {
    const you = name === self ? " (you)" : "";
    const when = timeAndDay(at, now);
    return `  ${safeName(name)}${you}, ${VERBS[state]} ${when}`;
  });
  const more = seen.length - listed.length;
  const rest = more > 0 ? [`  and ${more} more`] : [];
  return ["Seen in this session:", ...listed, ...rest];
}

/** When somebody was there. */
function seenAt({ receivedAt, sentAt, retain }: Known): Date {
  const milliseconds = age(sentAt, receivedAt);
  return milliseconds > (retain ? 0 : LATE_MS)
    ? new Date(Number(receivedAt) - milliseconds)
    : receivedAt;
}
