/**
 * What keepers leave of a room on its broker, as a member sees it who only
 * speaks plain MQTT.
 */

import { inTime } from "./patience.ts";
import { type Arrival, Peer } from "./peers.ts";

/** Sees each history of a room that is written, and the one that is there. */
export class KeptWatch implements AsyncDisposable {
  readonly #peer: Peer;

  private constructor(peer: Peer) {
    this.#peer = peer;
  }

  static async open(
    broker: { port: number },
    room: string,
  ): Promise<KeptWatch> {
    return new KeptWatch(await Peer.connect(broker, `${room}/$history`));
  }

  /** The texts of the messages, oldest first, of each history so far. */
  get all(): string[][] {
    return this.#peer.arrived.map(textsOf);
  }

  get latest(): string[] {
    const last = this.#peer.arrived.at(-1);
    return last === undefined ? [] : textsOf(last);
  }

  async next(): Promise<string> {
    return (await this.#peer.next()).text;
  }

  /** Waits for one that has a text among its messages; returns all of them. */
  async until(text: string, patience?: number): Promise<string[]> {
    const find = async () => {
      for (;;) {
        const texts = textsOf(await this.#peer.next());
        if (texts.includes(text)) return texts;
      }
    };
    return await inTime(find(), () => `${text}: not kept`, patience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

function textsOf({ text }: Arrival): string[] {
  if (text === "") return [];
  const messages: { type: string; message?: string }[] = JSON.parse(text)
    .messages ?? [];
  return messages.flatMap(({ type, message = "" }) =>
    type === "message" ? message : []
  );
}
