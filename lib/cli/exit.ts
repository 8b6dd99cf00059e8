/**
 * Exit codes, and which error ends in which.
 *
 * @module
 */

import { NotAuthorizedError, UnreachableError } from "../client.ts";
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

/** Returns the exit code for an error that ended a script. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof WaitedError) return EXIT.waited;
  if (error instanceof NotAuthorizedError) return EXIT.notAuthorized;
  if (error instanceof UnreachableError) return EXIT.unreachable;
  return EXIT.failed;
}
