/**
 * The commands of the npm package, in Node: starts Deno with the permissions
 * that the flags need.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { readFlags, type Script, Values, VARIABLES } from "../lib/cli/flags.ts";

/**
 * Runs a command of the package, which is a script under a name of its own;
 * `bin` is the folder of the commands.
 */
export function launch(name: string, script: Script, bin: string): void {
  const require = createRequire(join(bin, name));
  const args = process.argv.slice(2);
  let deno: string;
  let permissions: string[];
  try {
    deno = findDeno(require);
    permissions = permissionsOf(script, args);
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    process.exit(2);
  }
  const bundle = join(bin, "..", "lib", `${name}.js`);
  const options = ["--quiet", "--no-config", "--no-lock", "--no-prompt"];
  const v8 =
    "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy";
  const words = ["run", ...options, v8, ...permissions, bundle, ...args];
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  const isWindows = process.platform === "win32";
  // Deno takes the place of this process, where Node has this (22.15).
  if (!isWindows) {
    (process as Replaceable).execve?.(deno, [deno, ...words], env);
  }
  // Loaded here, since it takes 3 ms (measured).
  const { spawn }: ChildProcess = require("node:child_process");
  const child = spawn(deno, words, { stdio: "inherit", env });
  // Windows signals every process of the console, and would end the child here.
  const forward = isWindows
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

type ChildProcess = typeof import("node:child_process");

/** Newer than Deno's types of Node. */
interface Replaceable {
  execve?(file: string, args: string[], env: NodeJS.ProcessEnv): void;
}

/** Finds the program in the package `deno`, also where no install script ran. */
function findDeno(require: NodeRequire): string {
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
