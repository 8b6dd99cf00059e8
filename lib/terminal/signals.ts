/** What asks a program to end: signals, Enter, and a user who asks twice. */

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

/** Settles at Enter, or when the terminal is gone; never at an end of the input. */
export async function nextEnter(): Promise<void> {
  const buffer = new Uint8Array(1024);
  for (;;) {
    // A terminal that hangs up gives EIO.
    const count = await Deno.stdin.read(buffer).catch(() => "gone" as const);
    if (count === "gone") return;
    if (count === null) return await new Promise(() => {});
    if (buffer.subarray(0, count).includes(LF)) return;
  }
}

const LF = 0x0a;

/** The end of a program: asked for once, and hurried when asked for twice. */
export class Ending {
  readonly #begun = Promise.withResolvers<Error | undefined>();
  readonly #hurried = Promise.withResolvers<void>();
  #hasBegun = false;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Settles when the end is asked for, with the error that caused it. */
  get begun(): Promise<Error | undefined> {
    return this.#begun.promise;
  }

  /** Settles when the user asks again. */
  get hurried(): Promise<void> {
    return this.#hurried.promise;
  }

  begin(error?: Error): void {
    this.#hasBegun = true;
    this.#begun.resolve(error);
  }

  /** Asks for the end as a user does: the second time hurries it. */
  insist(): void {
    if (this.#hasBegun) this.#hurried.resolve();
    this.begin();
  }
}
