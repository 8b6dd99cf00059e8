#!/usr/bin/env -S deno run -N
/**
 * Reads chat rooms: connects to an MQTT broker, subscribes, and prints one
 * line for each message until it is told to stop.
 *
 *     deno run -N listener.ts --topic chat/room
 *
 * Messages go to stdout, everything else to stderr; `--help` lists the flags
 * and README.md the exit codes.
 *
 * @module
 */

import { ChatClient, NotAuthorizedError, type Status } from "./lib/client.ts";
import { EXIT } from "./lib/exit.ts";
import { type ListenerOptions, parseListenerArgs } from "./lib/options.ts";
import { Presence } from "./lib/presence.ts";
import type { Received } from "./lib/protocol.ts";
import { renderJson, renderLine } from "./lib/render.ts";
import { complain, prepare, runScript, within } from "./lib/script.ts";
import { LineWriter, nextEnter, onEndSignals } from "./lib/terminal.ts";
import { isOneTopic } from "./lib/topic.ts";

/**
 * The whole program.
 *
 * @param args As in `Deno.args`.
 * @returns The exit code.
 */
export function main(args: string[]): Promise<number> {
  return runScript("listener", args, parseListenerArgs, listen);
}

/** Connects, reads until the end, leaves. */
async function listen(options: ListenerOptions): Promise<number> {
  const { name, qos, timeout } = options;
  const { connect, color } = await prepare(options, console.error);
  const rooms = options.announce ? options.topics.filter(isOneTopic) : [];
  const presence = new Presence({ name, rooms, qos });
  const end = Promise.withResolvers<Error | void>();
  const stdout = new LineWriter(Deno.stdout);
  const client = await ChatClient.connect({
    ...connect,
    will: presence.will,
    onReceived: printer(options, color, stdout, presence, end.resolve),
    onStatus(status: Status) {
      connect.onStatus?.(status);
      // The broker told the room that we were lost.
      if (status.type === "connected" && status.gap) announce();
    },
  });
  const announce = () =>
    presence.join(client).catch((error) =>
      complain("listener", `Nobody sees you join: ${error.message}`)
    );
  const stopWaiting = waitForEnd(options, end.resolve);
  client.lost.then(end.resolve);
  stdout.broken.then(() => end.resolve());
  try {
    const joined = join(client, options).then(announce);
    const error = await Promise.race([
      joined.then(() => end.promise),
      end.promise,
    ]);
    if (error) throw error;
    if (client.online) await within(timeout, presence.leave(client));
    return EXIT.ok;
  } finally {
    stopWaiting();
    await client.close();
    await stdout.flushed();
  }
}

/** Makes the function that prints what arrives, and ends after `--count`. */
function printer(
  { json, showTopic, name, count = Infinity }: ListenerOptions,
  color: boolean,
  stdout: LineWriter,
  presence: Presence,
  end: () => void,
): (received: Received) => void {
  const view = { color, showTopic, self: name };
  let shown = 0;
  return (received) => {
    if (shown >= count) return;
    stdout.write(json ? renderJson(received) : renderLine(received, view));
    if (!presence.isOwn(received) && ++shown >= count) end();
  };
}

/** Calls `end` at a signal, at Enter on a terminal, or after `--wait`. */
function waitForEnd({ wait }: ListenerOptions, end: () => void): () => void {
  const stopSignals = onEndSignals(end);
  const timer = wait === undefined ? 0 : setTimeout(end, wait * 1000);
  if (Deno.stdin.isTerminal()) nextEnter().then(end);
  return () => {
    clearTimeout(timer);
    stopSignals();
  };
}

/** Subscribes; it is an error when no room may be read. */
async function join(
  client: ChatClient,
  { topics, qos }: ListenerOptions,
): Promise<void> {
  const grants = await client.join(topics, qos);
  const isDenied = grants.length > 0 &&
    grants.every((grant) => grant.qos === undefined);
  if (!isDenied) return;
  throw new NotAuthorizedError(
    `The broker lets you read none of ${topics.join(", ")}; ask its ` +
      "operator, or use another --username.",
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
