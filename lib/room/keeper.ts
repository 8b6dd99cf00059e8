/**
 * Keeps rooms: writes the last messages of each to the broker, as one retained
 * payload, for later readers.
 */

import {
  AbandonedError,
  type ChatClient,
  PublishError,
  type Status,
} from "../client.ts";
import { remember } from "../bounded.ts";
import { parseId } from "../ids.ts";
import { showBroker } from "../mqtt/address.ts";
import { isOneTopic } from "../mqtt/topic.ts";
import {
  historyTopic,
  isSameRoom,
  MAX_PAYLOAD_BYTES,
  type Payload,
  presenceOf,
  type QoS,
  type Received,
} from "../protocol.ts";
import { safeTopic } from "../safe_text.ts";
import { type Clock, SYSTEM_CLOCK, within } from "../timer.ts";
import {
  cut,
  decodeHistory,
  encodeHistory,
  type Entries,
  type Entry,
  fitHistory,
  hasNews,
  type History,
  keyOf,
  MAX_HEARD,
  merge,
  mergeHeard,
  newest,
  RACE_MS,
  READ_MS,
  replacedByOlder,
} from "./history.ts";
import { Roster } from "./members.ts";
import { Names } from "./names.ts";

interface KeeperOptions {
  /** The rooms, as topic filters. */
  topics: string[];
  /** How many messages of each. */
  keep: number;
  /** The keeper's name. */
  name: string;
  /** Whether this client announces itself in the rooms that are named. */
  announce: boolean;
  /** The QoS of histories. */
  qos: QoS;
  /** The names and their keys, shared with the reader. */
  names?: Names;
  warn: (sentence: string) => void;
  debug: (sentence: string) => void;
  clock?: Clock;
}

/** Between two writes to one room, in milliseconds. */
const WRITE_MS = 1_000;

/** The delay of a write in a quiet room, in milliseconds. */
const SOON_MS = 100;

/** Between two writes to different rooms, in milliseconds. */
const PACE_MS = 10;

/** Between two writes over an undecodable history, in milliseconds. */
const OVERWRITE_MS = 60_000;

/** Warn about at most this many rooms; a wildcard can match thousands. */
const MAX_WARNINGS = 5;

/** Each room takes 64 KiB of the broker at most, and as much here. */
const MAX_ROOMS = 1_000;

/** Runs whose numbers are remembered, a room. */
const MAX_RUNS = 1_000;

/** The longest that entries get, in UTF-16 code units, before they are cut. */
const MAX_LENGTH = 4 * MAX_PAYLOAD_BYTES;

/** The broker's history while it is not known. */
const NOTHING = { entries: [], heard: [] };

/** Keeps the rooms that a client reads. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #clock: Clock;
  readonly #names: Names;
  readonly #rooms = new Map<string, Room>();
  readonly #due = new Set<Room>();
  #client?: ChatClient;
  #cancelTimer?: () => void;
  /** When the timer fires, by the monotonic clock. */
  #wakesAt = Infinity;
  /** When the next history may be written. */
  #nextWrite = 0;
  #lost = Promise.withResolvers<void>();
  #warnings = 0;
  #knowsOfSealed = false;
  /** Whether rooms are read at QoS 0: the broker may drop what is sent. */
  #isLossy = false;
  #hasEnded = false;
  #hasFailed = false;
  #isDenied = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#names = options.names ?? new Names();
  }

  /** Whether a history may not be read or written. */
  get isDenied(): boolean {
    return this.#isDenied;
  }

  /** Whether a room is not kept to the end. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Begins to keep; the rooms are subscribed to. */
  begin(client: ChatClient): void {
    if (!client.retains) {
      throw new Error(
        `${showBroker(client.broker)} keeps no retained messages, and so no ` +
          "room; leave --keep out, or use another broker.",
      );
    }
    this.#client = client;
    for (const topic of this.#options.topics) {
      if (isOneTopic(topic)) this.#roomOf(topic);
    }
    for (const room of this.#rooms.values()) room.reading ??= this.#read(room);
  }

  /** Takes what arrived. */
  receive(received: Received): void {
    const { topic, sealed, payload, historyOf, whoOf, sentTo } = received;
    if (whoOf !== undefined) return;
    if (historyOf !== undefined) {
      const room = this.#rooms.get(this.#named(historyOf));
      if (room !== undefined) this.#receiveHistory(received, room);
      return;
    }
    if (payload.type === "sealed") return this.#reportSealed(topic);
    // In a room with a secret, anyone may write unsealed payloads.
    if (sealed === false || !("from" in payload)) return;
    const room = this.#roomOf(sentTo ?? this.#named(topic));
    if (room === undefined || room.isStopped) return;
    if (sentTo === undefined) room.isOpened = true;
    const { mark } = this.#names.judge(payload, received.check);
    if (sentTo !== undefined || mark === undefined) room.note(received);
    room.add(received);
    if (this.#isLossy) room.miss();
    if (sentTo !== undefined && payload.type === "notice") {
      const change = presenceOf(payload, topic);
      if (change !== undefined) room.isJoined = change === "joined";
      if (change === "left") room.left.resolve();
    }
    this.#schedule(room);
  }

  onStatus(status: Status): void {
    if (status.type === "disconnected") {
      for (const room of this.#rooms.values()) {
        room.lose();
        room.isRead = false;
      }
      this.#lost.resolve();
      this.#lost = Promise.withResolvers();
    }
    if (status.type === "subscribed" && status.qos === 0) this.#isLossy = true;
    if (status.type === "connected" && status.mayBeShared) {
      for (const room of this.#rooms.values()) room.lose();
    }
  }

  /** Writes pending histories, and nothing later. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#cancelTimer?.();
    await Promise.all([...this.#rooms.values()].map(async (room) => {
      // Our own broker acknowledges the leave notice before it sends it.
      if (room.isJoined) await this.#soon(room.left.promise);
      // Never replace a history that was not read.
      if (room.due !== undefined) await room.reading;
      if (room.due !== undefined && room.isRead) await this.#write(room);
    }));
  }

  #receiveHistory(received: Received, room: Room): void {
    const history = decodeHistory(received);
    room.isForeign = typeof history === "string";
    if (typeof history === "string") room.onBroker = NOTHING;
    else {
      const isFirst = received.retain && !room.isRead;
      const isNew = room.adopt(history, received.receivedAt, isFirst);
      if (!isNew) this.#refuse(room);
    }
    room.read.resolve();
    this.#schedule(room);
  }

  /** Reports once that an older history replaced a newer one. */
  #refuse(room: Room): void {
    if (!room.isRefusalReported) {
      this.#options.warn(replacedByOlder(room.topic));
    }
    room.isRefusalReported = true;
  }

  /** The room of a topic, in the spelling that was asked for. */
  #named(topic: string): string {
    if (this.#rooms.has(topic)) return topic;
    const isMeant = (named: string) =>
      isOneTopic(named) && isSameRoom(named, topic);
    return this.#options.topics.find(isMeant) ?? topic;
  }

  #roomOf(topic: string): Room | undefined {
    const known = this.#rooms.get(topic);
    if (known !== undefined) return known;
    if (this.#rooms.size >= MAX_ROOMS) {
      if (!this.#hasFailed) {
        this.#options.warn(`Only the first ${MAX_ROOMS} rooms are kept.`);
      }
      this.#hasFailed = true;
      return undefined;
    }
    const { announce, topics, keep } = this.#options;
    const isAnnounced = announce && topics.includes(topic);
    const room = new Room(topic, keep, isAnnounced);
    this.#rooms.set(topic, room);
    if (this.#client) room.reading = this.#read(room);
    return room;
  }

  /** Reads the broker's history, on each connection. */
  async #read(room: Room): Promise<void> {
    const lost = this.#lost.promise;
    room.read = Promise.withResolvers();
    try {
      const { qos } = this.#options;
      const client = this.#client!;
      const topic = historyTopic(room.topic);
      const [grant] = await client.join([topic], qos, true);
      if (grant.qos === undefined) return this.#deny(room, "read");
    } catch {
      return; // The connection is lost for good: the listener reports that.
    }
    await this.#soon(room.read.promise);
    room.isRead = true;
    // The broker may have lost the history.
    this.#schedule(room);
    this.#pump();
    lost.then(() => {
      if (!this.#hasEnded && !room.isStopped) room.reading = this.#read(room);
    });
  }

  /** Waits for a payload that the broker sends at once, if at all. */
  #soon(sent: Promise<void>): Promise<void> {
    return within(READ_MS / 1000, sent, this.#clock);
  }

  /** Schedules a write unless one is pending. */
  #schedule(room: Room): void {
    if (room.isStopped || room.due !== undefined) return;
    const soon = this.#clock.monotonic() + SOON_MS;
    room.due = Math.max(soon, room.writtenAt + WRITE_MS);
    if (room.isForeign) {
      room.due = Math.max(room.due, room.overwrittenAt + OVERWRITE_MS);
    }
    this.#due.add(room);
    if (room.due < this.#wakesAt) this.#pump();
  }

  /** Writes one history when it is due, and goes on to the next. */
  #pump(): void {
    if (this.#hasEnded) return;
    this.#cancelTimer?.();
    this.#wakesAt = Infinity;
    const now = this.#clock.monotonic();
    let next: Room | undefined;
    for (const room of this.#due) {
      if (!room.isRead || room.isWriting) continue;
      if (next === undefined || room.due! < next.due!) next = room;
      if (next.due! <= now) break;
    }
    if (next === undefined) return;
    const room = next;
    this.#wakesAt = Math.max(room.due!, this.#nextWrite, now);
    this.#cancelTimer = this.#clock.after(this.#wakesAt - now, () => {
      this.#nextWrite = this.#clock.monotonic() + PACE_MS;
      this.#write(room);
      this.#pump();
    });
  }

  async #write(room: Room): Promise<void> {
    const client = this.#client!;
    const { name, qos } = this.#options;
    const { topic, isForeign } = room;
    const to = historyTopic(topic);
    this.#due.delete(room);
    room.due = undefined;
    if (room.isStopped || (isForeign && !room.isOpened)) return;
    const mayWriteAt = room.overwrittenAt + OVERWRITE_MS;
    if (isForeign && this.#clock.monotonic() < mayWriteAt) {
      return this.#schedule(room);
    }
    const now = this.#clock.wall();
    const history = room.next(name, now, client.keepsBytes(to));
    this.#reportUnfit(room);
    if (history === undefined) return;
    room.writtenAt = this.#clock.monotonic();
    if (isForeign) room.overwrittenAt = room.writtenAt;
    room.isForeign = false;
    room.isWriting = true;
    try {
      await client.keep(to, encodeHistory(history, now), qos);
    } catch (error) {
      if (error instanceof AbandonedError) return;
      if (error instanceof PublishError && error.isDenied) {
        this.#deny(room, "write");
      } else this.#stop(room, (error as Error).message);
    } finally {
      room.isWriting = false;
    }
    this.#pump();
  }

  #deny(room: Room, what: "read" | "write"): void {
    this.#isDenied = true;
    const shown = safeTopic(historyTopic(room.topic));
    this.#stop(
      room,
      `the broker does not let you ${what} ${shown}; docs/rooms.md says how ` +
        "its operator allows it",
    );
  }

  /** Stops keeping a room. */
  #stop(room: Room, why: string): void {
    room.isStopped = true;
    this.#hasFailed = true;
    if (++this.#warnings > MAX_WARNINGS) return;
    this.#options.warn(
      `${safeTopic(room.topic)} is not kept: ${why.replace(/\.$/, "")}.`,
    );
  }

  #reportSealed(topic: string): void {
    if (this.#knowsOfSealed) return;
    this.#knowsOfSealed = true;
    this.#options.warn(
      `What is sealed in ${safeTopic(topic)} is not kept: --secret-file FILE ` +
        "opens it.",
    );
  }

  #reportUnfit(room: Room): void {
    const { unfit, isTooLarge } = room;
    const shown = safeTopic(room.topic);
    if (isTooLarge && !this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.warn(
        `The last message of ${shown} is not kept: the broker takes no ` +
          "history that is large enough for it.",
      );
    } else if (unfit > 0 && room.reportedUnfit === 0) {
      this.#options.debug(
        `${unfit} of the last payloads of ${shown} are not kept: the history ` +
          "would be too large",
      );
    }
    room.reportedUnfit = unfit;
  }
}

/** A room: the keeper's entries and members, and the broker's history. */
class Room {
  readonly topic: string;
  /** Whether the broker's history was read on this connection, or is missing. */
  isRead = false;
  /** Settles with the first history on this connection. */
  read = Promise.withResolvers<void>();
  reading?: Promise<void>;
  /** When to write, by the monotonic clock; undefined if no write is pending. */
  due?: number;
  isWriting = false;
  isStopped = false;
  /** Whether the broker's history can't be decoded with our secret. */
  isForeign = false;
  /** Whether a payload of another client could be decoded. */
  isOpened = false;
  writtenAt = -WRITE_MS;
  overwrittenAt = -OVERWRITE_MS;
  reportedUnfit = 0;
  isRefusalReported = false;
  /** Whether our own join notice came back, and our leave notice did not. */
  isJoined = false;
  /** Settles when our own leave notice comes back. */
  readonly left = Promise.withResolvers<void>();
  readonly #limit: number;
  readonly #isAnnounced: boolean;
  readonly #roster = new Roster();
  #kept: Entries = { entries: [], whole: 0 };
  /** Keys of the entries that have an id. */
  #keys = new Set<string>();
  #length = 0;
  #heard: string[] = [];
  /** The last number of each run since the last gap. */
  readonly #numbers = new Map<string, number>();
  /** The id of our own join notice, if there was no gap since. */
  #ownJoin?: string;
  /** The broker's history, as far as it is known. */
  onBroker: Pick<History, "entries" | "heard"> = NOTHING;
  /** The newest `at` that was read or written, also before this connection. */
  #newestAt = 0;
  #atBefore = 0;
  /** How many entries did not fit the last time. */
  unfit = 0;
  /** Whether no message fitted. */
  isTooLarge = false;

  constructor(topic: string, limit: number, isAnnounced: boolean) {
    this.topic = topic;
    this.#limit = limit;
    this.#isAnnounced = isAnnounced;
  }

  /** The connection is lost; the broker may lose its history. */
  lose(): void {
    this.miss();
    this.#numbers.clear();
    this.#atBefore = this.#newestAt;
    this.onBroker = NOTHING;
  }

  /** Adds an entry for a payload of the room. */
  add({ payload, receivedAt, retain, topic, sentTo, check }: Received): void {
    // The broker itself gives retained messages to newcomers.
    if (!("from" in payload) || retain) return;
    const { id } = payload;
    if (id !== undefined) {
      const key = keyOf(payload);
      if (this.#keys.has(key)) return;
      this.#keys.add(key);
      const signer = check === "valid" ? payload.key : undefined;
      if (this.#isBehindHole(id, signer)) this.miss();
    }
    this.#kept.entries.push({ payload, time: Number(receivedAt) });
    this.#kept.whole++;
    const isJoin = payload.type === "notice" &&
      presenceOf(payload, topic) === "joined";
    if (isJoin && id !== undefined) {
      this.#heard = [...this.#heard, id].slice(-MAX_HEARD);
      if (sentTo !== undefined) this.#ownJoin = id;
    }
    this.#length += lengthOf(payload);
    const { length } = this.#kept.entries;
    if (length > 4 * this.#limit + 100 || this.#length > MAX_LENGTH) {
      this.#keep(this.#kept);
    }
  }

  /** Records the members of the room. */
  note(received: Received): void {
    this.#roster.note(received);
  }

  /**
   * Takes the history that the broker has now; returns false for one that is
   * older than another one.
   *
   * @param isFirst Whether it is what the broker had when it was joined.
   */
  adopt(history: History, receivedAt: Date, isFirst: boolean): boolean {
    this.onBroker = history;
    const { at = Infinity, heard, here } = history;
    const newest = isFirst ? this.#atBefore : this.#newestAt;
    if (at < newest - RACE_MS) return false;
    if (at !== Infinity) this.#newestAt = Math.max(this.#newestAt, at);
    this.#keep(merge(this.#kept, history, this.#meets(history)));
    this.#heard = mergeHeard(this.#heard, heard);
    this.#roster.noteHere(here, receivedAt);
    return true;
  }

  /** Returns the history to write; undefined if the broker has all of it. */
  next(from: string, now: number, bytes: number): History | undefined {
    const here = new Map(
      this.#roster.here(new Date(now)).map(({ name, at }) => [name, at]),
    );
    this.#keep(this.#kept);
    const at = Math.max(now, this.#newestAt + 1);
    const all = { from, at, ...this.#kept, heard: this.#heard, here };
    const history = fitHistory(all, this.#limit, bytes);
    this.unfit = all.entries.length - history.entries.length;
    this.isTooLarge = all.entries.some(isMessage) &&
      !history.entries.some(isMessage);
    if (!hasNews(history, this.onBroker)) return undefined;
    this.#newestAt = at;
    this.onBroker = history;
    return history;
  }

  /** Whether a history reaches to the keeper's own gap-free entries. */
  #meets(history: History): boolean {
    // Our own id is new; a forger may have sent any other again.
    if (this.#isAnnounced) {
      return this.#ownJoin !== undefined &&
        history.heard.includes(this.#ownJoin);
    }
    const own = new Set(
      newest(this.#kept).map(({ payload }) => keyOf(payload)),
    );
    return history.entries.some(({ payload }) =>
      payload.id !== undefined && own.has(keyOf(payload))
    );
  }

  /** Records a gap: entries may be missing before the next one. */
  miss(): void {
    this.#kept.whole = 0;
    this.#ownJoin = undefined;
  }

  /** Whether numbers of a run of a key are missing before an id. */
  #isBehindHole(id: string, key = ""): boolean {
    const counted = parseId(id);
    if (counted === undefined) return false;
    const { number } = counted;
    const run = `${key} ${counted.run}`;
    const last = this.#numbers.get(run);
    if (last !== undefined && number <= last) return false;
    remember(this.#numbers, run, number, MAX_RUNS);
    return last !== undefined && number > last + 1;
  }

  #keep(entries: Entries): void {
    this.#kept = cut(entries, this.#limit, MAX_LENGTH);
    this.#keys.clear();
    this.#length = 0;
    for (const { payload } of this.#kept.entries) {
      this.#length += lengthOf(payload);
      if (payload.id !== undefined) this.#keys.add(keyOf(payload));
    }
  }
}

function isMessage({ payload }: Entry): boolean {
  return payload.type === "message";
}

/** The approximate memory of a payload, in UTF-16 code units. */
function lengthOf(payload: Payload): number {
  const text = payload.type === "message" ? payload.message : payload.notice;
  return payload.from.length + text.length;
}
