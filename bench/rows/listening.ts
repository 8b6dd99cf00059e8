/**
 * Row 2: a listener prints messages that come as fast as the broker passes
 * them on, into a pipe.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { measureListeners } from "../listener.ts";
import { batchOf } from "../messages.ts";
import type { Program } from "../programs.ts";

const STEPS = "MQTT.js reads a packet in many small steps";
const WINDOW = "the broker has 20 messages on their way, and waits";

export async function listening(bench: Bench): Promise<void> {
  const { ours, figures, found: { programs } } = bench;
  const listen = [...ours.listen, "--json"];
  const json: Program = { ...ours, column: "ours, --json", listen };
  const qos0 = await measureFlood(bench, "2 listener", 0, programs);
  const qos1 = await measureFlood(bench, "2 listener", 1, [...programs, json]);
  const to = "mosquitto";
  figures.want(`${qos0}, ms`, { to, atMost: 0.9, bound: STEPS });
  figures.want(`${qos0}, CPU, ms`, { to, atMost: 1.15, bound: STEPS });
  figures.want(`${qos1}, ms`, { to, atMost: 1.02, bound: WINDOW });
  figures.want(`${qos1}, CPU, ms`, { to, atMost: 1.15, bound: STEPS });
  for (const figure of [`${qos1}, ms`, `${qos1}, CPU, ms`]) {
    figures.want(figure, { ours: json.column, to: "ours", atMost: 1.2 });
  }
}

/** One listener of each program in a flood; returns what this is called. */
export async function measureFlood(
  bench: Bench,
  row: string,
  qos: 0 | 1,
  programs: Program[],
): Promise<string> {
  const count = bench.size(100_000, 2_000);
  const what = `${row}, ${count.toLocaleString("en")} messages at QoS ${qos}`;
  const seals = new Set(programs.map(({ seal }) => seal));
  const batches = new Map(
    [...seals].map((seal) => [seal, batchOf(count, ["chat/bench"], qos, seal)]),
  );
  await bench.measure(what, bench.size(3, 1), programs, async (program) => {
    const batch = batches.get(program.seal)!;
    const it = await measureListeners(bench.port, program, batch);
    if (it === undefined) return {};
    return { "ms": it.wall, "CPU, ms": it.cpu, "peak RSS, MB": it.peak };
  });
  return what;
}
