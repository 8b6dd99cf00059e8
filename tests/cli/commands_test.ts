import { assertEquals } from "@std/assert";
import {
  commandHelp,
  complete,
  ignore,
  interpret,
  invitation,
  unignore,
} from "../../lib/cli/commands.ts";
import { parseBroker } from "../../lib/mqtt/address.ts";
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
  assertEquals(interpret(typed("/invite")), { type: "invite" });
  assertEquals(interpret(typed("/Clear")), { type: "clear" });
  for (const type of ["nick", "join", "ignore", "unignore", "quit"] as const) {
    const asked = (argument: string) => ({ type, argument });
    assertEquals(interpret(typed(`/${type}`)), asked(""));
    assertEquals(interpret(typed(` /${type}  Ada B. `)), asked("Ada B."));
    assertEquals(interpret(typed(`/${type} /x`)), asked("/x"));
  }
  for (const entered of ["/quit", " /quit ", "exit", "EXIT", " Exit "]) {
    assertEquals(interpret(typed(entered)), { type: "quit", argument: "" });
  }
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
  const sentence = "/me needs what you do, as in /me waves.";
  for (const entered of ["/me", "/me  "]) {
    assertEquals(interpret(typed(entered)), { type: "refused", sentence });
  }
  // Several rows are a message, whatever it begins with.
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
    "  /invite         the room's URL, and what others type to join",
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

/** A row of the tables: what is typed, and what Tab makes of it. */
type Completed = [before: string, after: string];

Deno.test("completion: commands, and names as an address or in a sentence", () => {
  const names = ["Ada", "Grace Hopper", "Adele", "Ödön", "👩‍👩‍👧x"];
  const cases: Completed[] = [
    ["/w", "/who "],
    ["/W", "/who "],
    ["a /w", "a /w"],
    ["/me /w", "/me /w"],
    ["/x", "/x"],
    ["G", "Grace Hopper: "],
    ["hi g", "hi Grace Hopper "],
    ["hi Grace H", "hi Grace Hopper "],
    ["ada", "Ada: "],
    ["öd", "Ödön: "],
    ["👩‍👩", "👩‍👩‍👧x: "],
    ["hi a", "hi Ad"],
  ];
  for (const [before, after] of cases) assertEquals(done(before, names), after);
  for (const text of ["", " ", "hi ", "x", "hi x"]) {
    assertEquals(complete(text, names), {
      remove: 0,
      insert: "",
      candidates: [],
    });
  }
});

Deno.test("completion: several that agree no further are listed", () => {
  const names = ["Ada", "Adele", "ADIL"];
  assertEquals(complete("hi ad", names), {
    remove: 2,
    insert: "ad",
    candidates: names,
  });
  const many = Array.from({ length: 100 }, (_, i) => `user${i}`);
  assertEquals(complete("user", many).candidates.length, 24);
  assertEquals(
    complete("/", []).candidates,
    commandHelp(true).flatMap((line) => line.match(/^ {2}(\/\w+)/)?.[1] ?? []),
  );
});

Deno.test("completion: what a command takes, to the end of the line", () => {
  const names = ["Adam", "xy"];
  const choices = {
    nick: [],
    ignore: ["Ada B.", '"a: b"'],
    join: ["chat/room", "chat/hall"],
  };
  const cases: Completed[] = [
    ["/ignore ad", "/ignore Ada B."],
    ["/IGNORE  Ada b", "/IGNORE  Ada B."],
    ['/ignore "', '/ignore "a: b"'],
    ["/join ", "/join chat/"],
    ["/join chat/h", "/join chat/hall"],
    ["/nick a", "/nick a"],
    ["/me ad", "/me Adam "],
    ["/toString x", "/toString xy "],
  ];
  for (const [before, after] of cases) {
    assertEquals(done(before, names, choices), after);
  }
  assertEquals(complete("/ignore ", [], choices).candidates, choices.ignore);
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
  const asked = (name: string) => ignore(name, "Ada", ignored, ["Bob", "a: b"]);
  const none = "No name is ignored; /ignore NAME hides the lines of NAME.";
  const answers: [answer: string[], expected: string][] = [
    [asked("Ada"), "You can't ignore yourself."],
    [ignore('"a: b"', "a: b", ignored, []), "You can't ignore yourself."],
    [asked(""), none],
    [asked("Bob"), "Lines of Bob are hidden; /unignore Bob shows them."],
    [
      asked('"a: b"'),
      'Lines of "a: b" are hidden; /unignore "a: b" shows them.',
    ],
    [asked("Bob"), "Bob is ignored already."],
    [asked(""), 'Ignored: Bob, "a: b".'],
    [
      unignore("", ignored),
      '/unignore needs a name. Ignored: Bob, "a: b".',
    ],
    [unignore("Bob", ignored), "Bob is shown again."],
    [unignore("bob", ignored), "bob is not ignored."],
    [unignore('"a: b"', ignored), '"a: b" is shown again.'],
    [asked(""), none],
  ];
  for (const [answer, expected] of answers) assertEquals(answer, [expected]);
  assertEquals(
    ignore("Cy", "Ada", ignored, ["Bob"])[1],
    "No member of exactly this name was seen.",
  );
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

Deno.test("invite: the URL, the command, and what it leaves out", () => {
  const invite = (host: string, room: string, username?: string) =>
    invitation(parseBroker(host), room, {
      username,
      isSealed: false,
      isSource: true,
    });
  const command = (net: string, rest: string) =>
    `deno run -N=${net} publisher.ts -f ${rest}`;
  assertEquals(invite("mqtt://ann:pw@chat.example", "chat/büro #1", "chat"), [
    "mqtt://chat.example/chat/b%C3%BCro%20%231",
    "Others join with:",
    command("chat.example", "mqtt://chat.example/chat/b%C3%BCro%20%231"),
  ]);
  assertEquals(invite("wss://a:8443/mqtt?token=x", "a", "ann").slice(2), [
    command("a", "wss://a:8443/mqtt#a -u USER"),
    "USER is a user of that broker.",
  ]);
  assertEquals(invite("127.0.0.1:7", "a").slice(2), [
    command("127.0.0.1", "mqtt://127.0.0.1:7/a --anonymous"),
    "127.0.0.1 is this machine; others need its address in the network.",
  ]);
  const [, , quoted] = invite("::2", "a", "chat");
  assertEquals(
    quoted,
    "deno run '-N=[::2]' publisher.ts -f 'mqtt://[::2]/a'",
  );
  const options = { username: "chat", isSealed: true, isSource: false };
  assertEquals(invitation(parseBroker("a"), "a", options).slice(2), [
    "mqtt-chat mqtt://a/a --secret",
    "Give them the secret by another way.",
  ]);
});
