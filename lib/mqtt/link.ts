/** One connection to a broker after another, and when to give up. */

import type { IConnackPacket, IDisconnectPacket } from "mqtt";
import type { QoS } from "../protocol.ts";
import type { Clock } from "../timer.ts";
import {
  type Broker,
  hostPort,
  showBroker,
  type TlsIdentity,
} from "./address.ts";
import {
  Attempts,
  credentials,
  noBrokerError,
  RefusedError,
  throwIfHopeless,
  type Version,
  versionName,
  type WantedVersion,
} from "./attempts.ts";
import type { Acknowledges, Arrival } from "./inbound.ts";
import { type BrokerError, type ConnectPacket, MqttJs } from "./mqtt_js.ts";
import {
  connectReason,
  disconnectText,
  type Reason,
  type Remedy,
} from "./reasons.ts";
import { MAX_PACKET_BYTES, type OpenStream } from "./stream.ts";

/** Where to connect and as which user, completely. */
export interface ConnectOptions {
  /** The brokers to try, in this order. */
  brokers: Broker[];
  /** The client id. */
  clientId: string;
  /** Whether the id is random, so that no broker has a session under it. */
  hasRandomId: boolean;
  /** The broker's user, unless its URL names one; none by default. */
  username?: string;
  /** Whether the user did not choose that: an error then names other ways. */
  isDefaultUser?: boolean;
  /** The user's password, unless the broker's URL has one. */
  password?: string;
  /** The keepalive interval in seconds, 0 (none) to 65535. */
  keepalive: number;
  /** The version to speak; `auto` is 5, and 4 (3.1.1) where 5 is refused. */
  protocolVersion: WantedVersion;
  /** Seconds that an attempt to connect, or an answer, may take. */
  timeout: number;
  /** When messages of QoS 1 and 2 are acknowledged. */
  acknowledges: Acknowledges;
  /** Certificates and keys of TLS connections. */
  tls?: TlsIdentity;
  /** The will, published by the broker when the connection is lost. */
  will?: {
    topic: string;
    qos: QoS;
    /** Returns the payload, at each connection. */
    encode: () => Uint8Array;
  };
  /** Whether the session outlives the program, and how long (seconds). */
  session: { resume: boolean; expiry: number };
}

/** What happens to a connection. */
export type LinkStatus =
  | {
    type: "connected";
    broker: Broker;
    version: Version;
    /** Whether the broker kept the session, and its QoS 1 and 2 messages. */
    sessionPresent: boolean;
    /** How long there was no connection, in seconds, if there was one before. */
    gap?: number;
    /**
     * Whether another client may have had our session in the gap, and with it
     * messages meant for us.
     */
    mayBeShared?: boolean;
    /** Whether it was renewed on purpose, for another will. */
    isRenewed?: boolean;
  }
  | { type: "disconnected"; broker: Broker; reason: string }
  | { type: "reconnecting"; broker: Broker; seconds: number }
  /** An attempt to reconnect failed. */
  | { type: "failed"; broker: Broker; reason: string }
  /** The session was to be kept, and the broker keeps none (MQTT 5 only). */
  | { type: "not kept"; broker: Broker }
  /** Many silent closes in a row; another client may have our id. */
  | { type: "maybe shared"; broker: Broker; clientId: string }
  | { type: "step"; text: string };

/** An accepted connection. */
export interface Connection {
  broker: Broker;
  version: Version;
  /** Whether the broker kept the session, and so its state of messages. */
  hasSession: boolean;
}

/** How a connection broke. */
export interface Break {
  /** The broker's last reason: part of a sentence. */
  reason: string;
  /** MQTT's reason code, where the broker gave one. */
  reasonCode?: number;
  /** Whether we ended it, over a packet that can't be read. */
  isOurs: boolean;
}

interface LinkHandlers {
  onStatus: (status: LinkStatus) => void;
  /** The broker accepted; no message has arrived yet. */
  onUp: (connection: Connection) => void;
  /** A message arrived. */
  onPublish: (arrival: Arrival) => void;
  /**
   * The connection ended; `how` is missing where we ended it. Returns whether
   * probation made progress.
   */
  onDown: (how?: Break) => boolean;
  /** There will be no other connection. */
  onLost: (error: Error) => void;
}

/** MQTT 5's reason codes (§2.4). */
const SESSION_TAKEN_OVER = 142;
const SERVER_MOVED = 157;

/** Silent closes in a row until they are reported: clients may share an id. */
const MANY_SILENT = 4;

/** Clients that compete come back within this, in milliseconds. */
const TAKEOVER_MS = 10_000;

export class Link {
  readonly mqtt: MqttJs;
  #options: ConnectOptions;
  readonly #attempts: Attempts;
  readonly #handlers: LinkHandlers;
  readonly #clock: Clock;
  /** The will that the last CONNECT had. */
  #saidWill: ConnectOptions["will"];
  /** Ends the attempt under way. */
  #onOutcome = (_failure?: Reason) => {};
  #isUp = false;
  #isEnding = false;
  #isRenewing = false;
  #hasStood = false;
  #upSince = 0;
  /** By both clocks, since one of them may stand still while asleep. */
  #downSince = { monotonic: 0, wall: 0 };
  #disconnectCode?: number;
  /** Cancels the timer of an attempt. */
  #stopTimer = () => {};
  /** Ends the wait before an attempt. */
  #endPause = () => {};
  /** Whether the broker kept the session, where it should have. */
  #hasKeptSession = true;
  /** How many short connections in a row were closed without a reason. */
  #silentCloses = 0;

  constructor(
    options: ConnectOptions,
    open: OpenStream,
    handlers: LinkHandlers,
    clock: Clock,
  ) {
    const { brokers, protocolVersion, clientId, keepalive, session } = options;
    const { acknowledges } = options;
    this.#options = options;
    this.#handlers = handlers;
    this.#clock = clock;
    this.#attempts = new Attempts(brokers, protocolVersion);
    // Only MQTT 5 sends the properties.
    const properties = {
      sessionExpiryInterval: session.expiry,
      maximumPacketSize: MAX_PACKET_BYTES,
    };
    this.mqtt = new MqttJs(
      (mqtt) => open(mqtt, this.broker),
      { clientId, keepalive, properties, acknowledges },
      {
        onConnack: (packet) => this.#onConnack(packet),
        onPublish: handlers.onPublish,
        onDisconnect: (packet) => this.#onDisconnect(packet),
        onClose: (cause) => this.#onClose(cause),
      },
      clock,
    );
  }

  /** The broker in use, or tried. */
  get broker(): Broker {
    return this.#attempts.broker;
  }

  /** The MQTT version spoken, or tried. */
  get version(): Version {
    return this.#attempts.version;
  }

  /**
   * Connects to the first broker that accepts us; each is tried once.
   *
   * @throws {NotAuthorizedError} At once, when a broker refuses the user.
   * @throws {RefusedError} When all refuse for another reason.
   * @throws {UnreachableError} When none answers in time, or not with a
   * certificate to trust.
   */
  async connect(): Promise<void> {
    const failures: (Reason & { broker: Broker })[] = [];
    try {
      for (;;) {
        const { broker, version } = this.#attempts;
        const failure = await this.#attempt();
        if (failure === undefined) return;
        const { text, remedy } = failure;
        this.#step(`${showBroker(broker)}, ${versionName(version)}: ${text}`);
        await throwIfHopeless(failure, broker, this.#options);
        const next = this.#attempts.moveOn(remedy);
        if (next !== "otherwise") failures.push({ ...failure, broker });
        if (next === "round") throw noBrokerError(failures, this.#options);
      }
    } catch (error) {
      this.break();
      throw error;
    }
  }

  /** Ends a wait for the next attempt; returns whether there is no connection. */
  reconnect(): boolean {
    this.#endPause();
    return !this.#isUp;
  }

  /**
   * Leaves with DISCONNECT, so that the will is not published. With MQTT 5 it
   * also ends the session, unless that is to be resumed.
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

  /** Breaks the connection: the broker publishes the will. */
  break(): void {
    this.#stop();
    this.mqtt.break();
  }

  /**
   * Changes the will. It is part of CONNECT (MQTT 5 §3.1.2.5), so this takes a
   * new connection; the session is kept where the version has such.
   */
  renew(will: ConnectOptions["will"]): void {
    this.#options = { ...this.#options, will };
    if (!this.#isUp || this.#isRenewing) return;
    this.#isRenewing = true;
    // Messages from now on wait for the next connection.
    this.#handlers.onDown();
    this.mqtt.leave();
  }

  /** Gives this connection up, for the next one. */
  drop(reason: string): void {
    if (this.#isUp && !this.#isRenewing) this.mqtt.fail(new Error(reason));
  }

  #stop(): void {
    this.#isEnding = true;
    this.#isUp = false;
    this.#stopTimer();
    this.#endPause();
  }

  /** Tries the broker whose turn it is; returns why it failed, if it did. */
  #attempt(): Promise<Reason | undefined> {
    const { promise, resolve } = Promise.withResolvers<Reason | undefined>();
    const { timeout, will } = this.#options;
    this.#onOutcome = resolve;
    this.#saidWill = will;
    this.#disconnectCode = undefined;
    this.#stopTimer = this.#clock.after(timeout * 1000, () => {
      this.mqtt.fail(new Error("connack timeout"));
    });
    this.mqtt.connect(this.#connectPacket());
    return promise;
  }

  /** The part of CONNECT that may differ between connections. */
  #connectPacket(): ConnectPacket {
    const { will, session, hasRandomId } = this.#options;
    const { broker, version } = this.#attempts;
    // A client with a random id has no session to discard, and asks for none
    // in MQTT 5: a session that began clean would not survive a restart of the
    // broker (measured, Mosquitto 2.0.11 with `persistence true`). In 3.1.1 one
    // that isn't clean would stay for ever. At a reconnect, the session that
    // the first connection began is resumed.
    const isClean = version === 4 || (!this.#hasStood && !hasRandomId);
    return {
      protocolVersion: version,
      clean: !session.resume && isClean,
      ...credentials(this.#options, broker),
      will: will &&
        { topic: will.topic, qos: will.qos, payload: will.encode() },
    };
  }

  #onConnack({ sessionPresent, properties }: IConnackPacket): void {
    this.#stopTimer();
    const gap = this.#hasStood ? this.#gapSeconds() : undefined;
    const { resume, expiry } = this.#options.session;
    const { broker, version } = this.#attempts;
    this.#attempts.accepted();
    this.#isUp = true;
    this.#hasStood = true;
    this.#upSince = this.#clock.monotonic();
    const mayBeShared = this.#silentCloses > 0;
    // A broker that has lost the session was restarted.
    this.#hasKeptSession = sessionPresent || gap === undefined ||
      (version === 4 && !resume);
    const isRenewed = this.#isRenewing;
    this.#isRenewing = false;
    this.#handlers.onStatus({
      type: "connected",
      broker,
      version,
      sessionPresent,
      gap,
      ...mayBeShared && { mayBeShared },
      ...isRenewed && { isRenewed },
    });
    if (resume && expiry > 0 && properties?.sessionExpiryInterval === 0) {
      this.#handlers.onStatus({ type: "not kept", broker });
    }
    this.#handlers.onUp({ broker, version, hasSession: sessionPresent });
    this.#onOutcome();
    // The will was changed while CONNECT was unanswered.
    const { will } = this.#options;
    if (will !== this.#saidWill) this.renew(will);
  }

  #gapSeconds(): number {
    const { monotonic, wall } = this.#downSince;
    const passed = this.#clock.monotonic() - monotonic;
    return Math.max(passed, this.#clock.wall() - wall) / 1000;
  }

  #onClose(cause?: BrokerError): void {
    if (this.#isEnding) return;
    this.#stopTimer();
    const reason = connectReason(cause);
    if (!this.#isUp) {
      const isTooMuch = reason.remedy === "will" && !this.#lowerWill();
      this.#onOutcome(isTooMuch ? { ...reason, remedy: "none" } : reason);
    } else if (this.#isRenewing) this.#goAnew();
    else this.#goDown(reason, cause);
  }

  /** Lowers the will's QoS; returns whether it was above 0. */
  #lowerWill(): boolean {
    const { will } = this.#options;
    if (!will?.qos) return false;
    const qos = will.qos - 1 as QoS;
    this.#options = { ...this.#options, will: { ...will, qos } };
    return true;
  }

  #down(): void {
    this.#isUp = false;
    const monotonic = this.#clock.monotonic();
    this.#downSince = { monotonic, wall: this.#clock.wall() };
  }

  /** Connects again after DISCONNECT, for another will. */
  async #goAnew(): Promise<void> {
    const { broker } = this.#attempts;
    this.#down();
    const failure = await this.#attempt();
    if (failure === undefined) return;
    this.#isRenewing = false;
    const reason = failure.text;
    this.#handlers.onStatus({ type: "disconnected", broker, reason });
    await this.#reconnect(failure.remedy);
  }

  #goDown({ text: reason }: Reason, cause?: BrokerError): void {
    const { broker } = this.#attempts;
    this.#down();
    const stood = this.#downSince.monotonic - this.#upSince;
    const hasProgressed = this.#handlers.onDown({
      reason,
      reasonCode: this.#disconnectCode,
      isOurs: cause?.isOurs ?? false,
    });
    const wasStable = this.#attempts.lost(stood, hasProgressed);
    this.#handlers.onStatus({ type: "disconnected", broker, reason });
    // Mosquitto just closes a connection whose id another client takes, and a
    // 3.1.1 broker can't say more; but so do proxies that cut idle connections.
    const { hasRandomId, clientId } = this.#options;
    const mayBeTaken = !hasRandomId && cause === undefined &&
      this.#hasKeptSession && !(wasStable && stood >= TAKEOVER_MS);
    this.#silentCloses = mayBeTaken ? this.#silentCloses + 1 : 0;
    if (this.#silentCloses === MANY_SILENT) {
      this.#handlers.onStatus({ type: "maybe shared", broker, clientId });
    }
    this.#reconnect("elsewhere");
  }

  /** Tries again until the broker accepts, or the run has to end. */
  async #reconnect(remedy: Remedy): Promise<void> {
    for (;;) {
      await this.#pause(remedy);
      if (this.#isEnding) return;
      const { broker } = this.#attempts;
      this.#step(`trying ${hostPort(broker)}`);
      const failure = await this.#attempt();
      if (failure === undefined) return;
      this.#silentCloses = 0;
      const reason = failure.text;
      remedy = failure.remedy;
      const end = remedy === "moved" && this.#endOf(SERVER_MOVED, reason);
      if (end) return this.#giveUp(end);
      this.#handlers.onStatus({ type: "failed", broker, reason });
    }
  }

  /** Chooses the next attempt, reports it, and waits. */
  async #pause(remedy: Remedy): Promise<void> {
    const delay = this.#attempts.retryAfter(remedy, Math.random());
    const { broker } = this.#attempts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(delay, resolve);
    this.#endPause = resolve;
    const seconds = delay / 1000;
    this.#handlers.onStatus({ type: "reconnecting", broker, seconds });
    await promise;
    cancel();
  }

  /** MQTT 5: the broker says why it is about to close. */
  #onDisconnect({ reasonCode = 0, properties }: IDisconnectPacket): void {
    this.#disconnectCode = reasonCode;
    const reason = disconnectText(reasonCode, properties);
    const end = this.#isUp && this.#endOf(reasonCode, reason);
    if (end) this.#giveUp(end);
    else this.mqtt.fail(new Error(reason));
  }

  /** Returns the error of a reason code that ends the run. */
  #endOf(code: number, reason: string): RefusedError | undefined {
    const { brokers, clientId } = this.#options;
    const where = showBroker(this.broker);
    if (code === SESSION_TAKEN_OVER) {
      return new RefusedError(
        `${where} gave the session to another client with the id ` +
          `${JSON.stringify(clientId)}; end that one, or use another --id.`,
      );
    }
    if (code === SERVER_MOVED && brokers.length === 1) {
      return new RefusedError(
        `${where} takes no connections any more: ${reason}.`,
      );
    }
  }

  #giveUp(error: Error): void {
    if (this.#isEnding) return;
    this.#handlers.onDown();
    this.break();
    this.#handlers.onLost(error);
  }

  #step(text: string): void {
    this.#handlers.onStatus({ type: "step", text });
  }
}
