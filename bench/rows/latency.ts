/**
 * Row 4: from a line on the publisher's stdin to the line on the listener's
 * stdout, one message at a time.
 *
 * @module
 */

import type { Program } from "../programs.ts";
import type { Case } from "../results.ts";
import { listeningPrograms, startListeners } from "../room.ts";
import { rounds, type Setting } from "../setting.ts";
import { percentile } from "../statistics.ts";

const TOPIC = "chat/bench";

const P50: Case = {
  id: "4 p50",
  what: "4 latency, stdin to screen, QoS 1, p50",
  unit: "ms",
};
const P99: Case = {
  id: "4 p99",
  what: "4 latency, stdin to screen, QoS 1, p99",
  unit: "ms",
};

/**
 * Measures it.
 *
 * @param setting With what.
 */
export async function measureLatency(setting: Setting): Promise<void> {
  const { results, sizes } = setting;
  for (const _ of rounds(setting, "4 latency", sizes.rounds)) {
    for (const program of listeningPrograms(setting)) {
      const { column, sendLines } = program;
      if (!sendLines) continue;
      const samples = await latencies(setting, { ...program, sendLines });
      results.add(P50, column, percentile(samples, 0.5));
      results.add(P99, column, percentile(samples, 0.99));
    }
  }
}

/** The latencies of one pair, in milliseconds. */
async function latencies(
  setting: Setting,
  program: Program & Required<Pick<Program, "listen" | "sendLines">>,
): Promise<number[]> {
  const { processes, port, sizes: { warmUp, samples } } = setting;
  const listening = { topics: [TOPIC], qos: 1 } as const;
  const [{ process: listener, output }] = await startListeners(
    setting,
    program,
    { ...listening, topics: [...listening.topics] },
    1,
    false,
  );
  const command = program.sendLines(port, TOPIC);
  const publisher = processes.start(command, { hasInput: true });
  const encoder = new TextEncoder();
  const times: number[] = [];
  for (let i = 0; i < warmUp + samples; i++) {
    const bytes = encoder.encode(`This is line ${i}, it says.\n`);
    const start = performance.now();
    await publisher.write(bytes);
    await output.until(`line ${i},`);
    if (i >= warmUp) times.push(performance.now() - start);
  }
  await Promise.all([publisher.end(), listener.end()]);
  return times;
}
