import { assertEquals, assertMatch } from "@std/assert";
import { Signer } from "../../lib/client.ts";
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
import { fingerprint } from "../../lib/sign.ts";
import { TestClock } from "../support/clock.ts";
import { KEY } from "../support/keys.ts";
import {
  namesIn,
  read as open,
  received,
  ROOM,
  STAMP,
} from "../support/line_fixtures.ts";
import { pureTests, scenesIn } from "../support/pure.ts";
import {
  checked,
  openReader,
  openRoom,
  type SimBroker,
  SimClient,
} from "../support/sim.ts";

const test = pureTests("names", read);

const JOINED = `-- ${joinNotice("Ada", ROOM)}`;
const LOSS = "== 1 message of Ada did not arrive.";
const UNCHECKED =
  "== More signed lines arrive than can be verified; the others count as " +
  "unsigned.";

/** A reader on a clock that stands still, and what writes to its room. */
function read({ clock = new TestClock(), ...options }: Options = {}) {
  const { reader, lines } = open({ gather: false, clock, ...options });
  return {
    ...{ reader, lines, clock },
    author: (name: string, signer?: Signer | null) =>
      new Author(clock, name, signer),
    receive: (...received: Received[]) =>
      received.forEach((one) => reader.receive(one)),
    states: () =>
      reader.roster.list().map(({ name, state }) => `${name} ${state}`),
  };
}

type Options = Partial<ReaderOptions> & { clock?: TestClock };

/** A client that writes under a name, with a key or without. */
class Author {
  readonly #ids = new IdSource();
  #joinId = "";

  constructor(
    readonly clock: TestClock,
    public name: string,
    readonly signer: Signer | null = Signer.generate(),
  ) {}

  get key(): string {
    return this.signer!.key;
  }

  says(message: string, id = this.#ids.next(ROOM)): Received {
    return this.#sent({ type: "message", from: this.name, message, id });
  }

  tells(notice: string, id = this.#ids.next(ROOM)): Received {
    return this.#sent({ type: "notice", from: this.name, notice, id });
  }

  joins(): Received {
    this.#joinId = this.#ids.next(ROOM);
    return this.tells(joinNotice(this.name, ROOM), this.#joinId);
  }

  leaves(): Received {
    return this.tells(leaveNotice(this.name, ROOM));
  }

  /** The will of the connection of the last join notice. */
  dies(): Received {
    return this.tells(timeoutNotice(this.name), willId(this.#joinId));
  }

  becomes(name: string): Received {
    const renamed = this.tells(renameNotice(this.name, name));
    this.name = name;
    return renamed;
  }

  #sent(payload: Payload): Received {
    const isWill = payload.id!.endsWith("w");
    const at = isWill ? undefined : new Date(this.clock.wall()).toISOString();
    const sent = { ...payload, at };
    const { signer } = this;
    if (signer === null) return arrives(sent, this.clock);
    const sig = signer.sign(ROOM, sent);
    return arrives({ ...sent, key: signer.key, sig }, this.clock);
  }
}

/** What arrives now, its signature verified. */
function arrives(payload: Payload, clock: TestClock): Received {
  const receivedAt = new Date(clock.wall());
  return { ...received(payload), check: checked(ROOM, payload), receivedAt };
}

const replayed = ({ payload }: Received, clock: TestClock) =>
  arrives(payload as Payload, clock);

const another = (name: string, key: string) =>
  `== Another ${name} is here (key ${fingerprint(key)}).`;

/**
 * Who does what. What a step's line is marked with stands in brackets, with `!`
 * where the other key is reported; then who is there. Ada has a second window,
 * Eve calls herself Ada with another key, and `none` does without one.
 */
const SCENES = `
an unsigned line is marked, and says nothing of members
  ada joins, ada says, none says (unsigned), none leaves (unsigned): Ada here
what is not sealed is marked so, and not by its signature
  ada says, none says unsealed (unsealed), none says (unsigned): Ada wrote
what doesn't verify under a new name binds nothing
  ada says bad (bad signature), ada says unchecked, ada says,
  none says (unsigned): Ada wrote
of two Adas who both came today, the second is marked
  ada says, eve joins (another key), eve says (another key!),
  eve says (another key), ada says: Ada wrote
one signed line under an unsigned name marks no line
  none says, eve says, none says, eve says bad: Ada wrote
with another name a member keeps both
  ada says, ada becomes Countess, bob becomes Countess, bob says (another key!),
  bob becomes Ada (another key), bob says (another key!), ada says: Countess here
with a leave both are free
  ada says, ada becomes Countess, ada leaves, eve says, bob is Countess,
  bob says: Countess wrote, Ada wrote
a rename takes no member's name
  ada joins, ada says, bob says, bob becomes Ada,
  bob leaves (another key): Bob wrote, Ada here
a rename of who has no name binds none
  bob becomes Ada, ada says, none says (unsigned): Ada here
with one key, a window that ends leaves the other one there
  ada joins, window joins, window says, ada leaves: Ada here
Ada comes back with a new key after she left or was lost, not without
  ada joins, ada says, ada leaves, eve joins, eve says, eve dies, bob is Ada,
  bob joins, bob says, ada joins (another key), ada says (another key!): Ada here
`;

const BROKER = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;

const HOW: Record<string, Partial<Received>> = {
  ...{ bad: { check: "bad" }, unchecked: { check: "unchecked" } },
  unsealed: { sealed: false },
};

for (const [title, scene] of scenesIn(SCENES)) {
  test(title, ({ lines, author, receive, states }) => {
    const [steps, members] = scene.split(": ");
    const signer = Signer.generate();
    const cast: Record<string, Author> = {
      ...{ ada: author("Ada", signer), window: author("Ada", signer) },
      ...{ eve: author("Ada"), none: author("Ada", null), bob: author("Bob") },
    };
    for (const step of steps.split(", ")) {
      const [, who, does, what = "", mark = ""] =
        /^(\w+) (\w+)(?: (\w+))?(?: \((.*)\))?$/.exec(step)!;
      const one = cast[who];
      if (does === "is") one.name = what;
      if (does === "is") continue;
      const verb = does as "joins" | "leaves" | "dies" | "becomes" | "says";
      receive({ ...one[verb](what), ...HOW[what] });
      const [last, ...before] = lines.splice(0).reverse();
      const marked = mark === "" ? "" : `(${mark.replace("!", "")}) `;
      assertEquals(/^\(.*?\) |/.exec(last)![0], marked, step);
      const isNews = before.length > 0 && before[0] !== UNCHECKED;
      assertEquals(isNews, mark.endsWith("!"), step);
      if (isNews) assertEquals(before, [another(one.name, one.key)]);
    }
    assertEquals(states().join(", "), members);
  });
}

test("only what verifies has a key, and speaks under it", () => {
  const names = new Names();
  const verdicts = (["valid", "bad", "unchecked", "none"] as const)
    .map((check) => names.judge({ from: "Ada", key: KEY }, check));
  assertEquals(verdicts, [
    { signature: "valid", key: KEY },
    { signature: "bad", mark: "bad signature" },
    { signature: "unchecked" },
    { signature: "none" },
  ]);
});

test("of many keys under a name three are reported, under the default name none", ({ lines, author, receive }) => {
  for (let n = 0; n < 10; n++) {
    receive(author("Ada").says(""), author("Bob").says(""));
    receive(author("chat").says(""), author("chat", null).says(""));
  }
  const starts = ["== Another Ada", "== Another Bob", "==", "chat: "];
  const counts = starts.map((start) =>
    lines.filter((line) => line.startsWith(start)).length
  );
  assertEquals(counts, [3, 3, 6, 20]);
});

test("what doesn't verify is faint, without the name's colour, and rings no bell", () => {
  const { reader, lines, author, receive } = read({ color: true, bell: true });
  const ada = author("Ada");
  receive(ada.says("hi"));
  lines.length = 0;
  const checks: Check[] = ["bad", "unchecked", "unchecked"];
  for (const check of checks) {
    receive({ ...ada.says("me"), check });
    reader.onStatus({ type: "disconnected", broker: BROKER, reason: "cut" });
  }
  // deno-lint-ignore no-control-regex -- ESC begins a style
  const plain = lines.map((line) => line.replaceAll(/\x1b\[2?2m/g, ""));
  assertEquals(plain.map((line) => line.replace(STAMP, "")), [
    ...["(bad signature) Ada: me", UNCHECKED],
    ...["(unchecked) Ada: me", "(unchecked) Ada: me"],
  ]);
});

test("a replayed line, leave or will changes nothing and shows its age", async ({ reader, lines, clock, author, receive, states }) => {
  const signer = Signer.generate();
  const before = author("Ada", signer);
  const old = [before.says("old"), before.leaves(), before.joins()];
  old.push(before.dies());
  await clock.advance(600_000);
  const ada = author("Ada", signer);
  receive(ada.joins(), ada.says("hi"));
  const seen = reader.roster.list();
  receive(...old.map((it) => replayed(it, clock)));
  assertEquals(reader.roster.list(), seen);
  const age = /^\(sent \d\d:\d\d:\d\d\) (Ada: old|-- User Ada .*)$/;
  for (const line of lines.slice(2, 5)) assertMatch(line, age);
  // The name is still hers.
  receive(author("Ada").says("no"));
  assertEquals(lines.at(-1), "(another key) Ada: no");
  // The will of this connection counts until there is another one.
  const will = ada.dies();
  receive(ada.joins(), will);
  assertEquals(states(), ["Ada here"]);
});

test("a replay to a reader who came later binds no name, and lists none after a day", async ({ lines, clock, author, receive, states }) => {
  const [old, ada] = [author("Ada").says("old"), author("Ada")];
  await clock.advance(60_000);
  receive(replayed(old, clock), {
    ...author("Ada").says("kept"),
    retain: true,
  });
  const joined = ada.joins();
  receive(joined, ada.says("hi"));
  assertEquals(lines.at(-1), "Ada: hi");
  assertEquals(states(), ["Ada here"]);
  // A will says nothing of a member whose join was not seen.
  const later = read({ clock, resume: true });
  later.receive(replayed(ada.dies(), clock));
  assertEquals(later.states(), []);
  // Nor does what the session kept bind a name.
  const connected = { type: "connected", broker: BROKER, version: 5 } as const;
  later.reader.onStatus({ ...connected, sessionPresent: true });
  later.receive(author("Ada").says("missed"));
  await clock.advance(2_000);
  later.receive(ada.says("hi"), author("Ada", null).says("no"));
  assertEquals(later.lines.slice(-2), ["Ada: hi", "(unsigned) Ada: no"]);
  await clock.advance(86_400_001);
  const late = replayed(joined, clock);
  const newest = read({ clock });
  newest.receive(late, { ...late, retain: true });
  assertEquals(newest.states(), []);
});

test("Ada's listener and her prompt raise no alarm", () => {
  const others = read();
  const { clock, author } = others;
  const [listener, prompt] = [author("Ada"), author("Ada")];
  const own = read({ clock, name: "Ada" });
  const typed = read({ clock, name: "Ada", sends: true, key: prompt.key });
  for (const it of [listener.joins(), prompt.joins(), prompt.says("hi")]) {
    const { key } = it.payload as Payload;
    others.receive(it);
    own.receive(key === listener.key ? { ...it, sentTo: ROOM } : it);
    typed.receive(key === prompt.key ? { ...it, sentTo: ROOM } : it);
  }
  const lines = [JOINED, JOINED, "Ada: hi"];
  assertEquals([others.lines, own.lines], [lines, lines]);
  assertEquals(typed.lines, [`(another key) ${JOINED}`, ...lines.slice(1)]);
  // The prompt's next name is its own, too.
  typed.reader.rename("Countess", prompt.key);
  typed.receive(author("Countess").says("no"));
  assertEquals(typed.lines.at(-1), "(another key) Countess: no");
  // Nor are the listener's own lines marked.
  own.receive({ ...listener.tells("busy"), sentTo: ROOM });
  assertEquals(own.lines.at(-1), "-- busy");
  // That the listener ends doesn't end the prompt.
  others.receive(listener.leaves());
  assertEquals(others.states(), ["Ada here"]);
});

test("a flood of names has no signed one forgotten, and is reported once", ({ author }) => {
  const names = new Names(new Map([["Grace", new Set([KEY])]]));
  const { key } = author("Ada");
  names.bind("Ada", key, 0);
  names.bind("x".repeat(257), key, 0);
  let n = 0;
  const bind = (count: number, key?: string) =>
    Array.from({ length: count }, () => names.bind(`x${n++}`, key, 0))
      .filter((note) => note !== undefined);
  assertEquals(bind(1_999), []);
  assertEquals(bind(3), [{ type: "forgotten" }]);
  assertEquals([...names.keysOf("Ada"), ...names.keysOf("Grace")], [key, KEY]);
  // Signed names fill the memory: a new one is bound to no key.
  bind(2_000, KEY);
  assertEquals([n - 2, n - 1].map((n) => names.keysOf(`x${n}`).size), [1, 0]);
});

test("a name of --people has its keys, whatever comes first", () => {
  const grace = Signer.generate();
  const { keys } = parsePeople(`Grace H ${grace.key}\nGrace H ${KEY}`);
  const { lines, author, receive } = read({ names: new Names(keys) });
  const [owner, forger, none] = [grace, undefined, null]
    .map((signer) => author("Grace H", signer));
  receive(forger.says(""), none.says(""), owner.says(""));
  receive(owner.leaves(), forger.says(""));
  assertEquals(lines, [
    another("Grace H", forger.key),
    ...["(another key) Grace H: ", "(unsigned) Grace H: ", "Grace H: "],
    ...[`-- ${leaveNotice("Grace H", ROOM)}`, "(another key) Grace H: "],
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
  const run = (two.payload as Payload).id!.slice(0, -1);
  for (const forger of [author("Ada", null), author("Ada")]) {
    // The same id, then a leap, twice.
    for (const n of [2, 900, 901, 1_500]) receive(forger.says("2", run + n));
  }
  lines.length = 0;
  receive(two, ada.says("3"));
  // What is missing of Ada's own is still reported.
  ada.says("lost");
  receive(ada.says("5"));
  await clock.advance(60_000);
  assertEquals(lines, ["Ada: 2", "Ada: 3", "Ada: 5", LOSS]);
});

test("of lines that were not verified none is called lost", async ({ lines, clock, author, receive }) => {
  const [ada, bob] = [author("Ada"), author("Bob")];
  const come = async (one: Author, count: number, check: Check) => {
    for (let n = 0; n < count; n++) receive({ ...one.says(""), check });
    await clock.advance(5_000);
  };
  for (const check of ["valid", "unchecked", "valid"] as const) {
    await come(ada, check === "valid" ? 2 : 800, check);
    await come(bob, 5, check === "valid" ? "unchecked" : "valid");
  }
  // Nor what is missing before one.
  ada.says("lost");
  receive(ada.says("valid"));
  await come(ada, 1, "unchecked");
  await come(ada, 1, "valid");
  const losses = () => lines.filter((line) => line.includes("did not arrive"));
  assertEquals(losses(), []);
  // What is missing among those that were verified is reported.
  ada.says("lost");
  await come(ada, 2, "valid");
  assertEquals(losses(), [LOSS]);
});

/** An Ada at a broker, with a key of her own. */
function adaIn(broker: SimBroker) {
  const sim = new SimClient(broker, { signer: Signer.generate() });
  const from = "Ada";
  return {
    says: (message: string) =>
      sim.send(ROOM, { type: "message", from, message }),
    tells: (notice: string) => sim.send(ROOM, { type: "notice", from, notice }),
  };
}

test("a history with another run's key is not marked, a forgery is", async () => {
  const { broker, keep, wait } = openRoom();
  await keep();
  await adaIn(broker).says("yesterday");
  broker.say("unsigned", { from: "Ada" });
  await wait(1_000);
  const { lines, sim, room } = await openReader(broker);
  await wait(3_000);
  const ada = adaIn(broker);
  await ada.says("today");
  // What comes in a gap is judged by who had the name before.
  sim.cut();
  await adaIn(broker).says("no");
  const notice = renameNotice("Ada", "Mallory");
  broker.say("", { type: "notice", from: "Ada", notice });
  await ada.says("still");
  await wait(2_000);
  sim.back();
  await wait(12_000);
  assertEquals(lines.filter((line) => /Ada: /.test(line)), [
    ...["Ada: yesterday", "Ada: unsigned", "Ada: today"],
    ...["(another key) Ada: no", "Ada: still"],
  ]);
  assertEquals(namesIn(room.roster).includes("Mallory"), false);
});

test("a history that comes late is not judged by who wrote meanwhile", async () => {
  const { broker, keep, wait } = openRoom();
  const { sim } = await keep();
  await adaIn(broker).says("yesterday");
  await wait(2_000);
  sim.kill();
  const { lines } = await openReader(broker, { latency: 5_000 });
  await wait(1_000);
  await adaIn(broker).says("today");
  await wait(10_000);
  const said = lines.filter((line) => /Ada: /.test(line));
  assertEquals(said, ["Ada: today", "Ada: yesterday"]);
});

test("a keeper lists no member by a marked line", async () => {
  const { broker, keep, wait } = openRoom();
  await keep({ announce: false });
  const [ada, eve] = [adaIn(broker), adaIn(broker)];
  await ada.tells(joinNotice("Ada", ROOM));
  await ada.says("hi");
  await eve.tells(leaveNotice("Ada", ROOM));
  await eve.tells(renameNotice("Ada", "Mallory"));
  await wait(3_000);
  assertEquals(broker.history.here.map(([name]) => name), ["Ada"]);
  // Nor does a forged number make a hole in hers.
  const { whole, messages } = broker.history;
  const { id } = messages.find(({ message }) => message === "hi")!;
  broker.say("", { from: "Ada", id: id.replace(/\d+$/, "90") });
  await ada.says("2");
  await wait(3_000);
  assertEquals(broker.history.whole, whole + 2);
});
