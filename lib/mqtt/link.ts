/**
 * A connection through its losses and returns: when to try again, at which
 * broker and in which version, and when to give up.
 *
 * @module
 */

import type { IConnackPacket, IDisconnectPacket, IPublishPacket } from "mqtt";
import type { QoS } from "../protocol.ts";
import { type Wait, waitFor } from "../timer.ts";
import { type Broker, hostPort, showBroker } from "./address.ts";
import {
  connectFirst,
  type ConnectOptions,
  connectPacket,
  finalError,
  mayBeVersion,
} from "./connect.ts";
import { RefusedError } from "./errors.ts";
import { AT_ONCE_MS, type Limits, limitsOf } from "./limits.ts";
import { type BrokerError, MqttJs } from "./mqtt_js.ts";
import { connectReason, disconnectText, type Reason } from "./reasons.ts";
import { OTHERWISE_MS, Rotation, type Version } from "./rotation.ts";
import type { Break } from "./sender.ts";
import type { LinkStatus } from "./status.ts";
import { TakeoverWatch } from "./takeover.ts";
import { MAX_PACKET_BYTES, type OpenStream } from "./stream.ts";

/** Who is told. */
export interface LinkHandlers {
  /** Each change, for people. */
  onStatus: (status: LinkStatus) => void;
  /**
   * There is a connection; nothing has arrived over it yet. The broker may have
   * our session, with what it knows of unanswered messages.
   */
  onUp: (limits: Limits, hasSession: boolean) => void;
  /** Something was published. */
  onPublish: (topic: string, bytes: Uint8Array, packet: IPublishPacket) => void;
  /** There is no connection any more; what was sent may be the reason. */
  onDown: (how: Break) => void;
  /** There will be none any more. */
  onLost: (error: Error) => void;
}

/** What tests replace. */
export interface LinkClock {
  /** Waits before a reconnect. */
  wait?: Wait;
  /** Counts gaps, in milliseconds; by it a laptop's night is a night. */
  now?: () => number;
}

/** MQTT 5's reason codes of DISCONNECT (§3.14.2.1). */
const SESSION_TAKEN_OVER = 142;

/** Those that say what was wrong with something we sent. */
const OVER_A_MESSAGE: readonly number[] = [
  0x87, // not authorized
  0x90, // topic name invalid
  0x95, // packet too large
  0x97, // quota exceeded
  0x99, // payload format invalid
  0x9a, // retain not supported
  0x9b, // QoS not supported
];

/** A connection that comes back. */
export class Link {
  /** MQTT.js, for whoever sends and subscribes while there is a connection. */
  readonly mqtt: MqttJs;
  #options: ConnectOptions;
  readonly #rotation: Rotation;
  readonly #handlers: LinkHandlers;
  readonly #wait: Wait;
  readonly #now: () => number;
  readonly #takeover: TakeoverWatch;
  #willQoS: QoS;
  /** The will that the last CONNECT said. */
  #saidWill: ConnectOptions["will"];
  /** Ends the attempt under way. */
  #onOutcome = (_failure?: Reason) => {};
  #isUp = false;
  #isEnding = false;
  #isRenewing = false;
  #hasStood = false;
  /** By the monotonic clock: when the connection stood, and was opened. */
  #upSince = 0;
  #openSince = 0;
  /** By both clocks, since one of them may stand still while asleep. */
  #downSince = { monotonic: 0, wall: 0 };
  /** Why the last connection broke, where that is known. */
  #lastReason = "";
  #disconnectCode?: number;
  #callOff = () => {};

  /**
   * @param options What to say to the brokers.
   * @param open Opens a stream to one.
   * @param handlers Who is told.
   */
  constructor(
    options: ConnectOptions,
    open: OpenStream,
    handlers: LinkHandlers,
    { wait = waitFor, now = Date.now }: LinkClock = {},
  ) {
    const { brokers, protocolVersion, clientId, keepalive, session } = options;
    this.#options = options;
    this.#handlers = handlers;
    this.#wait = wait;
    this.#now = now;
    this.#rotation = new Rotation(brokers, protocolVersion);
    this.#takeover = new TakeoverWatch(!options.hasRandomId);
    this.#willQoS = options.will?.qos ?? 0;
    // Only MQTT 5 sends the properties.
    const properties = {
      sessionExpiryInterval: session.expiry,
      maximumPacketSize: MAX_PACKET_BYTES,
    };
    this.mqtt = new MqttJs(
      (mqtt) => open(mqtt, this.#rotation.broker),
      { clientId, keepalive, properties },
      {
        onConnack: (packet) => this.#onConnack(packet),
        onPublish: handlers.onPublish,
        onDisconnect: (packet) => this.#onDisconnect(packet),
        onClose: (cause) => this.#onClose(cause),
      },
    );
  }

  /** The broker it is connected to, or tries. */
  get broker(): Broker {
    return this.#rotation.broker;
  }

  /** The MQTT version spoken, or tried. */
  get version(): Version {
    return this.#rotation.version;
  }

  /** Whether there is a connection. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Why the last connection broke; empty where the broker didn't say. */
  get lastReason(): string {
    return this.#lastReason;
  }

  /**
   * Connects for the first time.
   *
   * @throws As {@link connectFirst}.
   */
  async connect(): Promise<void> {
    try {
      await connectFirst(
        this.#options,
        this.#rotation,
        (milliseconds) => this.#attempt(milliseconds),
        (text) => this.#step(text),
      );
    } catch (error) {
      this.break();
      throw error;
    }
  }

  /**
   * Leaves in good order: DISCONNECT, so that the will is not published. With
   * MQTT 5 it also ends the session, unless that is to be resumed.
   *
   * @param mayReceive Whether something may still arrive.
   */
  async end(mayReceive: boolean): Promise<void> {
    const wasUp = this.#isUp;
    this.#stop();
    if (!wasUp) return this.mqtt.break();
    const { session } = this.#options;
    const endsSession = this.version === 5 && !session.resume;
    await this.mqtt.disconnect(endsSession, mayReceive);
  }

  /** Breaks the connection without a word: the broker publishes the will. */
  break(): void {
    this.#stop();
    this.mqtt.break();
  }

  /**
   * Has the broker say something else when the connection is lost. That is said
   * in CONNECT (MQTT 5 §3.1.2.5), so it takes a new connection; the session is
   * kept where the version has such.
   */
  renew(will: ConnectOptions["will"]): void {
    this.#options = { ...this.#options, will };
    this.#willQoS = will?.qos ?? 0;
    if (!this.#isUp) return;
    this.#isRenewing = true;
    // What is sent from now on waits for the next connection.
    this.#handlers.onDown({ mayBeMessage: false });
    this.mqtt.leave();
  }

  /**
   * Gives this connection up, for the next one.
   *
   * @param reason Why.
   */
  drop(reason: string): void {
    if (this.#isUp) this.mqtt.fail(new Error(reason));
  }

  #stop(): void {
    this.#isEnding = true;
    this.#isUp = false;
    this.#callOff();
  }

  /** Tries the broker whose turn it is; returns why it failed, if it did. */
  #attempt(milliseconds: number): Promise<Reason | undefined> {
    const { promise, resolve } = Promise.withResolvers<Reason | undefined>();
    this.#onOutcome = resolve;
    this.#saidWill = this.#options.will;
    this.#openSince = performance.now();
    this.#disconnectCode = undefined;
    this.mqtt.connect(connectPacket(
      this.#options,
      this.#rotation,
      !this.#hasStood,
      this.#willQoS,
      milliseconds,
    ));
    return promise;
  }

  #onConnack({ sessionPresent, properties }: IConnackPacket): void {
    const gap = this.#hasStood ? this.#gapSeconds() : undefined;
    const { resume, expiry } = this.#options.session;
    const { broker, version } = this.#rotation;
    this.#rotation.accepted();
    this.#isUp = true;
    this.#hasStood = true;
    this.#upSince = performance.now();
    const mayBeShared = this.#takeover.isPossible;
    const hasKept = sessionPresent || gap === undefined ||
      (version === 4 && !resume);
    this.#takeover.opened(hasKept, this.#upSince);
    this.#handlers.onStatus({
      type: "connected",
      broker,
      version,
      sessionPresent,
      gap,
      ...mayBeShared && { mayBeShared },
      ...this.#isRenewing && { isRenewed: true },
    });
    this.#isRenewing = false;
    if (resume && expiry > 0 && properties?.sessionExpiryInterval === 0) {
      this.#handlers.onStatus({ type: "not kept", broker });
    }
    const limits = limitsOf(version, this.mqtt.serverProperties);
    this.#handlers.onUp(limits, sessionPresent);
    this.#onOutcome();
    // It was changed while the broker thought.
    const { will } = this.#options;
    if (will !== this.#saidWill) this.renew(will);
  }

  #gapSeconds(): number {
    const { monotonic, wall } = this.#downSince;
    const passed = performance.now() - monotonic;
    return Math.max(passed, this.#now() - wall) / 1000;
  }

  #onClose(cause?: BrokerError): void {
    if (this.#isEnding) return;
    const reason = connectReason(cause);
    if (reason.remedy === "will" && this.#willQoS > 0) this.#willQoS--;
    else if (reason.remedy === "will") reason.remedy = "none";
    if (!this.#isUp) this.#onOutcome(reason);
    else if (this.#isRenewing) this.#goAnew();
    else this.#goDown(reason, cause === undefined);
  }

  /** Takes note that there is no connection from now on. */
  #down(monotonic: number): void {
    this.#isUp = false;
    this.#downSince = { monotonic, wall: this.#now() };
  }

  /** The connection was ended for the next one. */
  async #goAnew(): Promise<void> {
    const { broker } = this.#rotation;
    this.#down(performance.now());
    const failure = await this.#attempt(this.#options.timeout * 1000);
    if (failure === undefined) return;
    this.#isRenewing = false;
    this.#handlers.onStatus({
      type: "disconnected",
      broker,
      reason: failure.text,
    });
    await this.#reconnect(failure);
  }

  #goDown(reason: Reason, wasSilent: boolean): void {
    const now = performance.now();
    const { broker } = this.#rotation;
    const code = this.#disconnectCode;
    this.#down(now);
    this.#lastReason = wasSilent ? "" : reason.text;
    this.#handlers.onDown({
      // A broker that can't take a message closes over it at once.
      mayBeMessage: now - this.#openSince < AT_ONCE_MS ||
        (code !== undefined && OVER_A_MESSAGE.includes(code)),
      wasSilent,
      reasonCode: code,
    });
    this.#handlers.onStatus({
      type: "disconnected",
      broker,
      reason: reason.text,
    });
    this.#takeover.closed(wasSilent, now);
    if (this.#takeover.isWorthMentioning) {
      const { clientId } = this.#options;
      this.#handlers.onStatus({ type: "maybe shared", broker, clientId });
    }
    this.#rotation.stood(now - this.#upSince);
    // Whoever has answered CONNECT speaks the version.
    this.#reconnect({ ...reason, remedy: "elsewhere" });
  }

  /** Tries again until there is a connection, or there is no hope. */
  async #reconnect(last: Reason): Promise<void> {
    for (let failure: Reason | undefined = last; failure !== undefined;) {
      await this.#waitAfter(failure);
      if (this.#isEnding) return;
      this.#step(`trying ${hostPort(this.broker)}`);
      failure = await this.#attempt(this.#options.timeout * 1000);
      if (failure === undefined) return;
      this.#takeover.failed();
      this.#step(`${showBroker(this.broker)}: ${failure.text}`);
      const error = finalError(failure, this.broker);
      if (error !== undefined) return this.#giveUp(error);
    }
  }

  /** Chooses where to go next, says when, and waits until then. */
  #waitAfter(failure: Reason): Promise<void> {
    const delay = failure.remedy === "will"
      ? OTHERWISE_MS
      : this.#rotation.retryAfter(mayBeVersion(failure), Math.random());
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#handlers.onStatus({
      type: "reconnecting",
      broker: this.broker,
      seconds: delay / 1000,
    });
    this.#callOff = this.#wait(delay, resolve);
    return promise;
  }

  /** MQTT 5: the broker says why it is about to close. */
  #onDisconnect({ reasonCode = 0, properties }: IDisconnectPacket): void {
    this.#disconnectCode = reasonCode;
    if (reasonCode === SESSION_TAKEN_OVER) this.#giveUp(this.#takenOver());
    else this.mqtt.fail(new Error(disconnectText(reasonCode, properties)));
  }

  /** Another client has our id. */
  #takenOver(): RefusedError {
    const id = JSON.stringify(this.#options.clientId);
    return new RefusedError(
      `${showBroker(this.broker)} gave the session to another client with ` +
        `the id ${id}; end that one, or use another --id.`,
    );
  }

  #giveUp(error: Error): void {
    if (this.#isEnding) return;
    const hasStood = this.#hasStood;
    this.#handlers.onDown({ mayBeMessage: false });
    this.break();
    this.#handlers.onLost(error);
    if (!hasStood) this.#onOutcome({ text: error.message, remedy: "none" });
  }

  #step(text: string): void {
    this.#handlers.onStatus({ type: "step", text });
  }
}
