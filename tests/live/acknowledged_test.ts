/**
 * With --resume, a message is acknowledged when its line is written: runs that
 * show one message each, some of them killed, show all of a queue in order.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  type Gate,
  gate,
  NO_CLUSTER,
  NO_MOSQUITTO,
  NO_RABBITMQ,
  NOT_LONG,
} from "../support/gates.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { Mosquitto, NatsCluster, RabbitMQ } from "../support/servers.ts";
import { run, start } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);
const long = gate(NOT_LONG);

/** Every so many runs, one is killed. */
const KILLED = 10;

/** The time within which it is killed: a run takes about as long. */
const KILLED_WITHIN_MS = 500;

/** Queues numbers for a reader, and has one run show each. */
async function showAll(
  host: string,
  count: number,
  ...args: string[]
): Promise<void> {
  const room = ["-h", host, "-t", "chat/queue", ...args];
  const reader = [...room, "-c", "-i", "reader", "--no-announce"];
  const first = await run("listener.ts", [...reader, "-W", "0.1"]);
  assertEquals([first.code, first.stdout], [0, ""], first.stderr);
  await send(room, upTo(count));
  let last = 0;
  let wasKilled = false;
  for (let runs = 1; last < count; runs++) {
    await using listener = start("listener.ts", [...reader, "-C", "1"]);
    const isKilled = runs % KILLED === 0;
    const kill = () => listener.signal("SIGKILL");
    const timer = isKilled
      ? setTimeout(kill, Math.random() * KILLED_WITHIN_MS)
      : undefined;
    const { code, stdout, stderr } = await listener.outcome();
    clearTimeout(timer);
    const numbers = numbersIn(stdout);
    // A line that was written before the kill may come again.
    const isAgain = wasKilled && `${numbers}` === `${last}`;
    wasKilled = isKilled;
    if (isAgain || isKilled && numbers.length === 0) continue;
    assertEquals([code === 0 || isKilled, numbers], [true, [++last]], stderr);
  }
}

const QUEUES: [test: Gate, count: number, flags: string[]][] = [
  [live, 200, ["-V", "5"]],
  [live, 50, ["-V", "311"]],
  [live, 20, ["-q", "2"]],
  [long, 1_000, []],
];
for (const [test, count, flags] of QUEUES) {
  test(`a queue of ${count}, one run each, ${flags.join(" ")}`, async () => {
    await using broker = await Mosquitto.start();
    await showAll(broker.host, count, ...flags);
  });
}

gate(NO_RABBITMQ)("a queue of 50 on RabbitMQ, one run each", async () => {
  await using broker = await RabbitMQ.start({ chat: { password: "chat" } });
  await showAll(broker.host, 50);
});

gate(NO_CLUSTER)("a queue of 50 on NATS, one run each", async () => {
  await using cluster = await NatsCluster.start();
  await showAll(cluster.hosts[0], 50);
});

live("messages that are not shown hold up none that are", async () => {
  await using broker = await Mosquitto.start({
    extra: ["max_inflight_messages 20"],
  });
  const room = ["-h", broker.host, "-t", "chat/queue", "-V", "311"];
  const reader = ["-c", "-i", "reader", "--no-announce", "--ignore", "bob"];
  await using listener = await listen([...room, ...reader]);
  await send([...room, "-n", "bob"], Array(100).fill("hidden"));
  await send(room, ["seen"]);
  assertMatch(await listener.stdout.line(/./), / chat: seen$/);
});
