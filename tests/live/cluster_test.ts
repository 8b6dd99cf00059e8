/**
 * A room that spans the nodes of a cluster: its nodes are killed in turn, and
 * the conversation goes on.
 */

import { assert, assertEquals } from "@std/assert";
import { gate, NO_CLUSTER } from "../support/gates.ts";
import { NatsCluster } from "../support/nats.ts";
import { becomesTrue } from "../support/patience.ts";
import { type Process, start } from "../support/processes.ts";
import { Counter, tally } from "../support/tally.ts";

const live = gate(NO_CLUSTER);

const MESSAGES = 2_000;

/** How long an election, and what it holds up, may take. */
const PATIENCE_MS = 60_000;

/** The nodes as `--host` flags, beginning with one of them. */
function hostsFrom(cluster: NatsCluster, first: number): string[] {
  const { hosts } = cluster;
  return [...hosts.slice(first), ...hosts.slice(0, first)]
    .flatMap((host) => ["-h", host]);
}

/** Waits until a listener has shown so many different numbers. */
function hasShown(listener: Process, count: number): Promise<boolean> {
  const hasAll = () =>
    new Set(tally(listener.stdout.soFar).shown).size >= count;
  return becomesTrue(hasAll, PATIENCE_MS);
}

/** The survivors never elected a leader: there was nothing to connect to. */
class NoQuorumError extends Error {}

/** What became of a conversation while nodes were killed. */
interface Account {
  code: number;
  stderr: string;
  /** The numbers the listener showed. */
  shown: number[];
  /** How many messages it told as lost. */
  lost: number;
}

/** Two scripts on different nodes talk while the node of each is killed. */
async function converse(): Promise<Account> {
  await using cluster = await NatsCluster.start();
  const room = ["-t", "chat/cluster", "--timeout", "60"];
  // A 3.1.1 broker keeps messages only for a session that is resumed.
  const kept = ["-c", "-i", "reader"];
  await using listener = start(
    "listener.ts",
    [...hostsFrom(cluster, 0), ...room, ...kept],
  );
  await listener.stdout.line(/now subscribed/);
  await using publisher = start(
    "publisher.ts",
    [...hostsFrom(cluster, 1), ...room],
  );
  const counter = new Counter(publisher);
  await counter.sayUpTo(1);
  await listener.stdout.line(/: n 1$/);
  for (const [victim, loser] of [[0, listener], [1, publisher]] as const) {
    const from = performance.now();
    const saying = counter.sayUpTo(counter.said + Math.floor(MESSAGES / 3));
    await cluster.kill(victim);
    await cluster.ready().catch((error) => {
      throw new NoQuorumError(error.message);
    });
    await loser.stderr.line(/^Connected again/, PATIENCE_MS);
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    console.log(`node ${victim} killed; all well again after ${seconds} s`);
    await saying;
    await cluster.restart(victim);
    // The next node is lost only when nothing is left of this loss.
    const { said } = counter;
    assert(await hasShown(listener, said), listener.stdout.soFar.slice(-500));
  }
  await counter.sayUpTo(MESSAGES);
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome(2 * PATIENCE_MS);
  await hasShown(listener, MESSAGES);
  // Whatever is missing for it until now is told at once.
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome(PATIENCE_MS);
  return { code, stderr, ...tally(stdout) };
}

/** A cluster that loses itself proves nothing; another one is tried. */
async function withQuorum(tries: number): Promise<Account> {
  try {
    return await converse();
  } catch (error) {
    if (!(error instanceof NoQuorumError) || tries <= 1) throw error;
    console.log("this cluster found no leader again; another is tried");
    return await withQuorum(tries - 1);
  }
}

live("a room outlives the nodes of a cluster", async () => {
  const { code, stderr, shown, lost } = await withQuorum(3);
  const different = new Set(shown).size;
  console.log(
    `published ${MESSAGES} (exit ${code}), shown ${different}, ` +
      `doubled ${shown.length - different}, told as lost ${lost}`,
  );
  assertEquals(code, 0, stderr);
  assertEquals([different, shown.length, lost], [MESSAGES, MESSAGES, 0]);
});
