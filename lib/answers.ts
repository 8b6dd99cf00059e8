/** Answers the question who is in a room, as docs/wire-format.md specifies. */

import { parseId } from "./ids.ts";
import {
  isSameRoom,
  type QoS,
  type Received,
  type RollCall,
  whoTopic,
} from "./protocol.ts";
import type { Clock } from "./timer.ts";

/** Members answer within this time, in milliseconds, and not more often. */
const SPREAD_MS = 1_000;

/** Answers in a row that failed until no more are sent. */
const MAX_FAILURES = 2;

/** What a member sends its answers with. */
interface Caller {
  readonly online: boolean;
  call(topic: string, call: RollCall, qos: QoS): Promise<void>;
}

/** The topic of the answers to a question about one of some rooms, if it is one. */
export function answerTopicOf(
  { whoOf, payload, retain, sealed }: Received,
  rooms: Iterable<string>,
): string | undefined {
  // A retained question would be answered by each member who comes.
  if (sealed === false || retain || payload.type !== "who") return;
  const { run } = parseId(payload.id ?? "") ?? {};
  const all = [...rooms];
  // Of a thousand rooms, the comparison of all takes half a millisecond.
  const room = all.find((it) => it === whoOf) ??
    all.find((it) => isSameRoom(it, whoOf ?? ""));
  if (run !== undefined && room !== undefined) return whoTopic(room, run);
}

/** The answers of a member, at most one a second. */
export class Answers {
  readonly #clock: Clock;
  /** When the last answer was sent or is due. */
  #answeredAt = -Infinity;
  #cancel?: () => void;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the broker doesn't take them: then no more are sent. */
  get isRefused(): boolean {
    return this.#failures >= MAX_FAILURES;
  }

  /** Answers within the next second, unless an answer is due by then. */
  answerSoon(topic: string, member: { name: string }, client: Caller): void {
    const now = this.#clock.monotonic();
    const soon = now + Math.random() * SPREAD_MS;
    const due = Math.max(soon, this.#answeredAt + SPREAD_MS);
    if (due > now + SPREAD_MS || this.isRefused) return;
    this.#answeredAt = due;
    this.#cancel = this.#clock.after(due - now, async () => {
      if (!client.online) return;
      try {
        await client.call(topic, { type: "here", name: member.name }, 0);
        this.#failures = 0;
      } catch {
        // Some brokers close the connection over what may not be written.
        this.#failures++;
      }
    });
  }

  /** Sends no answer that is due. */
  stop(): void {
    this.#cancel?.();
  }
}
