#!/usr/bin/env -S deno run -N
/**
 * Writes to a chat room: sends one message, every line of a pipe, or what is
 * typed at a prompt, and says what was not delivered.
 *
 *     deno run -N publisher.ts --topic chat/room
 *
 * `--help` lists the flags and README.md the exit codes.
 *
 * @module
 */

import { dim, red } from "@std/fmt/colors";
import { ChatClient } from "./lib/client.ts";
import { Delivery, type LineSource } from "./lib/delivery.ts";
import { type Line, readLines } from "./lib/lines.ts";
import { parsePublisherArgs, type PublisherOptions } from "./lib/options.ts";
import { MAX_PAYLOAD_BYTES } from "./lib/protocol.ts";
import { Reading } from "./lib/reading.ts";
import { safeName, safeText } from "./lib/safe_text.ts";
import { type People, prepare, runScript, within } from "./lib/script.ts";
import { openPrompt, type Prompt } from "./lib/terminal.ts";
import { UsageError } from "./lib/values.ts";

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
    return await converse(options, people);
  }
  if (follow) {
    throw new UsageError("--follow needs a terminal to show the room on.");
  }
  const lines = readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES);
  return await sendAll(options, people, lines);
}

/** Sends every line of a pipe, or the one of `--message`. */
async function sendAll(
  options: PublisherOptions,
  { tell, complain }: People,
  lines: LineSource,
): Promise<number> {
  const { connect } = await prepare(options, tell, "terse");
  const client = await ChatClient.connect(connect);
  const delivery = new Delivery(client, options, complain);
  // What may not be written now may not be written a line later either.
  await delivery.pour(lines, () => delivery.isDenied && delivery.stop());
  return await delivery.finish();
}

/** Sends what is typed at a prompt, under the room where it is followed. */
async function converse(
  options: PublisherOptions,
  people: People,
): Promise<number> {
  const { name, topic, follow, quiet, timeout } = options;
  const screen: { prompt?: Prompt } = {};
  const show = (line: string) =>
    screen.prompt ? screen.prompt.show(line) : people.tell(line);
  const { connect, color } = await prepare(options, show);
  const warn = (sentence: string) =>
    show(color ? red(safeText(sentence)) : safeText(sentence));
  const reading = new Reading({
    ...options,
    topics: follow ? [topic] : [],
    announce: follow,
    json: false,
    showTopic: false,
    color,
    write: show,
    warn,
  });
  const client = await ChatClient.connect({
    ...connect,
    will: reading.will,
    onReceived: (received) => reading.receive(received),
    onStatus(status) {
      connect.onStatus?.(status);
      if (follow) reading.follow(status);
    },
  });
  if (follow) await client.join([topic], options.qos);
  const prompt = screen.prompt = await openPrompt(`${safeName(name)}> `);
  reading.begin(client);
  const delivery = new Delivery(client, options, warn);
  const whisper = (line: string) => {
    if (!quiet) show(color ? dim(line) : line);
  };
  const lines = onEach(untilFarewell(prompt.lines), () => {
    if (!client.online) whisper("No connection; this is sent when there is.");
  });
  await delivery.pour(lines, (isSent) => {
    // A followed room confirms what was sent by showing it.
    if (isSent && !follow) whisper("✓ sent");
  });
  prompt.close();
  if (client.online) {
    const leaving = within(timeout, reading.leave());
    await Promise.race([leaving, delivery.hurried]);
  }
  reading.stop();
  return await delivery.finish();
}

/** Passes values on, and tells of each. */
async function* onEach<T>(
  values: AsyncIterable<T>,
  tell: () => void,
): AsyncGenerator<T> {
  for await (const value of values) {
    tell();
    yield value;
  }
}

/** The typed lines, up to the one that says good-bye. */
async function* untilFarewell(
  texts: AsyncIterable<string>,
): AsyncGenerator<Line> {
  for await (const text of texts) {
    if (text === "exit" || text === "Exit") return;
    yield { type: "text", text };
  }
}
if (import.meta.main) Deno.exit(await main(Deno.args));
