/**
 * What a reader drops as a double and reports as lost.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Losses } from "../../lib/room/losses.ts";
import type { ChatMessage, Received } from "../../lib/protocol.ts";
import { TestClock } from "../support/clock.ts";
import { message, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { ROOM } from "../support/rooms.ts";

const RUN = "abcdefghijklmnop";

/** A payload: the number of a run, who sent it and what. */
interface Sent {
  run?: string | number;
  from?: string;
  text?: string;
  topic?: string;
  at?: string;
  retain?: boolean;
  sealed?: boolean;
  key?: string;
}

const payloadOf = (n: number, { run = RUN, from = "Ada", text, at }: Sent) => ({
  ...message(text ?? `${n}`, from) as ChatMessage,
  id: `${run}`.padStart(16, "_") + `-${n}`,
  ...at !== undefined && { at },
});

/** A reader of the room; what it reports, and how its time passes. */
class Account {
  readonly clock = new TestClock();
  readonly reported: string[] = [];
  readonly losses: Losses;

  constructor(
    { topics = [ROOM], lookUp }: {
      topics?: string[];
      lookUp?: () => Promise<unknown> | undefined;
    } = {},
  ) {
    const { clock } = this;
    this.losses = new Losses({
      topics,
      clock,
      lookUp,
      report: (note) =>
        this.reported.push(
          note.type === "lost"
            ? `${note.topic}: ${note.count} of ${note.from}`
            : note.type,
        ),
    });
  }

  /** Numbers arrive; returns those that are new. */
  come(numbers: number[], sent: Sent = {}): number[] {
    const { topic = ROOM, retain = false, sealed, key } = sent;
    return numbers.filter((n) => {
      const what: Received = { ...received(payloadOf(n, sent), topic), retain };
      if (sealed !== undefined) what.sealed = sealed;
      return this.losses.isNew(what, key);
    });
  }

  /** Numbers are found in a history; returns those that are new. */
  keep(numbers: number[], sent: Sent = {}): number[] {
    const { topic = ROOM, key } = sent;
    return numbers.filter((n) =>
      this.losses.isNewKept(payloadOf(n, sent), topic, key)
    );
  }

  /** What is reported after a while, and at the end. */
  async lost(): Promise<string[]> {
    await this.clock.advance(10_000);
    this.losses.stop();
    this.losses.online();
    return this.reported.splice(0);
  }
}

/** The numbers from one up to another, that one as well. */
const range = (first: number, last: number, step = 1) =>
  Array.from(
    { length: Math.floor((last - first) / step) + 1 },
    (_, index) => first + step * index,
  );

const test = pureTests("losses");

test("a number comes once", async () => {
  const account = new Account();
  assertEquals(account.come(range(1, 1_000)), range(1, 1_000));
  assertEquals(account.come(range(1, 1_000)), []);
  assertEquals(account.keep(range(1, 1_000)), []);
  assertEquals(account.clock.nextIn, undefined);
  assertEquals(await account.lost(), []);
});

test("another id is known by itself and its content, without an id nothing is", async () => {
  const account = new Account({ topics: ["+"] });
  const isNew = (id: string | undefined, text = "", topic = "a") =>
    account.losses.isNew(received({ ...message(text), id }, topic));
  const ids = ["1", "5", "x-1", "x-5", crypto.randomUUID(), "__proto__"];
  assertEquals(ids.filter((id) => isNew(id)), ids);
  assertEquals(ids.filter((id) => isNew(id)), []);
  assertEquals(ids.filter((id) => isNew(id, "other")), ids);
  assertEquals(ids.filter((id) => isNew(id, "", "b")), ids);
  assertEquals([isNew(undefined), isNew(undefined)], [true, true]);
  assertEquals(await account.lost(), []);
});

test("16,384 other ids are remembered at least, twice as many at most", () => {
  const { losses } = new Account();
  const added = (ids: number[]) =>
    ids.filter((id) => losses.isNew(received({ ...message(""), id: `${id}` })));
  added(range(0, 16_384));
  assertEquals(added(range(0, 16_384)), []);
  added(range(20_000, 20_000 + 2 * 16_384));
  assertEquals(added([0]), [0]);
});

test("a loss is reported once, after three seconds", async () => {
  const account = new Account();
  account.come([1, 2, 8]);
  await account.clock.advance(2_999);
  assertEquals(account.reported, []);
  await account.clock.advance(1);
  assertEquals(account.reported, ["chat/room: 5 of Ada"]);
  account.come([9, 10]);
  await account.lost();
  assertEquals(account.reported, []);
});

test("the second loss of a run is reported like the first", async () => {
  const account = new Account();
  for (const start of [1, 11, 21, 31]) {
    account.come([start, start + 1, start + 5]);
    const before = start === 1 ? 0 : 4;
    assertEquals(await account.lost(), [`chat/room: ${before + 3} of Ada`]);
  }
});

test("of every second number the others are reported, one line a second", async () => {
  const account = new Account();
  for (const n of range(1, 1_999, 2)) {
    account.come([n]);
    await account.clock.advance(10);
  }
  account.losses.stop();
  const counts = account.reported.map((line) =>
    Number(/(\d+) of Ada/.exec(line)![1])
  );
  assertEquals(counts.reduce((sum, count) => sum + count), 999);
  assert(counts.length <= 11, `${counts.length} lines`);
});
