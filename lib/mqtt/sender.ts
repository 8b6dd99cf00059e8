/**
 * Messages on their way to the broker: those that wait for a connection, those
 * that wait for an answer, and the errors that end them. Knows MQTT.js only as
 * a function that publishes.
 *
 * @module
 */

import { reasonCodeOf, reasonName } from "./reasons.ts";
import type { QoS } from "../protocol.ts";

/** A message the broker did not take. */
export class PublishError extends Error {
  /** The class's name. */
  override name = "PublishError";
  /** MQTT's reason code, where the broker gave one. */
  readonly reasonCode?: number;

  /**
   * Makes an error of a sentence.
   *
   * @param message The sentence.
   * @param reasonCode MQTT's reason code, if there is one.
   */
  constructor(message: string, reasonCode?: number) {
    super(message);
    this.reasonCode = reasonCode;
  }

  /** Whether the broker refused for want of rights (MQTT 5 §2.4, 0x87). */
  get isDenied(): boolean {
    return this.reasonCode === 0x87;
  }
}

/** A message nobody answered before the connection ended. */
export class AbandonedError extends PublishError {
  /** The class's name. */
  override name = "AbandonedError";
}

/** What is sent: a payload to a topic, at a QoS. */
export interface Message {
  /** The topic. */
  topic: string;
  /** The encoded payload, before UTF-8. */
  payload: string;
  /** How it is delivered. */
  qos: QoS;
}

/**
 * Hands a message to the network; calls back once, when the broker has
 * answered or, at QoS 0, when it is handed over. Returns the packet id.
 */
export type Publish = (message: Message, done: Done) => number | undefined;

/** What is called when a message has its answer. */
export type Done = (error?: Error | null) => void;

/** A message, and whoever waits for its fate. */
interface Sending {
  message: Message;
  resolve: () => void;
  reject: (error: Error) => void;
  packetId?: number;
}

/**
 * How many connections in a row may break before the oldest message they
 * carried is answered, until it is taken for the reason. Some brokers close
 * over a message that they don't take (NATS over QoS 2), and Mosquitto answers
 * one over its message_size_limit with a PUBACK that MQTT.js can't read; the
 * message would be sent again after each reconnect, for ever.
 */
const MAX_BREAKS = 3;

/** Sends messages in order, over a connection that comes and goes. */
export class Sender {
  readonly #publish: Publish;
  readonly #forget: (packetId: number) => void;
  /**
   * Not handed to MQTT.js while it is offline: its own queue forgets some when
   * a connection breaks during the resending after a reconnect.
   */
  readonly #waiting: Sending[] = [];
  /** MQTT.js has them, and sends them again after a reconnect. */
  readonly #inFlight = new Set<Sending>();
  #isOnline = false;
  #window = 0;
  /** The oldest message when the last connection broke, and how many did. */
  #suspect?: Sending;
  #breaks = 0;

  /**
   * Makes one that is offline.
   *
   * @param publish Hands a message to the network.
   * @param forget Takes a packet back from it, so that it is not sent again.
   */
  constructor(publish: Publish, forget: (packetId: number) => void) {
    this.#publish = publish;
    this.#forget = forget;
  }

  /** Whether messages go out now rather than wait. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /**
   * From now on there is a connection; what waits goes out.
   *
   * @param window The most messages that may be without an answer.
   */
  goOnline(window: number): void {
    this.#isOnline = true;
    this.#window = window;
    this.#flush();
  }

  /**
   * From now on there is none; what comes waits.
   *
   * @param mayBeMessage Whether a message may have been the reason.
   */
  goOffline(mayBeMessage = false): void {
    this.#isOnline = false;
    const [oldest] = this.#inFlight;
    if (!mayBeMessage || oldest === undefined) return;
    this.#breaks = oldest === this.#suspect ? this.#breaks + 1 : 1;
    this.#suspect = oldest;
    if (this.#breaks >= MAX_BREAKS) this.#giveUp(oldest);
  }

  /**
   * Sends a message, now or when there is a connection.
   *
   * @param message What.
   * @param broker How to name the broker in an error.
   * @returns When the broker has answered.
   * @throws {PublishError} When it refuses.
   */
  send(message: Message, broker: () => string): Promise<void> {
    return new Promise((resolve, fail) => {
      const reject = (error: Error) =>
        fail(publishError(error, message, broker()));
      this.#waiting.push({ message, resolve, reject });
      this.#flush();
    });
  }

  /** Ends the wait of everybody: there will be no answer. */
  abandon(): void {
    const open = [...this.#inFlight, ...this.#waiting.splice(0)];
    this.#inFlight.clear();
    this.#isOnline = false;
    for (const { message, reject } of open) {
      reject(new AbandonedError(`Nobody answered for ${message.topic}.`));
    }
  }

  #giveUp(sending: Sending): void {
    const { packetId, reject } = sending;
    this.#inFlight.delete(sending);
    reject(new Error(`the connection broke ${MAX_BREAKS} times over it`));
    if (packetId !== undefined) this.#forget(packetId);
  }

  #flush(): void {
    while (this.#isOnline && this.#inFlight.size < this.#window) {
      const sending = this.#waiting.shift();
      if (sending === undefined) return;
      this.#inFlight.add(sending);
      sending.packetId = this.#publish(sending.message, (error) => {
        this.#inFlight.delete(sending);
        this.#suspect = undefined;
        if (error) sending.reject(error);
        else sending.resolve();
        this.#flush();
      });
    }
  }
}

/** An error of MQTT.js as one of ours. */
function publishError(
  error: Error,
  { topic }: Message,
  broker: string,
): PublishError {
  if (error instanceof PublishError) return error;
  const code = reasonCodeOf(error);
  const reason = code === undefined ? error.message : reasonName(code);
  return new PublishError(
    `${broker} did not take a message for ${topic}: ${reason}.`,
    code,
  );
}
