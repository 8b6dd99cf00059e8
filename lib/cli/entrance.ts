/**
 * Getting into a room: asking the broker for it, and being seen in it. What
 * comes from the room is held back until one is in.
 *
 * @module
 */

import type { ChatClient, Status } from "../client.ts";
import type { QoS, Received } from "../protocol.ts";
import { presenceOf } from "../room/members.ts";
import type { Room } from "../room/room.ts";
import { safeTopic } from "../safe_text.ts";
import { waitFor } from "../timer.ts";

/** Who is told of a room. */
export interface RoomTeller {
  /** Shows a line of it. */
  show: (line: string) => void;
  /** Says what went wrong with it. */
  warn: (sentence: string) => void;
}

/** Makes what reads a room. */
export type OpenReader = (
  topic: string,
  name: string,
  tell: RoomTeller,
) => Room;

/** A room that one asks to be let into. */
export class Entrance {
  readonly topic: string;
  readonly reader: Room;
  readonly #lines: string[] = [];
  /** Settles when one's own join notice is back; with an error, if it isn't. */
  readonly #seen = Promise.withResolvers<void>();
  #teller?: RoomTeller;

  constructor(topic: string, name: string, openReader: OpenReader) {
    this.topic = topic;
    this.#seen.promise.catch(() => {});
    this.reader = openReader(topic, name, {
      show: (line) =>
        this.#teller ? this.#teller.show(line) : this.#lines.push(line),
      warn: (sentence) =>
        this.#teller ? this.#teller.warn(sentence) : this.#fail(sentence),
    });
  }

  /** Takes what arrived from the room. */
  receive(received: Received): void {
    const { payload, topic, sentTo } = received;
    this.reader.receive(received);
    const isOwnJoin = sentTo !== undefined && payload.type === "notice" &&
      presenceOf(payload, topic) === "joined";
    if (isOwnJoin) this.#seen.resolve();
  }

  /** Takes note of what happens to the subscription or the connection. */
  onStatus(status: Status): void {
    this.reader.onStatus(status);
  }

  /**
   * Subscribes, and waits until one is seen to join: only so it is sure that one
   * may read and write there.
   *
   * @param timeout How long that may take, in seconds.
   * @throws {Error} When one is not let in. The message is a sentence.
   */
  async pass(client: ChatClient, qos: QoS, timeout: number): Promise<void> {
    const callOff = waitFor(timeout * 1000, () => {
      const where = safeTopic(this.topic);
      this.#fail(`Nothing came back from ${where} within ${timeout} s.`);
    });
    try {
      await Promise.race([this.#subscribe(client, qos), this.#seen.promise]);
      this.reader.announce(client);
      await this.#seen.promise;
    } finally {
      callOff();
    }
  }

  /** One is in: shows what has come, and what comes from now on. */
  open(teller: RoomTeller): void {
    this.#teller = teller;
    for (const line of this.#lines.splice(0)) teller.show(line);
  }

  /** Forgets the room. */
  goBack(client: ChatClient): void {
    this.reader.stop();
    // Where others may have seen one come.
    this.reader.leave().catch(() => {});
    client.leave([this.topic]).catch(() => {});
  }

  async #subscribe(client: ChatClient, qos: QoS): Promise<void> {
    const [grant] = await client.join([this.topic], qos);
    if (grant.qos !== undefined) return;
    throw new Error(
      `The broker does not let you read ${safeTopic(this.topic)}: ` +
        `${grant.reason}.`,
    );
  }

  #fail(sentence: string): void {
    this.#seen.reject(new Error(sentence));
  }
}
