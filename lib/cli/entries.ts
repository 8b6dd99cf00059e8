/**
 * What `/who` answers. Pure.
 *
 * @module
 */

import { timeAndDay } from "../room/time.ts";
import type { PresenceState, Seen } from "../room/roster.ts";
import { safeName } from "../safe_text.ts";

/** The most people that `/who` names. */
const MAX_LISTED = 50;

const VERBS: Readonly<Record<PresenceState, string>> = {
  here: "seen",
  left: "left",
  lost: "lost",
};

/**
 * What `/who` answers.
 *
 * @param seen Those who were seen.
 * @param self The reader's name.
 * @param now The time.
 * @returns Lines, safe to print.
 */
export function whoLines(seen: Seen[], self: string, now: Date): string[] {
  const listed = seen.slice(0, MAX_LISTED).map(({ name, at, state }) => {
    const you = name === self ? " (you)" : "";
    const when = timeAndDay(at, now);
    return `  ${safeName(name)}${you}, ${VERBS[state]} ${when}`;
  });
  const more = seen.length - listed.length;
  const rest = more > 0 ? [`  and ${more} more`] : [];
  return ["Seen in this session:", ...listed, ...rest];
}
