/**
 * Reading rooms: shows what arrives once, announces this client, and says what
 * makes the view incomplete: a gap, a room that can't be read, messages that the
 * broker kept, losses.
 */

import { type ChatClient, NotAuthorizedError, type Status } from "../client.ts";
import { showBroker } from "../mqtt/address.ts";
import { isOneTopic } from "../mqtt/topic.ts";
import { newNameIn, type QoS, type Received } from "../protocol.ts";
import { safeTopic } from "../safe_text.ts";
import { type Clock, SYSTEM_CLOCK } from "../timer.ts";
import { CatchUp } from "./catch_up.ts";
import type { Ignored } from "./ignored.ts";
import type { Note } from "./line.ts";
import { Losses, type LossNote } from "./losses.ts";
import { Roster } from "./members.ts";
import { isCountable, Names, type Verdict } from "./names.ts";
import { Presence, type PresenceOptions } from "./presence.ts";
import { RoomView, type ViewOptions } from "./view.ts";
import { type Answer, Who } from "./who.ts";

/** How rooms are read. */
export interface ReaderOptions
  extends
    Omit<PresenceOptions, "rooms" | "clock">,
    Omit<ViewOptions, "self" | "spokeAt" | "formatTime"> {
  /** The rooms, as topic filters. */
  topics: string[];
  /** Whether to announce this client in the rooms. */
  announce: boolean;
  /** Whether the broker kept messages between two runs. */
  resume: boolean;
  /** Authors whose lines are not shown. */
  ignored?: Ignored;
  /** The names and their keys. */
  names?: Names;
  /** The key that signs under the reader's name. */
  key?: string;
  /** Stop after this many lines, own notices not counted. Nothing is gathered. */
  count?: number;
  /** Called after `count` lines. */
  onEnough?: () => void;
  /** How many messages of a history are shown, in one room; 0 by default. */
  history?: number;
  /** Whether to say that there is no history. */
  tellsNone?: boolean;
  /** Whether this client keeps the room. */
  keeps?: boolean;
  /** How long the broker's answers may take, in seconds. */
  timeout: number;
}

type Connected = Extract<Status, { type: "connected" }>;

/** Stored messages end with a pause of this many milliseconds. */
const PAUSE_MS = 2_000;

/** A reader that knows of more members than this asks for no others. */
const MANY = 50;

/** Reads rooms. */
export class Reader {
  /** Who was seen in the rooms. */
  readonly roster = new Roster();
  /** Announces this client in them. */
  readonly presence: Presence;
  readonly #options: ReaderOptions;
  readonly #view: RoomView;
  readonly #names: Names;
  readonly #losses: Losses;
  readonly #catchUp?: CatchUp;
  readonly #who: Who;
  readonly #clock: Clock;
  /** The QoS that the broker grants, by topic filter. */
  readonly #granted = new Map<string, QoS>();
  /** While messages come that the broker kept between two runs. */
  #stopMissed?: () => void;
  #isFloodTold = false;
  #shown = 0;
  #client?: ChatClient;

  constructor(options: ReaderOptions) {
    const { topics, announce, name, username, qos, warn, gather, count } =
      options;
    const { clock = SYSTEM_CLOCK } = options;
    const rooms = announce ? topics.filter(isOneTopic) : [];
    this.#options = options;
    this.#clock = clock;
    this.presence = new Presence({ name, username, rooms, qos, warn, clock });
    this.#names = options.names ?? new Names();
    if (options.key !== undefined) this.#bindOwn(options.key);
    this.#view = new RoomView({
      ...options,
      self: name,
      gather: gather && count === undefined,
      spokeAt: (author) => this.roster.spokeAt(author),
    });
    this.#losses = new Losses({
      topics,
      clock,
      lookUp: () => this.#catchUp?.lookUp(),
      report: (note) => this.#reportLoss(note),
    });
    this.#catchUp = this.#makeCatchUp();
    this.#who = new Who(this.presence, this.#names, clock);
  }

  /** Shows what arrived, unless it was shown before or `count` is reached. */
  receive(received: Received): void {
    const { historyOf, whoOf, sealed } = received;
    if (historyOf !== undefined) return this.#catchUp?.receive(received);
    if (whoOf !== undefined) return this.#who.receive(received);
    // Anyone may write what is not sealed.
    if (sealed !== false && this.presence.receive(received)) {
      this.#who.begin(this.#client!, received.sentTo!);
    }
    if (this.#catchUp?.holds(received)) return;
    this.#take(received);
  }

  #take(received: Received): void {
    const { count = Infinity, onEnough } = this.#options;
    const isOwn = received.sentTo !== undefined &&
      received.payload.type === "notice";
    const verdict = this.#judge(received);
    if (verdict?.signature === "unchecked") this.#losses.doubt(received);
    const isNew = this.#losses.isNew(
      isCountable(verdict) ? received : { ...received, sealed: false },
      verdict?.key,
    );
    const isMissed = this.#stopMissed !== undefined;
    if (isMissed) this.#awaitPause();
    if (!isNew) return;
    const note = verdict && this.#learn(received, verdict, isMissed);
    if (this.#isIgnored(received)) return;
    this.#catchUp?.note(received);
    if (this.#shown >= count) return;
    if (isOwn) this.#view.endMissed();
    if (note !== undefined) this.#view.note(note);
    const isShown = this.#view.show(received, verdict);
    if (isShown && !isOwn && ++this.#shown >= count) onEnough?.();
  }

  /** Takes another name and announces it; the will changes, too. */
  async rename(name: string, key?: string): Promise<void> {
    this.#view.rename(name);
    const announced = this.presence.rename(name);
    if (key !== undefined) this.#bindOwn(key);
    await announced;
  }

  /** Shows what is held back. */
  showGathered(): void {
    this.#view.showGathered();
  }

  /** Shows what a status means for the reader. */
  onStatus(status: Status): void {
    switch (status.type) {
      case "disconnected":
        this.presence.lost();
        this.#catchUp?.lost();
        this.#losses.offline();
        this.#view.showGathered();
        break;
      case "connected":
        this.#losses.online(status.mayBeShared);
        if (status.gap === undefined) {
          if (this.#options.resume && status.sessionPresent) {
            this.#view.beginMissed();
            this.#awaitPause();
          }
        } else this.#showGap(status, status.gap);
        break;
      case "subscribed":
        this.#granted.set(status.topic, status.qos);
        this.presence.granted(status.topic);
        this.#catchUp?.joined();
        break;
      case "denied":
        this.presence.denied(status.topic);
    }
  }

  /**
   * Subscribes to the rooms, announces this client in them, and waits until its
   * own join notices came back: only then are they known to be readable. Rejects
   * with a sentence: denied, no echo, no connection.
   */
  async enter(client: ChatClient): Promise<void> {
    const { topics, qos } = this.#options;
    if (!client.online) throw new Error("There is no connection.");
    for (
      const { topic, qos: granted, reason } of await client.join(topics, qos)
    ) {
      if (granted !== undefined) continue;
      const shown = safeTopic(topic);
      throw new NotAuthorizedError(
        `The broker does not let you read ${shown}: ${reason}.`,
      );
    }
    this.#client = client;
    this.#catchUp?.begin(client);
    await this.presence.enter(client);
  }

  /** Announces this client, now and after each reconnect. */
  announce(client: ChatClient): void {
    this.#client = client;
    this.#catchUp?.begin(client);
    this.presence.join(client);
  }

  /**
   * Asks the members of a room who is there; returns the answers of two seconds.
   * Without a question there are none, as where many members are known.
   */
  async ask(room: string): Promise<Answer[]> {
    const now = new Date(this.#clock.wall());
    if (this.roster.here(now).length > MANY) return [];
    return await this.#who.ask(room, this.#options.qos);
  }

  /** Shows what is held back, and cancels all timers. */
  stop(): void {
    this.presence.stop();
    this.#catchUp?.stop();
    this.#who.stop();
    this.#losses.stop();
    this.#view.endGathering();
    this.#endMissed();
  }

  /** Whether what arrives now is shown later, after the history. */
  get isHolding(): boolean {
    return this.#catchUp?.isHolding ?? false;
  }

  /** Judges a payload by its signature; undefined for what is no payload. */
  #judge({ payload, check, sealed, sentTo }: Received): Verdict | undefined {
    if (!("from" in payload)) return undefined;
    const verdict = this.#names.judge(payload, check);
    const { key } = verdict;
    if (sentTo !== undefined) return { signature: check ?? "none", key };
    // What is not sealed has a mark of its own.
    return sealed === false ? { ...verdict, mark: undefined } : verdict;
  }

  /** Records members and the keys of names; returns what to report. */
  #learn(
    received: Received,
    verdict: Verdict,
    isMissed: boolean,
  ): Note | undefined {
    const { signature, key, mark } = verdict;
    const { payload, sealed, sentTo, retain } = received;
    if (!("from" in payload) || sealed === false) return;
    const isFlood = signature === "unchecked" && !this.#isFloodTold;
    this.#isFloodTold ||= isFlood;
    if (sentTo !== undefined) {
      this.roster.note(received);
      return;
    }
    const note = this.#names.learn(received, verdict, isMissed);
    const isMine = payload.from === this.presence.name && this.#options.sends;
    // It may come from an earlier client of the reader.
    const mayBeMine = isMine && (retain || isMissed);
    const newName = payload.type === "notice" ? newNameIn(payload) : undefined;
    const owners = this.#names.keysOf(newName ?? payload.from);
    const isTaken = owners.size > 0 && (key === undefined || !owners.has(key));
    if (mark === undefined && !mayBeMine && !isTaken) {
      const hasLeft = this.roster.note(received);
      if (hasLeft && key !== undefined) this.#names.free(key);
    }
    return isFlood ? { type: "unchecked" } : note;
  }

  #bindOwn(key: string): void {
    this.#names.bind(this.presence.name, key, this.#clock.wall());
  }

  /** Whether the author is ignored; this client never is. */
  #isIgnored({ payload, sentTo }: Received): boolean {
    if (sentTo !== undefined || !("from" in payload)) return false;
    return this.#options.ignored?.has(payload.from) ?? false;
  }

  /** Kept messages come at once, then there is a pause; some may be held. */
  #awaitPause(): void {
    this.#stopMissed?.();
    this.#stopMissed = this.#clock.after(PAUSE_MS, () => {
      if (this.isHolding) this.#awaitPause();
      else this.#endMissed();
    });
  }

  #endMissed(): void {
    this.#stopMissed?.();
    this.#stopMissed = undefined;
    this.#view.endMissed();
  }

  #makeCatchUp(): CatchUp | undefined {
    const { topics, history = 0, ...options } = this.#options;
    const [room] = topics;
    if (history === 0 || topics.length !== 1 || !isOneTopic(room)) return;
    return new CatchUp({ ...options, room, history, clock: this.#clock }, {
      view: this.#view,
      roster: this.roster,
      names: this.#names,
      losses: this.#losses,
      presence: this.presence,
      take: (received) => this.#take(received),
    });
  }

  #reportLoss(note: LossNote): void {
    if (note.type === "lost" && this.#options.ignored?.has(note.from)) return;
    this.#view.note(note);
  }

  /** Reports a gap, and whether messages may be missing in it. */
  #showGap(status: Connected, gap: number): void {
    // Nothing can be missing of a room that was never readable.
    if (this.#granted.size === 0 && !this.#options.resume) return;
    // Brokers store nothing for subscriptions at QoS 0, nor messages of QoS 0.
    const isKept = status.sessionPresent && !status.mayBeShared &&
      [...this.#granted.values()].every((qos) => qos > 0);
    if (status.isRenewed && isKept) return;
    const note = {
      type: "gap",
      seconds: Math.round(gap * 1000) / 1000,
      broker: showBroker(status.broker),
      mayMiss: !isKept,
      mayMissQoS0: isKept,
    } as const;
    if (this.#catchUp?.fillGap(note, status.isRenewed === true)) return;
    this.#view.note(note);
  }
}
