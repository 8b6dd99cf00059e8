/**
 * A person at the prompt of the publisher: what they enter is sent, and the
 * room flows above where it is followed.
 *
 * @module
 */

import { dim, red } from "@std/fmt/colors";
import { ChatClient } from "../client.ts";
import { commandHelp, complete } from "./commands.ts";
import { DEFAULTS } from "../defaults.ts";
import { Delivery } from "./delivery.ts";
import { messages } from "./entries.ts";
import { EXIT } from "./exit.ts";
import type { Line } from "../terminal/input.ts";
import type { PublisherOptions } from "./options.ts";
import { openPlainPrompt } from "../terminal/plain_prompt.ts";
import { openPrompt, type Prompt } from "../terminal/prompt.ts";
import { droppedLine, Reader } from "../room/reader.ts";
import { paintName } from "../room/color.ts";
import { whoLines } from "../room/roster.ts";
import { safeName, safeText } from "../safe_text.ts";
import { type People, prepare, type Setting } from "./script.ts";
import { HINT_MS, waitFor, within } from "../timer.ts";

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
  const opened: { prompt?: Prompt } = {};
  const show = (line: string) =>
    opened.prompt ? opened.prompt.show(line) : people.tell(line);
  const setting = await prepare(options, show);
  const conversation = new Conversation(options, setting, show);
  await conversation.connect();
  opened.prompt = await conversation.openPrompt();
  const code = await conversation.hold(opened.prompt);
  await within(options.timeout, opened.prompt.flushed());
  return code;
}

/** One conversation, from the connection to the good-bye. */
class Conversation {
  readonly #options: PublisherOptions;
  readonly #setting: Setting;
  readonly #show: (line: string) => void;
  readonly #reading: Reader;
  #client!: ChatClient;
  /** Whether this outage was mentioned. */
  #isOutageKnown = false;

  constructor(
    options: PublisherOptions,
    setting: Setting,
    show: (line: string) => void,
  ) {
    const { topic, follow } = options;
    const { color } = setting;
    this.#options = options;
    this.#setting = setting;
    this.#show = show;
    this.#reading = new Reader({
      ...options,
      topics: follow ? [topic] : [],
      announce: follow,
      json: false,
      gather: follow && color,
      showTopic: false,
      color,
      write: show,
      warn: (sentence) => this.#warn(sentence),
    });
  }

  async connect(): Promise<void> {
    const { connect } = this.#setting;
    const { follow, topic, qos } = this.#options;
    this.#client = await ChatClient.connect({
      ...connect,
      will: this.#reading.will,
      onReceived: (received) => this.#reading.receive(received),
      onStatus: (status) => {
        connect.onStatus?.(status);
        if (status.type === "connected") this.#isOutageKnown = false;
        if (follow) this.#reading.onStatus(status);
      },
    });
    if (follow) await this.#client.join([topic], qos);
  }

  openPrompt(): Promise<Prompt> | Prompt {
    const { name, follow } = this.#options;
    const { color, isDumb } = this.#setting;
    const reading = this.#reading;
    return (isDumb ? openPlainPrompt : openPrompt)({
      text: `${safeName(name)}> `,
      paint: (text) => color ? paintName(text, name, true) : text,
      // A followed room shows what was sent, where it can be read.
      keeps: () => !follow || !this.#client.online || !reading.isHeard,
      complete: (before) => complete(before, this.#otherNames()),
      onDropped: (count) => droppedLine(count, { json: false, color }),
    });
  }

  /** Sends what is entered until somebody has had enough, and takes leave. */
  async hold(prompt: Prompt): Promise<number> {
    const { follow, timeout } = this.#options;
    const client = this.#client;
    const reading = this.#reading;
    reading.announce(client);
    if (this.#options.name === DEFAULTS.username) {
      this.#hint("You are chat here; --name NAME gives you a name.");
    }
    const warn = (sentence: string) => this.#warn(sentence);
    // Commands are not to wait behind messages that wait for the broker.
    const delivery = new Delivery(client, this.#options, warn, Infinity);
    await delivery.pour(this.#messages(prompt), (isSent) => {
      // A followed room confirms what was sent by showing it.
      if (isSent && !follow) this.#hint("✓ sent");
    });
    prompt.close();
    const callOff = waitFor(HINT_MS, () => {
      this.#hint("Waiting for the broker's last answers; Ctrl-C ends it now.");
    });
    if (client.online) {
      const leaving = within(timeout, reading.leave());
      await Promise.race([leaving, delivery.hurried]);
    }
    reading.stop();
    const code = await delivery.finish();
    callOff();
    return code === EXIT.ok && reading.isDenied ? EXIT.notAuthorized : code;
  }

  async *#messages(prompt: Prompt): AsyncGenerator<Line> {
    const lines = messages(prompt.entries, {
      help: () => this.#answer(commandHelp(this.#options.follow)),
      who: () => this.#answer(this.#whoLines()),
      clear: () => prompt.clear(),
      refuse: (sentence) => this.#warn(sentence),
    });
    for await (const line of lines) {
      if (!this.#client.online && !this.#isOutageKnown) {
        this.#isOutageKnown = true;
        this.#hint("No connection; this is sent when there is.");
      }
      yield line;
    }
  }

  #whoLines(): string[] {
    const { follow, name } = this.#options;
    return follow
      ? whoLines(this.#reading.roster.list(), name, new Date())
      : ["Nobody is seen here without --follow."];
  }

  /** Names that Tab may complete: those that are shown as they are. */
  #otherNames(): string[] {
    const { name } = this.#options;
    return this.#reading.roster.names()
      .filter((other) => other !== name && safeName(other) === other);
  }

  #warn(sentence: string): void {
    const text = safeText(sentence);
    this.#show(this.#setting.color ? red(text) : text);
  }

  /** Tells what was asked for. */
  #answer(lines: string[]): void {
    for (const line of lines) {
      this.#show(this.#setting.color ? dim(line) : line);
    }
  }

  /** Tells what need not be known. */
  #hint(line: string): void {
    if (!this.#options.quiet) this.#answer([line]);
  }
}
