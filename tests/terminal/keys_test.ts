import { assertEquals } from "@std/assert";
import { readKeys, textIn } from "../../lib/terminal/keys.ts";
import { Ending } from "../../lib/terminal/signals.ts";
import { TestClock } from "../support/clock.ts";

/**
 * What comes out of pieces of input: `text`, `<Key>` or `[paste]`. A number is a
 * pause, in milliseconds; at the end all is waited for that is waited for.
 */
async function heard(...pieces: (string | number)[]): Promise<string> {
  const clock = new TestClock();
  async function read(): Promise<string | undefined> {
    for (;;) {
      const piece = pieces.shift();
      if (typeof piece === "string") return piece;
      await undefined; // The reader sets its timer after this call.
      const pause = piece ?? clock.nextIn;
      if (pause === undefined) return undefined;
      await clock.advance(pause);
    }
  }
  const inputs = await Array.fromAsync(readKeys(read, clock));
  return inputs.map(({ type, text }) =>
    type === "key" ? `<${text}>` : type === "paste" ? `[${text}]` : text
  ).join("");
}

function cuts(text: string): [string, string][] {
  return Array.from(
    { length: text.length + 1 },
    (_, cut) => [text.slice(0, cut), text.slice(cut)],
  );
}

Deno.test("keys: their names, however a terminal spells them", async () => {
  const names: [string, string[]][] = [
    ["<Enter>", ["\r", "\n", "\x1b[13u", "\x1b[13;2u", "\x1b[27;5;13~"]],
    ["<M-Enter>", ["\x1b\r", "\x1b\n", "\x1b[13;3u", "\x1b[27;3;13~"]],
    ["<BSpace>", ["\x7f", "\b", "\x1b[127u"]],
    ["<Escape>", ["\x1b", "\x1b[27u"]],
    ["<C-a>", ["\x01", "\x1b[97;5u", "\x1b[27;5;97~"]],
    ["<C-c>", ["\x03", "\x1b[99;5u", "\x1b[1089::99;5u", "\x1b[99;69:1u"]],
    ["<C-_>", ["\x1f", "\x1b[47;5u", "\x1b[95;5u", "\x1b[27;5;47~"]],
    ["<M-b>", ["\x1bb", "\x1bB", "\x1b[98;3u", "\x1b[1080::98;3u"]],
    ["<M-BSpace>", ["\x1b\x7f", "\x1b\b"]],
    ["<Up>", ["\x1b[A", "\x1bOA", "\x1b[1;2A"]],
    ["<C-Right>", ["\x1b[1;5C", "\x1bO5C", "\x1bOc", "\x1b[1;5:2C"]],
    ["<M-Left>", ["\x1b[1;3D"]],
    ["<Home>", ["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"]],
    ["<End>", ["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"]],
    ["<Delete>", ["\x1b[3~"]],
    ["<C-Delete>", ["\x1b[3;5~"]],
    ["a", ["a", "\x1b[97u", "\x1b[97;1:2u", "\x1b[97;65;97u"]],
    ["с", ["с", "\x1b[1089u", "\x1b[1089::99u"]],
    ["A", ["A", "\x1b[97:65;2u"]],
    [" ", [" ", "\x1b[32;2u"]],
    ["é", ["é", "\x1b[233u"]],
    ["", ["\x1b[6n", "\x1b[2J", "\x9b", "\x1c"]],
  ];
  for (const [name, spellings] of names) {
    for (const spelling of spellings) {
      assertEquals(await heard(spelling), name, JSON.stringify(spelling));
    }
  }
});

/** What terminals report by themselves or when asked, and keys without a use. */
const REPORTS = [
  "\x1b[M !!", // a mouse, the old way
  "\x1b[<0;10;5M\x1b[<0;10;5m", // a mouse
  "\x1b[I\x1b[O", // focus
  "\x1b[12;40R", // where the cursor is
  "\x1b[?62;1;4c\x1b[>41;354;0c", // what terminal it is
  "\x1b[?2026;2$y", // a mode
  "\x1b]11;rgb:0000/0000/0000\x07", // a colour
  "\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
  "\x1bP>|XTerm(379)\x1b\\", // its version
  "\x1b_Gi=31;OK\x1b\\", // an image
  "\x1bOP\x1b[15~\x1b[24;2~\x1b[[A\x1b[5~\x1b[2~\x1b[Z", // F-keys, PgUp, Ins
  "\x1b[201~", // the end of a paste that never began
  "\x1b[57362;5u\x1b[57358u", // keys without a character
  "\x1b[97;5:3u\x1b[1;5:3C", // two let go
  "\x1b[49;5u\x1b[233;5u\x1b[27;5;49~\x1b[97;9u", // Ctrl-1, Ctrl-é, Super-a
];

Deno.test("keys: a report is no text and no key, wherever it is cut", async () => {
  for (const report of REPORTS) {
    for (const pieces of cuts(`a${report}b`)) {
      assertEquals(await heard(...pieces), "ab", JSON.stringify(pieces));
    }
  }
});

Deno.test("keys: what is cut off is waited for, what never ends is taken as it is", async () => {
  const cases: [(string | number)[], string][] = [
    [["\x1b", "[", "1;", "5", "C"], "<C-Right>"],
    [["a\x1b", 99, "[A"], "a<Up>"],
    [["a\x1b", 100, "[A"], "a<Escape>[A"],
    [["\x1b[", 499, "A"], "<Up>"],
    [["\x1b[", 500, "A"], "<M-[>A"],
    [["\x1b[<0;12", 500, "a"], "a"],
    [["\x1b]", "typed"], "<M-]>typed"],
    // A paste may take longer, and what comes of it begins the wait anew.
    [["\x1b[200~a", 2_999, "b\x1b[20", 2_999, "1~c"], "[ab]c"],
    [["\x1b[200~a\rb\x1b[20", 3_000, "c\x1b[201~"], "[a\rb\x1b[20]c"],
    // Ctrl-C alone ends a paste whose end mark is lost.
    [["\x1b[200~abc", "\r", "\x03", "d"], "<C-c>d"],
    [["\x1b[200~a\x03b\x1b[201~"], "[a\x03b]"],
    // Escape never takes a control character along.
    [["\x1b\x03"], "<Escape><C-c>"],
    [["\x1b", "\x03"], "<Escape><C-c>"],
    [["\x1b\x1b[A"], "<Escape><Up>"],
    [["\x1b]no answer\r"], "<M-]>no answer<Enter>"],
    [["\x1b[1;\r"], "<Enter>"],
    // Three lines at once are a paste even without marks. A program that types
    // lines ends them with LF; a terminal pastes CR.
    [["a\rb\rc\rd"], "[a\rb\rc\rd]"],
    [["a\rb\r"], "a<Enter>b<Enter>"],
    [["\r\r\r"], "<Enter><Enter><Enter>"],
    [["\x1b\r".repeat(4)], "<M-Enter>".repeat(4)],
    [["a\nb\nc\nd\n"], "a<Enter>b<Enter>c<Enter>d<Enter>"],
  ];
  for (const [pieces, keys] of cases) {
    assertEquals(await heard(...pieces), keys, JSON.stringify(pieces));
  }
});

Deno.test("keys: the marks tell pastes from keys, wherever they are cut", async () => {
  const text = "a\x1b[200~b\rc\x1b[A\x1b[201~d\x1b[200~\x1b[201~";
  for (const pieces of cuts(text)) {
    assertEquals(await heard(...pieces), "a[b\rc\x1b[A]d[]");
  }
  const long = "a line\r".repeat(10_000);
  const pieces = `\x1b[200~${long}\x1b[201~`.match(/[^]{1,4095}/g)!;
  assertEquals(await heard(...pieces), `[${long}]`);
});

Deno.test("keys: text without them", () => {
  assertEquals(textIn("a\tb\nc"), "a\tb\nc");
  assertEquals(textIn("\x1b[31mred\x1b[m\x07 \x1b[Ab\x7f\x9b"), "red b");
});

Deno.test("signals: a second one hurries the end, the same one twice doesn't", async () => {
  const cases: [isHurried: boolean, signals: [after: number, Deno.Signal][]][] =
    [
      [false, [[0, "SIGTERM"]]],
      [false, [[500, "SIGTERM"], [100, "SIGTERM"]]],
      [true, [[0, "SIGTERM"], [101, "SIGTERM"]]],
      [true, [[60, "SIGTERM"], [60, "SIGTERM"], [60, "SIGTERM"]]],
      [true, [[0, "SIGINT"], [0, "SIGTERM"]]],
    ];
  for (const hasBegun of [false, true]) {
    for (const [isHurried, signals] of cases) {
      const clock = new TestClock();
      const ending = new Ending(clock);
      if (hasBegun) ending.begin();
      let wasHurried = false;
      ending.hurried.then(() => wasHurried = true);
      for (const [after, signal] of signals) {
        await clock.advance(after);
        ending.insist(signal);
      }
      await clock.advance(0);
      // Where the end has begun otherwise, the first one hurries it.
      assertEquals(wasHurried, isHurried || hasBegun);
      assertEquals(ending.signal, hasBegun ? undefined : signals[0][1]);
    }
  }
});
