/**
 * What arrives twice, and what does not arrive: accounts of the numbers in our
 * ids. Memory is bounded.
 *
 * @module
 */

import { numberIn, parseId, runIn } from "../ids.ts";
import { isOneTopic, topicMatches } from "../mqtt/topic.ts";
import { MAX_NAME_LENGTH, type Payload, type Received } from "../protocol.ts";
import { firstCodePoints } from "../safe_text.ts";
import { type Clock, SYSTEM_CLOCK } from "../timer.ts";
import type { Note } from "./line.ts";

/** A line about losses. */
export type LossNote = Extract<Note, { type: "lost" | "uncounted" }>;

/** What the accounts need. */
export interface LossesOptions {
  /** The topic filters that are read. */
  topics: string[];
  /** Shows a line. */
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

/** Each account can remember this many numbers, */
const RING = LEAP;

/**
 * and this many while there is memory to spare: a sender repeats all that was
 * unacknowledged when its connection broke, and MQTT 5 allows 65,535.
 */
const LONG_RING = 16_384;

/** The numbers that all accounts may remember beyond {@link RING}: 2 MiB. */
const SPARE = 524_288;

/** Runs that are remembered, and as many that sent one payload only. */
const MAX_RUNS = 1_024;

/** Accounts that may wait for a report. */
const MAX_OPEN = 4_096;

/** {@link RecentTexts} remember at least this many, and twice as many at most. */
const MAX_TEXTS = 16_384;

/** In a room with a longer name, in UTF-16 code units, nothing is counted. */
const MAX_TOPIC_LENGTH = 1_024;

/** The beginning of a shared subscription (MQTT 5 §4.8.2). */
const SHARED = /^\$share\/[^/]+\//;

/** Tells new payloads from doubles, and reports what did not arrive. */
export class Losses {
  readonly #options: LossesOptions;
  readonly #clock: Clock;
  /** The one room that is read: a broker may deliver it in another spelling. */
  readonly #room?: string;
  readonly #sharedFilters: string[];
  readonly #accounts = new Accounts();
  /** Ids and contents that no account knows. */
  readonly #others = new RecentTexts();
  /** Apart: many of these must not have a sealed one forgotten. */
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
    this.#sharedFilters = topics.filter((topic) => SHARED.test(topic))
      .map((topic) => topic.replace(SHARED, ""));
  }

  /**
   * Records what arrived; returns whether it is new. The key is that of its
   * valid signature, or empty.
   */
  isNew(received: Received, key = ""): boolean {
    const { payload, topic, retain, sealed } = received;
    if (!("from" in payload)) return true;
    const isLive = !retain && this.#isCounted(topic);
    return this.#record(payload, this.#room ?? topic, key, isLive, sealed);
  }

  /** Records an entry of a history; returns whether it is new. */
  isNewKept(
    payload: Payload,
    room: string,
    key = "",
    sealed?: boolean,
  ): boolean {
    return this.#record(payload, room, key, false, sealed);
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
    for (const account of this.#open) account.waitAnew(now);
    this.#startTimer();
  }

  /** Reports all that is missing, and nothing later. */
  stop(): void {
    this.offline();
    this.#report(Infinity);
  }

  /** Whether this client should get all that is sent to a topic. */
  #isCounted(topic: string): boolean {
    return !this.#isShared &&
      !this.#sharedFilters.some((filter) => topicMatches(filter, topic));
  }

  #record(
    payload: Payload,
    topic: string,
    key: string,
    isLive: boolean,
    sealed = true,
  ): boolean {
    const { id, from } = payload;
    if (id === undefined) return true;
    const hash = contentHash(payload);
    // Anyone may write what is not sealed: it moves no numbers.
    const isOurs = sealed && topic.length <= MAX_TOPIC_LENGTH;
    const number = isOurs ? numberIn(id) : 0;
    const account = number > 0
      ? this.#accounts.find(id, topic, key)
      : undefined;
    let isNew = account?.add(number, hash, isLive, this.#clock);
    if (isNew && isLive) account!.from = shortened(from);
    if (isNew === undefined) {
      const others = sealed ? this.#others : this.#unsealed;
      isNew = others.add(`${topic}\0${key}\0${id}\0${hash}`);
      if (!isNew) return false;
      account?.addFar(number, hash, isLive, this.#clock);
      if (account === undefined && number > 0 && parseId(id) !== undefined) {
        const entry = { number, hash, isLive };
        const isForgotten = this.#accounts.begin(
          id,
          topic,
          key,
          shortened(from),
          entry,
        );
        if (isForgotten && isLive) this.#reportUncounted();
      }
    }
    if (account?.hasHoles) this.#expect(account);
    return isNew;
  }

  /** Has the losses of an account reported when they are due. */
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

  /** When the next loss is due; infinite where nothing is missing. */
  #nextDue(): number {
    let due = Infinity;
    for (const account of this.#open) {
      if (account.hasHoles) due = Math.min(due, account.due);
      else this.#open.delete(account);
    }
    return due;
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Reports what was due at a time, in one line for each room and author. */
  #report(now: number): void {
    const losses = new Map<string, LossNote & { type: "lost" }>();
    for (const account of this.#open) {
      const { topic, from } = account;
      const count = account.takeLost(now);
      if (!account.hasHoles) this.#open.delete(account);
      if (count === 0) continue;
      const key = JSON.stringify([topic, from]);
      const loss = losses.get(key);
      if (loss !== undefined) loss.count += count;
      else losses.set(key, { type: "lost", from, count, topic });
    }
    if (losses.size === 0) return;
    this.#nextReport = this.#clock.monotonic() + REPORT_MS;
    losses.forEach(this.#options.report);
  }

  #reportUncounted(): void {
    if (this.#isUncounted) return;
    this.#isUncounted = true;
    this.#options.report({ type: "uncounted" });
  }
}

/** Numbers of a run that are missing below ones that came live. */
interface Hole {
  /** The numbers lie from this one */
  first: number;
  /** to below this one; others between them have come. */
  end: number;
  /** How many are missing. */
  missing: number;
  /** When the first and the last was found to be missing. */
  since: number;
  latest: number;
}

/** A number and its content. */
interface Entry {
  number: number;
  hash: number;
  isLive: boolean;
}

/** The numbers of one run in one room under one key. */
class Account {
  /** What its ids begin with. */
  readonly prefix: string;
  readonly topic: string;
  readonly key: string;
  /** The name it had last. */
  from: string;
  /** Whether it sent something since the memory was last cleared. */
  isRecent = false;
  /** The numbers that all accounts may remember beyond {@link RING}. */
  readonly #memory: { spare: number };
  /** The contents of the numbers from first to top; 0 where none came. */
  #ring = new Uint32Array(8);
  #first: number;
  #top: number;
  /** The highest number ever. */
  #high: number;
  /** The highest that came live; 0 before any did. */
  #live: number;
  /** How many are missing above the last live one and below the ring. */
  #below = 0;
  #leap?: Entry;
  readonly #holes: Hole[] = [];

  constructor(
    id: Pick<Account, "prefix" | "topic" | "key" | "from">,
    { number, hash, isLive }: Entry,
    memory: { spare: number },
  ) {
    this.prefix = id.prefix;
    this.topic = id.topic;
    this.key = id.key;
    this.from = id.from;
    this.#memory = memory;
    this.#first = this.#top = this.#high = number;
    this.#live = isLive ? number : 0;
    this.#put(number, hash);
  }

  /** Whether something is missing that was not reported. */
  get hasHoles(): boolean {
    return this.#holes.length > 0;
  }

  /** When the oldest hole is to be reported. */
  get due(): number {
    return this.#holes[0].latest + LATE_MS;
  }

  /**
   * Records a number. Returns whether it is new, or undefined where it is too
   * far from the others, or came with another content.
   */
  add(
    number: number,
    hash: number,
    isLive: boolean,
    clock: Clock,
  ): boolean | undefined {
    if (this.#isFar(number)) return undefined;
    const known = this.#at(number);
    if (known !== 0 && known !== hash) return undefined;
    if (isLive && number > this.#live) this.#goLive(number, clock);
    if (known !== 0) return false;
    if (number > this.#top || number < this.#first) this.#reach(number);
    this.#put(number, hash);
    if (number < this.#live) this.#fill(number);
    return true;
  }

  /**
   * Takes note of a number that is too far from the others. A second one that
   * follows it shows that the run goes on there.
   */
  addFar(number: number, hash: number, isLive: boolean, clock: Clock): void {
    if (!this.#isFar(number)) return;
    this.#fill(number);
    const leap = this.#leap;
    const isFollowed = leap !== undefined && number > leap.number &&
      number - leap.number <= LEAP;
    if (isLive && this.#live === 0) this.#move({ number, hash, isLive }, clock);
    else if (isFollowed) {
      this.#move(leap, clock);
      this.add(number, hash, isLive, clock);
    } else if (isLive || number > this.#top) {
      this.#leap = { number, hash, isLive };
    }
  }

  /** Counts what is missing above the highest number, though none came live. */
  countFromTop(): void {
    if (this.#live === 0) this.#live = this.#top;
  }

  /** Gives all holes the full time again. */
  waitAnew(now: number): void {
    for (const hole of this.#holes) hole.latest = now;
  }

  /** Takes out the holes that were due at a time; returns how many are lost. */
  takeLost(now: number): number {
    let count = 0;
    while (this.hasHoles && this.due <= now) {
      count += this.#holes.shift()!.missing;
    }
    return count;
  }

  /** Frees the memory. */
  forget(): void {
    this.#memory.spare += Math.max(0, this.#ring.length - RING);
    this.#ring = new Uint32Array(0);
  }

  #isFar(number: number): boolean {
    return number > this.#top + LEAP ||
      (number < this.#first && number <= this.#top - LEAP);
  }

  /** The content of a number; 0 where it has not come. */
  #at(number: number): number {
    if (number > this.#top || number < this.#first) return 0;
    return this.#ring[number & (this.#ring.length - 1)];
  }

  #put(number: number, hash: number): void {
    this.#ring[number & (this.#ring.length - 1)] = hash;
  }

  /** Has the ring reach to a number that is not far. */
  #reach(number: number): void {
    const first = Math.min(this.#first, number);
    const top = Math.max(this.#top, number);
    if (top - first >= this.#ring.length) this.#grow(top - first + 1);
    const size = this.#ring.length;
    for (let n = Math.max(this.#top + 1, top - size + 1); n < top; n++) {
      this.#put(n, 0);
    }
    this.#top = top;
    this.#high = Math.max(this.#high, top);
    this.#first = Math.max(first, top - size + 1);
  }

  #grow(wanted: number): void {
    let size = this.#ring.length;
    const most = Math.max(RING, Math.min(LONG_RING, size + this.#memory.spare));
    while (size < wanted && 2 * size <= most) size *= 2;
    if (size === this.#ring.length) return;
    this.#memory.spare -= Math.max(0, size - Math.max(RING, this.#ring.length));
    const before = this.#ring;
    this.#ring = new Uint32Array(size);
    for (let n = this.#first; n <= this.#top; n++) {
      this.#put(n, before[n & (before.length - 1)]);
    }
  }

  /** A number came live: those above the last live one should have come. */
  #goLive(number: number, clock: Clock): void {
    const missing = number === this.#live + 1
      ? 0
      : this.#below + this.#missingBetween(this.#live, number);
    if (this.#live > 0 && missing > 0) {
      const now = clock.monotonic();
      const last = this.#holes.at(-1);
      if (last !== undefined && now - last.since < REPORT_MS) {
        last.end = number;
        last.missing += missing;
        last.latest = now;
      } else {
        const first = this.#live + 1;
        this.#holes.push({
          first,
          end: number,
          missing,
          since: now,
          latest: now,
        });
      }
    }
    this.#below = 0;
    this.#live = number;
  }

  /** How many between two numbers have not come, as far as the ring reaches. */
  #missingBetween(after: number, before: number): number {
    let missing = Math.max(0, before - 1 - Math.max(this.#top, after));
    const end = Math.min(before - 1, this.#top);
    for (let n = Math.max(after + 1, this.#first); n <= end; n++) {
      if (this.#at(n) === 0) missing++;
    }
    return missing;
  }

  /** A number came late. */
  #fill(number: number): void {
    const index = this.#holes.findIndex(({ first, end }) =>
      first <= number && number < end
    );
    if (index >= 0 && --this.#holes[index].missing === 0) {
      this.#holes.splice(index, 1);
    }
  }

  /** The run goes on somewhere else. */
  #move({ number, hash, isLive }: Entry, clock: Clock): void {
    this.#leap = undefined;
    if (number > this.#top) {
      this.#below += this.#missingBetween(this.#live, this.#top + 1) +
        Math.max(0, number - this.#high - 1);
    } else if (isLive) {
      // The numbers before were a forger's, or the sender began anew.
      this.#live = 0;
    }
    this.#ring.fill(0);
    this.#first = this.#top = number;
    this.#high = Math.max(this.#high, number);
    this.#put(number, hash);
    if (isLive) this.#goLive(number, clock);
  }
}

/** Accounts by topic, key and run: those that sent last. */
class Accounts {
  /** Those that sent one payload: they push out no others. */
  readonly #once = new Map<string, Account>();
  readonly #more = new Map<string, Account>();
  /** Some of these, by the beginning of their ids: a key takes long to make. */
  readonly #lately = new Array<Account | undefined>(4_096).fill(undefined);
  readonly #forgotten = new RecentTexts();
  readonly #memory = { spare: SPARE };

  /** Finds the account of an id that has a number. */
  find(id: string, topic: string, key: string): Account | undefined {
    const slot = slotOf(id);
    const lately = this.#lately[slot];
    if (
      lately !== undefined && lately.topic === topic && lately.key === key &&
      id.startsWith(lately.prefix)
    ) {
      lately.isRecent = true;
      return lately;
    }
    const name = `${topic}\0${key}\0${runIn(id)}`;
    let account = this.#more.get(name);
    if (account === undefined) {
      account = this.#once.get(name);
      if (account === undefined) return undefined;
      this.#once.delete(name);
      this.#makeRoom();
      this.#more.set(name, account);
    }
    account.isRecent = true;
    return this.#lately[slot] = account;
  }

  /** Opens an account; returns whether it had one that was forgotten. */
  begin(
    id: string,
    topic: string,
    key: string,
    from: string,
    entry: Entry,
  ): boolean {
    const run = runIn(id);
    const name = `${topic}\0${key}\0${run}`;
    if (this.#once.size >= MAX_RUNS) {
      const [[oldest, account]] = this.#once;
      this.#forget(this.#once, oldest, account);
    }
    const of = { prefix: `${run}-`, topic, key, from };
    this.#once.set(name, new Account(of, entry, this.#memory));
    return this.#forgotten.has(name);
  }

  countFromHistory(topic: string): void {
    for (const accounts of [this.#once, this.#more]) {
      for (const account of accounts.values()) {
        if (account.topic === topic) account.countFromTop();
      }
    }
  }

  #makeRoom(): void {
    if (this.#more.size < MAX_RUNS) return;
    for (const [name, account] of this.#more) {
      if (!account.isRecent) return this.#forget(this.#more, name, account);
      // Those that sent something since get a second chance.
      account.isRecent = false;
      this.#more.delete(name);
      this.#more.set(name, account);
    }
  }

  #forget(map: Map<string, Account>, name: string, account: Account): void {
    map.delete(name);
    const slot = slotOf(account.prefix);
    if (this.#lately[slot] === account) this.#lately[slot] = undefined;
    this.#forgotten.add(name);
    account.forget();
  }
}

/** Remembers texts; forgets the oldest. */
class RecentTexts {
  #newer = new Set<string>();
  #older = new Set<string>();

  has(text: string): boolean {
    return this.#newer.has(text) || this.#older.has(text);
  }

  /** Returns whether it is new. */
  add(text: string): boolean {
    if (this.has(text)) return false;
    if (this.#newer.size === MAX_TEXTS) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(text);
    return true;
  }
}

/** Two characters of an id as 12 bits. */
function slotOf(id: string): number {
  return (id.charCodeAt(0) & 63) << 6 | id.charCodeAt(1) & 63;
}

/** A hash of what was said, by which author and when; never 0. */
export function contentHash(payload: Payload): number {
  const isMessage = payload.type === "message";
  let hash = mix(isMessage ? 1 : 2, payload.from);
  hash = mix(hash, isMessage ? payload.message : payload.notice);
  if (payload.at !== undefined) hash = mix(hash, payload.at);
  return hash >>> 0 || 1;
}

/** Adds a text to a hash, two code units at a time. */
function mix(hash: number, text: string): number {
  const { length } = text;
  hash = step(hash, length);
  for (let i = 0; i + 1 < length; i += 2) {
    hash = step(hash, text.charCodeAt(i) | text.charCodeAt(i + 1) << 16);
  }
  return length % 2 === 0 ? hash : step(hash, text.charCodeAt(length - 1));
}

/** A step of MurmurHash3. */
function step(hash: number, word: number): number {
  const mixed = hash ^ Math.imul(word, 0xcc9e2d51);
  return Math.imul(mixed << 13 | mixed >>> 19, 5) + 0xe6546b64 | 0;
}

/** A name, of which only so much is remembered. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH
    ? name
    : firstCodePoints(name, MAX_NAME_LENGTH);
}
