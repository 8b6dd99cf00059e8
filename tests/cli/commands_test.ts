import { assertEquals } from "@std/assert";
import { commandHelp, complete, readEntry } from "../../lib/cli/commands.ts";

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
    assertEquals(readEntry(entered), { type: "send", text });
  }
});

Deno.test("commands: what is obeyed", () => {
  assertEquals(readEntry("/help"), { type: "help" });
  assertEquals(readEntry("/who"), { type: "who" });
  assertEquals(readEntry("/Clear"), { type: "clear" });
  for (const entered of ["/quit", "exit", "Exit"]) {
    assertEquals(readEntry(entered), { type: "quit" });
  }
});

Deno.test("commands: what is refused is not sent, and says why", () => {
  for (const entered of ["/wave", "/", "/helpme", "/usr/bin/env a b"]) {
    const [name] = entered.split(" ");
    assertEquals(readEntry(entered), {
      type: "refused",
      sentence: `There is no command ${name}, and nothing was sent. /help ` +
        "lists the commands; // at the start sends a slash.",
    });
  }
  for (const entered of ["/me", "/me  "]) {
    assertEquals(readEntry(entered), {
      type: "refused",
      sentence: "/me needs what you do, as in /me waves.",
    });
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
