/**
 * Who is in a room: the roster of members, as their messages and notices make
 * it. Pure state, bounded.
 */

import { remember } from "../bounded.ts";
import type { Ignored } from "./ignored.ts";
import { age, LATE_MS, STALE_MS, timeAndDay } from "./time.ts";
import {
  MAX_NAME_LENGTH,
  newNameIn,
  type Payload,
  type PresenceChange,
  presenceOf,
  type Received,
} from "../protocol.ts";
import { joinOfWill, parseId } from "../ids.ts";
import { safeName } from "../safe_text.ts";
import { fingerprint } from "../sign.ts";

/** `wrote`: was not seen to join, so the message may come from anywhere. */
type PresenceState = "here" | "wrote" | "left" | "lost";

/** A member as {@link Roster.list} has it. */
interface Seen {
  name: string;
  /** When last heard: by our clock, or by theirs for what is old. */
  at: Date;
  state: PresenceState;
  /** Whether it is this client. */
  isOwn?: true;
}

interface Known {
  state: PresenceState;
  /** When last heard. */
  at: Date;
  /** When that arrived here. */
  receivedAt: Date;
  /** When they last said something, in milliseconds. */
  spokeAt?: number;
  /** Whether only a keeper has seen them. */
  isTold?: true;
  /** The beginning of the ids that it sends now. */
  run?: string;
  /** The number of its last join notice in this run, if that came. */
  joinNumber?: number;
}

const MAX_PEOPLE = 1_000;

/** The most members that `/who` names. */
export const MAX_LISTED = 50;

const VERBS: Readonly<Record<PresenceState, string>> = {
  here: "seen",
  wrote: "wrote",
  left: "left",
  lost: "lost",
};

const STATE_AFTER: Record<PresenceChange, PresenceState> = {
  "joined": "here",
  "left": "left",
  "timed out": "lost",
};

/** Remembers the members of a room; the longest unseen is forgotten. */
export class Roster {
  /** By name; the longest unseen first. */
  readonly #people = new Map<string, Known>();
  #own?: Known & { name: string };

  /** Records what arrived; returns whether its author left or was lost. */
  note(received: Received): boolean {
    const { payload, topic, retain, receivedAt, sentTo } = received;
    if (!("from" in payload)) return false;
    const isOwn = sentTo !== undefined;
    const known = isOwn ? this.#own : this.#people.get(payload.from);
    // A retained message is older than all that was heard live.
    if (retain && known !== undefined) return false;
    const late = age(payload.at, receivedAt);
    if (late > STALE_MS) return false;
    const isLate = late > (retain ? 0 : LATE_MS);
    const at = isLate ? new Date(Number(receivedAt) - late) : receivedAt;
    // It may be a replay.
    if (isLate && known !== undefined && known.at >= at) return false;
    const isSpoken = payload.type === "message" && !retain;
    const spokeAt = isSpoken ? Number(receivedAt) : known?.spokeAt;
    const state = this.#note(
      payload,
      topic,
      { at, receivedAt, spokeAt },
      isOwn,
    );
    return state === "left" || state === "lost";
  }

  /**
   * Records an entry of a history, unless its author was heard on this
   * connection, so after it.
   */
  noteKept(payload: Payload, topic: string, at: Date, connectedAt: Date): void {
    // It may be the will of our own connection.
    if (payload.from === this.#own?.name) return;
    const known = this.#people.get(payload.from);
    if (known && !known.isTold && known.receivedAt >= connectedAt) return;
    this.#note(payload, topic, { at, receivedAt: at }, false);
  }

  /** Records the members that a keeper lists, where no more is known of them. */
  noteHere(here: Map<string, Date>, receivedAt: Date): void {
    for (const [name, at] of here) {
      if (this.#own?.name === name) continue;
      if (age(at.toISOString(), receivedAt) > STALE_MS) continue;
      const known = this.#people.get(name);
      if (known ? known.at >= at : this.#people.size >= MAX_PEOPLE) continue;
      const told = { state: "here", at, receivedAt: at, isTold: true } as const;
      remember(this.#people, name, told, MAX_PEOPLE);
    }
  }

  /** When a member last said something, in milliseconds by our clock. */
  spokeAt(name: string): number | undefined {
    return this.#people.get(name)?.spokeAt;
  }

  /** The members, the most recent first. */
  list(): Seen[] {
    const seen = Array.from(
      this.#people,
      ([name, { at, state }]): Seen => ({ name, at, state }),
    );
    if (this.#own !== undefined) {
      const { name, at, state } = this.#own;
      seen.push({ name, at, state, isOwn: true });
    }
    return seen.reverse().sort((a, b) => Number(b.at) - Number(a.at));
  }

  /** Members in the room that were heard less than a day ago. */
  here(now: Date): Seen[] {
    return this.list().filter(({ state, at }) =>
      state === "here" && Number(now) - Number(at) <= STALE_MS
    );
  }

  #note(
    payload: Payload,
    topic: string,
    times: Omit<Known, "state">,
    isOwn: boolean,
  ): PresenceState | undefined {
    const { from } = payload;
    const known = isOwn ? this.#own : this.#people.get(from);
    const state = stateAfter(payload, topic, isOwn ? "here" : known?.state);
    if (state === undefined || from.length > MAX_NAME_LENGTH) return;
    const isEnd = state === "left" || state === "lost";
    if (isEnd && !isOfLastRun(payload, known)) return;
    const name = payload.type === "message" ? from : newNameIn(payload) ?? from;
    if (isOwn) {
      // Our own will is of a connection before this one.
      if (state !== "lost") this.#own = { name, state, ...times };
      // The keeper listed this client.
      if (this.#people.get(name)?.isTold) this.#people.delete(name);
    } else {
      if (name !== from) this.#people.delete(from);
      const { at, receivedAt, spokeAt } = times;
      const { run, joinNumber } = runOf(payload, topic, known);
      const entry = { state, at, receivedAt, spokeAt, run, joinNumber };
      remember(this.#people, name, entry, MAX_PEOPLE);
    }
    return state;
  }
}

/** The run and the last join of a member who sent a payload. */
function runOf(
  payload: Payload,
  topic: string,
  known: Known | undefined,
): Pick<Known, "run" | "joinNumber"> {
  const { id = "" } = payload;
  const { run, joinNumber } = known ?? {};
  const isSameRun = run !== undefined && id.startsWith(`${run}-`);
  if (isSameRun && payload.type === "message") return { run, joinNumber };
  const counted = parseId(id);
  if (counted === undefined) return { run, joinNumber };
  const isJoin = payload.type === "notice" &&
    presenceOf(payload, topic) === "joined";
  return {
    run: counted.run,
    joinNumber: isJoin ? counted.number : isSameRun ? joinNumber : undefined,
  };
}

/**
 * Whether a leave or a will is of the connection last heard of, as far as its id
 * says: an older one may be late, sent again by another client, or of another
 * window of the same member.
 */
function isOfLastRun({ id = "" }: Payload, known: Known | undefined): boolean {
  const will = joinOfWill(id);
  const { run, number } = will ?? parseId(id) ?? {};
  if (run === undefined || number === undefined) return true;
  if (known === undefined) return will === undefined;
  const { joinNumber = 0 } = known;
  return known.run === undefined || (known.run === run && number >= joinNumber);
}

/** The answer to `/who`: safe lines. */
export function whoLines(
  seen: Seen[],
  now: Date,
  ignored: Ignored,
  keysOf: (name: string) => Iterable<string>,
): string[] {
  const listed = seen.slice(0, MAX_LISTED).map((one) => {
    const { name, at, state, isOwn } = one;
    const which = isOwn ? " (you)" : ignored.has(name) ? " (ignored)" : "";
    const keys = [...keysOf(name)].map(fingerprint).join(" or ");
    const key = keys === "" ? "" : `, key ${keys}`;
    const when = timeAndDay(at, now);
    return `  ${safeName(name)}${which}${key}, ${VERBS[state]} ${when}`;
  });
  const more = seen.length - listed.length;
  const rest = more > 0 ? [`  and ${more} more`] : [];
  return ["Seen in this session:", ...listed, ...rest];
}

/** The state after a payload; undefined where it says nothing of presence. */
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
