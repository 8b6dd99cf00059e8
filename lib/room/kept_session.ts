/**
 * What it means for a reader that the broker may keep its session: what was kept
 * between two runs comes first, a lost connection may have cost nothing, and
 * what comes after the last line is kept no longer.
 *
 * @module
 */

import type { Status } from "../client.ts";
import type { QoS } from "../protocol.ts";
import { waitFor } from "../timer.ts";
import type { RoomView } from "./view.ts";

/** What a session is kept for. */
export interface KeptSessionOptions {
  /** Whether the broker kept messages between two runs. */
  resume: boolean;
  /** Takes a sentence for whoever reads. */
  warn: (sentence: string) => void;
  /** Where it is told how many there were. */
  view: Pick<RoomView, "beginMissed" | "endMissed">;
}

type Connected = Extract<Status, { type: "connected" }>;

/** How long no kept message came, in milliseconds, when all have come. */
const PAUSE_MS = 2_000;

/** The session of a reader. */
export class KeptSession {
  readonly #options: KeptSessionOptions;
  /** The QoS that the broker grants, by topic filter. */
  readonly #granted = new Map<string, QoS>();
  #callOff?: () => void;
  #unshown = 0;

  constructor(options: KeptSessionOptions) {
    this.#options = options;
  }

  /** Whether what comes now may have been kept for us. */
  get isComing(): boolean {
    return this.#callOff !== undefined;
  }

  /** Takes note of what the broker grants. */
  granted(topic: string, qos: QoS): void {
    this.#granted.set(topic, qos);
  }

  /** Whether the broker kept all that was sent at QoS 1 or 2 meanwhile. */
  hasKept({ sessionPresent, mayBeShared }: Connected): boolean {
    // It keeps nothing for a subscription at QoS 0, nor what was sent so.
    return sessionPresent && !mayBeShared &&
      [...this.#granted.values()].every((qos) => qos > 0);
  }

  /** The first connection: what comes now may have been kept for us. */
  begin({ sessionPresent }: Connected): void {
    if (!this.#options.resume || !sessionPresent) return;
    this.#options.view.beginMissed();
    this.#awaitPause();
  }

  /** Something came: kept messages come at once, then there is a pause. */
  came(): void {
    if (this.isComing) this.#awaitPause();
  }

  /** All have come, or are waited for no more: says how many. */
  end(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#options.view.endMissed();
  }

  /** Something came after the last line. */
  countUnshown(): void {
    this.#unshown++;
  }

  /** Says what came after the last line, for a session that kept it. */
  warnOfUnshown(): void {
    if (!this.#options.resume || this.#unshown === 0) return;
    this.#options.warn(
      `${this.#unshown} more came before it could end; they are not shown, ` +
        "and no longer kept.",
    );
  }

  #awaitPause(): void {
    this.#callOff?.();
    this.#callOff = waitFor(PAUSE_MS, () => this.end());
  }
}
