/**
 * Takes the pages' pictures (`deno task pictures`): runs the scripts in
 * terminals, and writes what these show to the SVG files beside this file. Only
 * the port is another: the broker is on a free one, the pictures name the usual.
 *
 * @module
 */

import { startBroker } from "../lib/broker/broker.ts";
import { Peer } from "../tests/support/peers.ts";
import { ROOT } from "../tests/support/processes.ts";
import { type Terminal, Tmux } from "../tests/support/tmux.ts";
import { terminalSvg } from "./terminal_svg.ts";

const ROOM = "chat/room";
const COLUMNS = 80;
const LISTENER = `deno run -N listener.ts --topic ${ROOM}`;
const PUBLISHER = `deno run -N publisher.ts --topic ${ROOM}`;

/**
 * The steps of each picture: who types what, and what is then awaited on whose
 * terminal. `+` types without Enter, `!` presses a key, `>` publishes bytes, and
 * `?` waits for a history. The first terminals are drawn, with a cursor if one.
 */
const PICTURES: [
  file: string,
  title: string,
  drawn: string[],
  steps: [who: string, text: string, awaits?: string, where?: string][],
][] = [
  ["listener.svg", "MQTT-Chat: listener.ts", ["ada"], [
    ["ada", `${LISTENER} --name Ada`, "User Ada is now"],
    ["linus", `${PUBLISHER} --follow --name Linus`, "User Linus is now"],
    [
      "build",
      `${PUBLISHER} --name Grace -m 'Hello from the next terminal. 👋'`,
      "Grace: Hello",
    ],
    ["linus", "Morning! Ada, is the build green?", "Linus: Morning"],
    [
      "build",
      `printf '212 tests passed\\ndeployed to staging\\n' | ${PUBLISHER} --name build`,
      "build: deployed",
    ],
    [
      "build",
      `printf '\\\\x1b[2J is how you clear a screen: \\033[2J\\n' | ${PUBLISHER} --name mallory`,
      "<U+001B>",
    ],
    [">", "User chat timed out", "?? User chat timed out"],
    ["linus!", "C-d", "User Linus disconnecting"],
    ["ada!", "C-c", "User Ada disconnecting"],
  ]],
  ["chat.svg", "MQTT-Chat: publisher.ts --follow", ["grace"], [
    ["grace", `${PUBLISHER} --follow --name Grace`, "User Grace is now"],
    ["ada", `${PUBLISHER} --follow --name Ada`, "User Ada is now"],
    ["linus", `${PUBLISHER} --follow --name Linus`, "User Linus is now"],
    ["linus", "東京からおはよう 🌅", "Linus: 東京"],
    ["ada", "Good morning! Grace, did the release go well?", "Ada: Good"],
    [
      "grace",
      "It did: 212 tests passed, and the café is open. 🎉",
      "e: It did",
    ],
    ["linus", "/me has a train to catch", "Linus: *has"],
    ["grace", "/who", "  Ada, "],
    ["grace+", "Safe travels, Linus", "Grace> Safe travels, Linus"],
    ["linus!", "C-d", "User Linus disconnecting"],
  ]],
  ["sealed.svg", "MQTT-Chat: one room, with its secret and without", [
    "ada",
    "stranger",
  ], [
    ["ada", `${LISTENER} --secret --name Ada`, "Secret of the room:"],
    ["ada", "six random words, or openssl's", "User Ada is now"],
    [
      "linus",
      `${PUBLISHER} --follow --secret --name Linus`,
      "Secret of the room:",
      "linus",
    ],
    ["linus", "six random words, or openssl's", "User Linus is now"],
    ["stranger", `${LISTENER} --no-announce`, "Reading", "stranger"],
    ["linus", "Room 4 is open; the code of its door is 2718.", "Linus: Room 4"],
    ["linus", "Please don't tell the other course.", "Linus: Please"],
    ["linus", "/me makes coffee", "Linus: *makes"],
    [
      "build",
      `${PUBLISHER} --name Linus -m 'The code has changed, it is 1234.'`,
      "Linus: The code",
      "stranger",
    ],
  ]],
  ["kept.svg", "MQTT-Chat: a room remembers", ["linus"], [
    ["keeper", `${LISTENER} --keep 100 --name Keeper`, "now sub", "keeper"],
    ["ada", `${PUBLISHER} --follow --name Ada`, "now sub", "ada"],
    ["grace", `${PUBLISHER} --follow --name Grace`, "User Grace", "ada"],
    [
      "ada",
      "The workshop starts in room 4, at half past nine.",
      "Ada: The",
      "grace",
    ],
    ["grace", "I bring the adapters. Who has the slides?", "Grace: I", "ada"],
    ["ada", "/me uploads them", "Ada: *uploads", "grace"],
    ["?", "uploads"],
    ["linus", `${PUBLISHER} --follow --name Linus`, "User Linus is now"],
    ["linus", "/who", "  Grace, "],
    ["linus+", "Thanks, I have read ", "Linus> Thanks, I have read"],
  ]],
];

await using tmux = new Tmux(`mqtt-chat-pictures-${Deno.pid}`);
Deno.addSignalListener("SIGINT", async () => {
  await tmux[Symbol.asyncDispose]();
  Deno.exit(130);
});
for (const [file, title, drawn, steps] of PICTURES) {
  await using broker = await startBroker();
  await using peer = await Peer.connect(broker, `${ROOM}/$history`);
  const deno = `deno() { '${Deno.execPath()}' "$@" --port ${broker.port}; }`;
  const terminals = new Map<string, Terminal>();
  const terminal = async (name: string) => {
    const isDrawn = drawn.includes(name);
    // Wide, so that nothing awaited on the others is wrapped.
    const size = { columns: isDrawn ? COLUMNS : 200, rows: isDrawn ? 20 : 50 };
    const opened = terminals.get(name) ??
      await tmux.open(size, ROOT.pathname, `DENO_NO_UPDATE_CHECK=1; ${deno}`);
    terminals.set(name, opened);
    return opened;
  };
  for (const [who, text, awaits = "", where = drawn[0]] of steps) {
    const name = who.replace(/\W/, "");
    if (who === ">") await peer.publish(ROOM, text);
    else if (who === "?") {
      while (!(await peer.next()).text.includes(text)) { /* not yet */ }
    } else if (who.endsWith("!")) await (await terminal(name)).press(text);
    else if (who.endsWith("+")) await (await terminal(name)).type(text);
    else await (await terminal(name)).enter(text);
    await (await terminal(where)).until(awaits);
  }
  const screens: string[] = [];
  for (const name of drawn) {
    screens.push((await (await terminal(name)).capture()).trimEnd());
  }
  const cursor = drawn.length > 1
    ? undefined
    : await (await terminal(drawn[0])).cursor();
  const screen = screens.join(`\n\x1b[2m${"-".repeat(COLUMNS)}\x1b[m\n`)
    .replaceAll(`:${broker.port}`, ":1883");
  const svg = terminalSvg(screen, title, COLUMNS, cursor);
  await Deno.writeTextFile(new URL(file, import.meta.url), svg);
  console.log(`docs/${file} is written.`);
}
