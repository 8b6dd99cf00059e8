/**
 * The packages under `vendor/jsr.io/@std`, real ones and stand-ins. Every
 * change is one rename, so that a set-up that is interrupted, or another at
 * the same time, leaves no half package behind.
 *
 * @module
 */

import { dirname } from "node:path";
import type { StandIn } from "./stand_in.ts";

/** More than one, since another set-up may come between two steps. */
const ATTEMPTS = 5;

/** The folder of one scope in `vendor/`. */
export class Vendor {
  readonly #root: string;
  readonly #scope: string;

  /** Takes the path of `vendor/`, which need not be there. */
  constructor(root: string) {
    this.#root = root;
    this.#scope = `${root}/jsr.io/@std`;
  }

  /**
   * Tells whether a package can be imported: the real one with all we import,
   * or just this stand-in.
   */
  async has({ name, version, exports, files }: StandIn): Promise<boolean> {
    const folder = `${this.#scope}/${name}`;
    const meta = await readJson(`${folder}/meta.json`);
    if (meta === undefined) return false;
    if (meta.standIn) {
      return await every(
        [...files],
        async ([path, text]) => await read(`${folder}/${path}`) === text,
      );
    }
    // Deno fetches the modules of a package one by one, when they are imported.
    const details = await readJson(`${folder}/${version}_meta.json`);
    const paths = details?.exports ?? {};
    return await every(exports, async (name) =>
      name in paths &&
      await read(`${folder}/${version}/${paths[name]}`) !== undefined);
  }

  /** Puts a stand-in in place of what there is of a package. */
  async put(standIn: StandIn): Promise<void> {
    await using scratch = await this.#scratch();
    for (const [path, text] of standIn.files) {
      const file = `${scratch.path}/new/${path}`;
      await Deno.mkdir(dirname(file), { recursive: true });
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
        await ifThere(Deno.rename(folder, `${scratch.path}/old-${attempt}`));
      }
    }
  }

  /** Removes the stand-in for a package, if there is one. */
  async removeStandIn(name: string): Promise<void> {
    const folder = `${this.#scope}/${name}`;
    const meta = await readJson(`${folder}/meta.json`);
    if (!meta?.standIn) return;
    await using scratch = await this.#scratch();
    await ifThere(Deno.rename(folder, `${scratch.path}/old`));
  }

  /** A folder on the same disk that goes away with what was moved into it. */
  async #scratch(): Promise<AsyncDisposable & { path: string }> {
    await Deno.mkdir(this.#root, { recursive: true });
    const path = await Deno.makeTempDir({ dir: this.#root, prefix: ".setup-" });
    const dispose = () => Deno.remove(path, { recursive: true });
    return { path, [Symbol.asyncDispose]: dispose };
  }
}

async function every<T>(
  items: T[],
  holds: (item: T) => Promise<boolean>,
): Promise<boolean> {
  return (await Promise.all(items.map(holds))).every(Boolean);
}

/** Does something with a file or folder; undefined when it is not there. */
async function ifThere<T>(doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function read(path: string): Promise<string | undefined> {
  return ifThere(Deno.readTextFile(path));
}

/** What JSR says of a package, or of a version; half a file is none. */
async function readJson(path: string): Promise<
  | { standIn?: boolean; exports?: Record<string, string> }
  | undefined
> {
  try {
    return JSON.parse(await read(path) ?? "");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
