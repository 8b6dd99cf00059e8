/**
 * The commands of the npm package, in Node: starts Deno with the permissions
 * that the flags need.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { readFlags, type Script, Values, VARIABLES } from "../lib/cli/flags.ts";

/** Runs a command of the package, which is a script under a name of its own. */
export function launch(name: string, script: Script): void {
  const args = process.argv.slice(2);
  let deno: string;
  let permissions: string[];
  try {
    deno = findDeno();
    permissions = permissionsOf(script, args);
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    process.exit(2);
  }
  const bundle = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const options = ["--quiet", "--no-config", "--no-lock", "--no-prompt"];
  const memory =
    "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy";
  const child = spawn(
    deno,
    ["run", ...options, memory, ...permissions, bundle, ...args],
    { stdio: "inherit", env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" } },
  );
  // Windows signals every process of the console, and would end the child here.
  const forward = process.platform === "win32"
    ? () => {}
    : (signal: NodeJS.Signals) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  child.on("error", ({ message }) => {
    console.error(`${name}: Deno does not start: ${message}.`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal!]);
  });
}

/** Finds the program in the package `deno`, also where no install script ran. */
function findDeno(): string {
  const require = createRequire(import.meta.url);
  const program = process.platform === "win32" ? "deno.exe" : "deno";
  const path = manifestOf("deno", require);
  if (path !== undefined) {
    const { optionalDependencies = {} } = require(path);
    for (const name of ["deno", ...Object.keys(optionalDependencies)]) {
      const manifest = manifestOf(name, createRequire(path));
      const found = manifest && join(dirname(manifest), program);
      if (found !== undefined && existsSync(found)) return found;
    }
  }
  throw new Error(
    "The package deno has no program for this machine; install it again.",
  );
}

/** Finds a package's file; npm leaves out those for other machines. */
function manifestOf(name: string, require: NodeRequire): string | undefined {
  try {
    return require.resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
}

/** Returns Deno's flags: the network, and the files and variables given. */
function permissionsOf(script: Script, args: string[]): string[] {
  let values = new Values(new Map());
  try {
    values = readFlags(script, args);
  } catch {
    // The script says what is wrong with its flags.
  }
  const read = values.files(script, "read");
  const write = values.files(script, "write");
  if ([...read, ...write].some((path) => path.includes(","))) {
    throw new Error(
      "Deno can't permit a file with a comma in its path; rename it.",
    );
  }
  const variables = Object.values(VARIABLES)
    .filter((name) => process.env[name] !== undefined);
  const flag = (letter: string, values: string[]) =>
    values.length === 0 ? [] : [`-${letter}=${values.join(",")}`];
  return [
    "-N",
    ...flag("R", read),
    ...flag("W", write),
    ...flag("E", variables),
  ];
}
