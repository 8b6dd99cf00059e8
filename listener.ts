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

import "./lib/cli/no_color.ts"; // first: @std/fmt reads NO_COLOR on loading
import { showBroker } from "./lib/mqtt/address.ts";
import { ChatClient, NotAuthorizedError, Signer } from "./lib/client.ts";
import { EXIT, exitCodeOfSignal, WaitedError } from "./lib/cli/exit.ts";
import {
  type ListenerOptions,
  parseListenerArgs,
  usualHistory,
} from "./lib/cli/options.ts";
import { Reader } from "./lib/room/room.ts";
import { droppedLine } from "./lib/room/view.ts";
import { Ignored } from "./lib/room/ignored.ts";
import { Names } from "./lib/room/names.ts";
import type { Keeper } from "./lib/room/keeper.ts";
import type { Received } from "./lib/protocol.ts";
import { type People, prepare, runScript } from "./lib/cli/script.ts";
import { LineWriter, openStdout } from "./lib/terminal/output.ts";
import { Ending, onEndSignals } from "./lib/terminal/signals.ts";
import { HINT_MS, SYSTEM_CLOCK, within } from "./lib/timer.ts";

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
  const { connect, color, isDumb, peopleKeys } = await prepare(
    options,
    people.tell,
  );
  const names = new Names(peopleKeys);
  const ending = new Ending();
  const { json, only, quiet } = options;
  const stdout = new LineWriter(
    openStdout(),
    (count) => {
      if (only === undefined) return droppedLine(count, { json, color });
      people.tell(droppedLine(count, { json: false, color: false }));
      return undefined;
    },
  );
  const isTerminal = Deno.stdout.isTerminal();
  const { topics, resume, count } = options;
  // Only there does the broker have a use for what was not acknowledged.
  const isShared = topics.some((topic) => topic.startsWith("$share/"));
  const isKept = resume || isShared;
  const intake = isKept ? new Intake(stdout) : undefined;
  const multiline = isTerminal && color && !isDumb && !json;
  const rows = multiline ? await rowsOfTerminal() : (line: string) => line;
  const reader = new Reader({
    ...options,
    // Its own notices would fill its own queue.
    announce: options.announce && !(resume && count !== undefined),
    color,
    multiline,
    ignored: new Ignored(options.ignore),
    names,
    // A key made for this run signs notices only; another window may write.
    key: connect.signer?.key,
    bell: options.bell && isTerminal,
    // Where lines are to be plain, each event keeps a line of its own.
    gather: color && isTerminal,
    // What waits for a history could not be counted.
    history: resume && count !== undefined
      ? 0
      : options.history ?? usualHistory(isTerminal && !json),
    // A keeper is about to keep it.
    tellsNone: options.history !== undefined && isTerminal && !json &&
      options.keep === undefined,
    keeps: options.keep !== undefined,
    write: (line) => stdout.write(rows(line)),
    writeNote: only && ((line, tellsLoss) => {
      if (tellsLoss || !quiet) people.tell(line);
    }),
    warn: people.complain,
    onEnough: () => {
      intake?.end();
      ending.begin();
    },
  });
  const keeper = await openKeeper(options, people, names);
  const mayMakeKey = options.announce && options.isNameChosen;
  const readable = new Set(options.topics);
  const client = await ChatClient.connect({
    ...connect,
    signer: connect.signer ?? (mayMakeKey ? Signer.generate() : undefined),
    will: reader.will,
    // Without a session, the part of a reader that is gone goes to the others.
    session: isShared && !resume ? { expiry: 0 } : connect.session,
    acknowledges: isKept ? "asked" : "received",
    onReceived(received) {
      if (intake?.isOpen === false) return;
      keeper?.receive(received);
      reader.receive(received);
      intake?.took(received, reader.isHolding);
    },
    onStatus(status) {
      if (status.type === "connected") intake?.connected();
      connect.onStatus?.(status);
      keeper?.onStatus(status);
      reader.onStatus(status);
      if (status.type !== "denied") return;
      readable.delete(status.topic);
      if (readable.size === 0) ending.begin(nothingToRead(options));
    },
  });
  client.lost.then((error) => ending.begin(error));
  let hasReaderLeft = false;
  stdout.broken.then((error) => {
    hasReaderLeft = error === undefined;
    ending.begin(
      error && new Error(`Writing stdout failed: ${error.message}.`),
    );
  });
  intake?.run(client, reader);
  const stopWaiting = waitForEnd(options, people, ending);
  client.join(options.topics, options.qos)
    .then(() => {
      keeper?.begin(client);
      if (keeper && !options.quiet) {
        people.tell(`Keeping the last ${options.keep} messages.`);
      }
      reader.announce(client);
    })
    .catch((error) => ending.begin(error));
  const error = await ending.begun;
  const stopSignal = ending.signal;
  reader.stop();
  await Promise.race([
    leave(options, people, client, reader, stdout, keeper, intake),
    ending.hurried,
  ]);
  stopWaiting();
  const { isBehind } = stdout;
  if (isBehind) {
    people.complain(
      "The last lines were not written: no program reads stdout.",
    );
  }
  if (stopSignal !== undefined && count !== undefined) {
    return exitCodeOfSignal(stopSignal);
  }
  if (hasReaderLeft && count !== undefined) return exitCodeOfSignal("SIGPIPE");
  if (error && !(error instanceof WaitedError)) throw error;
  if (isBehind) return EXIT.failed;
  if (reader.isDenied || keeper?.isDenied) return EXIT.notAuthorized;
  if (error) throw error;
  return keeper?.hasFailed ? EXIT.failed : EXIT.ok;
}

/**
 * What is taken in where the broker keeps the rest: each message is
 * acknowledged when its line is written, in order of arrival. One without a
 * line goes with the line before it.
 */
class Intake {
  readonly #stdout: LineWriter;
  /** Arrivals, and how many lines must be written before they may go. */
  readonly #unwritten: { arrival: number; lines: number }[] = [];
  #client?: ChatClient;
  #reader?: Reader;
  #hasEnded = false;
  #isOverflowing = false;

  constructor(stdout: LineWriter) {
    this.#stdout = stdout;
  }

  /** Whether messages are taken; those that are not come again. */
  get isOpen(): boolean {
    this.#isOverflowing ||= this.#stdout.isFull;
    return !this.#hasEnded && !this.#isOverflowing;
  }

  /** A message was taken, and its line, if it has one, is on its way. */
  took({ arrival = 0 }: Received, isHeld: boolean): void {
    if (!isHeld) this.#release();
    const lines = isHeld ? Infinity : this.#stdout.added;
    const last = this.#unwritten.at(-1);
    if (last?.lines === lines) last.arrival = arrival;
    else this.#unwritten.push({ arrival, lines });
    if (lines <= this.#stdout.written) this.acknowledge();
  }

  /** Acknowledges those whose lines are written. */
  acknowledge(): void {
    if (this.#client === undefined) return;
    if (!this.#reader?.isHolding) this.#release();
    const { written } = this.#stdout;
    const index = this.#unwritten.findIndex(({ lines }) => lines > written);
    const count = index < 0 ? this.#unwritten.length : index;
    const last = this.#unwritten.splice(0, count).at(-1);
    if (last !== undefined) this.#client.acknowledge(last.arrival);
  }

  /** Acknowledges as lines are written; renews after an overflow. */
  async run(client: ChatClient, reader: Reader): Promise<void> {
    this.#client = client;
    this.#reader = reader;
    for (;;) {
      this.acknowledge();
      if (this.#isOverflowing && !this.#stdout.isBehind) {
        // The same will: the new connection brings what was not acknowledged.
        client.setWill(reader.will);
      }
      await this.#stdout.progress;
    }
  }

  /** There is a new connection: what was not acknowledged comes again. */
  connected(): void {
    this.#isOverflowing = false;
  }

  /** What was held back has its line now, if it has one. */
  #release(): void {
    // Held ones are the last.
    if (this.#unwritten.at(-1)?.lines !== Infinity) return;
    const { added } = this.#stdout;
    for (const entry of this.#unwritten) {
      if (entry.lines === Infinity) entry.lines = added;
    }
  }

  /** Nothing more is taken. */
  end(): void {
    this.#hasEnded = true;
  }
}

/** Makes what keeps the rooms, if that is wanted. */
async function openKeeper(
  { keep, debug, ...options }: ListenerOptions,
  { tell, complain }: People,
  names: Names,
): Promise<Keeper | undefined> {
  if (keep === undefined) return undefined;
  // Loaded here, since few keep a room.
  const { Keeper } = await import("./lib/room/keeper.ts");
  return new Keeper({
    ...options,
    keep,
    names,
    warn: complain,
    debug: (sentence) => debug && tell(`Debug: ${sentence}.`),
  });
}

/** Breaks lines into rows of the terminal: a sender may know its width. */
async function rowsOfTerminal(): Promise<(line: string) => string> {
  const { breakLine, terminalSize } = await import("./lib/terminal/screen.ts");
  return (line) => breakLine(line, terminalSize().columns);
}

/** Calls for the end at a signal, or after `--wait`. */
function waitForEnd(
  { waitSeconds, count }: ListenerOptions,
  { tell }: People,
  ending: Ending,
): () => void {
  const stopSignals = onEndSignals((signal) => {
    // The terminal has shown ^C.
    if (Deno.stderr.isTerminal()) tell("");
    ending.insist(signal);
  });
  const timer = waitSeconds === undefined ? undefined : setTimeout(() => {
    const late = `--wait ${waitSeconds} has passed before --count ${count}.`;
    ending.begin(count === undefined ? undefined : new WaitedError(late));
  }, waitSeconds * 1000);
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
  keeper?: Keeper,
  intake?: Intake,
): Promise<void> {
  const callOff = SYSTEM_CLOCK.after(HINT_MS, () => {
    const broker = showBroker(client.broker);
    tell(
      client.online
        ? `Saying good-bye to ${broker}; Ctrl-C again ends it now.`
        : "Writing what has come; Ctrl-C again ends it now.",
    );
  });
  if (client.online) {
    const left = reader.leave().finally(() => keeper?.end());
    await within(timeout, left);
  }
  if (intake !== undefined) {
    await stdout.drained(timeout);
    intake.acknowledge();
  }
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
