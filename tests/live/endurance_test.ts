/**
 * Nothing is lost and nothing doubled while brokers restart, links break and
 * the nodes of a cluster are killed; and where something can be lost, the
 * listener says so.
 */

import { assert, assertEquals } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_CLUSTER, NO_MOSQUITTO } from "../support/gates.ts";
import { type Account, becomesStable, Talk, upTo } from "../support/live.ts";
import { Mosquitto, NatsCluster } from "../support/servers.ts";
import { becomesTrue } from "../support/patience.ts";

const live = gate(NO_MOSQUITTO);
const cluster = gate(NO_CLUSTER);

/** Two scripts talk while something happens to both their links. */
async function converse(
  [reader, writer]: { host: string }[],
  disruptions: number,
  disrupt: () => Promise<unknown>,
): Promise<Account> {
  const messages = 10_000;
  const at = (
    { host }: { host: string },
    ...more: string[]
  ) => ["-h", host, "-t", "chat/endurance", ...more];
  await using talk = await Talk.start(at(reader), at(writer, "--timeout=30"));
  for (let i = 1; i <= disruptions; i++) {
    // In the middle of the stream: neither waits for what is on its way.
    const share = Math.floor((messages * i) / (disruptions + 1));
    const saying = talk.sayUpTo(share);
    await disrupt();
    await saying;
    for (const { stderr } of [talk.publisher, talk.listener]) {
      await stderr.line(/^Connected again/);
    }
    await becomesStable();
  }
  await talk.sayUpTo(messages);
  const account = await talk.conclude();
  assertEquals([account.gaps, account.isOrdered], [disruptions, true]);
  return account;
}

/** All of a conversation was shown, and nothing may be missing. */
function assertComplete({ shown, mayMiss }: Account, last: number): void {
  assertEquals([shown.length, shown.at(-1), mayMiss], [last, last, 0]);
}

/** The broker writes its sessions down before each restart. */
async function restarts(): Promise<void> {
  await using broker = await Mosquitto.start({ extra: ["persistence true"] });
  const account = await converse([broker, broker], 20, async () => {
    await broker.down();
    await broker.up();
  });
  assertComplete(account, 10_000);
}

/** The broker writes nothing down. */
async function crashes(): Promise<void> {
  await using broker = await Mosquitto.start();
  const account = await converse([broker, broker], 20, async () => {
    await broker.down("SIGKILL");
    await broker.up();
  });
  // What it had acknowledged and not passed on is gone.
  assertEquals(account.mayMiss, 20);
}

/** Both links are cut at random places of the stream. */
async function cuts(): Promise<void> {
  await using broker = await Mosquitto.start();
  const target = { targetPort: broker.port };
  await using forListener = await FaultProxy.start(target);
  await using forPublisher = await FaultProxy.start(target);
  const cut = async (proxy: FaultProxy, way: "up" | "down") => {
    await proxy.passes(way, Math.random() * 20_000);
    proxy.cut(Math.random() < 0.5 ? "reset" : "close");
  };
  const account = await converse(
    [forListener, forPublisher],
    25,
    () => Promise.all([cut(forListener, "down"), cut(forPublisher, "up")]),
  );
  assertComplete(account, 10_000);
}

live("restarts, crashes and cuts in the middle of a stream", async () => {
  // Together, since each mostly waits for its next reconnect.
  await Promise.all([restarts(), crashes(), cuts()]);
});

const MESSAGES = 2_000;

/** Two scripts on different nodes talk while the node of each is killed. */
async function outlive(cluster: NatsCluster): Promise<Account | undefined> {
  const { hosts } = cluster;
  const from = (first: number) =>
    [...hosts.slice(first), ...hosts.slice(0, first)]
      .flatMap((host) => ["-h", host]);
  const room = ["-t", "chat/cluster", "--timeout", "60"];
  // A 3.1.1 broker keeps messages only for a session that is resumed.
  const reader = [...from(0), ...room, "-c", "-i", "reader"];
  await using talk = await Talk.start(reader, [...from(1), ...room]);
  const areShown = () => becomesTrue(() => talk.shown.length >= talk.said);
  for (const [victim, loser] of [talk.listener, talk.publisher].entries()) {
    const saying = talk.sayUpTo(talk.said + Math.floor(MESSAGES / 3));
    // A cluster that elects no leader any more proves nothing.
    if (!await cluster.kill(victim)) return undefined;
    await loser.stderr.line(/^Connected again/);
    await saying;
    await cluster.restart(victim);
    // The next node is lost only when nothing is left of this loss.
    assert(await areShown(), talk.listener.stdout.soFar.slice(-500));
  }
  await talk.sayUpTo(MESSAGES);
  await areShown();
  return await talk.conclude();
}

cluster("a room outlives the nodes of a cluster", async () => {
  let account: Account | undefined;
  for (let tries = 0; tries < 3 && account === undefined; tries++) {
    await using cluster = await NatsCluster.start();
    account = await outlive(cluster);
  }
  assert(account, "three clusters found no leader again");
  const { shown, lost } = account;
  assertEquals([shown.sort((a, b) => a - b), lost], [upTo(MESSAGES), 0]);
});
