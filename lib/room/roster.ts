/**
 * Who was seen in this session, when, and how that is told. Pure state, bounded.
 *
 * @module
 */

import { Ignored } from "./ignored.ts";
import { newNameIn } from "./rename.ts";
import { age, LATE_MS, timeAndDay } from "./time.ts";
import { MAX_NAME_LENGTH, type Payload, type Received } from "../protocol.ts";
import { type PresenceChange, presenceOf } from "./notices.ts";
import { safeName } from "../safe_text.ts";

/**
 * Whether somebody is in the room, by what was heard: whoever wrote and was not
 * seen to join may have sent that one message from anywhere.
 */
export type PresenceState = "here" | "wrote" | "left" | "lost";

/** Somebody who was seen. */
export interface Seen {
  /** The name, as it came. */
  name: string;
  /** When: by our clock, or by theirs for what was kept or came late. */
  at: Date;
  /** Whether they are in the room. */
  state: PresenceState;
  /** Whether it is the reader, and nobody else of that name. */
  isOwn?: true;
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
  /** Whether only a keeper has seen them. */
  isTold?: true;
}

/** The most people that are remembered. */
const MAX_PEOPLE = 1_000;

/** How long, in milliseconds, it is believed that somebody is still there. */
const STALE_MS = 24 * 60 * 60 * 1_000;

/** The most people that are told of. */
const MAX_LISTED = 50;

const VERBS: Readonly<Record<PresenceState, string>> = {
  here: "seen",
  wrote: "wrote",
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
 * Remembers who was seen: who said something, took another name, and whose
 * joining, leaving or time-out was told. Other notices, and what is no chat
 * payload, tell of nobody. The reader is one by what this client sent; of more
 * than 1,000 others the longest unseen is forgotten.
 */
export class Roster {
  /** By name; the longest unseen first. */
  readonly #people = new Map<string, Known>();
  #own?: Known & { name: string };

  /**
   * Takes note of what arrived. Takes the same time whoever is remembered.
   *
   * @param received What arrived, in the order of its arrival.
   */
  note(received: Received): void {
    const { payload, topic, retain, receivedAt } = received;
    if (!("from" in payload)) return;
    const { from, at: sentAt } = payload;
    const isOwn = received.sentTo !== undefined;
    const isMessage = payload.type === "message";
    const name = isMessage ? from : newNameIn(payload) ?? from;
    const known = isOwn ? this.#own : this.#people.get(from);
    const state = stateAfter(payload, topic, isOwn ? "here" : known?.state);
    if (state === undefined || from.length > MAX_NAME_LENGTH) return;
    // What a broker kept is older than whatever was heard of them since.
    if (retain && known !== undefined) return;
    const entry: Known = {
      state,
      receivedAt,
      sentAt,
      retain,
      spokeAt: isMessage && !retain ? Number(receivedAt) : known?.spokeAt,
    };
    if (isOwn) {
      this.#own = { name, ...entry };
      // A keeper may have seen the reader, who was here a moment ago.
      if (this.#people.get(name)?.isTold) this.#people.delete(name);
    } else {
      if (name !== from) this.#people.delete(from);
      this.#put(name, entry);
    }
  }

  /**
   * Takes note of those whom a keeper saw in the room, where nothing else is
   * known of them, and unless that was a day ago.
   *
   * @param names Who was there.
   * @param at When, by the keeper's clock: RFC 3339.
   * @param receivedAt When that is heard.
   */
  noteHere(names: string[], at: string | undefined, receivedAt: Date): void {
    if (age(at, receivedAt) > STALE_MS) return;
    const rest = {
      receivedAt,
      sentAt: at,
      retain: true,
      isTold: true,
    } as const;
    for (const name of names) {
      if (this.#own?.name === name || this.#people.has(name)) continue;
      if (this.#people.size >= MAX_PEOPLE) return;
      this.#put(name, { state: "here", ...rest });
    }
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
   * Those who were seen.
   *
   * @returns The most recent first.
   */
  list(): Seen[] {
    const seen = Array.from(this.#people, ([name, entry]): Seen => {
      return { name, at: seenAt(entry), state: entry.state };
    });
    if (this.#own !== undefined) {
      const { name, state } = this.#own;
      seen.push({ name, at: seenAt(this.#own), state, isOwn: true });
    }
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
 * @param self The reader's name, which others may have too.
 * @param now The time it is told: other days are named.
 * @param ignored Those of whom nothing is shown: they are there all the same.
 * @returns Lines without line breaks, safe to print.
 */
export function whoLines(
  seen: Seen[],
  self: string,
  now: Date,
  ignored = new Ignored(),
): string[] {
  const listed = seen.slice(0, MAX_LISTED).map((one) => {
    const { name, at, state, isOwn } = one;
    const which = isOwn
      ? " (you)"
      : ignored.has(name)
      ? " (ignored)"
      : name === self
      ? " (another)"
      : "";
    const when = timeAndDay(at, now);
    return `  ${safeName(name)}${which}, ${VERBS[state]} ${when}`;
  });
  const more = seen.length - listed.length;
  const rest = more > 0 ? [`  and ${more} more`] : [];
  return ["Seen in this session:", ...listed, ...rest];
}

/** What somebody says makes of them; undefined where it tells nothing. */
function stateAfter(
  payload: Payload,
  topic: string,
  before?: PresenceState,
): PresenceState | undefined {
  if (payload.type === "message") return before === "here" ? "here" : "wrote";
  if (newNameIn(payload) !== undefined) return "here";
  const change = presenceOf(payload, topic);
  return change && STATE_AFTER[change];
}

/** When somebody was there. */
function seenAt({ receivedAt, sentAt, retain }: Known): Date {
  const milliseconds = age(sentAt, receivedAt);
  return milliseconds > (retain ? 0 : LATE_MS)
    ? new Date(Number(receivedAt) - milliseconds)
    : receivedAt;
}
