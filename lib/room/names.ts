/**
 * Decides whose a name is: the first message under a name binds it to the key
 * that signed the message, or to no key. Pure.
 *
 * @module
 */

import { DEFAULTS } from "../client_options.ts";

/** What the check of a payload's signature found. */
export type Check = "valid" | "none" | "bad" | "unchecked";

/** What `--json` says of a signature: also whether the key is another one. */
export type Signature = Check | "other";

/** A payload, as far as names go. */
export interface Signed {
  from: string;
  type: "message" | "notice";
  check: Check;
  /** The public key, where `check` is `valid`. */
  key?: string;
}

/** What {@link Names.judge} found. */
export interface Judgement {
  signature: Signature;
  /** What the line says of it; a marked line speaks for no member. */
  mark?: "another key" | "unsigned" | "bad signature" | "unchecked";
  /** A line of our own to show before it. */
  notice?: { type: "another"; name: string; key: string } | {
    type: "names full";
  };
}

/** The most names bound at a time, without those of `--people`. */
const MAX_NAMES = 2_000;

/** The most other keys whose appearance under a name has been reported. */
const MAX_OTHERS = 1_000;

/** Names and the keys they belong to. */
export class Names {
  /** Names of `--people`; each may have several keys. */
  readonly #people: ReadonlyMap<string, ReadonlySet<string>>;
  /** By name, oldest first: the key, or undefined for a name without one. */
  readonly #bound = new Map<string, string | undefined>();
  /** Other keys under bound names that were reported. */
  readonly #reported = new Set<string>();
  #isFull = false;

  constructor(people: ReadonlyMap<string, ReadonlySet<string>> = new Map()) {
    this.#people = people;
  }

  /** Judges a payload that arrived live, and binds its name if it is free. */
  judge(signed: Signed): Judgement {
    const { from, type, check, key } = signed;
    const notice = type === "message" && check !== "bad"
      ? this.#bindFirst(from, check === "valid" ? key : undefined)
      : undefined;
    const judgement = this.judgeKept(signed);
    return {
      ...judgement,
      notice: notice ??
        (type === "message" && judgement.signature === "other"
          ? this.#reportOther(from, key!)
          : undefined),
    };
  }

  /** Judges an entry of a history, which binds nothing. */
  judgeKept({ from, check, key }: Signed): Judgement {
    const isOwned = this.keysOf(from).size > 0;
    switch (check) {
      case "bad":
        return { signature: check, mark: "bad signature" };
      case "none":
      case "unchecked":
        return isOwned
          ? { signature: check, mark: check === "none" ? "unsigned" : check }
          : { signature: check };
      case "valid":
        return isOwned && !this.keysOf(from).has(key!)
          ? { signature: "other", mark: "another key" }
          : { signature: "valid" };
    }
  }

  /** Returns the keys that a name belongs to; empty if it belongs to none. */
  keysOf(name: string): ReadonlySet<string> {
    const people = this.#people.get(name);
    if (people !== undefined) return people;
    const key = this.#bound.get(name);
    return key === undefined ? NO_KEYS : new Set([key]);
  }

  /** The holder of a name left: the name is free again. */
  leave(name: string, key: string): void {
    if (this.#bound.get(name) === key) this.#bound.delete(name);
  }

  /** The holder of a name takes another; the old name stays the holder's. */
  rename(name: string, newName: string, key: string): void {
    if (this.keysOf(name).has(key)) this.#bindFirst(newName, key);
  }

  /** Binds a free name; says once when there are too many to remember. */
  #bindFirst(name: string, key?: string): Judgement["notice"] {
    const isFree = name !== DEFAULTS.username && !this.#people.has(name) &&
      !this.#bound.has(name);
    if (!isFree) return undefined;
    if (this.#bound.size >= MAX_NAMES && !this.#forgetUnsigned()) {
      if (this.#isFull) return undefined;
      this.#isFull = true;
      return { type: "names full" };
    }
    this.#bound.set(name, key);
    return undefined;
  }

  /** Forgets the oldest name without a key; returns whether there was one. */
  #forgetUnsigned(): boolean {
    for (const [name, key] of this.#bound) {
      if (key === undefined) return this.#bound.delete(name);
    }
    return false;
  }

  #reportOther(name: string, key: string): Judgement["notice"] {
    const entry = `${key} ${name}`;
    if (this.#reported.has(entry) || this.#reported.size >= MAX_OTHERS) {
      return undefined;
    }
    this.#reported.add(entry);
    return { type: "another", name, key };
  }
}

const NO_KEYS: ReadonlySet<string> = new Set();
