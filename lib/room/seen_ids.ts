/**
 * Which payloads were received already, in bounded memory. Pure state.
 *
 * Kept as numbers: a set of strings cost a listener a tenth of its time, for
 * keeping them, moving them about and forgetting them (measured). Two different
 * payloads are taken for one with a probability of 1 in 10¹⁴.
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
  #newer: Fingerprints;
  #older: Fingerprints;

  /**
   * Makes an empty one.
   *
   * @param size How many are remembered at least; twice as many at most.
   */
  constructor(size = REMEMBERED) {
    this.#size = size;
    this.#newer = new Fingerprints(size);
    this.#older = new Fingerprints(size);
  }

  /**
   * Takes note of an id.
   *
   * @param id The id.
   * @param topic Where it was seen; elsewhere it is another message's.
   * @returns Whether it is new.
   */
  add(id: string, topic: string): boolean {
    let one = id.length;
    let other = topic.length;
    for (let i = 0; i < id.length; i++) {
      one = mixed(one, id.charCodeAt(i), 0xcc9e2d51);
      other = mixed(other, id.charCodeAt(i), 0x1b873593);
    }
    for (let i = 0; i < topic.length; i++) {
      one = mixed(one, topic.charCodeAt(i), 0xcc9e2d51);
      other = mixed(other, topic.charCodeAt(i), 0x1b873593);
    }
    one ^= one >>> 15;
    // Never 0, which marks a free slot.
    other |= 1;
    if (this.#older.has(one, other)) return false;
    if (!this.#newer.add(one, other)) return false;
    if (this.#newer.count > this.#size) {
      const oldest = this.#older;
      oldest.clear();
      oldest.add(one, other);
      this.#older = this.#newer;
      this.#newer = oldest;
    }
    return true;
  }
}

/** A set of pairs of numbers, at most a half full. */
class Fingerprints {
  /** Pairs, each where its first number says or behind; 0 where there is none. */
  readonly #slots: Uint32Array;
  readonly #mask: number;
  /** How many there are. */
  count = 0;

  constructor(size: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * (size + 1)));
    this.#slots = new Uint32Array(2 * slots);
    this.#mask = slots - 1;
  }

  has(one: number, other: number): boolean {
    return this.#slots[this.#find(one, other) + 1] !== 0;
  }

  add(one: number, other: number): boolean {
    const at = this.#find(one, other);
    if (this.#slots[at + 1] !== 0) return false;
    this.#slots[at] = one;
    this.#slots[at + 1] = other;
    this.count++;
    return true;
  }

  clear(): void {
    this.#slots.fill(0);
    this.count = 0;
  }

  /** Where a pair is, or where it would be. */
  #find(one: number, other: number): number {
    const slots = this.#slots;
    for (let index = one & this.#mask;; index = (index + 1) & this.#mask) {
      const at = 2 * index;
      const there = slots[at + 1];
      if (there === 0) return at;
      if (there === other >>> 0 && slots[at] === one >>> 0) return at;
    }
  }
}

/** One step of a hash, after MurmurHash3. */
function mixed(hash: number, unit: number, factor: number): number {
  const product = Math.imul(hash ^ unit, factor);
  return (product << 13) | (product >>> 19);
}
