/** The publisher at a terminal: sends typed messages and obeys commands. */

import { dim, red } from "@std/fmt/colors";
import { AbandonedError, ChatClient, Signer, type Status } from "../client.ts";
import { DEFAULTS } from "../client_options.ts";
import {
  type Command,
  commandHelp,
  complete,
  ignore,
  interpret,
  invitation,
  unignore,
} from "./commands.ts";
import { Delivery } from "./delivery.ts";
import { EXIT } from "./exit.ts";
import { topicFault } from "../mqtt/topic.ts";
import { nameFault, type PublisherOptions, usualHistory } from "./options.ts";
import { openLog } from "./permissions.ts";
import { isSameRoom, type Received } from "../protocol.ts";
import { paintName } from "../room/line.ts";
import { Ignored } from "../room/ignored.ts";
import { whoLines } from "../room/members.ts";
import { Names, peopleLine } from "../room/names.ts";
import { Reader, type ReaderOptions } from "../room/room.ts";
import { answerLine } from "../room/who.ts";
import { droppedLine } from "../room/view.ts";
import { safeName, safeText, safeTopic } from "../safe_text.ts";
import { IS_SOURCE, type People, prepare, type Setting } from "./script.ts";
import type { Line } from "../terminal/input.ts";
import { LineWriter } from "../terminal/output.ts";
import {
  type Completion,
  openPrompt,
  type Prompt,
  type PromptOptions,
} from "../terminal/prompt.ts";
import {
  type Clock,
  HINT_MS,
  Progress,
  SYSTEM_CLOCK,
  within,
} from "../timer.ts";

/** Chats until the user leaves; returns the exit code. */
export async function chat(
  options: PublisherOptions,
  people: People,
  { open = openPrompt, clock = SYSTEM_CLOCK } = {},
): Promise<number> {
  let show = people.tell;
  const setting = await prepare(options, (line) => show(line));
  const log = await openLogWriter(options);
  const chat = new Chat(options, setting, (line) => show(line), clock, log);
  await chat.connect();
  const prompt = open(chat.promptOptions(people.told()), setting.isDumb);
  show = (line) => prompt.show(line);
  const code = await chat.hold(prompt);
  await within(options.timeout, prompt.flushed());
  await log?.drained(options.timeout);
  return code;
}

/** Opens the file of `--log`. */
async function openLogWriter(
  { log }: PublisherOptions,
): Promise<LineWriter | undefined> {
  if (log === undefined) return undefined;
  const file = await openLog(log);
  return new LineWriter(
    file,
    (count) => droppedLine(count, { json: false, color: false }),
  );
}

/** One room at a time, under one name at a time. */
class Chat {
  readonly #options: PublisherOptions;
  readonly #setting: Setting;
  readonly #show: (line: string) => void;
  readonly #clock: Clock;
  readonly #log?: LineWriter;
  readonly #ignored: Ignored;
  readonly #names: Names;
  /** Signs under a name that the user chose. */
  #signer?: Signer;
  #client!: ChatClient;
  #prompt?: Prompt;
  #name: string;
  #room: Room;
  /** The room of a pending /join. */
  #next?: Room;
  /** The topics of rooms left, the last first. */
  #left: string[] = [];
  /** Resolves when the connection with another will is there. */
  #renewal?: PromiseWithResolvers<void>;
  /** Rejects when the user leaves, so that a pending command is given up. */
  readonly #end = Promise.withResolvers<never>();
  #isOutageKnown = false;
  /** Why there is no connection, as the last try says. */
  #outage?: string;

  constructor(
    options: PublisherOptions,
    setting: Setting,
    show: (line: string) => void,
    clock: Clock,
    log?: LineWriter,
  ) {
    this.#log = log;
    this.#options = options;
    this.#setting = setting;
    this.#show = show;
    this.#clock = clock;
    this.#ignored = new Ignored(options.ignore);
    this.#names = new Names(setting.peopleKeys);
    this.#name = options.name;
    this.#signer = setting.connect.signer ??
      (options.isNameChosen ? Signer.generate() : undefined);
    this.#room = this.#openRoom(options.topic);
    this.#room.show();
    this.#end.promise.catch(() => {});
    log?.broken.then((error) => {
      const reason = error?.message ?? "its reader has closed it";
      this.#warn(`Nothing more is written to --log: ${reason}.`);
    });
  }

  async connect(): Promise<void> {
    const { connect } = this.#setting;
    const { follow, topic, qos } = this.#options;
    this.#client = await ChatClient.connect({
      ...connect,
      signer: this.#signer,
      will: this.#room.reader.presence.will,
      onReceived: (received) => this.#receive(received),
      onStatus: (status) => this.#onStatus(status),
    });
    if (follow) await this.#client.join([topic], qos);
  }

  promptOptions(ready: Promise<void>): PromptOptions {
    const { color } = this.#setting;
    return {
      ready,
      text: this.#promptText,
      paint: (text) => color ? paintName(text, this.#name, true) : text,
      // A followed room shows what was sent, where it can be read.
      keeps: () =>
        !this.#options.follow || !this.#isOnline ||
        this.#next !== undefined || !this.#room.reader.presence.isHeard,
      complete: (before) => this.#complete(before),
      onDropped: (count) => droppedLine(count, { json: false, color }),
    };
  }

  /** Handles typed lines until the user leaves; returns the exit code. */
  async hold(prompt: Prompt): Promise<number> {
    const { timeout } = this.#options;
    const client = this.#client;
    this.#prompt = prompt;
    this.#room.reader.announce(client);
    if (this.#name === DEFAULTS.username) {
      this.#hint("Your name is chat; /nick NAME changes it.");
    }
    const warn = (sentence: string) => this.#warn(sentence);
    const delivery = new Delivery(client, this.#options, warn, this.#clock);
    const entered = new Entered(prompt.lines);
    const obeyed = this.#obeyEach(entered, delivery);
    await Promise.race([entered.end, delivery.stopped]);
    const isAtOnce = delivery.hasStopped || entered.count === 0;
    prompt.close();
    // From now on a signal ends the waiting.
    delivery.stop();
    const cancelHint = this.#clock.after(HINT_MS, () => {
      this.#hint("Waiting for the broker's last answers; Ctrl-C ends it now.");
    });
    if (entered.error !== undefined) delivery.failInput(entered.error);
    // A pending command is given up, unless lines wait behind it.
    if (!isAtOnce) {
      const inTime = within(timeout, obeyed, this.#clock);
      await Promise.race([inTime, delivery.hurried]);
    }
    this.#end.reject(new AbandonedError("The user left."));
    for (const line of entered.takeRest()) {
      if (isMessage(line)) {
        delivery.refuse(new Error("The command before it had not ended."));
      }
    }
    if (this.#isOnline) {
      const left = within(timeout, this.#leaveRooms(), this.#clock);
      await Promise.race([left, delivery.hurried]);
    }
    this.#next?.reader.stop();
    this.#room.reader.stop();
    const code = await delivery.finish();
    cancelHint();
    const { isDenied } = this.#room.reader.presence;
    return code === EXIT.ok && isDenied ? EXIT.notAuthorized : code;
  }

  /** Messages are sent and not awaited; commands are obeyed to their end. */
  async #obeyEach(entered: Entered, delivery: Delivery): Promise<void> {
    // Why the last /join failed, and how many lines were entered behind it.
    let failure: Error | undefined;
    let behind = 0;
    try {
      for await (const line of entered) {
        const isAstray = failure !== undefined && behind-- > 0;
        if (line.type === "join") {
          failure = await this.#join(line.argument);
          behind = entered.count;
        } else if (!isMessage(line)) await this.#obey(line);
        else if (isAstray) delivery.refuse(failure!);
        else this.#send(line, delivery);
      }
    } catch (error) {
      if (!(error instanceof AbandonedError)) throw error;
    }
  }

  async #send(line: Line, delivery: Delivery): Promise<void> {
    const { follow } = this.#options;
    if (!this.#isOnline && !this.#isOutageKnown) {
      this.#isOutageKnown = true;
      this.#hint("No connection; your lines are sent when it is back.");
    }
    const isSent = await delivery.send(line, this.#room.topic, this.#name);
    // A followed room confirms what was sent by showing it.
    if (isSent && !follow) this.#hint("✓ sent");
  }

  async #obey(command: Command): Promise<void> {
    const { follow } = this.#options;
    switch (command.type) {
      case "help":
        return this.#answer(...commandHelp(follow));
      case "clear":
        return this.#prompt?.clear();
      case "reconnect":
        if (this.#client.reconnect()) return;
        return this.#answer("You are connected.");
      case "nick":
        return await this.#rename(command.argument);
      case "key":
        return this.#showKey(command.argument);
      case "invite": {
        const { broker } = this.#client;
        const { username, secret } = this.#setting.connect;
        return this.#answer(...invitation(broker, this.#room.topic, {
          username: broker.username ?? username,
          isSealed: secret !== undefined,
          isSource: IS_SOURCE,
        }));
      }
      case "refused":
        return this.#warn(command.sentence);
    }
    if (!follow) return this.#answer(`/${command.type} needs --follow.`);
    const { reader } = this.#room;
    switch (command.type) {
      case "who": {
        const seen = reader.roster.list();
        const now = new Date(this.#clock.wall());
        const keysOf = (name: string) => this.#names.keysOf(name);
        this.#answer(...whoLines(seen, now, this.#ignored, keysOf));
        // Not awaited: the lines behind it are sent meanwhile.
        this.#ask(this.#room);
        return;
      }
      case "ignore": {
        reader.showGathered();
        const { argument } = command;
        const others = this.#others();
        return this.#answer(
          ...ignore(argument, this.#name, this.#ignored, others),
        );
      }
      case "unignore":
        return this.#answer(...unignore(command.argument, this.#ignored));
    }
  }

  /** Shows which members answer the question who is there. */
  async #ask({ reader, topic }: Room): Promise<void> {
    const answers = await reader.ask(topic);
    if (answers.length === 0) return;
    const keysOf = (name: string) => this.#names.keysOf(name);
    this.#answer(answerLine(answers, this.#ignored, keysOf));
  }

  async #rename(name: string): Promise<void> {
    const shown = safeName(name);
    const fault = nameFault(name);
    if (name === "") {
      const you = safeName(this.#name);
      this.#answer(`You are ${you}; /nick NAME renames you.`);
    } else if (fault !== undefined) {
      this.#warn(`/nick ${fault}.`);
    } else if (name === this.#name) {
      this.#answer(`You are ${shown} already.`);
    } else if (this.#ignored.has(name)) {
      this.#warn(`You ignore ${shown}; enter /unignore ${shown} first.`);
    } else {
      this.#name = name;
      this.#client.signer = this.#signer ??= Signer.generate();
      this.#prompt?.setText(this.#promptText);
      if (!this.#options.follow) return;
      const told = this.#room.reader.rename(name, this.#signer?.key);
      // Offline, the notice waits as messages do.
      if (this.#client.online) await this.#untilEnd(told);
      await this.#renewWill();
    }
  }

  /** Shows the keys of a name, or the user's own, as lines for `--people`. */
  #showKey(name: string): void {
    const isOwn = name === "" || name === this.#name;
    const own = this.#signer === undefined ? [] : [this.#signer.key];
    const keys = isOwn ? own : [...this.#names.keysOf(name)];
    if (keys.length > 0) {
      const whose = isOwn ? this.#name : name;
      return this.#answer(...keys.map((key) => peopleLine(whose, key)));
    }
    this.#answer(
      isOwn
        ? "You don't sign; /nick NAME gives you a key for this run."
        : `No key of ${safeName(name)} is known.`,
    );
  }

  /** Moves to another room; returns an error where the user stays. */
  async #join(topic: string): Promise<Error | undefined> {
    const { follow, timeout } = this.#options;
    const from = this.#room;
    const shown = safeTopic(topic);
    const here = safeTopic(from.topic);
    const stay = (reason: string) => {
      this.#warn(reason);
      return new Error(`You are still in ${here}.`);
    };
    if (topic === "" || topic === from.topic) {
      const rest = topic === "" ? "; /join TOPIC moves you" : " already";
      this.#answer(`You are in ${here}${rest}.`);
      return;
    }
    const fault = topicFault(topic);
    if (fault !== undefined) {
      return stay(`The topic ${JSON.stringify(topic)} ${fault}.`);
    }
    const room = this.#openRoom(topic);
    if (follow) {
      const refusal = await this.#enter(room);
      if (refusal) return stay(`${refusal} You are still in ${here}.`);
      const left = from.leave().then(() => this.#client.leave([from.topic]));
      await this.#untilEnd(within(timeout, left, this.#clock));
      from.reader.stop();
    }
    const topics = [from.topic, ...this.#left];
    this.#left = topics.filter((left) => !isSameRoom(left, topic));
    this.#room = room;
    this.#next = undefined;
    this.#answer(
      follow ? `You are in ${shown} now.` : `Your lines go to ${shown} now.`,
    );
    room.show();
    if (follow) await this.#renewWill();
  }

  /** Enters a room before the other is left; returns why that failed. */
  async #enter(room: Room): Promise<string | undefined> {
    const { timeout } = this.#options;
    const client = this.#client;
    const shown = safeTopic(room.topic);
    const cancelHint = this.#clock.after(HINT_MS, () => {
      this.#hint(`Waiting to enter ${shown}; your lines wait, too.`);
    });
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = this.#clock.after(timeout * 1000, () => {
      reject(new Error(`Nothing came back from ${shown} within ${timeout} s.`));
    });
    this.#next = room;
    try {
      const entered = room.reader.enter(client);
      await this.#untilEnd(Promise.race([entered, late]));
    } catch (error) {
      if (error instanceof AbandonedError) throw error;
      this.#next = undefined;
      room.reader.stop();
      // Others may have seen the join.
      room.leave();
      client.leave([room.topic]).catch(() => {});
      return (error as Error).message;
    } finally {
      cancel();
      cancelHint();
    }
  }

  /** Sets the will of the name and the room, which takes a new connection. */
  async #renewWill(): Promise<void> {
    const renewal = Promise.withResolvers<void>();
    if (this.#client.online) this.#renewal = renewal;
    else renewal.resolve();
    this.#client.setWill(this.#room.reader.presence.will);
    const { timeout } = this.#options;
    await this.#untilEnd(within(timeout, renewal.promise, this.#clock));
    this.#renewal = undefined;
  }

  /** Announces the leave in the rooms that have seen the join. */
  async #leaveRooms(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return await this.#room.leave();
    // First: messages may wait for the broker's answer, and a late one must
    // not announce a join.
    this.#client.leave([next.topic]).catch(() => {});
    const left = within(HINT_MS / 1000, next.leave(), this.#clock);
    await Promise.all([this.#room.leave(), left]);
  }

  /** Waits for a promise; rejects when the user leaves. */
  #untilEnd<T>(wanted: Promise<T>): Promise<T> {
    return Promise.race([this.#end.promise, wanted]);
  }

  /** Whether messages go out now, or in a moment. */
  get #isOnline(): boolean {
    return this.#renewal !== undefined || this.#client.online;
  }

  #receive(received: Received): void {
    const topic = received.historyOf ?? received.whoOf ?? received.sentTo ??
      received.topic;
    // Late messages of a room that was left are dropped.
    [this.#next, this.#room].find((one) =>
      one !== undefined && isSameRoom(topic, one.topic)
    )?.reader.receive(received);
  }

  #onStatus(status: Status): void {
    const { follow } = this.#options;
    const room = this.#room;
    switch (status.type) {
      case "subscribed":
      case "denied": {
        const { topic } = status;
        const isNews = topic === room.topic &&
          (this.#renewal === undefined || status.type === "denied");
        if (isNews) this.#setting.connect.onStatus?.(status);
        this.#renewal?.resolve();
        for (const one of [room, this.#next]) {
          if (one?.topic === topic) one.reader.onStatus(status);
        }
        return;
      }
      case "disconnected":
        this.#renewal?.resolve();
        this.#next?.reader.onStatus(status);
        break;
      case "connected":
        this.#isOutageKnown = false;
    }
    if (!this.#showsOutage(status)) this.#setting.connect.onStatus?.(status);
    if (follow) room.reader.onStatus(status);
  }

  /** Whether the prompt shows a status, so that it needs no line. */
  #showsOutage(status: Status): boolean {
    const last = this.#outage;
    switch (status.type) {
      case "disconnected":
      case "failed":
        this.#outage = status.reason;
        break;
      case "connected":
        this.#outage = undefined;
    }
    if ((last === undefined) !== (this.#outage === undefined)) {
      this.#prompt?.setText(this.#promptText);
    }
    if (this.#options.debug || this.#setting.isDumb) return false;
    return this.#prompt !== undefined && last !== undefined &&
      (status.type === "reconnecting" ||
        status.type === "failed" && status.reason === last);
  }

  get #promptText(): string {
    const offline = this.#outage === undefined ? "" : " (offline)";
    return `${safeName(this.#name)}${offline}> `;
  }

  #openRoom(topic: string): Room {
    const { follow, username, qos, history, bell, resume, timeout } =
      this.#options;
    const { color, isDumb } = this.#setting;
    const options = {
      topics: follow ? [topic] : [],
      name: this.#name,
      username,
      qos,
      announce: follow,
      json: false,
      color,
      multiline: color && !isDumb,
      gather: follow && color,
      showTopic: false,
      bell,
      resume,
      history: history ?? usualHistory(true),
      tellsNone: history !== undefined,
      sends: true,
      ignored: this.#ignored,
      names: this.#names,
      key: this.#signer?.key,
      timeout,
      clock: this.#clock,
      warn: (sentence: string) => this.#warn(sentence),
    };
    return new Room(topic, options, this.#show, this.#log);
  }

  /** The other members seen, the most recent first. */
  #others(): string[] {
    return this.#room.reader.roster.list()
      .filter(({ isOwn }) => !isOwn).map(({ name }) => name);
  }

  #complete(before: string): Completion {
    const names = this.#others().filter((name) => !this.#ignored.has(name))
      .map(safeName);
    const isPlain = (name: string) => !name.startsWith('"');
    const topics = [this.#room.topic, ...this.#left];
    return complete(before, names.filter(isPlain), {
      nick: [],
      key: names,
      join: topics.map(safeTopic).filter(isPlain),
      ignore: names,
      unignore: this.#ignored.list(),
    });
  }

  #warn(sentence: string): void {
    const text = safeText(sentence);
    this.#show(this.#setting.color ? red(text) : text);
  }

  #answer(...lines: string[]): void {
    for (const line of lines) {
      this.#show(this.#setting.color ? dim(line) : line);
    }
  }

  /** Shows a line that the user did not ask for; not with --quiet. */
  #hint(line: string): void {
    if (!this.#options.quiet) this.#answer(line);
  }
}

/** A room that is read. Nothing of it is shown before {@link show}. */
class Room {
  readonly topic: string;
  readonly reader: Reader;
  /** What to do once it is shown. */
  #held?: (() => void)[] = [];
  #leave?: Promise<void>;

  constructor(
    topic: string,
    options: Omit<ReaderOptions, "write" | "log">,
    show: (line: string) => void,
    log?: LineWriter,
  ) {
    this.topic = topic;
    this.reader = new Reader({
      ...options,
      write: (line) => this.#soon(() => show(line)),
      log: log && ((line) => this.#soon(() => log.write(line))),
    });
  }

  #soon(write: () => void): void {
    if (this.#held) this.#held.push(write);
    else write();
  }

  /** Shows the held lines, and later ones at once. */
  show(): void {
    for (const write of this.#held ?? []) write();
    this.#held = undefined;
  }

  /** Announces the leave, once. A room that can't be written has seen no join. */
  leave(): Promise<void> {
    return this.#leave ??= this.reader.presence.leave().catch(() => {});
  }
}

/** Reads lines ahead, to notice the end of the input while a command runs. */
class Entered {
  readonly #waiting: (Line | Command)[] = [];
  readonly #progress = new Progress();
  /** Settles at Ctrl-D, Ctrl-C and /quit. */
  readonly end: Promise<void>;
  #hasEnded = false;
  /** Why reading failed. */
  error?: Error;

  constructor(lines: AsyncIterable<Line>) {
    this.end = this.#read(lines);
  }

  /** How many lines wait. */
  get count(): number {
    return this.#waiting.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line | Command> {
    for (;;) {
      const line = this.#waiting.shift();
      if (line !== undefined) yield line;
      else if (this.#hasEnded) return;
      else await this.#progress.next;
    }
  }

  /** Ends the iteration; returns the lines that it did not reach. */
  takeRest(): (Line | Command)[] {
    this.#finish();
    return this.#waiting.splice(0);
  }

  async #read(lines: AsyncIterable<Line>): Promise<void> {
    try {
      for await (const line of lines) {
        if (this.#hasEnded) break;
        const entered = interpret(line);
        if (entered.type === "quit") {
          const { argument: text } = entered;
          if (text !== "") this.#waiting.push({ type: "text", text });
          break;
        }
        this.#waiting.push(entered);
        this.#progress.made();
      }
    } catch (error) {
      this.error = error as Error;
    }
    this.#finish();
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#progress.made();
  }
}

function isMessage(line: Line | Command): line is Line {
  return line.type === "text" || line.type === "too long" ||
    line.type === "not UTF-8";
}
