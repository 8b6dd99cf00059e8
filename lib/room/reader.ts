/**
 * Sitting in rooms: what arrives is shown, one's coming and going is told, and
 * whatever makes the view incomplete is said in it: a gap, a room that can't
 * be read, messages that were kept for us.
 *
 * @module
 */

import { showBroker } from "../mqtt/address.ts";
import type { ChatClient, ClientOptions, Status } from "../client.ts";
import { Presence } from "./presence.ts";
import type { QoS, Received } from "../protocol.ts";
import { RoomView } from "./view.ts";
import type { Roster } from "./roster.ts";
import { isOneTopic } from "../mqtt/topic.ts";

/** How rooms are read. */
export interface ReadingOptions {
  /** The rooms, as topic filters. */
  topics: string[];
  /** The reader's name. */
  name: string;
  /** The broker user, for a warning. */
  username: string;
  /** The QoS of the notices and subscriptions. */
  qos: QoS;
  /** Whether to tell the rooms that one is there. */
  announce: boolean;
  /** Whether to write JSON lines. */
  json: boolean;
  /** Whether to colour. */
  color: boolean;
  /** Whether each line names its topic. */
  showTopic: boolean;
  /** Whether to ring where somebody mentions the reader; for terminals. */
  bell?: boolean;
  /**
   * Whether to tell of many who come and go in one line; for terminals. Not
   * done with `count`, since nobody could say what to count then.
   */
  gather?: boolean;
  /** Takes note of who is seen; gathering needs it. */
  roster?: Roster;
  /** Whether the broker kept messages between two runs. */
  resume: boolean;
  /** How many lines are enough; one's own notices don't count. */
  count?: number;
  /** Takes a line for whoever reads. */
  write: (line: string) => void;
  /** Takes a sentence for whoever looks after it. */
  warn: (sentence: string) => void;
  /** Called when there were enough lines. */
  onEnough?: () => void;
}

/** How long no kept message came, in milliseconds, when all have come. */
const KEPT_PAUSE_MS = 2_000;

/** Reads rooms. */
export class Reading {
  readonly #options: ReadingOptions;
  readonly #presence: Presence;
  readonly #view: RoomView;
  #shown = 0;
  #unshown = 0;
  #keptTimer?: ReturnType<typeof setTimeout>;

  /**
   * Makes it; nothing is read yet.
   *
   * @param options How.
   */
  constructor(options: ReadingOptions) {
    const { topics, announce, name, gather, count } = options;
    const rooms = announce ? topics.filter(isOneTopic) : [];
    this.#options = options;
    this.#presence = new Presence({ ...options, rooms });
    this.#view = new RoomView({
      ...options,
      self: name,
      gather: gather && count === undefined,
      spokeAt: (author) => options.roster?.spokeAt(author),
      now: () => new Date(),
    });
  }

  /** What the broker is to say when the connection is lost. */
  get will(): ClientOptions["will"] {
    return this.#presence.will;
  }

  /** Whether something has come from every room that is announced in. */
  get isHeard(): boolean {
    return this.#presence.isHeard;
  }

  /** Whether it turned out that no room can be read. */
  get isDenied(): boolean {
    return this.#presence.isDenied;
  }

  /**
   * Shows what arrived.
   *
   * @param received What.
   */
  receive(received: Received): void {
    const { count = Infinity, onEnough, roster } = this.#options;
    roster?.note(received);
    const isOwn = this.#presence.receive(received);
    if (this.#shown >= count) {
      if (!isOwn) this.#unshown++;
      return;
    }
    if (isOwn) this.#view.endMissed();
    const isShown = this.#view.show(received);
    if (this.#keptTimer !== undefined) this.#awaitKept();
    if (isShown && !isOwn && ++this.#shown >= count) onEnough?.();
  }

  /**
   * Takes note of what happens to the connection.
   *
   * @param status What happened.
   */
  onStatus(status: Status): void {
    if (status.type === "disconnected") {
      this.#presence.stopWaiting();
      this.#view.showGathered();
    }
    if (status.type !== "connected") return;
    const { broker, sessionPresent, gap, mayBeShared } = status;
    if (gap === undefined) {
      if (this.#options.resume && sessionPresent) this.#beginMissed();
      return;
    }
    this.#view.note({
      type: "gap",
      seconds: Math.round(gap * 1000) / 1000,
      broker: showBroker(broker),
      mayMiss: !sessionPresent || mayBeShared === true ||
        this.#options.qos === 0,
    });
    this.#presence.rejoin();
  }

  /**
   * Tells the rooms that one is there.
   *
   * @param client The connection, subscribed.
   */
  begin(client: ChatClient): void {
    this.#presence.join(client);
  }

  /** Tells the rooms that one leaves. */
  async leave(): Promise<void> {
    await this.#presence.leave();
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#presence.stopWaiting();
    clearTimeout(this.#keptTimer);
    this.#keptTimer = undefined;
    this.#view.endGathering();
    this.#view.endMissed();
  }

  /** Says what came after the last line, for a session that kept it. */
  warnOfUnshown(): void {
    if (!this.#options.resume || this.#unshown === 0) return;
    this.#options.warn(
      `${this.#unshown} more came before it could end; they are not shown, ` +
        "and no longer kept.",
    );
  }

  /**
   * The line to write in place of lines that were dropped.
   *
   * @param count How many.
   * @returns The line.
   */
  noteDropped(count: number): string {
    return this.#view.renderNote({ type: "dropped", count });
  }

  #beginMissed(): void {
    this.#view.beginMissed();
    this.#awaitKept();
  }

  /** Kept messages come at once, one after the other; then there is a pause. */
  #awaitKept(): void {
    clearTimeout(this.#keptTimer);
    this.#keptTimer = setTimeout(() => {
      this.#keptTimer = undefined;
      this.#view.endMissed();
    }, KEPT_PAUSE_MS);
  }
}
