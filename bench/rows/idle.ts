/**
 * Row 5: a listener that is connected and hears nothing. All programs idle at
 * the same time.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { startListeners } from "../listener.ts";
import { Running } from "../processes.ts";

/** How long a listener may settle first, in seconds. */
const SETTLE_S = 3;

const HEAP = "the heap of V8, and of Deno before a line of ours runs";

export async function idle(bench: Bench): Promise<void> {
  const room = { topics: ["chat/bench"], qos: 1 as const };
  const empty = [Deno.execPath(), "run", "bench/peers/empty.ts", "idle"];
  const idling = await Promise.all([
    ...bench.found.programs.map(async (program) => {
      const [{ process }] = await startListeners(bench.port, program, room);
      return { column: program.column, process };
    }),
    { column: "empty Deno" as const, process: new Running(empty) },
  ]);
  const usageOfAll = () =>
    Promise.all(idling.map(({ process }) => process.usage()));
  const seconds = bench.size(60, 1);
  await wait(Math.min(SETTLE_S, seconds));
  const before = await usageOfAll();
  await wait(seconds);
  const after = await usageOfAll();
  const what = "5 idle listener";
  await bench.measure(what, 1, idling, async (program) => {
    await program.process.end();
    const index = idling.indexOf(program);
    const { rss, ownRss, cpu } = after[index];
    return {
      "RSS, MB": rss,
      "private memory, MB": ownRss,
      [`CPU in ${seconds} s, ms`]: cpu - before[index].cpu,
    };
  });
  const target = { to: "MQTT.js", atMost: 0.6, bound: HEAP } as const;
  bench.figures.want(`${what}, private memory, MB`, target);
}

function wait(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}
