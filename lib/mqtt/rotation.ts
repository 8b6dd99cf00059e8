/**
 * Which broker, in which MQTT version, is tried next, and when. Pure: it is
 * told how attempts went, and remembers.
 *
 * @module
 */

import type { Broker } from "./address.ts";

/** The MQTT versions, by their number on the wire: 4 is 3.1.1. */
export type Version = 5 | 4;

/** The versions that may be spoken: one of them, or 5 and else 4. */
export type WantedVersion = "auto" | Version;

/** A place among several brokers, and what is known of their versions. */
export class Rotation {
  readonly #brokers: readonly Broker[];
  readonly #wanted: WantedVersion;
  /** What each broker was seen to speak; it stays so for the session. */
  readonly #known = new Map<Broker, Version>();
  /** What the last one spoke: several brokers are mostly one cluster. */
  #usual: Version = 5;
  #index = 0;
  /** How many brokers failed since one accepted us, less whole rounds. */
  #tried = 0;
  #fallsBack = false;
  /** How many rounds over all brokers failed since a connection was stable. */
  #rounds = 0;

  /** @param brokers At least one; the first comes first. */
  constructor(brokers: readonly Broker[], wanted: WantedVersion) {
    this.#brokers = brokers;
    this.#wanted = wanted;
  }

  /** The broker to try, or in use. */
  get broker(): Broker {
    return this.#brokers[this.#index];
  }

  /** The version to try, or in use. */
  get version(): Version {
    if (this.#wanted !== "auto") return this.#wanted;
    const other = this.#usual === 5 ? 4 : 5;
    return this.#known.get(this.broker) ??
      (this.#fallsBack ? other : this.#usual);
  }

  /** Whether the other version is tried too where this one may be the fault. */
  get canFallBack(): boolean {
    return this.#wanted === "auto" && !this.#fallsBack &&
      !this.#known.has(this.broker);
  }

  /** Takes note that the broker accepted the version. */
  accepted(): void {
    this.#usual = this.version;
    this.#known.set(this.broker, this.#usual);
    this.#fallsBack = false;
    this.#tried = 0;
  }

  /**
   * Moves on after a failure: to the other version where that may help, else
   * to the next broker.
   *
   * @param mayBeVersion Whether the failure can be one of the version.
   * @returns What comes next: the same broker in the other version, the next
   * broker, or the first one again.
   */
  moveOn(mayBeVersion: boolean): "version" | "broker" | "round" {
    this.#fallsBack = mayBeVersion && this.canFallBack;
    if (this.#fallsBack) return "version";
    this.#index = (this.#index + 1) % this.#brokers.length;
    this.#tried = (this.#tried + 1) % this.#brokers.length;
    return this.#tried === 0 ? "round" : "broker";
  }

  /**
   * Moves on as {@link moveOn} does, and says when to try what comes next.
   *
   * @param random A number from 0 to 1, as `Math.random` gives.
   * @returns Milliseconds.
   */
  retryAfter(mayBeVersion: boolean, random: number): number {
    const next = this.moveOn(mayBeVersion);
    if (next === "version") return OTHERWISE_MS;
    const delay = retryDelay(this.#rounds, random);
    // A round over all brokers is one failure: one of them may be there.
    if (next === "round") this.#rounds++;
    return delay;
  }

  /** A connection was lost that stood for so long, in milliseconds. */
  stood(milliseconds: number): void {
    if (milliseconds >= STABLE_MS) this.#rounds = 0;
  }
}

/**
 * A version as people know it.
 *
 * @param version Its number on the wire.
 * @returns Such as `MQTT 3.1.1`.
 */
export function versionName(version: Version): string {
  return version === 5 ? "MQTT 5" : "MQTT 3.1.1";
}

/** A connection that stood so long, in milliseconds, is taken for stable. */
const STABLE_MS = 2_000;

/** The wait before the same broker is tried otherwise, in milliseconds. */
export const OTHERWISE_MS = 50;

/** The first wait, in seconds. */
const FIRST_SECONDS = 1;

/** The longest wait, in seconds. */
const LONGEST_SECONDS = 120;

/**
 * How long to wait before a reconnect: 1 s, doubling to 120 s, less up to a
 * quarter, so that the clients of a broker that comes back don't all come in
 * the same moment.
 *
 * @param failures How many attempts have failed since the connection was
 * lost.
 * @param random A number from 0 to 1, as `Math.random` gives.
 * @returns Milliseconds.
 */
export function retryDelay(failures: number, random: number): number {
  const seconds = Math.min(FIRST_SECONDS * 2 ** failures, LONGEST_SECONDS);
  return Math.round(seconds * 1000 * (1 - random / 4));
}
