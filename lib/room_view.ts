/**
 * What arrives in rooms → the lines a reader sees: nothing twice, late
 * messages with their time, and a line of our own wherever something may be
 * missing. Owns what is shown; how it looks is render's.
 *
 * @module
 */

import type { Received } from "./protocol.ts";
import { type LineOptions, renderJson, renderLine } from "./render.ts";
import { type Note, renderJsonNote, renderNote } from "./notes.ts";
import { SeenIds } from "./seen_ids.ts";

/** How a room is viewed. */
export interface ViewOptions extends Omit<LineOptions, "showSent"> {
  /** Whether to write JSON lines. */
  json: boolean;
  /** Takes a line. */
  write: (line: string) => void;
  /** The clock. */
  now: () => Date;
}

/** A message that took longer, in milliseconds, shows when it was sent. */
const LATE_MS = 30_000;

/** Shows what arrives. */
export class RoomView {
  readonly #options: ViewOptions;
  readonly #seen = new SeenIds();
  /** How many messages came that were sent before us; undefined: not asked. */
  #missed?: number;

  /**
   * Makes it; nothing is shown yet.
   *
   * @param options How to show.
   */
  constructor(options: ViewOptions) {
    this.#options = options;
  }

  /**
   * Shows what arrived, unless it was shown before.
   *
   * @param received What.
   * @returns Whether it was shown.
   */
  show(received: Received): boolean {
    const { payload, topic, receivedAt } = received;
    const { json, write } = this.#options;
    const { id, at } = payload.type === "malformed" ? {} : payload;
    // The same id in another topic is another message.
    if (id !== undefined && !this.#seen.add(`${id} ${topic}`)) return false;
    const age = at === undefined ? 0 : Number(receivedAt) - Date.parse(at);
    const showSent = age > LATE_MS || this.#missed !== undefined;
    if (this.#missed !== undefined) this.#missed++;
    write(
      json
        ? renderJson(received)
        : renderLine(received, { ...this.#options, showSent }),
    );
    return true;
  }

  /** From now on come the messages that a kept session has saved for us. */
  beginMissed(): void {
    this.#missed = 0;
  }

  /** They have all come: says how many. */
  endMissed(): void {
    if (this.#missed === undefined) return;
    this.note({ type: "missed", count: this.#missed });
    this.#missed = undefined;
  }

  /**
   * Shows a line of our own.
   *
   * @param note What it says.
   */
  note(note: Note): void {
    this.#options.write(this.renderNote(note));
  }

  /**
   * A line of our own, for whoever writes it.
   *
   * @param note What it says.
   * @returns The line.
   */
  renderNote(note: Note): string {
    const { json, now } = this.#options;
    return json
      ? renderJsonNote(note, now())
      : renderNote(note, now(), this.#options);
  }
}
