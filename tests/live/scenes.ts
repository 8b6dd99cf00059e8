/** What every broker is to give: queues, histories, and who is in a room. */

import { assertEquals, assertMatch } from "@std/assert";
import { at, hostOf, TOPIC } from "../support/brokers.ts";
import { Chatter } from "../support/chats.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { type Arrival, objectsOf, Peer } from "../support/peers.ts";
import { listening, type Process, run, start } from "../support/processes.ts";

interface Broker {
  port: number;
}

/** Every so many runs, one is killed. */
const KILLED = 5;

/** The time within which it is killed: a run takes about as long. */
const KILLED_WITHIN_MS = 500;

/**
 * Queues numbers for a reader, and has one run show each: with --resume a
 * message is acknowledged when its line is written, so that runs of which some
 * are killed show all of it in order.
 */
export async function showQueue(
  broker: Broker,
  count: number,
  ...flags: string[]
): Promise<void> {
  const room = ["-h", hostOf(broker), "-t", "chat/queue", ...flags];
  const reader = [...room, "-c", "-i", "reader", "--no-announce"];
  const first = await run("listener.ts", [...reader, "-W", "0.1"]);
  assertEquals([first.code, first.stdout], [0, ""], first.stderr);
  await send(room, upTo(count));
  let last = 0;
  let wasKilled = false;
  for (let runs = 1; last < count; runs++) {
    await using listener = start("listener.ts", [...reader, "-C", "1"]);
    const isKilled = runs % KILLED === 0;
    const kill = () => listener.signal("SIGKILL");
    const timer = isKilled
      ? setTimeout(kill, Math.random() * KILLED_WITHIN_MS)
      : undefined;
    const { code, stdout, stderr } = await listener.outcome();
    clearTimeout(timer);
    const numbers = numbersIn(stdout);
    // A line that was written before the kill may come again.
    const isAgain = wasKilled && `${numbers}` === `${last}`;
    wasKilled = isKilled;
    if (isAgain || isKilled && numbers.length === 0) continue;
    assertEquals([code === 0 || isKilled, numbers], [true, [++last]], stderr);
  }
}

/** Ends a script in good order. */
export async function end(process: Process) {
  const outcome = await process.stop();
  assertEquals(outcome.code, 0, outcome.stderr);
  return outcome;
}

export const HISTORY = `${TOPIC}/$history`;
export const LINES = upTo(12).map(String);

/** The texts of the messages of a history, oldest first. */
export function textsOf({ text }: Arrival): string[] {
  const { messages = [] } = JSON.parse(text || "{}");
  return messages.flatMap(({ message = [] }) => message);
}

/** Waits for a history that has a text; returns all of its texts. */
export async function kept(peer: Peer, text: string): Promise<string[]> {
  for (;;) {
    const texts = textsOf(await peer.next());
    if (texts.includes(text)) return texts;
  }
}

/** Fails unless a newcomer is shown the last ten of twelve messages. */
export async function assertShown(
  broker: Broker,
  ...flags: string[]
): Promise<void> {
  const args = at(broker, "--history", "10", "--json", ...flags);
  await using reader = await listen(args);
  await reader.stdout.line(/"text":"12".*"history":true/);
  const shown = objectsOf(await end(reader))
    .filter(({ history }) => history === true)
    .map(({ text, from }) => [text, from]);
  assertEquals(shown, LINES.slice(-10).map((text) => [text, "chat"]));
}

/** A keeper keeps what a user says; both leave before a reader comes. */
export async function keepAndRead(
  broker: Broker,
  ...flags: string[]
): Promise<void> {
  await using peer = await Peer.connect(broker, HISTORY);
  await using keeper = await listen(at(broker, "--keep", "50", ...flags));
  await send(at(broker, ...flags), LINES);
  assertEquals(await kept(peer, "12"), LINES);
  await end(keeper);
  await assertShown(broker, ...flags);
}

export const isAnswer = (line: string) => / answered: /.test(line);

/** A newcomer hears of two listeners; a wildcard shows nothing of that. */
export async function askAndAnswer(
  broker: Broker,
  ...flags: string[]
): Promise<void> {
  await using ada = await listening(at(broker, "-n", "Ada", ...flags));
  await using bob = await listening(at(broker, "-n", "Bob", ...flags));
  // A user of all brokers who may do all; the prompt is `chat`.
  const server = ["-u", "Server", "-P", "admin", "-t", "chat/#", ...flags];
  const keep = ["-h", hostOf(broker), ...server, "--keep", "9"];
  await using wildcard = await listen(keep);
  await using ann = await Chatter.followLive(broker, ...flags);
  let line: string;
  do {
    ann.enter("/who");
    line = await ann.screen.next(isAnswer);
    // A broker may take a moment to subscribe a member.
  } while (!line.startsWith("2 "));
  const key = "\\(key [\\dA-F]{4} [\\dA-F]{4}\\)";
  assertMatch(line, new RegExp(`^2 answered: \\w+ ${key}, \\w+ ${key}$`));
  assertEquals(line.match(/Ada|Bob/g)!.sort(), ["Ada", "Bob"]);
  ann.enter("end");
  for (const process of [ada, bob, wildcard]) {
    await process.stdout.line(/ann: end$/);
    assertEquals(process.stdout.soFar.match(/\?\?|==|who/g), null);
  }
  const { stderr } = await end(wildcard);
  assertEquals(stderr.match(/\$who/g), null);
}
