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

import { ChatClient, NotAuthorizedError } from "./lib/client.ts";
import { EXIT } from "./lib/exit.ts";
import { type ListenerOptions, parseListenerArgs } from "./lib/options.ts";
import { Reading } from "./lib/reading.ts";
import { complain, prepare, runScript, within } from "./lib/script.ts";
import { LineWriter, nextEnter, onEndSignals } from "./lib/terminal.ts";

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
  const { timeout } = options;
  const { connect, color } = await prepare(options, console.error);
  const end = Promise.withResolvers<Error | void>();
  const stdout: LineWriter = new LineWriter(
    Deno.stdout,
    (count) => reading.noteDropped(count),
  );
  const reading = new Reading({
    ...options,
    color,
    write: (line) => stdout.write(line),
    warn: (sentence) => complain("listener", sentence),
    onEnough: () => end.resolve(),
  });
  const client = await ChatClient.connect({
    ...connect,
    will: reading.will,
    onReceived: (received) => reading.receive(received),
    onStatus(status) {
      connect.onStatus?.(status);
      reading.follow(status);
    },
  });
  const stopWaiting = waitForEnd(options, () => end.resolve());
  client.lost.then(end.resolve);
  stdout.broken.then(() => end.resolve());
  try {
    const joined = join(client, options).then(() => reading.begin(client));
    const ended = joined.then(() => end.promise);
    const error = await Promise.race([ended, end.promise]);
    if (error) throw error;
    if (client.online) await within(timeout, reading.leave());
    return reading.isDenied ? EXIT.notAuthorized : EXIT.ok;
  } finally {
    stopWaiting();
    reading.stop();
    await client.close();
    await within(timeout, stdout.flushed());
  }
}

/** Calls `end` at a signal, at Enter on a terminal, or after `--wait`. */
function waitForEnd({ wait }: ListenerOptions, end: () => void): () => void {
  const stopSignals = onEndSignals(end);
  const timer = wait === undefined ? undefined : setTimeout(end, wait * 1000);
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
