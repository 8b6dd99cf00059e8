/**
 * What a reader does not get is reported, to the message: where the broker
 * drops it, where the link breaks at QoS 0, and nothing where nothing is lost,
 * also where the reader is slower than the sender by far.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, missing, NO_MOSQUITTO } from "../support/gates.ts";
import {
  type Account,
  account,
  becomesStable,
  send,
  Talk,
  upTo,
} from "../support/live.ts";
import { spawn } from "../support/processes.ts";
import { Mosquitto } from "../support/servers.ts";
import { becomesTrue } from "../support/patience.ts";
import { Random } from "../support/random.ts";

const live = gate(NO_MOSQUITTO);
const slow = gate(NO_MOSQUITTO ?? missing("pv"));

const ROOM = "chat/room";
const LINES = 20_000;

const talkAt = (
  listener: { host: string },
  publisher: { host: string },
  ...flags: string[]
) =>
  Talk.start(
    ["-h", listener.host, "-t", ROOM, ...flags],
    ["-h", publisher.host, "-t", ROOM, ...flags],
  );

/** Each line was shown, in order, or reported as lost. */
function assertAccounted(
  { shown, isOrdered, lost }: Account,
  lines: number,
): void {
  assertEquals(
    [shown[0], shown.at(-1), isOrdered, shown.length + lost],
    [1, lines, true, lines],
  );
  assertGreater(lost, 0);
}

live("what a full queue drops is reported to the message", async () => {
  await using broker = await Mosquitto.start({
    extra: ["max_queued_messages 100"],
  });
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using talk = await talkAt(proxy, broker);
  // What is on its way and not acknowledged is limited: about 200 lines a second.
  proxy.delay(200);
  // In parts, so that some of what is dropped lies between what is shown.
  for (let end = 500; end <= LINES; end += 500) {
    const before = talk.shown.length;
    await talk.sayUpTo(end);
    const hasMore = () => talk.shown.length >= before + 10;
    assert(await becomesTrue(hasMore), talk.listener.stderr.soFar);
  }
  // The first losses are reported while it goes on.
  await talk.listener.stdout.line(/ did not arrive\.$/);
  // Until there is room again for two: one alone may be a forged leap.
  const isShown = () => talk.shown.at(-2) === talk.said - 1;
  const hasRoom = async () => {
    await talk.sayUpTo(talk.said + 2);
    return await becomesTrue(isShown, 1_000);
  };
  assert(await becomesTrue(hasRoom), "the queue remained full");
  const account = await talk.conclude();
  assertGreater(account.lost, LINES / 2);
  assertAccounted(account, talk.said);
});

live("what the link loses at QoS 0 is reported to the message", async () => {
  await using broker = await Mosquitto.start();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using talk = await talkAt(proxy, broker, "-q", "0");
  const { stderr } = talk.listener;
  const random = new Random(11);
  const cuts = 10;
  for (let cut = 1; cut <= cuts; cut++) {
    const end = Math.floor(LINES * cut / (cuts + 1));
    const passed = proxy.passes("down", random.below(120_000));
    const saying = talk.sayUpTo(end - 500);
    await passed;
    proxy.cut(random.one(["reset", "close"]));
    await saying;
    await stderr.line(/^Disconnected /);
    await talk.sayUpTo(end);
    await stderr.line(/^Reading /);
    await becomesStable();
  }
  await talk.sayUpTo(LINES);
  const account = await talk.conclude();
  assertEquals(account.gaps, cuts);
  assertAccounted(account, talk.said);
});

/** All of 100,000 lines end in a file, by way of a shell's pipe if need be. */
async function fill(more: number, way: string): Promise<void> {
  await using broker = await Mosquitto.start();
  const [count, file] = [100_000, `${broker.path}/shown`];
  const room = ["-h", broker.host, "-t", ROOM];
  const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt", "-N"];
  const enough = ["--no-announce", "-C", `${count}`, "-W", "90"];
  await using listener = spawn("bash", [
    ...["-o", "pipefail", "-c", `"$@" ${way} > '${file}'`, "bash"],
    ...[...deno, "listener.ts", ...room, ...enough],
  ]);
  await listener.stderr.line(/^Reading /);
  const rest = "x".repeat(more);
  await send(room, upTo(count).map((n) => `${n} ${rest}`));
  assertEquals((await listener.outcome(120_000)).code, 0);
  const text = await Deno.readTextFile(file);
  const { shown, isOrdered } = account(text);
  assertEquals([shown.length, isOrdered], [count, true]);
  // In order, so that none is doubled; and it says nothing of a loss.
  assertEquals(text.match(/^\S+ == .*$/gm), null);
}

live("100,000 lines arrive in a file", () => fill(0, ""));

slow("100,000 lines arrive in a slow pipe", () => fill(300, "| pv -qL 2m"));
