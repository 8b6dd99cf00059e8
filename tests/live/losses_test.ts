/**
 * What a reader does not get is told, to the message: where the broker drops
 * it, where the link breaks at QoS 0, and nothing where nothing is lost.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import { type Process, start } from "../support/processes.ts";
import { Random } from "../support/random.ts";
import { becomesStable, Counter, type Tally, tally } from "../support/tally.ts";

const live = gate(NO_MOSQUITTO);

const ROOM = "chat/room";
const LINES = 20_000;

async function read(host: string, ...flags: string[]): Promise<Process> {
  const listener = start("listener.ts", ["-h", host, "-t", ROOM, ...flags]);
  await listener.stderr.line(/^Reading /);
  return listener;
}

function write({ host }: Mosquitto, ...flags: string[]): Process {
  return start("publisher.ts", ["-h", host, "-t", ROOM, ...flags]);
}

/** Waits for the last line, ends both, and reads what became of all. */
async function conclude(
  publisher: Process,
  listener: Process,
  last: number,
): Promise<Tally & { stdout: string }> {
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome();
  assertEquals(code, 0, stderr);
  const hasCome = () => listener.stdout.soFar.includes(` chat: n ${last}`);
  assert(await becomesTrue(hasCome, 60_000), "the last line never came");
  // What is missing until now is told at once.
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome();
  return { stdout, ...tally(stdout) };
}

/** The account of the lines up to the last one, which was shown. */
function assertAccounted({ shown, doubled, lost }: Tally, lines: number) {
  const first = shown[0];
  const isOrdered = shown.every((n, i) => i === 0 || n > shown[i - 1]);
  assertEquals(
    { first, last: shown.at(-1), doubled, isOrdered, sum: shown.length + lost },
    { first: 1, last: lines, doubled: 0, isOrdered: true, sum: lines },
  );
}

live("what a full queue drops is told to the message", async () => {
  await using broker = await Mosquitto.start({
    extra: ["max_queued_messages 100"],
  });
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using peer = await Peer.connect(broker);
  await using listener = await read(proxy.host);
  await using publisher = write(broker);
  const shownCount = () => tally(listener.stdout.soFar).shown.length;
  const counter = new Counter(publisher);
  await counter.sayUpTo(1);
  await listener.stdout.line(/ chat: n 1$/);
  // What is on its way and not acknowledged is limited: about 200 lines a second.
  proxy.delay(200);
  const from = performance.now();
  // In parts, so that some of what is dropped lies between what is shown.
  for (let end = 500; end <= LINES; end += 500) {
    const before = shownCount();
    await counter.sayUpTo(Math.min(end, LINES - 2));
    assert(await becomesTrue(() => shownCount() >= before + 10));
  }
  // The first losses are told while it goes on.
  await listener.stdout.line(/ did not arrive\.$/);
  const seconds = (performance.now() - from) / 1000;
  const rate = shownCount() / seconds;
  // Until there is room again for the last two: one alone may be a forged leap.
  const hasRoom = async () => {
    await peer.publish(ROOM, said("room?"));
    const isShown = () => listener.stdout.soFar.includes("ann: room?");
    return await becomesTrue(isShown, 1_000);
  };
  assert(await becomesTrue(hasRoom), "the queue remained full");
  await counter.sayUpTo(LINES);
  const account = await conclude(publisher, listener, LINES);
  console.log(
    `max_queued_messages 100, ${
      rate.toFixed(0)
    } lines a second: of ${LINES}, ` +
      `${account.shown.length} shown + ${account.lost} told as lost`,
  );
  assertGreater(account.lost, LINES / 2);
  assertAccounted(account, LINES);
});

live("what is lost at QoS 0 with the link is told to the message", async () => {
  await using broker = await Mosquitto.start();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using listener = await read(proxy.host, "-q", "0");
  await using publisher = write(broker, "-q", "0");
  const random = new Random(11);
  const counter = new Counter(publisher);
  await counter.sayUpTo(1);
  await listener.stdout.line(/ chat: n 1$/);
  const cuts = 10;
  for (let cut = 1; cut <= cuts; cut++) {
    const end = Math.floor(LINES * cut / (cuts + 1));
    const goal = proxy.passed.down + random.below(120_000);
    const saying = counter.sayUpTo(end - 500);
    assert(await becomesTrue(() => proxy.passed.down >= goal));
    proxy.cut(random.one(["reset", "close"]));
    await saying;
    await listener.stderr.line(/^Disconnected /);
    await counter.sayUpTo(end);
    await listener.stderr.line(/^Reading /);
    await becomesStable();
  }
  await counter.sayUpTo(LINES);
  const account = await conclude(publisher, listener, LINES);
  const gaps = account.stdout.match(/ == Connected to .*$/gm)?.length;
  console.log(
    `QoS 0, ${proxy.cuts} cuts: of ${LINES}, ${account.shown.length} shown + ` +
      `${account.lost} told as lost; ${gaps} gaps told`,
  );
  assertEquals([proxy.cuts, gaps], [cuts, cuts]);
  assertGreater(account.lost, 0);
  assertAccounted(account, LINES);
});

live("of 100,000 lines that arrive, none is told as lost", async () => {
  const lines = 100_000;
  await using broker = await Mosquitto.start();
  await using listener = await read(broker.host);
  await using publisher = write(broker);
  await new Counter(publisher).sayUpTo(lines);
  const account = await conclude(publisher, listener, lines);
  const told = account.stdout.match(/ == .*$/gm)?.length ?? 0;
  console.log(
    `without a loss: of ${lines}, ${account.shown.length} shown + ` +
      `${account.lost} told as lost; ${told} lines of that kind`,
  );
  assertEquals(told, 0);
  assertAccounted(account, lines);
});
