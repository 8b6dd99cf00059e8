/**
 * Whether a text mentions the reader, and how the reader learns of it: the
 * name stands out, and the terminal's bell rings, though not all the time.
 * Takes time linear in the text. No effects.
 *
 * @module
 */

import { bold, inverse } from "@std/fmt/colors";
import { safeText } from "../safe_text.ts";

/** Finds a name in texts. */
export interface Mention {
  /**
   * Whether a text has the name.
   *
   * @param text As {@link safeText} returns it.
   */
  isIn(text: string): boolean;
  /**
   * Makes the name stand out on dark and on light backgrounds.
   *
   * @param text As {@link safeText} returns it.
   * @returns The text with escapes about each mention; itself without any.
   */
  mark(text: string): string;
}

/** What makes a word longer: the joiners do so in Persian and in emoji. */
const WORD = "[\\p{L}\\p{M}\\p{N}_\\u200C\\u200D]";

/** What makes another emoji of the one before. */
const EMOJI_GOES_ON = "[\\p{M}\\p{Emoji_Modifier}\\u200D]";

/** The shortest time between two rings, in milliseconds. */
const BELL_PAUSE_MS = 2_000;

/**
 * Prepares the search for a name: as a whole word, in any case, with accents
 * in one character or in two.
 *
 * @param name The name as people write it, which is not the quoted form that
 * lines begin with. Any string.
 * @returns What finds it; it finds nothing when the name shows nothing.
 */
export function mentionOf(name: string): Mention {
  const shown = safeText(name);
  if (shown === "") return { isIn: () => false, mark: (text) => text };
  const pattern = wholeWord(shown);
  const first = new RegExp(pattern, "iu");
  const every = new RegExp(pattern, "giu");
  const isIn = (text: string) => first.test(text);
  return {
    isIn,
    mark: (text) =>
      isIn(text) ? text.replace(every, bold(inverse("$&"))) : text,
  };
}

/** The pattern of a name that is not part of a longer word or emoji. */
function wholeWord(name: string): string {
  const forms = new Set(["NFC", "NFD"].map((form) => name.normalize(form)));
  forms.add(name);
  const either = [...forms].map((form) => RegExp.escape(form)).join("|");
  // A name like c++ ends where it ends, whatever follows.
  const before = new RegExp(`^${WORD}`, "u").test(name) ? WORD : "\\u200D";
  const after = new RegExp(`${WORD}$`, "u").test(name) ? WORD : EMOJI_GOES_ON;
  // The look-behind comes first: it refuses most places where a flood of one
  // character would have the name compared to its end.
  return `(?<!${before})(?:${either})(?!${after})`;
}

/** The terminal's bell. */
export class Bell {
  #last = -Infinity;

  /** Whether to ring, now that there is a reason: not twice in 2 seconds. */
  rings(now: Date): boolean {
    const passed = Number(now) - this.#last;
    // A clock that was set back would silence it until it caught up.
    if (passed >= 0 && passed < BELL_PAUSE_MS) return false;
    this.#last = Number(now);
    return true;
  }
}
