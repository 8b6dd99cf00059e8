import { assert, assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import { Losses } from "../../lib/room/losses.ts";
import type { ChatMessage, Received } from "../../lib/protocol.ts";
import { TestClock } from "../support/clock.ts";
import { message, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { Random } from "../support/random.ts";
import { read, ROOM } from "../support/rooms.ts";

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
            ? `${note.topic === ROOM ? "" : `${note.topic}: `}` +
              `${note.count} of ${note.from}`
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

  /** How many are reported as lost. */
  count(): number {
    const counts = this.reported.map((line) => /(\d+) of /.exec(line)?.[1]);
    return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
  }

  /** What is reported after a while, and at the end, if more numbers come. */
  async lost(numbers: number[] = [], sent?: Sent): Promise<string[]> {
    this.come(numbers, sent);
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

const test = pureTests("losses", () => new Account());

test("a number comes once", async (account) => {
  assertEquals(account.come(range(1, 1_000)), range(1, 1_000));
  assertEquals(account.come(range(1, 1_000)), []);
  assertEquals(account.keep(range(1, 1_000)), []);
  assertEquals(account.clock.nextIn, undefined);
  assertEquals(await account.lost(), []);
});

test("an id without a number is known with its content; without an id all is new", async () => {
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

test("32,767 other ids are remembered, then the newer half", ({ losses }) => {
  const added = (ids: number[], sealed = true) =>
    ids.filter((id) =>
      losses.isNew({ ...received({ ...message(""), id: `${id}` }), sealed })
    );
  const all = range(1, 2 * 16_384 - 1);
  added(all);
  // A flood of unsealed ones has none forgotten.
  added(range(0, 33_000), false);
  assertEquals(added(all), []);
  added([0]);
  assertEquals(added([16_385, 1]), [1]);
});

test("a loss is reported once, after three seconds", async (account) => {
  account.come([1, 2, 8]);
  await account.clock.advance(2_999);
  assertEquals(account.reported, []);
  await account.clock.advance(1);
  assertEquals(account.reported, ["5 of Ada"]);
  account.come([9, 10]);
  await account.clock.advance(60_000);
  account.losses.stop();
  assertEquals(account.reported.length, 1);
});

test("each loss of a run is reported like the first", async (account) => {
  for (const start of [1, 11, 21, 31]) {
    account.come([start, start + 1, start + 5]);
    const before = start === 1 ? 0 : 4;
    assertEquals(await account.lost(), [`${before + 3} of Ada`]);
  }
});

test("a number within three seconds is not lost", async (account) => {
  account.come([1, 5]);
  await account.clock.advance(2_999);
  assertEquals(account.come([3, 2, 3, 4]), [3, 2, 4]);
  assertEquals(await account.lost(), []);
});

test("a number that comes after its report is shown once", async (account) => {
  assertEquals(await account.lost([1, 10, 11]), ["8 of Ada"]);
  assertEquals(account.come([5, 9, 2, 5]), [5, 9, 2]);
  assertEquals(account.come(range(1, 11)), [3, 4, 6, 7, 8]);
  assertEquals(account.come(range(1, 11)), []);
  assertEquals(await account.lost(), []);
});

test("the end reports all losses, also offline", () => {
  for (const isOnline of [true, false]) {
    const account = new Account();
    account.come([1, 2, 9]);
    if (!isOnline) account.losses.offline();
    account.losses.stop();
    assertEquals(account.reported, ["6 of Ada"]);
    assertEquals(account.clock.nextIn, undefined);
  }
});

test("every second number lost: all reported, one line a second", async (account) => {
  for (const first of range(1, 1_999, 100)) {
    account.come(range(first, first + 99, 2));
    await account.clock.advance(500);
  }
  account.losses.stop();
  assertEquals(account.count(), 999);
  assert(account.reported.length <= 11, account.reported.join("\n"));
});

test("each author has one line a second for all runs", async (account) => {
  for (const [index, run] of ["a", "b", "c", "d"].entries()) {
    account.come([1, 3 + index], { run });
    await account.clock.advance(200);
  }
  account.come([1, 3], { run: "e", from: "Bob" });
  await account.clock.advance(3_000);
  assertEquals(account.reported, ["1 of Ada"]);
  await account.clock.advance(1_000);
  assertEquals(account.reported.slice(1), [
    "9 of Ada",
    "1 of Bob",
  ]);
});

test("a run is counted from the first number that came live", async (account) => {
  assertEquals(await account.lost([500, 501]), []);
  // Sent before, and late.
  assertEquals(account.come([497, 499]), [497, 499]);
  assertEquals(account.come([498, 497, 1]), [498, 1]);
  assertEquals(await account.lost(), []);
  assertEquals(await account.lost([503]), ["1 of Ada"]);
});

test("rooms, runs and keys are counted on their own", async () => {
  const account = new Account({ topics: ["#"] });
  account.come([1, 3, 4]);
  account.come([1, 6, 7], { key: "K", from: "Eve" });
  account.come([1, 4, 5], { topic: "hall" });
  account.come([1, 5, 6], { run: "bob", from: "Bob" });
  account.come([9, 10, 7], { run: "Ada's other" });
  assertEquals(await account.lost(), [
    "1 of Ada",
    "4 of Eve",
    "hall: 2 of Ada",
    "3 of Bob",
  ]);
  // Neither has seen what the others have.
  assertEquals(account.come([1, 2, 6], { key: "K", from: "Eve" }), [2]);
  assertEquals(account.come([1, 2], { topic: "" }), [1, 2]);
  assertEquals(account.come([1, 2], { topic: "x y" }), [1, 2]);
});

test("a loss has the name that the run had last", async (account) => {
  account.come([1, 3]);
  account.come([4], { from: "Ada L." });
  account.come([4], { from: "Mallory" });
  account.keep([2], { from: "Of old" });
  account.come([7]);
  account.come([8], { from: "x".repeat(65_000) });
  assertEquals(await account.lost(), [`2 of ${"x".repeat(256)}`]);
});

test("a forged id hides no later message", async (account) => {
  for (const n of range(1, 15)) {
    assertEquals(account.come([n], { text: `forged ${n}`, from: "Eve" }), [n]);
    assertEquals(account.come([n]), [n]);
    // Sent again, each is known.
    assertEquals(account.come([n]), []);
  }
  // In a history, too, before or after.
  assertEquals(account.keep(range(14, 65), { text: "forged" }).length, 52);
  assertEquals(account.come(range(1, 65)), range(16, 65));
  assertEquals(account.keep(range(1, 65)), []);
  assertEquals(await account.lost(), []);
  assertEquals(await account.lost([66, 68]), ["1 of Ada"]);
});

test("author, kind, text and time are the content", () => {
  const { losses } = new Account();
  const at = "2026-01-02T03:04:05.678Z";
  const base = { ...message("hi there", "Ada"), id: `${RUN}-1`, at };
  const contents = [
    base,
    { ...base, from: "Adb" },
    { ...base, message: "hi theru" },
    { ...base, message: "hi tgere" },
    { ...base, message: "hi there " },
    { ...base, from: "Adah", message: "i there" },
    { ...base, at: "2026-01-02T03:04:05.679Z" },
    { ...base, at: undefined },
    { id: base.id, at, type: "notice", from: "Ada", notice: "hi there" },
  ] as const;
  const isNew = () =>
    contents.map((payload) => losses.isNew(received(payload)));
  assertEquals(new Set(isNew()), new Set([true]));
  assertEquals(new Set(isNew()), new Set([false]));
});

test("a forged leap is not believed, and real losses are reported", async (account) => {
  account.come(range(1, 5));
  const leaps = [10 ** 9, 999_999_999, 9_000_000];
  assertEquals(account.come([...leaps, ...leaps]), leaps);
  assertEquals(await account.lost(), []);
  assertEquals(await account.lost([6, 7, 8, 30, 31, 32]), ["21 of Ada"]);
});

test("a leap is believed when a second number follows it", async (account) => {
  assertEquals(await account.lost([1, 2, 8_250]), []);
  assertEquals(await account.lost([8_251, 8_253]), ["8248 of Ada"]);
  assertEquals(account.come([8_250, 8_251, 8_252, 8_253]), [8_252]);
  // Up to 512 it is no leap.
  assertEquals(await account.lost([8_253 + 512]), ["511 of Ada"]);
  assertEquals(await account.lost([8_765 + 513]), []);
});

test("numbers before a leap, or late in it, are known after it", async (account) => {
  account.come([...range(1, 100), 1_000, 1_001, 9_000, 9_001]);
  assertEquals(account.come([86, 500, 500, 1_000, 9_000]), [500]);
  assertEquals(await account.lost(), ["8896 of Ada"]);
  // Too far for what can be remembered: the newest are.
  account.come([99_000, 99_001]);
  assertEquals(account.come([99_000, 99_001, 98_900, 98_900]), [98_900]);
  assertEquals(await account.lost(), ["89997 of Ada"]);
});

test("numbers between two leaps are not lost", async (account) => {
  account.come([1, 2, 1_000, 2_000, 3_000, 3_001]);
  assertEquals(await account.lost(), ["2995 of Ada"]);
});

test("after two forged numbers the real ones are shown, and counted again", async (account) => {
  account.come([1, 2, 9_000_000, 9_000_001]);
  await account.lost();
  assertEquals(account.come([3, 4, 5, 8]), [3, 4, 5, 8]);
  assertEquals(await account.lost(), ["2 of Ada"]);
  // What was reported with the leap is not reported once more.
  assertEquals(account.come([2_000, 2_001]), [2_000, 2_001]);
  assertEquals(await account.lost(), []);
});

test("kept and retained numbers are known, and open no hole", async (account) => {
  assertEquals(account.keep([480, 485, 490]), [480, 485, 490]);
  assertEquals(account.keep([480, 485, 490]), []);
  // Sent before the reader came.
  assertEquals(account.come([495, 496, 485]), [495, 496]);
  assertEquals(await account.lost([3, 520], { retain: true }), []);
  assertEquals(await account.lost([498]), ["1 of Ada"]);
});

test("a retained or kept number far away does not move those that come live", async (account) => {
  account.keep([9_000_000, 9_000_001, 9_000_002]);
  account.come([8_000_000], { retain: true });
  account.come([1, 2, 5]);
  account.keep([9_000_000, 9_000_003]);
  assertEquals(await account.lost([6]), ["2 of Ada"]);
});

test("losses behind a whole history are counted", async (account) => {
  account.keep([480, 485, 490]);
  account.losses.countFromHistory(ROOM);
  account.losses.countFromHistory("hall");
  assertEquals(await account.lost([495, 496]), ["4 of Ada"]);
});

test("a history fills holes before they are reported", async (account) => {
  account.come(range(1, 100));
  account.come([200, 201]);
  const added = account.keep(range(150, 203));
  assertEquals(added, [...range(150, 199), 202, 203]);
  assertEquals(await account.lost(), ["49 of Ada"]);
  assertEquals(account.come([202, 203, 204]), [204]);
  assertEquals(await account.lost(), []);
});

test("numbers below a history's are missing only once it comes live", async (account) => {
  account.come(range(1, 100));
  account.keep([600]);
  assertEquals(await account.lost(), []);
  assertEquals(account.come(range(101, 300)), range(101, 300));
  assertEquals(await account.lost([302]), ["1 of Ada"]);
  // It comes live now: so those before it should have come.
  assertEquals(account.come([600]), []);
  assertEquals(await account.lost(), ["297 of Ada"]);
});

test("a history from far ahead counts, whether it comes before or after", async () => {
  for (const isBefore of [true, false]) {
    const account = new Account();
    account.come([1, 2, 3]);
    if (isBefore) account.keep(range(5_000, 5_499));
    account.come([5_500, 5_501]);
    if (!isBefore) account.keep(range(5_000, 5_499));
    assertEquals(await account.lost(), ["4996 of Ada"]);
    assertEquals(account.come(range(5_000, 5_502)), [5_502]);
  }
});

test("a history is looked up before a loss is reported", async () => {
  let lookUps = 0;
  const account: Account = new Account({
    lookUp: () => {
      lookUps++;
      assertEquals(account.keep([3, 6]), lookUps === 1 ? [3] : []);
      return Promise.resolve();
    },
  });
  account.come([1, 2, 6]);
  await account.clock.advance(2_999);
  assertEquals(lookUps, 0);
  assertEquals(await account.lost(), ["2 of Ada"]);
  assertEquals(await account.lost([9]), ["2 of Ada"]);
  assertEquals(lookUps, 2);
});

test("nothing is reported while offline", async (account) => {
  account.come([1, 2, 5]);
  await account.clock.advance(2_000);
  account.losses.offline();
  await account.clock.advance(60_000);
  account.losses.online();
  await account.clock.advance(2_999);
  account.keep([3]);
  assertEquals(account.reported, []);
  await account.clock.advance(1);
  assertEquals(account.reported, ["1 of Ada"]);
});

test("a look-up that outlives the connection reports nothing", async () => {
  let lookUp = Promise.withResolvers<void>();
  let lookUps = 0;
  const account = new Account({ lookUp: () => (lookUps++, lookUp.promise) });
  account.come([1, 2, 5]);
  await account.clock.advance(3_000);
  account.losses.offline();
  lookUp.resolve();
  await account.clock.advance(0);
  assertEquals(account.reported, []);
  lookUp = Promise.withResolvers();
  account.losses.online();
  await account.clock.advance(3_000);
  assertEquals([lookUps, account.reported.length], [2, 0]);
  lookUp.resolve();
  await account.clock.advance(10_000);
  assertEquals(account.reported, ["2 of Ada"]);
});

test("a shared subscription is not counted, but doubles are dropped", async () => {
  const account = new Account({ topics: ["$share/g/chat/#", "other/+"] });
  assertEquals(account.come([1, 2, 9, 2]), [1, 2, 9]);
  account.come([1, 2, 4], { topic: "other/room" });
  assertEquals(await account.lost(), ["other/room: 1 of Ada"]);
});

test("a session that may have been shared is not counted", async (account) => {
  account.come([1, 2]);
  account.losses.offline();
  account.losses.online(true);
  account.come([9]);
  account.losses.offline();
  account.losses.online(false);
  assertEquals(await account.lost([12, 13]), []);
});

test("a topic in another spelling is the same room", async () => {
  const account = new Account({ topics: ["a.b"] });
  account.come([1, 2], { topic: "a/b" });
  assertEquals(account.keep([2], { topic: "a.b" }), []);
  assertEquals(await account.lost(), []);
});

test("unsealed numbers are not counted, and hide no sealed ones", async (account) => {
  assertEquals(account.come([1, 2, 3], { sealed: true }), [1, 2, 3]);
  assertEquals(account.come([3, 4, 9], { sealed: false }), [3, 4, 9]);
  assertEquals(account.come([3, 4, 9], { sealed: false }), []);
  assertEquals(account.come([4, 3, 5], { sealed: true }), [4, 5]);
  assertEquals(await account.lost(), []);
});

test("in a room with an enormous name nothing is counted", async () => {
  const account = new Account({ topics: ["#"] });
  const topic = "x".repeat(60_000);
  assertEquals(account.come([1, 5, 5, 1, 6], { topic }), [1, 5, 6]);
  assertEquals(await account.lost(), []);
});

test("resent numbers are known: 512 of each run, 16,000 of some", (account) => {
  const sent = range(1, 16_001, 500);
  for (const run of range(1, 30)) {
    account.come(sent, { run });
    assertEquals(account.come(sent, { run }), [], `${run}`);
  }
  // Memory has a limit: of many long runs the newest numbers are remembered.
  for (const run of range(31, 60)) account.come(sent, { run });
  assertEquals(account.come([501, 15_501], { run: 60 }), [501]);
});

test("thousands of runs of one message are known, silent, and push out no others", async (account) => {
  account.come([1, 2]);
  const ofAll = () =>
    range(1, 3_000).filter((run) => account.come([run], { run }).length > 0);
  assertEquals(ofAll().length, 3_000);
  account.come([4]);
  assertEquals(ofAll(), []);
  assertEquals(await account.lost(), ["1 of Ada"]);
});

test("a thousand senders are counted; of three thousand a line says that not all are", async () => {
  for (const senders of [1_000, 3_000]) {
    const account = new Account();
    for (const n of [1, 2, 3, 5, 6]) {
      for (const run of range(1, senders)) account.come([n], { run });
    }
    const reported = await account.lost();
    if (senders === 1_000) assertEquals(reported, ["1000 of Ada"]);
    else assertEquals(reported.filter((it) => it === "uncounted").length, 1);
  }
});

test("a run that goes on sending is not forgotten", async (account) => {
  account.come([1, 2]);
  for (const run of range(0, 5_999)) {
    account.come([1, 2], { run });
    if (run % 150 === 0) account.come([3 + run / 150]);
  }
  assertEquals(account.come(range(1, 42)), []);
  assertEquals(await account.lost([44]), ["1 of Ada"]);
});

test("losses of a forgotten run are reported", async (account) => {
  account.come([1, 2, 5]);
  for (const run of range(1, 5_000)) account.come([1, 2, 3], { run });
  assertEquals(await account.lost(), ["2 of Ada"]);
  // It is counted from here on.
  assertEquals(account.come([6, 9, 9, 11]), [6, 9, 11]);
  assertEquals(await account.lost(), ["uncounted", "3 of Ada"]);
});

test("a line says that there are more losses than are remembered", (account) => {
  for (const run of range(1, 5_500)) account.come([1, 3], { run });
  account.losses.stop();
  assertEquals(account.reported[0], "uncounted");
  assert(account.count() >= 4_096);
});

test("fuzz: shown and reported numbers are those sent", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  for (let trial = 0; trial < 10; trial++) {
    await simulate(new Random(seed + trial), `seed ${seed + trial}`);
  }
});

/** One run with losses, doubles, late numbers, outages and forged ids. */
async function simulate(random: Random, what: string) {
  const account = new Account();
  const loss = random.one([0, 0.01, 0.3, 0.9]);
  const late = random.one([0, 0.05, 0.5]);
  const forged = random.one([0, 0.05]);
  const first = random.one([1, 1, 77]);
  const shown = new Set<number>();
  let delayed: { number: number; due: number }[] = [];
  let last = first + 1;
  const deliver = (number: number) => {
    const isNew = account.come([number]).length > 0;
    assertEquals(isNew, !shown.has(number), `${number}, ${what}`);
    shown.add(number);
    last = Math.max(last, number);
  };
  deliver(first);
  deliver(first + 1);
  const end = first + 1_000;
  const now = () => account.clock.monotonic();
  for (let number = first + 2; number < end; number++) {
    if (random.chance(0.03)) await account.clock.advance(random.below(600));
    const isDue = ({ due }: { due: number }) => due <= now();
    delayed.filter(isDue).forEach(({ number }) => deliver(number));
    delayed = delayed.filter((one) => !isDue(one));
    if (random.chance(forged)) {
      const far = 10 ** 6 * (1 + random.below(100));
      account.come([random.one([far, last])], {
        text: `forged ${number}`,
      });
    }
    if (random.chance(0.002)) {
      account.losses.offline();
      number += random.below(400);
      account.losses.online();
      continue;
    }
    if (random.chance(loss)) continue;
    if (random.chance(late)) {
      delayed.push({ number, due: now() + random.below(2_300) });
    } else deliver(number);
    if (random.chance(0.1)) deliver(random.one([...shown].slice(-100)));
  }
  delayed.forEach(({ number }) => deliver(number));
  account.losses.stop();
  assertEquals(shown.size + account.count(), last - first + 1, what);
}

test("losses of an ignored author are not reported", () => {
  const { reader, lines } = read({ ignored: new Ignored(["Ada"]) });
  for (const n of [1, 2, 9]) reader.receive(received(payloadOf(n, {})));
  const bob = { from: "Bob", run: "bob" };
  for (const n of [1, 2]) reader.receive(received(payloadOf(n, bob)));
  reader.stop();
  assertEquals(lines, ["Bob: 1", "Bob: 2"]);
});

test("a loss has author and count, as a line and as JSON", () => {
  const plain = read();
  for (const n of [1, 2, 8_250, 8_251]) {
    plain.reader.receive(received(payloadOf(n, {})));
  }
  plain.reader.stop();
  assertEquals(
    plain.lines.at(-1),
    "== 8,247 messages of Ada did not arrive.",
  );
  const json = read({ json: true });
  const from = "\x1b[31m: a\n";
  for (const n of [1, 3]) json.reader.receive(received(payloadOf(n, { from })));
  json.reader.stop();
  const { receivedAt: _, ...lost } = JSON.parse(json.lines.at(-1)!);
  assertEquals(lost, { type: "lost", from, count: 1, topic: ROOM });
});

test("messages after the last counted line are no loss", () => {
  const { reader, lines } = read({ count: 2 });
  for (const n of [1, 2, 3, 4]) reader.receive(received(payloadOf(n, {})));
  reader.stop();
  assertEquals(lines, ["Ada: 1", "Ada: 2"]);
});
