/**
 * What is entered at the prompt → messages, with what is no message obeyed or
 * refused on the way; and what the answers to commands say. No effects of its
 * own.
 *
 * @module
 */

import { type Action, readEntry } from "./commands.ts";
import type { Line } from "../terminal/input.ts";
import { timeAndDay } from "../room/time.ts";
import type { PresenceState, Seen } from "../room/roster.ts";
import { safeName } from "../safe_text.ts";

/** A line that was entered, and whether it is one of several pasted ones. */
export type Entry = Line & { isPasted: boolean };

/** Who obeys. */
export interface Handlers {
  /** `/help`. */
  help(): void;
  /** `/who`. */
  who(): void;
  /** `/clear`. */
  clear(): void;
  /** What can't be obeyed, as a sentence. */
  refuse(sentence: string): void;
}

/** The most people that `/who` names. */
const MAX_LISTED = 50;

const VERBS: Readonly<Record<PresenceState, string>> = {
  here: "seen",
  left: "left",
  lost: "lost",
};

/**
 * Picks the messages from what is entered.
 *
 * @param entries What is entered.
 * @param handlers Who obeys.
 * @returns The messages, up to the entry that says good-bye.
 */
export async function* messages(
  entries: AsyncIterable<Entry>,
  handlers: Handlers,
): AsyncGenerator<Line> {
  for await (const entry of entries) {
    const action = actionOf(entry);
    if (action === undefined) {
      yield entry;
      continue;
    }
    switch (action.type) {
      case "quit":
        return;
      case "send":
        yield { type: "text", text: action.text };
        break;
      case "refused":
        handlers.refuse(action.sentence);
        break;
      default:
        handlers[action.type]();
    }
  }
}

/** What an entry asks for; nothing where it is sent, or refused, as it is. */
function actionOf(entry: Entry): Action | undefined {
  if (entry.type !== "text" || entry.isPasted) return undefined;
  return readEntry(entry.text);
}

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
