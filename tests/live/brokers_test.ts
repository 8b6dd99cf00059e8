/** What every broker is to give, on Mosquitto and NATS (see scenes.ts). */

import { assertMatch } from "@std/assert";
import { at } from "../support/brokers.ts";
import { gate, NO_CLUSTER, NO_MOSQUITTO, NOT_LONG } from "../support/gates.ts";
import { listen, send } from "../support/live.ts";
import { Mosquitto, NatsCluster } from "../support/servers.ts";
import { askAndAnswer, keepAndRead, showQueue } from "./scenes.ts";

const live = gate(NO_MOSQUITTO);

/** Plays all of it on a broker, with flags for every script. */
async function playAll(
  test: Deno.TestContext,
  broker: { port: number },
  ...flags: string[]
): Promise<void> {
  await test.step("a queue of 50, one run each", () =>
    showQueue(broker, 50, ...flags));
  await test.step("a newcomer reads what was kept", () =>
    keepAndRead(broker, ...flags));
  await test.step("members answer /who", () => askAndAnswer(broker, ...flags));
}

for (const version of ["5", "311"]) {
  live(`Mosquitto, MQTT ${version}`, async (test) => {
    await using broker = await Mosquitto.start();
    await playAll(test, broker, "-V", version);
  });
}

gate(NO_CLUSTER)("NATS", async (test) => {
  await using cluster = await NatsCluster.start();
  await playAll(test, cluster);
});

live("Mosquitto: a queue at QoS 2, one run each", async () => {
  await using broker = await Mosquitto.start();
  await showQueue(broker, 20, "-q", "2");
});

gate(NOT_LONG)("Mosquitto: a queue of 1,000, one run each", async () => {
  await using broker = await Mosquitto.start();
  await showQueue(broker, 1_000);
});

live("messages that are not shown hold up none that are", async () => {
  await using broker = await Mosquitto.start({
    extra: ["max_inflight_messages 20"],
  });
  const room = at(broker, "-V", "311");
  const reader = ["-c", "-i", "reader", "--no-announce", "--ignore", "bob"];
  await using listener = await listen([...room, ...reader]);
  await send([...room, "-n", "bob"], Array(100).fill("hidden"));
  await send(room, ["seen"]);
  assertMatch(await listener.stdout.line(/./), / chat: seen$/);
});
