/** Which broker is tried next, in which MQTT version, and after which wait. */

import {
  type Broker,
  isLoopback,
  showBroker,
  type TlsIdentity,
} from "./address.ts";
import type { Reason, Remedy } from "./reasons.ts";
import { certificateFault } from "./stream.ts";

/** The MQTT versions, by their number on the wire: 4 is 3.1.1. */
export type Version = 5 | 4;

/** The version to speak; `auto` is 5, and 3.1.1 where a broker refuses 5. */
export type WantedVersion = "auto" | Version;

/** No broker could be reached, or none spoke MQTT with us. */
export class UnreachableError extends Error {
  static {
    this.prototype.name = "UnreachableError";
  }
}

/** The broker refuses the user, or lets the user read none of the rooms. */
export class NotAuthorizedError extends Error {
  static {
    this.prototype.name = "NotAuthorizedError";
  }
}

/** The broker refuses the connection for a reason other than the user. */
export class RefusedError extends Error {
  static {
    this.prototype.name = "RefusedError";
  }
}

/** The wait before the same broker is tried otherwise, in milliseconds. */
const OTHERWISE_MS = 50;

/** The first wait before a reconnect, in milliseconds, and the longest. */
const FIRST_MS = 1_000;
const LONGEST_MS = 120_000;

/** After a refusal that only people can lift, the waits begin with 2^5 s. */
const REFUSED_ROUNDS = 5;

/**
 * A connection that stood this many times the wait before it was stable. Two
 * clients that take one id from each other stand about one wait.
 */
const STABLE_FACTOR = 2;

/** Refusals that time alone does not lift. */
const REFUSALS: readonly Remedy[] = ["credentials", "trust", "certificate"];

/** The order of attempts. Pure: it remembers how the last ones ended. */
export class Attempts {
  readonly #brokers: readonly Broker[];
  readonly #wanted: WantedVersion;
  /** Versions that a broker accepted, or named by refusing the other one. */
  readonly #known = new Map<Broker, Version>();
  /** 3.1.1 after silence or a bare close: for one attempt and its connection. */
  #isGuess = false;
  /** Whether the last failure was answered by another version. */
  #hasSwitched = false;
  #index = 0;
  /** How many brokers failed since one accepted us, less whole rounds. */
  #tried = 0;
  /** How many rounds over all brokers failed since the back-off began anew. */
  #rounds = 0;
  #wasRefused = false;
  /** The wait before the last attempt, in milliseconds. */
  #wait = 0;

  /** @param brokers At least one; the first comes first. */
  constructor(brokers: readonly Broker[], wanted: WantedVersion) {
    this.#brokers = brokers;
    this.#wanted = wanted;
  }

  /** The broker to try, or in use. */
  get broker(): Broker {
    return this.#brokers[this.#index];
  }

  /** The version to try, or in use. */
  get version(): Version {
    if (this.#wanted !== "auto") return this.#wanted;
    return this.#isGuess ? 4 : this.#known.get(this.broker) ?? 5;
  }

  /** The broker accepted the version. */
  accepted(): void {
    if (!this.#isGuess) this.#known.set(this.broker, this.version);
    this.#hasSwitched = false;
    this.#tried = 0;
  }

  /**
   * Moves on after a failure: to the same broker otherwise (in the other version,
   * or with a lower QoS of the will), else to the next, the first after a round.
   */
  moveOn(remedy: Remedy): "otherwise" | "broker" | "round" {
    if (remedy === "will") return "otherwise";
    if (this.#wanted === "auto" && !this.#hasSwitched) {
      const isUnknown = !this.#known.has(this.broker);
      if (remedy === "version") {
        this.#known.set(this.broker, this.version === 5 ? 4 : 5);
        this.#hasSwitched = true;
      } else if (isUnknown && (remedy === "close" || remedy === "silence")) {
        this.#isGuess = true;
        this.#hasSwitched = true;
      }
      if (this.#hasSwitched) return "otherwise";
    }
    this.#isGuess = false;
    this.#hasSwitched = false;
    this.#index = (this.#index + 1) % this.#brokers.length;
    this.#tried = (this.#tried + 1) % this.#brokers.length;
    return this.#tried === 0 ? "round" : "broker";
  }

  /**
   * Moves on, and returns the wait before the attempt in milliseconds: 1 s,
   * doubling to 120 s with each round, less up to a quarter (`random` is 0 to 1),
   * so that the clients of a restarted broker don't all connect at once.
   */
  retryAfter(remedy: Remedy, random: number): number {
    const next = this.moveOn(remedy);
    if (next === "otherwise") return OTHERWISE_MS;
    this.#wasRefused ||= REFUSALS.includes(remedy);
    if (next === "round" && this.#wasRefused) {
      this.#rounds = Math.max(this.#rounds, REFUSED_ROUNDS);
      this.#wasRefused = false;
    }
    const longest = Math.min(FIRST_MS * 2 ** this.#rounds, LONGEST_MS);
    // A round over all brokers is one failure: one of them may be there.
    if (next === "round") this.#rounds++;
    this.#wait = Math.round(longest * (1 - random / 4));
    return this.#wait;
  }

  /**
   * A connection was lost that stood for so many milliseconds, and on which
   * probation may have got an answer or a counted break. Returns whether it was
   * stable.
   */
  lost(stood: number, hasProgressed: boolean): boolean {
    const isStable = stood >= STABLE_FACTOR * this.#wait;
    if (isStable || hasProgressed) this.#rounds = 0;
    return isStable;
  }
}

export function versionName(version: Version): string {
  return version === 5 ? "MQTT 5" : "MQTT 3.1.1";
}

/** The options that the errors of the first connection name. */
interface Account {
  username?: string;
  isDefaultUser?: boolean;
  password?: string;
  protocolVersion: WantedVersion;
  tls?: TlsIdentity;
  will?: { topic: string };
}

/** Throws if no other broker can help against a failure to connect. */
export async function throwIfHopeless(
  { text, remedy }: Reason,
  broker: Broker,
  account: Account,
): Promise<void> {
  const where = showBroker(broker);
  switch (remedy) {
    case "credentials": {
      const { username, password } = credentials(account, broker);
      const user = username === undefined
        ? "a client without a user"
        : `user ${JSON.stringify(username)}`;
      const isDefault = account.isDefaultUser && broker.username === undefined;
      const advice = username === undefined
        ? "Give a user with --username (-u)."
        : isDefault
        ? "Give a user of that broker with -u, or connect without one: " +
          "--anonymous."
        : password !== undefined
        ? "Check --username and --password."
        : "No password was given: use --password-file (with -R=FILE), " +
          "MQTT_PASSWORD (with -E=MQTT_PASSWORD) or --password.";
      throw new NotAuthorizedError(
        `${where} refused the connection of ${user}: ${text}. ${advice}`,
      );
    }
    case "trust": {
      const { tls = {} } = account;
      const fault = await certificateFault(broker, tls, new Date());
      throw new UnreachableError(
        `${where} can't be trusted: ${fault ?? text}.`,
      );
    }
    case "certificate":
      throw new UnreachableError(`${where} refused the connection: ${text}.`);
  }
}

/** The error after each broker has failed once. */
export function noBrokerError(
  failures: (Reason & { broker: Broker })[],
  { protocolVersion, will }: Account,
): Error {
  const [{ broker, text }] = failures;
  if (failures.every(({ remedy }) => remedy === "none")) {
    const where = showBroker(broker);
    return new RefusedError(`${where} refused the connection: ${text}.`);
  }
  const all = failures.map(({ broker, text }) =>
    `${showBroker(broker)} (${text})`
  );
  const { remedy } = failures.at(-1)!;
  const isVersion = remedy === "version" || remedy === "close";
  if (isVersion && protocolVersion !== "auto") {
    return new UnreachableError(
      `${all.join(" and ")}: no broker speaks ` +
        `${versionName(protocolVersion)} with us. Try it without ` +
        "--protocol-version.",
    );
  }
  return new UnreachableError(
    `No broker answers at ${all.join(" or ")}. ` +
      advice(failures, will?.topic),
  );
}

/** The user at a broker: the one that its URL names, else the usual one. */
export function credentials(
  account: Pick<Account, "username" | "password">,
  broker: Broker,
): { username?: string; password?: string } {
  return {
    username: broker.username ?? account.username,
    password: broker.password ?? account.password,
  };
}

/** Advises the user when no broker answers. */
function advice(
  failures: (Reason & { broker: Broker })[],
  willTopic = "",
): string {
  const isAbsent = failures.every(({ broker, text }) =>
    isLoopback(broker) && text.includes("nothing listens there")
  );
  const usual = isAbsent
    ? "Is one running here? In a checkout, deno task broker starts one; " +
      "--host names another."
    : "Is it running, and are scheme, host and port right? Name another with " +
      "--host.";
  // NATS closes over the will, which is the first it sees of the room.
  return /[ .]/.test(willTopic)
    ? `${usual} NATS takes no room with a space or a dot, as in ` +
      `${JSON.stringify(willTopic)}.`
    : usual;
}
