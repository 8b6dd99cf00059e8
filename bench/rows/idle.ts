/**
 * Row 5: a listener that is connected and hears nothing. All programs idle at
 * the same time.
 *
 * @module
 */

import type { Bench } from "../bench.ts";
import { Listener, type ListenOptions } from "../listener.ts";

/** How long a listener may settle first, in seconds. */
const SETTLE_S = 3;

const DENO = "what an empty Deno takes (the floor)";

export async function idle(bench: Bench): Promise<void> {
  const { processes, programs } = bench;
  const seconds = bench.size(60, 1);
  const what = `5 idle listener, CPU in ${seconds} s`;
  const rss = bench.figure("5 idle listener, RSS", "MB");
  const own = bench.figure("5 idle listener, private memory", "MB", [
    { to: "MQTT.js", atMost: 0.6, bound: DENO },
  ]);
  const cpu = bench.figure(what, "ms");
  bench.tell(what);
  const listening: ListenOptions = { topics: ["chat/bench"], qos: 1 };
  const idle = await Promise.all(programs.map(async (program) => {
    const [{ process }] = await Listener.start(bench, program, listening);
    return process;
  }));
  const empty = [Deno.execPath(), "run", "bench/peers/empty.ts", "idle"];
  idle.push(processes.start(empty));
  const columns = [
    ...programs.map(({ column }) => column),
    "empty Deno" as const,
  ];
  await wait(Math.min(SETTLE_S, seconds));
  const before = await processes.usage(idle);
  await wait(seconds);
  const after = await processes.usage(idle);
  for (const [index, column] of columns.entries()) {
    rss.add(column, after[index].rss);
    own.add(column, after[index].ownRss);
    cpu.add(column, after[index].cpu - before[index].cpu);
  }
  await Promise.all(idle.map((process) => process.end()));
}

function wait(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}
