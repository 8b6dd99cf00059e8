/**
 * Messages on their way to the broker: those that wait for a connection, those
 * that wait for an answer, over as many connections as that takes, and the
 * errors that end them. The one ledger of what is in flight.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { QoS } from "../protocol.ts";
import { type Wait, waitFor } from "../timer.ts";
import { AbandonedError, PublishError } from "./errors.ts";
import { type Limits, MAX_PUBLISH_BYTES, publishBytes } from "./limits.ts";
import type { BrokerError, MqttJs } from "./mqtt_js.ts";
import { reasonCodeOf, reasonText } from "./reasons.ts";
import type { Version } from "./rotation.ts";

/** What is sent: a payload to a topic, at a QoS. */
export interface Message {
  topic: string;
  /**
   * Encodes the payload, before UTF-8. Called when its turn has come; whatever
   * is sent again is what that gave.
   *
   * @throws {Error} When it can't be sent.
   */
  encode: () => string;
  /** Called when it is handed over for the first time. */
  onHandedOver?: () => void;
  qos: QoS;
  /** Whether the broker is to keep it for whoever comes later. */
  retain?: boolean;
}

/** How messages get out. */
export interface SenderOptions {
  /** MQTT.js, as far as messages go. */
  mqtt: Pick<MqttJs, "publish" | "resend" | "forget">;
  /** Seconds in which one of the messages that are sent again is answered. */
  timeout: number;
  /** How to name the broker in an error. */
  broker: () => string;
  /** Called when messages go out at a lower QoS than asked for, once. */
  onLowered: (qos: QoS) => void;
  /** Called when nothing that was sent again is answered. */
  onStuck: () => void;
  /** For tests. */
  wait?: Wait;
}

/** How a connection ended. */
export interface Break {
  /** Whether a message may have been the reason. */
  mayBeMessage: boolean;
  /** Whether the broker closed it without a word. */
  wasSilent?: boolean;
  /** MQTT's reason code, where the broker gave one. */
  reasonCode?: number;
}

/** A message, and whoever waits for its fate. */
interface Sending {
  message: Message;
  /** What was handed over. */
  payload?: string;
  resolve: () => void;
  reject: (error: Error) => void;
  packetId?: number;
  /** Whether it went out over more than one connection. */
  isResent?: true;
}

/**
 * How many connections in a row may break before the oldest message they
 * carried is answered, until it is taken for the reason. Some brokers close
 * over a message that they don't take (NATS over QoS 2, RabbitMQ over one that
 * is not allowed), and Mosquitto answers one over its message_size_limit with
 * a PUBACK that MQTT.js can't read; the message would be sent again after each
 * reconnect, for ever.
 */
const MAX_BREAKS = 3;

/** MQTT 5's reason code for what exceeds the broker's limit (§2.4). */
const PACKET_TOO_LARGE = 149;

/**
 * MQTT 5's reason code for a packet id that isn't in use (§2.4). As the answer
 * to what was sent again it says that the broker has finished with it (§4.13.2
 * leaves no other reading).
 */
const PACKET_ID_NOT_FOUND = 146;

/** Sends messages in order, over a connection that comes and goes. */
export class Sender {
  readonly #options: SenderOptions;
  /**
   * Not handed to MQTT.js while it is offline: its own queue forgets some when
   * a connection breaks.
   */
  readonly #waiting: Sending[] = [];
  /** What was handed to MQTT.js and is not answered, the oldest first. */
  readonly #inFlight = new Set<Sending>();
  /** Those of them that this connection has not carried yet. */
  #unsent: Sending[] = [];
  /** Those that it carries again, and that are not answered. */
  readonly #resent = new Set<Sending>();
  #stopWaiting = () => {};
  #online?: { limits: Limits; version: Version; hasSession: boolean };
  #isFlushing = false;
  #isLowered = false;
  /** The oldest message when the last connection broke, and how many did. */
  #suspect?: Sending;
  #breaks = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Whether messages go out now rather than wait. */
  get isOnline(): boolean {
    return this.#online !== undefined;
  }

  /**
   * From now on there is a connection: what was unanswered goes out again, then
   * what waits.
   *
   * @param limits What the broker takes.
   * @param version The MQTT version spoken.
   * @param hasSession Whether the broker has ours. Where it hasn't, it knows of
   * none of the messages, and each goes out as a new one: of one at QoS 2 it
   * would acknowledge a part that it never had.
   */
  goOnline(limits: Limits, version: Version, hasSession = true): void {
    this.#online = { limits, version, hasSession };
    this.#unsent = [...this.#inFlight];
    for (const sending of this.#unsent) this.#resent.add(sending);
    this.#awaitAnswer();
    this.#flush();
  }

  /** From now on there is none; what comes waits. */
  goOffline({ mayBeMessage, reasonCode, wasSilent }: Break): void {
    this.#online = undefined;
    this.#unsent = [];
    this.#resent.clear();
    this.#awaitAnswer();
    if (!mayBeMessage) return;
    const over = `the connection broke ${MAX_BREAKS} times over it`;
    const why = reasonCode !== undefined
      ? `: ${reasonText(reasonCode)}`
      : wasSilent
      ? ", without a word; some brokers do so over what is not allowed"
      : "";
    this.#blameOldest(over + why, reasonCode);
  }

  /**
   * Sends a message, now or when there is a connection.
   *
   * @returns When the broker has answered.
   * @throws {PublishError} When it refuses.
   */
  send(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#flush();
    });
  }

  /** Ends the wait of everybody: there will be no answer. */
  abandon(): void {
    const open = [...this.#inFlight, ...this.#waiting.splice(0)];
    this.#inFlight.clear();
    this.goOffline({ mayBeMessage: false });
    for (const { message, reject } of open) {
      reject(new AbandonedError(`Nobody answered for ${message.topic}.`));
    }
  }

  /** Takes note that the oldest message may be why the connection broke. */
  #blameOldest(reason: string, reasonCode?: number): void {
    const [oldest] = this.#inFlight;
    if (oldest === undefined) return;
    this.#breaks = oldest === this.#suspect ? this.#breaks + 1 : 1;
    this.#suspect = oldest;
    if (this.#breaks < MAX_BREAKS) return;
    this.#inFlight.delete(oldest);
    this.#refuse(oldest, reason, reasonCode);
    if (oldest.packetId !== undefined) {
      this.#options.mqtt.forget(oldest.packetId);
    }
  }

  /** Waits for the next answer to what was sent again, but not for ever. */
  #awaitAnswer(): void {
    this.#stopWaiting();
    if (this.#resent.size === 0) return;
    const { wait = waitFor, timeout, onStuck } = this.#options;
    this.#stopWaiting = wait(timeout * 1000, () => {
      this.#blameOldest(`it was not acknowledged on ${MAX_BREAKS} connections`);
      onStuck();
    });
  }

  #flush(): void {
    // At QoS 0 the answer comes at once, from within.
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#online !== undefined) {
      const underWay = this.#inFlight.size - this.#unsent.length;
      if (underWay >= this.#online.limits.inFlight) break;
      const again = this.#unsent.shift();
      const sending = again ?? this.#waiting.shift();
      if (sending === undefined) break;
      const { limits, version, hasSession } = this.#online;
      const mayBeKnown = hasSession && sending.message.qos <= limits.qos;
      if (again === undefined || !this.#resend(again, mayBeKnown)) {
        this.#publish(sending, limits, version);
      }
    }
    this.#isFlushing = false;
  }

  /**
   * Sends what an earlier connection left unanswered as what it was, or else
   * has it forgotten.
   *
   * @returns Whether it is sent.
   */
  #resend(sending: Sending, mayBeKnown: boolean): boolean {
    const { packetId } = sending;
    if (packetId === undefined) return false;
    const { mqtt } = this.#options;
    if (mayBeKnown) {
      sending.isResent = true;
      mqtt.resend(packetId);
    } else mqtt.forget(packetId);
    return mayBeKnown;
  }

  #publish(sending: Sending, limits: Limits, version: Version): void {
    const { message } = sending;
    const { topic, qos: wanted, retain = false } = message;
    const payload = this.#payloadOf(sending);
    if (payload === undefined) return;
    const qos = wanted > limits.qos ? limits.qos : wanted;
    if (qos < wanted && !this.#isLowered) {
      this.#isLowered = true;
      this.#options.onLowered(qos);
    }
    // Measured only where it may exceed the limit.
    const size = limits.packetBytes < MAX_PUBLISH_BYTES
      ? publishBytes(topic, Buffer.byteLength(payload), qos, version)
      : 0;
    if (size > limits.packetBytes) {
      return this.#fail(
        sending,
        new PublishError(
          `${this.#options.broker()} takes packets of ${limits.packetBytes} ` +
            `bytes at most, this message needs ${size}; send it in parts.`,
          PACKET_TOO_LARGE,
        ),
      );
    }
    if (sending.payload === undefined) message.onHandedOver?.();
    sending.payload = payload;
    this.#inFlight.add(sending);
    sending.packetId = this.#options.mqtt.publish(
      topic,
      payload,
      { qos, retain },
      (error) => this.#settle(sending, error),
    );
  }

  /** What is to be handed over; undefined where that can't be sent. */
  #payloadOf(sending: Sending): string | undefined {
    try {
      return sending.payload ?? sending.message.encode();
    } catch (error) {
      this.#fail(sending, error as Error);
    }
  }

  /** Refuses what was not handed over on this connection. */
  #fail(sending: Sending, error: Error): void {
    this.#inFlight.delete(sending);
    this.#resent.delete(sending);
    sending.reject(error);
  }

  #settle(sending: Sending, error?: BrokerError): void {
    if (!this.#inFlight.delete(sending)) return;
    this.#suspect = undefined;
    if (this.#resent.delete(sending)) this.#awaitAnswer();
    const code = error && reasonCodeOf(error);
    if (!error || (sending.isResent && code === PACKET_ID_NOT_FOUND)) {
      sending.resolve();
    } else {
      const reason = code === undefined
        ? error.message
        : reasonText(code, error);
      this.#refuse(sending, reason, code);
    }
    this.#flush();
  }

  #refuse(
    { message: { topic }, reject }: Sending,
    reason: string,
    reasonCode?: number,
  ): void {
    const broker = this.#options.broker();
    const sentence =
      `${broker} did not take a message for ${topic}: ${reason}.`;
    reject(new PublishError(sentence, reasonCode));
  }
}
