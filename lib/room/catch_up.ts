/**
 * Shows entries of a keeper's history: from before the reader joined, from a gap,
 * and for messages that were lost.
 */

import { remember } from "../bounded.ts";
import type { ChatClient } from "../client.ts";
import {
  historyTopic,
  type Payload,
  presenceOf,
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
import type { Roster } from "./members.ts";
import { isCountable, type Names, type Verdict } from "./names.ts";
import type { Presence } from "./presence.ts";
import { age, STALE_MS } from "./time.ts";
import type { RoomView } from "./view.ts";

interface CatchUpOptions {
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

/** The parts of the reader that catching up uses. */
interface CatchUpParts {
  view: RoomView;
  roster: Roster;
  names: Names;
  losses: Losses;
  presence: Presence;
  /** Takes a message that was held. */
  take: (received: Received) => void;
}

type Gap = Extract<Note, { type: "gap" }>;

/** The most messages held back while a history is on its way. */
const MAX_HELD = 1_000;

/** How long a keeper may take to write the latest messages, with delays. */
const WRITTEN_MS = 1_500;

/** The most payloads remembered that a history may repeat. */
const MAX_KNOWN = 2_048;

/** The header gives the time of a history older than this, in milliseconds. */
const OLD_MS = 60_000;

/** A history as it arrived. */
interface Arrival {
  received: Received;
  history: History;
}

/** A task that reads histories. */
interface Task {
  /** Histories not read yet, or what is wrong with them. */
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
  /** Live messages that wait for the history before them. */
  #held?: Received[] = [];
  /** Times of payloads with an id, live or from a history; the oldest first. */
  readonly #known = new Map<string, number>();
  /** Payloads without an id. */
  #plain: Entry[] = [];
  /** The known ids when the connection was lost. */
  #knownBefore = new Map<string, number>();
  #connectedAt = new Date(0);
  /** The task that reads histories now; an earlier one gives up. */
  #task?: Task;
  /** The gap that is not reported yet. */
  #gap?: { note: Gap; isRenewed: boolean };
  /** Entries fetched for it, and the history that they are from. */
  readonly #fetched: Entry[] = [];
  #fetchedFrom?: Received;
  /** How many messages from before may still be shown. */
  #left: number;
  /** Whether a history was shown, or the reason why it can't be. */
  #hasBegun = false;
  #hasHistory = false;
  #newestAt = 0;
  readonly #verdicts = new WeakMap<Entry, Verdict>();
  #isRefusalReported = false;

  constructor(options: CatchUpOptions, parts: CatchUpParts) {
    const { clock, history, room } = options;
    this.#options = options;
    this.#parts = parts;
    this.#clock = clock;
    this.#topic = historyTopic(room);
    this.#left = history;
  }

  /** Shows the history; the room is subscribed to. */
  begin(client: ChatClient): void {
    this.#client = client;
    this.#start((task) => this.#showBefore(client, task));
  }

  /** Whether live messages are held. */
  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** Holds a message while the history is awaited; returns whether it did. */
  holds(received: Received): boolean {
    if (this.#held === undefined) return false;
    this.#held.push(received);
    if (this.#held.length >= MAX_HELD) this.#release();
    return true;
  }

  /** Records a message that is shown. */
  note({ payload, receivedAt, sealed }: Received): void {
    if (sealed === false || !("from" in payload)) return;
    this.#know({ payload, time: Number(receivedAt) });
  }

  /** Takes a payload of the history's topic. */
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

  /** Takes over the report of a gap; returns false if it can't. */
  fillGap(note: Gap, isRenewed: boolean): boolean {
    this.#connectedAt = new Date(this.#clock.wall());
    if (this.#client === undefined) return false;
    this.#gap = { note, isRenewed };
    this.#fetchedFrom = undefined;
    this.#held ??= [];
    return true;
  }

  /** The room is subscribed to, on each connection. */
  joined(): void {
    const client = this.#client;
    if (client === undefined || this.#gap === undefined) return;
    this.#start((task) => this.#showGap(client, task));
  }

  /** Fetches lost messages; undefined if no keeper may have them. */
  lookUp(): Promise<void> | undefined {
    const client = this.#client;
    if (!this.#hasHistory || !client?.online) return undefined;
    return this.#task?.done ??
      this.#start((task) => this.#showMissing(client, task));
  }

  /** Releases held messages, and ends the task. */
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
   * Shows the history from before the join, whenever it comes. Live messages
   * are held for a moment.
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
        // The keeper writes again soon, with the messages right before the join.
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

  /** Reports a gap, and shows its messages. */
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

  /** Shows lost messages that the history has. */
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
    // Not awaited: the broker may not answer.
    if (!this.#options.keeps) client.leave([this.#topic]).catch(() => {});
  }

  /** The next history; undefined after the time limit, or without the task. */
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

  /** Whether a history may have messages from before the join. */
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
      // Joins and leaves are in `here`.
      this.#isWanted(payload) &&
      (payload.type === "message" || presenceOf(payload, room) === undefined)
    );
    const shown = wanted.slice(Math.max(0, wanted.length - this.#left))
      .filter((entry) => this.#isNew(entry));
    this.#left -= shown.length;
    for (const entry of unknown) this.#know(entry);
    this.#parts.roster.noteHere(history.here, received.receivedAt);
    const isFramed = !json && shown.length > 0;
    // What was held arrived before this.
    const time = this.#held?.at(0)?.receivedAt;
    if (isFramed) {
      const { at } = history;
      const isOld = at !== undefined && !this.#hasOwnJoin(arrival) &&
        this.#clock.wall() - at > OLD_MS;
      const until = isOld ? new Date(at) : undefined;
      view.note({ type: "history", count: shown.length, until }, time);
    }
    this.#show(shown, received);
    if (isFramed) view.note({ type: "now" }, time);
  }

  /** The new entries of a history, after the first known one. */
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
    const verdict = this.#judge(entry);
    const { room } = this.#options;
    const { losses } = this.#parts;
    const counts = isCountable(verdict);
    return losses.isNewKept(entry.payload, room, verdict.key, counts);
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

  /** The entries neither received nor seen in a history. */
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
    remember(this.#known, keyOf(payload), time, MAX_KNOWN);
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

  /** Reports the gap, unless that is done, and shows the fetched entries. */
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
    if (!this.#isRefusalReported) warn(replacedByOlder(room));
    this.#isRefusalReported = true;
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}

/** How many entries are messages. */
function messagesIn(entries: Entry[]): number {
  return entries.filter(({ payload }) => payload.type === "message").length;
}
