/**
 * Exit codes, and which error ends in which.
 *
 * @module
 */

import {
  NotAuthorizedError,
  PublishError,
  UnreachableError,
} from "../client.ts";
import { UsageError } from "./arguments.ts";

/** `--wait` ended the listener before `--count` was reached. */
export class WaitedError extends Error {
  static {
    this.prototype.name = "WaitedError";
  }
}

/** What the scripts' exit codes mean. */
export const EXIT = {
  /** Done: the listener left in good order, every line was acknowledged. */
  ok: 0,
  /** Any failure that has no code of its own. */
  failed: 1,
  /** The arguments, or the permissions, can't be followed. */
  usage: 2,
  /** Bad login, or a room that may not be read or written. */
  notAuthorized: 3,
  /** No broker: DNS, refused, TLS, timeout, or lost for good. */
  unreachable: 4,
  /** Some lines were not delivered. */
  undelivered: 5,
  /** `--wait` ended the listener before `--count` was reached. */
  waited: 6,
} as const;

/**
 * The exit code an error ends in.
 *
 * @param error What was thrown.
 * @returns One of {@link EXIT}.
 */
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
