/**
 * Row 2: a listener prints messages that come as fast as the broker passes
 * them on, into a pipe.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import type { Figure, Target } from "../figures.ts";
import { flood, Listener } from "../listener.ts";
import { type Batch, batchOf } from "../messages.ts";
import type { Program } from "../programs.ts";
import { withCommas } from "../table.ts";

/** Where listeners listen. */
export const LISTEN_TOPICS = ["chat/bench"];

const MQTT_JS = "MQTT.js: its own command on Node is above it as well";
const WINDOW = "the broker has 20 messages on their way, and waits";

/** What is measured of one way to listen. */
export interface ListenFigures {
  wall: Figure;
  cpu: Figure;
  peak?: Figure;
}

export async function listening(bench: Bench): Promise<void> {
  const count = bench.size(100_000, 2_000);
  const what = `2 listener, ${withCommas(count)} messages at QoS`;
  const cpu: Target[] = [{ to: "mosquitto", atMost: 1.15, bound: MQTT_JS }];
  const qos0 = figuresOf(bench, `${what} 0`, cpu, [
    { to: "mosquitto", atMost: 0.9, bound: MQTT_JS },
  ]);
  const qos1 = figuresOf(bench, `${what} 1`, cpu, [
    { to: "mosquitto", atMost: 1.02, bound: WINDOW },
  ]);
  const json = figuresOf(
    bench,
    `${what} 1, --json`,
    [{ to: qos1.cpu, atMost: 1.2 }],
    [{ to: qos1.wall, atMost: 1.2 }],
  );
  for (const [qos, plain] of [[0, qos0], [1, qos1]] as const) {
    const batch = batchOf(count, LISTEN_TOPICS, qos);
    for (const _ of bench.rounds(`${what} ${qos}`, bench.size(3, 1))) {
      for (const program of bench.programs) {
        await measureListener(bench, program, batch, plain);
        if (qos === 0 || program.column !== "ours") continue;
        await measureListener(bench, program, batch, json, ["--json"]);
      }
    }
  }
}

function figuresOf(
  bench: Bench,
  what: string,
  cpuTargets: Target[],
  wallTargets: Target[],
): ListenFigures {
  return {
    wall: bench.figure(what, "ms", wallTargets),
    cpu: bench.figure(`${what}, CPU`, "ms", cpuTargets),
    peak: bench.figure(`${what}, peak RSS`, "MB"),
  };
}

/** Measures one listener of a batch, from its start to its end. */
export async function measureListener(
  bench: Bench,
  program: Program,
  batch: Batch,
  { wall, cpu, peak }: ListenFigures,
  ourFlags?: string[],
): Promise<void> {
  const { column } = program;
  const listening = { topics: LISTEN_TOPICS, qos: batch.qos, ourFlags };
  const [listener] = await Listener.start(bench, program, listening);
  const [before] = await bench.processes.usage([listener.process]);
  const time = await flood(bench, batch, [listener]);
  const [after] = await bench.processes.usage([listener.process]);
  await listener.process.end();
  if (time === undefined) return;
  wall.add(column, time);
  cpu.add(column, after.cpu - before.cpu);
  peak?.add(column, after.peakRss);
}
