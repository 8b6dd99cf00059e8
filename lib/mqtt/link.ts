/**
 * A connection through its losses and returns: when to try again, at which
 * broker and in which version, and when to give up. Owns MQTT.js's events, and
 * the answers to what goes wrong with them.
 *
 * @module
 */

import type { IDisconnectPacket } from "mqtt";
import { type Broker, hostPort, showBroker } from "./address.ts";
import { finalError, RefusedError } from "./connect.ts";
import { connectReason, type Reason, reasonName } from "./reasons.ts";
import { retryDelay } from "./retry.ts";
import type { Rotation, Version } from "./rotation.ts";
import { TakeoverWatch } from "./takeover.ts";
import type { MqttClient } from "./transport.ts";

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
  }
  | { type: "disconnected"; broker: Broker; reason: string }
  | { type: "reconnecting"; broker: Broker; seconds: number }
  | { type: "step"; text: string };

/** Who is told. */
export interface LinkHandlers {
  /** Each change, for people. */
  onStatus: (status: LinkStatus) => void;
  /** There is a connection. */
  onUp: () => void;
  /** There is none any more; a message that was sent may be the reason. */
  onDown: (mayBeMessage: boolean) => void;
  /** There will be none any more. */
  onLost: (error: Error) => void;
}

/** What a link needs to know beside its connection. */
export interface LinkOptions {
  /** Seconds an attempt to reconnect may take. */
  timeout: number;
  /** Whether the session outlives the program. */
  resume: boolean;
  /** The client id, where the user chose it: others may use it too. */
  chosenId?: string;
}

/** A connection that stood so long, in milliseconds, is taken for stable. */
const STABLE_MS = 2_000;

/**
 * A connection that broke sooner than this, in milliseconds after it was
 * opened, may have been broken over a message. One that a cluster breaks while
 * it elects a leader takes longer (4 s, measured with NATS).
 */
const AT_ONCE_MS = 1_000;

/** The reason code of a DISCONNECT (MQTT 5 §3.14.2.1). */
const SESSION_TAKEN_OVER = 142;

/** The wait before the same broker is tried in the other MQTT version. */
const NEXT_VERSION_MS = 50;

/** How long an orderly DISCONNECT may take to leave, in milliseconds. */
const GOODBYE_MS = 1_000;

/** A connection that comes back. */
export class Link {
  /** MQTT.js's client. */
  readonly mqtt: MqttClient;
  readonly #rotation: Rotation;
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  #isUp = false;
  #isEnding = false;
  #failures = 0;
  readonly #takeover: TakeoverWatch;
  #upSince = 0;
  /** When the stream of this connection was opened. */
  #openSince = performance.now();
  #downSince = 0;
  /** Why the connection that is about to close does. */
  #cause?: Error;

  /**
   * Takes over a connection that stands.
   *
   * @param mqtt MQTT.js's client, just connected.
   * @param sessionPresent Whether the broker had a session of ours.
   * @param rotation Where it is, and where to go next.
   * @param options What else matters.
   * @param handlers Who is told.
   */
  constructor(
    mqtt: MqttClient,
    sessionPresent: boolean,
    rotation: Rotation,
    options: LinkOptions,
    handlers: LinkHandlers,
  ) {
    this.mqtt = mqtt;
    this.#rotation = rotation;
    this.#options = options;
    this.#handlers = handlers;
    this.#takeover = new TakeoverWatch(options.chosenId !== undefined);
    mqtt.options.connectTimeout = options.timeout * 1000;
    mqtt.on("connect", ({ sessionPresent }) => this.#onConnect(sessionPresent));
    // First, so that MQTT.js's own listener finds the wait that we choose.
    mqtt.prependListener("close", () => this.#onClose());
    mqtt.on("reconnect", () => this.#beforeReconnect());
    mqtt.on("error", (error) => this.#onError(error));
    mqtt.on("disconnect", (packet) => this.#onDisconnect(packet));
    this.#goUp(sessionPresent);
  }

  /**
   * Leaves in good order: DISCONNECT, so that the will is not published. With
   * MQTT 5 it also ends the session, unless that is to be resumed.
   */
  async end(): Promise<void> {
    const wasUp = this.#isUp;
    this.#stop();
    if (!wasUp) return void this.mqtt.end(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, GOODBYE_MS);
    // `end` would wait for acknowledgements that nobody awaits any more.
    this.mqtt.outgoing = {};
    const endsSession = this.#rotation.version === 5 && !this.#options.resume;
    const properties = { sessionExpiryInterval: 0 };
    this.mqtt.end(false, endsSession ? { properties } : {}, () => resolve());
    await promise;
    clearTimeout(timer);
    this.mqtt.stream.destroy();
  }

  /** Breaks the connection without a word: the broker publishes the will. */
  break(): void {
    this.#stop();
    this.mqtt.end(true);
    this.mqtt.stream.destroy();
  }

  /** Gives this connection up, for the next one. */
  drop(): void {
    this.#cause ??= new Error("it no longer answers");
    this.mqtt.stream.destroy();
  }

  #stop(): void {
    this.#isEnding = true;
    this.#isUp = false;
  }

  #onConnect(sessionPresent: boolean): void {
    this.#rotation.accepted();
    const gap = (performance.now() - this.#downSince) / 1000;
    this.#goUp(sessionPresent, gap);
  }

  #goUp(sessionPresent: boolean, gap?: number): void {
    this.#isUp = true;
    this.#upSince = performance.now();
    const wasPossible = this.#takeover.isPossible;
    const hasKept = sessionPresent || gap === undefined ||
      this.mqtt.options.clean === true;
    this.#takeover.opened(hasKept, this.#upSince);
    // Not 0, which would mean never; the wait is chosen at the next loss.
    this.mqtt.options.reconnectPeriod = retryDelay(0, 0);
    // The session that the first connection began is what the next resume.
    this.mqtt.options.clean = !this.#options.resume &&
      this.#rotation.version === 4;
    const { broker, version } = this.#rotation;
    this.#handlers.onStatus({
      type: "connected",
      broker,
      version,
      sessionPresent,
      gap,
      ...wasPossible && { mayBeShared: true },
    });
    this.#handlers.onUp();
  }

  #onClose(): void {
    if (this.#isEnding) return;
    const reason = connectReason(this.#cause);
    const wasUp = this.#isUp;
    const wasSilent = this.#cause === undefined;
    // A broker that can't take a message closes over it at once.
    const mayBeMessage = performance.now() - this.#openSince < AT_ONCE_MS;
    this.#cause = undefined;
    this.#isUp = false;
    if (wasUp) this.#goDown(reason, wasSilent, mayBeMessage);
    else this.#onFailedAttempt(reason);
    if (this.#isEnding) return;
    // MQTT.js was sending again what was unanswered, and tells of a connection
    // only after that. Its listeners come first: they end the sending.
    if (!wasUp && this.mqtt.connected) {
      queueMicrotask(() => this.#handlers.onDown(mayBeMessage));
    }
    // Whoever has answered CONNECT speaks the version.
    const mayBeVersion = reason.remedy === "version" && !this.mqtt.connected &&
      !wasUp;
    this.#planRetry(wasUp, mayBeVersion);
  }

  /** Chooses where to go next, and how long to wait before. */
  #planRetry(wasUp: boolean, mayBeVersion: boolean): void {
    const isStable = performance.now() - this.#upSince >= STABLE_MS;
    if (wasUp && isStable) this.#failures = 0;
    const next = this.#rotation.moveOn(mayBeVersion);
    const delay = next === "version"
      ? NEXT_VERSION_MS
      : retryDelay(this.#failures, Math.random());
    // A round over all brokers is one failure: one of them may be there.
    if (next === "round") this.#failures++;
    this.mqtt.options.reconnectPeriod = delay;
    const { broker } = this.#rotation;
    const seconds = delay / 1000;
    this.#handlers.onStatus({ type: "reconnecting", broker, seconds });
  }

  #goDown({ text }: Reason, wasSilent: boolean, mayBeMessage: boolean): void {
    this.#downSince = performance.now();
    const { broker } = this.#rotation;
    this.#handlers.onDown(mayBeMessage);
    this.#handlers.onStatus({ type: "disconnected", broker, reason: text });
    this.#takeover.closed(wasSilent, this.#downSince);
    if (this.#takeover.isCertain) this.#giveUp(this.#takenOver());
  }

  #onFailedAttempt(reason: Reason): void {
    const { broker } = this.#rotation;
    const text = `${showBroker(broker)}: ${reason.text}`;
    this.#takeover.failed();
    this.#handlers.onStatus({ type: "step", text });
    const error = finalError(reason, broker);
    if (error !== undefined) this.#giveUp(error);
  }

  /** MQTT.js is about to open a stream. */
  #beforeReconnect(): void {
    this.#openSince = performance.now();
    const { broker, version } = this.#rotation;
    this.#cause = undefined;
    this.mqtt.options.protocolVersion = version;
    this.#handlers.onStatus({
      type: "step",
      text: `trying ${hostPort(broker)}`,
    });
  }

  #onError(error: Error): void {
    this.#cause ??= error;
    // A packet that can't be parsed leaves MQTT.js connected with a parser
    // that has lost its place; only a new connection helps. It may come with
    // CONNACK, which is handled after it.
    this.mqtt.stream.destroy();
  }

  /** MQTT 5: the broker says why it is about to close. */
  #onDisconnect({ reasonCode = 0 }: IDisconnectPacket): void {
    this.#cause = new Error(reasonName(reasonCode));
    if (reasonCode === SESSION_TAKEN_OVER) this.#giveUp(this.#takenOver());
  }

  /** Another client has our id. */
  #takenOver(): RefusedError {
    const id = JSON.stringify(this.mqtt.options.clientId);
    return new RefusedError(
      `${showBroker(this.#rotation.broker)} gave the session to another ` +
        `client with the id ${id}; end that one, or use another --id.`,
    );
  }

  #giveUp(error: Error): void {
    if (this.#isEnding) return;
    this.#handlers.onDown(false);
    this.break();
    this.#handlers.onLost(error);
  }
}
