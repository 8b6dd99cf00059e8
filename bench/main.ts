/**
 * Measures the scripts against what a user would run instead, and prints one
 * table. README.md says what each row does.
 *
 *     deno task bench [--short] [--only 1,3] [--write]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { startBroker } from "./broker.ts";
import { type Machine, Search } from "./machine.ts";
import { Processes } from "./processes.ts";
import { ROOT } from "./programs.ts";
import { growthPlot, replaceFigures } from "./report.ts";
import { Results } from "./results.ts";
import { measureGrowth } from "./rows/growth.ts";
import { measureIdle } from "./rows/idle.ts";
import { measureLatency } from "./rows/latency.ts";
import { measureListening } from "./rows/listening.ts";
import { measureOneShot } from "./rows/one_shot.ts";
import { measurePublishing } from "./rows/publishing.ts";
import { FULL, type Setting, SHORT, type Sizes } from "./setting.ts";
import { judge } from "./targets.ts";

/** The rows, by number less one. */
const ROWS = [
  measureOneShot,
  measureListening,
  measurePublishing,
  measureLatency,
  measureIdle,
  measureGrowth,
];

/** How long a listener idles for figures that are kept, in seconds. */
const LONG_IDLE_S = 60;

/** How long formatting what was written may take, in milliseconds. */
const FORMAT_PATIENCE_MS = 20_000;

const USAGE = "usage: deno task bench [--short] [--only N[,N]] [--write]";

/** What was asked for. */
interface Wish {
  isShort: boolean;
  isWritten: boolean;
  rows: number[];
}

/**
 * The whole program.
 *
 * @param args As in `Deno.args`.
 * @returns The exit code: 0, 1 when a measurement failed, 2 for wrong usage.
 */
export async function main(args: string[]): Promise<number> {
  const wish = parseWish(args);
  if (wish === undefined) {
    console.error(USAGE);
    return 2;
  }
  if (Deno.build.os !== "linux") {
    console.error("The benchmark reads /proc, which only Linux has.");
    return 1;
  }
  const processes = new Processes();
  const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-bench-" });
  const stopSignals = endOnSignals(processes, folder);
  try {
    // Started by root, Mosquitto becomes another user, who must get in.
    await Deno.chmod(folder, 0o755);
    await measure(wish, processes, folder);
    return 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await processes.endAll();
    await Deno.remove(folder, { recursive: true });
    stopSignals();
  }
}

/** Reads the arguments; nothing when they can't be followed. */
function parseWish(args: string[]): Wish | undefined {
  let isKnown = true;
  const { short, write, only } = parseArgs(args, {
    boolean: ["short", "write"],
    string: ["only"],
    unknown: () => isKnown = false,
  });
  const all = ROWS.map((_, index) => index + 1);
  const rows = only === undefined ? all : only.split(",").map(Number);
  if (!isKnown || !rows.every((row) => all.includes(row))) return undefined;
  // A part of the figures, or hasty ones, would replace good ones.
  if (write && (short || only !== undefined)) return undefined;
  return { isShort: short, isWritten: write, rows };
}

/** Ends everything when the benchmark is told to end. */
function endOnSignals(processes: Processes, folder: string): () => void {
  const end = () => {
    processes.killAll();
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, end);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, end);
  };
}

async function measure(
  { isShort, isWritten, rows }: Wish,
  processes: Processes,
  folder: string,
): Promise<void> {
  const tell = (text: string) => console.error(text);
  tell("looking for the programs");
  const machine = await new Search(processes, folder).machine(isShort);
  const port = await startBroker(processes, folder);
  const results = new Results();
  const sizes = sizesFor(isShort, isWritten);
  const setting: Setting = {
    ...machine,
    port,
    processes,
    sizes,
    results,
    folder,
    tell,
  };
  for (const row of rows) await ROWS[row - 1](setting);
  const figures = describe(machine, results);
  console.log(figures);
  // Hasty figures say nothing.
  if (!isShort) console.log(judge(results));
  if (isWritten) {
    await write(figures, growthPlot(results, sizes));
    const args = ["fmt", "--quiet", "bench/README.md", "bench/growth.svg"];
    const format = { file: Deno.execPath(), args, cwd: ROOT };
    await processes.read(format, FORMAT_PATIENCE_MS);
  }
}

function sizesFor(isShort: boolean, isWritten: boolean): Sizes {
  if (isShort) return SHORT;
  return isWritten ? { ...FULL, idleSeconds: LONG_IDLE_S } : FULL;
}

/** The table, and where it comes from. */
function describe({ facts, leftOut }: Machine, results: Results): string {
  const items = [...facts];
  if (leftOut.length > 0) items.push(`Left out: ${leftOut.join(", ")}`);
  return `${results.table()}\n${items.map((item) => `- ${item}\n`).join("")}`;
}

/** Keeps the figures in this folder. */
async function write(figures: string, plot: string): Promise<void> {
  const readme = new URL("README.md", import.meta.url);
  const text = await Deno.readTextFile(readme);
  await Deno.writeTextFile(readme, replaceFigures(text, figures));
  await Deno.writeTextFile(new URL("growth.svg", import.meta.url), plot);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
