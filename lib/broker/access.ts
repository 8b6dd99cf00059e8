/**
 * Who may log in, and who may read and write which topics: what Mosquitto's
 * password and ACL files say, and what that means for one client. Pure; file
 * access is the caller's.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, pbkdf2, timingSafeEqual } from "node:crypto";
import { filterFault, topicMatches } from "../mqtt/topic.ts";

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

/** A password or ACL file with a line that can't be used. */
export class AccessFileError extends Error {
  static {
    this.prototype.name = "AccessFileError";
  }
  /** The file, as the caller named it. */
  readonly file: string;
  /** The line, counted from 1. */
  readonly line: number;

  /**
   * Makes the sentence for a line.
   *
   * @param file The file, as its reader should see it named.
   * @param line The line, counted from 1.
   * @param problem What is wrong with the line and what to do, as part of a
   *   sentence. Must not quote a password or a hash.
   */
  constructor(file: string, line: number, problem: string) {
    super(`${file}, line ${line}: ${problem}.`);
    this.file = file;
    this.line = line;
  }
}

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

/** What a rule gives or takes. */
export type Access = "read" | "write" | "readwrite" | "deny";

/** One line of an ACL file. */
export interface Rule {
  /** What it gives or takes. */
  readonly access: Access;
  /** On which topics. In a pattern `%u` is the user, `%c` the client id. */
  readonly filter: string;
}

/** The rules of an ACL file. Nothing is allowed unless a rule says so. */
export interface Acl {
  /** Rules by user; those for clients without a user have the key undefined. */
  readonly topics: ReadonlyMap<string | undefined, readonly Rule[]>;
  /** Rules for every client. */
  readonly patterns: readonly Rule[];
}

/** The client whose rights are asked for. */
export interface Identity {
  /** The user it logged in as; undefined when it didn't. */
  readonly user: string | undefined;
  /** Its client id. */
  readonly clientId: string;
}

/**
 * Reads a Mosquitto ACL file. `user NAME` opens a section, `topic [read|write|
 * readwrite|deny] FILTER` is a rule of the section (before the first section:
 * for clients without a user), `pattern` one for everybody; `#` in the first
 * column is a comment. As in Mosquitto 2.0, `topic read` alone is the rule
 * `readwrite` for a topic named `read`, and words are parted by spaces, not
 * tabs.
 *
 * @param text The file's text.
 * @param file The file's name, for errors.
 * @returns The rules.
 * @throws {AccessFileError} When a line is none of these.
 */
export function parseAclFile(text: string, file: string): Acl {
  const topics = new Map<string | undefined, Rule[]>();
  const patterns: Rule[] = [];
  let user: string | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trimEnd();
    if (line.startsWith("#") || line === "") continue;
    const [, keyword, rest] = /^ *([^ ]*) *(.*)$/s.exec(line)!;
    const fail = (problem: string) =>
      new AccessFileError(file, index + 1, problem);
    switch (keyword) {
      case "user":
        if (rest === "") throw fail("`user` without a name");
        user = rest.trim();
        break;
      case "topic": {
        const rules = topics.get(user) ?? [];
        topics.set(user, [...rules, parseRule(rest, fail)]);
        break;
      }
      case "pattern":
        patterns.push(parseRule(rest, fail));
        break;
      default:
        throw fail(
          `${JSON.stringify(keyword)} is none of user, topic, pattern`,
        );
    }
  }
  return { topics, patterns };
}

/** Reads what follows `topic` or `pattern`. */
function parseRule(text: string, fail: (problem: string) => Error): Rule {
  if (text === "") throw fail("a rule without a topic filter");
  const space = text.indexOf(" ");
  const access = space < 0 ? "readwrite" : text.slice(0, space);
  const filter = text.slice(space + 1).trim();
  if (!isAccess(access)) {
    throw fail(
      `${JSON.stringify(access)} is none of read, write, readwrite, deny`,
    );
  }
  const fault = filterFault(filter);
  if (fault !== undefined) {
    throw fail(`the topic filter ${JSON.stringify(filter)} ${fault}`);
  }
  return { access, filter };
}

/** Whether a word is an access of the ACL file. */
function isAccess(word: string): word is Access {
  return ["read", "write", "readwrite", "deny"].includes(word);
}

/**
 * Whether a client may read a topic.
 *
 * @param acl The rules.
 * @param who The client.
 * @param topic The topic's name, without wildcards.
 * @returns True when a rule allows it and none denies it.
 */
export function mayRead(acl: Acl, who: Identity, topic: string): boolean {
  return isAllowed(acl, who, topic, "read");
}

/**
 * Whether a client may write to a topic.
 *
 * @param acl The rules.
 * @param who The client.
 * @param topic The topic's name, without wildcards.
 * @returns True when a rule allows it and none denies it.
 */
export function mayWrite(acl: Acl, who: Identity, topic: string): boolean {
  return isAllowed(acl, who, topic, "write");
}

/** The order of Mosquitto 2.0: the user's own rules decide before patterns. */
function isAllowed(
  acl: Acl,
  who: Identity,
  topic: string,
  access: "read" | "write",
): boolean {
  const own = decide(acl.topics.get(who.user) ?? [], topic, access);
  if (own !== undefined) return own;
  // A wildcard in a name would widen the pattern that the name is put into.
  if (/[+#]/.test(`${who.user ?? ""}${who.clientId}`)) return false;
  const patterns = acl.patterns
    .filter((rule) => who.user !== undefined || !rule.filter.includes("%u"))
    .map((rule) => ({
      access: rule.access,
      filter: rule.filter.replace(
        /%[uc]/g,
        (sign) => sign === "%u" ? who.user! : who.clientId,
      ),
    }));
  return decide(patterns, topic, access) ?? false;
}

/** What some rules say: a denial first; undefined when none is about it. */
function decide(
  rules: readonly Rule[],
  topic: string,
  access: "read" | "write",
): boolean | undefined {
  const matching = rules.filter((rule) => topicMatches(rule.filter, topic));
  if (matching.some((rule) => rule.access === "deny")) return false;
  const allowed = matching.some((rule) =>
    rule.access === access || rule.access === "readwrite"
  );
  return allowed || undefined;
}
