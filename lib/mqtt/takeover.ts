/**
 * Whether another client may have our id. An MQTT 5 broker should say so, an
 * MQTT 3.1.1 broker can't, and Mosquitto just closes in either (measured); but
 * a proxy that cuts idle connections, or a broker that closes over what it
 * doesn't allow, looks the same. Pure: the clock is passed in.
 *
 * @module
 */

/** How often in a row it must look like a take-over until that is mentioned. */
const MANY = 5;

/** Clients that compete come back within this, in milliseconds. */
const TAKEOVER_MS = 10_000;

/** Watches how connections end. */
export class TakeoverWatch {
  readonly #isShareable: boolean;
  #count = 0;
  #since = 0;
  #hasKeptSession = true;

  /** @param isShareable Whether the id was chosen: nobody else has a random one. */
  constructor(isShareable: boolean) {
    this.#isShareable = isShareable;
  }

  /** Whether the last connection may have gone to another client. */
  get isPossible(): boolean {
    return this.#count > 0;
  }

  /** Whether it is time to mention it: once in a row of losses. */
  get isWorthMentioning(): boolean {
    return this.#count === MANY;
  }

  /**
   * A connection stands.
   *
   * @param hasKeptSession Whether the broker has the session it should have;
   * one that has lost it was restarted.
   * @param now Milliseconds, on any clock.
   */
  opened(hasKeptSession: boolean, now: number): void {
    this.#hasKeptSession = hasKeptSession;
    this.#since = now;
  }

  /**
   * It was lost.
   *
   * @param wasSilent Whether the broker closed it without a word.
   * @param now Milliseconds, on the same clock.
   */
  closed(wasSilent: boolean, now: number): void {
    const isPossible = this.#isShareable && wasSilent &&
      this.#hasKeptSession && now - this.#since < TAKEOVER_MS;
    this.#count = isPossible ? this.#count + 1 : 0;
  }

  /** An attempt to connect failed: the broker was away. */
  failed(): void {
    this.#count = 0;
  }
}
