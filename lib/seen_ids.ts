/**
 * Which payloads were received already, in bounded memory. Pure state.
 *
 * @module
 */

/**
 * How many of the newest ids are remembered at least. Duplicates come from
 * what was unacknowledged when a connection broke: the windows of the senders
 * and of the broker, hundreds of messages, not ten thousands.
 */
const REMEMBERED = 16_384;

/** Remembers ids; forgets the oldest. */
export class SeenIds {
  readonly #size: number;
  #newer = new Set<string>();
  #older = new Set<string>();

  /**
   * Makes an empty one.
   *
   * @param size How many ids are remembered at least; twice as many at most.
   */
  constructor(size = REMEMBERED) {
    this.#size = size;
  }

  /**
   * Takes note of an id.
   *
   * @param id The id.
   * @returns Whether it is new.
   */
  add(id: string): boolean {
    if (this.#newer.has(id) || this.#older.has(id)) return false;
    if (this.#newer.size >= this.#size) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(id);
    return true;
  }
}
