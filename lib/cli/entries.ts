/**
 * What is entered at the prompt → messages, with what is no message obeyed or
 * refused on the way. No effects of its own.
 *
 * @module
 */

import { type Action, readEntry } from "./commands.ts";
import type { Line } from "../terminal/input.ts";

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
