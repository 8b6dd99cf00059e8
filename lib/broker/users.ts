/**
 * Who may log in: what Mosquitto's password file says, and whether a password
 * is the right one. Pure; file access is the caller's.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, pbkdf2, timingSafeEqual } from "node:crypto";
import { AccessFileError } from "./file_error.ts";

/** A password as `mosquitto_passwd` keeps it. */
export interface PasswordHash {
  /** `$6$` is one salted SHA-512, `$7$` is PBKDF2 with HMAC-SHA-512. */
  readonly scheme: "$6$" | "$7$";
  /** Rounds of PBKDF2; 1 with `$6$`. */
  readonly iterations: number;
  /** The salt, decoded. */
  readonly salt: Uint8Array;
  /** The 64 bytes that the right password gives. */
  readonly hash: Uint8Array;
}

/** User names and their password hashes. */
export type Users = ReadonlyMap<string, PasswordHash>;

/** SHA-512 gives this many bytes. */
const HASH_BYTES = 64;

/** More rounds than this take seconds at each login: surely a typing error. */
const MAX_ITERATIONS = 10_000_000;

/**
 * Reads a Mosquitto password file: `name:hash` on each line, `#` in the first
 * column for a comment. Stricter than Mosquitto, which passes over lines that
 * it can't use and so leaves a user out.
 *
 * @param text The file's text.
 * @param file The file's name, for errors.
 * @returns The users.
 * @throws {AccessFileError} When a line is not a user with a `$6$` or `$7$`
 *   hash, or names a user again.
 */
export function parsePasswordFile(text: string, file: string): Users {
  const users = new Map<string, PasswordHash>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("#") || line.trim() === "") continue;
    const fail = (problem: string) =>
      new AccessFileError(file, index + 1, problem);
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon < 0 || name === "") {
      throw fail("not NAME:HASH; write such lines with mosquitto_passwd");
    }
    if (users.has(name)) {
      throw fail(`the user ${JSON.stringify(name)} is there twice`);
    }
    const hash = parseHash(line.slice(colon + 1).trim());
    if (!hash) {
      throw fail(
        `the password of ${JSON.stringify(name)} is not a $6$ or $7$ hash; ` +
          "set it with mosquitto_passwd",
      );
    }
    users.set(name, hash);
  }
  return users;
}

/** Takes a hash apart; undefined when it isn't one of the two kinds. */
function parseHash(text: string): PasswordHash | undefined {
  const match = /^\$(?:6|7\$(\d{1,8}))\$([^$]+)\$([^$]+)$/.exec(text);
  if (!match) return undefined;
  const iterations = Number(match[1] ?? 1);
  const salt = decodeBase64(match[2]);
  const hash = decodeBase64(match[3]);
  if (iterations < 1 || iterations > MAX_ITERATIONS) return undefined;
  if (!salt || hash?.length !== HASH_BYTES) return undefined;
  return { scheme: match[1] ? "$7$" : "$6$", iterations, salt, hash };
}

/** Decodes base64 with its padding; undefined when it isn't that. */
function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/**
 * Whether a password is the one behind a hash. Takes the same time wherever
 * the two differ.
 *
 * @param expected The hash from the password file.
 * @param password The password as it came: bytes, or text taken as UTF-8.
 * @returns True when it is the right one.
 */
export async function verifyPassword(
  expected: PasswordHash,
  password: string | Uint8Array,
): Promise<boolean> {
  const actual = expected.scheme === "$6$"
    ? createHash("sha512").update(password).update(expected.salt).digest()
    : await derive(password, expected.salt, expected.iterations);
  return timingSafeEqual(actual, expected.hash);
}

/** PBKDF2 with HMAC-SHA-512, off the main thread. */
function derive(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(
      password,
      salt,
      iterations,
      HASH_BYTES,
      "sha512",
      (error, key) => error ? reject(error) : resolve(key),
    );
  });
}
