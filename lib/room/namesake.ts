/**
 * Whose something is that bears the reader's name, where the client knows by the
 * id what it sent itself: the reader's, a namesake's, or nobody knows. Pure
 * state.
 *
 * @module
 */

import { newNameIn } from "./members.ts";
import type { Received } from "../protocol.ts";
import { presenceOf } from "./members.ts";

/** Whose it is. */
export type Owner = "reader" | "namesake" | "other" | "unclear";

/** Tells namesakes apart. */
export class Namesakes {
  #name: string;
  #isKnown = false;
  /** Whether the broker may have told of the loss of our connection. */
  #hasWill = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** From now on the reader has another name. */
  rename(name: string): void {
    this.#name = name;
    this.#isKnown = false;
  }

  /** The reader's connection was lost. */
  lost(): void {
    this.#hasWill = true;
  }

  /**
   * Whose it is.
   *
   * @param received What arrived.
   * @param isKept Whether it was kept for us since another run.
   */
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
    // A will has no id, whoever's it is.
    if (!isTimeout || !this.#hasWill) return "namesake";
    this.#hasWill = false;
    return "unclear";
  }

  /** Whether it shows that a namesake is there, for the first time. */
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
