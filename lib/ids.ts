/**
 * The ids of what a client sends: `<session>-<n>`, a random session for each
 * room and a counter from 1, so that a reader can tell what did not arrive. To
 * anybody else an id is an opaque string. Pure, but for the randomness.
 *
 * @module
 */

/** Bytes of randomness in a session: two are the same once in 2⁴⁸ clients. */
const SESSION_BYTES = 12;

/** The most rooms whose sessions are remembered; each may begin a new one. */
const MAX_ROOMS = 1_000;

/** Gives ids, and knows its own. */
export class IdSource {
  readonly #rooms = new Map<string, { session: string; count: number }>();
  /** By session. */
  readonly #topics = new Map<string, string>();

  /**
   * @param topic Where something is sent.
   * @returns The id of what is sent there next.
   */
  next(topic: string): string {
    const room = this.#rooms.get(topic) ?? this.#begin(topic);
    return `${room.session}-${++room.count}`;
  }

  /**
   * Where this client sent something.
   *
   * @param id The id it has.
   * @returns The topic, in the spelling it was sent to; undefined when somebody
   * else sent it.
   */
  topicOf(id: string): string | undefined {
    return this.#topics.get(id.slice(0, id.lastIndexOf("-")));
  }

  #begin(topic: string): { session: string; count: number } {
    if (this.#rooms.size >= MAX_ROOMS) {
      const [[oldest, { session }]] = this.#rooms;
      this.#rooms.delete(oldest);
      this.#topics.delete(session);
    }
    const bytes = crypto.getRandomValues(new Uint8Array(SESSION_BYTES));
    const session = bytes.toBase64({ alphabet: "base64url" });
    const room = { session, count: 0 };
    this.#rooms.set(topic, room);
    this.#topics.set(session, topic);
    return room;
  }
}
