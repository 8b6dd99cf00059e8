/**
 * Whether another client uses the reader's name, where the reader's client knows
 * by the id what it sent itself.
 *
 * @module
 */

import { newNameIn } from "./members.ts";
import type { Received } from "../protocol.ts";
import { presenceOf } from "./members.ts";

/** Which client sent a payload, as far as it is known. */
export type Owner = "reader" | "namesake" | "other" | "unclear";

/** Tells namesakes apart. */
export class Namesakes {
  #name: string;
  #isKnown = false;
  /** Whether the broker may have sent the will of our connection. */
  #hasWill = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** The reader has another name from now on. */
  rename(name: string): void {
    this.#name = name;
    this.#isKnown = false;
  }

  /** The reader's connection was lost. */
  lost(): void {
    this.#hasWill = true;
  }

  /** Which client sent what arrived, perhaps kept by the broker since another run. */
  ownerOf(received: Received, isKept: boolean): Owner {
    const { payload, topic, retain, sentTo } = received;
    if (sentTo !== undefined) return "reader";
    if (!("from" in payload) || payload.from !== this.#name) {
      return "other";
    }
    // The reader was another client then.
    if (retain || isKept) return "unclear";
    const isTimeout = payload.type === "notice" &&
      presenceOf(payload, topic) === "timed out";
    // No will has an id.
    if (!isTimeout || !this.#hasWill) return "namesake";
    this.#hasWill = false;
    return "unclear";
  }

  /** Whether this is the first sign of a namesake. */
  isFirstSign(received: Received, owner: Owner): boolean {
    if (this.#isKnown) return false;
    this.#isKnown = this.#isSign(received, owner);
    return this.#isKnown;
  }

  #isSign({ payload, topic, retain }: Received, owner: Owner): boolean {
    if (!("from" in payload)) return false;
    const isNotice = payload.type === "notice";
    if (owner === "namesake") {
      return !isNotice || presenceOf(payload, topic) === "joined";
    }
    return owner === "other" && isNotice && !retain &&
      newNameIn(payload) === this.#name;
  }
}
