/**
 * What asks a program to end: signals, Enter, and the insistence of whoever asks
 * twice.
 *
 * @module
 */

/**
 * Calls back when the program is asked to end: Ctrl-C everywhere, SIGTERM
 * where the system has it, and SIGHUP where there is a terminal to hang up:
 * a handler would undo what nohup does.
 *
 * @param onSignal Called each time.
 * @returns A function that stops listening.
 */
export function onEndSignals(onSignal: () => void): () => void {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : Deno.stdin.isTerminal()
    ? ["SIGINT", "SIGTERM", "SIGHUP"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  };
}

/** Waits until somebody presses Enter, or the terminal ends. */
export async function nextEnter(): Promise<void> {
  // A terminal that hangs up gives EIO, which is an end as well.
  await Deno.stdin.read(new Uint8Array(1024)).catch(() => null);
}

/** The end of a program: asked for once, and hurried when asked for twice. */
export class Ending {
  readonly #begun = Promise.withResolvers<Error | undefined>();
  readonly #hurried = Promise.withResolvers<void>();
  #hasBegun = false;

  /** Whether the end was asked for. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Settles when the end is asked for; with an error where that is why. */
  get begun(): Promise<Error | undefined> {
    return this.#begun.promise;
  }

  /** Settles when a person asks again. */
  get hurried(): Promise<void> {
    return this.#hurried.promise;
  }

  /**
   * Asks for the end.
   *
   * @param error Why, if it is one.
   */
  begin(error?: Error): void {
    this.#hasBegun = true;
    this.#begun.resolve(error);
  }

  /** Asks for it as a person does: the second time without ceremony. */
  insist(): void {
    if (this.#hasBegun) this.#hurried.resolve();
    this.begin();
  }
}
