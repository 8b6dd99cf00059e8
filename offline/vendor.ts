/**
 * The packages under `vendor/jsr.io/@std`, real ones and stand-ins. Every
 * change is one rename, so that a set-up that is interrupted, or another at
 * the same time, leaves no half package behind.
 *
 * @module
 */

import { MARK, type StandIn } from "./stand_in.ts";

/** More than one, since another set-up may come between two steps. */
const ATTEMPTS = 5;

/** The folder of one scope in `vendor/`. */
export class Vendor {
  readonly #root: string;
  readonly #scope: string;

  /**
   * Makes no file yet.
   *
   * @param root The path of `vendor/`.
   */
  constructor(root: string) {
    this.#root = root;
    this.#scope = `${root}/jsr.io/@std`;
  }

  /**
   * Tells whether a package can be imported: the real one with all we import,
   * or just this stand-in.
   *
   * @param standIn The stand-in for the package.
   * @returns Whether there is nothing to do for it.
   */
  async has(standIn: StandIn): Promise<boolean> {
    const { name, version, exports, files } = standIn;
    const folder = `${this.#scope}/${name}`;
    const meta = await read(`${folder}/meta.json`);
    if (isMarked(meta)) return meta === files.get("meta.json");
    const details = parse(await read(`${folder}/${version}_meta.json`));
    const paths = details?.exports as Record<string, string> | undefined;
    if (meta === undefined || paths === undefined) return false;
    const found = await Promise.all(
      exports.map((name) => exists(`${folder}/${version}/${paths[name]}`)),
    );
    return !found.includes(false);
  }

  /**
   * Puts a stand-in in place of what there is of a package.
   *
   * @param standIn The stand-in.
   */
  async put(standIn: StandIn): Promise<void> {
    await using scratch = await this.#scratch();
    for (const [path, text] of standIn.files) {
      const file = `${scratch.path}/new/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.writeTextFile(file, text);
    }
    await Deno.mkdir(this.#scope, { recursive: true });
    const folder = `${this.#scope}/${standIn.name}`;
    for (let attempt = 1;; attempt++) {
      try {
        return await Deno.rename(`${scratch.path}/new`, folder);
      } catch (error) {
        // There is something: what another set-up has just put, or old things.
        if (await this.has(standIn)) return;
        if (attempt === ATTEMPTS) throw error;
        await moveAway(folder, `${scratch.path}/old-${attempt}`);
      }
    }
  }

  /**
   * Removes the stand-in for a package, if there is one.
   *
   * @param name The package's name.
   */
  async removeStandIn(name: string): Promise<void> {
    const folder = `${this.#scope}/${name}`;
    if (!isMarked(await read(`${folder}/meta.json`))) return;
    await using scratch = await this.#scratch();
    await moveAway(folder, `${scratch.path}/old`);
  }

  /** A folder on the same disk that goes away with what was moved into it. */
  async #scratch(): Promise<AsyncDisposable & { path: string }> {
    await Deno.mkdir(this.#root, { recursive: true });
    const path = await Deno.makeTempDir({ dir: this.#root, prefix: ".setup-" });
    const dispose = () => Deno.remove(path, { recursive: true });
    return { path, [Symbol.asyncDispose]: dispose };
  }
}

/** Moves a folder that need not be there. */
async function moveAway(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether a `meta.json` is a stand-in's. */
function isMarked(meta: string | undefined): boolean {
  return parse(meta)?.[MARK] !== undefined;
}

/** Parses an object; what is no JSON is as good as missing. */
function parse(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads a file that need not be there. */
async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
