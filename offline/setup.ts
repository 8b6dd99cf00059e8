/**
 * `deno task setup`: makes the `jsr:` imports work where JSR can't be reached,
 * by copying the stand-ins beside this file into `vendor/`, in JSR's layout of a
 * package (https://jsr.io/docs/api). Imports no package, since imports fail there.
 *
 * Where JSR answers, it removes the stand-ins, and Deno fetches the packages. To
 * get the real packages back later, delete `vendor/`. Deno doesn't compare
 * `vendor/` with deno.lock, so stand-ins leave no trace there.
 *
 * @module
 */

const JSR = "https://jsr.io/";
const TIMEOUT_MS = 3_000;

/** More than one: a simultaneous set-up may come between two steps. */
const ATTEMPTS = 5;

const VENDOR = `${import.meta.dirname}/../vendor`;
const SCOPE = `${VENDOR}/jsr.io/@std`;

/** The folders beside this file, and the modules that the project imports. */
const PACKAGES: Record<string, Record<string, string>> = {
  assert: { ".": "./mod.ts" },
  cli: { "./unicode-width": "./unicode_width.ts" },
  fmt: { "./colors": "./colors.ts" },
};

interface StandIn {
  folder: string;
  version: string;
  exports: string[];
  /** Contents by path under the package's folder. */
  files: Map<string, string>;
}

/** Reads the stand-in of a package, for the version that deno.lock names. */
async function readStandIn(name: string, lock: string): Promise<StandIn> {
  const specifiers: [string, string][] = Object.entries(
    JSON.parse(lock).specifiers,
  );
  const [, version] = specifiers
    .find(([specifier]) => specifier.startsWith(`jsr:@std/${name}@`))!;
  const exports = PACKAGES[name];
  // JSR's own `meta.json` has no key `standIn`.
  const meta = { versions: { [version]: {} }, standIn: true };
  const files = new Map([
    ["meta.json", JSON.stringify(meta)],
    [`${version}_meta.json`, JSON.stringify({ exports, manifest: {} })],
  ]);
  for (const path of Object.values(exports)) {
    const text = await read(`${import.meta.dirname}/${name}/${path}`);
    files.set(`${version}/${path}`, text!);
  }
  const folder = `${SCOPE}/${name}`;
  return { folder, version, exports: Object.keys(exports), files };
}

/** Whether `vendor/` has this stand-in, or all of the real package we import. */
async function isThere(standIn: StandIn): Promise<boolean> {
  const { folder, version, exports, files } = standIn;
  if (await isStandIn(standIn)) {
    for (const [path, text] of files) {
      if (await read(`${folder}/${path}`) !== text) return false;
    }
    return true;
  }
  // Deno fetches the modules of a package one by one, when they are imported.
  const paths = (await readJson(`${folder}/${version}_meta.json`))?.exports;
  for (const name of exports) {
    if (!await read(`${folder}/${version}/${paths?.[name]}`)) return false;
  }
  return true;
}

async function isStandIn({ folder }: StandIn): Promise<boolean> {
  return (await readJson(`${folder}/meta.json`))?.standIn === true;
}

/**
 * Puts a stand-in in place of whatever there is of a package. The last step is
 * one rename: an interrupted or simultaneous set-up leaves no partial package.
 */
async function put(standIn: StandIn): Promise<void> {
  const { folder, version, files } = standIn;
  const scratch = `${VENDOR}/.setup-${crypto.randomUUID()}`;
  await Deno.mkdir(`${scratch}/${version}`, { recursive: true });
  await Deno.mkdir(SCOPE, { recursive: true });
  for (const [path, text] of files) {
    await Deno.writeTextFile(`${scratch}/${path}`, text);
  }
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.rename(scratch, folder);
    } catch (error) {
      if (await isThere(standIn)) break;
      if (attempt === ATTEMPTS) throw error;
      await remove(folder);
    }
  }
  await remove(scratch);
}

async function remove(folder: string): Promise<void> {
  await ifThere(Deno.remove(folder, { recursive: true }));
}

function read(path: string): Promise<string | undefined> {
  return ifThere(Deno.readTextFile(path));
}

/** A file's JSON; undefined where there is none, or half of it. */
async function readJson(path: string): Promise<
  { standIn?: boolean; exports?: Record<string, string> } | undefined
> {
  try {
    return JSON.parse(await read(path) ?? "");
  } catch {
    return undefined;
  }
}

async function ifThere<T>(doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Asks JSR for a package's versions; returns why that failed, if it did. */
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
    // The last part of the message is the reason, without the address.
    const { message, cause } = error as Error;
    return (cause instanceof Error ? cause.message : message)
      .split(": ").at(-1)!.replace(/\.$/, "");
  }
}

/** Sets up; `--jsr=URL` is asked in place of JSR. */
async function main(args: string[]): Promise<void> {
  const jsr = args[0]?.match(/^--jsr=(.+)$/)?.[1];
  // Deno uses the registry that JSR_URL names, and no `vendor/`.
  if (jsr === undefined && Deno.env.has("JSR_URL")) return;
  const lock = (await read(`${import.meta.dirname}/../deno.lock`))!;
  const standIns: StandIn[] = [];
  for (const name of Object.keys(PACKAGES)) {
    standIns.push(await readStandIn(name, lock));
  }
  const wanted: StandIn[] = [];
  for (const standIn of standIns) {
    if (!await isThere(standIn)) wanted.push(standIn);
  }
  if (wanted.length === 0) return;

  const trouble = await ask(new URL("@std/assert/meta.json", jsr ?? JSR));
  if (trouble === undefined) {
    for (const standIn of standIns) {
      if (await isStandIn(standIn)) await remove(standIn.folder);
    }
    return;
  }
  for (const standIn of wanted) await put(standIn);
  const names = wanted.map(({ folder }) => folder.slice(SCOPE.length - 4));
  console.error(
    `JSR can't be reached (${trouble}): stand-ins from offline/ now serve for ` +
      `${names.join(", ")}. To go back to the real packages, delete vendor/.`,
  );
}

if (import.meta.main) await main(Deno.args);
