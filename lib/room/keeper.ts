/**
 * Keeping rooms: what is said in them is left on the broker, as one retained
 * payload for each, for whoever comes later.
 *
 * @module
 */

import {
  AbandonedError,
  type ChatClient,
  PublishError,
  type Status,
} from "../client.ts";
import { showBroker } from "../mqtt/address.ts";
import { isOneTopic } from "../mqtt/topic.ts";
import type { QoS, Received } from "../protocol.ts";
import { isSameRoom } from "./members.ts";
import { safeTopic } from "../safe_text.ts";
import { type Wait, waitFor } from "../timer.ts";
import { encodeHistory, historyIn } from "./history.ts";
import {
  historyTopic,
  READ_MS,
  roomOfHistory,
  WRITE_MS,
} from "./history_topic.ts";
import { KeptRoom } from "./kept_room.ts";

/** How rooms are kept. */
export interface KeeperOptions {
  /** The rooms, as topic filters. */
  topics: string[];
  /** How many messages of each, and how many notices. */
  keep: number;
  /** Who keeps them. */
  name: string;
  /** The QoS to read and write histories with. */
  qos: QoS;
  /** Takes a sentence for whoever looks after it. */
  warn: (sentence: string) => void;
  /** Takes what only helps to find a fault. */
  debug: (sentence: string) => void;
  /** The clock. */
  now?: () => Date;
  /** For tests. */
  wait?: Wait;
}

/** A broker that keeps nothing. */
export class KeepingError extends Error {
  static {
    this.prototype.name = "KeepingError";
  }
}

/** A room, and what happens to its history. */
interface Place {
  room: KeptRoom;
  /** Settles when what is kept has been read. */
  reading?: Promise<void>;
  /** Whether it is known what the broker has, or that it has nothing. */
  isReady: boolean;
  /** Whether there may be something to write. */
  isDue: boolean;
  isWriting: boolean;
  /** Whether it is not kept any more. */
  isStopped: boolean;
  /** How often it was written since anything came from the room. */
  writes: number;
  /** How many payloads the last history had no room for. */
  unfit: number;
  callOff?: () => void;
  onAdopted: () => void;
}

/**
 * How often it is written so while nothing comes from the room, and how often the
 * time is doubled from then on: somebody there has other ideas of what was said,
 * a forger or a keeper whose clock is far off, and neither is to win by writing.
 */
const WRITES = 3;
const MAX_DOUBLINGS = 10;

/** Of so many rooms that are not kept is told; a wildcard may find thousands. */
const MAX_WARNINGS = 5;

/**
 * The most rooms that are kept: each takes 64 KiB of the broker at most, and
 * about half a megabyte of memory here.
 */
const MAX_ROOMS = 1_000;

/** Keeps the rooms that a client reads. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #wait: Wait;
  readonly #places = new Map<string, Place>();
  #client?: ChatClient;
  /** Since when nothing was missed that the broker had. */
  #since: Date;
  #warnings = 0;
  #knowsOfSealed = false;
  #hasEnded = false;
  #hasFailed = false;
  #isDenied = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#wait = options.wait ?? waitFor;
    this.#since = this.#now();
  }

  /** Whether a history may not be read or written. */
  get isDenied(): boolean {
    return this.#isDenied;
  }

  /** Whether a room is not kept to the end. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * Begins with what is kept of the rooms that are named.
   *
   * @param client The connection, subscribed to the rooms.
   * @throws {KeepingError} When its broker keeps no retained messages.
   */
  begin(client: ChatClient): void {
    if (!client.retains) {
      throw new KeepingError(
        `${showBroker(client.broker)} keeps no retained messages, and so no ` +
          "room; leave --keep out, or use another broker.",
      );
    }
    this.#since = this.#now();
    for (const topic of this.#options.topics) {
      if (isOneTopic(topic)) this.#placeOf(topic);
    }
    this.#client = client;
    for (const [topic, place] of this.#places) {
      place.reading = this.#read(client, topic, place);
    }
  }

  /** Takes what arrived. */
  receive(received: Received): void {
    const { topic, sealed, payload } = received;
    const room = roomOfHistory(topic);
    if (room !== undefined) {
      const name = this.#named(room);
      const place = this.#places.get(name);
      if (place !== undefined) this.#receiveHistory(received, name, place);
      return;
    }
    if (payload.type === "sealed") return this.#tellOfSealed(topic);
    // In a room with a secret, what is not sealed may be anybody's.
    if (sealed === false || !("from" in payload)) return;
    const name = received.sentTo ?? this.#named(topic);
    const place = this.#placeOf(name);
    if (place === undefined || place.isStopped) return;
    place.room.add(received);
    if (place.writes > WRITES) {
      place.callOff?.();
      place.callOff = undefined;
    }
    place.writes = 0;
    this.#schedule(name, place);
  }

  /** Takes what the broker has from now on. */
  #receiveHistory(
    received: Received,
    topic: string,
    place: Place,
  ): void {
    const history = historyIn(received, Number(this.#now()));
    if (received.payload.type === "sealed") {
      if (place.isReady) return;
      // It would be lost to those who can open it.
      this.#stop(topic, place, `what is kept of it ${history}`);
    }
    // What can't be a keeper's is to be written over.
    if (typeof history === "string") place.room.doubt();
    else place.room.adopt(history, received.receivedAt);
    place.onAdopted();
    this.#schedule(topic, place);
  }

  /** Takes note of what happens to the connection. */
  onStatus(status: Status): void {
    if (status.type === "subscribed") this.#onSubscribed(status.topic);
    if (status.type !== "connected" || status.gap === undefined) return;
    if (!status.sessionPresent) {
      for (const { room } of this.#places.values()) room.doubt();
    }
    const hasMissed = !status.sessionPresent || status.mayBeShared === true ||
      this.#options.qos === 0;
    if (hasMissed) this.#since = this.#now();
  }

  /** Writes what is left to write, and writes no more. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    const last = [...this.#places].map(async ([topic, place]) => {
      place.callOff?.();
      if (!place.isDue) place.onAdopted();
      // What it has heard must not take the place of what it has not read.
      await place.reading;
      const { isReady, isDue, isStopped } = place;
      if (isReady && isDue && !isStopped) await this.#write(topic, place);
    });
    await Promise.all(last);
  }

  /** What the broker has comes now; where it has nothing any more, it gets it. */
  #onSubscribed(topic: string): void {
    const room = roomOfHistory(topic);
    const place = room === undefined ? undefined : this.#places.get(room);
    if (place?.isReady) this.#schedule(room!, place);
  }

  /** The room that is meant by a topic: some brokers spell it another way. */
  #named(topic: string): string {
    if (this.#places.has(topic)) return topic;
    const { topics } = this.#options;
    const isMeant = (named: string) =>
      isOneTopic(named) && isSameRoom(named, topic);
    return topics.find(isMeant) ?? topic;
  }

  #placeOf(topic: string): Place | undefined {
    const known = this.#places.get(topic);
    if (known !== undefined) return known;
    if (this.#places.size >= MAX_ROOMS) {
      if (!this.#hasFailed) {
        this.#options.warn(`Only the first ${MAX_ROOMS} rooms are kept.`);
      }
      this.#hasFailed = true;
      return undefined;
    }
    const place: Place = {
      room: new KeptRoom(this.#options.keep),
      isReady: false,
      isDue: false,
      isWriting: false,
      isStopped: false,
      writes: 0,
      unfit: 0,
      onAdopted: () => {},
    };
    this.#places.set(topic, place);
    if (this.#client) place.reading = this.#read(this.#client, topic, place);
    return place;
  }

  /** Joins the history of a room: what is kept, and what others write. */
  async #read(client: ChatClient, topic: string, place: Place): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    place.onAdopted = resolve;
    try {
      const { qos } = this.#options;
      const [grant] = await client.join([historyTopic(topic)], qos, true);
      if (grant.qos === undefined) return this.#deny(topic, place, "read");
    } catch {
      return; // The connection is lost for good, which is told elsewhere.
    }
    const callOff = this.#wait(READ_MS, resolve);
    await promise;
    callOff();
    place.isReady = true;
    const { isDue, isStopped } = place;
    if (isDue && !isStopped && !this.#hasEnded) await this.#write(topic, place);
  }

  /** Has the history written, unless it will be already. */
  #schedule(topic: string, place: Place): void {
    if (place.isStopped || this.#hasEnded) return;
    place.isDue = true;
    if (!place.isReady || place.isWriting || place.callOff) return;
    const slowness = Math.min(
      Math.max(place.writes - WRITES, 0),
      MAX_DOUBLINGS,
    );
    place.callOff = this.#wait(WRITE_MS * 2 ** slowness, () => {
      place.callOff = undefined;
      this.#write(topic, place);
    });
  }

  async #write(topic: string, place: Place): Promise<void> {
    const client = this.#client!;
    const { name, qos } = this.#options;
    const to = historyTopic(topic);
    place.isDue = false;
    const head = {
      from: name,
      at: this.#now().toISOString(),
      since: this.#since.toISOString(),
    };
    const history = place.room.next(head, client.keepsBytes(to));
    this.#tellOfUnfit(topic, place);
    if (history === undefined) return;
    place.isWriting = true;
    place.writes++;
    try {
      await client.keep(to, encodeHistory(history), qos);
    } catch (error) {
      if (error instanceof AbandonedError) return;
      if (error instanceof PublishError && error.isDenied) {
        this.#deny(topic, place, "write");
      } else this.#stop(topic, place, (error as Error).message);
    } finally {
      place.isWriting = false;
    }
    if (place.isDue) this.#schedule(topic, place);
  }

  #deny(topic: string, place: Place, what: "read" | "write"): void {
    this.#isDenied = true;
    const shown = safeTopic(historyTopic(topic));
    this.#stop(
      topic,
      place,
      `the broker does not let you ${what} ${shown}; docs/rooms.md says how ` +
        "its operator allows it",
    );
  }

  /** Keeps a room no more: what it would write is refused, or does harm. */
  #stop(topic: string, place: Place, why: string): void {
    if (place.isStopped) return;
    place.isStopped = true;
    this.#hasFailed = true;
    if (++this.#warnings > MAX_WARNINGS) return;
    this.#options.warn(
      `${safeTopic(topic)} is not kept: ${why.replace(/\.$/, "")}.`,
    );
  }

  /** Says once that what can't be read is not kept. */
  #tellOfSealed(topic: string): void {
    if (this.#knowsOfSealed) return;
    this.#knowsOfSealed = true;
    this.#options.warn(
      `What is sealed in ${safeTopic(topic)} is not kept: --secret-file FILE ` +
        "opens it.",
    );
  }

  #tellOfUnfit(topic: string, place: Place): void {
    const { unfit } = place.room;
    if (unfit > 0 && place.unfit === 0) {
      this.#options.debug(
        `${unfit} of the last payloads of ${safeTopic(topic)} are not kept: ` +
          "the history would be too large",
      );
    }
    place.unfit = unfit;
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}
