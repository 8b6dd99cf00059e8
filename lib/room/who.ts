/**
 * Asks the members of a room who is there, and answers for this client: below
 * `<room>/$who`, as docs/wire-format.md specifies.
 */

import { type ChatClient, PublishError } from "../client.ts";
import { Answers, answerTopicOf } from "../answers.ts";
import { IdSource, runIn } from "../ids.ts";
import {
  MAX_NAME_LENGTH,
  type QoS,
  type Received,
  type RollCall,
  whoTopic,
} from "../protocol.ts";
import { safeName } from "../safe_text.ts";
import { fingerprint } from "../sign.ts";
import { type Clock, within } from "../timer.ts";
import type { Ignored } from "./ignored.ts";
import { MAX_LISTED } from "./members.ts";
import type { Names, Verdict } from "./names.ts";

/** A member's answer. */
export interface Answer {
  name: string;
  verdict: Verdict;
}

/** How long answers are awaited: with the way of both. In milliseconds. */
const WAIT_MS = 1_500;

/** The most answers to a question that are verified. */
const MAX_ANSWERS = 1_000;

/** A question of this client. */
interface Question {
  run: string;
  /** How many answers arrived. */
  count: number;
  /** By name, and by what is known of it. */
  answers: Map<string, Answer>;
  /** Ends the wait. */
  end: () => void;
}

export class Who {
  /** This client, by its name. */
  readonly #member: { readonly name: string };
  readonly #names: Names;
  readonly #clock: Clock;
  #client?: ChatClient;
  /** The rooms whose questions are answered. */
  readonly #rooms = new Set<string>();
  /** The question that is being answered. */
  #question?: Question;
  /** Whether the broker refuses a topic: then nothing more is sent. */
  #isRefused = false;
  readonly #answers: Answers;

  constructor(member: { readonly name: string }, names: Names, clock: Clock) {
    this.#member = member;
    this.#names = names;
    this.#clock = clock;
    this.#answers = new Answers(clock);
  }

  /** Answers the questions of a room that can be read and written. */
  async begin(client: ChatClient, room: string): Promise<void> {
    if (this.#rooms.has(room)) return;
    this.#rooms.add(room);
    this.#client = client;
    try {
      await this.#join(client, whoTopic(room));
    } catch {
      // The client is closed, or its connection lost for good.
    }
  }

  /** Takes a payload of a topic of questions or answers. */
  receive(received: Received): void {
    const { topic, payload, retain, sealed } = received;
    const own = this.#question;
    const isOwn = (it: string) => own && it.endsWith(whoTopic("", own.run));
    const asked = answerTopicOf(received, this.#rooms);
    if (asked !== undefined && !isOwn(asked) && !this.#isRefused) {
      this.#answers.answerSoon(asked, this.#member, this.#client!);
    }
    if (sealed === false || retain || payload.type !== "here") return;
    if (payload.name.length > MAX_NAME_LENGTH || !isOwn(topic)) return;
    this.#take(own!, topic, payload);
  }

  /** Asks who is in a room; returns what arrives in time. */
  async ask(room: string, qos: QoS): Promise<Answer[]> {
    const client = this.#client;
    if (!client?.online || !this.#rooms.has(room)) return [];
    if (this.#isRefused || this.#answers.isRefused) return [];
    if (this.#question) return [];
    const id = new IdSource().next(room);
    const run = runIn(id);
    const answers = new Map<string, Answer>();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.#question = { run, count: 0, answers, end };
    const topic = whoTopic(room, run);
    try {
      const mayRead = await this.#join(client, topic);
      if (!mayRead || this.#client !== client) return [];
      const question: RollCall = { type: "who", name: this.#member.name, id };
      const asked = client.call(whoTopic(room), question, qos > 0 ? 1 : 0);
      const waited = within(WAIT_MS / 1000, ended, this.#clock);
      await Promise.race([waited, asked.then(() => waited)]);
    } catch (error) {
      this.#isRefused ||= error instanceof PublishError && error.isDenied;
    } finally {
      this.#question = undefined;
      client.leave([topic]).catch(() => {});
    }
    // Since {@link stop} the room is another one.
    return this.#client === client ? [...answers.values()] : [];
  }

  /** Neither asks nor answers any more. */
  stop(): void {
    this.#answers.stop();
    this.#question?.end();
    this.#question = undefined;
    const topics = [...this.#rooms].map((room) => whoTopic(room));
    this.#rooms.clear();
    this.#client?.leave(topics).catch(() => {});
    this.#client = undefined;
  }

  /** Subscribes to a topic; returns whether it may be read. */
  async #join(client: ChatClient, topic: string): Promise<boolean> {
    const [{ qos }] = await client.join([topic], 0, true);
    this.#isRefused ||= qos === undefined;
    return qos !== undefined;
  }

  #take(question: Question, topic: string, answer: RollCall): void {
    if (++question.count > MAX_ANSWERS) return;
    const { name, key } = answer;
    const check = this.#client!.check(topic, answer);
    const verdict = this.#names.judge({ from: name, key }, check);
    // A forgery with a member's key doesn't stand in for that member.
    const member = JSON.stringify([name, verdict]);
    question.answers.set(member, { name, verdict });
  }
}

/**
 * Shows who answered, as a safe line. What a key proves comes first: anyone can
 * answer under many names.
 */
export function answerLine(
  answers: Answer[],
  ignored: Ignored,
  keysOf: (name: string) => ReadonlySet<string>,
): string {
  const doubts = ({ name, verdict: { key, mark } }: Answer) =>
    mark !== undefined ? 3 : key === undefined ? 2 : keysOf(name).size ? 0 : 1;
  const listed = answers.toSorted((a, b) => doubts(a) - doubts(b))
    .slice(0, MAX_LISTED).map(({ name, verdict: { key, mark } }) =>
      (mark === undefined ? "" : `(${mark}) `) + safeName(name) +
      (ignored.has(name) ? " (ignored)" : "") +
      (key === undefined ? "" : ` (key ${fingerprint(key)})`)
    );
  const more = answers.length - listed.length;
  const rest = more > 0 ? ` and ${more} more` : "";
  return `${answers.length} answered: ${listed.join(", ")}${rest}`;
}
