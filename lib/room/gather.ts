/**
 * Gathers many joins, leaves and sealed payloads to one line. Memory is bounded.
 */

import {
  MAX_NAME_LENGTH,
  type PresenceChange,
  presenceOf,
  type Received,
} from "../protocol.ts";
import type { Clock } from "../timer.ts";

/** Events that share a line. */
export type Gathered =
  /** The last change of each name. */
  | {
    type: "people";
    topic: string;
    people: ReadonlyMap<string, PresenceChange>;
  }
  /** Payloads for which there is no secret; without a topic, of several rooms. */
  | { type: "sealed"; count: number; topic?: string };

interface GathererOptions {
  /** Takes the events of a line when it is due. */
  show: (gathered: Gathered) => void;
  /** When an author last said something, in milliseconds since 1970. */
  spokeAt: (name: string) => number | undefined;
  clock: Clock;
}

/** Up to this many notices of a room within this time are no crowd. */
const FEW = 3;
const WINDOW_MS = 2_000;

/** A line is due after this long without another, in milliseconds. */
const PAUSE_MS = 1_000;

/** The longest that notices are held back, in milliseconds. */
const MAX_NOTICE_MS = 3_000;

/** The longest that sealed payloads are held back, in milliseconds. */
const MAX_SEALED_MS = 60_000;

/** Notices of an author who spoke this lately, in milliseconds, are shown. */
const LATELY_MS = 10 * 60_000;

/** The most people held back in all rooms together. */
const MAX_HELD = 1_000;

/** The most rooms with a crowd. */
const MAX_ROOMS = 100;

/** Times are in milliseconds. */
interface Room {
  /** When the last few notices came. */
  recent: number[];
  people: Map<string, PresenceChange>;
  /** When the first of the people was held back. */
  first: number;
}

/** Holds notices and sealed payloads that share a line, until they are due. */
export class Gatherer {
  readonly #options: GathererOptions;
  readonly #rooms = new Map<string, Room>();
  #held = 0;
  #sealed?: { count: number; topic?: string; first: number; last: number };
  /** Each line of sealed payloads has the next one wait for twice as long. */
  #patience = PAUSE_MS;
  #timer?: { due: number; cancel: () => void };

  constructor(options: GathererOptions) {
    this.#options = options;
  }

  /**
   * Holds a standard notice back where many come and go, unless its author said
   * something lately; returns whether it did.
   */
  hold({ payload, topic }: Received): boolean {
    if (payload.type !== "notice") return false;
    const { spokeAt, clock } = this.#options;
    const { from } = payload;
    const change = presenceOf(payload, topic);
    if (change === undefined || from.length > MAX_NAME_LENGTH) return false;
    const spoke = spokeAt(from);
    if (spoke !== undefined && clock.wall() - spoke < LATELY_MS) return false;
    const now = clock.monotonic();
    const room = this.#roomOf(topic, now);
    if (room === undefined) return false;
    const { recent, people } = room;
    const isMany = recent.length === FEW && now - recent[0] < WINDOW_MS;
    recent.push(now);
    if (recent.length > FEW) recent.shift();
    // Notices keep their order.
    if (!isMany && people.size === 0) return false;
    if (people.size === 0) room.first = now;
    // Moves the author to the end.
    if (!people.delete(from)) this.#held++;
    people.set(from, change);
    if (this.#held >= MAX_HELD) this.showPeople();
    else this.#startTimer();
    return true;
  }

  /** Whether a notice of an author is held back. */
  holds(topic: string, name: string): boolean {
    return this.#rooms.get(topic)?.people.has(name) ?? false;
  }

  /** Counts a sealed payload; returns whether it is the first of its line. */
  addSealed(topic: string): boolean {
    const now = this.#options.clock.monotonic();
    const sealed = this.#sealed;
    if (sealed === undefined) {
      this.#sealed = { count: 1, topic, first: now, last: now };
      this.#startTimer();
      return true;
    }
    sealed.count++;
    sealed.last = now;
    if (sealed.topic !== topic) sealed.topic = undefined;
    return false;
  }

  /** Shows the people that are held back, or of them what is due at a time. */
  showPeople(now = Infinity): void {
    for (const [topic, room] of this.#rooms) {
      const { people } = room;
      if (people.size === 0 || dueOf(room) > now) continue;
      room.people = new Map();
      this.#held -= people.size;
      this.#options.show({ type: "people", topic, people });
    }
  }

  /** Shows the sealed payloads that are held back: another line follows. */
  endSealed(): void {
    this.#showSealed();
    this.#patience = PAUSE_MS;
  }

  /** Shows all that is held back, and cancels the timer. */
  stop(): void {
    this.showPeople();
    this.endSealed();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #showSealed(): void {
    if (this.#sealed === undefined) return;
    const { count, topic } = this.#sealed;
    this.#sealed = undefined;
    this.#patience = Math.min(2 * this.#patience, MAX_SEALED_MS);
    this.#options.show({ type: "sealed", count, topic });
  }

  #sealedDue(): number {
    if (this.#sealed === undefined) return Infinity;
    const { first, last } = this.#sealed;
    const due = Math.max(first + this.#patience, last + PAUSE_MS);
    return Math.min(due, first + MAX_SEALED_MS);
  }

  /** Schedules the next line. */
  #startTimer(): void {
    const { clock } = this.#options;
    const dues = [...this.#rooms.values()].map(dueOf);
    const due = Math.min(this.#sealedDue(), ...dues);
    if (due >= (this.#timer?.due ?? Infinity)) return;
    this.#timer?.cancel();
    const cancel = clock.after(due - clock.monotonic(), () => {
      this.#timer = undefined;
      const now = clock.monotonic();
      if (this.#sealedDue() <= now) this.#showSealed();
      this.showPeople(now);
      this.#startTimer();
    });
    this.#timer = { due, cancel };
  }

  /** The state of a room; undefined where too many have a crowd. */
  #roomOf(topic: string, now: number): Room | undefined {
    const known = this.#rooms.get(topic);
    if (known !== undefined) return known;
    if (this.#rooms.size >= MAX_ROOMS) this.#forgetQuiet(now);
    if (this.#rooms.size >= MAX_ROOMS) return undefined;
    const room: Room = { recent: [], people: new Map(), first: 0 };
    this.#rooms.set(topic, room);
    return room;
  }

  #forgetQuiet(now: number): void {
    for (const [topic, { recent, people }] of this.#rooms) {
      const passed = now - recent[recent.length - 1];
      if (people.size === 0 && passed >= WINDOW_MS) this.#rooms.delete(topic);
    }
  }
}

/** When the people of a room are due. */
function dueOf({ recent, people, first }: Room): number {
  if (people.size === 0) return Infinity;
  const last = recent[recent.length - 1];
  return Math.min(last + PAUSE_MS, first + MAX_NOTICE_MS);
}
