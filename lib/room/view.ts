/**
 * What a reader sees of rooms. `line.ts` and `json.ts` say how a line looks.
 */

import { DEFAULTS } from "../client_options.ts";
import type { Received } from "../protocol.ts";
import { firstCodePoints, safeName, safeText } from "../safe_text.ts";
import { type Clock, SYSTEM_CLOCK } from "../timer.ts";
import { type Gathered, Gatherer } from "./gather.ts";
import { renderJson, renderJsonNote } from "./json.ts";
import {
  isOwn,
  isUnread,
  type LineOptions,
  mentionOf,
  type Note,
  renderDay,
  renderGathered,
  renderLine,
  renderNote,
  renderUnread,
} from "./line.ts";
import type { Verdict } from "./names.ts";
import { age, isSameDay, LATE_MS } from "./time.ts";

/** How a room is viewed. */
export interface ViewOptions extends Omit<LineOptions, "mention"> {
  /** Whether to write JSON lines; then nothing is gathered, and no bell rings. */
  json: boolean;
  /** Whether a line that mentions the reader begins with BEL. */
  bell?: boolean;
  /**
   * Whether many joins and leaves share a line; then
   * {@link RoomView.endGathering} must be called at the end.
   */
  gather?: boolean;
  /**
   * Show only messages of others, or only those that mention the reader.
   * Messages under the default name are shown, since many users have it.
   */
  only?: "messages" | "mentions";
  /** Takes the `==` lines, plain, in place of `write`. */
  writeNote?: (line: string, tellsLoss: boolean) => void;
  /** Takes the lines that a pipe would get, without what was said before. */
  log?: (line: string) => void;
  /** When an author last said something, in milliseconds since 1970. */
  spokeAt?: (name: string) => number | undefined;
  /** Takes a line. */
  write: (line: string) => void;
  clock?: Clock;
}

const BEL = "\x07";

/** How an OSC sequence begins, which BEL ends. */
const OSC = "\x1b]";

/** The most code points of a message in a notification. */
const MAX_NOTIFIED = 200;

/** The shortest time between two rings, in milliseconds. */
const BELL_PAUSE_MS = 2_000;

/** Shows what arrives. */
export class RoomView {
  readonly #options: ViewOptions;
  readonly #clock: Clock;
  #line: LineOptions;
  readonly #gatherer: Gatherer;
  #gathersPeople: boolean;
  /** The time of the last line, if there was one. */
  #last?: Date;
  #rangAt = -Infinity;
  /** How many messages came that the session kept, while they come. */
  #missed?: number;
  readonly #log?: RoomView;
  /** Whether entries of a history are of before this reader came. */
  #isBefore = false;

  constructor(options: ViewOptions) {
    const { json, gather = false, clock = SYSTEM_CLOCK } = options;
    const { spokeAt = () => undefined, log } = options;
    this.#options = options;
    this.#log = log && new RoomView({
      ...options,
      ...{ color: false, multiline: false, bell: false, gather: false },
      write: log,
      log: undefined,
    });
    this.#clock = clock;
    this.#line = readBy(options);
    this.#gathersPeople = gather && !json;
    this.#gatherer = new Gatherer({
      spokeAt,
      clock,
      show: (gathered) => this.#showGathered(gathered),
    });
  }

  /** The reader has another name from now on. */
  rename(self: string): void {
    this.#line = readBy({ ...this.#line, self });
  }

  /**
   * Shows what arrived. Returns whether it has a line, or will share one; of
   * sealed payloads in one line only the first has.
   */
  show(received: Received, verdict?: Verdict): boolean {
    this.#log?.show(received, verdict);
    const { payload, topic, receivedAt } = received;
    const { at } = "from" in payload ? payload : {};
    const isKept = this.#missed !== undefined;
    const { json, writeNote } = this.#options;
    const isWanted = this.#isWanted(received, verdict);
    if (isWanted && isKept && payload.type !== "notice") this.#missed!++;
    const isClosed = payload.type === "sealed" && payload.reason === undefined;
    if (isClosed && (!json || writeNote !== undefined)) {
      return this.#gatherer.addSealed(topic) && isWanted;
    }
    if (!isWanted) {
      if (isUnread(received)) {
        const line = renderUnread(received, { ...this.#line, color: false });
        writeNote?.(line, payload.type === "malformed");
      }
      return false;
    }
    const isLate = isKept || age(at, receivedAt) > LATE_MS;
    const mark = verdict?.mark;
    const mayGather = this.#gathersPeople && mark === undefined;
    if (mayGather && this.#holdsBack(received, isLate)) return true;
    const line = json
      ? renderJson(received, verdict)
      : renderLine(received, this.#line, isLate, mark);
    const rings = mark === undefined && this.#rings(received);
    this.#write(rings ? alarm(received) + line : line, receivedAt);
    return true;
  }

  /** Shows an entry of a history, with the time it was sent at. */
  showKept(received: Received, time: Date, verdict?: Verdict): void {
    if (!this.#isWanted(received, verdict)) return;
    if (!this.#isBefore) this.#log?.showKept(received, time, verdict);
    this.showGathered();
    const line = this.#options.json
      ? renderJson(received, verdict, true)
      : renderLine(
        { ...received, receivedAt: time },
        this.#line,
        false,
        verdict?.mark,
      );
    this.#write(line, time);
  }

  /** Counts messages from now on: the broker stored them in the session. */
  beginMissed(): void {
    this.#missed = 0;
    this.#log?.beginMissed();
  }

  /** Shows how many stored messages came. */
  endMissed(): void {
    if (this.#missed === undefined) return;
    this.#log?.endMissed();
    this.#show({ type: "missed", count: this.#missed });
    this.#missed = undefined;
  }

  /** Shows the joins and leaves that are held back. */
  showGathered(): void {
    this.#gatherer.showPeople();
  }

  /** Shows all that is held back; joins and leaves are not from now on. */
  endGathering(): void {
    this.#gathersPeople = false;
    this.#gatherer.stop();
    this.#log?.endGathering();
  }

  /** Shows a line of our own, with the time of what follows it, or now. */
  note(note: Note, time = this.#now()): void {
    const { type } = note;
    if (type === "history") this.#isBefore = note.count > 0;
    else if (type === "now") this.#isBefore = false;
    else this.#log?.note(note);
    this.#show(note, time);
  }

  #show(note: Note, now = this.#now()): void {
    this.showGathered();
    const { writeNote, formatTime } = this.#options;
    if (writeNote === undefined) {
      return this.#write(noteLine(note, now, this.#options), now);
    }
    writeNote(
      renderNote(note, now, { color: false, formatTime }),
      isLoss(note),
    );
  }

  #showGathered(gathered: Gathered): void {
    const now = this.#now();
    const { writeNote } = this.#options;
    const isOurs = gathered.type === "sealed";
    const color = this.#line.color && !(isOurs && writeNote !== undefined);
    const line = renderGathered(gathered, now, { ...this.#line, color });
    if (!isOurs) this.#write(line, now);
    else if (writeNote === undefined) this.#writeOnDay(line, now);
    else writeNote(line, false);
  }

  /** Writes a line, after the sealed payloads before it. */
  #write(line: string, time: Date): void {
    this.#gatherer.endSealed();
    this.#writeOnDay(line, time);
  }

  /** Writes a line, after that of its day where this is a new one. */
  #writeOnDay(line: string, time: Date): void {
    const { json, write, writeNote } = this.#options;
    const isNewDay = this.#last !== undefined && !isSameDay(this.#last, time);
    this.#last = time;
    if (isNewDay && writeNote !== undefined) {
      writeNote(renderDay(time, { ...this.#line, color: false }), false);
    } else if (isNewDay && !json) write(renderDay(time, this.#line));
    write(line);
  }

  /** Holds a notice back, or shows those that must come before what arrived. */
  #holdsBack(received: Received, isLate: boolean): boolean {
    const { payload, topic, retain, sealed } = received;
    if (!("from" in payload) || sealed === false) return false;
    const isNews = !retain && !isLate && !isOwn(received, this.#line);
    if (isNews && this.#gatherer.hold(received)) return true;
    if (this.#gatherer.holds(topic, payload.from)) this.showGathered();
    return false;
  }

  /** Whether to ring: at a mention, at most once in two seconds. */
  #rings(received: Received): boolean {
    const { json, bell } = this.#options;
    if (!bell || json || !this.#mentions(received)) return false;
    const now = this.#clock.monotonic();
    if (now - this.#rangAt < BELL_PAUSE_MS) return false;
    this.#rangAt = now;
    return true;
  }

  /** Whether another member mentions the reader. */
  #mentions(received: Received): boolean {
    const { payload, sealed } = received;
    if (payload.type !== "message" || sealed === false) return false;
    if (isOwn(received, this.#line)) return false;
    return this.#line.mention?.isIn(safeText(payload.message)) ?? false;
  }

  /** Whether {@link ViewOptions.only} lets it through. */
  #isWanted(received: Received, verdict?: Verdict): boolean {
    const { only } = this.#options;
    if (only === undefined) return true;
    if (only === "mentions") {
      return verdict?.mark === undefined && this.#mentions(received);
    }
    const { self } = this.#line;
    return received.payload.type === "message" &&
      (self === DEFAULTS.username || !isOwn(received, this.#line));
  }

  #now(): Date {
    return new Date(this.#clock.wall());
  }
}

/** With the reader's name found in what others say. */
function readBy(options: LineOptions): LineOptions {
  const { self } = options;
  return {
    ...options,
    mention: self === undefined ? undefined : mentionOf(self),
  };
}

/** A line of our own. */
function noteLine(
  note: Note,
  time: Date,
  options: Pick<ViewOptions, "json" | "color" | "formatTime">,
): string {
  return options.json
    ? renderJsonNote(note, time)
    : renderNote(note, time, options);
}

/** Rings, and notifies in both ways that terminals know: OSC 9 and OSC 777. */
function alarm({ payload }: Received): string {
  if (payload.type !== "message") return BEL;
  const author = safeName(payload.from).replaceAll(";", ",");
  const text = firstCodePoints(safeText(payload.message), MAX_NOTIFIED);
  return `${BEL}${OSC}9;${author}: ${text}${BEL}` +
    `${OSC}777;notify;${author};${text}${BEL}`;
}

/** Whether a note says that messages are missing, or may be. */
function isLoss(note: Note): boolean {
  switch (note.type) {
    case "gap":
      return note.mayMiss || note.mayMissQoS0 === true;
    case "fetched":
      return note.mayMiss;
    case "lost":
    case "uncounted":
    case "dropped":
      return true;
    case "history":
    case "now":
    case "missed":
    case "another":
    case "forgotten":
    case "unchecked":
      return false;
  }
}

/** The line in place of lines that an output was too slow for. */
export function droppedLine(
  count: number,
  options: Pick<ViewOptions, "json" | "color">,
): string {
  return noteLine({ type: "dropped", count }, new Date(), options);
}
