/**
 * The broker of a benchmark: a Mosquitto on a free port of this machine, with
 * its limits on queues lifted and everything else as it comes.
 *
 * @module
 */

import { UNLIMITED_QUEUES } from "../tests/support/mosquitto.ts";
import { accepts, freePort } from "../tests/support/ports.ts";
import type { Processes } from "./processes.ts";

/** How long it may take to come up, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Starts it and waits until it takes connections.
 *
 * @param processes Who ends it.
 * @param folder Where its configuration goes.
 * @returns Its port.
 */
export async function startBroker(
  processes: Processes,
  folder: string,
): Promise<number> {
  const port = freePort();
  const file = `${folder}/mosquitto.conf`;
  // max_inflight_messages stays at its default, 20: that is what it announces
  // to an MQTT 5 publisher and how much it has under way to each subscriber at
  // QoS 1. What waits behind that is never dropped.
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence false",
    ...UNLIMITED_QUEUES,
  ];
  await Deno.writeTextFile(file, lines.join("\n") + "\n");
  const broker = processes.start(["mosquitto", "-c", file]);
  const ended = broker.ended.then((code) => {
    throw broker.error(`ended with code ${code}`);
  });
  ended.catch(() => {});
  await Promise.race([accepts(port, PATIENCE_MS), ended]);
  return port;
}
