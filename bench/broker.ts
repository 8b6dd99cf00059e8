/**
 * The broker of a benchmark: a Mosquitto on a free port of this machine, with
 * its limits on queues lifted and everything else as it comes. Effects.
 *
 * @module
 */

import type { Processes } from "./processes.ts";

/** How often to try whether it takes connections, and how long to wait. */
const TRIES = 250;
const PAUSE_MS = 20;

/**
 * Its configuration. `max_inflight_messages` stays at its default, 20: that is
 * what it announces to an MQTT 5 publisher and how much it has under way to
 * each subscriber at QoS 1. What waits behind that is never dropped.
 */
const configuration = (port: number) =>
  `listener ${port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_queued_bytes 0
`;

/**
 * Starts it and waits until it takes connections.
 *
 * @param processes Who ends it.
 * @param folder Where its configuration goes.
 * @returns Its port.
 * @throws {Error} When it does not come up.
 */
export async function startBroker(
  processes: Processes,
  folder: string,
): Promise<number> {
  const port = freePort();
  const file = `${folder}/mosquitto.conf`;
  await Deno.writeTextFile(file, configuration(port));
  const broker = processes.start({ file: "mosquitto", args: ["-c", file] });
  let code: number | undefined;
  broker.ended.then((ended) => code = ended);
  for (let i = 0; i < TRIES; i++) {
    if (code !== undefined) throw broker.error(`ended with code ${code}`);
    if (await accepts(port)) return port;
    await new Promise((again) => setTimeout(again, PAUSE_MS));
  }
  throw broker.error("takes no connections");
}

/** A port that nothing listens on now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether something listens on a port. */
async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
