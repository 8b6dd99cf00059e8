/** A room that is kept while keepers or the broker crash, on Mosquitto. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { at } from "../support/brokers.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { becomesTrue } from "../support/patience.ts";
import { type Arrival, Peer } from "../support/peers.ts";
import { type Process, start } from "../support/processes.ts";
import { Random } from "../support/random.ts";
import { Mosquitto } from "../support/servers.ts";
import { assertShown, end, HISTORY, kept, LINES, textsOf } from "./scenes.ts";

const live = gate(NO_MOSQUITTO);

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
