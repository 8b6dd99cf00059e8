import { assert, assertEquals } from "@std/assert";
import { Ignored } from "../../lib/room/ignored.ts";
import { Losses, type LossNote } from "../../lib/room/losses.ts";
import type { ChatMessage, Payload } from "../../lib/protocol.ts";
import { TestClock } from "../support/clock.ts";
import { message, read, received, ROOM } from "../support/line_fixtures.ts";
import { pureTests, scenesIn } from "../support/pure.ts";

const RUN = "abcdefghijklmnop";

interface Sent {
  run?: string | number;
  from?: string;
  text?: string;
  topic?: string;
  retain?: boolean;
  sealed?: boolean;
  key?: string;
}

const payloadOf = (n: number, { run = RUN, from = "Ada", text }: Sent) => ({
  ...message(text ?? `${n}`, from) as ChatMessage,
  id: `${run}`.padStart(16, "_") + `-${n}`,
});

/** A reader of rooms; what it reports, and how its time passes. */
class Account {
  readonly clock = new TestClock();
  readonly reported: string[] = [];
  readonly losses: Losses;

  constructor(topics = ["#"], lookUp?: () => Promise<unknown>) {
    const report = (note: LossNote) => {
      if (note.type !== "lost") return this.reported.push(note.type);
      const where = note.topic === ROOM ? "" : `${note.topic}: `;
      this.reported.push(`${where}${note.count} of ${note.from}`);
    };
    this.losses = new Losses({ topics, clock: this.clock, lookUp, report });
  }

  /** Numbers arrive; returns those that are new. */
  come(numbers: number[], sent: Sent = {}): number[] {
    const { topic = ROOM, retain = false, sealed = true, key } = sent;
    return numbers.filter((n) => {
      const what = received(payloadOf(n, sent), topic);
      return this.losses.isNew({ ...what, retain, sealed }, key);
    });
  }

  /** The same numbers arrive of each of some runs. */
  flood(firstRun: number, lastRun: number, ...numbers: number[]): void {
    for (const run of range(firstRun, lastRun)) this.come(numbers, { run });
  }

  /** Numbers are found in a history; returns those that are new. */
  keep(numbers: number[], sent: Sent = {}): number[] {
    const { topic = ROOM, key } = sent;
    return numbers.filter((n) =>
      this.losses.isNewKept(payloadOf(n, sent), topic, key)
    );
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

/** Whose numbers come, or where; without it they are of Ada's run. */
const CAST: Record<string, Sent> = {
  ...{ Eve: { from: "Eve", key: "K" }, Bob: { from: "Bob", run: "bob" } },
  ...{ other: { run: "other" }, third: { run: "third" } },
  hall: { topic: "hall" },
};

/**
 * Numbers of a run that come, each new unless it comes `again`, and how many are
 * reported as lost ten seconds later, or `yet`.
 */
const SCENES = `
a number comes once
  1-1000, again 1-1000, kept again 1-1000, lost 0
each loss is reported like the first
  1 2 6, lost 3, 11 12 16, lost 7
a number that comes after its report is shown once
  1 10 11, lost 8, 5 9 2, again 5, 3 4 6-8, again 1-11, lost 0
a run is counted from the first number that came live
  500 501, lost 0, 497 499, 498, again 497, 1, lost 0, 503, lost 1
a forged id hides no later message, also in a history
  forged 1-15, 1-15, again 1-15, forged kept 14-65, again 1-15, 16-65, kept
  again 1-65, lost 0, 66 68, lost 1
a forged leap is not believed
  1-5, 999999999, forged 999999999, 9000000, again 999999999 9000000, lost 0,
  6-8 30-32, lost 21
a leap of more than 512 is believed when a second number follows it
  1 2 8250, lost 0, 8251 8253, lost 8248, again 8250 8251, 8252, again 8253,
  8765, lost 511, 9278, lost 0
numbers before a leap, or late in it, are known after it
  1-100 1000 1001 9000 9001, again 86, 500, again 500 1000 9000, lost 8896,
  99000 99001, again 99000, 98900, again 98900, lost 89997
a session that may have been shared is not counted, nor later ones
  1 2, offline, online shared, 9, offline, online, 12 13, lost 0
those between two leaps are not lost
  1 2 1000 2000 3000 3001, lost 2995
after two forged numbers the real ones are counted, and none twice
  1 2 9000000 9000001, lost 8999997, 3-5 8, lost 2, 2000 2001, lost 0
kept and retained numbers are known, and open no hole
  kept 480 485 490, kept again 480 485 490, 495 496, again 485, lost 0, retained
  3 520, lost 0, 498, lost 1
a retained or kept number far away does not move those that come live
  kept 9000000-9000002, retained 8000000, 1 2 5, kept again 9000000, kept
  9000003, 6, lost 2
losses behind a whole history count
  kept 480 490, whole, 495 496, lost 4
losses behind a whole history of one number count
  kept 480, whole, 485, lost 4
behind a whole history of another room none count
  kept 480 490, whole hall, 495 496, lost 0
a whole history leaves losses behind what came live
  1-3, kept 10, whole, 11, lost 6
after a number that was not verified a run is counted anew
  1 2 6, doubt 7, lost 0, 9, lost 0, 11, lost 1
after a number that was not verified a leap is a first one
  1 2 5000, doubt 3, 4 5001, lost 0
unsealed numbers are not counted, and hide no sealed ones
  1-3, unsealed 3 4 9, unsealed again 3 4 9, again 3, 4 5, lost 0
a history fills holes before they are reported
  1-100, 200 201, kept 150-199 202 203, kept again 200, lost 49, again 202 203,
  204, lost 0
numbers below a history's are missing only once it comes live
  1-100, kept 600, lost 0, 101-300, 302, lost 1, again 600, lost 297
a history from far ahead counts before what comes live
  1-3, kept 5000-5499, 5500 5501, lost 4996, again 5000-5501, 5502
a history from far ahead counts behind it, too
  1-3, 5500 5501, kept 5000-5499, lost 4996, again 5000-5501, 5502
a number is lost three seconds after it should have come
  1 5, wait 2999, 3 2, again 3, lost 0 yet, wait 1, lost 1 yet
the time without a connection doesn't count
  1 3, wait 2000, offline, idle, wait 60000, online, wait 2000, offline,
  wait 60000, online, wait 2999, lost 0 yet, wait 1, lost 1 yet
a history fills a hole in its last moment
  1 4, wait 2999, kept 2, wait 1, lost 1 yet
the end reports the rest, also offline, and nothing later
  1 5, offline, stop, lost 3 yet, 8, wait 60000, lost 0 yet
losses are reported once a second, each author's in one line for all runs
  1 3, wait 500, 1 4 of other, wait 200, 1 5 of third, 1 3 of Bob, wait 2300,
  lost 1 yet, wait 999, lost 0 yet, wait 1, lost 5 + 1 of Bob yet
the times of 64 holes are known, what fills a later one, too
  odd 1-129, wait 1000, 133 130, wait 2000, lost 63 yet, wait 1000, lost 3 yet
rooms, runs and keys are counted on their own
  1 3 4, 1 6 7 of Eve, 1 4 5 in hall, 1 5 6 of Bob, 9 10 7 of other,
  lost 1 + 4 of Eve + hall: 2 + 3 of Bob, again 1 6 of Eve, 2 of Eve
`;

for (const [title, steps] of scenesIn(SCENES)) {
  test(title, async (account) => {
    const { losses, clock } = account;
    for (const step of steps.split(", ")) {
      const words: string[] = step.match(/[a-zA-Z]+/g) ?? [];
      const is = (word: string) => words.includes(word);
      const numbers = (step.match(/[\d-]+/g) ?? []).flatMap((word) => {
        const [first, last = first] = word.split("-").map(Number);
        return range(first, last, is("odd") ? 2 : 1);
      });
      const sent = {
        ...{ retain: is("retained"), sealed: !is("unsealed") },
        text: is("forged") ? words.join() : undefined,
        ...CAST[words.at(-1) ?? ""],
      };
      if (is("offline")) losses.offline();
      else if (is("online")) losses.online(is("shared"));
      else if (is("stop")) losses.stop();
      else if (is("idle")) assertEquals(clock.nextIn, undefined);
      else if (is("wait")) await clock.advance(numbers[0]);
      else if (is("whole")) losses.countFromHistory(is("hall") ? "hall" : ROOM);
      else if (is("doubt")) losses.doubt(received(payloadOf(numbers[0], sent)));
      else if (is("lost")) {
        const reported = is("yet")
          ? account.reported.splice(0)
          : await account.lost();
        const counts = reported.join(" + ").replaceAll(" of Ada", "");
        const expected = step.replace(/^lost /, "").replace(/ yet$/, "");
        assertEquals(counts || "0", expected, step);
      } else {
        const isNew = is("kept")
          ? account.keep(numbers, sent)
          : account.come(numbers, sent);
        assertEquals(isNew, is("again") ? [] : numbers, step);
      }
    }
    assertEquals(clock.nextIn, undefined);
  });
}

test("an id without a number is known with its content; without an id all is new", async () => {
  const account = new Account(["+"]);
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

test("a loss has the name that the run had last", async (account) => {
  account.come([1, 3]);
  account.come([4], { from: "Ada L." });
  account.come([4], { from: "Mallory" });
  account.come([7]);
  account.come([8], { from: "x".repeat(65_000) });
  account.keep([2], { from: "Of old" });
  assertEquals(await account.lost(), [`2 of ${"x".repeat(256)}`]);
});

test("author, kind, text and time are the content", () => {
  const { losses } = new Account();
  const at = "2026-01-02T03:04:05.678Z";
  const base = { ...message("hi there", "Ada"), id: `${RUN}-1`, at };
  const contents = [
    ...[{}, { from: "Adb" }, { message: "hi theru" }, { message: "hi tgere" }],
    ...[{ message: "hi there " }, { from: "Adah", message: "i there" }],
    ...[{ at: "2026-01-02T03:04:05.679Z" }, { at: undefined }],
    { type: "notice", notice: "hi there", message: undefined },
  ].map((more) => received({ ...base, ...more } as Payload));
  for (const isNew of [true, false]) {
    assertEquals(contents.filter((it) => losses.isNew(it) !== isNew), []);
  }
});

test("a history is looked up before a loss is reported, unless the connection is lost meanwhile", async () => {
  let lookUps = 0;
  let ended = Promise.withResolvers<void>();
  const account: Account = new Account(["#"], () => {
    lookUps++;
    assertEquals(account.keep([3, 6]), lookUps === 1 ? [3] : []);
    return ended.promise;
  });
  account.come([1, 2, 6]);
  await account.clock.advance(2_999);
  assertEquals(lookUps, 0);
  await account.clock.advance(1);
  account.losses.offline();
  ended.resolve();
  await account.clock.advance(0);
  assertEquals([lookUps, account.reported], [1, []]);
  ended = Promise.withResolvers();
  account.losses.online();
  await account.clock.advance(3_000);
  assertEquals([lookUps, account.reported], [2, []]);
  ended.resolve();
  assertEquals(await account.lost(), ["2 of Ada"]);
  // What came late is not looked up.
  account.come([8, 7]);
  await account.clock.advance(10_000);
  assertEquals(lookUps, 2);
});

test("numbers count where all of a room should come, and doubles are dropped anywhere", async () => {
  const shared = ["$share/g/chat/#", "other/+"];
  const [long, longer] = [1_024, 1_025].map((length) => "x".repeat(length));
  const cases: [topics: string[], topic: string, lost: string[]][] = [
    [shared, ROOM, []],
    [shared, "other/room", ["other/room: 1 of Ada"]],
    // In another spelling it is the same room.
    [["a.b"], "a/b", ["a.b: 1 of Ada"]],
    [["#"], long, [`${long}: 1 of Ada`]],
    [["#"], longer, []],
  ];
  for (const [topics, topic, lost] of cases) {
    const account = new Account(topics);
    assertEquals(account.come([1, 2, 4, 2], { topic }), [1, 2, 4]);
    if (topic === "a/b") assertEquals(account.keep([2], { topic: "a.b" }), []);
    assertEquals(await account.lost(), lost);
  }
});

test("resent numbers are known: 512 of each run, 16,000 of some", (account) => {
  const sent = range(1, 16_001, 500);
  for (const run of range(1, 30)) {
    account.come(sent, { run });
    assertEquals(account.come(sent, { run }), [], `${run}`);
  }
  // Memory has a limit: of many long runs the newest numbers are remembered.
  account.flood(31, 60, ...sent);
  assertEquals(account.come([501, 15_501], { run: 60 }), [501]);
  // Forgotten runs give it back.
  account.flood(100, 3_000, 1, 2);
  account.come(sent, { run: 99 });
  assertEquals(account.come(sent, { run: 99 }), []);
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
    for (const n of [1, 2, 3, 5, 6]) account.flood(1, senders, n);
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
  account.flood(1, 5_000, 1, 2, 3);
  assertEquals(await account.lost(), ["2 of Ada"]);
  // It is counted from here on.
  assertEquals(account.come([6, 9, 9, 11]), [6, 9, 11]);
  assertEquals(await account.lost(), ["uncounted", "3 of Ada"]);
});

test("a line says that there are more losses than are remembered", async (account) => {
  for (const first of [10_000, 20_000]) {
    account.flood(first, first + 3_999, 1, 3);
    await account.clock.advance(10_000);
  }
  assertEquals(account.reported.splice(0), ["4000 of Ada", "4000 of Ada"]);
  for (const first of [1, 6_000]) {
    account.flood(first, first + 5_499, 1, 3);
    account.losses.offline();
    account.losses.online();
  }
  account.losses.stop();
  const [first, lost, ...rest] = account.reported;
  assertEquals([first, rest], ["uncounted", []]);
  assert(parseInt(lost) >= 4_096, lost);
});

test("a loss has author and count, as a line and as JSON", () => {
  const ignored = new Ignored(["Bob"]);
  const plain = read({ ignored });
  for (const n of [1, 2, 8_250, 8_251]) {
    plain.reader.receive(received(payloadOf(n, {})));
    plain.reader.receive(received(payloadOf(n, { run: "bob", from: "Bob" })));
  }
  plain.reader.stop();
  const losses = plain.lines.filter((line) => line.includes("not arrive"));
  assertEquals(losses, ["== 8,247 messages of Ada did not arrive."]);
  const from = "\x1b[31m: a\n";
  // The message after the last counted line is no loss.
  const json = read({ json: true, count: 4 });
  for (const n of [1, 2, 3, 5, 6]) {
    json.reader.receive(received(payloadOf(n, { from })));
  }
  json.reader.stop();
  const { receivedAt: _, ...lost } = JSON.parse(json.lines.at(-1)!);
  assertEquals(lost, { type: "lost", from, count: 1, topic: ROOM });
});
