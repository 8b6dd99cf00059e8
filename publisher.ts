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
import { Presence } from "./lib/presence.ts";
import { MAX_PAYLOAD_BYTES } from "./lib/protocol.ts";
import { renderLine, safeName, safeText } from "./lib/render.ts";
import { complain, prepare, runScript, within } from "./lib/script.ts";
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
async function publish(options: PublisherOptions): Promise<number> {
  const { message, follow } = options;
  if (message !== undefined) {
    return await sendAll(options, [{ type: "text", text: message }]);
  }
  if (Deno.stdin.isTerminal()) return await converse(options);
  if (follow) {
    throw new UsageError("--follow needs a terminal to show the room on.");
  }
  const lines = readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES);
  return await sendAll(options, lines);
}

/** Sends every line of a pipe, or the one of `--message`. */
async function sendAll(
  options: PublisherOptions,
  lines: LineSource,
): Promise<number> {
  const { connect } = await prepare(options, console.error, "terse");
  const client = await ChatClient.connect(connect);
  const delivery = new Delivery(
    client,
    options,
    (sentence) => complain("publisher", sentence),
  );
  // What may not be written now may not be written a line later either.
  await delivery.pour(lines, () => delivery.isDenied && delivery.stop());
  return await delivery.finish();
}

/** Sends what is typed at a prompt, under the room where it is followed. */
async function converse(options: PublisherOptions): Promise<number> {
  const { name, topic, qos, follow, timeout } = options;
  const screen: { prompt?: Prompt } = {};
  const show = (line: string) =>
    screen.prompt ? screen.prompt.show(line) : console.error(line);
  const { connect, color } = await prepare(options, show);
  const warn = (sentence: string) =>
    show(color ? red(safeText(sentence)) : safeText(sentence));
  const rooms = follow ? [topic] : [];
  const presence = new Presence({ name, rooms, qos });
  const view = { color, showTopic: false, self: name };
  const client = await ChatClient.connect({
    ...connect,
    will: presence.will,
    onReceived: (received) => show(renderLine(received, view)),
  });
  if (follow) {
    await client.join(rooms, qos);
    presence.join(client).catch((error) => warn(error.message));
  }
  const prompt = screen.prompt = await openPrompt(`${safeName(name)}> `);
  const delivery = new Delivery(client, options, warn);
  await delivery.pour(untilFarewell(prompt.lines), (isSent) => {
    // A followed room confirms what was sent by showing it.
    if (isSent && !follow) show(color ? dim("✓ sent") : "✓ sent");
  });
  prompt.close();
  if (client.online) await within(timeout, presence.leave(client));
  return await delivery.finish();
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
