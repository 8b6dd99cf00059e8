/** Binds names to keys: a name belongs to the key that signed its first message. */

import { DEFAULTS } from "../client_options.ts";
import {
  type Check,
  MAX_NAME_LENGTH,
  newNameIn,
  type Payload,
  type Received,
} from "../protocol.ts";
import { safeName } from "../safe_text.ts";
import { isPublicKey } from "../sign.ts";
import type { Note } from "./line.ts";
import { age, LATE_MS } from "./time.ts";

/** Names and the keys that they belong to. */
export type PeopleKeys = ReadonlyMap<string, ReadonlySet<string>>;

/** Why a line may not be from the member whose name it has. */
type Mark = "another key" | "unsigned" | "bad signature" | "unchecked";

/** What a signature is worth under its name; `other` is another key's. */
export interface Verdict {
  signature: Check | "other";
  /** The key, where the signature verifies. */
  key?: string;
  mark?: Mark;
}

/** Whether a payload's number counts for its run: it is its author's own. */
export function isCountable(verdict: Verdict | undefined): boolean {
  if (verdict === undefined) return true;
  const { signature, mark } = verdict;
  return mark === undefined && (signature === "valid" || signature === "none");
}

/** A line of our own about names. */
type NameNote = Extract<Note, { type: "another" | "forgotten" }>;

/** The most names bound at a time, without those of `--people`. */
const MAX_NAMES = 2_000;

/** Report at most this many other keys under a name. */
const MAX_OTHERS = 3;

const NO_KEYS: ReadonlySet<string> = new Set();
const UNSIGNED: Verdict = { signature: "none" };

interface Owner {
  /** Undefined for a name that belongs to no key. */
  key?: string;
  /** When it was bound, in milliseconds since 1970. */
  since: number;
}

/** Names and the keys that they belong to, for one reader. */
export class Names {
  readonly #people: PeopleKeys;
  /** By name, oldest first. */
  readonly #owners = new Map<string, Owner>();
  /** Other keys under a name that were reported. */
  readonly #reported = new Map<string, Set<string>>();
  #isForgetful = false;

  constructor(people: PeopleKeys = new Map()) {
    this.#people = people;
  }

  /**
   * Judges a payload by its signature. An entry of a history has its time: it
   * may be older than what is known of its author.
   */
  judge(
    { from, key }: Pick<Payload, "from" | "key">,
    check: Check = "none",
    time = Infinity,
  ): Verdict {
    const keys = this.#keysAt(from, time);
    if (check === "none" && keys.size === 0) return UNSIGNED;
    if (check === "valid") {
      return keys.size === 0 || keys.has(key!)
        ? { signature: "valid", key }
        : { signature: "other", key, mark: "another key" };
    }
    // Where a name belongs to no key, a signature says nothing of it.
    const isMarked = keys.size > 0 || (check === "bad" && this.#isFree(from));
    const mark = check === "none" ? "unsigned" : MARKS[check];
    return { signature: check, ...isMarked && { mark } };
  }

  /**
   * Learns from what arrived and is new: the first message binds a name. What is
   * late, retained or kept may be a replay, and binds nothing. Returns what to
   * report.
   */
  learn(
    { payload, retain, receivedAt }: Received,
    { signature, key }: Verdict,
    isMissed: boolean,
  ): NameNote | undefined {
    if (!("from" in payload)) return;
    const { from, type, at } = payload;
    if (signature === "other") {
      return type === "message" ? this.#noteOther(from, key!) : undefined;
    }
    if (signature !== "valid" && signature !== "none") return;
    const newName = payload.type === "notice" ? newNameIn(payload) : from;
    if (newName === undefined || !this.#isFree(newName)) return;
    const mayRename = key !== undefined && this.keysOf(from).has(key);
    if (type === "notice" && !mayRename) return;
    if (retain || isMissed || age(at, receivedAt) > LATE_MS) return;
    return this.bind(newName, key, Number(receivedAt));
  }

  /** Binds a name, if it is free. */
  bind(
    name: string,
    key: string | undefined,
    time: number,
  ): NameNote | undefined {
    if (!this.#isFree(name)) return;
    const isFull = this.#owners.size >= MAX_NAMES;
    const isBound = !isFull || this.#forgetUnsigned();
    if (isBound) this.#owners.set(name, { key, since: time });
    if (!isFull || this.#isForgetful) return;
    this.#isForgetful = true;
    return { type: "forgotten" };
  }

  /** Frees the names of a key whose holder left. */
  free(key: string): void {
    for (const [name, owner] of this.#owners) {
      if (owner.key === key) this.#owners.delete(name);
    }
  }

  /** The keys that a name belongs to; none where it belongs to no key. */
  keysOf(name: string): ReadonlySet<string> {
    return this.#keysAt(name, Infinity);
  }

  #isFree(name: string): boolean {
    return name !== DEFAULTS.username && !this.#owners.has(name) &&
      name.length <= MAX_NAME_LENGTH && this.#peopleOf(name) === undefined;
  }

  #keysAt(name: string, time: number): ReadonlySet<string> {
    const people = this.#peopleOf(name);
    if (people !== undefined) return people;
    const { key, since } = this.#owners.get(name) ?? { since: 0 };
    return key === undefined || time < since ? NO_KEYS : new Set([key]);
  }

  /** What `--people` says of a name, written as it is or as lines show it. */
  #peopleOf(name: string): ReadonlySet<string> | undefined {
    if (this.#people.size === 0) return undefined;
    return this.#people.get(name) ?? this.#people.get(safeName(name));
  }

  /** Forgets the oldest name without a key; returns whether there was one. */
  #forgetUnsigned(): boolean {
    for (const [name, { key }] of this.#owners) {
      if (key === undefined) return this.#owners.delete(name);
    }
    return false;
  }

  #noteOther(name: string, key: string): NameNote | undefined {
    const reported = this.#reported.get(name) ?? new Set();
    if (reported.has(key) || reported.size >= MAX_OTHERS) return;
    if (this.#reported.size < MAX_NAMES) this.#reported.set(name, reported);
    reported.add(key);
    return { type: "another", from: name, key };
  }
}

const MARKS = { bad: "bad signature", unchecked: "unchecked" } as const;

/**
 * Reads a `--people` file: a name and a key in each line, `#` before a comment.
 * Returns the numbers of lines that are neither.
 */
export function parsePeople(
  text: string,
): { keys: PeopleKeys; faults: number[] } {
  const keys = new Map<string, Set<string>>();
  const faults: number[] = [];
  text.replace(/^\ufeff/, "").split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(#|$)/.test(line)) return;
    const [, name, key] = /^\s*(.*\S)\s+(\S+)\s*$/.exec(line) ?? [];
    // U+FFFD stands for what is not UTF-8, and would fit no name.
    const isFault = key === undefined || !isPublicKey(key) ||
      name.includes("\ufffd");
    if (isFault) faults.push(index + 1);
    else keys.set(name, (keys.get(name) ?? new Set()).add(key));
  });
  return { keys, faults };
}

/** The line of a `--people` file for a name. */
export function peopleLine(name: string, key: string): string {
  return `${safeName(name)} ${key}`;
}
