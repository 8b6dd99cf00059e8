/**
 * Reports each message that arrives once, and acknowledges it when it was
 * received or on request. It replaces MQTT.js's own handling of
 * PUBLISH, which keeps a message of QoS 2 in memory until PUBREL, and can't
 * delay an acknowledgement without blocking its parser, and so its pings.
 */

import type { IPublishPacket } from "mqtt";
import { remember } from "../bounded.ts";
import { isOneTopic, topicMatches, withoutGroup } from "./topic.ts";

/**
 * When a message is acknowledged: at once, or on request, so that the broker
 * sends again what was not.
 */
export type Acknowledges = "received" | "asked";

/** A message that arrived. */
export interface Arrival {
  packet: IPublishPacket;
  /** Counts the arrivals of all connections, from 1. */
  number: number;
  /** Whether it came without its payload, which was over the limit. */
  isCut: boolean;
}

/** PUBACK or PUBREC. */
interface Acknowledgement {
  cmd: "puback" | "pubrec";
  messageId: number;
  reasonCode: 0;
}

/** The most topics and messages that are remembered, of each kind. */
const MAX_REMEMBERED = 10_000;

/** Topics that readers subscribe to more than once, for the retained message. */
const HISTORY = /\/\$history$/;

/** The messages that arrive over one connection after the other. */
export class Inbound {
  readonly #acknowledges: Acknowledges;
  readonly #send: (packet: Acknowledgement) => void;
  readonly #report: (arrival: Arrival) => void;
  #isOpen = false;
  #arrivals = 0;
  /** All arrivals up to this one may be acknowledged. */
  #acknowledged = 0;
  /** Messages of this connection that are not acknowledged, in order. */
  #pending: { packet: Acknowledgement; number: number }[] = [];
  /** The arrivals of QoS 2 whose PUBREL is still to come, by packet id. */
  readonly #unreleased = new Map<number, number>();
  readonly #filters = new Set<string>();
  /** Whether several filters match a topic. */
  readonly #overlaps = new Map<string, boolean>();
  /** The subscriptions that a message came for, by topic and hash. */
  readonly #copies = new Map<string, Set<number>>();
  /** The hashes of retained messages, by topic. */
  readonly #retained = new Map<string, number>();

  constructor(
    acknowledges: Acknowledges,
    send: (packet: Acknowledgement) => void,
    report: (arrival: Arrival) => void,
  ) {
    this.#acknowledges = acknowledges;
    this.#send = send;
    this.#report = report;
  }

  /** A connection begins; the broker may have the session of the last one. */
  open(hasSession: boolean): void {
    this.#isOpen = true;
    this.#pending = [];
    if (!hasSession) this.#unreleased.clear();
  }

  /** The connection ends: nothing may be sent after DISCONNECT. */
  close(): void {
    this.#isOpen = false;
    this.#pending = [];
  }

  /** A filter is about to be subscribed to. */
  subscribe(filter: string): void {
    this.#filters.add(filter);
    this.#forgetOverlaps(filter);
  }

  /** Filters were unsubscribed from. */
  unsubscribe(filters: string[]): void {
    for (const filter of filters) {
      this.#filters.delete(filter);
      this.#forgetOverlaps(filter);
    }
    // A room that is joined again shows what is retained.
    for (const topic of this.#retained.keys()) {
      if (filters.some((filter) => topicMatches(filter, topic))) {
        this.#retained.delete(topic);
      }
    }
  }

  /** Takes a PUBLISH packet. */
  take(packet: IPublishPacket, isCut: boolean): void {
    const { qos, messageId = 0 } = packet;
    if (qos === 0) return void this.#reportOnce(packet, isCut);
    const isAsked = this.#acknowledges === "asked";
    // It is sent again on the next connection.
    if (isAsked && !this.#isOpen) return;
    const number = this.#unreleased.get(messageId) ??
      this.#reportOnce(packet, isCut);
    if (qos === 2) this.#unreleased.set(messageId, number);
    const cmd = qos === 1 ? "puback" : "pubrec";
    this.#pending.push({
      packet: { cmd, messageId, reasonCode: 0 },
      number,
    });
    this.acknowledge(isAsked ? this.#acknowledged : this.#arrivals);
  }

  /** Takes a PUBREL packet: its packet id may be used again. */
  release(messageId: number): void {
    this.#unreleased.delete(messageId);
  }

  /** Acknowledges all arrivals up to a number, in order of arrival. */
  acknowledge(number: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, number);
    if (!this.#isOpen) return;
    const count = this.#pending.findIndex(({ number }) =>
      number > this.#acknowledged
    );
    const due = count < 0 ? this.#pending.length : count;
    for (const { packet } of this.#pending.splice(0, due)) this.#send(packet);
  }

  /** Reports a message unless it is known or empty; returns the last number. */
  #reportOnce(packet: IPublishPacket, isCut: boolean): number {
    // An empty payload clears a retained message (MQTT 5 §3.3.1.3).
    const isEmpty = packet.payload.length === 0 && !isCut;
    if (!isEmpty && !this.#isKnown(packet)) {
      this.#report({ packet, number: ++this.#arrivals, isCut });
    }
    return this.#arrivals;
  }

  #isKnown(packet: IPublishPacket): boolean {
    const { topic, retain } = packet;
    const isRetained = retain && !HISTORY.test(topic);
    const subscriptions = this.#doesOverlap(topic)
      ? subscriptionsOf(packet)
      : [];
    if (!isRetained && subscriptions.length === 0) return false;
    const hash = hashOf(packet.payload as Uint8Array);
    const isCopy = this.#isCopy(`${hash} ${topic}`, subscriptions);
    const isSame = isRetained && this.#retained.get(topic) === hash;
    if (isRetained) remember(this.#retained, topic, hash, MAX_REMEMBERED);
    return isCopy || isSame;
  }

  /** Whether a message came already, for another of our subscriptions. */
  #isCopy(key: string, subscriptions: number[]): boolean {
    if (subscriptions.length === 0) return false;
    const before = this.#copies.get(key);
    const isCopy = before !== undefined &&
      !subscriptions.some((id) => before.has(id));
    const all = isCopy ? [...before, ...subscriptions] : subscriptions;
    remember(this.#copies, key, new Set(all), MAX_REMEMBERED);
    return isCopy;
  }

  /** Whether several filters match a topic. */
  #doesOverlap(topic: string): boolean {
    if (this.#filters.size < 2) return false;
    const known = this.#overlaps.get(topic);
    if (known !== undefined) return known;
    const matching = [...this.#filters].filter((filter) =>
      filter === topic || !isOneTopic(filter) &&
        topicMatches(withoutGroup(filter), topic)
    );
    const isMore = matching.length > 1;
    remember(this.#overlaps, topic, isMore, MAX_REMEMBERED);
    return isMore;
  }

  /** A keeper subscribes to a thousand histories: these change no other topic. */
  #forgetOverlaps(filter: string): void {
    if (isOneTopic(filter)) this.#overlaps.delete(filter);
    else this.#overlaps.clear();
  }
}

/** The Subscription Identifiers of a message (MQTT 5 §3.3.2.3.8). */
function subscriptionsOf({ properties }: IPublishPacket): number[] {
  const ids: number | number[] = properties?.subscriptionIdentifier ?? [];
  return [ids].flat();
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
