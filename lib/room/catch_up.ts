/**
 * Catching up: what was said in a room before one came, or while one was away,
 * is shown as a keeper has it, before what comes meanwhile.
 *
 * @module
 */

import type { ChatClient } from "../client.ts";
import type { Payload, Received } from "../protocol.ts";
import type { Wait } from "../timer.ts";
import { type History, historyIn } from "./history.ts";
import { type Kept, kept, reachesBack, unseen } from "./history_merge.ts";
import { MAX_KEPT } from "./history_topic.ts";
import type { Note } from "./line.ts";
import {
  HistoryReader,
  type HistoryReaderOptions,
  type Occasion,
} from "./history_reader.ts";
import { presenceOf } from "./members.ts";
import type { Roster } from "./members.ts";
import type { RoomView } from "./view.ts";

/** What catching up needs. */
export interface CatchUpOptions
  extends Pick<HistoryReaderOptions, "room" | "qos" | "keeps"> {
  /** How many messages of before one came are shown. */
  history: number;
  /** Whether its lines speak for themselves. */
  json: boolean;
  /** Whether to say that there is no history. */
  tellsNone: boolean;
  view: RoomView;
  roster: Roster;
  /** Takes note of a payload that was kept; returns whether it is new. */
  isNew: (payload: Payload) => boolean;
  /** Whether nothing of a payload's author is shown. */
  isIgnored: (payload: Payload) => boolean;
  /** Takes what was held back. */
  take: (received: Received) => void;
  /** Called when it was looked for what is missing. */
  onLookedUp: () => void;
  /** For tests. */
  wait?: Wait;
}

type Gap = Extract<Note, { type: "gap" }>;

/** The most that is held back; then what is kept comes later. */
const MAX_HELD = 1_000;

/** Catches up with a room. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #reader: HistoryReader;
  #client?: ChatClient;
  /** What came while it is not known yet what comes before it. */
  #held?: Received[] = [];
  /** What was shown and has no id. */
  #plain: Kept[] = [];
  /** The gap that is not told yet, and when it began. */
  #gap?: { note: Gap; since: number; isWanted: boolean };
  #hasCome = false;
  /** Whether a history ever came. */
  #hasHistory = false;

  constructor(options: CatchUpOptions) {
    const onRead: HistoryReaderOptions["onRead"] = (received, occasion) =>
      this.#onRead(received, occasion);
    this.#options = options;
    this.#reader = new HistoryReader({ ...options, onRead });
  }

  /** Begins with what was said before one came. */
  begin(client: ChatClient): void {
    this.#client = client;
    this.#reader.read(client, "came");
  }

  /** Whether what arrived is held back, to be taken later. */
  holds(received: Received): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    held.push(received);
    if (held.length >= MAX_HELD) this.#release();
    return true;
  }

  /** Takes note of what is shown. */
  note({ payload, receivedAt }: Received): void {
    if (!("from" in payload) || payload.id !== undefined) return;
    this.#remember(kept(payload, receivedAt));
  }

  /** Takes what came on the topic of the history. */
  receive(received: Received): void {
    this.#reader.receive(received);
  }

  /**
   * There was no connection for a while, in which something may be missing.
   *
   * @param isWanted Whether that was our own doing, which is not worth a line
   * where nothing is missing.
   * @returns Whether the gap is told later.
   */
  fillGap(note: Gap, now: number, isWanted: boolean): boolean {
    if (!this.#hasHistory || this.#client === undefined) return false;
    this.#gap = { note, since: now - note.seconds * 1000, isWanted };
    this.#held ??= [];
    return true;
  }

  /** The room is joined again. */
  joined(): void {
    if (this.#gap !== undefined) this.#reader.read(this.#client!, "gap");
  }

  /** The connection is lost: nothing is waited for. */
  lost(): void {
    if (this.#hasCome) this.#release();
  }

  /** Looks for what is missing if a keeper may have it; returns whether it does. */
  lookUp(): boolean {
    if (!this.#hasHistory || !this.#client?.online) return false;
    this.#reader.read(this.#client, "lost");
    return true;
  }

  /** Shows what is held back, and waits for nothing any more. */
  stop(): void {
    this.#reader.stop();
    this.#release();
  }

  #onRead(received: Received | undefined, occasion: Occasion): void {
    // What a gap has is told with the gap.
    if (occasion !== "gap" && this.#gap !== undefined) return;
    const { roster, onLookedUp } = this.#options;
    const read = received && historyIn(received, Number(received.receivedAt));
    const history = typeof read === "object" ? read : undefined;
    const problem = typeof read === "string"
      ? `What is kept of this room ${read}.`
      : undefined;
    const fresh = history ? this.#freshIn(history) : [];
    for (const one of fresh) {
      if (one.payload.id === undefined) this.#remember(one);
    }
    if (received !== undefined && history !== undefined) {
      this.#hasHistory = true;
      const { here, at } = history;
      const seenAt = at === undefined ? received.receivedAt : new Date(at);
      roster.noteHere(
        new Map(here.map((name) => [name, seenAt])),
        received.receivedAt,
      );
    }
    const isFirst = occasion === "came" && !this.#hasCome;
    const shown = fresh.filter(({ payload }) =>
      this.#isShown(payload, occasion)
    );
    if (isFirst) this.#showBefore(shown, received, problem);
    else {
      if (occasion === "gap") this.#tellGap(history, fresh, messagesIn(shown));
      this.#show(shown, received);
    }
    if (occasion !== "came") onLookedUp();
    this.#hasCome = true;
    this.#release();
  }

  /** What is neither seen nor held back. */
  #freshIn({ messages }: History): Kept[] {
    const held = new Set<string>();
    const plain = [...this.#plain];
    for (const { payload, receivedAt } of this.#held ?? []) {
      if (!("from" in payload)) continue;
      if (payload.id === undefined) plain.push(kept(payload, receivedAt));
      else held.add(payload.id);
    }
    const others = messages.filter(({ payload: { id } }) =>
      id === undefined || !held.has(id)
    );
    return unseen(others, plain, this.#options.isNew);
  }

  /** Shows what was said before one came, or says that nothing is kept. */
  #showBefore(
    some: Kept[],
    received: Received | undefined,
    problem: string | undefined,
  ): void {
    const { history, view, json, tellsNone } = this.#options;
    const shown = some.slice(-history);
    const isNone = received === undefined && tellsNone;
    if (isNone || (!json && (shown.length > 0 || problem !== undefined))) {
      view.note({ type: "history", count: shown.length, problem });
    }
    this.#show(shown, received);
    if (!json && shown.length > 0) view.note({ type: "now" });
  }

  #show(some: Kept[], from: Received | undefined): void {
    if (from === undefined) return;
    const { view, room } = this.#options;
    const { sentTo: _, ...rest } = from;
    for (const { payload, time } of some) {
      const sentAt = new Date(time);
      const { at = sentAt.toISOString() } = payload;
      const kept = { ...rest, topic: room, payload: { ...payload, at } };
      view.showKept({ ...kept, retain: false }, sentAt);
    }
  }

  /** Of whom came and went before one came, `here` has the outcome. */
  #isShown(payload: Payload, occasion: Occasion): boolean {
    const { isIgnored, room } = this.#options;
    const isOld = occasion === "came" && payload.type === "notice" &&
      presenceOf(payload, room) !== undefined;
    return !isOld && !isIgnored(payload);
  }

  /** Says what is known of what was said without a connection. */
  #tellGap(history?: History, fresh: Kept[] = [], fetched?: number): void {
    if (this.#gap === undefined) return;
    const { note, since, isWanted } = this.#gap;
    this.#gap = undefined;
    if (history === undefined) return this.#options.view.note(note);
    const { messages, since: keptSince = "" } = history;
    const isWhole = Date.parse(keptSince) <= since &&
      reachesBack(messages, fresh, since);
    if (isWanted && isWhole && fetched === 0) return;
    this.#options.view.note({
      ...note,
      mayMiss: !isWhole,
      mayMissQoS0: false,
      fetched,
    });
  }

  /** What is held back is due, whatever is not known before it. */
  #release(): void {
    this.#tellGap();
    const held = this.#held ?? [];
    this.#held = undefined;
    held.forEach(this.#options.take);
  }

  #remember(message: Kept): void {
    if (this.#plain.length >= 2 * MAX_KEPT) this.#plain.splice(0, MAX_KEPT);
    this.#plain.push(message);
  }
}

/** How many of what is kept are messages; the others are notices. */
function messagesIn(some: Kept[]): number {
  return some.filter(({ payload }) => payload.type === "message").length;
}
