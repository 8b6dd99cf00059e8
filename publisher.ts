#!/usr/bin/env -S deno run --v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy -N
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

import "./lib/cli/no_color.ts"; // first: @std/fmt reads NO_COLOR on loading
import { ChatClient } from "./lib/client.ts";
import { Delivery } from "./lib/cli/delivery.ts";
import {
  type Line,
  readLines,
  readWhole,
  stdinBytes,
} from "./lib/terminal/input.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "./lib/cli/options.ts";
import { MAX_PAYLOAD_BYTES } from "./lib/protocol.ts";
import { type People, prepare, runScript } from "./lib/cli/script.ts";
import { UsageError } from "./lib/cli/flags.ts";

/**
 * Runs the publisher with `Deno.args`, perhaps under another name; returns the
 * exit code.
 */
export function main(args: string[], name?: string): Promise<number> {
  return runScript(
    "publisher",
    args,
    parsePublisherArgs,
    (options, people) => publish(options, people, name),
    name,
  );
}

/** Chooses where the lines come from. */
async function publish(
  options: PublisherOptions,
  people: People,
  name?: string,
): Promise<number> {
  const { message, stdinFile, follow } = options;
  if (message !== undefined) {
    return await sendAll(options, people, [{ type: "text", text: message }]);
  }
  if (stdinFile) {
    const whole = await readWhole(stdinBytes(), MAX_PAYLOAD_BYTES)
      .catch((error) => {
        throw new Error(`Reading stdin failed: ${error.message}.`);
      });
    if (whole.type === "text" && whole.text === "") {
      throw new UsageError("stdin is empty; --stdin-file sends what it has.");
    }
    return await sendAll(options, people, [whole]);
  }
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    // Loaded here, since pipes don't need it.
    const { chat } = await import("./lib/cli/chat.ts");
    return await chat(options, people);
  }
  if (follow) {
    throw new UsageError(
      name === "mqtt-chat"
        ? "stdin and stdout have to be a terminal; mqtt-publisher takes a pipe."
        : "--follow needs a terminal for stdin and stdout; leave it out in a " +
          "pipe.",
    );
  }
  const lines = readLines(stdinBytes(), MAX_PAYLOAD_BYTES);
  return await sendAll(options, people, lines);
}

/** Sends every line of a pipe, or the only message. */
async function sendAll(
  options: PublisherOptions,
  people: People,
  lines: Iterable<Line> | AsyncIterable<Line>,
): Promise<number> {
  const { connect } = await prepare(options, people.tell, "terse");
  const client = await ChatClient.connect(connect);
  const delivery = new Delivery(client, options, people.complain);
  const isOne = options.message !== undefined || options.stdinFile;
  if (!isOne && !options.quiet && Deno.stderr.isTerminal()) {
    delivery.showProgress(people);
  }
  await delivery.pour(lines);
  return await delivery.finish();
}

if (import.meta.main) Deno.exit(await main(Deno.args));
