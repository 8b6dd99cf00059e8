/**
 * The room one is in and the name one has there, and how both change: by `/join`
 * and `/nick`, one after the other, with what is entered meanwhile.
 *
 * @module
 */

import { AbandonedError, type ChatClient, type Status } from "../client.ts";
import type { PublisherOptions } from "./options.ts";
import { isOneTopic, topicFault } from "../mqtt/topic.ts";
import { Entrance, type OpenReader, type RoomTeller } from "./entrance.ts";
import type { Received } from "../protocol.ts";
import { isSameRoom } from "../room/members.ts";
import type { Room } from "../room/room.ts";
import { nameFault } from "../room/members.ts";
import { safeName, safeTopic } from "../safe_text.ts";
import { HINT_MS, waitFor, within } from "../timer.ts";

/** What a membership needs. */
export interface MembershipOptions
  extends Pick<PublisherOptions, "topic" | "name" | "qos" | "timeout"> {
  /** Whether the room is read, and told of one's coming and going. */
  follow: boolean;
  /** Makes the reader of a room. */
  openReader: OpenReader;
  /** Whether nothing is shown of somebody. */
  isIgnored: (name: string) => boolean;
  /** Called when one has another name. */
  onRenamed: (name: string) => void;
}

/** Who is told. */
export interface Teller extends RoomTeller {
  /** Answers a command. */
  answer: (...lines: string[]) => void;
  /** Says what need not be known. */
  hint: (line: string) => void;
}

/** Where what is entered goes, and by whom. */
interface Place {
  topic: string;
  name: string;
}

/** A room that is read. */
interface Joined {
  topic: string;
  reader: Room;
}

/** Being in one room at a time, by one name at a time. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #tell: Teller;
  #client?: ChatClient;
  #name: string;
  #room: Joined;
  /** Those that one was in. */
  #left: string[] = [];
  /** The one that one asks to be let into. */
  #entrance?: Entrance;
  /** As it will be when all that was asked for is done; fails where that does. */
  #place: Promise<Place>;
  /** As it is. */
  #settled: Place;
  /** Until the connection is there again with another will. */
  #renewal?: PromiseWithResolvers<void>;
  readonly #ended = Promise.withResolvers<never>();

  constructor(options: MembershipOptions, tell: Teller) {
    const { topic, name, openReader } = options;
    this.#options = options;
    this.#tell = tell;
    this.#name = name;
    this.#room = { topic, reader: openReader(topic, name, tell) };
    this.#settled = { topic, name };
    this.#place = Promise.resolve(this.#settled);
    this.#ended.promise.catch(() => {});
  }

  /** What reads the room. */
  get reader(): Room {
    return this.#room.reader;
  }

  /** The name one has. */
  get name(): string {
    return this.#name;
  }

  /** The room one is in, and those one was in, the last first. */
  get topics(): string[] {
    return [this.#room.topic, ...this.#left];
  }

  /** Whether messages go out now, or in a moment. */
  get isOnline(): boolean {
    return this.#renewal !== undefined || this.#client!.online;
  }

  /** Whether it is not known yet where what is entered now will go. */
  get isMoving(): boolean {
    return this.#entrance !== undefined;
  }

  /** From now on there is a connection. */
  begin(client: ChatClient): void {
    this.#client = client;
  }

  /** Takes what arrived. */
  receive(received: Received): void {
    const topic = received.historyOf ?? received.sentTo ?? received.topic;
    const entrance = this.#entrance;
    if (entrance && isSameRoom(topic, entrance.topic)) {
      entrance.receive(received);
    } else if (!this.#left.some((left) => isSameRoom(topic, left))) {
      this.#room.reader.receive(received);
    }
  }

  /** Whether a status is news, and not what follows from a command. */
  isNews(status: Status): boolean {
    const isOfRoom = status.type === "subscribed" || status.type === "denied";
    if (!isOfRoom) return true;
    const isRenewed = this.#renewal !== undefined &&
      status.type === "subscribed";
    return status.topic === this.#room.topic && !isRenewed;
  }

  /** Takes note of what happens to the connection. */
  onStatus(status: Status): void {
    const { reader, topic } = this.#room;
    switch (status.type) {
      case "subscribed":
      case "denied":
        this.#renewal?.resolve();
        if (status.topic === topic) reader.onStatus(status);
        else this.#entrance?.onStatus(status);
        return;
      case "disconnected":
        this.#renewal?.resolve();
        this.#entrance?.onStatus(status);
    }
    if (this.#options.follow) reader.onStatus(status);
  }

  /**
   * Says something in the room one is in when all that was asked for before is
   * done.
   *
   * @throws {Error} When one was to be in another room, and is not.
   */
  async say(message: string): Promise<void> {
    const { topic, name } = await this.#place;
    const payload = { type: "message", from: name, message } as const;
    await this.#client!.send(topic, payload, this.#options.qos);
  }

  /** `/nick`: takes another name. */
  rename(name: string): void {
    const fault = nameFault(name);
    if (fault !== undefined) this.#tell.warn(`/nick ${fault}.`);
    else this.#change((from) => this.#rename(from, name));
  }

  /** `/join`: goes to another room. */
  move(topic: string): void {
    const fault = topic === "" ? undefined : topicFault(topic) ??
      (isOneTopic(topic) ? undefined : "is shared with other readers");
    if (fault !== undefined) {
      this.#tell.warn(`The topic ${JSON.stringify(topic)} ${fault}.`);
    } else this.#change((from) => this.#move(from, topic));
  }

  /** Settles when all that was asked for is done. */
  async settled(): Promise<void> {
    await this.#place.catch(() => {});
  }

  /** Waits for nothing any more; what waits is not sent. */
  end(): void {
    this.#ended.reject(new AbandonedError("The connection is closed."));
    this.#entrance?.reader.stop();
    this.reader.stop();
  }

  /** Does something when all before is done. */
  #change(work: (from: Place) => Promise<Place>): void {
    const before = this.#place.catch(() => this.#settled);
    const done = before.then(work).then((place) => this.#settled = place);
    const place = Promise.race([done, this.#ended.promise]);
    this.#place = place;
    place.catch(() => {
      // Whoever enters something now knows that it failed.
      if (this.#place === place) this.#place = Promise.resolve(this.#settled);
    });
  }

  async #rename(from: Place, name: string): Promise<Place> {
    const { follow, isIgnored, onRenamed } = this.#options;
    const shown = safeName(name);
    if (name === "") {
      const you = safeName(from.name);
      this.#tell.answer(`You are ${you}; /nick NAME gives you another name.`);
    } else if (name === from.name) {
      this.#tell.answer(`You are ${shown} already.`);
    } else if (isIgnored(name)) {
      this.#tell.warn(`You ignore ${shown}; /unignore ${shown} comes first.`);
    } else {
      this.#name = name;
      onRenamed(name);
      if (follow) {
        await this.reader.rename(name);
        await this.#renew();
      }
      return { ...from, name };
    }
    return from;
  }

  async #move(from: Place, topic: string): Promise<Place> {
    const shown = safeTopic(topic);
    const here = safeTopic(from.topic);
    if (topic === "" || topic === from.topic) {
      const already = topic === ""
        ? "; /join TOPIC goes elsewhere"
        : " already";
      this.#tell.answer(`You are in ${here}${already}.`);
      return from;
    }
    if (!this.#options.follow) {
      this.#tell.answer(`What you enter goes to ${shown} now.`);
      return { ...from, topic };
    }
    const { reader } = await this.#enter(from, topic);
    await within(this.#options.timeout, this.#leaveRoom());
    this.reader.stop();
    this.#left = this.topics.filter((left) => !isSameRoom(left, topic));
    this.#room = { topic, reader };
    this.#tell.answer(`You are in ${shown} now.`);
    this.#entrance?.open(this.#tell);
    this.#entrance = undefined;
    await this.#renew();
    return { ...from, topic };
  }

  /**
   * Gets into a room, while one is still where one was.
   *
   * @throws {Error} When one is not let in.
   */
  async #enter(from: Place, topic: string): Promise<Entrance> {
    const { qos, timeout, openReader } = this.#options;
    const client = this.#client!;
    const callOff = waitFor(HINT_MS, () => {
      this.#tell.hint(
        `Waiting to get into ${safeTopic(topic)}; what you enter waits, too.`,
      );
    });
    const entrance = new Entrance(topic, from.name, openReader);
    try {
      if (!client.online) throw new Error("There is no connection.");
      this.#entrance = entrance;
      await entrance.pass(client, qos, timeout);
      return entrance;
    } catch (error) {
      this.#entrance = undefined;
      entrance.goBack(client);
      const staying = `You are still in ${safeTopic(from.topic)}.`;
      if (error instanceof AbandonedError) throw error;
      this.#tell.warn(`${(error as Error).message} ${staying}`);
      throw new Error(staying);
    } finally {
      callOff();
    }
  }

  /** Leaves the room in good order. */
  async #leaveRoom(): Promise<void> {
    const { topic, reader } = this.#room;
    // A room that one may not write has not seen one come.
    await reader.leave().catch(() => {});
    await this.#client!.leave([topic]);
  }

  /** Has the broker know the name and the room in case the connection is lost. */
  async #renew(): Promise<void> {
    const client = this.#client!;
    if (client.online) this.#renewal = Promise.withResolvers();
    client.setWill(this.reader.will);
    const isBack = Promise.race([this.#renewal?.promise, client.lost]);
    await within(this.#options.timeout, isBack);
    this.#renewal = undefined;
  }
}
