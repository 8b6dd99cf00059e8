/**
 * What a broker takes: the limits MQTT 5 lets it announce in CONNACK, so that
 * nothing is sent that would end the connection, be sent again after it, and
 * end it again. Pure.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { MAX_PAYLOAD_BYTES, type QoS } from "../protocol.ts";
import type { Version } from "./rotation.ts";

/** A broker's limits (MQTT 5 §3.2.2.3). */
export interface Limits {
  /** The highest QoS it takes. */
  qos: QoS;
  /** The most bytes of a packet. */
  packetBytes: number;
  /** The most messages of QoS 1 and 2 it takes unacknowledged. */
  inFlight: number;
  /** Whether it keeps retained messages, as far as it says so. */
  retains: boolean;
}

/** What CONNACK may say of them. */
export interface AnnouncedLimits {
  /** The highest QoS. */
  maximumQoS?: number;
  /** The most bytes of a packet. */
  maximumPacketSize?: number;
  /** The most messages unacknowledged. */
  receiveMaximum?: number;
  /** Whether it keeps retained messages. */
  retainAvailable?: boolean;
}

/** No PUBLISH of ours is larger: topic, payload, and less than 16 bytes more. */
export const MAX_PUBLISH_BYTES: number = 65_535 + MAX_PAYLOAD_BYTES + 16;

/**
 * A connection that broke sooner than this, in milliseconds after something was
 * sent, may have been broken over that. One that a cluster breaks while it
 * elects a leader takes longer (4 s, measured with NATS).
 */
export const AT_ONCE_MS = 1_000;

/** The largest packet the length field can say (MQTT 5 §1.5.5). */
const MQTT_MAX_PACKET_BYTES = 268_435_455 + 5;

/**
 * How many messages an MQTT 3.1.1 broker is sent unacknowledged. It can't say
 * how many it takes; Mosquitto closes over more than 20 at QoS 2 (measured).
 */
const SILENT_IN_FLIGHT = 20;

/**
 * Reads a broker's limits.
 *
 * @param version The version it speaks.
 * @param announced The properties of its CONNACK, if it has some.
 * @returns The limits, with the standard's defaults.
 */
export function limitsOf(
  version: Version,
  announced: AnnouncedLimits = {},
): Limits {
  const { maximumQoS, maximumPacketSize, receiveMaximum, retainAvailable } =
    announced;
  return {
    qos: maximumQoS === 0 || maximumQoS === 1 ? maximumQoS : 2,
    // 0 is no limit that MQTT knows.
    packetBytes: maximumPacketSize || MQTT_MAX_PACKET_BYTES,
    inFlight: version === 4 ? SILENT_IN_FLIGHT : receiveMaximum || 65_535,
    retains: retainAvailable !== false,
  };
}

/**
 * How large a PUBLISH packet without properties is (MQTT 5 §3.3).
 *
 * @param topic Its topic.
 * @param payloadBytes Its payload's size.
 * @param qos Its QoS.
 * @param version The version it is sent in.
 * @returns Its size in bytes.
 */
export function publishBytes(
  topic: string,
  payloadBytes: number,
  qos: QoS,
  version: Version,
): number {
  const remaining = 2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) +
    (version === 5 ? 1 : 0) + payloadBytes;
  let lengthBytes = 1;
  for (let rest = remaining; rest >= 128; rest = Math.floor(rest / 128)) {
    lengthBytes++;
  }
  return 1 + lengthBytes + remaining;
}
