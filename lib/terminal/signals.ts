/** Ends a program at a signal, and at once at a second one. */

import { type Clock, SYSTEM_CLOCK } from "../timer.ts";

/**
 * Calls back at Ctrl-C, at SIGTERM (SIGBREAK on Windows), and at SIGHUP unless
 * nohup has started the program. Returns a function that stops listening.
 */
export function onEndSignals(
  onEnd: (signal: Deno.Signal) => void,
): () => void {
  const term = Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM";
  const stops = [
    listen("SIGINT", () => onEnd("SIGINT")),
    listen(term, () => onEnd(term)),
    onSignal(
      "SIGHUP",
      () => isUnderNohup().then((is) => is || onEnd("SIGHUP")),
    ),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Calls back at a signal that Windows lacks. Returns a function that stops listening. */
export function onSignal(
  signal: Deno.Signal,
  callback: () => void,
): () => void {
  return Deno.build.os === "windows" ? () => {} : listen(signal, callback);
}

function listen(signal: Deno.Signal, callback: () => void): () => void {
  Deno.addSignalListener(signal, callback);
  return () => Deno.removeSignalListener(signal, callback);
}

/**
 * Whether nohup started this. A signal that is ignored can't be seen, and Deno
 * takes SIGHUP as soon as it listens to any other (measured, 2.9); but in place
 * of a terminal nohup gives a /dev/null that can't be read (GNU coreutils).
 */
async function isUnderNohup(): Promise<boolean> {
  if (Deno.stdin.isTerminal()) return false;
  // Loaded here: it takes 5 ms (measured).
  const { fstatSync } = await import("node:fs");
  // From anything but a device, the read would take input.
  if (!fstatSync(0).isCharacterDevice()) return false;
  try {
    Deno.stdin.readSync(new Uint8Array(1));
    return false;
  } catch {
    return true;
  }
}

/**
 * A signal that comes again within this time, in milliseconds, is the same one:
 * `timeout` signals a program and then its group.
 */
const ONE_SIGNAL_MS = 100;

/** Requests the end of a program; a second signal hurries it. */
export class Ending {
  readonly #begun = Promise.withResolvers<Error | undefined>();
  readonly #hurried = Promise.withResolvers<void>();
  readonly #clock: Clock;
  #hasBegun = false;
  #signal?: Deno.Signal;
  #signalAt = 0;

  constructor(clock: Clock = SYSTEM_CLOCK) {
    this.#clock = clock;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Settles when the end is requested, with the error that caused it. */
  get begun(): Promise<Error | undefined> {
    return this.#begun.promise;
  }

  /** The signal that requested the end, if one did so first. */
  get signal(): Deno.Signal | undefined {
    return this.#signal;
  }

  /** Settles at a second signal. */
  get hurried(): Promise<void> {
    return this.#hurried.promise;
  }

  begin(error?: Error): void {
    this.#hasBegun = true;
    this.#begun.resolve(error);
  }

  /** Requests the end at a signal; a second signal hurries it. */
  insist(signal: Deno.Signal): void {
    const now = this.#clock.monotonic();
    if (!this.#hasBegun) {
      this.#signal = signal;
      this.#signalAt = now;
    } else if (
      signal !== this.#signal || now - this.#signalAt > ONE_SIGNAL_MS
    ) {
      this.#hurried.resolve();
    }
    this.begin();
  }
}
