/**
 * A room that is kept: on several brokers, by keepers that crash, through
 * restarts of the broker, with a secret, and for those who were away.
 */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import {
  gate,
  NO_CLUSTER,
  NO_MOSQUITTO,
  NO_RABBITMQ,
} from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { NatsCluster } from "../support/nats.ts";
import { becomesTrue, inTime } from "../support/patience.ts";
import { type Arrival, Peer } from "../support/peers.ts";
import {
  type Process,
  type ProcessOptions,
  run,
  start,
} from "../support/processes.ts";
import { RabbitMQ } from "../support/rabbitmq.ts";
import { Random } from "../support/random.ts";
import { SecretFile } from "../support/secret_file.ts";
import { Counter, tally } from "../support/tally.ts";

const live = gate(NO_MOSQUITTO);
const cluster = gate(NO_CLUSTER);
const rabbitmq = gate(NO_RABBITMQ);

const ROOM = "chat/room";

interface Place {
  host: string;
  port: number;
}

/** For what waits for a broker or a connection to come back. */
const PATIENCE_MS = 60_000;

/** The arguments that lead a script to the room. */
function at({ host }: Pick<Place, "host">, ...more: string[]): string[] {
  return ["-h", host, "-t", ROOM, ...more];
}

/** Starts a listener; returns once it reads the room. */
async function listen(
  args: string[],
  options?: ProcessOptions,
): Promise<Process> {
  const listener = start("listener.ts", args, options);
  await listener.stderr.line(/^Reading /, PATIENCE_MS);
  return listener;
}

/** Says lines in the room. */
async function say(
  place: Place,
  lines: string[],
  options?: ProcessOptions,
  ...flags: string[]
): Promise<void> {
  const stdin = lines.map((line) => `${line}\n`).join("");
  const args = at(place, ...flags);
  const { code, stderr } = await run("publisher.ts", args, {
    ...options,
    stdin,
  });
  assertEquals([code, stderr], [0, ""]);
}

/** Ends a script in good order. */
async function end(process: Process): Promise<string> {
  process.signal("SIGTERM");
  const { code, stdout, stderr } = await process.outcome();
  assertEquals(code, 0, stderr);
  return stdout;
}

/** The numbers up to one, as texts. */
function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** What a newcomer is shown of what was said before. */
interface Shown {
  text: string;
  from: string;
  sealed: boolean;
}

/** A newcomer reads the last ten messages, up to one. */
async function newcomer(
  place: Place,
  last: string,
  options?: ProcessOptions,
  ...flags: string[]
): Promise<Shown[]> {
  const args = at(place, "--history", "10", "--json", ...flags);
  await using reader = await listen(args, options);
  await reader.stdout.line(
    new RegExp(`"text":"${last}".*"history":true`),
    PATIENCE_MS,
  );
  return (await end(reader)).trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ history }) => history === true)
    .map(({ text, from, sealed }) => ({ text, from, sealed }));
}

/** What a newcomer should be shown: the last ten. */
function lastTen(texts: string[], sealed = false): Shown[] {
  return texts.slice(-10).map((text) => ({ text, from: "chat", sealed }));
}

/** A keeper keeps what a user says who leaves before a reader comes. */
async function keepAndRead(place: Place, ...flags: string[]): Promise<void> {
  await using watch = await KeptWatch.open(place, ROOM);
  await using keeper = await listen(at(place, "--keep", "50", ...flags));
  const lines = upTo(12);
  await say(place, lines, {}, ...flags);
  assertEquals(await watch.until("12", PATIENCE_MS), lines);
  assertEquals(await newcomer(place, "12", {}, ...flags), lastTen(lines));
  await end(keeper);
}

for (const version of ["5", "311"]) {
  live(
    `Mosquitto, MQTT ${version}: a newcomer reads what was kept`,
    async () => {
      await using broker = await Mosquitto.start();
      await keepAndRead(broker, "-V", version);
    },
  );
}

cluster("NATS: a newcomer reads what was kept", async () => {
  await using cluster = await NatsCluster.start();
  const [host] = cluster.hosts;
  await keepAndRead({ host, port: Number(host.split(":")[1]) });
});

rabbitmq("RabbitMQ: a newcomer reads what was kept", async () => {
  const users = {
    Server: { password: "admin" },
    chat: { password: "chat" },
  };
  await using broker = await RabbitMQ.start(users);
  await keepAndRead(broker);
});

/** The numbers of messages that are kept. */
function numbersOf(texts: string[]): number[] {
  return texts.map((text) => Number(text.replace("n ", "")));
}

/** So many numbers up to one, or as many as there are. */
function lastOf(count: number, last: number): number[] {
  const length = Math.min(count, last);
  return Array.from({ length }, (_, i) => last - length + 1 + i);
}

live("of two keepers, one may be killed at any time", async () => {
  const [keep, rounds, lines] = [400, 10, 2_000];
  await using broker = await Mosquitto.start();
  await using watch = await KeptWatch.open(broker, ROOM);
  const random = new Random(2_000);
  const startKeeper = (index: number) =>
    listen(at(broker, "--keep", `${keep}`, "-n", `K${index}`));
  const isWhole = (texts: string[]) => {
    const numbers = numbersOf(texts);
    return `${numbers}` === `${lastOf(keep, numbers.at(-1) ?? 0)}`;
  };
  const keepers = [await startKeeper(0), await startKeeper(1)];
  await using _ended = {
    async [Symbol.asyncDispose]() {
      for (const keeper of keepers) await keeper[Symbol.asyncDispose]();
    },
  };
  await using publisher = start("publisher.ts", at(broker));
  const counter = new Counter(publisher);
  /** Waits until a keeper has what it did not hear itself, from the other. */
  const settles = async (keeper: Process): Promise<number> => {
    const line = await keeper.stdout.line(/ chat: n \d+$/);
    const [first] = tally(line).shown;
    const isKept = () => {
      const { latest } = watch;
      return numbersOf(latest).at(-1)! >= first && isWhole(latest);
    };
    assert(await becomesTrue(isKept), `from ${first} on: ${watch.latest}`);
    return first;
  };
  let isOver = false;
  const speaking = (async () => {
    while (!isOver || counter.said < lines) {
      await counter.sayUpTo(counter.said + 1);
      await new Promise((next) => setTimeout(next, 12));
    }
  })();
  let unheard = 0;
  try {
    await Promise.all(keepers.map(settles));
    for (let round = 1; round <= rounds; round++) {
      const goal = counter.said + random.below(100);
      assert(await becomesTrue(() => counter.said >= goal));
      const victim = random.below(2);
      keepers[victim].signal("SIGKILL");
      await keepers[victim].outcome();
      const { said } = counter;
      keepers[victim] = await startKeeper(victim);
      unheard += await settles(keepers[victim]) - said - 1;
    }
  } finally {
    isOver = true;
    await speaking;
  }
  await publisher.endInput();
  assertEquals((await publisher.outcome()).code, 0);
  const { said } = counter;
  await becomesTrue(() => watch.latest.at(-1) === `n ${said}`);
  const { all, latest } = watch;
  const partial = all.filter((texts) => !isWhole(texts)).length;
  console.log(
    `${rounds} keepers killed under ${said} messages, ${unheard} of them said ` +
      `while one was starting: the last ${latest.length} are kept; ${partial} ` +
      `of ${all.length} histories on the way lacked some for a moment`,
  );
  assertGreater(unheard, 0);
  // Only the first of a keeper: then it has what the other has written.
  assert(partial <= rounds, `${partial} histories lacked some`);
  assertEquals(numbersOf(latest), lastOf(keep, said));
});

live("a broker that writes its state down gives it back", async () => {
  await using broker = await Mosquitto.start({ persistence: true });
  await using keeper = await listen(at(broker, "--keep", "50"));
  const lines = upTo(12);
  await say(broker, lines);
  // It writes what it has when it leaves.
  await end(keeper);
  await broker.down();
  await broker.up();
  assertEquals(await newcomer(broker, "12"), lastTen(lines));
});

for (const flags of [[], ["--no-announce"]]) {
  live(
    ["a keeper gives a broker back what it has forgotten", ...flags].join(" "),
    async () => {
      await using broker = await Mosquitto.start();
      const args = at(broker, "--keep", "50", ...flags);
      await using keeper = await listen(args);
      const lines = upTo(12);
      await using before = await KeptWatch.open(broker, ROOM);
      await say(broker, lines);
      await before.until("12");
      await broker.down("SIGKILL");
      await broker.up();
      await keeper.stderr.line(/^Connected again/, PATIENCE_MS);
      await using after = await KeptWatch.open(broker, ROOM);
      assertEquals(await after.until("12"), lines);
      assertEquals(await newcomer(broker, "12"), lastTen(lines));
      await end(keeper);
    },
  );
}

/** A sealed payload, and nothing else. */
const SEALED =
  /^\{"type":"notice","from":"sealed","notice":"A sealed message: --secret-file opens it\.","sealed":"A[Q-Za-f][\w-]{37,}"\}$/;

live("what is kept of a room with a secret is sealed", async () => {
  await using broker = await Mosquitto.start();
  await using file = new SecretFile();
  const lines = upTo(12).map((n) => `secret ${n}`);
  const keep = at(broker, "--keep", "50", ...file.flag);
  await using keeper = await listen(keep, file);
  await say(broker, lines, file, ...file.flag);
  await end(keeper);
  const last = "secret 12";
  assertEquals(
    await newcomer(broker, last, file, ...file.flag),
    lastTen(lines, true),
  );
  await using watch = await KeptWatch.open(broker, ROOM);
  assertMatch(await watch.next(), SEALED);
  // What comes meanwhile is shown after what was kept.
  await using stranger = await listen(at(broker, "--history", "10", "--json"));
  await say(broker, ["not sealed"]);
  await stranger.stdout.line(/"text":"not sealed"/);
  const shown = await end(stranger);
  assertEquals(shown.match(/secret \d|"history":true/g), null, shown);
});

live("who was away is shown what was said meanwhile", async () => {
  await using broker = await Mosquitto.start();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using watch = await KeptWatch.open(broker, ROOM);
  await using _keeper = await listen(at(broker, "--keep", "50"));
  await say(broker, ["before 1", "before 2"]);
  await watch.until("before 2");
  const args = at(proxy, "-q", "0", "--history", "20");
  await using reader = await listen(args);
  await reader.stdout.line(/ == now$/);
  await say(broker, ["here"]);
  await reader.stdout.line(/ chat: here$/);
  await watch.until("here");
  proxy.blackHole();
  proxy.cut();
  await reader.stderr.line(/^Disconnected /);
  const lines = ["away 1", "away 2", "away 3"];
  await say(broker, lines);
  proxy.stall("up", false);
  proxy.stall("down", false);
  await reader.stderr.line(/^Reading /, PATIENCE_MS);
  await reader.stdout.line(/ chat: away 3$/, PATIENCE_MS);
  await say(broker, ["again"]);
  await reader.stdout.line(/ chat: again$/);
  const shown = (await end(reader)).trim().split("\n")
    .filter((line) => / (chat:|==) /.test(line))
    .map((line) => line.replace(/^\S+ /, ""));
  const gap = shown.findIndex((line) => line.startsWith("== Connected to "));
  console.log(shown[gap]);
  assertMatch(
    shown[gap],
    / 3 messages of that time follow; nothing is missing\.$/,
  );
  const said = ["before 1", "before 2", "here", ...lines, "again"];
  assertEquals(
    shown.flatMap((line) => /chat: (.*)$/.exec(line)?.[1] ?? []),
    said,
  );
  assertEquals(gap, shown.findIndex((line) => line.endsWith("away 1")) - 1);
});

/** Sees each history of a room that is written, and the one that is there. */
class KeptWatch implements AsyncDisposable {
  readonly #peer: Peer;

  private constructor(peer: Peer) {
    this.#peer = peer;
  }

  static async open(
    broker: { port: number },
    room: string,
  ): Promise<KeptWatch> {
    return new KeptWatch(await Peer.connect(broker, `${room}/$history`));
  }

  /** The texts of the messages, oldest first, of each history so far. */
  get all(): string[][] {
    return this.#peer.arrived.map(textsOf);
  }

  get latest(): string[] {
    const last = this.#peer.arrived.at(-1);
    return last === undefined ? [] : textsOf(last);
  }

  async next(): Promise<string> {
    return (await this.#peer.next()).text;
  }

  /** Waits for one that has a text among its messages; returns all of them. */
  async until(text: string, patience?: number): Promise<string[]> {
    const find = async () => {
      for (;;) {
        const texts = textsOf(await this.#peer.next());
        if (texts.includes(text)) return texts;
      }
    };
    return await inTime(find(), () => `${text}: not kept`, patience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

function textsOf({ text }: Arrival): string[] {
  if (text === "") return [];
  const messages: { type: string; message?: string }[] = JSON.parse(text)
    .messages ?? [];
  return messages.flatMap(({ type, message = "" }) =>
    type === "message" ? message : []
  );
}
