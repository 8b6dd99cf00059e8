/**
 * `deno task setup`: makes the `jsr:` imports work where JSR can't be reached,
 * by putting the stand-ins beside this file into `vendor/`, where Deno looks
 * first. Imports no package, since it runs where such imports fail.
 *
 * - Every package is in `vendor/`: nothing to do, nobody is asked.
 * - One is missing or outdated, and JSR answers: the stand-ins are removed, the
 *   rest is left to Deno, which fetches the packages as it needs them.
 * - JSR doesn't answer: stand-ins replace what is missing or outdated.
 *
 * To get back to the real packages where JSR can be reached, delete `vendor/`.
 * Deno doesn't compare what is in `vendor/` with deno.lock, so stand-ins leave
 * no trace there.
 *
 * Run with `--jsr=URL` it asks another address.
 *
 * @module
 */

import { LockError, readStandIns } from "./stand_in.ts";
import { Vendor } from "./vendor.ts";

const JSR = "https://jsr.io/";
const TIMEOUT_MS = 3_000;

/**
 * Sets up.
 *
 * @param args `--jsr=URL`, or nothing.
 * @returns The exit code.
 */
export async function main(args: string[]): Promise<number> {
  const jsr = args[0]?.match(/^--jsr=(.+)$/)?.[1];
  // Deno asks the registry JSR_URL names, in place of JSR and its `vendor/`.
  if (jsr === undefined && Deno.env.has("JSR_URL")) return 0;
  const root = `${import.meta.dirname}/..`;
  const lock = await Deno.readTextFile(`${root}/deno.lock`);
  const standIns = await readStandIns(import.meta.dirname!, lock);
  const vendor = new Vendor(`${root}/vendor`);
  const has = await Promise.all(standIns.map((one) => vendor.has(one)));
  const wanted = standIns.filter((_, i) => !has[i]);
  if (wanted.length === 0) return 0;

  const trouble = await ask(new URL("@std/assert/meta.json", jsr ?? JSR));
  if (trouble === undefined) {
    for (const { name } of standIns) await vendor.removeStandIn(name);
    return 0;
  }
  for (const standIn of wanted) await vendor.put(standIn);
  const names = wanted.map(({ name }) => `@std/${name}`).join(", ");
  console.error(
    `JSR can't be reached (${trouble}): stand-ins from offline/ now serve for ` +
      `${names}. To go back to the real packages, delete vendor/.`,
  );
  return 0;
}

/** Asks JSR for a package's versions; returns why that didn't work, if so. */
async function ask(url: URL): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      // A network's log-in page is not JSR.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) return `status ${response.status}`;
    return JSON.parse(text)?.versions ? undefined : "not JSR's answer";
  } catch (error) {
    if (error instanceof SyntaxError) return "not JSR's answer";
    // The last part of the message is what went wrong, without the address.
    const { message, cause } = error as Error;
    return (cause instanceof Error ? cause.message : message)
      .split(": ").at(-1)!.replace(/\.$/, "");
  }
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof LockError)) throw error;
    console.error(error.message);
    Deno.exitCode = 1;
  }
}
