/**
 * Finds doubles and losses: accounts of the numbers in our ids. Memory is
 * bounded.
 */

import { numberIn, parseId, runIn } from "../ids.ts";
import {
  isOneTopic,
  isShared,
  topicMatches,
  withoutGroup,
} from "../mqtt/topic.ts";
import { MAX_NAME_LENGTH, type Payload, type Received } from "../protocol.ts";
import { firstCodePoints } from "../safe_text.ts";
import { type Clock, SYSTEM_CLOCK } from "../timer.ts";
import type { Note } from "./line.ts";

/** A line about losses. */
export type LossNote = Extract<Note, { type: "lost" | "uncounted" }>;

interface LossesOptions {
  /** The topic filters that are read. */
  topics: string[];
  report: (note: LossNote) => void;
  /**
   * Fetches what a keeper has before a loss is reported, and records it with
   * {@link Losses.isNewKept}. Undefined where there is nothing to fetch.
   */
  lookUp?: () => Promise<unknown> | undefined;
  clock?: Clock;
}

/** A number may be this late, in milliseconds: NATS sends again out of order. */
const LATE_MS = 3_000;

/** The shortest time between two reports, in milliseconds. */
const REPORT_MS = 1_000;

/** A number further than this from the others of its run is a leap. */
const LEAP = 512;

/** Each account can remember this many numbers. */
const RING = LEAP;

/**
 * An account can remember this many while there is memory to spare: a sender
 * repeats all that was unacknowledged, for which MQTT 5 allows 65,535.
 */
const LONG_RING = 16_384;

/** The numbers that all accounts may remember beyond {@link RING}: 2 MiB. */
const SPARE = 524_288;

/** Holes of an account whose times are known. */
const MAX_HOLES = 64;

/** Runs that are remembered, and as many that sent one payload only. */
const MAX_RUNS = 1_024;

/** Runs with losses to report. */
const MAX_OPEN = 4_096;

/** {@link RecentTexts} remember at least this many, and twice as many at most. */
const MAX_TEXTS = 16_384;

/** The longest topic that is counted, in UTF-16 code units. */
const MAX_TOPIC_LENGTH = 1_024;

/** Drops doubles, and reports what did not arrive. */
export class Losses {
  readonly #options: LossesOptions;
  readonly #clock: Clock;
  /** The one room that is read: a broker may deliver it in another spelling. */
  readonly #room?: string;
  readonly #sharedFilters: string[];
  readonly #accounts = new Accounts();
  /** Ids and contents that no account knows. */
  readonly #others = new RecentTexts();
  /** Unsealed ones, apart: a flood of them must not push out sealed ones. */
  readonly #unsealed = new RecentTexts();
  /** Accounts with losses to report. */
  readonly #open = new Set<Account>();
  #isShared = false;
  #isOnline = true;
  #isUncounted = false;
  #nextReport = 0;
  #cancelTimer?: () => void;

  constructor(options: LossesOptions) {
    const { topics, clock = SYSTEM_CLOCK } = options;
    this.#options = options;
    this.#clock = clock;
    if (topics.length === 1 && isOneTopic(topics[0])) this.#room = topics[0];
    this.#sharedFilters = topics.filter(isShared).map(withoutGroup);
  }

  /**
   * Records what arrived; returns whether it is new. The key is that of its
   * valid signature, or empty.
   */
  isNew(received: Received, key = ""): boolean {
    const { payload, topic, retain, sealed } = received;
    if (!("from" in payload)) return true;
    const isLive = !retain && this.#isCounted(topic);
    return this.#isNew(payload, this.#room ?? topic, key, sealed, isLive);
  }

  /** Records an entry of a room's history; returns whether it is new. */
  isNewKept(
    payload: Payload,
    room: string,
    key = "",
    sealed?: boolean,
  ): boolean {
    return this.#isNew(payload, room, key, sealed, false);
  }

  /**
   * Counts a run anew: a payload that claims its key was not verified, and what
   * is missing before the next one may be such payloads.
   */
  doubt({ payload, topic }: Received): void {
    if (!("from" in payload) || payload.id === undefined) return;
    const { id, key = "" } = payload;
    if (numberIn(id) === 0) return;
    this.#accounts.find(id, this.#room ?? topic, key)?.restart();
  }

  /**
   * Counts what is missing between a history and what comes live: for a history
   * that should reach to where the reader joined.
   */
  countFromHistory(room: string): void {
    this.#accounts.countFromHistory(room);
  }

  /** Reports nothing until {@link online}: a keeper may have what is missing. */
  offline(): void {
    this.#isOnline = false;
    this.#stopTimer();
  }

  /**
   * Waits anew for what is missing. If another client may have got a part of the
   * session, nothing is counted from now on.
   */
  online(mayBeShared = false): void {
    this.#isOnline = true;
    this.#isShared ||= mayBeShared;
    const now = this.#clock.monotonic();
    for (const { holes } of this.#open) {
      for (const hole of holes) hole.since = now;
    }
    this.#startTimer();
  }

  /** Reports all losses, and nothing later. */
  stop(): void {
    this.offline();
    this.#report(Infinity);
  }

  /** Whether this client should get all that is sent to a topic. */
  #isCounted(topic: string): boolean {
    return !this.#isShared &&
      !this.#sharedFilters.some((filter) => topicMatches(filter, topic));
  }

  #isNew(
    payload: Payload,
    topic: string,
    key: string,
    sealed = true,
    isLive: boolean,
  ): boolean {
    const { id } = payload;
    if (id === undefined) return true;
    const from = shortened(payload.from);
    const hash = contentHash(payload);
    // Anyone may write what is not sealed: it moves no numbers.
    const isCountable = sealed && topic.length <= MAX_TOPIC_LENGTH;
    const entry = { number: isCountable ? numberIn(id) : 0, hash, isLive };
    const account = entry.number > 0
      ? this.#accounts.find(id, topic, key)
      : undefined;
    let isNew = account?.add(entry, from, this.#clock);
    if (isNew === undefined) {
      const others = sealed ? this.#others : this.#unsealed;
      isNew = others.add(topic, key, id, hash);
      if (isNew && account !== undefined) account.leap(entry, this.#clock);
      else if (isNew && isCountable && parseId(id) !== undefined) {
        const whose = { topic, key, from };
        const isForgotten = this.#accounts.begin(id, whose, entry);
        if (isForgotten && isLive) this.#reportUncounted();
      }
    }
    if (account !== undefined && account.holes.length > 0) {
      this.#expect(account);
    }
    return isNew;
  }

  /** Schedules the report of an account's losses. */
  #expect(account: Account): void {
    if (this.#open.size < MAX_OPEN) this.#open.add(account);
    else if (!this.#open.has(account)) this.#reportUncounted();
    this.#startTimer();
  }

  #startTimer(): void {
    if (!this.#isOnline || this.#cancelTimer !== undefined) return;
    const due = this.#nextDue();
    if (due === Infinity) return;
    const wait = Math.max(due, this.#nextReport) - this.#clock.monotonic();
    const cancel = this.#clock.after(Math.max(0, wait), async () => {
      const now = this.#clock.monotonic();
      if (this.#nextDue() <= now) await this.#options.lookUp?.();
      // The connection was lost meanwhile: there may be another timer.
      if (this.#cancelTimer !== cancel) return;
      this.#cancelTimer = undefined;
      this.#report(now);
      this.#startTimer();
    });
    this.#cancelTimer = cancel;
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** When the next loss is due; infinite where nothing is missing. */
  #nextDue(): number {
    let due = Infinity;
    for (const account of this.#open) {
      const [oldest] = account.holes;
      if (oldest === undefined) this.#open.delete(account);
      else due = Math.min(due, oldest.since + LATE_MS);
    }
    return due;
  }

  /** Reports due losses, in one line for each room and author. */
  #report(now: number): void {
    const losses = new Map<string, LossNote & { type: "lost" }>();
    for (const account of this.#open) {
      const { topic, from } = account.whose;
      const count = account.takeLost(now - LATE_MS);
      if (count === 0) continue;
      const author = JSON.stringify([topic, from]);
      const loss = losses.get(author);
      if (loss !== undefined) loss.count += count;
      else losses.set(author, { type: "lost", from, count, topic });
    }
    if (losses.size === 0) return;
    this.#nextReport = this.#clock.monotonic() + REPORT_MS;
    losses.forEach((loss) => this.#options.report(loss));
  }

  #reportUncounted(): void {
    if (this.#isUncounted) return;
    this.#isUncounted = true;
    this.#options.report({ type: "uncounted" });
  }
}

/** A number of a run, as it arrived. */
interface Entry {
  number: number;
  /** The hash of the content. */
  hash: number;
  /** Whether the numbers between two live ones should have arrived. */
  isLive: boolean;
}

/** The owner of a run. */
interface Whose {
  readonly topic: string;
  readonly key: string;
  /** The last name of the author. */
  from: string;
}

/** From one number to below another, some of which are missing. */
interface Hole {
  first: number;
  end: number;
  missing: number;
  since: number;
}

/** The numbers of one run, in one room and under one key. */
class Account {
  readonly whose: Whose;
  /** Whether it sent a payload since the last eviction. */
  isRecent = false;
  /** Unreported losses, in order of time. */
  readonly holes: Hole[] = [];
  readonly #memory: { spare: number };
  /** The contents of the numbers from first to top; 0 where one is missing. */
  #ring = new Uint32Array(8);
  #first = 0;
  #top = 0;
  /** The highest number ever, where the run has moved down since. */
  #high = 0;
  /** The highest number that came live; 0 before any did. */
  #live = 0;
  /** Numbers that came a leap above the others; of many the first. */
  #above: Entry[] = [];
  #leap?: Entry;

  constructor(whose: Whose, entry: Entry, memory: { spare: number }) {
    this.whose = whose;
    this.#memory = memory;
    this.#moveTo(entry);
  }

  /**
   * Records a number. Returns whether it is new; undefined where it came with
   * another content, or lies outside of what is remembered.
   */
  add(entry: Entry, from: string, clock: Clock): boolean | undefined {
    const { number, hash, isLive } = entry;
    if (number < this.#first || number > this.#top + LEAP) return undefined;
    const known = number > this.#top ? 0 : this.#at(number);
    if (known !== 0 && known !== hash) return undefined;
    if (isLive && number > this.#live) this.#goLive(number, clock);
    if (known !== 0) return false;
    if (number > this.#top) this.#extendTo(number);
    else this.#fill(number);
    this.#put(number, hash);
    if (isLive) this.whose.from = from;
    return true;
  }

  /**
   * Records a number that {@link add} did not. A leap is believed when a second
   * number follows it.
   */
  leap(entry: Entry, clock: Clock): void {
    const { number, isLive } = entry;
    this.#fill(number);
    if (number > this.#top + LEAP && this.#above.length < LEAP) {
      this.#above.push(entry);
    }
    if (!isLive || Math.abs(number - this.#top) <= LEAP) return;
    const before = this.#leap;
    this.#leap = entry;
    if (this.#live === 0) return this.#moveTo(entry);
    if (before === undefined || number <= before.number) return;
    if (number > before.number + LEAP) return;
    if (before.number > this.#top) {
      const came = this.#above.filter((one) => one.number < before.number);
      const missing = this.#missingBetween(this.#live, this.#top + 1) +
        before.number - Math.max(this.#high, this.#top) - 1 - came.length;
      this.#open(before.number, missing, clock);
    }
    this.#moveTo(before);
    this.add(entry, this.whose.from, clock);
  }

  /** Counts from the next live number on. */
  restart(): void {
    this.#live = 0;
    this.#leap = undefined;
    this.holes.length = 0;
  }

  /** Counts from the highest number on, where none came live. */
  countFromTop(): void {
    if (this.#live === 0) this.#live = this.#top;
  }

  /** Takes out the losses up to a time; returns how many. */
  takeLost(since: number): number {
    let count = 0;
    while (this.holes.length > 0 && this.holes[0].since <= since) {
      count += this.holes.shift()!.missing;
    }
    return count;
  }

  /** Frees the memory; nothing is recorded any more. */
  forget(): void {
    this.#memory.spare += Math.max(0, this.#ring.length - RING);
    this.#ring = new Uint32Array(0);
  }

  #at(number: number): number {
    return this.#ring[number & (this.#ring.length - 1)];
  }

  #put(number: number, hash: number): void {
    this.#ring[number & (this.#ring.length - 1)] = hash;
  }

  /** The run goes on here, whatever came before. */
  #moveTo({ number, hash, isLive }: Entry): void {
    this.#high = Math.max(this.#high, this.#top);
    if (this.#top > 0 && number > this.#top) {
      this.#extendTo(number);
      for (const one of this.#above) {
        const isKnown = this.#first <= one.number && one.number < number;
        if (isKnown) this.#put(one.number, one.hash);
      }
    } else this.#first = this.#top = number;
    if (isLive) this.#live = number;
    this.#above = [];
    this.#leap = undefined;
    this.#put(number, hash);
  }

  #extendTo(number: number): void {
    if (number - this.#first >= this.#ring.length) this.#grow(number);
    const first = Math.max(this.#first, number - this.#ring.length + 1);
    for (let n = Math.max(this.#top + 1, first); n < number; n++) {
      this.#put(n, 0);
    }
    this.#first = first;
    this.#top = number;
  }

  #grow(number: number): void {
    const before = this.#ring;
    const { length } = before;
    let size = length;
    while (size <= number - this.#first) size *= 2;
    const isTooLong = size > LONG_RING ||
      size - Math.max(RING, length) > this.#memory.spare;
    if (isTooLong) size = RING;
    if (size <= length) return;
    this.#memory.spare -= Math.max(0, size - Math.max(RING, length));
    this.#ring = new Uint32Array(size);
    for (let n = this.#first; n <= this.#top; n++) {
      this.#put(n, before[n & (length - 1)]);
    }
  }

  /** A number came live: those since the last live one should have come. */
  #goLive(number: number, clock: Clock): void {
    if (this.#live > 0 && number > this.#live + 1) {
      this.#open(number, this.#missingBetween(this.#live, number), clock);
    }
    this.#live = number;
  }

  /** How many between two numbers did not come, as far as is remembered. */
  #missingBetween(after: number, end: number): number {
    let missing = Math.max(0, end - 1 - Math.max(this.#top, after));
    const top = Math.min(end - 1, this.#top);
    for (let n = Math.max(after + 1, this.#first); n <= top; n++) {
      if (this.#at(n) === 0) missing++;
    }
    return missing;
  }

  /** Some numbers above the last live one are missing. */
  #open(end: number, missing: number, clock: Clock): void {
    if (missing <= 0) return;
    const since = clock.monotonic();
    const last = this.holes.at(-1);
    if (last === undefined || this.holes.length < MAX_HOLES) {
      this.holes.push({ first: this.#live + 1, end, missing, since });
    } else {
      last.end = end;
      last.missing += missing;
      last.since = since;
    }
  }

  /** A number came late. */
  #fill(number: number): void {
    const index = this.holes.findIndex(({ first, end }) =>
      first <= number && number < end
    );
    if (index < 0) return;
    if (--this.holes[index].missing === 0) this.holes.splice(index, 1);
  }
}

/** Accounts by topic, key and run; forgets those that sent nothing lately. */
class Accounts {
  /** Runs that sent one payload: many of them push out no others. */
  readonly #once = new Map<string, Account>();
  readonly #more = new Map<string, Account>();
  readonly #begun = new RecentTexts();
  readonly #memory = { spare: SPARE };

  /** Opens an account; returns whether there was one, which is forgotten. */
  begin(id: string, whose: Whose, entry: Entry): boolean {
    const { topic, key } = whose;
    this.#makeRoom(this.#once);
    const account = new Account(whose, entry, this.#memory);
    this.#once.set(nameOf(id, topic, key), account);
    return !this.#begun.add(topic, key, runIn(id));
  }

  countFromHistory(topic: string): void {
    for (const account of [...this.#once.values(), ...this.#more.values()]) {
      if (account.whose.topic === topic) account.countFromTop();
    }
  }

  /** Finds the account of an id that has a number. */
  find(id: string, topic: string, key: string): Account | undefined {
    const name = nameOf(id, topic, key);
    const account = this.#more.get(name);
    if (account !== undefined) {
      account.isRecent = true;
      return account;
    }
    const second = this.#once.get(name);
    if (second === undefined) return undefined;
    this.#once.delete(name);
    this.#makeRoom(this.#more);
    this.#more.set(name, second);
    return second;
  }

  #makeRoom(accounts: Map<string, Account>): void {
    if (accounts.size < MAX_RUNS) return;
    for (const [name, account] of accounts) {
      accounts.delete(name);
      if (!account.isRecent) return account.forget();
      // A second chance.
      account.isRecent = false;
      accounts.set(name, account);
    }
  }
}

/** The slots of a table; at least half of them are empty. */
const SLOTS = 2 * MAX_TEXTS;

/** One empty slot: a table is made for its first text. */
const NO_TEXTS = new Uint32Array(2);

/**
 * Remembers texts by 64 bits of hash, and forgets the oldest. Strings would
 * outlive V8's young generation: 500,000 of them took the heap from 15 to 90 MB
 * (measured).
 */
class RecentTexts {
  /** Random, so that no sender knows which texts have one hash. */
  readonly #seeds = crypto.getRandomValues(new Uint32Array(2));
  /** The two halves of a hash in each slot; the first is 0 where it is empty. */
  #newer = NO_TEXTS;
  #older = NO_TEXTS;
  #size = 0;

  /** Returns whether a text of a topic and key, with its number, is new. */
  add(topic: string, key: string, text: string, number = 0): boolean {
    const hash = { low: this.#seeds[0], high: this.#seeds[1] };
    mixBoth(hash, text);
    mixBoth(hash, topic);
    mixBoth(hash, key);
    const low = step(hash.low, number) >>> 0 || 1;
    const high = step(hash.high, number) >>> 0 || 1;
    let at = slotOf(this.#newer, low, high);
    const isKnown = this.#newer[at] !== 0 ||
      this.#older[slotOf(this.#older, low, high)] !== 0;
    if (isKnown) return false;
    if (this.#size === 0) {
      this.#newer = new Uint32Array(2 * SLOTS);
      at = slotOf(this.#newer, low, high);
    }
    this.#newer[at] = low;
    this.#newer[at + 1] = high;
    if (++this.#size < MAX_TEXTS) return true;
    this.#size = 0;
    [this.#newer, this.#older] = [NO_TEXTS, this.#newer];
    return true;
  }
}

/** The index of a hash in a table, or of the empty slot for it. */
function slotOf(table: Uint32Array, low: number, high: number): number {
  let at = (2 * low) % table.length;
  while (table[at] !== 0 && (table[at] !== low || table[at + 1] !== high)) {
    at = (at + 2) % table.length;
  }
  return at;
}

/** Neither a topic nor a key has a NUL. */
function nameOf(id: string, topic: string, key: string): string {
  return `${topic}\0${key}\0${runIn(id)}`;
}

/** Hashes kind, author, text and the sender's time; never 0. */
export function contentHash(payload: Payload): number {
  const isMessage = payload.type === "message";
  let hash = mix(isMessage ? 1 : 2, payload.from);
  hash = mix(hash, isMessage ? payload.message : payload.notice);
  if (payload.at !== undefined) hash = mix(hash, payload.at);
  return hash >>> 0 || 1;
}

/** Adds a text to a hash, two code units at a time. */
function mix(hash: number, text: string): number {
  hash = step(hash, text.length);
  for (let i = 0; i < text.length; i += 2) hash = step(hash, pairAt(text, i));
  return hash;
}

/** Adds a text to both halves of a hash, as {@link mix}. */
function mixBoth(hash: { low: number; high: number }, text: string): void {
  let low = step(hash.low, text.length);
  let high = step(hash.high, text.length);
  for (let i = 0; i < text.length; i += 2) {
    const pair = pairAt(text, i);
    low = step(low, pair);
    high = step(high, pair);
  }
  hash.low = low;
  hash.high = high;
}

/** Two code units of a text as a number, or the last one. */
function pairAt(text: string, index: number): number {
  const first = text.charCodeAt(index);
  return index + 1 < text.length
    ? first | text.charCodeAt(index + 1) << 16
    : first;
}

/** A step of MurmurHash3. */
function step(hash: number, word: number): number {
  const mixed = hash ^ Math.imul(word, 0xcc9e2d51);
  return Math.imul(mixed << 13 | mixed >>> 19, 5) + 0xe6546b64 | 0;
}

/** A name, cut to the length that is remembered. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH
    ? name
    : firstCodePoints(name, MAX_NAME_LENGTH);
}
