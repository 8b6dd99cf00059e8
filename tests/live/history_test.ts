/**
 * A room that is kept: on several brokers, by keepers that crash, through
 * restarts of the broker, and for readers that were away.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import {
  gate,
  NO_CLUSTER,
  NO_MOSQUITTO,
  NO_RABBITMQ,
} from "../support/gates.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { Mosquitto, NatsCluster, RabbitMQ } from "../support/servers.ts";
import { becomesTrue } from "../support/patience.ts";
import { type Arrival, Peer } from "../support/peers.ts";
import { type Process, start } from "../support/processes.ts";
import { Random } from "../support/random.ts";

const live = gate(NO_MOSQUITTO);

const ROOM = "chat/room";
const HISTORY = `${ROOM}/$history`;

/** The arguments that lead a script to the room. */
function at({ port }: { port: number }, ...more: string[]): string[] {
  return ["-h", `127.0.0.1:${port}`, "-t", ROOM, ...more];
}

/** Ends a script in good order. */
async function end(process: Process): Promise<string> {
  const { code, stdout, stderr } = await process.stop();
  assertEquals(code, 0, stderr);
  return stdout;
}

/** The texts of the messages of a history, oldest first. */
function textsOf({ text }: Arrival): string[] {
  const { messages = [] } = JSON.parse(text || "{}");
  return messages.flatMap(({ message = [] }) => message);
}

/** Waits for a history that has a text; returns all of its texts. */
async function kept(peer: Peer, text: string): Promise<string[]> {
  for (;;) {
    const texts = textsOf(await peer.next());
    if (texts.includes(text)) return texts;
  }
}

/** Fails unless a newcomer is shown the last ten of twelve messages. */
async function assertShown(
  broker: { port: number },
  ...flags: string[]
): Promise<void> {
  const args = at(broker, "--history", "10", "--json", ...flags);
  await using reader = await listen(args);
  await reader.stdout.line(/"text":"12".*"history":true/);
  const shown = (await end(reader)).trim().split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ history }) => history === true)
    .map(({ text, from }) => [text, from]);
  assertEquals(shown, LINES.slice(-10).map((text) => [text, "chat"]));
}

const LINES = upTo(12).map(String);

/** A keeper keeps what a user says who leaves before a reader comes. */
async function keepAndRead(
  broker: { port: number },
  ...flags: string[]
): Promise<void> {
  await using peer = await Peer.connect(broker, HISTORY);
  await using keeper = await listen(at(broker, "--keep", "50", ...flags));
  await send(at(broker, ...flags), LINES);
  assertEquals(await kept(peer, "12"), LINES);
  await assertShown(broker, ...flags);
  await end(keeper);
}

for (const version of ["5", "311"]) {
  live(`Mosquitto, ${version}: a newcomer reads what was kept`, async () => {
    await using broker = await Mosquitto.start();
    await keepAndRead(broker, "-V", version);
  });
}

gate(NO_CLUSTER)("NATS: a newcomer reads what was kept", async () => {
  await using cluster = await NatsCluster.start();
  await keepAndRead(cluster);
});

gate(NO_RABBITMQ)("RabbitMQ: a newcomer reads what was kept", async () => {
  await using broker = await RabbitMQ.start({
    Server: { password: "admin" },
    chat: { password: "chat" },
  });
  await keepAndRead(broker);
});

live("of two keepers, one may be killed at any time", async () => {
  const [keep, rounds, lines] = [400, 10, 2_000];
  await using broker = await Mosquitto.start();
  await using peer = await Peer.connect(broker, HISTORY);
  const random = new Random(2_000);
  const numbersOf = (arrival: Arrival) => textsOf(arrival).map(Number);
  const latest = () => peer.arrived.slice(-1).flatMap(numbersOf);
  /** Whether a history has the last numbers without a hole. */
  const isWhole = (numbers: number[]) => {
    const last = numbers.at(-1) ?? 0;
    return `${numbers}` === `${upTo(last).slice(-keep)}`;
  };
  const startKeeper = (index: number) =>
    listen(at(broker, "--keep", `${keep}`, "-n", `K${index}`));
  const keepers = [await startKeeper(0), await startKeeper(1)];
  await using _ended = {
    async [Symbol.asyncDispose]() {
      for (const keeper of keepers) await keeper[Symbol.asyncDispose]();
    },
  };
  /** Waits until a keeper has what it did not hear itself, from the other. */
  const settles = async (keeper: Process): Promise<number> => {
    const [first] = numbersIn(await keeper.stdout.line(/ chat: \d+$/));
    const isKept = () => {
      const numbers = latest();
      return numbers.at(-1)! >= first && isWhole(numbers);
    };
    assert(await becomesTrue(isKept), `from ${first} on: ${latest()}`);
    return first;
  };
  await using publisher = start("publisher.ts", at(broker));
  let said = 0;
  let isOver = false;
  const speaking = (async () => {
    while (!isOver || said < lines) {
      await publisher.write(`${++said}\n`);
      await new Promise((next) => setTimeout(next, 12));
    }
  })();
  let unheard = 0;
  try {
    await Promise.all(keepers.map(settles));
    for (let round = 1; round <= rounds; round++) {
      const goal = said + random.below(100);
      assert(await becomesTrue(() => said >= goal));
      const victim = random.below(2);
      keepers[victim].signal("SIGKILL");
      await keepers[victim].outcome();
      const before = said;
      keepers[victim] = await startKeeper(victim);
      unheard += await settles(keepers[victim]) - before - 1;
    }
  } finally {
    isOver = true;
    await speaking;
  }
  await publisher.endInput();
  assertEquals((await publisher.outcome()).code, 0);
  await becomesTrue(() => latest().at(-1) === said);
  assertEquals(latest(), upTo(said).slice(-keep));
  // Some was said while one was starting.
  assertGreater(unheard, 0);
  // Only the first of a keeper lacks some: then it has what the other wrote.
  const partial = peer.arrived.filter((it) => !isWhole(numbersOf(it))).length;
  assert(partial <= rounds, `${partial} histories lacked some`);
});

live("a broker that writes its state down gives it back", async () => {
  await using broker = await Mosquitto.start({ extra: ["persistence true"] });
  await using keeper = await listen(at(broker, "--keep", "50"));
  await send(at(broker), LINES);
  // It writes what it has when it leaves.
  await end(keeper);
  await broker.down();
  await broker.up();
  await assertShown(broker);
});

live("a keeper gives a broker back what it has forgotten", async () => {
  for (const flags of [[], ["--no-announce"]]) {
    await using broker = await Mosquitto.start();
    await using keeper = await listen(at(broker, "--keep", "50", ...flags));
    await using before = await Peer.connect(broker, HISTORY);
    await send(at(broker), LINES);
    await kept(before, "12");
    await broker.down("SIGKILL");
    await broker.up();
    await keeper.stderr.line(/^Connected again/);
    await using after = await Peer.connect(broker, HISTORY);
    assertEquals(await kept(after, "12"), LINES);
    await assertShown(broker);
    await end(keeper);
  }
});

live("a reader that was away is shown what was said meanwhile", async () => {
  await using broker = await Mosquitto.start();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using peer = await Peer.connect(broker, HISTORY);
  await using _keeper = await listen(at(broker, "--keep", "50"));
  await send(at(broker), ["before 1", "before 2"]);
  await kept(peer, "before 2");
  const args = at(proxy, "-q", "0", "--history", "20");
  await using reader = await listen(args);
  await reader.stdout.line(/ == now$/);
  await send(at(broker), ["here"]);
  await reader.stdout.line(/ chat: here$/);
  await kept(peer, "here");
  // Else the broker had the session's messages for the new connection.
  for (const way of ["up", "down"] as const) proxy.stall(way);
  proxy.cut();
  await reader.stderr.line(/^Disconnected /);
  await send(at(broker), ["away 1", "away 2", "away 3"]);
  for (const way of ["up", "down"] as const) proxy.stall(way, false);
  await reader.stdout.line(/ chat: away 3$/);
  await send(at(broker), ["again"]);
  await reader.stdout.line(/ chat: again$/);
  const shown = (await end(reader)).split("\n")
    .flatMap((line) => / (?:chat: |(?==))(.*)$/.exec(line)?.[1] ?? []);
  const [, seconds] = /after ([\d.]+) s/.exec(shown[5])!;
  assertEquals(shown, [
    "== 2 messages from before you came",
    "before 1",
    "before 2",
    "== now",
    "here",
    `== Connected to 127.0.0.1:${proxy.port} after ${seconds} s without a ` +
    "connection. 3 messages of that time follow; nothing is missing.",
    "away 1",
    "away 2",
    "away 3",
    "again",
  ]);
});
