/**
 * Names of whom nothing is shown. Pure state.
 *
 * @module
 */

import { safeName, safeText } from "../safe_text.ts";

/**
 * Names to ignore. Each is that of whoever has exactly this name or, where it is
 * written as lines show it in quotes, of whoever is shown so: nobody can type
 * what makes a name need them.
 */
export class Ignored {
  readonly #names: Set<string>;

  constructor(names: Iterable<string> = []) {
    this.#names = new Set(names);
  }

  /** Whether nothing is shown of somebody. */
  has(name: string): boolean {
    if (this.#names.size === 0) return false;
    return this.#names.has(name) || this.#names.has(safeName(name));
  }

  /** Returns false for one that was ignored before. */
  add(name: string): boolean {
    if (this.has(name)) return false;
    this.#names.add(name);
    return true;
  }

  /**
   * Takes a name away, written in either way.
   *
   * @returns False where it was not ignored.
   */
  remove(name: string): boolean {
    const found = [...this.#names].filter((entry) =>
      entry === name || shownEntry(entry) === name || safeName(name) === entry
    );
    for (const entry of found) this.#names.delete(entry);
    return found.length > 0;
  }

  /** The names as they are shown. */
  list(): string[] {
    return [...this.#names].map(shownEntry);
  }
}

/** A name to ignore, safe to print; not quoted twice. */
export function shownEntry(name: string): string {
  return name.startsWith('"') ? safeText(name) : safeName(name);
}
