import { assertEquals } from "@std/assert";
import {
  type Choices,
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
  for (const type of ["nick", "join", "ignore", "unignore"] as const) {
    const asked = (argument: string) => ({ type, argument });
    assertEquals(interpret(typed(`/${type}`)), asked(""));
    assertEquals(interpret(typed(`/${type}  Ada B. `)), asked("Ada B."));
    assertEquals(interpret(typed(`/${type} /x`)), asked("/x"));
  }
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
    nick: (name) => events.push(`nick ${name}`),
    join: (topic) => events.push(`join ${topic}`),
    ignore: (name) => events.push(`ignore ${name}`),
    unignore: (name) => events.push(`unignore ${name}`),
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
  const given = ["/nick I", "/join x/y", "/ignore a b", "/unignore"];
  assertEquals(
    await outcome(given.map(typed)),
    ["nick I", "join x/y", "ignore a b", "unignore "],
  );
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
    "  /help           this list",
    "  /me waves       say what you do: *waves*",
    "  /who            the people seen in this session, and when",
    "  /nick NAME      go by another name",
    "  /join TOPIC     leave this room for another",
    "  /ignore NAME    show nothing of NAME; alone, list whom you ignore",
    "  /unignore NAME  show NAME again",
    "  /clear          clear the screen, as Ctrl-L",
    "  /quit           leave, as exit, Ctrl-D and Ctrl-C",
    "  //text          send /text",
    "  Tab             complete a name or a command",
  ]);
  assertEquals(
    commandHelp(false).filter((line) => /who|ignore|a name/.test(line)),
    [],
  );
});

Deno.test("completion: commands at the start of the line", () => {
  assertEquals(done("/w", []), "/who ");
  assertEquals(done("/W", []), "/who ");
  assertEquals(complete("/", []).candidates, [
    "/help",
    "/me",
    "/who",
    "/nick",
    "/join",
    "/ignore",
    "/unignore",
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

Deno.test("completion: what a command takes, to the end of the line", () => {
  const choices = {
    nick: [],
    ignore: ["Ada B.", '"a: b"'],
    join: ["chat/room", "chat/hall"],
  };
  assertEquals(done("/ignore ad", ["Adam"], choices), "/ignore Ada B.");
  assertEquals(done("/IGNORE  Ada b", [], choices), "/IGNORE  Ada B.");
  assertEquals(done('/ignore "', [], choices), '/ignore "a: b"');
  assertEquals(complete("/ignore ", [], choices).candidates, choices.ignore);
  assertEquals(done("/join ", [], choices), "/join chat/");
  assertEquals(done("/join chat/h", [], choices), "/join chat/hall");
  assertEquals(done("/nick a", ["Ada"], choices), "/nick a");
  assertEquals(done("/me ad", ["Ada"], choices), "/me Ada ");
  assertEquals(done("/toString x", ["xy"], choices), "/toString xy ");
});

/** The text before the cursor after Tab. */
function done(before: string, names: string[], choices?: Choices): string {
  const { remove, insert } = complete(before, names, choices);
  const chars = Array.from(before);
  return chars.slice(0, chars.length - remove).join("") + insert;
}
