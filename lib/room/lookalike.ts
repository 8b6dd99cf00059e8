/**
 * Names that an eye takes for each other: in capitals or not, with accents or
 * without, in letters of another alphabet. A guess, and only good for a hint.
 * Pure.
 *
 * @module
 */

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

/** What an eye sees of a name. */
function skeleton(name: string): string {
  const letters = name.normalize("NFKD")
    .replace(/[\p{M}\p{Default_Ignorable_Code_Point}\s]/gu, "").toLowerCase();
  return Array.from(letters, (letter) => TWINS.get(letter) ?? letter).join("");
}

/** A name with what tells it apart where an eye doesn't: `Аda (U+0410)`. */
export function spelledOut(name: string): string {
  const unusual = Array.from(name).filter((char) => char > "~")
    .map((char) => {
      const hex = char.codePointAt(0)!.toString(16).toUpperCase();
      return `U+${hex.padStart(4, "0")}`;
    });
  return unusual.length === 0 ? name : `${name} (${unusual.join(" ")})`;
}
