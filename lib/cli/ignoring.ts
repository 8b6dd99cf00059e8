/**
 * What `/ignore` and `/unignore` do to the list of those of whom nothing is
 * shown, and what they answer. No effects but on that list.
 *
 * @module
 */

import { Ignored, lookAlike, shownEntry, spelledOut } from "../room/ignored.ts";
import { safeName } from "../safe_text.ts";

/**
 * `/ignore NAME`; without a name it tells whom one ignores.
 *
 * @param name The name, or how it is shown where that is in quotes.
 * @param self One's own name, which can't be ignored.
 * @param ignored The list.
 * @param seen The others that were seen.
 * @returns The answer, safe to print.
 */
export function ignore(
  name: string,
  self: string,
  ignored: Ignored,
  seen: string[],
): string[] {
  const shown = shownEntry(name);
  if (name === "") return [listed(ignored)];
  const it = new Ignored([name]);
  if (it.has(self)) return ["You can't ignore yourself."];
  if (!ignored.add(name)) return [`${shown} is ignored already.`];
  const answer = [
    `Nothing of ${shown} is shown from now on; /unignore ${shown} ends that.`,
  ];
  if (!seen.some((other) => it.has(other))) {
    answer.push("Nobody of that very name has been seen.");
  }
  const others = seen.filter((other) =>
    lookAlike(name, other) && !ignored.has(other)
  );
  if (others.length > 0) {
    answer.push(`Not ignored, though alike: ${others.map(apart).join(", ")}.`);
  }
  return answer;
}

/** `/unignore NAME`; the answer is safe to print. */
export function unignore(name: string, ignored: Ignored): string[] {
  if (name === "") return [`/unignore needs a name. ${listed(ignored)}`];
  const isGone = ignored.remove(name);
  return [`${shownEntry(name)} is ${isGone ? "shown again" : "not ignored"}.`];
}

function listed(ignored: Ignored): string {
  const names = ignored.list();
  return names.length === 0
    ? "Nobody is ignored; /ignore NAME shows nothing of NAME."
    : `Ignored: ${names.join(", ")}.`;
}

/** A name with what tells it from one that looks the same. */
function apart(name: string): string {
  const shown = safeName(name);
  return shown === name ? spelledOut(name) : shown;
}
