/**
 * Makes text from the network safe to print: escapes or drops characters that a
 * terminal could obey or that could imitate another sender's line, and keeps
 * those that real writing needs, byte for byte. Pure; imports nothing. All
 * functions take time linear in their input.
 *
 * @module
 */

/** Replaces a line break inside a text; `\r\n` is one. */
const LINE_BREAK_MARK = " ⏎ ";

/** The most combining marks and joiners that stay on one base character. */
const MAX_MARKS = 8;

/** The most code points of a name that are shown. */
const MAX_NAME = 32;

/** The most code points of a topic that are shown. */
const MAX_TOPIC = 128;

/**
 * Finds a character outside the blocks that are always safe: Latin, Greek,
 * Cyrillic, punctuation, symbols, kana, CJK, Hangul syllables, emoji. A match
 * only means a closer look. Plain ranges, since it runs on every message.
 */
const UNUSUAL =
  /[^ -~\u00A0-\u00AC\u00AE-\u02FF\u0370-\u0482\u048A-\u052F\u2010-\u2027\u2030-\u205E\u20A0-\u20BF\u2100-\u2BFF\u3000-\u3029\u3030-\u3096\u309B-\u30FF\u4E00-\u9FFF\uAC00-\uD7A3\uFF01-\uFF9F\u{1F000}-\u{1FAFF}]/u;

/**
 * Shown as `<U+001B>`: controls, line and paragraph separators, bidi
 * embeddings, overrides and isolates, the deprecated format characters after
 * them, interlinear annotation, noncharacters.
 */
const ESCAPED =
  /[\p{Cc}\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB\p{Noncharacter_Code_Point}]/gu;

/**
 * Invisible characters (Default_Ignorable_Code_Point) except the joiners and
 * those that are marks, such as variation selectors. Use it after
 * {@link ESCAPED}, which has some of them. Tags belong to a subdivision flag,
 * which is matched whole and captured, to keep it: U+1F3F4, the 3 to 7 letters
 * and digits of a subdivision identifier (UTS #35), U+E007F.
 */
const INVISIBLE =
  /(\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,7}\u{E007F})|(?![\p{M}\u200C\u200D])\p{Default_Ignorable_Code_Point}/gu;

/** All of the above that JSON leaves unescaped. */
const JSON_ESCAPED =
  /[\x7F-\x9F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB\p{Noncharacter_Code_Point}]|(?![\p{M}\u200C\u200D])\p{Default_Ignorable_Code_Point}/gu;

/** A mark without a base in the text: it would combine with our own text. */
const LEADING_MARK = /^[\u200C\u200D]*\p{M}/u;

/** More marks and joiners in a row than one base may carry. */
const MARK_FLOOD = new RegExp(
  `([\\p{M}\\u200C\\u200D]{${MAX_MARKS}})[\\p{M}\\u200C\\u200D]+`,
  "gu",
);

/** The most common names: a fast path before {@link plainName}. */
const ORDINARY_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$/;

/**
 * A name that can't be mistaken for another part of a line: words of letters,
 * marks, digits and `._-`, one space apart. Each begins with a letter, digit or
 * underscore, so ` -- ` is never part of it. No invisible characters. Compiled
 * where it is used, as is the next: the two take 2 ms of a start (measured).
 */
const plainName = () =>
  /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*(?: [\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*)*$/u;

/** A topic or topic filter that can't be mistaken for another part of a line. */
const plainTopic = () =>
  /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}._/$@:+#~-]+$/u;

/**
 * Makes a text safe to print as part of one line.
 *
 * - `<U+001B>` stands for each control character, U+2028, U+2029, bidi
 *   embedding, override or isolate, U+206A–206F, U+FFF9–FFFB and noncharacter.
 * - A line break (`\n`, `\r`, `\r\n`) becomes ` ⏎ `, a tab one space, a lone
 *   surrogate U+FFFD.
 * - Invisible characters are dropped, except joiners, variation selectors and
 *   the tags of a flag.
 * - Of consecutive combining marks and joiners the first 8 stay (the tallest
 *   Tibetan stack in use has 8); a mark at the start gets the base U+25CC.
 *
 * The result is a fixed point: making it safe again changes nothing.
 *
 * @param text Any string.
 * @returns The same string if it is safe already; for ordinary text that takes
 *   one regular expression.
 */
export function safeText(text: string): string {
  if (!UNUSUAL.test(text)) return text;
  const oneLine = text.toWellFormed()
    .replace(/\r\n?|\n/g, LINE_BREAK_MARK)
    .replaceAll("\t", " ");
  const escaped = replaceEach(oneLine, ESCAPED, visibleEscape);
  return limitMarks(escaped.replace(INVISIBLE, "$1"));
}

/**
 * Makes an author's name safe to print in front of `: `. A plain name (words of
 * letters, marks, digits and `._-` that begin with a letter, digit or
 * underscore, one space apart, at most 32 code points) stays as it is. Any other
 * is put in double quotes, with `\"` and `\\` inside and visible escapes for
 * invisible and control characters: `"al<U+200E>ice"`. A longer name ends in `…`
 * after the quotes.
 *
 * @param name Any string.
 * @returns The name as shown; `""` for an empty one.
 */
export function safeName(name: string): string {
  return ORDINARY_NAME.test(name) ? name : label(name, plainName, MAX_NAME);
}

/**
 * Makes a topic or topic filter safe to print, as {@link safeName} does for
 * names. Plain are letters, marks, digits and `._-/$@:+#~`, at most 128 code
 * points.
 *
 * @param topic Any string.
 * @returns The topic as shown.
 */
export function safeTopic(topic: string): string {
  return label(topic, plainTopic, MAX_TOPIC);
}

/**
 * Makes JSON safe to print: every character that {@link safeText} would escape
 * or drop becomes a `\uXXXX` escape, so parsing gives the same value. Marks are
 * not limited.
 *
 * @param json The result of `JSON.stringify`, without an indent.
 * @returns The same value as JSON.
 */
export function safeJson(json: string): string {
  if (!UNUSUAL.test(json)) return json;
  return replaceEach(json, JSON_ESCAPED, jsonEscape);
}

/**
 * Returns the first code points of a text.
 *
 * @param text Any string.
 * @param limit How many code points at most.
 * @returns The text itself if it has no more.
 */
export function firstCodePoints(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Cut in code units first, so that a long text is not split as a whole.
  return Array.from(text.slice(0, 2 * limit)).slice(0, limit).join("");
}

/** Shows a short field: as it is when plain, else quoted, cut to `limit`. */
function label(text: string, plain: () => RegExp, limit: number): string {
  const head = firstCodePoints(text, limit);
  const escaped = replaceEach(head.toWellFormed(), ESCAPED, visibleEscape);
  const safe = limitMarks(
    escaped.replace(INVISIBLE, (char, flag) => flag ?? visibleEscape(char)),
  );
  if (safe === text && plain().test(text)) return text;
  return `"${safe.replace(/["\\]/g, "\\$&")}"${head === text ? "" : "…"}`;
}

/** Gives a leading mark a base, and limits the marks on each base. */
function limitMarks(text: string): string {
  const based = LEADING_MARK.test(text) ? `\u25CC${text}` : text;
  return based.replace(MARK_FLOOD, "$1");
}

/** Replaces every match, and computes each distinct replacement once. */
function replaceEach(
  text: string,
  pattern: RegExp,
  replacement: (match: string) => string,
): string {
  // The cache makes a flood of one character three times as fast.
  const known = new Map<string, string>();
  return text.replace(pattern, (match) => {
    let result = known.get(match);
    if (result === undefined) known.set(match, result = replacement(match));
    return result;
  });
}

/** `<U+001B>` for a character. */
function visibleEscape(char: string): string {
  const hex = char.codePointAt(0)!.toString(16).toUpperCase();
  return `<U+${hex.padStart(4, "0")}>`;
}

/** `\uXXXX` for a character, twice for one beyond the basic plane. */
function jsonEscape(char: string): string {
  return char.split("").map((unit) =>
    `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  ).join("");
}
