/**
 * Many people coming and going at once: which of their notices are gathered, to
 * be told in one line, and when that line is due. Pure state, bounded; whoever
 * uses it has the clock and the timer.
 *
 * @module
 */

import { MAX_NAME_LENGTH, type Received } from "../protocol.ts";
import { type PresenceChange, presenceOf } from "./members.ts";

/** Who came and went in a room. */
export interface Crowd {
  /** The room. */
  topic: string;
  /** What was told last of each, by name. */
  people: ReadonlyMap<string, PresenceChange>;
}

/** So many notices within the window are no crowd yet. */
const FEW = 3;

/** The window, in milliseconds. */
const WINDOW_MS = 2_000;

/** After this long without another notice, in milliseconds, it is told. */
const PAUSE_MS = 1_000;

/** The longest a notice is held back, in milliseconds. */
const MAX_WAIT_MS = 3_000;

/** How long, in milliseconds, whoever said something is no stranger. */
const LATELY_MS = 10 * 60_000;

/** The most people that are held back in all rooms together. */
const MAX_PEOPLE = 1_000;

/** The most rooms that are looked after at a time. */
const MAX_ROOMS = 100;

/** What goes on in a room; times are in milliseconds. */
interface Room {
  /** When the last few notices came. */
  recent: number[];
  people: Map<string, PresenceChange>;
  /** When the first of the people was gathered. */
  first: number;
}

/**
 * The crowds that gather in rooms. Times are in milliseconds, all by one clock.
 */
export class Crowds {
  readonly #spokeAt: (name: string) => number | undefined;
  readonly #rooms = new Map<string, Room>();

  /** @param spokeAt When somebody last said something. */
  constructor(spokeAt: (name: string) => number | undefined) {
    this.#spokeAt = spokeAt;
  }

  /** Whether so many people are held back that all must be told now. */
  get isFull(): boolean {
    let held = 0;
    for (const { people } of this.#rooms.values()) held += people.size;
    return held >= MAX_PEOPLE;
  }

  /**
   * Gathers what arrived if it is one of many standard notices, by somebody who
   * said nothing for 10 minutes. The first 3 within 2 seconds are not gathered.
   *
   * @returns Whether it was gathered: then it is not to be shown.
   */
  gather({ payload, topic }: Received, now: number): boolean {
    if (payload.type !== "notice") return false;
    const { from } = payload;
    const change = presenceOf(payload, topic);
    if (change === undefined || from.length > MAX_NAME_LENGTH) return false;
    if (now - (this.#spokeAt(from) ?? -Infinity) < LATELY_MS) return false;
    const room = this.#room(topic, now);
    if (room === undefined) return false;
    const { recent, people } = room;
    const isMany = recent.length === FEW && now - recent[0] < WINDOW_MS;
    recent.push(now);
    if (recent.length > FEW) recent.shift();
    // While others are held back, whoever comes later is not told before them.
    if (!isMany && people.size === 0) return false;
    if (people.size === 0) room.first = now;
    // Whoever did something last is told last.
    people.delete(from);
    people.set(from, change);
    return true;
  }

  /** Whether a notice of somebody is held back in a room. */
  holds(topic: string, name: string): boolean {
    return this.#rooms.get(topic)?.people.has(name) ?? false;
  }

  /** How long until something is due; undefined when nothing is held back. */
  wait(now: number): number | undefined {
    const waits = [...this.#rooms.values()].filter(({ people }) => people.size)
      .map((room) => waitOf(room, now));
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** Hands over what is due; without a time, all that is held back. */
  take(now?: number): Crowd[] {
    const due: Crowd[] = [];
    for (const [topic, room] of this.#rooms) {
      const { people } = room;
      if (people.size === 0) continue;
      if (now !== undefined && waitOf(room, now) > 0) continue;
      due.push({ topic, people });
      room.people = new Map();
    }
    return due;
  }

  /** A room's state; undefined when there are too many that are busy. */
  #room(topic: string, now: number): Room | undefined {
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

/** How long until what was gathered in a room is due. */
function waitOf({ recent, first }: Room, now: number): number {
  const last = recent[recent.length - 1];
  // A clock that was set back would hold it until it caught up.
  if (now < last) return 0;
  return Math.max(0, Math.min(last + PAUSE_MS, first + MAX_WAIT_MS) - now);
}
