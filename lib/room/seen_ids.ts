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

/** Remembers ids and where they were seen; forgets the oldest. */
export class SeenIds {
  readonly #size: number;
  #newer = new Set<string>();
  #older = new Set<string>();

  /** @param size How many are remembered at least; twice as many at most. */
  constructor(size = REMEMBERED) {
    this.#size = size;
  }

  /**
   * Takes note of an id.
   *
   * @param id The id, any string.
   * @param topic Where it was seen; elsewhere it is another message's.
   * @returns Whether it is new.
   */
  add(id: string, topic: string): boolean {
    // MQTT allows no NUL in a topic, so that two keys are never the same.
    const key = `${topic}\0${id}`;
    if (this.#newer.has(key) || this.#older.has(key)) return false;
    if (this.#newer.size === this.#size) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(key);
    return true;
  }
}
