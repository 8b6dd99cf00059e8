/**
 * With --resume, a message is acknowledged when its line is written: runs that
 * show one message each, some of them killed, show all of a queue in order.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  gate,
  isInstalled,
  NO_MOSQUITTO,
  NO_RABBITMQ,
} from "../support/gates.ts";
import { Mosquitto, UNLIMITED_QUEUES } from "../support/mosquitto.ts";
import { accepts, freePorts } from "../support/ports.ts";
import { Process, run, start } from "../support/processes.ts";
import { RabbitMQ } from "../support/rabbitmq.ts";

const live = gate(NO_MOSQUITTO);
const liveNats = gate(
  NO_MOSQUITTO ??
    (isInstalled("nats-server", "--version")
      ? undefined
      : "nats-server is not installed"),
);
const liveRabbit = gate(NO_RABBITMQ);
const long = gate(
  NO_MOSQUITTO ??
    (Deno.env.get("MQTT_LONG") === "1" ? undefined : "MQTT_LONG is not 1"),
);

/** Every so many runs, one is killed. */
const KILLED = 10;

/** The time within which it is killed: a run takes about as long. */
const KILLED_WITHIN_MS = 500;

function numbersIn(stdout: string): number[] {
  return [...stdout.matchAll(/ chat: (\d+)$/gm)].map(([, n]) => Number(n));
}

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
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const stdin = numbers.map((n) => `${n}\n`).join("");
  const sent = await run("publisher.ts", room, { stdin });
  assertEquals([sent.code, sent.stderr], [0, ""]);
  const shown: number[] = [];
  for (let runs = 1; shown.at(-1) !== count; runs++) {
    await using listener = start("listener.ts", [...reader, "-C", "1"]);
    const isKilled = runs % KILLED === 0;
    const ended = listener.outcome();
    if (isKilled) {
      const after = Math.random() * KILLED_WITHIN_MS;
      const moment = new Promise((resolve) => setTimeout(resolve, after));
      const outcome = await Promise.race([ended, moment]);
      if (outcome === undefined) listener.signal("SIGKILL");
    }
    const { code, stdout, stderr } = await ended;
    const [number, ...more] = numbersIn(stdout);
    assertEquals(more, [], "one message each");
    // A line that was written before the kill may come again.
    if (number === shown.at(-1)) continue;
    if (number === undefined && isKilled) continue;
    assertEquals([code === 0 || isKilled, number], [
      true,
      (shown.at(-1) ?? 0) + 1,
    ], stderr);
    shown.push(number);
  }
  assertEquals(shown, numbers);
}

for (const [version, count] of [["5", 200], ["311", 50]] as const) {
  live(`a queue of ${count}, one run each, over MQTT ${version}`, async () => {
    await using broker = await Mosquitto.start({ extra: UNLIMITED_QUEUES });
    await showAll(broker.host, count, "-V", version);
  });
}

long("a queue of 1,000, one run each", async () => {
  await using broker = await Mosquitto.start({ extra: UNLIMITED_QUEUES });
  await showAll(broker.host, 1_000);
});

live("a queue of 20 at QoS 2, one run each", async () => {
  await using broker = await Mosquitto.start();
  await showAll(broker.host, 20, "-q", "2");
});

live("messages that are not shown hold up none that are", async () => {
  await using broker = await Mosquitto.start({
    extra: ["max_inflight_messages 20"],
  });
  const room = ["-h", broker.host, "-t", "chat/queue", "-V", "311"];
  const reader = ["-c", "-i", "reader", "--no-announce", "--ignore", "bob"];
  await using listener = start("listener.ts", [...room, ...reader]);
  await listener.stderr.line(/^Reading /);
  const stdin = "hidden\n".repeat(100);
  await run("publisher.ts", [...room, "-n", "bob"], { stdin });
  await run("publisher.ts", [...room, "-m", "seen"]);
  assertMatch(await listener.stdout.line(/./), / chat: seen$/);
});

liveRabbit("a queue of 50 on RabbitMQ, one run each", async () => {
  await using broker = await RabbitMQ.start({ chat: { password: "chat" } });
  await showAll(broker.host, 50);
});

liveNats("a queue of 50 on NATS, one run each", async () => {
  await using folder = await temporaryFolder();
  const [mqtt, client] = freePorts(2);
  // What was not acknowledged comes again after 1 s, not 30.
  const config = `
    server_name: one
    listen: "127.0.0.1:${client}"
    jetstream { store_dir: "${folder.path}" }
    mqtt { listen: "127.0.0.1:${mqtt}", ack_wait: "1s" }
    authorization { users: [ { user: chat, password: chat } ] }`;
  const file = `${folder.path}/nats.conf`;
  await Deno.writeTextFile(file, config);
  const child = new Deno.Command("nats-server", {
    args: ["-c", file],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using _server = new Process(child, "nats-server");
  await accepts(mqtt);
  await showAll(`127.0.0.1:${mqtt}`, 50);
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "mqtt-chat-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
