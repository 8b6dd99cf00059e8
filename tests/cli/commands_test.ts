import { assertEquals } from "@std/assert";
import {
  commandHelp,
  complete,
  interpret,
  messages,
} from "../../lib/cli/commands.ts";
import type { Line } from "../../lib/terminal/input.ts";

const typed = (text: string): Line => ({ type: "text", text });
const pasted = (text: string): Line => ({ type: "text", text, isPasted: true });

Deno.test("commands: what is sent, and how", () => {
  const texts: [string, string][] = [
    ["hello", "hello"],
    ["", ""],
    [" /help", " /help"],
    ["//text", "/text"],
    ["//", "/"],
    ["///", "//"],
    ["/me waves", "*waves*"],
    ["/ME  waves at Ada ", "*waves at Ada*"],
    ["exit now", "exit now"],
    ["quit", "quit"],
  ];
  for (const [entered, text] of texts) {
    assertEquals(interpret(typed(entered)), { type: "text", text });
  }
});

Deno.test("commands: what is obeyed", () => {
  assertEquals(interpret(typed("/help")), { type: "help" });
  assertEquals(interpret(typed("/who")), { type: "who" });
  assertEquals(interpret(typed("/Clear")), { type: "clear" });
  for (const entered of ["/quit", "exit", "Exit", "EXIT", "exit "]) {
    assertEquals(interpret(typed(entered)), { type: "quit" });
  }
});

Deno.test("commands: what is refused is not sent, and says why", () => {
  for (const entered of ["/wave", "/", "/helpme", "/usr/bin/env a b"]) {
    const [name] = entered.split(" ");
    assertEquals(interpret(typed(entered)), {
      type: "refused",
      sentence: `There is no command ${name}, and nothing was sent. /help ` +
        "lists the commands; // at the start sends a slash.",
    });
  }
  for (const entered of ["/me", "/me  "]) {
    assertEquals(interpret(typed(entered)), {
      type: "refused",
      sentence: "/me needs what you do, as in /me waves.",
    });
  }
});

/** What becomes of lines, in order. */
async function outcome(lines: Line[]): Promise<string[]> {
  const events: string[] = [];
  async function* source() {
    yield* lines;
  }
  const sent = messages(source(), {
    help: () => events.push("help"),
    who: () => events.push("who"),
    clear: () => events.push("clear"),
    refuse: (sentence) => events.push(sentence.slice(0, 24)),
    beforeSending: () => {},
  });
  for await (const line of sent) events.push(shown(line));
  return events;
}

const shown = (line: Line) =>
  line.type === "text" ? `send ${line.text}` : line.type;

Deno.test("commands: messages pass, commands are obeyed, in order", async () => {
  const texts = ["hello", "/help", "/me waves", "//x", "/who", "/clear", ""];
  assertEquals(await outcome(texts.map(typed)), [
    "send hello",
    "help",
    "send *waves*",
    "send /x",
    "who",
    "clear",
    "send ",
  ]);
  assertEquals(await outcome([typed("/nix")]), ["There is no command /nix"]);
});

Deno.test("commands: what is pasted is text, whatever it looks like", async () => {
  const lines = ["/quit", "//x", "exit"].map(pasted);
  assertEquals(await outcome(lines), ["send /quit", "send //x", "send exit"]);
});

Deno.test("commands: lines that can't be sent are not lost here", async () => {
  assertEquals(await outcome([{ type: "not UTF-8" }]), ["not UTF-8"]);
});

Deno.test("commands: nothing passes after good-bye", async () => {
  for (const text of ["/quit", "exit", "Exit", "EXIT", "exit "]) {
    assertEquals(await outcome([typed("a"), typed(text), typed("b")]), [
      "send a",
    ]);
  }
});

Deno.test("commands: the help names each that is obeyed", () => {
  assertEquals(commandHelp(true), [
    "  /help      this list",
    "  /me waves  say what you do: *waves*",
    "  /who       the people seen in this session, and when",
    "  /clear     clear the screen, as Ctrl-L",
    "  /quit      leave, as exit, Ctrl-D and Ctrl-C",
    "  //text     send /text",
    "  Tab        complete a name or a command",
  ]);
  assertEquals(commandHelp(false).filter((line) => /who|name/.test(line)), []);
});

Deno.test("completion: commands at the start of the line", () => {
  assertEquals(done("/w", []), "/who ");
  assertEquals(done("/W", []), "/who ");
  assertEquals(complete("/", []).candidates, [
    "/help",
    "/me",
    "/who",
    "/clear",
    "/quit",
  ]);
  assertEquals(done("a /w", []), "a /w");
  assertEquals(done("/me /w", []), "/me /w");
  assertEquals(done("/x", []), "/x");
});

Deno.test("completion: names, as an address or within a sentence", () => {
  const names = ["Ada", "Grace Hopper", "Adele", "Ödön", "👩‍👩‍👧x"];
  assertEquals(done("G", names), "Grace Hopper: ");
  assertEquals(done("hi g", names), "hi Grace Hopper ");
  assertEquals(done("hi Grace H", names), "hi Grace Hopper ");
  assertEquals(done("ada", names), "Ada: ");
  assertEquals(done("öd", names), "Ödön: ");
  assertEquals(done("👩‍👩", names), "👩‍👩‍👧x: ");
  for (const text of ["", " ", "hi ", "x", "hi x"]) {
    assertEquals(done(text, names), text);
    assertEquals(complete(text, names).candidates, []);
  }
});

Deno.test("completion: several go on as far as they agree, then are listed", () => {
  const names = ["Ada", "Adele", "ADIL"];
  assertEquals(done("hi a", names), "hi Ad");
  assertEquals(complete("hi ad", names), {
    remove: 2,
    insert: "ad",
    candidates: names,
  });
  const many = Array.from({ length: 100 }, (_, i) => `user${i}`);
  assertEquals(complete("user", many).candidates.length, 24);
});

/** The text before the cursor after Tab. */
function done(before: string, names: string[]): string {
  const { remove, insert } = complete(before, names);
  const chars = Array.from(before);
  return chars.slice(0, chars.length - remove).join("") + insert;
}
