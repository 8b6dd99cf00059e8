/** Whose a name is, with real signatures. Each trap has a test. */

import { assertEquals, assertMatch } from "@std/assert";
import { Signer } from "../../lib/client.ts";
import { Checker } from "../../lib/codec.ts";
import { IdSource, willId } from "../../lib/ids.ts";
import {
  type Check,
  joinNotice,
  leaveNotice,
  type Payload,
  type Received,
  renameNotice,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { Names, parsePeople, peopleLine } from "../../lib/room/names.ts";
import type { ReaderOptions } from "../../lib/room/room.ts";
import { fingerprint, isSigned } from "../../lib/sign.ts";
import { TestClock } from "../support/clock.ts";
import { KEY } from "../support/keys.ts";
import { message, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn, read as open, ROOM, TIME } from "../support/rooms.ts";
import {
  openKeeper,
  openReader,
  SimBroker,
  SimClient,
} from "../support/sim.ts";

const test = pureTests("names", read);

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A reader on a clock that stands still, and what writes to its room. */
function read({ clock = new TestClock(), ...options }: Options = {}) {
  const all = open({ gather: false, clock, ...options });
  return {
    ...all,
    clock,
    author: (name: string, signer?: Signer | null) =>
      new Author(clock, name, signer),
    receive: (...received: Received[]) =>
      received.forEach((one) => all.reader.receive(one)),
    /** The state of each member, the most recent first. */
    states: () =>
      all.reader.roster.list().map(({ name, state }) => `${name} ${state}`),
  };
}

type Options = Partial<ReaderOptions> & { clock?: TestClock };

/** A client that writes under a name, with a key or without. */
class Author {
  readonly #ids = new IdSource();
  readonly #clock: TestClock;
  readonly #signer: Signer | null;
  name: string;

  constructor(
    clock: TestClock,
    name: string,
    signer: Signer | null = Signer.generate(),
  ) {
    this.#clock = clock;
    this.name = name;
    this.#signer = signer;
  }

  get key(): string {
    return this.#signer!.key;
  }

  says(message: string, id = this.#ids.next(ROOM)): Received {
    return this.#sent({ type: "message", from: this.name, message, id });
  }

  tells(notice: string, id = this.#ids.next(ROOM)): Received {
    return this.#sent({ type: "notice", from: this.name, notice, id });
  }

  joins(): Received {
    return this.tells(joinNotice(this.name, ROOM));
  }

  leaves(): Received {
    return this.tells(leaveNotice(this.name, ROOM));
  }

  /** The will of the connection of a join notice. */
  dies({ payload }: Received): Received {
    const { id } = payload as Payload;
    return this.tells(timeoutNotice(this.name), willId(id!));
  }

  #sent(payload: Payload): Received {
    const isWill = payload.id!.endsWith("w");
    const at = isWill ? undefined : new Date(this.#clock.wall()).toISOString();
    const sent = { ...payload, at };
    const signer = this.#signer;
    if (signer === null) return arrives(sent, this.#clock);
    const sig = signer.sign(ROOM, sent);
    return arrives({ ...sent, key: signer.key, sig }, this.#clock);
  }
}

/** What arrives now, its signature verified. */
function arrives(payload: Payload, clock: TestClock): Received {
  const check: Check = payload.sig === undefined
    ? "none"
    : isSigned(ROOM, payload)
    ? "valid"
    : "bad";
  const receivedAt = new Date(clock.wall());
  return { ...received(payload), check, receivedAt };
}

/** The same payload, sent again now. */
const replayed = ({ payload }: Received, clock: TestClock) =>
  arrives(payload as Payload, clock);

const another = (name: string, key: string) =>
  `== Another ${name} is here (key ${fingerprint(key)}).`;

test("what is not sealed is marked so, and not by its signature", () => {
  const { author, receive, lines } = read();
  const ada = author("Ada");
  const other = author("Ada", null);
  receive({ ...ada.says("mine"), sealed: true });
  receive({ ...other.says("no"), sealed: false });
  receive({ ...other.says("no key"), sealed: true });
  assertEquals(lines, [
    "Ada: mine",
    "(unsealed) Ada: no",
    "(unsigned) Ada: no key",
  ]);
});

test("an unsigned line under a signed name is marked", ({ lines, author, receive, states }) => {
  const ada = author("Ada");
  const forger = author("Ada", null);
  receive(ada.joins(), ada.says("hi"), forger.says("no"), forger.leaves());
  assertEquals(lines.slice(1), [
    "Ada: hi",
    "(unsigned) Ada: no",
    `(unsigned) -- ${leaveNotice("Ada", ROOM)}`,
  ]);
  // What is marked says nothing of who is in the room.
  assertEquals(states(), ["Ada here"]);
});

test("a payload's own claim is no badge", () => {
  const { lines, clock, author, receive } = read({ json: true });
  const ada = author("Ada");
  receive(ada.says("hi"));
  const { key } = ada;
  const sig = "A".repeat(86);
  const claim = { type: "message", from: "Ada", message: "no", key } as const;
  for (const forged of [{ ...claim, sig }, claim]) {
    receive({ ...arrives(forged, clock), check: "bad" });
  }
  receive({ ...ada.says("too many"), check: "unchecked" });
  const shown = lines.map((line) => JSON.parse(line));
  assertEquals(shown.map(({ signature, key }) => [signature, key]), [
    ["valid", key],
    ["bad", undefined],
    ["bad", undefined],
    [undefined, undefined],
    ["unchecked", undefined],
  ]);
});

test("a bad signature, and one that was not verified, are marked", () => {
  const { lines, author, receive } = read({ color: true, bell: true });
  const ada = author("Ada");
  receive(ada.says("hi"));
  lines.length = 0;
  const checks: Check[] = ["bad", "unchecked", "unchecked"];
  for (const check of checks) receive({ ...ada.says("me"), check });
  // Faint, without the name's colour, and no bell.
  // deno-lint-ignore no-control-regex -- ESC begins a style
  const plain = lines.map((line) => line.replaceAll(/\x1b\[2?2m/g, ""));
  assertEquals(plain.map((line) => line.replace(TIME, "")), [
    "(bad signature) Ada: me",
    "== More signed lines arrive than can be verified; the others count as " +
    "unsigned.",
    "(unchecked) Ada: me",
    "(unchecked) Ada: me",
  ]);
});

test("a bad signature under a new name binds nothing", ({ lines, author, receive }) => {
  const ada = author("Ada");
  receive(
    { ...ada.says("no"), check: "bad" },
    { ...ada.says("?"), check: "unchecked" },
    ada.says("hi"),
    author("Ada", null).says("no"),
  );
  assertEquals(lines.filter((line) => !line.startsWith("==")), [
    "(bad signature) Ada: no",
    "Ada: ?",
    "Ada: hi",
    "(unsigned) Ada: no",
  ]);
});

test("of two Adas who both came today, the second is marked", ({ lines, author, receive }) => {
  const [one, two] = [author("Ada"), author("Ada")];
  receive(one.says("1"), two.joins(), two.says("2"));
  receive(two.says("3"), one.says("4"));
  assertEquals(lines, [
    "Ada: 1",
    `(another key) -- ${joinNotice("Ada", ROOM)}`,
    another("Ada", two.key),
    "(another key) Ada: 2",
    "(another key) Ada: 3",
    "Ada: 4",
  ]);
});

test("many keys under one name are reported three times", ({ lines, author, receive }) => {
  receive(author("Ada").says("hi"));
  for (let n = 0; n < 10; n++) receive(author("Ada").says(""));
  assertEquals(lines.filter((line) => line.startsWith("==")).length, 3);
});

test("one signed line under an unsigned name marks no line", ({ lines, author, receive, states }) => {
  const python = author("ann", null);
  const eve = author("ann");
  receive(python.says("1"), eve.says("2"), python.says("3"));
  receive({ ...eve.says("4"), check: "bad" });
  assertEquals(lines, ["ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
  assertEquals(states(), ["ann wrote"]);
});

test("a hundred people with the default name have no marks and no lines", ({ lines, author, receive }) => {
  for (let n = 0; n < 100; n++) {
    const signer = n % 2 === 0 ? null : Signer.generate();
    receive(author("chat", signer).says(`${n}`));
  }
  assertEquals(lines, Array.from({ length: 100 }, (_, n) => `chat: ${n}`));
});

test("with another name a member keeps both, and no other key gets them", ({ lines, author, receive }) => {
  const ada = author("Ada");
  receive(ada.says("1"), ada.tells(renameNotice("Ada", "Countess")));
  const eve = author("Countess");
  for (const name of ["Countess", "Ada"]) {
    eve.name = name;
    receive(eve.says("2"));
  }
  ada.name = "Countess";
  receive(ada.says("3"));
  assertEquals(lines.slice(2), [
    another("Countess", eve.key),
    "(another key) Countess: 2",
    another("Ada", eve.key),
    "(another key) Ada: 2",
    "Countess: 3",
  ]);
  // With a leave, both are free.
  receive(ada.leaves());
  for (const name of ["Ada", "Countess"]) {
    eve.name = name;
    receive(eve.says("4"));
    assertEquals(lines.at(-1), `${name}: 4`);
  }
});

test("a rename takes no member's name", ({ lines, author, receive, states }) => {
  const ada = author("Ada");
  const eve = author("Eve");
  receive(ada.joins(), ada.says("1"), eve.says("2"));
  receive(eve.tells(renameNotice("Eve", "Ada")));
  eve.name = "Ada";
  receive(eve.leaves());
  assertEquals(states(), ["Eve wrote", "Ada here"]);
  assertEquals(lines.at(-1), `(another key) -- ${leaveNotice("Ada", ROOM)}`);
});

test("no rename decides whose a name is, but of who has one", ({ lines, author, receive }) => {
  for (const signer of [null, Signer.generate()]) {
    const eve = author("Eve", signer);
    receive(eve.tells(renameNotice("Eve", "Ada")));
  }
  receive(author("Ada").says("hi"), author("Ada", null).says("no"));
  assertEquals(lines.slice(2), ["Ada: hi", "(unsigned) Ada: no"]);
});

test("Ada comes back with a new key, after she left and without", ({ lines, author, receive }) => {
  const comes = () => {
    const ada = author("Ada");
    const joined = ada.joins();
    receive(joined, ada.says("hi"));
    return { ada, joined };
  };
  const first = comes();
  receive(first.ada.leaves());
  const second = comes();
  receive(second.ada.dies(second.joined));
  comes();
  const isMarked = (line: string) => /^==|^\(/.test(line);
  assertEquals(lines.filter(isMarked), []);
  const { ada } = comes();
  assertEquals(lines.filter(isMarked), [
    `(another key) -- ${joinNotice("Ada", ROOM)}`,
    another("Ada", ada.key),
    "(another key) Ada: hi",
  ]);
});

test("a replayed line, leave or will changes nothing and shows its age", async ({ reader, lines, clock, author, receive, states }) => {
  const signer = Signer.generate();
  const before = author("Ada", signer);
  const old = [before.says("old"), before.leaves(), before.joins()];
  const oldWill = before.dies(old[2]);
  await clock.advance(600_000);
  const ada = author("Ada", signer);
  const joined = ada.joins();
  receive(joined, ada.says("hi"));
  const seen = reader.roster.list();
  receive(...[...old, oldWill].map((it) => replayed(it, clock)));
  assertEquals(reader.roster.list(), seen);
  const age = /^\(sent \d\d:\d\d:\d\d\) (Ada: old|-- User Ada .*)$/;
  for (const line of lines.slice(2, 5)) assertMatch(line, age);
  // The name is still hers.
  receive(author("Ada").says("no"));
  assertEquals(lines.at(-1), "(another key) Ada: no");
  // The will of this connection counts until there is another one.
  const will = ada.dies(joined);
  receive(ada.joins(), will);
  assertEquals(states(), ["Ada here"]);
});

test("a replay to a reader who came later binds no name", async ({ lines, clock, author, receive }) => {
  const yesterday = author("Ada").says("old");
  await clock.advance(60_000);
  receive(replayed(yesterday, clock));
  const ada = author("Ada");
  const joined = ada.joins();
  receive(joined, ada.says("hi"));
  assertEquals(lines.at(-1), "Ada: hi");
  // A will says nothing of a member whose join was not seen.
  const later = read({ clock });
  later.receive(replayed(ada.dies(joined), clock));
  assertEquals(later.states(), []);
});

test("what is older than a day says nothing of members", async ({ clock, author, receive, states }) => {
  const joined = author("Ada").joins();
  await clock.advance(DAY_MS + 1);
  const late = replayed(joined, clock);
  receive(late, { ...late, retain: true });
  assertEquals(states(), []);
});

test("Ada's listener and her prompt raise no alarm", () => {
  const others = read();
  const { clock } = others;
  const [listener, prompt] = [others.author("Ada"), others.author("Ada")];
  const all = [listener.joins(), prompt.joins(), prompt.says("hi")];
  const own = read({ clock, name: "Ada" });
  const typed = read({ clock, name: "Ada", sends: true, key: prompt.key });
  for (const it of all) {
    const { key } = it.payload as Payload;
    others.receive(it);
    own.receive(key === listener.key ? { ...it, sentTo: ROOM } : it);
    typed.receive(key === prompt.key ? { ...it, sentTo: ROOM } : it);
  }
  const join = `-- ${joinNotice("Ada", ROOM)}`;
  const lines = [join, join, "Ada: hi"];
  assertEquals([others.lines, own.lines], [lines, lines]);
  assertEquals(typed.lines, [`(another key) ${join}`, ...lines.slice(1)]);
  // Nor are the listener's own lines marked.
  own.receive({ ...listener.tells("busy"), sentTo: ROOM });
  assertEquals(own.lines.at(-1), "-- busy");
  // That the listener ends doesn't end the prompt.
  others.receive(listener.leaves());
  assertEquals(others.states(), ["Ada here"]);
});

test("with one key, a window that ends leaves the other one there", ({ lines, author, receive, states }) => {
  const signer = Signer.generate();
  const [one, two] = [1, 2].map(() => author("Ada", signer));
  receive(one.joins(), two.joins(), two.says("hi"), one.leaves());
  assertEquals(states(), ["Ada here"]);
  assertEquals(lines.some((line) => /^\(|^==/.test(line)), false);
});

test("a reader goes on in a forged flood of 20,000 signatures a second", async ({ reader, lines, clock }) => {
  const checker = new Checker(clock);
  const receive = (received: Received) => {
    const check = checker.check(ROOM, received.payload as Payload);
    reader.receive({ ...received, check });
  };
  const ada = new Author(clock, "Ada");
  receive(ada.says("before"));
  const sig = "A".repeat(86);
  const forged = { type: "message", from: "Ada", key: ada.key, sig } as const;
  for (let n = 0; n < 20_000; n++) {
    if (n % 2_000 === 0) await clock.advance(99);
    receive(received({ ...forged, message: `${n}`, id: `x${n}` }));
  }
  // Hers is lost in it for now, and not her name.
  receive(ada.says("meanwhile"));
  await clock.advance(10);
  receive(ada.says("after"));
  await clock.advance(60_000);
  const starting = (start: string) =>
    lines.filter((line) => line.startsWith(start)).length;
  assertEquals(starting("(bad signature) Ada: "), 1_999);
  assertEquals(starting("(unchecked) Ada: "), 18_002);
  assertEquals(lines.filter((line) => !line.startsWith("(")), [
    "Ada: before",
    "== More signed lines arrive than can be verified; the others count as " +
    "unsigned.",
    "Ada: after",
  ]);
});

test("a flood of names has no signed one forgotten, and says so", () => {
  const people = new Map([["Grace", new Set([KEY])]]);
  const { lines, clock, author, receive } = read({ names: new Names(people) });
  const ada = author("Ada");
  receive(ada.says("hi"));
  for (let n = 0; n < 2_500; n++) {
    receive(arrives(message("", `x${n}`), clock));
  }
  const forgotten = "== More names are in use than can be remembered; for " +
    "some it is not known whose they are.";
  assertEquals(lines.filter((line) => line === forgotten).length, 1);
  for (const name of ["Ada", "Grace"]) {
    receive(author(name, null).says("no"));
  }
  assertEquals(lines.slice(-2), ["(unsigned) Ada: no", "(unsigned) Grace: no"]);
  // Signed names fill the memory: a new one is bound to no key.
  const names = new Names();
  for (let n = 0; n < 2_000; n++) names.bind(`x${n}`, KEY, 0);
  assertEquals(names.bind("Ada", ada.key, 0), { type: "forgotten" });
  assertEquals([...names.keysOf("Ada")], []);
  assertEquals([...names.keysOf("x0")], [KEY]);
});

test("a name of --people has its keys, whatever comes first", () => {
  const grace = Signer.generate();
  const { keys } = parsePeople(`Grace H ${grace.key}\nGrace H ${KEY}`);
  const { lines, author, receive } = read({ names: new Names(keys) });
  const name = "Grace H";
  const forger = author(name);
  receive(forger.says("no"), author(name, null).says("no"));
  const owner = author(name, grace);
  receive(owner.says("hi"), owner.leaves(), forger.says("no"));
  assertEquals(lines, [
    another(name, forger.key),
    `(another key) ${name}: no`,
    `(unsigned) ${name}: no`,
    `${name}: hi`,
    `-- ${leaveNotice(name, ROOM)}`,
    `(another key) ${name}: no`,
  ]);
});

test("a --people file has a name and a key in each line", () => {
  // A name that was not UTF-8 would protect one that nothing sends.
  const text = `\ufeff# team\r\n\nAda ${KEY}\r\n"a<U+001B>"\t ${KEY} \n` +
    `Bob\nAda  x\nB ${KEY}=\n${KEY}\nAda Byron ${KEY}\nJ\ufffdrgen ${KEY}`;
  const { keys, faults } = parsePeople(text);
  assertEquals([...keys.keys()], ["Ada", '"a<U+001B>"', "Ada Byron"]);
  assertEquals(faults, [5, 6, 7, 8, 10]);
  const names = new Names(keys);
  assertEquals([...names.keysOf("a\x1b")], [KEY]);
  assertEquals(peopleLine("a\x1b", KEY), `"a<U+001B>" ${KEY}`);
});

test("no other client uses up an id, forces a loss, or hides a line", async ({ lines, clock, author, receive }) => {
  const ada = author("Ada");
  receive(ada.says("1"));
  const two = ada.says("2");
  const { id } = two.payload as Payload;
  const run = id!.slice(0, -1);
  for (const signer of [null, Signer.generate()]) {
    const forger = author("Ada", signer);
    // The same id, then a leap, twice.
    for (const n of [2, 900, 901, 1_500]) {
      receive(forger.says("2", run + n));
    }
  }
  receive(two, ada.says("3"));
  await clock.advance(60_000);
  assertEquals(lines.slice(-2), ["Ada: 2", "Ada: 3"]);
  assertEquals(lines.filter((line) => line.includes("did not arrive")), []);
  // What is missing of Ada's own is still reported.
  ada.says("lost");
  receive(ada.says("5"));
  await clock.advance(60_000);
  assertEquals(lines.at(-1), "== 1 message of Ada did not arrive.");
});

test("of lines that were not verified none is called lost", async ({ lines, clock, author, receive }) => {
  const ada = author("Ada");
  const come = (count: number, check: Check) => {
    for (let n = 0; n < count; n++) receive({ ...ada.says(""), check });
  };
  for (let round = 0; round < 3; round++) {
    come(2, "valid");
    come(round * 700 + 100, "unchecked");
    come(2, "valid");
    await clock.advance(10_000);
  }
  // Under a name without an owner neither.
  const bob = author("Bob");
  for (let n = 1; n <= 20; n++) {
    const check = n % 10 > 5 ? "unchecked" : "valid";
    receive({ ...bob.says(""), check });
  }
  await clock.advance(10_000);
  assertEquals(lines.filter((line) => line.includes("did not arrive")), []);
  // What is missing among those that were verified is reported.
  ada.says("lost");
  come(2, "valid");
  await clock.advance(10_000);
  assertEquals(lines.at(-1), "== 1 message of Ada did not arrive.");
});

/** An Ada who says one line with each client, by default with a new key. */
const adaOf =
  (broker: SimBroker) =>
  async (message: string, signer: Signer | null = Signer.generate()) => {
    const ada = new SimClient(broker, { ...signer && { signer } });
    await ada.send(ROOM, { type: "message", from: "Ada", message });
    ada.kill();
    await broker.clock.advance(1_000);
  };

test("a history with another run's key is not marked, a forgery is", async () => {
  const broker = new SimBroker();
  await openKeeper(broker);
  const say = adaOf(broker);
  await say("yesterday");
  await say("unsigned", null);
  const { lines, sim, room } = await openReader(broker);
  await broker.clock.advance(3_000);
  const signer = Signer.generate();
  await say("today", signer);
  // What comes in a gap is judged by who had the name before.
  sim.cut();
  await say("no");
  const renamed = renameNotice("Ada", "Mallory");
  const eve = new SimClient(broker, {});
  await eve.send(ROOM, { type: "notice", from: "Ada", notice: renamed });
  await say("still", signer);
  sim.back();
  await broker.clock.advance(12_000);
  const said = lines.filter((line) => /Ada: /.test(line));
  assertEquals(said, [
    "Ada: yesterday",
    "Ada: unsigned",
    "Ada: today",
    "(another key) Ada: no",
    "Ada: still",
  ]);
  assertEquals(namesIn(room.roster).includes("Mallory"), false);
});

test("a history that comes late is not judged by who wrote meanwhile", async () => {
  const broker = new SimBroker();
  const { sim: keeper } = await openKeeper(broker);
  const say = adaOf(broker);
  await say("yesterday");
  await broker.clock.advance(2_000);
  keeper.kill();
  const { lines } = await openReader(broker, { latency: 5_000 });
  await broker.clock.advance(1_000);
  await say("today");
  await broker.clock.advance(10_000);
  assertEquals(lines.filter((line) => /Ada: /.test(line)), [
    "Ada: today",
    "Ada: yesterday",
  ]);
});

test("a keeper lists no member by a marked line", async () => {
  const broker = new SimBroker();
  await openKeeper(broker, { announce: false });
  const clock = broker.clock;
  const signer = Signer.generate();
  const ada = new SimClient(broker, { signer });
  const eve = new SimClient(broker, {});
  const notice = (notice: string) =>
    ({ type: "notice", from: "Ada", notice }) as const;
  await ada.send(ROOM, notice(joinNotice("Ada", ROOM)));
  await ada.send(ROOM, { type: "message", from: "Ada", message: "hi" });
  await eve.send(ROOM, notice(leaveNotice("Ada", ROOM)));
  await eve.send(ROOM, notice(renameNotice("Ada", "Mallory")));
  await clock.advance(3_000);
  assertEquals(broker.history.here.map(([name]) => name), ["Ada"]);
});
