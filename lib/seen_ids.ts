/**
 * Which payloads were received already, in bounded memory. Pure state.
 *
 * @module
 */

/**
 * How many of the newest are remembered at least. Duplicates come from what was
 * unacknowledged when a connection broke: the windows of the senders and of the
 * broker, hundreds of messages, not ten thousands.
 */
const REMEMBERED = 16_384;

/**
 * The topics an id was seen in, by id. Nearly always it is one, and a key made
 * of both would cost a new string for each message.
 */
type Topics = Map<string, string | Set<string>>;

/** Remembers ids and where they were seen; forgets the oldest. */
export class SeenIds {
  readonly #size: number;
  #newer: Topics = new Map();
  #older: Topics = new Map();
  /** How many are in the newer ones. */
  #count = 0;

  /**
   * Makes an empty one.
   *
   * @param size How many are remembered at least; twice as many at most.
   */
  constructor(size = REMEMBERED) {
    this.#size = size;
  }

  /**
   * Takes note of an id.
   *
   * @param id The id.
   * @param topic Where it was seen; elsewhere it is another message's.
   * @returns Whether it is new.
   */
  add(id: string, topic: string): boolean {
    const known = this.#newer.get(id);
    if (has(known, topic) || has(this.#older.get(id), topic)) return false;
    if (this.#count >= this.#size) {
      this.#older = this.#newer;
      this.#newer = new Map([[id, topic]]);
      this.#count = 1;
      return true;
    }
    this.#count++;
    if (known === undefined) this.#newer.set(id, topic);
    else if (typeof known !== "string") known.add(topic);
    else this.#newer.set(id, new Set([known, topic]));
    return true;
  }
}

function has(topics: string | Set<string> | undefined, topic: string): boolean {
  return typeof topics === "object" ? topics.has(topic) : topics === topic;
}
