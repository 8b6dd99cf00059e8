/**
 * Stdout and stderr where they are pipes, which others may have too: nothing is
 * lost or doubled where a neighbour has set one not to block. There
 * `Deno.stdout.write` fails with EAGAIN, after a part that it doesn't tell of
 * (measured, Deno 2.9).
 *
 * @module
 */

import { Socket } from "node:net";
import { type ByteSink, WHOLE_BYTES } from "./output.ts";

/** What node:net keeps to itself. */
interface Handled {
  _handle?: { setBlocking?: (isBlocking: boolean) => void };
}

/**
 * Stdout: a pipe is written from the main thread and awaited where it is full,
 * without the two hops through a pool of threads that `Deno.stdout.write`
 * takes. It does not block meanwhile, and blocks again for whoever else has it
 * when the program ends, unless it is killed.
 *
 * @returns The sink; for files and terminals what Deno has for them.
 */
export function openStdout(): ByteSink {
  try {
    const options = { fd: 1, readable: false, writable: true };
    return new PipeSink(new Socket(options));
  } catch {
    // node:net takes no other files.
    return Deno.stdout;
  }
}

/**
 * Stderr, as it is: others have it more often, and may not expect that it
 * doesn't block. Each write is so small that a pipe takes or refuses all of it.
 *
 * @returns The sink.
 */
export function openStderr(): ByteSink {
  return {
    write: (bytes) => Deno.stderr.write(bytes.subarray(0, WHOLE_BYTES)),
  };
}

class PipeSink implements ByteSink {
  readonly gathers = true;
  readonly failed: Promise<Error>;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.failed = promise;
    this.#socket = socket;
    socket.on("error", resolve);
    const { _handle: handle } = socket as unknown as Handled;
    addEventListener("unload", () => handle?.setBlocking?.(true));
  }

  write(bytes: Uint8Array): number | Promise<number> {
    const written = Promise.withResolvers<number>();
    this.#socket.write(bytes, () => written.resolve(bytes.length));
    return this.#socket.writableLength === 0 ? bytes.length : written.promise;
  }
}
