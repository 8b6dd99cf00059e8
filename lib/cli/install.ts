/**
 * `deno task install`: makes commands of the scripts that run from any folder.
 * Owns where they go: Deno writes a starter for each into `bin/`, and the
 * bundle that these start goes to `lib/mqtt-chat/` beside it, so that nothing
 * depends on the project's folder afterwards.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "./completions.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** V8's young generation: a third less memory for pipes of many lines. */
export const SMALL_HEAP = "--v8-flags=--max-semi-space-size=2";

/**
 * Deno's arguments that make a bundle in a folder. For what is external
 * lib/mqtt/library_env.ts stands in.
 */
export const bundleIn = (folder: string): string[] => [
  ...["bundle", "--platform", "deno", "--minify", "--code-splitting"],
  ...["--external", "debug", "--external", "worker-timers"],
  ...["--outdir", folder, "listener.ts", "publisher.ts"],
];

/**
 * Installs, over an older installation if there is one.
 *
 * @param args `--root DIR`; everything else, such as permissions that the
 *   commands are to have, is handed to `deno install`.
 * @throws {Error} When it can't; the message is what Deno says about it.
 */
export async function main(args: string[]): Promise<void> {
  const { root, others } = readArgs(args);
  const folder = join(root, "lib", "mqtt-chat");
  await bundle(folder);
  for (const { name, script, flags } of COMMANDS) {
    await deno(
      ...["install", "--global", "--force", "--no-config", "--root", root],
      ...["-N", SMALL_HEAP, ...others],
      ...["--name", name, join(folder, `${script}.js`), "--", ...flags],
    );
  }
  const names = COMMANDS.map(({ name }) => name).join(", ");
  console.log(
    `${names} are installed in ${join(root, "bin")}. ` +
      "If your shell does not find them, add this folder to PATH.",
  );
  if (Deno.execPath().includes("_npx")) {
    console.log(
      "They start `deno`, which npx keeps to itself: `npm install -g deno` " +
        "puts it on PATH.",
    );
  }
}

/** Splits off where to install; unless it is said, as Deno would choose. */
function readArgs(args: string[]): { root: string; others: string[] } {
  const others = args.flatMap((arg) =>
    arg.startsWith("--root=") ? ["--root", arg.slice("--root=".length)] : [arg]
  );
  const index = others.indexOf("--root");
  const [flag, said] = index < 0 ? [] : others.splice(index, 2);
  if (flag && !said) throw new Error("--root needs a folder: --root DIR.");
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
  const usual = Deno.env.get("DENO_INSTALL_ROOT") || join(home, ".deno");
  // A task runs in the project's folder, whatever folder it was called in.
  const here = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  const root = resolve(here, said ?? usual);
  // Deno takes `bin` itself for the folder above it.
  return { root: basename(root) === "bin" ? dirname(root) : root, others };
}

/** Puts the bundle into a folder, in place of what was there. */
async function bundle(folder: string): Promise<void> {
  // Beside it first: a bundle that fails leaves the old one.
  const fresh = `${folder}.new`;
  await deno(...bundleIn(fresh));
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(fresh, folder);
}

/** Runs this Deno in the project's folder. */
async function deno(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: PROJECT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exitCode = 1;
  }
}
