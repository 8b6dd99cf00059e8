/**
 * The notices that say that this client joined, was renamed, left or was lost.
 * Its own join notice must come back, else the room can't be read.
 */

import {
  AbandonedError,
  type ChatClient,
  type ClientOptions,
  PublishError,
} from "../client.ts";
import {
  type ChatNotice,
  joinNotice,
  leaveNotice,
  presenceOf,
  type QoS,
  type Received,
  renameNotice,
  timeoutNotice,
} from "../protocol.ts";
import { safeTopic } from "../safe_text.ts";
import type { Clock } from "../timer.ts";

export interface PresenceOptions {
  name: string;
  /** The broker user, for a warning. */
  username?: string;
  /** The rooms to announce in; topics, not filters. May be none. */
  rooms: string[];
  /** The QoS of the notices. */
  qos: QoS;
  warn: (sentence: string) => void;
  clock: Clock;
}

/**
 * How long, in milliseconds, an echo may take after the acknowledgement.
 * Mosquitto sends it before (in 200 of 200 trials, measured); a cluster may
 * take its time.
 */
const PATIENCE_MS = 5_000;

/** A broker that was slow to acknowledge may be as slow again, and more. */
const SLOWNESS_FACTOR = 10;

/** What is known of a room that is announced in. */
interface Announced {
  /** Whether it may be read, on this connection. */
  isGranted: boolean;
  /** Whether a join notice is due. */
  isDue: boolean;
  /** Settles when the broker has answered the join notice, on any connection. */
  joining?: Promise<void>;
  /** What became of the first join notice: the broker refuses all or none. */
  entry: "none" | "sent" | "refused";
  /** Whether anything came from it. */
  echo: "awaited" | "heard" | "silent";
  /** When this connection's join notice was sent: tells it from earlier ones. */
  joinAt?: string;
  /** Its id, once it came back. */
  joinId?: string;
  callOff?: () => void;
}

/** Announces this client in rooms, and warns where an announcement is not seen. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #clock: Clock;
  readonly #rooms: Map<string, Announced>;
  /** The name in the rooms; {@link rename} changes it. */
  name: string;
  #client?: ChatClient;
  /** While {@link enter} waits: a warning rejects it. */
  #entering?: PromiseWithResolvers<void>;

  constructor(options: PresenceOptions) {
    const { rooms, name, clock } = options;
    this.#options = options;
    this.#clock = clock;
    this.name = name;
    this.#rooms = new Map(rooms.map((topic): [string, Announced] => [topic, {
      ...{ isGranted: false, isDue: true },
      ...{ entry: "none", echo: "awaited" },
    }]));
  }

  /**
   * The will. MQTT has one a connection, so it goes to the first room. It has no
   * `at`: it is as old as the connection.
   */
  get will(): ClientOptions["will"] {
    const { qos, rooms: [topic] } = this.#options;
    if (topic === undefined) return undefined;
    return { topic, payload: this.#notice(timeoutNotice(this.name)), qos };
  }

  /** Whether something has come from every room. */
  get isHeard(): boolean {
    return [...this.#rooms.values()].every(({ echo }) => echo === "heard");
  }

  /** Whether it turned out that no room can be read. */
  get isDenied(): boolean {
    return this.#rooms.size > 0 &&
      [...this.#rooms.values()].every(({ echo }) => echo === "silent");
  }

  /** The id of the join notice that came back on this connection. */
  joinIdIn(topic: string): string | undefined {
    return this.#rooms.get(topic)?.joinId;
  }

  /** Announces in each room as soon as it may be read, now and later. */
  join(client: ChatClient): void {
    this.#client = client;
    for (const topic of this.#rooms.keys()) this.#joinIfDue(topic);
  }

  /** Announces in the rooms; waits for each echo, or rejects with the reason. */
  async enter(client: ChatClient): Promise<void> {
    const entering = Promise.withResolvers<void>();
    this.#entering = entering;
    this.join(client);
    this.#checkEntered();
    try {
      await entering.promise;
    } finally {
      this.#entering = undefined;
    }
  }

  /** The broker grants a room, on a new connection. */
  granted(topic: string): void {
    const room = this.#rooms.get(topic);
    if (room === undefined) return;
    room.isGranted = true;
    this.#joinIfDue(topic);
  }

  /** The broker denies a room. */
  denied(topic: string): void {
    const room = this.#rooms.get(topic);
    if (room !== undefined) room.echo = "silent";
  }

  /** The connection is lost: the broker publishes the will, so a join is due. */
  lost(): void {
    for (const room of this.#rooms.values()) {
      room.isGranted = false;
      room.isDue = true;
      room.joinAt = undefined;
      room.joinId = undefined;
    }
    this.stop();
  }

  /**
   * Changes the name, and {@link will} with it, and announces that in the joined
   * rooms. Resolves when the broker has answered.
   */
  async rename(name: string): Promise<void> {
    const notice = this.#notice(renameNotice(this.name, name));
    const { qos, warn } = this.#options;
    this.name = name;
    await Promise.all(
      this.#joined().map(async ([topic]) => {
        try {
          await this.#client!.send(topic, notice, qos);
        } catch (error) {
          if (error instanceof AbandonedError) return;
          const { message } = error as Error;
          warn(`${safeTopic(topic)} did not get your new name: ${message}`);
        }
      }),
    );
  }

  /** @throws {PublishError} When a room may not be written. */
  async leave(): Promise<void> {
    await Promise.all(
      this.#joined().map(async ([topic, room]) => {
        await room.joining;
        // A room that refused the join notice is not left.
        if (room.entry === "refused") return;
        const notice = this.#notice(leaveNotice(this.name, topic));
        await this.#client!.send(topic, notice, this.#options.qos);
      }),
    );
  }

  /**
   * Something arrived: its room can be read. Returns whether it is the join
   * notice of this connection: then the room can be written, too.
   */
  receive({ topic, sentTo, payload }: Received): boolean {
    const room = this.#rooms.get(sentTo ?? topic);
    if (room === undefined) return false;
    room.echo = "heard";
    if (sentTo === undefined || payload.type !== "notice") return false;
    if (payload.at !== room.joinAt || presenceOf(payload, topic) !== "joined") {
      return false;
    }
    room.joinId = payload.id;
    this.#checkEntered();
    return true;
  }

  /** Cancels all timers. */
  stop(): void {
    for (const room of this.#rooms.values()) {
      room.callOff?.();
      room.callOff = undefined;
    }
  }

  #joined(): [string, Announced][] {
    return [...this.#rooms].filter(([, { entry }]) => entry === "sent");
  }

  #checkEntered(): void {
    const rooms = [...this.#rooms.values()];
    if (rooms.every(({ joinId }) => joinId !== undefined)) {
      this.#entering?.resolve();
    }
  }

  #joinIfDue(topic: string): void {
    const room = this.#rooms.get(topic)!;
    if (this.#client === undefined || !room.isGranted || !room.isDue) return;
    room.isDue = false;
    // One that is unanswered goes out again by itself.
    if (room.joining !== undefined || room.entry === "refused") return;
    room.entry = "sent";
    room.joining = this.#join(this.#client, topic, room);
  }

  async #join(
    client: ChatClient,
    topic: string,
    room: Announced,
  ): Promise<void> {
    const start = this.#clock.monotonic();
    const notice = this.#notice(joinNotice(this.name, topic));
    const at = new Date(this.#clock.wall()).toISOString();
    room.joinAt = at;
    try {
      await client.send(topic, { ...notice, at }, this.#options.qos);
    } catch (error) {
      if (error instanceof AbandonedError) return;
      room.entry = "refused";
      const isDenied = error instanceof PublishError && error.isDenied;
      const { message } = error as Error;
      return this.#fail(
        `${isDenied ? "No right to" : "Can't"} write to ${safeTopic(topic)}: ` +
          "others don't see you. Reading may not work either. " + message,
      );
    } finally {
      room.joining = undefined;
    }
    if (room.echo !== "awaited") return;
    const took = this.#clock.monotonic() - start;
    const patience = Math.max(PATIENCE_MS, took * SLOWNESS_FACTOR);
    room.callOff = this.#clock.after(patience, () => {
      if (room.echo !== "awaited") return;
      room.echo = "silent";
      this.#failSilent(topic);
    });
  }

  #notice(notice: string): ChatNotice {
    return { type: "notice", from: this.name, notice };
  }

  /**
   * Mosquitto grants every subscription and then stays silent (measured), so
   * only a missing echo tells an unreadable room from a quiet one.
   */
  #failSilent(topic: string): void {
    const { username, qos } = this.#options;
    const room = safeTopic(topic);
    const user = username === undefined
      ? "a client without a user"
      : `user ${JSON.stringify(username)}`;
    // In 3.1.1 a broker acknowledges what it drops, and at QoS 0 nothing.
    const mayWrite = this.#client?.version === 5 && qos > 0;
    const why = mayWrite
      ? `You can't read ${room}: ${user} may only write to it.`
      : `You can't use ${room}: ${user} lacks rights there.`;
    this.#fail(
      `${why} Ask the broker's operator, or use another --username.`,
    );
  }

  #fail(sentence: string): void {
    if (this.#entering) this.#entering.reject(new Error(sentence));
    else this.#options.warn(sentence);
  }
}
