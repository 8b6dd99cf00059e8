#!/usr/bin/env -S deno run --v8-flags=--max-semi-space-size=2 -N
/**
 * Reads chat rooms: connects to an MQTT broker, subscribes, and prints one
 * line for each message until it is told to stop.
 *
 *     deno run -N listener.ts --topic chat/room
 *
 * Messages go to stdout, everything else to stderr; `--help` lists the flags
 * and docs/output.md the exit codes.
 *
 * @module
 */

import { showBroker } from "./lib/mqtt/address.ts";
import { ChatClient, NotAuthorizedError } from "./lib/client.ts";
import { EXIT, WaitedError } from "./lib/cli/exit.ts";
import { type ListenerOptions, parseListenerArgs } from "./lib/cli/options.ts";
import { droppedLine, Reader } from "./lib/room/reader.ts";
import { Ignored } from "./lib/room/ignored.ts";
import { type People, prepare, runScript } from "./lib/cli/script.ts";
import { LineWriter } from "./lib/terminal/output.ts";
import { openStdout } from "./lib/terminal/pipe.ts";
import { Ending, nextEnter, onEndSignals } from "./lib/terminal/signals.ts";
import { HINT_MS, waitFor, within } from "./lib/timer.ts";

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
async function listen(
  options: ListenerOptions,
  people: People,
): Promise<number> {
  const { connect, color } = await prepare(options, people.tell);
  const ending = new Ending();
  const { json } = options;
  const stdout = new LineWriter(
    openStdout(),
    (count) => droppedLine(count, { json, color }),
  );
  const isTerminal = Deno.stdout.isTerminal();
  const reader = new Reader({
    ...options,
    color,
    ignored: new Ignored(options.ignore),
    bell: options.bell && isTerminal,
    // Where lines are to be plain, each event keeps a line of its own.
    gather: color && isTerminal,
    write: (line) => stdout.write(line),
    warn: people.complain,
    onEnough: () => ending.begin(),
  });
  const readable = new Set(options.topics);
  const client = await ChatClient.connect({
    ...connect,
    will: reader.will,
    onReceived: (received) => reader.receive(received),
    onStatus(status) {
      connect.onStatus?.(status);
      reader.onStatus(status);
      if (status.type !== "denied") return;
      readable.delete(status.topic);
      if (readable.size === 0) ending.begin(nothingToRead(options));
    },
  });
  client.lost.then((error) => ending.begin(error));
  stdout.broken.then((error) => ending.begin(error));
  const stopWaiting = waitForEnd(options, people, ending);
  client.join(options.topics, options.qos)
    .then(() => reader.announce(client))
    .catch((error) => ending.begin(error));
  const error = await ending.begun;
  reader.stop();
  await Promise.race([
    leave(options, people, client, reader, stdout),
    ending.hurried,
  ]);
  stopWaiting();
  reader.warnOfUnshown();
  if (error) throw error;
  if (stdout.isBehind) {
    people.complain("The last lines were not written: nobody reads them.");
    return EXIT.failed;
  }
  return reader.isDenied ? EXIT.notAuthorized : EXIT.ok;
}

/** Calls for the end at a signal, at Enter on a terminal, or after `--wait`. */
function waitForEnd(
  { wait, count }: ListenerOptions,
  { tell }: People,
  ending: Ending,
): () => void {
  const stopSignals = onEndSignals(() => {
    // The terminal has shown ^C.
    if (Deno.stderr.isTerminal()) tell("");
    ending.insist();
  });
  const timer = wait === undefined ? undefined : setTimeout(() => {
    const late = `--wait ${wait} has passed before --count ${count}.`;
    ending.begin(count === undefined ? undefined : new WaitedError(late));
  }, wait * 1000);
  // In a pager's pipe the keys are the pager's.
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    nextEnter().then(() => ending.begin());
  }
  return () => {
    clearTimeout(timer);
    stopSignals();
  };
}

/** Takes leave, and has everything written that has come. */
async function leave(
  { timeout }: ListenerOptions,
  { tell }: People,
  client: ChatClient,
  reader: Reader,
  stdout: LineWriter,
): Promise<void> {
  const callOff = waitFor(HINT_MS, () => {
    const broker = showBroker(client.broker);
    tell(
      client.online
        ? `Saying good-bye to ${broker}; Ctrl-C again ends it now.`
        : "Writing what has come; Ctrl-C again ends it now.",
    );
  });
  if (client.online) await within(timeout, reader.leave());
  await client.close();
  await stdout.drained(timeout);
  callOff();
}

/** It is an error when no room may be read, or none any more. */
function nothingToRead({ topics }: ListenerOptions): NotAuthorizedError {
  return new NotAuthorizedError(
    `The broker lets you read none of ${topics.join(", ")}; ask its ` +
      "operator, or use another --username.",
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
