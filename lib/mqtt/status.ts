/**
 * What is told of a connection: that it stands, broke, comes again, and what is
 * odd about it. Types only.
 *
 * @module
 */

import type { Broker } from "./address.ts";
import type { Version } from "./rotation.ts";

/** What happens to a connection. */
export type LinkStatus =
  | {
    type: "connected";
    broker: Broker;
    version: Version;
    /**
     * Whether the broker kept the session, and with it what was said at QoS 1
     * and 2.
     */
    sessionPresent: boolean;
    /** How long there was no connection, in seconds, if there was one before. */
    gap?: number;
    /**
     * Whether another client may have had our session in the gap, and with it
     * messages meant for us.
     */
    mayBeShared?: boolean;
    /** Whether it was broken on purpose, for another will. */
    isRenewed?: boolean;
  }
  | { type: "disconnected"; broker: Broker; reason: string }
  | { type: "reconnecting"; broker: Broker; seconds: number }
  /** The session was to be kept, and the broker keeps none (MQTT 5 only). */
  | { type: "not kept"; broker: Broker }
  /** It was closed without a word many times; another client may have our id. */
  | { type: "maybe shared"; broker: Broker; clientId: string }
  | { type: "step"; text: string };
