/**
 * The notice of somebody who takes another name, made and read. Its author has
 * the old name: whoever knows that one then knows who goes by the new one. Pure.
 *
 * @module
 */

import { type ChatNotice, MAX_NAME_LENGTH } from "../protocol.ts";

/** What it says, to people and to us. */
export function renameNotice(name: string, newName: string): string {
  return `User ${name} is now known as ${newName}.`;
}

/**
 * The name that a notice says its author has from now on; undefined for any
 * other text, and for a name that nobody goes by.
 */
export function newNameIn({ from, notice }: ChatNotice): string | undefined {
  const start = renameNotice(from, "").slice(0, -1);
  if (!notice.startsWith(start) || !notice.endsWith(".")) return undefined;
  const name = notice.slice(start.length, -1);
  return name === "" || name.length > MAX_NAME_LENGTH ? undefined : name;
}

/**
 * What is wrong with a name to go by, as the end of a sentence; undefined when
 * nothing is. It stands twice in a notice, and on every line.
 */
export function nameFault(name: string): string | undefined {
  return name.length > MAX_NAME_LENGTH
    ? `takes ${MAX_NAME_LENGTH} characters at most, not ${name.length}`
    : undefined;
}
