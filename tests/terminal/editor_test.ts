import { assert, assertEquals } from "@std/assert";
import { Editor } from "../../lib/terminal/editor.ts";

const KEY = /^(?:[CM]-.+|Left|Right|Up|Down|Home|End|Delete|BSpace|Escape)$/;

/** Types text and presses keys, named as tmux names them. */
function type(editor: Editor, ...keys: string[]): Editor {
  for (const text of keys) {
    editor.press({ type: KEY.test(text) ? "key" : "text", text });
  }
  return editor;
}

function after(...lines: string[]): Editor {
  const editor = new Editor();
  for (const line of lines) {
    editor.insert(line);
    editor.enter();
  }
  return editor;
}

/** A line with nothing to undo and the cursor at `|`. */
function at(marked: string): Editor {
  const [before, behind] = marked.split("|");
  const editor = type(after(before + behind), "Up");
  while (editor.text !== "" && editor.cursor > before.length) {
    type(editor, "Left");
  }
  return editor;
}

/** What is shown, with the cursor as `|`. */
function seen(editor: Editor): string {
  const { label, text, cursor } = editor.view;
  return `${label}${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

/** Fails unless keys make of a line what is expected; both have the cursor as `|`. */
function assertEdits(...cases: [line: string, keys: string[], then: string][]) {
  for (const [line, keys, then] of cases) {
    assertEquals(seen(type(at(line), ...keys)), then, keys.join(" "));
  }
}

Deno.test("editor: keys edit as in a shell", () => {
  assertEdits(
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
    ["one| two three", ["C-Delete"], "one| three"],
    ["one| two", ["C-k"], "one|"],
    ["one| two", ["C-u"], "| two"],
    ["one two|", ["C-w", "C-w", "x", "C-y"], "xone two|"],
    ["one two|", ["C-w", "Left", "C-w", "C-y"], "one| "],
    ["one two|", ["C-w", "C-_", "C-w", "C-y"], "one two|"],
    ["|one two", ["M-d", "M-d", "C-y", "C-y"], "one twoone two|"],
    ["one two|", ["C-w", "x", "C-_", "C-_"], "one two|"],
    ["one|", ["C-_"], "one|"],
    ["a|b", ["M-z", "C-x"], "a|b"],
    ["|", [...Array(101).fill("a"), ...Array(110).fill("C-_")], "a|"],
    // A mark belongs to the word; what becomes one has the cursor after it.
    ["ne\u0301e|", ["M-b"], "|ne\u0301e"],
    ["🇩 |🇪", ["BSpace"], "🇩🇪|"],
    ["|\u0301x", ["e"], "e\u0301|x"],
    // Only kills one after the other add up.
    ["one two|", ["C-w", "Down", "Up", "C-w", "C-y"], "one |"],
    ["one two|", ["C-w", "C-r", "C-g", "C-w", "C-y"], "one |"],
    ["one two|", ["C-w", "x", "C-w", "C-y"], "one x|"],
    ["one two|", ["C-w", "Left", "Right", "C-k", "C-y"], "one two|"],
    // In several lines, keys move and kill in their row.
    ["one\ntw|o", ["Home"], "one\n|two"],
    ["o|ne\ntwo", ["End"], "one|\ntwo"],
    ["o|ne\ntwo", ["C-k"], "o|\ntwo"],
    ["o|ne\ntwo", ["C-k", "C-k"], "o|two"],
    ["one\ntw|o", ["C-u"], "one\n|o"],
    ["one\ntw|o", ["C-u", "C-u", "C-y"], "one\ntw|o"],
    ["one\n|two", ["BSpace"], "one|two"],
    ["one\ntwo|", ["Up"], "one|\ntwo"],
    ["one\nthree|", ["Up"], "one|\nthree"],
    ["on|e\nthree", ["Down"], "one\nth|ree"],
    ["thre|e\none\nthree", ["Down"], "three\none|\nthree"],
    ["👩‍👩‍👧|\n👩‍👩‍👧", ["Down"], "👩‍👩‍👧\n👩‍👩‍👧|"],
    ["a👩‍👩‍👧\nab|", ["Up"], "a|👩‍👩‍👧\nab"],
    ["|x\n\n", ["Down", "Down"], "x\n\n|"],
  );
});

/** One character each to a reader; two are a Korean syllable, whole and in parts. */
const GRAPHEMES = [
  ...["👩‍👩‍👧", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👋🏽", "❤️", "1️⃣", "e\u0301\u0323"],
  ...["각", "\u1112\u1161\u11ab", "नि", "𝒜", "日"],
];

Deno.test("editor: no key splits a character", () => {
  for (const one of GRAPHEMES) {
    for (const other of GRAPHEMES) {
      const line = `${one}${one}|${other}`;
      assertEdits(
        [line, ["Left"], `${one}|${one}${other}`],
        [line, ["Right"], `${one}${one}${other}|`],
        [line, ["BSpace"], `${one}|${other}`],
        [line, ["Delete"], `${one}${one}|`],
      );
    }
    for (const key of ["M-b", "M-f", "C-w", "M-d", "M-BSpace", "C-Left"]) {
      const { text, cursor } = type(at(`x${one}|${one}y`), key);
      assert(
        [0, 1, 1 + one.length, text.length - 1, text.length].includes(cursor),
        `${one} ${key} ${cursor}`,
      );
      const others = text.replaceAll(one, "").replace(/[xy]/g, "");
      assertEquals(others, "", `${one} ${key}`);
    }
  }
});

Deno.test("editor: the history keeps the draft, changes until Enter, and 1,000 lines", () => {
  const cases: [entered: string[], keys: string[], string][] = [
    [["first", "second"], ["Up"], "second|"],
    [["first", "second"], ["Up", "Up", "Up"], "first|"],
    [["first", "second"], ["draft", "Left", "Up", "Down"], "draft|"],
    [["first"], ["draft", "Left", "C-p", "C-n", "Down"], "draft|"],
    [["first", "second"], ["Up", "!", "Up", "Down"], "second!|"],
    // Each line is there once, and no blank one.
    [["a", "b", "a", "", "  "], ["Up"], "a|"],
    [["a", "b", "a", "", "  "], ["Up", "Up", "Up"], "b|"],
    // Several lines are left for the history at their ends.
    [["first", "one\ntwo"], ["draft", "Up"], "one\ntwo|"],
    [["first", "one\ntwo"], ["draft", "Up", "Up", "Up"], "first|"],
    [["one\ntwo"], ["draft", "Up", "Up", "Down", "Down"], "draft|"],
    [["first", "one\ntwo"], ["C-p", "C-p"], "first|"],
  ];
  for (const [entered, keys, then] of cases) {
    assertEquals(seen(type(after(...entered), ...keys)), then, keys.join(" "));
  }
  const line = type(after("first", "second"), "Up", "!", "Up", "Down");
  line.enter();
  assertEquals(seen(type(line, "Up")), "second!|");
  assertEquals(seen(type(line, "Up")), "second|");
  type(line, "?").drop();
  assertEquals(seen(type(line, "Up", "Up")), "second|");
  const many = after(...Array.from({ length: 1_010 }, (_, i) => `${i}`));
  assertEquals(seen(type(many, ...Array(1_010).fill("Up"))), "10|");
});

/** The editor of a user who has entered some lines and types another. */
function searcher(...keys: string[]): Editor {
  const lines = ["git push", "good morning", "git pull", "good night"];
  return type(after(...lines), "draft", "Left", "C-r", ...keys);
}

Deno.test("editor: Ctrl-R finds the latest, and ends with it or as it began", () => {
  const cases: [string[], string][] = [
    [[], "(search)`': draf|t"],
    [["g"], "(search)`g': good ni|ght"],
    [["git"], "(search)`git': |git pull"],
    [["git", "C-r"], "(search)`git': |git push"],
    [["git", "C-r", "C-r"], "(not found)`git': |git push"],
    [["git", "C-r", "BSpace"], "(search)`gi': |git pull"],
    [["g", "BSpace"], "(search)`': good night|"],
    [["gi", "t pux"], "(not found)`git pux': |git pull"],
    [["good👋🏽", "BSpace"], "(search)`good': |good night"],
    [["morn", "Escape"], "good |morning"],
    [["morn", "Right"], "good m|orning"],
    [["morn", "C-e", "!"], "good morning!|"],
    [["morn", "Escape", "Up"], "git push|"],
    [["morn", "Escape", "Down", "Down", "Down"], "draft|"],
    [["morn", "C-g"], "draf|t"],
    [["morn", "Escape", "C-r"], "(search)`': good |morning"],
    // Once more, with what was looked for last.
    [
      ["morn", "Escape", "C-r", "push", "Escape", "C-r", "C-r"],
      "(search)`push': git |push",
    ],
    [
      ["morn", "C-g", "C-r", "morn", "Escape", "Down", "C-r", "C-r"],
      "(search)`morn': good |morning",
    ],
    [
      ["morn", "Escape", "C-r", "Escape", "Down", "C-r", "C-r"],
      "(search)`morn': good |morning",
    ],
  ];
  for (const [keys, then] of cases) {
    assertEquals(seen(searcher(...keys)), then, keys.join(" "));
  }
});

Deno.test("editor: a search shows the line that it finds, not a changed one", () => {
  const changed = () => type(after("beta two"), "Up", "C-u");
  const cases: [Editor, string[], string][] = [
    [changed(), ["C-r", "beta"], "(search)`beta': |beta two"],
    [changed(), ["delta", "C-r", "beta"], "(search)`beta': |beta two"],
    [changed(), ["delta", "C-r", "beta", "Escape"], "|beta two"],
    [changed(), ["delta", "C-r", "beta", "C-g"], "delta|"],
    [changed(), ["delta", "C-r", "beta", "Escape", "C-_"], "delta|"],
    [changed(), ["delta", "Down", "C-r", "beta"], "(search)`beta': |beta two"],
    [changed(), ["delta", "Down", "C-r", "beta", "Escape"], "|beta two"],
    [changed(), ["Down", "x", "C-r", "beta", "Escape", "Down"], "x|"],
    [changed(), ["C-r", "nothing", "Escape"], "|"],
    // With nothing entered there is nothing to find.
    [new Editor(), ["C-r", "a", "Up"], "a|"],
  ];
  for (const [line, keys, then] of cases) {
    assertEquals(seen(type(line, ...keys)), then, keys.join(" "));
  }
});
