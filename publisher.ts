#!/usr/bin/env -S deno run --v8-flags=--max-semi-space-size=2 -N
/**
 * Writes to a chat room: sends one message, every line of a pipe, or what is
 * typed at a prompt, and says what was not delivered.
 *
 *     deno run -N publisher.ts --topic chat/room
 *
 * `--help` lists the flags and docs/output.md the exit codes.
 *
 * @module
 */

import { ChatClient } from "./lib/client.ts";
import { Delivery } from "./lib/cli/delivery.ts";
import { type Line, readLines } from "./lib/terminal/input.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "./lib/cli/options.ts";
import { MAX_PAYLOAD_BYTES } from "./lib/protocol.ts";
import { type People, prepare, runScript } from "./lib/cli/script.ts";
import { UsageError } from "./lib/cli/flags.ts";

/**
 * The whole program.
 *
 * @param args As in `Deno.args`.
 * @returns The exit code.
 */
export function main(args: string[]): Promise<number> {
  return runScript("publisher", args, parsePublisherArgs, publish);
}

/** Chooses where the lines come from. */
async function publish(
  options: PublisherOptions,
  people: People,
): Promise<number> {
  const { message, follow } = options;
  if (message !== undefined) {
    return await sendAll(options, people, [{ type: "text", text: message }]);
  }
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    // Loaded here, since pipes don't need it.
    const { chat } = await import("./lib/cli/chat.ts");
    return await chat(options, people);
  }
  if (follow) {
    throw new UsageError(
      "--follow needs a terminal for stdin and stdout; leave it out in a pipe.",
    );
  }
  const lines = readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES);
  return await sendAll(options, people, lines);
}

/** Sends every line of a pipe, or the one of `--message`. */
async function sendAll(
  options: PublisherOptions,
  { tell, complain }: People,
  lines: Iterable<Line> | AsyncIterable<Line>,
): Promise<number> {
  const { connect } = await prepare(options, tell, "terse");
  const client = await ChatClient.connect(connect);
  const delivery = new Delivery(client, options, complain);
  await delivery.pour(lines);
  return await delivery.finish();
}

if (import.meta.main) Deno.exit(await main(Deno.args));
