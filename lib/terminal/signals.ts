/**
 * What asks a program to end: signals, Enter, and the insistence of whoever asks
 * twice.
 *
 * @module
 */

/**
 * Calls back when the program is asked to end: Ctrl-C everywhere, and where the
 * system has them SIGTERM and, when a terminal goes, SIGHUP. Under nohup, as far
 * as it can be seen, SIGHUP is for nobody.
 *
 * @param onEnd Called each time.
 * @returns A function that stops listening.
 */
export function onEndSignals(onEnd: () => void): () => void {
  const stops = [
    listen("SIGINT", onEnd),
    Deno.build.os === "windows"
      ? listen("SIGBREAK", onEnd)
      : listen("SIGTERM", onEnd),
    onSignal("SIGHUP", () => isUnderNohup().then((is) => is || onEnd())),
  ];
  return () => stops.forEach((stop) => stop());
}

/**
 * Calls back at a signal, where the system has it: Windows has none but those of
 * {@link onEndSignals}.
 *
 * @param signal Its name.
 * @param callback Called each time.
 * @returns A function that stops listening.
 */
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
  // Loaded here, since it takes 5 ms (measured) that nobody else needs.
  const { fstatSync } = await import("node:fs");
  // Of anything but a device, reading would take what is another's.
  if (!fstatSync(0).isCharacterDevice()) return false;
  try {
    Deno.stdin.readSync(new Uint8Array(1));
    return false;
  } catch {
    return true;
  }
}

/**
 * Waits until somebody presses Enter, or the terminal is gone. Other input, and
 * an end of it, is nobody's wish to end.
 */
export async function nextEnter(): Promise<void> {
  const buffer = new Uint8Array(1024);
  for (;;) {
    // A terminal that hangs up gives EIO.
    const count = await Deno.stdin.read(buffer).catch(() => "gone" as const);
    if (count === "gone") return;
    if (count === null) return await new Promise(() => {});
    if (buffer.subarray(0, count).some((byte) => byte === LF)) return;
  }
}

const LF = 0x0a;

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
