/**
 * Names that are ignored, and names that look like another.
 *
 * @module
 */

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

/** Letters that look like the Latin one behind them, after lower-casing. */
const TWINS = new Map(
  [
    "аa вb еe нh іl ӏl јj кk мm оo рp сc тt уy хx ѕs ԁd һh ԛq ԝw", // Cyrillic
    "αa βb εe ηh ιl κk μm νn οo ρp τt υy χx", // Greek
    "0o 1l |l il",
  ].join(" ").split(" ").map(([letter, twin]) => [letter, twin]),
);

/** Whether two names that differ look alike. */
export function lookAlike(name: string, other: string): boolean {
  return name !== other && skeleton(name) === skeleton(other);
}

/** A name without what is easily overlooked. */
function skeleton(name: string): string {
  const letters = name.normalize("NFKD")
    .replace(/[\p{M}\p{Default_Ignorable_Code_Point}\s]/gu, "").toLowerCase();
  return Array.from(letters, (letter) => TWINS.get(letter) ?? letter).join("");
}

/** A name with its unusual characters named: `Аda (U+0410)`. */
export function spelledOut(name: string): string {
  const unusual = Array.from(name).filter((char) => char > "~")
    .map((char) => {
      const hex = char.codePointAt(0)!.toString(16).toUpperCase();
      return `U+${hex.padStart(4, "0")}`;
    });
  return unusual.length === 0 ? name : `${name} (${unusual.join(" ")})`;
}
