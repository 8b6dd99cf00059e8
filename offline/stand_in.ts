/**
 * The stand-ins as JSR would serve them. Owns JSR's layout of a package: see
 * https://jsr.io/docs/api.
 *
 * @module
 */

/** A package in JSR's layout, to stand in for the real one. */
export interface StandIn {
  /** The name without the scope. */
  name: string;
  /** The version deno.lock names. */
  version: string;
  /** The modules that can be imported, such as `./parse-args`. */
  exports: string[];
  /** Contents by path under the package's folder. */
  files: Map<string, string>;
}

/** deno.lock does not name a version of a package. */
export class LockError extends Error {
  /** The class's name. */
  override name = "LockError";

  /**
   * Makes the sentence for a package.
   *
   * @param name The package's name.
   */
  constructor(name: string) {
    super(
      `deno.lock names no version of jsr:@std/${name}; ` +
        "get the committed file back with `git checkout deno.lock`.",
    );
  }
}

/** The packages there are stand-ins for: the folders beside this file. */
const PACKAGES = ["assert", "cli", "fmt"];

/** The key in `meta.json` that marks a stand-in. JSR has no such key. */
export const MARK = "standIn";

/**
 * Reads the stand-ins.
 *
 * @param folder Where they are, one folder a package.
 * @param lock The text of deno.lock.
 * @returns The stand-ins, with the versions of the lock.
 * @throws {LockError} When the lock doesn't name a version.
 */
export function readStandIns(folder: string, lock: string): Promise<StandIn[]> {
  const { specifiers = {} } = JSON.parse(lock) as {
    specifiers?: Record<string, string>;
  };
  return Promise.all(PACKAGES.map((name) => {
    const prefix = `jsr:@std/${name}@`;
    const key = Object.keys(specifiers).find((key) => key.startsWith(prefix));
    if (key === undefined) throw new LockError(name);
    return readStandIn(folder, name, specifiers[key]);
  }));
}

/** Reads one package's sources and makes the metadata to go with them. */
async function readStandIn(
  folder: string,
  name: string,
  version: string,
): Promise<StandIn> {
  const files = new Map<string, string>();
  const manifest: Record<string, { size: number; checksum: string }> = {};
  const exports: Record<string, string> = {};
  for (const file of await list(`${folder}/${name}`)) {
    const text = await Deno.readTextFile(`${folder}/${name}/${file}`);
    const bytes = new TextEncoder().encode(text);
    const checksum = `sha256-${await sha256(bytes)}`;
    files.set(`${version}/${file}`, text);
    manifest[`/${file}`] = { size: bytes.length, checksum };
    if (!file.startsWith("_")) exports[exportName(file)] = `./${file}`;
  }
  const details = JSON.stringify({ manifest, exports }, null, 2);
  files.set(`${version}_meta.json`, details);
  const meta = {
    scope: "std",
    name,
    latest: version,
    versions: { [version]: {} },
    [MARK]: await sha256(new TextEncoder().encode(details)),
  };
  files.set("meta.json", JSON.stringify(meta, null, 2));
  return { name, version, exports: Object.keys(exports), files };
}

/** The TypeScript files of a folder, in a fixed order. */
async function list(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map((entry) => entry.name)
    .filter((name) => name.endsWith(".ts")).sort();
}

/** As @std names its exports: `mod.ts` is `.`, `parse_args.ts` `./parse-args`. */
function exportName(file: string): string {
  if (file === "mod.ts") return ".";
  return `./${file.replace(/\.ts$/, "").replaceAll("_", "-")}`;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}
