/** Exit codes, and which error ends in which. */

import {
  NotAuthorizedError,
  PublishError,
  UnreachableError,
} from "../client.ts";
import { UsageError } from "./flags.ts";

/** `--wait` ended the listener before `--count` was reached. */
export class WaitedError extends Error {
  static {
    this.prototype.name = "WaitedError";
  }
}

export const EXIT = {
  /** The listener left in good order; every line was acknowledged. */
  ok: 0,
  /** Any failure that has no code of its own. */
  failed: 1,
  /** Wrong arguments, or a missing permission. */
  usage: 2,
  /** Bad login, or a room that the user may not read or write. */
  notAuthorized: 3,
  /** No broker: DNS, refused, TLS, timeout, or lost for good. */
  unreachable: 4,
  /** Some lines were not delivered. */
  undelivered: 5,
  /** See {@link WaitedError}. */
  waited: 6,
} as const;

const SIGNALS: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGPIPE: 13,
  SIGTERM: 15,
  SIGBREAK: 21,
};

/** The exit code of a program that a signal stopped, as shells have it. */
export function exitCodeOfSignal(signal: Deno.Signal): number {
  return 128 + (SIGNALS[signal] ?? 0);
}

/** Returns the exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof WaitedError) return EXIT.waited;
  if (error instanceof NotAuthorizedError) return EXIT.notAuthorized;
  if (error instanceof UnreachableError) return EXIT.unreachable;
  if (error instanceof PublishError) {
    return error.isDenied ? EXIT.notAuthorized : EXIT.undelivered;
  }
  return EXIT.failed;
}
