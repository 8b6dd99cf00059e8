/**
 * Measures the scripts against what a user would run instead, and prints one
 * table. README.md says what each row does.
 *
 *     deno task bench [--short] [--only 1,3] [--write]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { UNLIMITED_QUEUES } from "../tests/support/mosquitto.ts";
import { accepts, freePort } from "../tests/support/ports.ts";
import { Bench, type Row } from "./bench.ts";
import { svg } from "./plot.ts";
import { killAll, read, ROOT, Running } from "./processes.ts";
import { findPrograms } from "./programs.ts";
import { growth, idle, listening } from "./rows/listening.ts";
import { sealed } from "./rows/sealed.ts";
import { latency, oneShot, publishing } from "./rows/sending.ts";
import { replaceFigures } from "./table.ts";

/** By number less one. */
const ROWS: Row[] = [
  oneShot,
  listening,
  publishing,
  latency,
  idle,
  growth,
  sealed,
];

/** How long the broker may take to come up, in milliseconds. */
const PATIENCE_MS = 5_000;

/** What was asked for. */
interface Wish {
  isShort: boolean;
  isWritten: boolean;
  rows: Row[];
}

/** Returns the exit code: 0, 1 when a measurement failed, 2 for wrong usage. */
async function main(args: string[]): Promise<number> {
  const wish = parseWish(args);
  if (wish === undefined) {
    console.error("usage: deno task bench [--short] [--only N[,N]] [--write]");
    return 2;
  }
  if (Deno.build.os !== "linux") {
    console.error("The benchmark reads /proc, which only Linux has.");
    return 1;
  }
  const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-bench-" });
  const cleanUp = () => {
    killAll();
    Deno.removeSync(folder, { recursive: true });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      cleanUp();
      Deno.exit(130);
    });
  }
  try {
    await measure(wish, folder);
    return 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    cleanUp();
  }
}

/** Reads the arguments; nothing when they can't be followed. */
function parseWish(args: string[]): Wish | undefined {
  const flag = { type: "boolean", default: false } as const;
  const options = {
    short: flag,
    write: flag,
    only: { type: "string" },
  } as const;
  const { values, tokens } = parseArgs({
    args,
    options,
    strict: false,
    tokens: true,
  });
  const isKnown = tokens.every((token) =>
    token.kind === "option" && Object.hasOwn(options, token.name)
  );
  const isShort = values.short === true;
  const isWritten = values.write === true;
  const rows = values.only?.toString().split(",").map((number) =>
    ROWS[Number(number) - 1]
  );
  if (!isKnown || rows?.includes(undefined!)) return undefined;
  // A part of the figures, or hasty ones, would replace good ones.
  if (isWritten && (isShort || rows)) return undefined;
  return { isShort, isWritten, rows: rows ?? ROWS };
}

async function measure(
  { isShort, isWritten, rows }: Wish,
  folder: string,
): Promise<void> {
  const port = await startBroker(folder);
  console.error("looking for the programs");
  const found = await findPrograms({ folder, port, isShort });
  const bench = new Bench(port, folder, isShort, found);
  for (const row of rows) await row(bench);
  const figures = [
    // Hasty figures say nothing of targets.
    ...isShort ? [] : [bench.figures.targets()],
    bench.figures.medians(),
    found.facts.map((fact) => `- ${fact}\n`).join(""),
  ].join("\n");
  console.log(await formatted(`${folder}/figures.md`, figures));
  if (isWritten) await write(figures, svg(bench.plots));
}

/** Starts a Mosquitto on a free port of this machine, and returns that. */
async function startBroker(folder: string): Promise<number> {
  // Started by root, Mosquitto becomes another user, who must get in.
  await Deno.chmod(folder, 0o755);
  const port = freePort();
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true"];
  lines.push("persistence false", ...UNLIMITED_QUEUES, "");
  const file = `${folder}/mosquitto.conf`;
  await Deno.writeTextFile(file, lines.join("\n"));
  const broker = new Running(["mosquitto", "-c", file]);
  const ended = broker.ended.then(() => broker.fail("ended"));
  ended.catch(() => {});
  await Promise.race([accepts(port, PATIENCE_MS), ended]);
  return port;
}

/** Keeps the figures beside this file. */
async function write(figures: string, plot: string): Promise<void> {
  const readme = `${ROOT}bench/README.md`;
  const text = await Deno.readTextFile(readme);
  await formatted(readme, replaceFigures(text, figures));
  await formatted(`${ROOT}bench/growth.svg`, plot);
}

/** Writes a file as `deno fmt` has it, and returns that. */
async function formatted(file: string, text: string): Promise<string> {
  await Deno.writeTextFile(file, text);
  await read([Deno.execPath(), "fmt", "--quiet", file]);
  return await Deno.readTextFile(file);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
