/**
 * The demo: a broker and two bots in this process, and the prompt of
 * `publisher.ts` in this terminal, as a process that may reach only this broker.
 */

import {
  ListenError,
  type RunningBroker,
  startBroker,
  USERS,
} from "./broker.ts";
import { ChatClient, type Received } from "../client.ts";
import { onEndSignals } from "../terminal/signals.ts";

const TOPIC = "chat/demo";
const USER = "Guest";

/** The pause between two lines of the bots, in milliseconds. */
const PAUSE_MS = 800;

/** What the bots say, once the user is in the room. */
const CONVERSATION: readonly (readonly [name: string, text: string])[] = [
  ["Ada", "Hello! Is this room only an MQTT topic?"],
  ["Grace", "It is. You publish to it, I subscribe to it. 👋"],
  ["Ada", "And if a user sends \x1b[31mterminal codes\x1b[0m?"],
  ["Grace", `They stay text, as you see. ${USER}, your turn: type a line.`],
];

const children = new Set<Deno.ChildProcess>();

/** A bot's connection to the room. */
async function enter(
  { url }: RunningBroker,
  name: string,
  onReceived?: (received: Received) => void,
): Promise<ChatClient> {
  const { password } = USERS.chat;
  const login = { brokers: [url], username: "chat", password };
  const bot = { name, rooms: [TOPIC], onReceived };
  const client = await ChatClient.connect({ ...login, ...bot });
  await client.join([TOPIC]);
  return client;
}

/** The broker on its usual port, or on a free one where that is in use. */
async function openBroker(): Promise<RunningBroker> {
  try {
    return await startBroker({ port: 1883, users: USERS });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    return await startBroker({ users: USERS });
  }
}

/** Starts a script in this terminal or pipe, in the room. */
function script(
  { port }: RunningBroker,
  file: "listener.ts" | "publisher.ts",
  args: string[],
  stdin: "inherit" | "null",
): Deno.ChildProcess {
  const host = `127.0.0.1:${port}`;
  const permissions = ["--no-prompt", `-N=${host}`];
  const path = new URL(`../../${file}`, import.meta.url).href;
  const room = ["--host", host, "--topic", TOPIC, "--name", USER];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...permissions, path, ...room, ...args],
    stdin,
  }).spawn();
  children.add(child);
  child.status.then(() => children.delete(child));
  return child;
}

/** Ends the scripts before the broker, which gets their leave notices. */
async function endAll(signal: Deno.Signal): Promise<void> {
  const ended = [...children].map((child) => child.status);
  for (const child of children) child.kill(signal);
  await Promise.all(ended);
}

/** The bots join the room and talk. */
async function converse(bots: ChatClient[]): Promise<void> {
  for (const bot of bots) await bot.announce();
  for (const [from, text] of CONVERSATION) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await bots.find(({ name }) => name === from)!.say(TOPIC, text);
  }
}

/** Returns the exit code: that of the publisher. */
export async function main(): Promise<number> {
  onEndSignals(async () => {
    await endAll("SIGTERM");
    Deno.exit(130);
  });
  await using broker = await openBroker();
  const userCame = Promise.withResolvers<void>();
  const userSpoke = Promise.withResolvers<void>();
  const ada = await enter(broker, "Ada", ({ payload }) => {
    userCame.resolve();
    if ("from" in payload && payload.from === USER) {
      if (payload.type === "message") userSpoke.resolve();
    }
  });
  const bots = [ada, await enter(broker, "Grace")];
  // The user may leave, and the demo end, before a bot is done.
  const talk = userCame.promise.then(() => converse(bots)).catch(() => {});
  userSpoke.promise.then(() => ada.say(TOPIC, `Nice to meet you, ${USER}!`))
    .catch(() => {});
  console.error(`A broker at ${broker.url}; the room ${TOPIC}:\n`);
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    const prompt = script(broker, "publisher.ts", ["--follow"], "inherit");
    return (await prompt.status).code;
  }
  // A pipe has no prompt: a listener shows the room, then a publisher sends.
  const listener = script(broker, "listener.ts", [], "null");
  await Promise.race([talk, listener.status]);
  const { code } = await script(broker, "publisher.ts", [], "inherit").status;
  await endAll("SIGINT");
  return code;
}

if (import.meta.main) Deno.exit(await main());
