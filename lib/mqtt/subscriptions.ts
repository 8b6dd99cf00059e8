/**
 * The rooms a client reads: subscribed to on each connection, with an answer
 * for each, and given up where the broker closes over them.
 *
 * @module
 */

import type { QoS } from "../protocol.ts";
import type { MqttJs } from "./mqtt_js.ts";
import { AT_ONCE_MS } from "./limits.ts";
import { reasonText } from "./reasons.ts";

/** How a subscription was answered. */
export interface Grant {
  /** The topic filter. */
  topic: string;
  /** The QoS the broker grants; undefined when it denies. */
  qos?: QoS;
  /** Why it denies. */
  reason?: string;
}

/** A room, until it is denied. */
interface Room {
  topic: string;
  qos: QoS;
  /** How many may break over it until it is taken for denied. */
  maxBreaks: number;
  /** How many connections in a row broke before this was answered. */
  breaks: number;
  /** Settles with the first answer. */
  answer: PromiseWithResolvers<Grant>;
}

/**
 * How many connections in a row may break over a SUBSCRIBE until the room is
 * taken for one that may not be read. RabbitMQ and AWS IoT close over one.
 */
const MAX_BREAKS = 3;

/** What is subscribed to. */
export class Subscriptions {
  readonly #mqtt: Pick<MqttJs, "subscribe">;
  readonly #timeout: number;
  readonly #rooms = new Map<string, Room>();

  /** @param timeout Seconds the broker may take for an answer. */
  constructor(mqtt: Pick<MqttJs, "subscribe">, timeout: number) {
    this.#mqtt = mqtt;
    this.#timeout = timeout;
  }

  /** Whether there is nothing to ask for. */
  get isEmpty(): boolean {
    return this.#rooms.size === 0;
  }

  /**
   * Adds rooms; {@link subscribe} asks for them.
   *
   * @param isOptional Whether one break is answer enough, and so is silence.
   * @returns The broker's first answers, in the same order.
   */
  add(topics: string[], qos: QoS, isOptional = false): Promise<Grant[]> {
    const maxBreaks = isOptional ? 1 : MAX_BREAKS;
    const rooms = topics.map((topic): Room => {
      const answer = Promise.withResolvers<Grant>();
      return { topic, qos, maxBreaks, breaks: 0, answer };
    });
    for (const room of rooms) {
      // Who waits for an answer already gets the same one.
      const before = this.#rooms.get(room.topic)?.answer;
      if (before) room.answer.promise.then(before.resolve, before.reject);
      this.#rooms.set(room.topic, room);
    }
    return Promise.all(rooms.map(({ answer }) => answer.promise));
  }

  /** Takes rooms away; they are not asked for any more. */
  remove(topics: string[]): void {
    for (const topic of topics) {
      const left = { topic, reason: "it was left" };
      this.#rooms.get(topic)?.answer.resolve(left);
      this.#rooms.delete(topic);
    }
  }

  /**
   * Subscribes; there must be a connection.
   *
   * @param topics To which of the rooms; all of them, on a new connection.
   * @param lastReason Why the connection before broke, if it did.
   * @returns What the broker grants and denies; undefined when the connection
   * broke meanwhile.
   * @throws {Error} When it does not answer in time.
   */
  async subscribe(
    topics?: string[],
    lastReason = "",
  ): Promise<Grant[] | undefined> {
    const grants: Grant[] = [];
    const open: Room[] = [];
    for (const room of this.#rooms.values()) {
      if (topics !== undefined && !topics.includes(room.topic)) continue;
      if (room.breaks < room.maxBreaks) open.push(room);
      else {
        const why = lastReason === "" ? "" : `: ${lastReason}`;
        const reason = `it breaks the connection over that${why}`;
        grants.push(this.#answer(room, { topic: room.topic, reason }));
      }
    }
    for (const rooms of askedTogether(open)) {
      const granted = await this.#ask(rooms);
      if (granted === undefined) return undefined;
      grants.push(...granted);
    }
    return grants;
  }

  /** Whoever waits for a first answer gets none. */
  abandon(error: Error): void {
    for (const { answer } of this.#rooms.values()) {
      // Nobody may wait any more.
      answer.promise.catch(() => {});
      answer.reject(error);
    }
  }

  /** One SUBSCRIBE and its SUBACK. */
  #ask(rooms: Room[]): Promise<Grant[] | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<
      Grant[] | undefined
    >();
    const timer = setTimeout(() => {
      const reason = `no answer to SUBSCRIBE in ${this.#timeout} s`;
      // A connection is not to break over a history, again and again.
      if (rooms.every(({ maxBreaks }) => maxBreaks < MAX_BREAKS)) {
        resolve(
          rooms.map((room) =>
            this.#answer(room, { topic: room.topic, reason })
          ),
        );
      } else reject(new Error(reason));
    }, this.#timeout * 1000);
    const topics = rooms.map(({ topic }) => topic);
    const askedAt = performance.now();
    // A keeper needs no copy of the history that it wrote.
    const noLocal = rooms[0].maxBreaks < MAX_BREAKS;
    this.#mqtt.subscribe(topics, rooms[0].qos, noLocal, (suback) => {
      clearTimeout(timer);
      const codes = suback?.granted ?? [];
      if (codes.length !== rooms.length) {
        const isAtOnce = performance.now() - askedAt < AT_ONCE_MS;
        if (isAtOnce) { for (const room of rooms) room.breaks++; }
        return resolve(undefined);
      }
      resolve(rooms.map((room, index) => {
        room.breaks = 0;
        const code = Number(codes[index]);
        const grant = grantOf(room.topic, code, suback?.properties);
        return this.#answer(room, grant);
      }));
    });
    return promise;
  }

  /** Takes note of an answer; a room that is denied is not asked for again. */
  #answer(room: Room, grant: Grant): Grant {
    if (grant.qos === undefined) this.#rooms.delete(room.topic);
    room.answer.resolve(grant);
    return grant;
  }
}

/**
 * What goes into one SUBSCRIBE: all rooms of a QoS, but each alone while
 * connections break over them, so that it is seen which; then what is optional.
 */
function askedTogether(rooms: Room[]): Room[][] {
  const isAlone = rooms.some(({ breaks }) => breaks > 0);
  const asked = Map.groupBy(
    rooms,
    ({ topic, qos, maxBreaks }) => isAlone ? topic : maxBreaks * 3 + qos,
  );
  return [...asked.values()].sort(([a], [b]) => b.maxBreaks - a.maxBreaks);
}

/** Reads one code of a SUBACK. */
function grantOf(
  topic: string,
  code: number,
  said?: { reasonString?: string },
): Grant {
  return code === 0 || code === 1 || code === 2
    ? { topic, qos: code }
    : { topic, reason: reasonText(code, said) };
}
