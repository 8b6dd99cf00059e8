/** Names that are ignored. */

import { safeName, safeText } from "../safe_text.ts";

/**
 * Ignored names, each exactly as it is; or as lines show it in quotes, since
 * what makes a name need them can't be typed.
 */
export class Ignored {
  readonly #names: Set<string>;

  constructor(names: Iterable<string> = []) {
    this.#names = new Set(names);
  }

  /** Whether lines of a name are not shown. */
  has(name: string): boolean {
    if (this.#names.size === 0) return false;
    return this.#names.has(name) || this.#names.has(safeName(name));
  }

  /** Returns false for a name that was ignored before. */
  add(name: string): boolean {
    if (this.has(name)) return false;
    this.#names.add(name);
    return true;
  }

  /** Removes a name, spelled in either way; returns false where it was not ignored. */
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
