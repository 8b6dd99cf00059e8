#!/usr/bin/env -S deno run --v8-flags=--max-semi-space-size=4,--heap-growing-percent=100,--no-lazy -N
/**
 * Reads chat rooms over MQTT: prints one line for each message, until Ctrl-C,
 * `--count` or `--wait`.
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
import { isShared } from "./lib/mqtt/topic.ts";
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
 * Runs the listener with `Deno.args`, perhaps under another name; returns the
 * exit code.
 */
export function main(args: string[], name?: string): Promise<number> {
  return runScript("listener", args, parseListenerArgs, listen, name);
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
    await openStdout(),
    (count) => {
      if (only === undefined) return droppedLine(count, { json, color });
      people.tell(droppedLine(count, { json: false, color: false }));
      return undefined;
    },
  );
  const isTerminal = Deno.stdout.isTerminal();
  const { topics, resume, count } = options;
  // Only with these does the broker send unacknowledged messages again.
  const hasShare = topics.some(isShared);
  const isKept = resume || hasShare;
  const intake = isKept ? new Intake(stdout) : undefined;
  const multiline = isTerminal && color && !isDumb && !json;
  const rows = multiline ? await rowsOfTerminal() : (line: string) => line;
  const reader = new Reader({
    ...options,
    // The listener's own notices would fill its queue at the broker.
    announce: options.announce && !(resume && count !== undefined),
    color,
    multiline,
    ignored: new Ignored(options.ignore),
    names,
    // A key made for this run signs notices only; another window may write.
    key: connect.signer?.key,
    bell: options.bell && isTerminal,
    // In plain output each event has a line of its own.
    gather: color && isTerminal,
    // Messages held for a history could not be counted.
    history: resume && count !== undefined
      ? 0
      : options.history ?? usualHistory(isTerminal && !json),
    // A keeper is about to write a history.
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
    will: reader.presence.will,
    // Without a session, the broker gives the share of a lost reader to others.
    session: hasShare && !resume ? { expiry: 0 } : connect.session,
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
  if (reader.presence.isDenied || keeper?.isDenied) return EXIT.notAuthorized;
  if (error) throw error;
  return keeper?.hasFailed ? EXIT.failed : EXIT.ok;
}

/**
 * Acknowledges each message when its line is written, in order of arrival; one
 * without a line goes with the line before it. The broker keeps the rest.
 */
class Intake {
  readonly #stdout: LineWriter;
  /** Arrivals, and the lines to write before each is acknowledged. */
  readonly #unwritten: { arrival: number; lines: number }[] = [];
  #client?: ChatClient;
  #reader?: Reader;
  #hasEnded = false;
  #isOverflowing = false;

  constructor(stdout: LineWriter) {
    this.#stdout = stdout;
  }

  /** Whether messages are accepted; the broker sends the others again. */
  get isOpen(): boolean {
    this.#isOverflowing ||= this.#stdout.isFull;
    return !this.#hasEnded && !this.#isOverflowing;
  }

  /** Records an accepted message; its line, if it has one, is queued. */
  took({ arrival = 0 }: Received, isHeld: boolean): void {
    if (!isHeld) this.#release();
    const lines = isHeld ? Infinity : this.#stdout.added;
    const last = this.#unwritten.at(-1);
    if (last?.lines === lines) last.arrival = arrival;
    else this.#unwritten.push({ arrival, lines });
    if (lines <= this.#stdout.written) this.acknowledge();
  }

  /** Acknowledges the messages whose lines are written. */
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
        // The same will: this only makes a new connection, on which the broker
        // sends again what was not acknowledged.
        client.setWill(reader.presence.will);
      }
      await this.#stdout.progress;
    }
  }

  /** Accepts messages again: on a new connection the broker sends them anew. */
  connected(): void {
    this.#isOverflowing = false;
  }

  /** Gives messages that are no longer held the count of lines so far. */
  #release(): void {
    // Held messages are at the end.
    if (this.#unwritten.at(-1)?.lines !== Infinity) return;
    const { added } = this.#stdout;
    for (const entry of this.#unwritten) {
      if (entry.lines === Infinity) entry.lines = added;
    }
  }

  /** Accepts no more messages. */
  end(): void {
    this.#hasEnded = true;
  }
}

/** Makes the keeper of `--keep`. */
async function openKeeper(
  { keep, debug, ...options }: ListenerOptions,
  { tell, complain }: People,
  names: Names,
): Promise<Keeper | undefined> {
  if (keep === undefined) return undefined;
  // Loaded here, since few listeners keep a room.
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

/** Ends the run at a signal, or after `--wait`. */
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

/** Announces the leave, and writes what has arrived. */
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
    const left = reader.presence.leave().finally(() => keeper?.end());
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

/** The error when the broker denies every room. */
function nothingToRead({ topics }: ListenerOptions): NotAuthorizedError {
  return new NotAuthorizedError(
    `The broker lets you read none of ${topics.join(", ")}; ask its ` +
      "operator, or use another --username.",
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
