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
import type { RoomTeller } from "./entrance.ts";
import { EXIT } from "./exit.ts";
import { ignore, unignore } from "./ignoring.ts";
import { Membership } from "./membership.ts";
import { type PublisherOptions, usualHistory } from "./options.ts";
import {
  type Completion,
  openPrompt,
  type Prompt,
} from "../terminal/prompt.ts";
import { paintName } from "../room/color.ts";
import { Ignored } from "../room/ignored.ts";
import { Room } from "../room/room.ts";
import { whoLines } from "../room/members.ts";
import { droppedLine } from "../room/view.ts";
import { safeName, safeText, safeTopic } from "../safe_text.ts";
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
  const prompt = conversation.openPrompt(people.told());
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
  readonly #ignored: Ignored;
  readonly #membership: Membership;
  #prompt?: Prompt;
  /** Whether this outage was mentioned. */
  #isOutageKnown = false;

  constructor(
    options: PublisherOptions,
    setting: Setting,
    show: (line: string) => void,
  ) {
    this.#options = options;
    this.#setting = setting;
    this.#show = show;
    this.#ignored = new Ignored(options.ignore);
    this.#membership = new Membership({
      ...options,
      openReader: (topic, name, tell) => this.#openReader(topic, name, tell),
      isIgnored: (name) => this.#ignored.has(name),
      onRenamed: (name) => this.#prompt?.setText(promptText(name)),
    }, {
      show,
      warn: (sentence) => this.#warn(sentence),
      answer: (...lines) => this.#answer(lines),
      hint: (line) => this.#hint(line),
    });
  }

  async connect(): Promise<ChatClient> {
    const { connect } = this.#setting;
    const { follow, topic, qos } = this.#options;
    const membership = this.#membership;
    const client = await ChatClient.connect({
      ...connect,
      will: membership.reader.will,
      onReceived: (received) => membership.receive(received),
      onStatus: (status) => {
        if (membership.isNews(status)) connect.onStatus?.(status);
        membership.onStatus(status);
        if (status.type === "connected") this.#isOutageKnown = false;
      },
    });
    membership.begin(client);
    if (follow) await client.join([topic], qos);
    return client;
  }

  openPrompt(ready: Promise<void>): Prompt {
    const { follow } = this.#options;
    const { color, isDumb } = this.#setting;
    const membership = this.#membership;
    this.#prompt = openPrompt({
      ready,
      text: promptText(membership.name),
      paint: (text) => color ? paintName(text, membership.name, true) : text,
      // A followed room shows what was sent, where it can be read.
      keeps: () =>
        !follow || !membership.isOnline || membership.isMoving ||
        !membership.reader.isHeard,
      complete: (before) => this.#complete(before),
      onDropped: (count) => droppedLine(count, { json: false, color }),
    }, isDumb);
    return this.#prompt;
  }

  /** Sends what is entered until somebody has had enough, and takes leave. */
  async hold(client: ChatClient, prompt: Prompt): Promise<number> {
    const membership = this.#membership;
    membership.reader.announce(client);
    if (this.#options.name === DEFAULTS.username) {
      this.#hint("You are chat here; /nick NAME gives you a name.");
    }
    const warn = (sentence: string) => this.#warn(sentence);
    const say = (message: string) => membership.say(message);
    // Commands are not to wait behind messages that wait for the broker.
    const delivery = new Delivery(client, this.#options, warn, Infinity, say);
    await this.#send(prompt, delivery);
    prompt.close();
    const callOff = waitFor(HINT_MS, () => {
      this.#hint("Waiting for the broker's last answers; Ctrl-C ends it now.");
    });
    if (membership.isOnline) {
      const leaving = membership.settled().then(() =>
        membership.reader.leave()
      );
      const isOver = within(this.#options.timeout, leaving);
      await Promise.race([isOver, delivery.hurried]);
    }
    membership.end();
    const code = await delivery.finish();
    callOff();
    const { isDenied } = membership.reader;
    return code === EXIT.ok && isDenied ? EXIT.notAuthorized : code;
  }

  #openReader(topic: string, name: string, tell: RoomTeller): Room {
    const { follow } = this.#options;
    const { color } = this.#setting;
    return new Room({
      ...this.#options,
      name,
      topics: follow ? [topic] : [],
      announce: follow,
      json: false,
      gather: follow && color,
      showTopic: false,
      history: this.#options.history ?? usualHistory(true),
      tellsNone: this.#options.history !== undefined,
      color,
      sends: true,
      ignored: this.#ignored,
      onNamesake: () => this.#tellOfNamesake(),
      write: tell.show,
      warn: tell.warn,
    });
  }

  async #send(prompt: Prompt, delivery: Delivery): Promise<void> {
    const { follow } = this.#options;
    const membership = this.#membership;
    const lines = messages(prompt.lines, {
      help: () => this.#answer(commandHelp(follow)),
      who: () => this.#answerFollower(() => this.#whoLines()),
      clear: () => prompt.clear(),
      nick: (name) => membership.rename(name),
      join: (topic) => membership.move(topic),
      ignore: (name) => this.#answerFollower(() => this.#ignore(name)),
      unignore: (name) =>
        this.#answerFollower(() => unignore(name, this.#ignored)),
      refuse: (sentence) => this.#warn(sentence),
      beforeSending: () => membership.isOnline || this.#mentionOutage(),
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

  #tellOfNamesake(): void {
    const { name } = this.#membership;
    // Whoever has chosen no name knows that others haven't, either.
    if (name === DEFAULTS.username) return;
    const shown = safeName(name);
    this.#hint(`Another ${shown} is here; /nick NAME tells you apart.`);
  }

  #whoLines(): string[] {
    const { reader, name } = this.#membership;
    return whoLines(reader.roster.list(), name, new Date(), this.#ignored);
  }

  #ignore(name: string): string[] {
    const { reader, name: self } = this.#membership;
    reader.showGathered();
    return ignore(name, self, this.#ignored, this.#others());
  }

  /** The others that were seen, the most recent first. */
  #others(): string[] {
    return this.#membership.reader.roster.list()
      .filter(({ isOwn }) => !isOwn).map(({ name }) => name);
  }

  /** As {@link #others} but for those ignored, and as lines show them. */
  #shownNames(): string[] {
    return this.#others().filter((name) => !this.#ignored.has(name))
      .map(safeName);
  }

  #complete(before: string): Completion {
    const names = this.#shownNames();
    const { topics } = this.#membership;
    const isPlain = (name: string) => !name.startsWith('"');
    return complete(before, names.filter(isPlain), {
      nick: [],
      join: topics.map(safeTopic).filter(isPlain),
      ignore: names,
      unignore: this.#ignored.list(),
    });
  }

  /** Answers what only makes sense where the room is shown. */
  #answerFollower(answer: () => string[]): void {
    const nobody = "Nobody is seen here without --follow.";
    this.#answer(this.#options.follow ? answer() : [nobody]);
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

/** What stands before what is typed. */
function promptText(name: string): string {
  return `${safeName(name)}> `;
}
