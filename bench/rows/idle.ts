/**
 * Row 5: a listener that is connected and hears nothing. All programs idle at
 * the same time.
 *
 * @module
 */

import type { Case } from "../results.ts";
import { listeningPrograms, startListeners } from "../room.ts";
import type { Setting } from "../setting.ts";

const TOPIC = "chat/bench";

/** How long a listener may settle first, in milliseconds. */
const SETTLE_MS = 3_000;

const RSS: Case = { id: "5 RSS", what: "5 idle listener, RSS", unit: "MB" };

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measureIdle(setting: Setting): Promise<void> {
  const { results, sizes: { idleSeconds }, tell } = setting;
  const what = `5 idle listener, CPU in ${idleSeconds} s`;
  const cpu: Case = { id: "5 CPU", what, unit: "ms" };
  tell(what);
  const programs = listeningPrograms(setting);
  const idle = await Promise.all(programs.map(async (program) => {
    const listening = { topics: [TOPIC], qos: 1 as const };
    const [listener] = await startListeners(setting, program, listening);
    return listener.process;
  }));
  const readAll = () => Promise.all(idle.map((process) => process.usage()));
  await wait(Math.min(SETTLE_MS, idleSeconds * 1000));
  const before = await readAll();
  await wait(idleSeconds * 1000);
  const after = await readAll();
  for (const [index, { column }] of programs.entries()) {
    results.add(RSS, column, after[index].rss);
    results.add(cpu, column, after[index].cpu - before[index].cpu);
  }
  await Promise.all(idle.map((process) => process.end()));
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
