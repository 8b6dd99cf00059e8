import { assertEquals } from "@std/assert";
import {
  commandHelp,
  complete,
  interpret,
  invitation,
} from "../../lib/cli/commands.ts";
import { parseBroker } from "../../lib/mqtt/address.ts";
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
  for (const type of ["help", "who", "invite", "clear", "reconnect"] as const) {
    assertEquals(interpret(typed(`/${type}`)), { type });
  }
  assertEquals(interpret(typed("/Clear x")), { type: "clear" });
  const taking = ["nick", "key", "join", "ignore", "unignore", "quit"] as const;
  for (const type of taking) {
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
  const me = "/me needs what you do, as in /me waves.";
  const sentences: Record<string, string> = {
    "/nik x": "Unknown command /nik, not sent. Did you mean /nick?",
    "/Jion a": "Unknown command /Jion, not sent. Did you mean /join?",
    "/unig": "Unknown command /unig, not sent. Did you mean /unignore?",
    "/usr/bin/env a b":
      "Unknown command /usr/bin/env, not sent. /help lists the commands; " +
      "//usr/bin/env sends /usr/bin/env.",
    "/": "Unknown command /, not sent. /help lists the commands; // sends /.",
    ...{ "/me": me, "/me  ": me },
  };
  for (const [entered, sentence] of Object.entries(sentences)) {
    assertEquals(interpret(typed(entered)), { type: "refused", sentence });
  }
  // Several rows are a message, whatever it begins with.
  for (const text of ["/quit\n", "//x\ny", "exit\n", " /nick\nx"]) {
    assertEquals(interpret(typed(text)), typed(text));
  }
});

Deno.test("commands: the help names each that is obeyed", () => {
  const rows = commandHelp(true)
    .map((row) => /^ {2}(\S+)( \S+)? +(\S.*)$/.exec(row)!);
  const names = rows.map(([, name]) => name);
  assertEquals(names.slice(-2), ["//text", "Tab"]);
  for (const name of names.slice(0, -2)) {
    const { type } = interpret(typed(`${name} x`));
    assertEquals(type, name === "/me" ? "text" : name.slice(1));
  }
  // One column; without the room, what needs it is left out.
  const columns = rows.map(({ 0: row, 3: help }) => row.length - help.length);
  assertEquals(new Set(columns), new Set([18]));
  const less = rows.filter(([row]) => !commandHelp(false).includes(row));
  assertEquals(
    less.map(([, name]) => name),
    ["/who", "/ignore", "/unignore", "Tab"],
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
  assertEquals(done("hi a", ["Adele", "ADELina"]), "hi Adel");
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

Deno.test("invite: the URL, the command, and what it leaves out", () => {
  const lines = (host: string, username?: string, isSealed = false) => {
    const options = { username, isSealed, isSource: !isSealed };
    return invitation(parseBroker(host), "büro #1", options);
  };
  const room = "b%C3%BCro%20%231";
  assertEquals(lines("mqtt://ann:pw@chat.example", "chat"), [
    `mqtt://chat.example/${room}`,
    "Others join with:",
    `deno run -N=chat.example publisher.ts -f mqtt://chat.example/${room}`,
  ]);
  const others: [lines: string[], ...expected: string[]][] = [
    [
      lines("wss://a:8443/mqtt?token=x", "ann"),
      `deno run -N=a publisher.ts -f wss://a:8443/mqtt#${room} -u USER`,
      "USER is a user of that broker.",
    ],
    [
      lines("127.0.0.1:7"),
      `deno run -N=127.0.0.1 publisher.ts -f mqtt://127.0.0.1:7/${room} ` +
      "--anonymous",
      "127.0.0.1 is this machine; others need its address in the network.",
    ],
    [
      lines("::2", "chat"),
      `deno run '-N=[::2]' publisher.ts -f 'mqtt://[::2]/${room}'`,
    ],
    [
      lines("a", "chat", true),
      `mqtt-chat mqtt://a/${room} --secret`,
      "Give them the secret by another way.",
    ],
  ];
  for (const [[, , ...found], ...expected] of others) {
    assertEquals(found, expected);
  }
});
