import { assertEquals } from "@std/assert";
import {
  commandHelp,
  complete,
  ignore,
  interpret,
  unignore,
} from "../../lib/cli/commands.ts";
import { Ignored } from "../../lib/room/ignored.ts";
import type { Line } from "../../lib/terminal/input.ts";

const typed = (text: string): Line => ({ type: "text", text });

Deno.test("commands: messages and what they become", () => {
  const texts: [string, string][] = [
    ["hello", "hello"],
    ["", ""],
    [" a /help", " a /help"],
    [" //text", "/text"],
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

Deno.test("commands: commands and their arguments", () => {
  assertEquals(interpret(typed("/help")), { type: "help" });
  assertEquals(interpret(typed("/who")), { type: "who" });
  assertEquals(interpret(typed("/Clear")), { type: "clear" });
  for (const type of ["nick", "join", "ignore", "unignore"] as const) {
    const asked = (argument: string) => ({ type, argument });
    assertEquals(interpret(typed(`/${type}`)), asked(""));
    assertEquals(interpret(typed(`/${type}  Ada B. `)), asked("Ada B."));
    assertEquals(interpret(typed(`/${type} /x`)), asked("/x"));
  }
  assertEquals(interpret(typed("  /nick  Ada ")), {
    type: "nick",
    argument: "Ada",
  });
  for (const entered of ["/quit", " /quit ", "exit", "EXIT", " Exit "]) {
    assertEquals(interpret(typed(entered)), { type: "quit", argument: "" });
  }
  assertEquals(interpret(typed("/quit see you ")), {
    type: "quit",
    argument: "see you",
  });
});

Deno.test("commands: an unknown command is not sent, and the nearest is named", () => {
  const sentences: [string, string][] = [
    ["/nik x", "/nik, not sent. Did you mean /nick?"],
    ["/Jion chat/hall", "/Jion, not sent. Did you mean /join?"],
    ["/unig", "/unig, not sent. Did you mean /unignore?"],
    [
      "/usr/bin/env a b",
      "/usr/bin/env, not sent. /help lists the commands; //usr/bin/env sends " +
      "/usr/bin/env.",
    ],
    ["/", "/, not sent. /help lists the commands; // sends /."],
  ];
  for (const [entered, end] of sentences) {
    const sentence = `Unknown command ${end}`;
    assertEquals(interpret(typed(entered)), { type: "refused", sentence });
  }
  for (const entered of ["/me", "/me  "]) {
    assertEquals(interpret(typed(entered)), {
      type: "refused",
      sentence: "/me needs what you do, as in /me waves.",
    });
  }
});

Deno.test("commands: several rows are a message, whatever it begins with", () => {
  for (const text of ["/quit\n", "//x\ny", "exit\n", " /nick\nx"]) {
    assertEquals(interpret(typed(text)), typed(text));
  }
});

Deno.test("commands: the help names each that is obeyed", () => {
  assertEquals(commandHelp(true), [
    "  /help           this list",
    "  /me waves       say what you do: *waves*",
    "  /who            members seen in this session, and who answers",
    "  /nick NAME      change your name",
    "  /key NAME       the key of NAME, for --people; alone, yours",
    "  /join TOPIC     leave this room for another",
    "  /ignore NAME    hide the lines of NAME; alone, list such names",
    "  /unignore NAME  show NAME again",
    "  /clear          clear the screen, as Ctrl-L",
    "  /reconnect      try to connect now, without a wait",
    "  /quit TEXT      leave, as exit, Ctrl-D and Ctrl-C; TEXT is sent first",
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
    "/key",
    "/join",
    "/ignore",
    "/unignore",
    "/clear",
    "/reconnect",
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
function done(
  before: string,
  names: string[],
  choices?: Parameters<typeof complete>[2],
): string {
  const { remove, insert } = complete(before, names, choices);
  const chars = Array.from(before);
  return chars.slice(0, chars.length - remove).join("") + insert;
}

Deno.test("ignore: a name is put on the list, once, and taken off", () => {
  const ignored = new Ignored();
  const seen = ["Bob", "a: b"];
  assertEquals(ignore("Bob", "Ada", ignored, seen), [
    "Lines of Bob are hidden; /unignore Bob shows them.",
  ]);
  assertEquals(ignore('"a: b"', "Ada", ignored, seen), [
    'Lines of "a: b" are hidden; /unignore "a: b" shows them.',
  ]);
  assertEquals(ignore("Bob", "Ada", ignored, seen), [
    "Bob is ignored already.",
  ]);
  assertEquals(ignore("", "Ada", ignored, seen), ['Ignored: Bob, "a: b".']);
  assertEquals(unignore("", ignored), [
    '/unignore needs a name. Ignored: Bob, "a: b".',
  ]);
  assertEquals(unignore("Bob", ignored), ["Bob is shown again."]);
  assertEquals(unignore("bob", ignored), ["bob is not ignored."]);
  assertEquals(unignore('"a: b"', ignored), ['"a: b" is shown again.']);
  assertEquals(ignore("", "Ada", ignored, seen), [
    "No name is ignored; /ignore NAME hides the lines of NAME.",
  ]);
});

Deno.test("ignore: the user's own name is refused, quoted or not", () => {
  const ignored = new Ignored();
  assertEquals(ignore("Ada", "Ada", ignored, []), [
    "You can't ignore yourself.",
  ]);
  assertEquals(ignore('"a: b"', "a: b", ignored, []), [
    "You can't ignore yourself.",
  ]);
  assertEquals(ignored.list(), []);
});

Deno.test("ignore: answers are safe to print", () => {
  const ignored = new Ignored();
  const answers = ["a\x1b[2J", '"\x1b[2J'].flatMap((name) => [
    ...ignore(name, "bob", ignored, ["A\x1b[2J"]),
    ...ignore(name, "bob", ignored, []),
    ...unignore(name, ignored),
  ]);
  // deno-lint-ignore no-control-regex -- finding them is the test
  assertEquals(answers.filter((line) => /[\x00-\x1f]/.test(line)), []);
});
