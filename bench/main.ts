/**
 * Measures the scripts against what a user would run instead, and prints
 * tables. README.md says what each row does.
 *
 *     deno task bench [--short] [--only 1,3] [--write]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { UNLIMITED_QUEUES } from "../tests/support/mosquitto.ts";
import { accepts, freePort } from "../tests/support/ports.ts";
import { killAll, read, ROOT, Running } from "./processes.ts";
import { findPrograms, type Program } from "./programs.ts";
import { Figures, svg } from "./report.ts";
import { type Row, rowsOf, TARGETS } from "./rows.ts";

function parseFlags(args: string[]) {
  const { short = false, write = false, only } = parseArgs({
    args,
    options: {
      short: { type: "boolean" },
      write: { type: "boolean" },
      only: { type: "string" },
    },
  }).values;
  const rows = only?.split(",");
  const unknown = rows?.find((number) => !/^[1-8]$/.test(number));
  if (unknown !== undefined) throw new Error(`There is no row ${unknown}.`);
  // Some of the figures, or hasty ones, would replace good ones.
  if (write && (short || rows)) throw new Error("--write needs a whole run.");
  return { isShort: short, isWritten: write, rows };
}

type Flags = ReturnType<typeof parseFlags>;

async function measure({ isShort, isWritten, rows }: Flags, folder: string) {
  const port = await startBroker(folder);
  console.error("looking for the programs");
  const found = await findPrograms({ folder, port, isShort });
  const figures = new Figures();
  for (const row of rowsOf({ port, time: found.time, isShort })) {
    if (rows?.includes(row.name[0]) ?? true) {
      await measureRow(row, found.programs, figures);
    }
  }
  const tables = [
    // Hasty figures say nothing about targets.
    ...isShort ? [] : [figures.judge(TARGETS)],
    figures.medians(),
    found.facts.map((fact) => `- ${fact}\n`).join(""),
  ].join("\n");
  console.log(await formatted(`${folder}/figures.md`, tables));
  const plots = svg(figures.plots());
  if (!isWritten) return;
  const readme = `${ROOT}bench/README.md`;
  const marked = /(?<=<!-- figures -->)[^]*(?=<!-- end of figures -->)/;
  const text = (await Deno.readTextFile(readme))
    .replace(marked, () => `\n\n${tables}\n`);
  await formatted(readme, text);
  await formatted(`${ROOT}bench/growth.svg`, plots);
}

/** Measures the programs of a row in turn, round by round, or all at once. */
async function measureRow(row: Row, programs: Program[], figures: Figures) {
  const taking = programs.filter(({ column }) => row.columns.includes(column));
  const run = async (program: Program) => {
    for (const [name, value] of Object.entries(await row.run(program) ?? {})) {
      figures.add(`${row.name}, ${name}`, program.column, value);
    }
  };
  for (let round = 1; round <= row.rounds; round++) {
    console.error(`${row.name}, round ${round} of ${row.rounds}`);
    if (row.isAtOnce) await Promise.all(taking.map(run));
    else for (const program of taking) await run(program);
  }
}

/** Starts a Mosquitto on a free port of this machine; returns the port. */
async function startBroker(folder: string): Promise<number> {
  // Started by root, Mosquitto becomes another user, and must read the folder.
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
