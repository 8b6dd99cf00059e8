import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { AccessFileError } from "../../lib/broker/file_error.ts";
import { mayRead, mayWrite, parseAclFile } from "../../lib/broker/rights.ts";

const FILE = `# before the first section: clients without a user
topic read public/#

pattern write out/%u/%c
pattern deny out/%u/secret
pattern readwrite lobby

user alice
topic a/#
topic read r/+
topic  write   w 
topic deny a/private/#
topic readwrite two words

user bob
topic readwrite #
topic read $SYS/#

user alice
topic read more
`.replaceAll("\n", "\r\n");

/** User, topic, what it may: r, w or both. Mosquitto agrees, as above. */
const RIGHTS: [string | undefined, string, string][] = [
  ["alice", "a", "rw"],
  ["alice", "a/b", "rw"],
  ["alice", "a/private", ""],
  ["alice", "a/private/x", ""],
  ["alice", "r/x", "r"],
  ["alice", "r/x/y", ""],
  ["alice", "w", "w"],
  ["alice", "two words", "rw"],
  ["alice", "more", "r"],
  ["alice", "public/x", ""],
  ["alice", "out/alice/c1", "w"],
  ["alice", "out/alice/c2", ""],
  ["alice", "out/bob/c1", ""],
  ["alice", "out/alice/secret", ""],
  ["alice", "lobby", "rw"],
  ["alice", "$SYS/x", ""],
  ["bob", "anything/at/all", "rw"],
  ["bob", "out/bob/secret", "rw"],
  ["bob", "$SYS/x", "r"],
  ["bob", "$other", ""],
  ["carol", "a", ""],
  ["carol", "lobby", "rw"],
  ["carol", "out/carol/c1", "w"],
  ["+", "out/x/c1", ""],
  ["+", "lobby", ""],
  ["__proto__", "a", ""],
  [undefined, "public/x", "r"],
  [undefined, "a", ""],
  [undefined, "lobby", "rw"],
  [undefined, "out/undefined/c1", ""],
];

Deno.test("acl: rules of users, of everybody and of nobody", () => {
  const acl = parseAclFile(FILE, "acl");
  for (const [user, topic, expected] of RIGHTS) {
    const who = { user, clientId: "c1" };
    const actual = (mayRead(acl, who, topic) ? "r" : "") +
      (mayWrite(acl, who, topic) ? "w" : "");
    assertEquals(actual, expected, `${user} ${topic}`);
  }
});

Deno.test("acl: a client id can't widen a pattern", () => {
  const acl = parseAclFile("pattern read in/%c/#", "acl");
  const may = (clientId: string, topic: string) =>
    mayRead(acl, { user: "u", clientId }, topic);
  assertEquals(may("me", "in/me/x"), true);
  assertEquals(may("+", "in/me/x"), false);
  assertEquals(may("#", "in/me/x"), false);
  assertEquals(may("%u", "in/u/x"), false, "is put in once");
});

Deno.test("acl: an empty file allows nothing", () => {
  const acl = parseAclFile("\n# nothing\n", "acl");
  assertEquals(mayRead(acl, { user: "u", clientId: "c" }, "a"), false);
  assertEquals(mayWrite(acl, { user: undefined, clientId: "c" }, "a"), false);
});

Deno.test("acl: an access alone is a topic of that name", () => {
  const acl = parseAclFile("user u\ntopic read", "acl");
  assertEquals(mayWrite(acl, { user: "u", clientId: "c" }, "read"), true);
});

const HOSTILE_RULES: [string, string][] = [
  ["an unknown keyword", "topics a"],
  ["a tab in place of a space", "topic\tread a"],
  ["a comment that is not in the first column", " # a"],
  ["a user without a name", "user  "],
  ["a topic without a filter", "topic"],
  ["an unknown access", "topic all a"],
  ["an inherited property as access", "topic constructor a"],
  ["# before the end", "topic read a/#/b"],
  ["# that is not a level", "topic read a#"],
  ["+ that is not a level", "topic read a+/b"],
  ["a bad filter in a pattern", "pattern read %u/#/x"],
];

for (const [what, line] of HOSTILE_RULES) {
  Deno.test(`acl: ${what} is an error that names file and line`, () => {
    const error = assertThrows(
      () => parseAclFile(`# one\nuser u\n\n${line}\n`, "some/acl"),
      AccessFileError,
    );
    assertEquals([error.file, error.line], ["some/acl", 4]);
    assertStringIncludes(error.message, "some/acl, line 4: ");
  });
}
