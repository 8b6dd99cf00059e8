/**
 * Takes the pages' pictures: runs the scripts in terminals as a person does, and
 * writes what these show to `listener.svg`, `chat.svg`, `sealed.svg` and
 * `kept.svg` beside this file.
 *
 *     deno task pictures
 *
 * Everything shown has happened, at the time shown. Only the port is another:
 * the room is on an embedded broker on a free port, and the pictures name the
 * usual one.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { startBroker } from "../lib/broker/broker.ts";
import { onEndSignals } from "../lib/terminal/signals.ts";
import { Peer } from "../tests/support/peers.ts";
import { type Size, type Terminal, Tmux } from "../tests/support/tmux.ts";
import { ansiSvg } from "./ansi_svg.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TOPIC = "chat/room";
const USUAL_PORT = 1883;

/** Of the terminals whose picture is taken; rows left empty are cut off. */
const SIZE: Size = { columns: 80, rows: 20 };

/** Of the others; wide, so that nothing looked for there is wrapped. */
const WIDE: Size = { columns: 200, rows: 50 };

/** The exit code of a program ended by Ctrl-C: 128 and the signal's number. */
const INTERRUPTED = 130;

/** The scripts as README.md has them typed. */
const LISTENER = `deno run -N listener.ts --topic ${TOPIC}`;
const PUBLISHER = `deno run -N publisher.ts --topic ${TOPIC}`;

/** A broker, and where terminals for it come from. */
interface Stage {
  tmux: Tmux;
  port: number;
}

/** A text as one word of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Opens a terminal in the project's folder where `deno` is this Deno, and takes
 * more arguments than it was typed with, so that scripts find the broker.
 */
async function openTerminal(
  { tmux, port }: Stage,
  size: Size,
): Promise<Terminal> {
  const deno = `deno() { ${quoted(Deno.execPath())} "$@" --port ${port}; }`;
  return await tmux.open(size, ROOT, `DENO_NO_UPDATE_CHECK=1; ${deno}`);
}

/** What a terminal shows, with the usual port. */
async function captured({ port }: Stage, terminal: Terminal): Promise<string> {
  return (await terminal.capture()).replaceAll(`:${port}`, `:${USUAL_PORT}`);
}

/** Draws what a terminal shows. */
async function draw(
  stage: Stage,
  terminal: Terminal,
  title: string,
): Promise<string> {
  return ansiSvg(await captured(stage, terminal), {
    title,
    columns: SIZE.columns,
    cursor: await terminal.cursor(),
  });
}

/** Ada listens while people, a build and strangers talk. */
async function listenerPicture(stage: Stage): Promise<string> {
  const ada = await openTerminal(stage, SIZE);
  const linus = await openTerminal(stage, WIDE);
  const others = await openTerminal(stage, WIDE);
  await using stranger = await Peer.connect(stage);

  await ada.enter(`${LISTENER} --name Ada`);
  await ada.shows(/User Ada is now subscribed/);
  await linus.enter(`${PUBLISHER} --follow --name Linus`);
  await ada.shows(/User Linus is now subscribed/);

  await others.enter(
    `${PUBLISHER} --name Grace -m 'Hello from the next terminal. 👋'`,
  );
  await ada.shows(/Grace: Hello/);
  await linus.enter("Morning! Ada, is the build green?");
  await ada.shows(/Linus: Morning/);
  await others.enter(
    `printf '212 tests passed\\ndeployed to staging\\n' | ${PUBLISHER} --name build`,
  );
  await ada.shows(/build: deployed/);
  await others.enter(
    `printf '\\\\x1b[2J is how you clear a screen: \\033[2J\\n' | ` +
      `${PUBLISHER} --name mallory`,
  );
  await ada.shows(/mallory: .*<U\+001B>/);
  await stranger.publish(TOPIC, "User chat timed out");
  await ada.shows(/\?\? User chat timed out/);
  await linus.press("C-d");
  await ada.shows(/User Linus disconnecting/);
  await ada.press("C-c");
  await ada.shows(/User Ada disconnecting.*\n\$/);
  return await draw(stage, ada, "MQTT-Chat: listener.ts");
}

/** Grace talks to people and has a text half typed when one of them leaves. */
async function chatPicture(stage: Stage): Promise<string> {
  const grace = await openTerminal(stage, SIZE);
  const linus = await openTerminal(stage, WIDE);
  const ada = await openTerminal(stage, WIDE);

  await grace.enter(`${PUBLISHER} --follow --name Grace`);
  await grace.shows(/User Grace is now subscribed/);
  await ada.enter(`${PUBLISHER} --follow --name Ada`);
  await grace.shows(/User Ada is now subscribed/);
  await linus.enter(`${PUBLISHER} --follow --name Linus`);
  await grace.shows(/User Linus is now subscribed/);

  await linus.enter("東京からおはよう 🌅");
  await grace.shows(/Linus: 東京/);
  await ada.enter("Good morning! Grace, did the release go well?");
  await grace.shows(/Ada: Good morning/);
  await grace.enter("It did: 212 tests passed, and the café is open. 🎉");
  await grace.shows(/Grace: It did/);
  await linus.enter("/me has a train to catch");
  await grace.shows(/Linus: \*has a/);
  await grace.enter("/who");
  await grace.shows(/Ada, seen/);
  await grace.type("Safe travels, Linus");
  await grace.shows(/^Grace> Safe travels, Linus$/m);
  await linus.press("C-d");
  await grace.shows(/User Linus disconnecting[^]*Grace> Safe travels, Linus$/m);
  return await draw(stage, grace, "MQTT-Chat: publisher.ts --follow");
}

/** One room, read by Ada with its secret and by a stranger without it. */
async function sealedPicture(stage: Stage): Promise<string> {
  const ada = await openTerminal(stage, SIZE);
  const stranger = await openTerminal(stage, SIZE);
  const linus = await openTerminal(stage, WIDE);
  const others = await openTerminal(stage, WIDE);

  for (
    const [member, command] of [
      [ada, `${LISTENER} --secret --name Ada`],
      [linus, `${PUBLISHER} --follow --secret --name Linus`],
    ] as const
  ) {
    await member.enter(command);
    await member.shows(/Secret of the room:/);
    await member.enter("six random words, or openssl's");
    await ada.shows(/User (\w+) is now subscribed/);
  }
  await linus.shows(/^Linus> *$/m);
  await stranger.enter(`${LISTENER} --no-announce`);
  await stranger.shows(/^Reading/m);

  await linus.enter("Room 4 is open; the code of its door is 2718.");
  await ada.shows(/Linus: Room 4/);
  await linus.enter("Please don't tell the other course.");
  await ada.shows(/Linus: Please/);
  await linus.enter("/me makes coffee");
  await ada.shows(/Linus: \*makes/);
  await others.enter(
    `${PUBLISHER} --name Linus -m 'The code has changed, it is 1234.'`,
  );
  await ada.shows(/\(unsealed\) Linus: The code/);
  await stranger.shows(/sealed payloads[^]*Linus: The code/);
  const screens = [
    await captured(stage, ada),
    await captured(stage, stranger),
  ].map((screen) => screen.trimEnd());
  return ansiSvg(screens.join(`\n\x1b[2m${"-".repeat(SIZE.columns)}\x1b[m\n`), {
    title: "MQTT-Chat: one room, with its secret and without",
    columns: SIZE.columns,
  });
}

/** Linus comes to a kept room after Ada and Grace have talked. */
async function keptPicture(stage: Stage): Promise<string> {
  const keeper = await openTerminal(stage, WIDE);
  const ada = await openTerminal(stage, WIDE);
  const grace = await openTerminal(stage, WIDE);
  const linus = await openTerminal(stage, SIZE);
  await using seen = await Peer.connect(stage, `${TOPIC}/$history`);

  await keeper.enter(`${LISTENER} --keep 100 --name Keeper`);
  await keeper.shows(/User Keeper is now subscribed/);
  for (const [person, name] of [[ada, "Ada"], [grace, "Grace"]] as const) {
    await person.enter(`${PUBLISHER} --follow --name ${name}`);
    await person.shows(new RegExp(`^${name}> *$`, "m"));
  }
  await ada.enter("The workshop starts in room 4, at half past nine.");
  await grace.shows(/Ada: The workshop/);
  await grace.enter("I bring the adapters. Who has the slides?");
  await ada.shows(/Grace: I bring/);
  await ada.enter("/me uploads them");
  await grace.shows(/Ada: \*uploads/);
  while (!(await seen.next()).text.includes("uploads")) {
    /* not yet written */
  }
  await linus.enter(`${PUBLISHER} --follow --name Linus`);
  await linus.shows(/^Linus> *$/m);
  await linus.shows(/User Linus is now subscribed/);
  await linus.enter("/who");
  await linus.shows(/Grace, seen/);
  await linus.type("Thanks, I have read ");
  await linus.shows(/^Linus> Thanks, I have read/m);
  return await draw(stage, linus, "MQTT-Chat: a room remembers");
}

/** Takes the pictures, then writes them. */
async function takePictures(tmux: Tmux): Promise<void> {
  await using broker = await startBroker();
  const stage = { tmux, port: broker.port };
  const pictures = {
    "listener.svg": await listenerPicture(stage),
    "chat.svg": await chatPicture(stage),
    "sealed.svg": await sealedPicture(stage),
    "kept.svg": await keptPicture(stage),
  };
  for (const [file, svg] of Object.entries(pictures)) {
    await Deno.writeTextFile(new URL(file, import.meta.url), svg);
    console.log(`docs/${file} is written.`);
  }
}

/**
 * The whole task.
 *
 * @returns The exit code: 0, 1 when the pictures could not be taken, or 130
 *   when it was interrupted.
 */
export async function main(): Promise<number> {
  await using tmux = new Tmux(`mqtt-chat-pictures-${Deno.pid}`);
  const interrupted = Promise.withResolvers<number>();
  let isInterrupted = false;
  onEndSignals(() => {
    isInterrupted = true;
    interrupted.resolve(INTERRUPTED);
  });
  const taken = takePictures(tmux).then(() => 0, (error: Error) => {
    // Ctrl-C reaches tmux as well, whose failure is no news.
    if (!isInterrupted) console.error(error.message);
    return isInterrupted ? INTERRUPTED : 1;
  });
  return await Promise.race([taken, interrupted.promise]);
}

if (import.meta.main) Deno.exit(await main());
