/**
 * Measures the scripts against what a user would run instead, and prints one
 * table. README.md says what each row does.
 *
 *     deno task bench [--short] [--only 1,3] [--write]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { Bench, type Row } from "./bench.ts";
import { startBroker } from "./broker.ts";
import { figureTable, targetTable } from "./figures.ts";
import { Processes } from "./processes.ts";
import { findPrograms } from "./programs.ts";
import { growth } from "./rows/growth.ts";
import { idle } from "./rows/idle.ts";
import { latency } from "./rows/latency.ts";
import { listening } from "./rows/listening.ts";
import { oneShot } from "./rows/one_shot.ts";
import { publishing } from "./rows/publishing.ts";
import { sealed } from "./rows/sealed.ts";
import { svg } from "./svg.ts";
import { replaceFigures } from "./table.ts";

/** The rows, by number less one. */
const ROWS: Row[] = [
  oneShot,
  listening,
  publishing,
  latency,
  idle,
  growth,
  sealed,
];

const USAGE = "usage: deno task bench [--short] [--only N[,N]] [--write]";

/** What was asked for. */
interface Wish {
  isShort: boolean;
  isWritten: boolean;
  rows: Row[];
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
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      processes.killAll();
      Deno.removeSync(folder, { recursive: true });
      Deno.exit(130);
    });
  }
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
  const rows = only?.split(",").map((number) => ROWS[Number(number) - 1]);
  if (!isKnown || rows?.includes(undefined!)) return undefined;
  // A part of the figures, or hasty ones, would replace good ones.
  if (write && (short || rows)) return undefined;
  return { isShort: short, isWritten: write, rows: rows ?? ROWS };
}

async function measure(
  { isShort, isWritten, rows }: Wish,
  processes: Processes,
  folder: string,
): Promise<void> {
  const port = await startBroker(processes, folder);
  console.error("looking for the programs");
  const place = { processes, folder, port, isShort };
  const found = await findPrograms(place);
  const bench = new Bench(place, found);
  for (const row of rows) await row(bench);
  const parts = [
    // Hasty figures say nothing of targets.
    ...isShort ? [] : [targetTable(bench.figures)],
    figureTable(bench.figures),
    found.facts.map((fact) => `- ${fact}\n`).join(""),
  ];
  console.log(parts.join("\n"));
  if (isWritten) await write(bench, parts.join("\n"));
}

/** Keeps the figures in this folder. */
async function write(bench: Bench, figures: string): Promise<void> {
  const files = ["README.md", "growth.svg"]
    .map((name) => new URL(name, import.meta.url).pathname);
  const [readme, plot] = files;
  const text = await Deno.readTextFile(readme);
  await Deno.writeTextFile(readme, replaceFigures(text, figures));
  await Deno.writeTextFile(plot, svg(bench.plots));
  await bench.processes.read([Deno.execPath(), "fmt", "--quiet", ...files]);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
