/**
 * A person at the prompt of the publisher: what they enter is sent, and the
 * room flows above where it is followed.
 *
 * @module
 */

import { dim, red } from "@std/fmt/colors";
import { ChatClient } from "../client.ts";
import { commandHelp, complete, messages } from "./commands.ts";
import { DEFAULTS } from "../client_options.ts";
import { Delivery } from "./delivery.ts";
import { EXIT } from "./exit.ts";
import type { PublisherOptions } from "./options.ts";
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
 * @throws {UsageError} When a permission or a file is missing.
 * @throws {NotAuthorizedError} When the broker refuses the user.
 * @throws {UnreachableError} When no broker answers in time.
 */
export async function converse(
  options: PublisherOptions,
  people: People,
): Promise<number> {
  let show = people.tell;
  const setting = await prepare(options, (line) => show(line));
  const conversation = new Conversation(options, setting, (line) => show(line));
  const client = await conversation.connect();
  const prompt = conversation.openPrompt(client);
  show = (line) => prompt.show(line);
  const code = await conversation.hold(client, prompt);
  await within(options.timeout, prompt.flushed());
  return code;
}

/** One conversation, from the connection to the good-bye. */
class Conversation {
  readonly #options: PublisherOptions;
  readonly #setting: Setting;
  readonly #show: (line: string) => void;
  readonly #reader: Reader;
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
    this.#reader = new Reader({
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

  async connect(): Promise<ChatClient> {
    const { connect } = this.#setting;
    const { follow, topic, qos } = this.#options;
    const client = await ChatClient.connect({
      ...connect,
      will: this.#reader.will,
      onReceived: (received) => this.#reader.receive(received),
      onStatus: (status) => {
        connect.onStatus?.(status);
        if (status.type === "connected") this.#isOutageKnown = false;
        if (follow) this.#reader.onStatus(status);
      },
    });
    if (follow) await client.join([topic], qos);
    return client;
  }

  openPrompt(client: ChatClient): Prompt {
    const { name, follow } = this.#options;
    const { color, isDumb } = this.#setting;
    const reader = this.#reader;
    return openPrompt({
      text: `${safeName(name)}> `,
      paint: (text) => color ? paintName(text, name, true) : text,
      // A followed room shows what was sent, where it can be read.
      keeps: () => !follow || !client.online || !reader.isHeard,
      complete: (before) => complete(before, this.#otherNames()),
      onDropped: (count) => droppedLine(count, { json: false, color }),
    }, isDumb);
  }

  /** Sends what is entered until somebody has had enough, and takes leave. */
  async hold(client: ChatClient, prompt: Prompt): Promise<number> {
    const reader = this.#reader;
    reader.announce(client);
    if (this.#options.name === DEFAULTS.username) {
      this.#hint("You are chat here; --name NAME gives you a name.");
    }
    const warn = (sentence: string) => this.#warn(sentence);
    // Commands are not to wait behind messages that wait for the broker.
    const delivery = new Delivery(client, this.#options, warn, Infinity);
    await this.#send(client, prompt, delivery);
    prompt.close();
    const callOff = waitFor(HINT_MS, () => {
      this.#hint("Waiting for the broker's last answers; Ctrl-C ends it now.");
    });
    if (client.online) {
      const leaving = within(this.#options.timeout, reader.leave());
      await Promise.race([leaving, delivery.hurried]);
    }
    reader.stop();
    const code = await delivery.finish();
    callOff();
    return code === EXIT.ok && reader.isDenied ? EXIT.notAuthorized : code;
  }

  async #send(
    client: ChatClient,
    prompt: Prompt,
    delivery: Delivery,
  ): Promise<void> {
    const { follow } = this.#options;
    const lines = messages(prompt.lines, {
      help: () => this.#answer(commandHelp(follow)),
      who: () => this.#answer(this.#whoLines()),
      clear: () => prompt.clear(),
      refuse: (sentence) => this.#warn(sentence),
      beforeSending: () => client.online || this.#mentionOutage(),
    });
    await delivery.pour(lines, (isSent) => {
      // A followed room confirms what was sent by showing it.
      if (isSent && !follow) this.#hint("✓ sent");
    });
  }

  #mentionOutage(): void {
    if (this.#isOutageKnown) return;
    this.#isOutageKnown = true;
    this.#hint("No connection; this is sent when there is.");
  }

  #whoLines(): string[] {
    const { follow, name } = this.#options;
    return follow
      ? whoLines(this.#reader.roster.list(), name, new Date())
      : ["Nobody is seen here without --follow."];
  }

  /** Names that Tab may complete: those that are shown as they are. */
  #otherNames(): string[] {
    const { name } = this.#options;
    return this.#reader.roster.names()
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
