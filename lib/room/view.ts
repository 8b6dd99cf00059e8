/**
 * What arrives in rooms → the lines a reader sees: late messages and those of
 * a history with their time, and a line of our own wherever something may be
 * missing. Owns what is shown; `line.ts` and `json.ts` own how it looks.
 *
 * @module
 */

import { Crowds } from "./crowd.ts";
import { age, DayWatch, LATE_MS } from "./time.ts";
import { Bell, mentionOf } from "./mention.ts";
import { renderJson, renderJsonNote } from "./json.ts";
import {
  isOwn,
  type LineOptions,
  type Note,
  renderCrowd,
  renderDay,
  renderLine,
  renderNote,
  renderRun,
} from "./line.ts";
import type { Received } from "../protocol.ts";
import { safeText } from "../safe_text.ts";
import { type Run, SealedRun } from "./sealed_run.ts";
import { DueTimer, type Wait } from "../timer.ts";

/** How a room is viewed. */
export interface ViewOptions extends Omit<LineOptions, "mention"> {
  /** Whether to write JSON lines. */
  json: boolean;
  /** Whether a line that mentions the reader begins with BEL; not in JSON. */
  bell?: boolean;
  /**
   * Whether to tell of many who come and go in one line; not in JSON. Then
   * {@link RoomView.endGathering} must be called at the end.
   */
  gather?: boolean;
  /** When somebody last said something, in milliseconds, for gathering. */
  spokeAt?: (name: string) => number | undefined;
  /** Takes a line. */
  write: (line: string) => void;
  /** The clock. */
  now: () => Date;
  /** For tests. */
  wait?: Wait;
}

/** What has a terminal ring, in front of the line. */
const BEL = "\x07";

/** Shows what arrives. */
export class RoomView {
  readonly #options: ViewOptions;
  #line: LineOptions;
  readonly #sealedRun = new SealedRun();
  readonly #runTimer: DueTimer;
  readonly #days = new DayWatch();
  readonly #bell?: Bell;
  /** What holds notices back, while any may be. */
  #crowds?: Crowds;
  readonly #crowdTimer: DueTimer;
  /** How many messages came that were kept for us, as long as they come. */
  #missed?: number;

  constructor(options: ViewOptions) {
    const { json, bell, gather, spokeAt = () => undefined } = options;
    this.#options = options;
    const now = () => Number(options.now());
    this.#runTimer = new DueTimer(
      () => this.#sealedRun.wait(now()),
      () => this.#tellRun(this.#sealedRun.take()),
      options.wait,
    );
    this.#crowdTimer = new DueTimer(
      () => this.#crowds?.wait(now()),
      () => this.#tell(now()),
      options.wait,
    );
    this.#line = readBy(options);
    if (bell && !json) this.#bell = new Bell();
    if (gather && !json) this.#crowds = new Crowds(spokeAt);
  }

  /** From now on the reader has another name. */
  rename(self: string): void {
    this.#line = readBy({ ...this.#line, self });
  }

  /**
   * Shows what arrived.
   *
   * @returns Whether it was shown, or will be with others in one line; of a run
   * of sealed payloads only the first.
   */
  show(received: Received): boolean {
    const { payload, topic, receivedAt } = received;
    const { at } = "from" in payload ? payload : {};
    if (this.#missed !== undefined && payload.type !== "notice") {
      this.#missed++;
    }
    const isLate = this.#missed !== undefined || age(at, receivedAt) > LATE_MS;
    const isClosed = payload.type === "sealed" && payload.reason === undefined;
    if (isClosed && !this.#options.json) return this.#addToRun(topic);
    const isHeldBack = this.#crowds !== undefined &&
      this.#holdsBack(received, this.#crowds, isLate);
    if (!isHeldBack) this.#showLine(received, isLate);
    return true;
  }

  /**
   * Shows what a keeper had, with the time it was sent at.
   *
   * @param received It, as if it had arrived now.
   * @param time When it was sent, by the keeper.
   */
  showKept(received: Received, time: Date): void {
    this.showGathered();
    const line = this.#options.json
      ? renderJson(received, true)
      : renderLine({ ...received, receivedAt: time }, this.#line);
    this.#write(line, time);
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

  /** Shows what is held back. */
  showGathered(): void {
    this.#tell();
  }

  /** Shows what is held back, and holds nothing back any more. */
  endGathering(): void {
    this.showGathered();
    this.#crowdTimer.stop();
    this.#crowds = undefined;
    this.#endRun();
  }

  /** Shows a line of our own. */
  note(note: Note): void {
    this.showGathered();
    const now = this.#options.now();
    this.#write(noteLine(note, now, this.#options), now);
  }

  #showLine(received: Received, isLate: boolean): void {
    const { receivedAt } = received;
    const line = this.#options.json
      ? renderJson(received)
      : renderLine(received, this.#line, isLate);
    this.#write(this.#rings(received) ? BEL + line : line, receivedAt);
  }

  /** Writes a line, after what is held back of a run that it ends. */
  #write(line: string, time: Date): void {
    this.#endRun();
    this.#writeOnDay(line, time);
  }

  /** Writes a line, after that of its day where this is a new one. */
  #writeOnDay(line: string, time: Date): void {
    const { json, write } = this.#options;
    if (!json && this.#days.isNewDay(time)) write(renderDay(time, this.#line));
    write(line);
  }

  /** Whether the bell rings for what somebody says. */
  #rings(received: Received): boolean {
    const { payload, sealed } = received;
    const { mention } = this.#line;
    if (this.#bell === undefined || mention === undefined) return false;
    if (sealed === false) return false;
    return payload.type === "message" && !isOwn(received, this.#line) &&
      mention.isIn(safeText(payload.message)) &&
      this.#bell.rings(this.#options.now());
  }

  /** Holds a notice back, or shows those that must come before what arrived. */
  #holdsBack(received: Received, crowds: Crowds, isLate: boolean): boolean {
    const { payload, topic, retain, sealed } = received;
    if (!("from" in payload) || sealed === false) return false;
    const { now } = this.#options;
    const { from } = payload;
    const isNews = payload.type === "notice" && !retain && !isLate &&
      !isOwn(received, this.#line);
    if (isNews && crowds.gather(received, Number(now()))) {
      if (crowds.isFull) this.#tell();
      else this.#crowdTimer.start();
      return true;
    }
    if (crowds.holds(topic, from)) this.#tell();
    return false;
  }

  /** Counts a sealed payload; tells of it when its run is due. */
  #addToRun(topic: string): boolean {
    const isFirst = this.#sealedRun.add(topic, Number(this.#options.now()));
    this.#runTimer.start();
    return isFirst;
  }

  #endRun(): void {
    this.#runTimer.stop();
    this.#tellRun(this.#sealedRun.end());
  }

  #tellRun(run: Run | undefined): void {
    if (run === undefined) return;
    const now = this.#options.now();
    this.#writeOnDay(renderRun(run, now, this.#line), now);
  }

  /** Tells of the crowds that are due; without a time, of all. */
  #tell(at?: number): void {
    for (const crowd of this.#crowds?.take(at) ?? []) {
      const now = this.#options.now();
      this.#write(renderCrowd(crowd, now, this.#line), now);
    }
  }
}

/** How lines are shown to a reader: with the name found in what others say. */
function readBy(options: LineOptions): LineOptions {
  const { self } = options;
  return {
    ...options,
    mention: self === undefined ? undefined : mentionOf(self),
  };
}

/** A line of our own. */
export function noteLine(
  note: Note,
  time: Date,
  options: Pick<ViewOptions, "json" | "color" | "formatTime">,
): string {
  return options.json
    ? renderJsonNote(note, time)
    : renderNote(note, time, options);
}

/**
 * The line to write in place of lines that an output was too slow for.
 *
 * @param count How many lines.
 * @param options How the lines were shown.
 * @returns The line, without a line break.
 */
export function droppedLine(
  count: number,
  options: Pick<ViewOptions, "json" | "color">,
): string {
  return noteLine({ type: "dropped", count }, new Date(), options);
}
