/**
 * Who may read and write which topics: what Mosquitto's ACL file says, and what
 * that means for one client. Pure; file access is the caller's.
 *
 * @module
 */

import { filterFault, topicMatches } from "../mqtt/topic.ts";
import { AccessFileError } from "./file_error.ts";

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
