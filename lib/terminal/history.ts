/**
 * The lines entered before, and how to find them again: one after the other, or
 * by what is in them. Pure.
 *
 * @module
 */

/** What was entered, and where in it one is. */
export interface History {
  /** The oldest first. */
  readonly entries: readonly string[];
  /** The place of what is in the line; after the last for a new line. */
  readonly at: number;
  /** What was changed and not entered, by place. */
  readonly drafts: ReadonlyMap<number, string>;
}

/** How many lines can be found again. */
const MAX_ENTRIES = 1_000;

export const NO_HISTORY: History = { entries: [], at: 0, drafts: new Map() };

/** Adds what was entered, once; the next line is a new one. */
export function remember(history: History, text: string): History {
  const others = history.entries.filter((entry) => entry !== text);
  const entries = text.trim() === "" ? others : [...others, text];
  const kept = entries.slice(-MAX_ENTRIES);
  return { entries: kept, at: kept.length, drafts: new Map() };
}

/** Goes to another place; what is in the line is found again at this one. */
export function recall(
  history: History,
  text: string,
  at: number,
): { history: History; text: string } | undefined {
  const { entries } = history;
  if (at < 0 || at > entries.length || at === history.at) return undefined;
  const drafts = new Map(history.drafts).set(history.at, text);
  return {
    history: { entries, at, drafts },
    text: drafts.get(at) ?? entries[at] ?? "",
  };
}

/** A search. */
export interface Search {
  /** What is looked for. */
  readonly query: string;
  /** The place of what was found last, or where the search began. */
  readonly at: number;
  /** Whether there is nothing (more). */
  readonly hasFailed: boolean;
}

/** Looks for a text at a place and before it, or after it. */
export function find(
  { entries }: History,
  search: Search,
  { query = search.query, from = search.at, isForward = false },
): Search {
  const fits = (entry: string, place: number) =>
    (isForward ? place >= from : place <= from) && entry.includes(query);
  const found = isForward
    ? entries.findIndex(fits)
    : entries.findLastIndex(fits);
  const hasFailed = query !== "" && found === -1;
  const isFound = query !== "" && found !== -1;
  return { query, at: isFound ? found : search.at, hasFailed };
}
