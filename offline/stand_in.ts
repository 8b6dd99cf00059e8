/**
 * The stand-ins in JSR's layout of a package: see https://jsr.io/docs/api.
 *
 * @module
 */

/** The folders beside this file, and the modules that can be imported. */
const PACKAGES: Record<string, Record<string, string>> = {
  assert: { ".": "./mod.ts" },
  cli: { "./unicode-width": "./unicode_width.ts" },
  fmt: { "./colors": "./colors.ts" },
};

/** A package in JSR's layout, to stand in for the real one. */
export interface StandIn {
  /** The name without the scope. */
  name: string;
  /** The version deno.lock names. */
  version: string;
  /** The modules that can be imported, such as `./unicode-width`. */
  exports: string[];
  /** Contents by path under the package's folder. */
  files: Map<string, string>;
}

/** deno.lock does not name a version of a package. */
export class LockError extends Error {
  static {
    this.prototype.name = "LockError";
  }
}

/**
 * Reads the stand-ins.
 *
 * @param folder Where they are, one folder a package.
 * @param lock The text of deno.lock.
 * @returns The stand-ins, with the versions of the lock.
 * @throws {LockError} When the lock doesn't name a version.
 */
export function readStandIns(folder: string, lock: string): Promise<StandIn[]> {
  const standIns = Object.entries(PACKAGES).map(async ([name, exports]) => {
    const version = versionOf(name, lock);
    // JSR's own `meta.json` has no such key, and a manifest that is not empty.
    const meta = { versions: { [version]: {} }, standIn: true };
    const details = { exports, manifest: {} };
    const files = new Map([
      ["meta.json", JSON.stringify(meta)],
      [`${version}_meta.json`, JSON.stringify(details)],
    ]);
    for (const path of Object.values(exports)) {
      const text = await Deno.readTextFile(`${folder}/${name}/${path}`);
      files.set(`${version}/${path}`, text);
    }
    return { name, version, exports: Object.keys(exports), files };
  });
  return Promise.all(standIns);
}

/** The version of a package that deno.lock names. */
function versionOf(name: string, lock: string): string {
  const specifiers: Record<string, string> = JSON.parse(lock).specifiers ?? {};
  const found = Object.entries(specifiers)
    .find(([specifier]) => specifier.startsWith(`jsr:@std/${name}@`));
  if (found) return found[1];
  throw new LockError(
    `deno.lock names no version of jsr:@std/${name}; ` +
      "get the committed file back with `git checkout deno.lock`.",
  );
}
