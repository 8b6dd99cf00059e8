/**
 * A person at the prompt of the publisher: what they enter is sent or obeyed,
 * and the room flows above where it is followed.
 *
 * @module
 */

import { bold, dim, red, rgb8 } from "@std/fmt/colors";
import { ChatClient } from "./client.ts";
import { commandHelp, complete, readEntry } from "./commands.ts";
import { Delivery } from "./delivery.ts";
import type { Line } from "./lines.ts";
import { localTime } from "./local_time.ts";
import type { PublisherOptions } from "./options.ts";
import { openPlainPrompt } from "./plain_prompt.ts";
import { type Entry, openPrompt, type Prompt } from "./prompt.ts";
import { Reading } from "./reading.ts";
import { nameColor } from "./render.ts";
import type { Seen } from "./roster.ts";
import { safeName, safeText } from "./safe_text.ts";
import { type People, prepare, within } from "./script.ts";

/** The most people that `/who` names. */
const MAX_LISTED = 50;

/**
 * Holds a conversation; stdin and stdout must be terminals.
 *
 * @param options The room, the name, whether to follow the room.
 * @param people Who is told until the prompt is there.
 * @returns The exit code.
 */
export async function converse(
  options: PublisherOptions,
  people: People,
): Promise<number> {
  const { name, topic, follow, quiet, timeout, qos } = options;
  const screen: { prompt?: Prompt } = {};
  const show = (line: string) =>
    screen.prompt ? screen.prompt.show(line) : people.tell(line);
  const { connect, color, isDumb } = await prepare(options, show);
  const warn = (sentence: string) =>
    show(color ? red(safeText(sentence)) : safeText(sentence));
  const whisper = (line: string) => show(color ? dim(line) : line);
  const reading = new Reading({
    ...options,
    topics: follow ? [topic] : [],
    announce: follow,
    json: false,
    fold: follow,
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
  if (follow) await client.join([topic], qos);
  const names = () =>
    reading.roster.names()
      .filter((other) => other !== name && safeName(other) === other);
  const open = isDumb ? openPlainPrompt : openPrompt;
  const prompt = screen.prompt = await open({
    text: `${safeName(name)}> `,
    paint: (text) => color ? bold(rgb8(text, nameColor(name))) : text,
    // A followed room shows what was sent, as long as it can be read.
    keeps: () => !follow || !client.online || reading.isDenied,
    complete: (before) => complete(before, names()),
    onDropped: (count) => reading.noteDropped(count),
  });
  reading.begin(client);
  const delivery = new Delivery(client, options, warn);
  const lines = messages(prompt.entries, {
    help: () => commandHelp().forEach(whisper),
    who: () => whoLines(reading.roster.list(), options).forEach(whisper),
    clear: () => prompt.clear(),
    refuse: warn,
    send() {
      if (!client.online && !quiet) {
        whisper("No connection; this is sent when there is.");
      }
    },
  });
  await delivery.pour(lines, (isSent) => {
    if (isSent && !follow && !quiet) whisper("✓ sent");
  });
  prompt.close();
  if (client.online) {
    const leaving = within(timeout, reading.leave());
    await Promise.race([leaving, delivery.hurried]);
  }
  reading.stop();
  const code = await delivery.finish();
  await within(timeout, prompt.flushed());
  return code;
}

/** What becomes of entries that are no messages, and a word on those that are. */
interface Handlers {
  help: () => void;
  who: () => void;
  clear: () => void;
  refuse: (sentence: string) => void;
  send: () => void;
}

/** The messages among what is entered, up to the line that says good-bye. */
async function* messages(
  entries: AsyncIterable<Entry>,
  handlers: Handlers,
): AsyncGenerator<Line> {
  for await (const entry of entries) {
    if (entry.type !== "text") {
      yield entry;
      continue;
    }
    const { text, isPasted } = entry;
    const request = isPasted
      ? { type: "send", text } as const
      : readEntry(text);
    switch (request.type) {
      case "quit":
        return;
      case "send":
        if (request.text !== "") handlers.send();
        yield { type: "text", text: request.text };
        break;
      case "refused":
        handlers.refuse(request.sentence);
        break;
      default:
        handlers[request.type]();
    }
  }
}

/** What `/who` answers. */
function whoLines(
  seen: Seen[],
  { follow, name }: PublisherOptions,
): string[] {
  if (!follow) return ["Nobody is seen here without --follow."];
  const lines = seen.slice(0, MAX_LISTED).map((one) => {
    const you = one.name === name ? " (you)" : "";
    const verb = { here: "seen", left: "left", lost: "lost" }[one.state];
    return `  ${safeName(one.name)}${you}, ${verb} ${localTime(one.at)}`;
  });
  const more = seen.length - lines.length;
  return [
    "Seen in this session:",
    ...lines,
    ...more > 0 ? [`  and ${more} more`] : [],
  ];
}
