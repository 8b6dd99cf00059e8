/**
 * Somebody at a prompt but for the prompt: in a room, by a name, with all they
 * are told.
 *
 * @module
 */

import { Membership } from "../../lib/cli/membership.ts";
import { ChatClient } from "../../lib/client.ts";
import { Room } from "../../lib/room/room.ts";
import { hostOf } from "./brokers.ts";
import { News } from "./news.ts";

/** Where they are. */
export const ROOM = "chat/room";
/** Where they may go. */
export const HALL = "chat/hall";
const TIME = /^\d\d:\d\d:\d\d /;

/** Somebody in a room, with all they are told. */
export class Guest implements AsyncDisposable {
  /** Lines without their times, and statuses. */
  readonly told: News<string> = new News("lines");
  /** Theirs. */
  readonly membership: Membership;
  #client?: ChatClient;

  private constructor(timeout: number, follow: boolean) {
    const add = (line: string) => this.told.add(line.replace(TIME, ""));
    this.membership = new Membership({
      ...{ topic: ROOM, name: "ann", qos: 1, timeout, follow },
      openReader: (topic, name, { show, warn }) =>
        new Room({
          ...{ topics: follow ? [topic] : [], name, username: "chat", qos: 1 },
          ...{ announce: follow, json: false, color: false, showTopic: false },
          ...{ resume: false, timeout, sends: true, write: show, warn },
        }),
      isIgnored: (name) => name === "bob",
      onRenamed: (name) => add(`prompt ${name}`),
    }, {
      show: add,
      warn: (sentence) => add(`warning: ${sentence}`),
      answer: (...lines) => lines.forEach(add),
      hint: (line) => add(`hint: ${line}`),
    });
  }

  /** Sits down in the room, and has been seen. */
  static async enter(
    broker: { port: number },
    { timeout = 5, follow = true } = {},
  ): Promise<Guest> {
    const guest = new Guest(timeout, follow);
    const { membership } = guest;
    const client = await ChatClient.connect({
      ...{ brokers: [hostOf(broker)], username: "chat", password: "chat" },
      timeout,
      will: membership.reader.will,
      onReceived: (received) => membership.receive(received),
      onStatus: (status) => {
        const isNews = status.type !== "step" && membership.isNews(status);
        if (isNews) guest.told.add(status.type);
        membership.onStatus(status);
      },
    });
    guest.#client = client;
    membership.begin(client);
    if (!follow) return guest;
    await client.join([ROOM], 1);
    membership.reader.announce(client);
    await guest.told.next((line) => line.includes("now subscribed"));
    return guest;
  }

  /** What was told until a line, that one included. */
  async until(line: string): Promise<string[]> {
    return await this.told.until((told) => told === line);
  }

  /** Is lost to the broker. */
  abort(): void {
    this.#client!.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.membership.end();
    this.abort();
    return Promise.resolve();
  }
}
