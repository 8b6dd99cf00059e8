/**
 * Being seen in rooms: the notices that say one joined, left, or was lost.
 *
 * @module
 */

import type { ChatClient, ClientOptions } from "../client.ts";
import {
  type ChatNotice,
  joinNotice,
  leaveNotice,
  type QoS,
  type Received,
  timeoutNotice,
} from "../protocol.ts";

/** Who is where. */
export interface PresenceOptions {
  /** The name in the rooms. */
  name: string;
  /** The rooms to be seen in; topics, not filters. May be none. */
  rooms: string[];
  /** The QoS of the notices. */
  qos: QoS;
}

/** Announces somebody in rooms. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #ownIds = new Set<string>();

  /**
   * Makes it; nothing is sent yet.
   *
   * @param options Who, and where.
   */
  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /**
   * What the broker is to say when the connection is lost. MQTT has one will
   * a connection, so it goes to the first room. It has neither `id` nor `at`:
   * it may be published more than once, and nobody knows when.
   *
   * @returns The will, or undefined when there is no room to be seen in.
   */
  get will(): ClientOptions["will"] {
    const { name, rooms: [topic] } = this.#options;
    if (topic === undefined) return undefined;
    const payload = this.#notice(timeoutNotice(name));
    return { topic, payload };
  }

  /**
   * Says in each room that one is there.
   *
   * @param client The connection.
   * @param onAnswer Called for each room: how long the broker took, in
   * milliseconds, or why it refused.
   */
  async join(
    client: ChatClient,
    onAnswer: (topic: string, answer: number | Error) => void,
  ): Promise<void> {
    const { rooms } = this.#options;
    await Promise.all(rooms.map(async (topic) => {
      const start = performance.now();
      try {
        await this.#tell(client, topic, joinNotice);
        onAnswer(topic, performance.now() - start);
      } catch (error) {
        onAnswer(topic, error as Error);
      }
    }));
  }

  /**
   * Says in each room that one leaves.
   *
   * @param client The connection.
   * @throws {PublishError} When a room may not be written.
   */
  async leave(client: ChatClient): Promise<void> {
    const { rooms } = this.#options;
    const tell = (topic: string) => this.#tell(client, topic, leaveNotice);
    await Promise.all(rooms.map(tell));
  }

  /**
   * Whether something received is a notice that was sent here.
   *
   * @param received What was received.
   * @returns True for one's own notices only.
   */
  isOwn({ payload }: Received): boolean {
    return payload.type === "notice" && payload.id !== undefined &&
      this.#ownIds.has(payload.id);
  }

  #tell(
    client: ChatClient,
    topic: string,
    text: (name: string, topic: string) => string,
  ): Promise<void> {
    const { name, qos } = this.#options;
    const id = crypto.randomUUID();
    this.#ownIds.add(id);
    return client.send(topic, { ...this.#notice(text(name, topic)), id }, qos);
  }

  #notice(notice: string): ChatNotice {
    return { type: "notice", from: this.#options.name, notice };
  }
}
