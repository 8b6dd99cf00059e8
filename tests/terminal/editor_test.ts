import { assert, assertEquals } from "@std/assert";
import {
  accept,
  type Editor,
  EMPTY,
  enter,
  insert,
  press,
  shown,
} from "../../lib/terminal/editor.ts";

const KEYS: Record<string, string> = {
  Left: "\x1b[D",
  Right: "\x1b[C",
  Up: "\x1b[A",
  Down: "\x1b[B",
  Home: "\x1b[H",
  End: "\x1b[F",
  Delete: "\x1b[3~",
  BSpace: "\x7f",
  Escape: "\x1b",
  "M-BSpace": "\x1b\x7f",
  "C-_": "\x1f",
  "C-Left": "\x1b[1;5D",
  "C-Right": "\x1b[1;5C",
};

/** The token of a key that is named, or text. */
function token(key: string): string {
  if (/^C-[a-z]$/.test(key)) {
    return String.fromCharCode(key.charCodeAt(2) & 0x1f);
  }
  if (/^M-.$/.test(key)) return `\x1b${key[2]}`;
  return KEYS[key] ?? key;
}

/** A line with the cursor at `|`. */
function at(marked: string, editor = EMPTY): Editor {
  const cursor = marked.indexOf("|");
  return { ...editor, text: marked.replace("|", ""), cursor };
}

function typed(editor: Editor, ...keys: string[]): Editor {
  return keys.map(token).reduce(press, editor);
}

/** What is seen, with the cursor as `|`. */
function seen(editor: Editor): string {
  const { label, text, cursor } = shown(editor);
  return `${label}${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

/** One who has entered some lines. */
function after(...lines: string[]): Editor {
  return lines.reduce(
    (editor, line) => enter(insert(editor, line)),
    EMPTY,
  );
}

Deno.test("editor: keys edit as in a shell", () => {
  const cases: [string, string[], string][] = [
    ["|", ["a", "b"], "ab|"],
    ["ab|", ["Left", "x"], "ax|b"],
    ["|ab", ["Left", "C-b"], "|ab"],
    ["ab|", ["Right", "C-f"], "ab|"],
    ["a|b", ["C-a", "x", "C-e", "y"], "xaby|"],
    ["a|b", ["Home", "x", "End", "y"], "xaby|"],
    ["ab|c", ["BSpace"], "a|c"],
    ["|abc", ["BSpace"], "|abc"],
    ["a|bc", ["Delete"], "a|c"],
    ["a|bc", ["C-d"], "a|c"],
    ["abc|", ["Delete"], "abc|"],
    ["one, two| three", ["M-b", "M-b"], "|one, two three"],
    ["|one, two three", ["M-f", "M-f"], "one, two| three"],
    ["one two|", ["C-Left"], "one |two"],
    ["|one two", ["C-Right"], "one| two"],
    ["one two-three| four", ["C-w"], "one | four"],
    ["one two-three| four", ["M-BSpace"], "one two-| four"],
    ["one| two three", ["M-d"], "one| three"],
    ["one| two", ["C-k"], "one|"],
    ["one| two", ["C-u"], "| two"],
    ["one two|", ["C-w", "C-w", "x", "C-y"], "xone two|"],
    ["one two|", ["C-w", "Left", "C-w", "C-y"], "one| "],
    ["|one two", ["M-d", "M-d", "C-y", "C-y"], "one twoone two|"],
    ["ab|c", ["C-t"], "acb|"],
    ["abc|", ["C-t"], "acb|"],
    ["a|", ["C-t"], "a|"],
    ["one two|", ["C-w", "x", "C-_", "C-_"], "one two|"],
    ["one|", ["C-_"], "one|"],
    ["a|b", ["\x1b[15~", "\x1b[I", "\x1b]11;rgb:0/0/0\x07", "\x00"], "a|b"],
  ];
  for (const [before, keys, then] of cases) {
    assertEquals(seen(typed(at(before), ...keys)), then, keys.join(" "));
  }
});

/** Each is one character to whoever reads it. */
const GRAPHEMES = [
  "👩‍👩‍👧",
  "🇩🇪",
  "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
  "👋🏽",
  "❤️",
  "1️⃣",
  "e\u0301\u0323",
  "각", // a syllable
  "\u1112\u1161\u11ab", // one in its parts
  "नि",
  "𝒜",
  "日",
];

Deno.test("editor: no key splits a character", () => {
  for (const one of GRAPHEMES) {
    for (const other of GRAPHEMES) {
      const line = at(`${one}${one}|${other}`);
      assertEquals(seen(typed(line, "Left")), `${one}|${one}${other}`);
      assertEquals(seen(typed(line, "Right")), `${one}${one}${other}|`);
      assertEquals(seen(typed(line, "BSpace")), `${one}|${other}`);
      assertEquals(seen(typed(line, "Delete")), `${one}${one}|`);
      assertEquals(seen(typed(line, "C-t")), `${one}${other}${one}|`);
    }
    for (const key of ["M-b", "M-f", "C-w", "M-d", "M-BSpace", "C-Left"]) {
      const { text, cursor } = typed(at(`x${one}|${one}y`), key);
      assert(
        [0, 1, 1 + one.length, text.length - 1, text.length].includes(cursor),
        `${one} ${key} ${cursor}`,
      );
      assertEquals(
        text.replaceAll(one, "").replace(/[xy]/g, ""),
        "",
        `${one} ${key}`,
      );
    }
  }
});

Deno.test("editor: characters that become one have the cursor after them", () => {
  assertEquals(seen(typed(at("🇩 |🇪"), "BSpace")), "🇩🇪|");
  assertEquals(seen(typed(at("|\u0301x"), "e")), "e\u0301|x");
});

Deno.test("editor: the history keeps the draft", () => {
  const line = typed(after("first", "second"), "dr", "aft", "Left", "Left");
  assertEquals(seen(line), "dra|ft");
  assertEquals(seen(typed(line, "Up")), "second|");
  assertEquals(seen(typed(line, "Up", "Up", "Up")), "first|");
  assertEquals(seen(typed(line, "Up", "Down")), "draft|");
  assertEquals(seen(typed(line, "Up", "Up", "Down", "Down", "Down")), "draft|");
  assertEquals(seen(typed(line, "C-p", "C-n")), "draft|");
  assertEquals(seen(typed(line, "M-<")), "first|");
  assertEquals(seen(typed(line, "M-<", "M->")), "draft|");
});

Deno.test("editor: what is changed in the history stays until Enter", () => {
  const line = typed(after("first", "second"), "Up", "!", "Up", "Down");
  assertEquals(seen(line), "second!|");
  const next = enter(line);
  assertEquals(seen(typed(next, "Up")), "second!|");
  assertEquals(seen(typed(next, "Up", "Up")), "second|");
});

Deno.test("editor: the history has each line once, and no blank one", () => {
  const line = after("a", "b", "a", "", "  ");
  assertEquals(line.history.entries, ["b", "a"]);
  const many = after(...Array.from({ length: 1_010 }, (_, i) => `${i}`));
  assertEquals(many.history.entries.length, 1_000);
  assertEquals(seen(typed(many, "M-<")), "10|");
});

const HISTORY = after("git push", "good morning", "git pull", "good night");

Deno.test("editor: Ctrl-R finds what was entered, the latest first", () => {
  const line = typed(HISTORY, "draft", "Left", "C-r");
  assertEquals(seen(line), "(search)`': draf|t");
  assertEquals(seen(typed(line, "g")), "(search)`g': good ni|ght");
  assertEquals(seen(typed(line, "git")), "(search)`git': |git pull");
  assertEquals(seen(typed(line, "git", "C-r")), "(search)`git': |git push");
  assertEquals(
    seen(typed(line, "git", "C-r", "C-r")),
    "(not found)`git': |git push",
  );
  assertEquals(
    seen(typed(line, "git", "C-r", "C-s")),
    "(search)`git': |git pull",
  );
  assertEquals(
    seen(typed(line, "gi", "t pux")),
    "(not found)`git pux': |git pull",
  );
  assertEquals(
    seen(typed(line, "goodx", "BSpace")),
    "(search)`good': |good night",
  );
});

Deno.test("editor: a search ends with what was found, or as it began", () => {
  const found = typed(HISTORY, "draft", "C-r", "morn");
  assertEquals(seen(typed(found, "Escape")), "good |morning");
  assertEquals(seen(typed(found, "Right")), "good m|orning");
  assertEquals(seen(typed(found, "C-e", "!")), "good morning!|");
  assertEquals(seen(typed(found, "Escape", "Up")), "git push|");
  assertEquals(seen(typed(found, "Escape", "M->")), "draft|");
  assertEquals(accept(found).text, "good morning");
  assertEquals(seen(typed(found, "C-g")), "draft|");
  // Reports of the terminal end nothing.
  assertEquals(seen(typed(found, "\x1b[I")), seen(found));
  // Once more, with what was looked for last.
  const again = typed(found, "Escape", "M->", "C-r", "C-r");
  assertEquals(seen(again), "(search)`morn': good |morning");
});

Deno.test("editor: with nothing entered there is nothing to find", () => {
  assertEquals(seen(typed(EMPTY, "C-r", "a", "Up")), "a|");
});

Deno.test("editor: a key in a long line takes no time", () => {
  for (const part of ["word ", "日本", "👩‍👩‍👧", "🇩🇪"]) {
    const long = insert(EMPTY, part.repeat(60_000 / part.length));
    const began = performance.now();
    const keys = ["x", "BSpace", "Left", "Left", "x", "Delete", "M-b"];
    for (let i = 0; i < 100; i++) typed(long, ...keys);
    const each = (performance.now() - began) / 100 / keys.length;
    // It takes 0.1 ms; to look at the whole line takes 5.
    assert(each < 3, `${each} ms for ${part}`);
  }
});
