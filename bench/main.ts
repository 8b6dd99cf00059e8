/**
 * Measures the scripts against what a user would run instead, and prints
 * tables. README.md says what each row does.
 *
 *     deno task bench [--short] [--only 1,3] [--write]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { accepts, freePort } from "../tests/support/processes.ts";
import { killAll, read, ROOT, Running } from "./clients.ts";
import { findPrograms } from "./programs.ts";
import { Figures } from "./report.ts";
import { measureRows } from "./rows.ts";
import targets from "./targets.txt" with { type: "text" };

/** From this load on, a machine has other work than the benchmark. */
const BUSY = 1;

function parseFlags() {
  const options = {
    short: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  } as const;
  const { short, write, only } = parseArgs({ options }).values;
  if (!/^([1-9](,[1-9])*)?$/.test(only)) {
    throw new TypeError("--only takes numbers of rows: 1 to 9.");
  }
  // Some of the figures, or hasty ones, would replace good ones.
  if (write && (short || only)) throw new TypeError("--write needs all rows.");
  return { isShort: short, isWritten: write, only };
}

async function measure(folder: string): Promise<void> {
  const { isShort, isWritten, only } = parseFlags();
  const load = Number((await read(["cat", "/proc/loadavg"])).split(" ")[0]);
  if (isWritten && load >= BUSY) {
    throw new Error(
      `--write needs a quiet machine: wait until the load, ${load}, is below ` +
        `${BUSY}, and try again.`,
    );
  }
  const port = await startBroker(folder);
  console.error("looking for the programs");
  const place = { folder, port, isShort };
  const { programs, time, facts } = await findPrograms(place);
  const figures = new Figures();
  await measureRows(programs, { port, time, isShort, only, figures });
  const state = load < BUSY ? "quiet" : "busy: compare ratios, not times";
  const day = new Date().toISOString().slice(0, 10);
  facts.push(`${day}, a load of ${load} before the run (${state})`);
  const tables = [
    // Hasty figures say nothing about targets.
    ...isShort ? [] : [figures.judge(targets)],
    figures.medians(),
    facts.map((fact) => `- ${fact}\n`).join(""),
  ].join("\n");
  console.log(await formatted(`${folder}/figures.md`, tables));
  const plots = figures.svg(); // drawn in each run, lest it rot
  if (!isWritten) return;
  const readme = `${ROOT}bench/README.md`;
  const marked = /(?<=<!-- figures -->)[^]*(?=<!-- end of figures -->)/;
  const text = (await Deno.readTextFile(readme))
    .replace(marked, () => `\n\n${tables}\n`);
  await formatted(readme, text);
  await formatted(`${ROOT}bench/growth.svg`, plots);
}

/** Starts a Mosquitto on a free port of this machine; returns the port. */
async function startBroker(folder: string): Promise<number> {
  // Started by root, Mosquitto becomes another user, and must read the folder.
  await Deno.chmod(folder, 0o755);
  const port = freePort();
  // By default it drops what exceeds 1,000 messages that wait for a client.
  const lines = ["max_queued_messages 0", "max_queued_bytes 0"];
  lines.push(`listener ${port} 127.0.0.1`, "allow_anonymous true", "");
  const file = `${folder}/mosquitto.conf`;
  await Deno.writeTextFile(file, lines.join("\n"));
  const broker = new Running(["mosquitto", "-c", file]);
  await accepts(port, 5_000).catch(() => broker.fail("is no broker"));
  return port;
}

/** Writes a file as `deno fmt` formats it, and returns that. */
async function formatted(file: string, text: string): Promise<string> {
  await Deno.writeTextFile(file, text);
  await read([Deno.execPath(), "fmt", "--quiet", file]);
  return await Deno.readTextFile(file);
}

const folder = await Deno.makeTempDir({ prefix: "mqtt-chat-bench-" });
const end = (code: number) => {
  killAll();
  Deno.removeSync(folder, { recursive: true });
  Deno.exit(code);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => end(130));
}
try {
  await measure(folder);
  end(0);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  end(error instanceof TypeError ? 2 : 1);
}
