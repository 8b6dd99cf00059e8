/**
 * Being seen in rooms: the notices that say one joined, left, or was lost. One's
 * own notice must come back; where it does not, a room can't be read.
 *
 * @module
 */

import {
  AbandonedError,
  type ChatClient,
  type ClientOptions,
} from "../client.ts";
import type { ChatNotice, QoS, Received } from "../protocol.ts";
import { joinNotice, leaveNotice, timeoutNotice } from "./notices.ts";
import { renameNotice } from "./rename.ts";
import { type Wait, waitFor } from "../timer.ts";

/** Who is where. */
export interface PresenceOptions {
  /** The name in the rooms, until {@link Presence.rename}. */
  name: string;
  /** The broker user, for a warning. */
  username: string;
  /** The rooms to be seen in; topics, not filters. May be none. */
  rooms: string[];
  /** The QoS of the notices. */
  qos: QoS;
  /** Takes a sentence for whoever looks after it. */
  warn: (sentence: string) => void;
}

/** Announces somebody in rooms, and warns where nobody sees it. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #echoes: EchoCheck;
  /** The rooms that the broker lets one read, on this connection. */
  readonly #granted = new Set<string>();
  /** The rooms to be told that one is there, once they may be read. */
  readonly #due: Set<string>;
  /** Those whose join notice has no answer yet, over any connection. */
  readonly #joining = new Map<string, Promise<void>>();
  /** The rooms in which others were told that one is there. */
  readonly #joined = new Set<string>();
  /** The rooms that take no notices. */
  readonly #muted = new Set<string>();
  #name: string;
  /** The connection, once one has joined. */
  #client?: ChatClient;

  constructor(options: PresenceOptions) {
    const { rooms, name } = options;
    this.#name = name;
    this.#due = new Set(rooms);
    const onSilent = (topic: string) => this.#warnOfSilence(topic);
    this.#options = options;
    this.#echoes = new EchoCheck({ rooms, onSilent });
  }

  /**
   * What the broker is to say when the connection is lost; nothing when there
   * is no room to be seen in. MQTT has one will a connection, so it goes to the
   * first room. It has neither `id` nor `at`: it may be published more than
   * once, and nobody knows when.
   */
  get will(): ClientOptions["will"] {
    const { qos, rooms: [topic] } = this.#options;
    if (topic === undefined) return undefined;
    return { topic, payload: this.#notice(timeoutNotice(this.#name)), qos };
  }

  /** Whether something has come from every room. */
  get isHeard(): boolean {
    return this.#echoes.isHeard;
  }

  /** Whether it turned out that no room can be read. */
  get isDenied(): boolean {
    return this.#echoes.hasFailed;
  }

  /** From now on, says in each room that one is there once it may be read. */
  join(client: ChatClient): void {
    this.#client = client;
    for (const topic of this.#granted) this.#join(client, topic);
  }

  /** The broker lets one read a room, on a new connection. */
  granted(topic: string): void {
    if (!this.#options.rooms.includes(topic)) return;
    this.#granted.add(topic);
    if (this.#client !== undefined) this.#join(this.#client, topic);
  }

  /**
   * The connection was lost: no notice of one's own is awaited any more. The
   * broker tells the rooms of it, so that they are to be told of the return.
   */
  lost(): void {
    this.#granted.clear();
    for (const topic of this.#options.rooms) this.#due.add(topic);
    this.#echoes.stop();
  }

  /**
   * Takes another name; says so in each room where one was seen to join.
   *
   * @returns When the broker has answered for each, or refused, which is warned
   * of. The {@link will} is another one then, too.
   */
  async rename(name: string): Promise<void> {
    const notice = this.#notice(renameNotice(this.#name, name));
    const { qos, warn } = this.#options;
    this.#name = name;
    const sent = [...this.#joined].map(async (topic) => {
      try {
        await this.#client?.send(topic, notice, qos);
      } catch (error) {
        if (error instanceof AbandonedError) return;
        const { message } = error as Error;
        warn(`Nobody in ${topic} is told of your new name: ${message}`);
      }
    });
    await Promise.all(sent);
  }

  /**
   * Says in each room that one leaves, where one was seen to join.
   *
   * @throws {PublishError} When a room may not be written.
   */
  async leave(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const tell = async (topic: string) => {
      // A room that refuses one's joining is not left.
      await this.#joining.get(topic);
      if (this.#joined.has(topic)) {
        await this.#tell(client, topic, leaveNotice);
      }
    };
    await Promise.all([...this.#joined].map(tell));
  }

  /** Takes note of what arrived: its room can be read. */
  receive({ topic, sentTo = topic }: Received): void {
    this.#echoes.heard(sentTo);
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#echoes.stop();
  }

  #join(client: ChatClient, topic: string): void {
    if (!this.#due.delete(topic)) return;
    // One that is unanswered goes out again by itself.
    if (this.#joining.has(topic) || this.#muted.has(topic)) return;
    this.#joined.add(topic);
    this.#joining.set(topic, this.#sayJoined(client, topic));
  }

  async #sayJoined(client: ChatClient, topic: string): Promise<void> {
    const start = performance.now();
    try {
      await this.#tell(client, topic, joinNotice);
      this.#echoes.acknowledged(topic, performance.now() - start);
    } catch (error) {
      if (error instanceof AbandonedError) return;
      this.#muted.add(topic);
      this.#joined.delete(topic);
      this.#warnOfRefusal(topic, error as Error);
    } finally {
      this.#joining.delete(topic);
    }
  }

  #tell(
    client: ChatClient,
    topic: string,
    text: (name: string, topic: string) => string,
  ): Promise<void> {
    const notice = this.#notice(text(this.#name, topic));
    return client.send(topic, notice, this.#options.qos);
  }

  #notice(notice: string): ChatNotice {
    return { type: "notice", from: this.#name, notice };
  }

  #warnOfRefusal(topic: string, { message }: Error): void {
    this.#options.warn(
      `Nobody sees you join ${topic}, and whether you may read it can't ` +
        `be told: ${message}`,
    );
  }

  #warnOfSilence(topic: string): void {
    const { username, qos, warn } = this.#options;
    // In 3.1.1 a broker acknowledges what it drops, and at QoS 0 nothing.
    const isTold = this.#client?.version === 5 && qos > 0;
    const may = isTold
      ? `may write to ${topic} but not read it`
      : `may not read ${topic}, or may not write to it`;
    warn(
      `Your own notice did not come back: user ${JSON.stringify(username)} ` +
        `${may}. Ask the broker's operator, or use another --username.`,
    );
  }
}

/** What an {@link EchoCheck} needs. */
export interface EchoCheckOptions {
  /** The rooms that are announced in. */
  rooms: string[];
  /** Called for a room in which nothing came back. */
  onSilent: (topic: string) => void;
  /** For tests. */
  wait?: Wait;
}

/**
 * How long, in milliseconds, an echo may take after the acknowledgement.
 * Mosquitto sends it before (in 200 of 200 trials, measured); a cluster may
 * take its time.
 */
const PATIENCE_MS = 5_000;

/** A broker that was slow to acknowledge may be as slow again, and more. */
const SLOWNESS_FACTOR = 10;

/**
 * Whether rooms can be read: one's own notice must come back. Brokers such as
 * Mosquitto grant every subscription and then stay silent (measured), so there
 * is no other way to tell an unreadable room from a quiet one.
 */
export class EchoCheck {
  readonly #options: EchoCheckOptions;
  /** Rooms of which it isn't known yet that they can be read. */
  readonly #unheard: Set<string>;
  /** Rooms from which nothing came back. */
  readonly #silent = new Set<string>();
  readonly #stops = new Set<() => void>();

  constructor(options: EchoCheckOptions) {
    this.#options = options;
    this.#unheard = new Set(options.rooms);
  }

  /** Whether something came from every room. */
  get isHeard(): boolean {
    return this.#unheard.size === 0 && this.#silent.size === 0;
  }

  /** Whether every room turned out to be silent. */
  get hasFailed(): boolean {
    const { rooms } = this.#options;
    return rooms.length > 0 && this.#silent.size === rooms.length;
  }

  /** Something arrived: its room can be read. */
  heard(topic: string): void {
    this.#unheard.delete(topic);
    this.#silent.delete(topic);
  }

  /**
   * The broker acknowledged our notice: from now on its echo is due.
   *
   * @param topic The room.
   * @param milliseconds How long the acknowledgement took.
   */
  acknowledged(topic: string, milliseconds: number): void {
    if (!this.#unheard.has(topic)) return;
    const { wait = waitFor, onSilent } = this.#options;
    const patience = Math.max(PATIENCE_MS, milliseconds * SLOWNESS_FACTOR);
    const stop = wait(patience, () => {
      this.#stops.delete(stop);
      if (!this.#unheard.delete(topic)) return;
      this.#silent.add(topic);
      onSilent(topic);
    });
    this.#stops.add(stop);
  }

  /** Waits no longer: the connection is gone, or the program ends. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}
