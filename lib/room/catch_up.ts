/**
 * Catches up with a room: shows what a keeper has from before the reader joined,
 * from a gap, or of what did not arrive.
 *
 * @module
 */

import type { ChatClient } from "../client.ts";
import {
  historyTopic,
  type Payload,
  type QoS,
  type Received,
} from "../protocol.ts";
import { type Clock, within } from "../timer.ts";
import {
  decodeHistory,
  type Entry,
  type History,
  keyOf,
  newest,
  RACE_MS,
  READ_MS,
  replacedByOlder,
  twinsOf,
} from "./history.ts";
import type { Ignored } from "./ignored.ts";
import type { Note } from "./line.ts";
import type { Losses } from "./losses.ts";
import { presenceOf, type Roster } from "./members.ts";
import type { Names, Verdict } from "./names.ts";
import type { Presence } from "./presence.ts";
import { age, STALE_MS } from "./time.ts";
import type { RoomView } from "./view.ts";

export interface CatchUpOptions {
  room: string;
  /** The QoS of the history. */
  qos: QoS;
  /** How many messages from before the reader joined are shown. */
  history: number;
  /** Whether the output is JSON, which marks each message of a history. */
  json: boolean;
  /** Whether to say that there is no history. */
  tellsNone?: boolean;
  /** Authors whose messages are not shown. */
  ignored?: Ignored;
  /** Whether this client announces itself in the room. */
  announce: boolean;
  /** Whether this client keeps the room, and the history stays joined. */
  keeps?: boolean;
  /** How long a keeper has to show that it was there, in seconds. */
  timeout: number;
  warn: (sentence: string) => void;
  clock: Clock;
}

/** What catching up works on. */
export interface CatchUpParts {
  view: RoomView;
  roster: Roster;
  names: Names;
  losses: Losses;
  presence: Presence;
  /** Takes what was held back. */
  take: (received: Received) => void;
}

type Gap = Extract<Note, { type: "gap" }>;

/** The most that is held back while a history is on its way. */
const MAX_HELD = 1_000;

/** How long until a keeper has written what came right before, with delays. */
const WRITTEN_MS = 1_500;

/** What was received lately that a history may have, too. */
const MAX_KNOWN = 2_048;

/** A history that was written longer ago, in milliseconds, says when. */
const OLD_MS = 60_000;

/** A history as it arrived. */
interface Arrival {
  received: Received;
  history: History;
}

/** A task that reads histories. */
interface Task {
  /** Histories that were not looked at, or what is wrong with them. */
  arrived: (Arrival | string)[];
  /** Ends the wait for the next. */
  wake: () => void;
  done: Promise<void>;
}

/** Catches up with a room. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #parts: CatchUpParts;
  readonly #clock: Clock;
  readonly #topic: string;
  #client?: ChatClient;
  /** What arrived while it is not known what comes before it. */
  #held?: Received[] = [];
  /** When what has an id was received, or was in a history; the oldest first. */
  readonly #known = new Map<string, number>();
  /** The same where it has no id. */
  #plain: Entry[] = [];
  /** What was known when the connection was lost. */
  #knownBefore = new Map<string, number>();
  #connectedAt = new Date(0);
  /** What reads histories now; another one gives up. */
  #task?: Task;
  /** The gap that is not reported yet. */
  #gap?: { note: Gap; isRenewed: boolean };
  /** What was fetched of it, and the history that it is from. */
  readonly #fetched: Entry[] = [];
  #fetchedFrom?: Received;
  /** How many messages from before may still be shown. */
  #left: number;
  /** Whether messages from before were shown, or what is wrong with them. */
  #hasBegun = false;
  #hasHistory = false;
  #newestAt = 0;
  readonly #verdicts = new WeakMap<Entry, Verdict>();
  #isRefusalTold = false;

  constructor(options: CatchUpOptions, parts: CatchUpParts) {
    const { clock, history, room } = options;
    this.#options = options;
    this.#parts = parts;
    this.#clock = clock;
    this.#topic = historyTopic(room);
    this.#left = history;
  }

  /** Shows what was said before; the room is subscribed to. */
  begin(client: ChatClient): void {
    this.#client = client;
    this.#start((task) => this.#showBefore(client, task));
  }

  /** Whether what arrives now is held back. */
  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** Whether what arrived is held back, to be taken later. */
  holds(received: Received): boolean {
    if (this.#held === undefined) return false;
    this.#held.push(received);
    if (this.#held.length >= MAX_HELD) this.#release();
    return true;
  }

  /** Records what is shown. */
  note({ payload, receivedAt, sealed }: Received): void {
    if (sealed === false || !("from" in payload)) return;
    this.#know({ payload, time: Number(receivedAt) });
  }

  /** Takes what arrived on the topic of the history. */
  receive(received: Received): void {
    const task = this.#task;
    if (task === undefined) return;
    const history = decodeHistory(received);
    if (typeof history === "string") task.arrived.push(history);
    else {
      const { at = Infinity } = history;
      if (at < this.#newestAt - RACE_MS) return this.#refuse();
      if (at !== Infinity) this.#newestAt = Math.max(this.#newestAt, at);
      this.#hasHistory = true;
      task.arrived.push({ received, history });
    }
    task.wake();
  }

  /** The connection is lost. */
  lost(): void {
    if (this.#client !== undefined) this.stop();
    this.#knownBefore = new Map(this.#known);
  }

  /** There is a connection again. Returns whether the gap is reported later. */
  fillGap(note: Gap, isRenewed: boolean): boolean {
    this.#connectedAt = new Date(this.#clock.wall());
    if (this.#client === undefined) return false;
    this.#gap = { note, isRenewed };
    this.#fetchedFrom = undefined;
    this.#held ??= [];
    return true;
  }

  /** The room is subscribed to, maybe again. */
  joined(): void {
    const client = this.#client;
    if (client === undefined || this.#gap === undefined) return;
    this.#start((task) => this.#showGap(client, task));
  }

  /** Fetches what is missing; undefined where no keeper may have it. */
  lookUp(): Promise<void> | undefined {
    const client = this.#client;
    if (!this.#hasHistory || !client?.online) return undefined;
    return this.#task?.done ??
      this.#start((task) => this.#showMissing(client, task));
  }

  /** Shows what is held back, and gives up. */
  stop(): void {
    this.#task?.wake();
    this.#task = undefined;
    this.#reportGap();
    this.#release();
  }

  #start(work: (task: Task) => Promise<void>): Promise<void> {
    this.#task?.wake();
    const task = { arrived: [], wake: () => {}, done: Promise.resolve() };
    this.#task = task;
    return task.done = work(task).then(() => {
      if (this.#task === task) this.stop();
    });
  }

  /**
   * Shows what was said before the reader joined, whatever time it takes to
   * come. What comes live is held back for a moment.
   */
  async #showBefore(client: ChatClient, task: Task): Promise<void> {
    const { announce, timeout, tellsNone } = this.#options;
    const { view, losses } = this.#parts;
    const tellNone = () => {
      if (tellsNone) view.note({ type: "history", count: 0 });
    };
    if (!await this.#join(client)) return tellNone();
    const hold = this.#now() + READ_MS;
    const cancelNone = this.#clock.after(timeout * 1000, tellNone);
    let isHeld = true;
    let end = Infinity;
    let latest: Arrival | string | undefined;
    for (;;) {
      const arrival = await this.#next(task, isHeld ? hold : end);
      if (task !== this.#task || (arrival === undefined && !isHeld)) break;
      if (arrival === undefined) isHeld = false;
      else if (end === Infinity && !this.#isFromBefore(arrival)) continue;
      else latest = arrival;
      if (latest !== undefined) {
        const isLast = this.#hasOwnJoin(latest);
        // It comes again in a moment, with what was said right before.
        if (announce && isHeld && !isLast) continue;
        cancelNone();
        this.#insert(latest);
        if (isLast) losses.countFromHistory(this.#options.room);
        if (isLast) break;
        latest = undefined;
        isHeld = false;
        if (end === Infinity) end = this.#now() + WRITTEN_MS;
      }
      this.#release();
    }
    cancelNone();
    if (task === this.#task) this.#leave(client);
  }

  /** Reports a gap, and shows what was said in it. */
  async #showGap(client: ChatClient, task: Task): Promise<void> {
    const { announce, timeout } = this.#options;
    const { view } = this.#parts;
    const canBeWhole = announce && !this.#gap!.isRenewed;
    if (!await this.#join(client)) return;
    const start = this.#now();
    const end = start + Math.max(WRITTEN_MS, canBeWhole ? timeout * 1000 : 0);
    let hold = start + (this.#hasHistory ? WRITTEN_MS : READ_MS);
    for (;;) {
      const isReported = this.#gap === undefined;
      const arrival = await this.#next(task, isReported ? end : hold);
      if (task !== this.#task) return;
      let isWhole = false;
      if (typeof arrival === "object") {
        hold = start + WRITTEN_MS;
        isWhole = canBeWhole && this.#isWhole(arrival);
        this.#fetchedFrom = arrival.received;
        this.#fetched.push(...this.#freshIn(arrival, this.#knownBefore));
      }
      if (!isReported && (isWhole || arrival === undefined)) {
        this.#reportGap(isWhole);
        this.#release();
      } else if (isReported && (isWhole || this.#fetched.length > 0)) {
        const count = messagesIn(this.#fetched);
        view.note({ type: "fetched", count, mayMiss: !isWhole });
        this.#show(this.#fetched.splice(0), this.#fetchedFrom);
      }
      if (isWhole || (arrival === undefined && this.#now() >= end)) break;
    }
    this.#leave(client);
  }

  /** Shows what did not arrive otherwise. */
  async #showMissing(client: ChatClient, task: Task): Promise<void> {
    if (!await this.#join(client)) return;
    const arrival = await this.#next(task, this.#now() + READ_MS);
    if (task !== this.#task) return;
    if (typeof arrival === "object") {
      this.#show(this.#freshIn(arrival, this.#known), arrival.received);
    }
    this.#leave(client);
  }

  /** Subscribes to the history; returns whether it may be read. */
  async #join(client: ChatClient): Promise<boolean> {
    const { qos } = this.#options;
    try {
      const [grant] = await client.join([this.#topic], qos, true);
      return grant.qos !== undefined;
    } catch {
      return false; // The client is closed, or its connection lost for good.
    }
  }

  #leave(client: ChatClient): void {
    // The answer is not waited for: it may not come.
    if (!this.#options.keeps) client.leave([this.#topic]).catch(() => {});
  }

  /** The next history; undefined when it is too late, or the task is over. */
  async #next(
    task: Task,
    until: number,
  ): Promise<Arrival | string | undefined> {
    while (this.#task === task) {
      const arrival = task.arrived.shift();
      if (arrival !== undefined) return arrival;
      const left = until - this.#now();
      if (left <= 0) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      task.wake = resolve;
      if (left === Infinity) await promise;
      else await within(left / 1000, promise, this.#clock);
    }
  }

  /** Whether the keeper was there after the reader joined on this connection. */
  #hasOwnJoin(arrival: Arrival | string): boolean {
    const joinId = this.#parts.presence.joinIdIn(this.#options.room);
    return joinId !== undefined && typeof arrival === "object" &&
      arrival.history.heard.includes(joinId);
  }

  /** Whether a history may say what was said before the reader joined. */
  #isFromBefore(arrival: Arrival | string): boolean {
    return typeof arrival === "string" || arrival.received.retain ||
      this.#hasOwnJoin(arrival);
  }

  /** Whether nothing is missing since before the gap. */
  #isWhole(arrival: Arrival): boolean {
    return this.#hasOwnJoin(arrival) &&
      newest(arrival.history).some(({ payload }) =>
        payload.id !== undefined && this.#knownBefore.has(keyOf(payload))
      );
  }

  /** Shows the last messages of a history, under a header. */
  #insert(arrival: Arrival | string): void {
    const { json, room } = this.#options;
    const { view } = this.#parts;
    this.#hasBegun = true;
    if (typeof arrival === "string") {
      const problem = `What is kept of this room ${arrival}.`;
      if (!json) view.note({ type: "history", count: 0, problem });
      return;
    }
    const { history, received } = arrival;
    const unknown = this.#unknownIn(history.entries);
    const wanted = unknown.filter(({ payload }) =>
      // What became of members is in `here`.
      this.#isWanted(payload) &&
      (payload.type === "message" || presenceOf(payload, room) === undefined)
    );
    const shown = wanted.slice(Math.max(0, wanted.length - this.#left))
      .filter((entry) => this.#isNew(entry));
    this.#left -= shown.length;
    for (const entry of unknown) this.#know(entry);
    this.#parts.roster.noteHere(history.here, received.receivedAt);
    const isFramed = !json && shown.length > 0;
    if (isFramed) {
      const { at } = history;
      const isOld = at !== undefined && !this.#hasOwnJoin(arrival) &&
        this.#clock.wall() - at > OLD_MS;
      const until = isOld ? new Date(at) : undefined;
      view.note({ type: "history", count: shown.length, until });
    }
    this.#show(shown, received);
    if (isFramed) view.note({ type: "now" });
  }

  /** What of a history is to be shown, behind the first that is known. */
  #freshIn(
    { history, received }: Arrival,
    before: Map<string, number>,
  ): Entry[] {
    const { history: most } = this.#options;
    const { roster } = this.#parts;
    const first = history.entries.findIndex(({ payload }) =>
      payload.id !== undefined && before.has(keyOf(payload))
    );
    const unknown = this.#unknownIn(history.entries.slice(Math.max(0, first)));
    for (const entry of unknown) this.#know(entry);
    roster.noteHere(history.here, received.receivedAt);
    const isAll = first >= 0 || this.#hasBegun;
    this.#hasBegun = true;
    return unknown.slice(isAll ? 0 : -most).filter((entry) =>
      this.#isWanted(entry.payload) && this.#isNew(entry)
    );
  }

  #isNew(entry: Entry): boolean {
    const { key, mark } = this.#judge(entry);
    const { room } = this.#options;
    const { losses } = this.#parts;
    return losses.isNewKept(entry.payload, room, key, mark === undefined);
  }

  /** Judges an entry by its signature, once. */
  #judge(entry: Entry): Verdict {
    const { payload, time } = entry;
    const known = this.#verdicts.get(entry);
    if (known !== undefined) return known;
    const isSigned = payload.sig !== undefined || payload.key !== undefined;
    const check = isSigned
      ? this.#client?.check(this.#options.room, payload)
      : "none";
    const verdict = this.#parts.names.judge(payload, check, time);
    this.#verdicts.set(entry, verdict);
    return verdict;
  }

  #isWanted({ from }: Payload): boolean {
    return !this.#options.ignored?.has(from);
  }

  /** What was neither received nor seen in a history. */
  #unknownIn(entries: Entry[]): Entry[] {
    const known = new Map(this.#known);
    const mine = [...this.#plain];
    for (const { payload, receivedAt, sealed } of this.#held ?? []) {
      if (!("from" in payload) || sealed === false) continue;
      const time = Number(receivedAt);
      if (payload.id === undefined) mine.push({ payload, time });
      else known.set(keyOf(payload), time);
    }
    for (const { payload } of entries) {
      if (payload.id === undefined) continue;
      const time = known.get(keyOf(payload));
      if (time !== undefined) mine.push({ payload, time });
    }
    const twins = twinsOf(mine, entries);
    return entries.filter((entry) => !twins.has(entry));
  }

  #know({ payload, time }: Entry): void {
    if (payload.id === undefined) {
      if (this.#plain.push({ payload, time }) > MAX_KNOWN) this.#plain.shift();
      return;
    }
    const known = this.#known;
    if (known.size >= MAX_KNOWN) {
      const [oldest] = known.keys();
      known.delete(oldest);
    }
    known.set(keyOf(payload), time);
  }

  #show(entries: Entry[], from: Received | undefined): void {
    if (from === undefined) return;
    const { view, roster } = this.#parts;
    const { room } = this.#options;
    const { sentTo: _, historyOf: __, ...rest } = from;
    for (const entry of entries) {
      const { payload, time } = entry;
      const verdict = this.#judge(entry);
      const date = new Date(time);
      const { at = date.toISOString() } = payload;
      const received = { ...rest, topic: room, payload: { ...payload, at } };
      view.showKept({ ...received, retain: false }, date, verdict);
      const isOld = age(at, from.receivedAt) > STALE_MS ||
        Number(from.receivedAt) - time > STALE_MS;
      if (verdict.mark !== undefined || isOld) continue;
      roster.noteKept(payload, room, date, this.#connectedAt);
    }
  }

  /** Reports the gap, unless that is done, and shows what was fetched of it. */
  #reportGap(isWhole = false): void {
    if (this.#gap === undefined) return;
    const { note } = this.#gap;
    this.#gap = undefined;
    const fetched = messagesIn(this.#fetched);
    const known = { mayMiss: !isWhole, mayMissQoS0: false, fetched };
    this.#parts.view.note({ ...note, ...this.#fetchedFrom && known });
    this.#show(this.#fetched.splice(0), this.#fetchedFrom);
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    held.forEach(this.#parts.take);
  }

  #refuse(): void {
    const { room, warn } = this.#options;
    if (!this.#isRefusalTold) warn(replacedByOlder(room));
    this.#isRefusalTold = true;
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}

/** How many entries are messages. */
function messagesIn(entries: Entry[]): number {
  return entries.filter(({ payload }) => payload.type === "message").length;
}
