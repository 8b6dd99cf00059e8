/**
 * Whether rooms can be read: one's own notice must come back. Brokers such as
 * Mosquitto grant every subscription and then stay silent (measured), so there
 * is no other way to tell an unreadable room from a quiet one.
 *
 * @module
 */

import { type Wait, waitFor } from "../timer.ts";

/** What a self-test needs. */
export interface SelfTestOptions {
  /** The rooms that are announced in. */
  rooms: string[];
  /** Called for a room in which nothing came back. */
  onSilent: (topic: string) => void;
  /** For tests. */
  wait?: Wait;
}

/**
 * How long, in milliseconds, an echo may take after the acknowledgement.
 * Mosquitto sends it before (in 200 of 200 trials, measured); a cluster may
 * take its time.
 */
const PATIENCE_MS = 5_000;

/** A broker that was slow to acknowledge may be as slow again, and more. */
const SLOWNESS_FACTOR = 10;

/** Waits for the echoes. */
export class SelfTest {
  readonly #options: SelfTestOptions;
  /** Rooms of which it isn't known yet that they can be read. */
  readonly #unheard: Set<string>;
  /** Rooms from which nothing came back. */
  readonly #silent = new Set<string>();
  readonly #stops = new Set<() => void>();

  /**
   * Makes it; nothing is awaited yet.
   *
   * @param options The rooms, and who is told.
   */
  constructor(options: SelfTestOptions) {
    this.#options = options;
    this.#unheard = new Set(options.rooms);
  }

  /** Whether something came from every room. */
  get isHeard(): boolean {
    return this.#unheard.size === 0 && this.#silent.size === 0;
  }

  /** Whether every room turned out to be silent. */
  get hasFailed(): boolean {
    const { rooms } = this.#options;
    return rooms.length > 0 && this.#silent.size === rooms.length;
  }

  /**
   * Something arrived: its room can be read.
   *
   * @param topic The room.
   */
  heard(topic: string): void {
    this.#unheard.delete(topic);
    this.#silent.delete(topic);
  }

  /**
   * The broker acknowledged our notice: from now on its echo is due.
   *
   * @param topic The room.
   * @param milliseconds How long the acknowledgement took.
   */
  acknowledged(topic: string, milliseconds: number): void {
    if (!this.#unheard.has(topic)) return;
    const patience = Math.max(PATIENCE_MS, milliseconds * SLOWNESS_FACTOR);
    const stop = (this.#options.wait ?? waitFor)(patience, () => {
      this.#stops.delete(stop);
      if (!this.#unheard.delete(topic)) return;
      this.#silent.add(topic);
      this.#options.onSilent(topic);
    });
    this.#stops.add(stop);
  }

  /** Waits no longer: the connection is gone, or the program ends. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}
