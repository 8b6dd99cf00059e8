/**
 * Row 2: a listener prints messages that come as fast as the broker passes
 * them on, into a pipe.
 *
 * @module
 */

import { type Case, withCommas } from "../results.ts";
import {
  type ListeningProgram,
  listeningPrograms,
  Messages,
  startListeners,
} from "../room.ts";
import { rounds, type Setting } from "../setting.ts";

const TOPIC = "chat/bench";

/** What is measured of one way to listen. */
interface Cases {
  wall: Case;
  cpu: Case;
  peak: Case;
}

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measureListening(setting: Setting): Promise<void> {
  const { sizes } = setting;
  const programs = listeningPrograms(setting);
  const what = `2 listener, ${withCommas(sizes.messages)} messages`;
  const json = casesOf("--json", `${what} at QoS 1, --json`);
  for (const qos of [0, 1] as const) {
    const messages = new Messages(sizes.messages, [TOPIC], qos);
    const plain = casesOf(`QoS ${qos}`, `${what} at QoS ${qos}`);
    for (const _ of rounds(setting, plain.wall.what, sizes.rounds)) {
      for (const program of programs) {
        await measure(setting, program, messages, qos, plain);
        if (qos === 0 || program.column !== "ours") continue;
        await measure(setting, program, messages, qos, json, ["--json"]);
      }
    }
  }
}

/** The cases of one way to listen. */
function casesOf(way: string, what: string): Cases {
  return {
    wall: { id: `2 wall ${way}`, what, unit: "ms" },
    cpu: { id: `2 CPU ${way}`, what: `${what}, CPU`, unit: "ms" },
    peak: { id: `2 peak ${way}`, what: `${what}, peak RSS`, unit: "MB" },
  };
}

/** One listener, from its start to its end. */
async function measure(
  setting: Setting,
  program: ListeningProgram,
  messages: Messages,
  qos: 0 | 1,
  { wall, cpu, peak }: Cases,
  flags: string[] = [],
): Promise<void> {
  const { results } = setting;
  const { column } = program;
  const topics = [TOPIC];
  const [listener] = await startListeners(setting, program, {
    topics,
    qos,
    flags,
  });
  const before = await listener.process.usage();
  const milliseconds = await messages.send(setting, [listener]);
  const after = await listener.process.usage();
  await listener.process.end();
  results.add(wall, column, milliseconds);
  results.add(cpu, column, after.cpu - before.cpu);
  results.add(peak, column, after.peakRss);
}
