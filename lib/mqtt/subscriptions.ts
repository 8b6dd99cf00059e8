/**
 * The rooms a client reads: subscribed to on each connection, with an answer
 * for each.
 *
 * @module
 */

import { reasonName } from "./reasons.ts";
import type { QoS } from "../protocol.ts";
import type { MqttClient } from "./transport.ts";

/** How a subscription was answered. */
export interface Grant {
  /** The topic filter. */
  topic: string;
  /** The QoS the broker grants; undefined when it denies. */
  qos?: QoS;
  /** Why it denies. */
  reason?: string;
}

/** The broker took a SUBSCRIBE and never answered. */
export class NoAnswerError extends Error {
  /** The class's name. */
  override name = "NoAnswerError";
}

/** What is subscribed to. */
export class Subscriptions {
  readonly #filters = new Map<string, QoS>();

  /**
   * Adds rooms; {@link subscribe} asks for them.
   *
   * @param filters Topic filters.
   * @param qos The QoS to ask for.
   */
  add(filters: string[], qos: QoS): void {
    for (const filter of filters) this.#filters.set(filter, qos);
  }

  /**
   * Subscribes to all of them.
   *
   * @param mqtt A connection that stands.
   * @param timeout Seconds the broker may take.
   * @returns What it grants; nothing when the connection broke meanwhile.
   * @throws {NoAnswerError} When it does not answer in time.
   */
  async subscribe(mqtt: MqttClient, timeout: number): Promise<Grant[]> {
    const levels = [...new Set(this.#filters.values())];
    const grants = await Promise.all(levels.map((level) => {
      const filters = [...this.#filters]
        .filter(([, qos]) => qos === level)
        .map(([filter]) => filter);
      return ask(mqtt, filters, level, timeout);
    }));
    return grants.flat();
  }
}

/** One SUBSCRIBE and its SUBACK. */
function ask(
  mqtt: MqttClient,
  filters: string[],
  qos: QoS,
  timeout: number,
): Promise<Grant[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new NoAnswerError(`no answer to SUBSCRIBE in ${timeout} s`)),
      timeout * 1000,
    );
    // An array: of an object, MQTT.js takes the key `resubscribe` for an
    // option of its own, and sorts filters that look like numbers first.
    mqtt.subscribe(filters, { qos }, (_error, _granted, packet) => {
      clearTimeout(timer);
      const codes = (packet?.granted ?? []) as number[];
      const isWhole = codes.length === filters.length;
      resolve(isWhole ? codes.map((code, i) => grant(filters[i], code)) : []);
    });
  });
}

/** Reads one code of a SUBACK. */
function grant(topic: string, code: number): Grant {
  return code === 0 || code === 1 || code === 2
    ? { topic, qos: code }
    : { topic, reason: reasonName(code) };
}
