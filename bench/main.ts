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
import { killAll, read, ROOT, Running } from "./processes.ts";
import { findPrograms } from "./programs.ts";
import { svg } from "./report.ts";
import { Bench, ROWS } from "./rows.ts";

/** What was asked for. */
function parseFlags(args: string[]) {
  const { short = false, write = false, only } = parseArgs({
    args,
    options: {
      short: { type: "boolean" },
      write: { type: "boolean" },
      only: { type: "string" },
    },
  }).values;
  const rows = only?.split(",").map((number) => {
    const row = ROWS[Number(number) - 1];
    if (row === undefined) throw new Error(`There is no row ${number}.`);
    return row;
  });
  // Some of the figures, or hasty ones, would replace good ones.
  if (write && (short || rows)) throw new Error("--write needs a whole run.");
  return { isShort: short, isWritten: write, rows: rows ?? ROWS };
}

type Flags = ReturnType<typeof parseFlags>;

async function measure({ isShort, isWritten, rows }: Flags, folder: string) {
  const port = await startBroker(folder);
  console.error("looking for the programs");
  const found = await findPrograms({ folder, port, isShort });
  const bench = new Bench(port, folder, isShort, found);
  for (const row of rows) await row(bench);
  const figures = [
    // Hasty figures say nothing about targets.
    ...isShort ? [] : [bench.figures.targets()],
    bench.figures.medians(),
    found.facts.map((fact) => `- ${fact}\n`).join(""),
  ].join("\n");
  console.log(await formatted(`${folder}/figures.md`, figures));
  const plots = svg(bench.plots);
  if (!isWritten) return;
  const readme = `${ROOT}bench/README.md`;
  const marked = /(?<=<!-- figures -->)[^]*(?=<!-- end of figures -->)/;
  const text = (await Deno.readTextFile(readme))
    .replace(marked, () => `\n\n${figures}\n`);
  await formatted(readme, text);
  await formatted(`${ROOT}bench/growth.svg`, plots);
}

/** Starts a Mosquitto on a free port of this machine; returns the port. */
async function startBroker(folder: string): Promise<number> {
  // Started by root, Mosquitto becomes another user, who reads the folder.
  await Deno.chmod(folder, 0o755);
  const port = freePort();
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true"];
  lines.push("persistence false", ...UNLIMITED_QUEUES, "");
  const file = `${folder}/mosquitto.conf`;
  await Deno.writeTextFile(file, lines.join("\n"));
  const broker = new Running(["mosquitto", "-c", file]);
  const ended = broker.ended.then(() => broker.fail("ended"));
  ended.catch(() => {});
  await Promise.race([accepts(port, 5_000), ended]);
  return port;
}

/** Writes a file as `deno fmt` formats it, and returns that. */
async function formatted(file: string, text: string): Promise<string> {
  await Deno.writeTextFile(file, text);
  await read([Deno.execPath(), "fmt", "--quiet", file]);
  return await Deno.readTextFile(file);
}

/** Returns the exit code: 1 when a measurement failed, 2 for wrong usage. */
async function main(args: string[]): Promise<number> {
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    console.error("usage: deno task bench [--short] [--only N[,N]] [--write]");
    return 2;
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
    await measure(flags, folder);
    return 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    cleanUp();
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
