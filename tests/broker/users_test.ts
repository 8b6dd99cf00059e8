import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { AccessFileError } from "../../lib/broker/file_error.ts";
import { parsePasswordFile, verifyPassword } from "../../lib/broker/users.ts";

/** What `mosquitto_passwd` 2.0.11 wrote, with `-H sha512` for `$6$`. */
const WRITTEN = [
  {
    line:
      "chat:$6$AB3KKmlp1HKpS8ws$gfIkUs4u7tlMm1u7s8aX8cnDLIe7QNTc7e9HeB7iO4wL7OdvRJPTZICJjVyPdg8O6P9xLbp6kPXtkfjfYKghYg==",
    user: "chat",
    password: "chat",
  },
  {
    line:
      "Test:$7$101$MGTQPEhpaSmoszYI$onAfffF6AXL/caqewdPirm3dqerlKfvgmP0c3Hwf3go3aiPaNey8xYtaOM0eI1Vn4jjFiJsoqdRRSFaBs7aLuA==",
    user: "Test",
    password: "test",
  },
  {
    line:
      "ünï:$6$KzIsuLzsH4JsoPoS$FqK1fTcUC2zrn84/RWQ5CWyyj4UqjvfrbjoM8QamiWRcI7+w70kdsYurUBrVxtFhUMk6MMsW0qY15FNRjRexXw==",
    user: "ünï",
    password: "pä$s:wörd ✓",
  },
  {
    line:
      "ünï7:$7$101$wrw4jfq7lFm/Oh0m$o7d0IpheCh8i/wLm0hhCIaWNZC0R8e/0Ia8OqKxf8W1viMKxW8iTdZ+7l84OpxmLi4TFwc+vzDY+wQcCjrQEkQ==",
    user: "ünï7",
    password: "pä$s:wörd ✓",
  },
  {
    line:
      "empty6:$6$41QjUueeUm7hNxBO$Y5AAdwPvAbnnQtCPWd4cgrShSd2+TIumm9BVSXIs4tU68rf/5VzFyv7oCXuC+TAt2eznKzKpNScr5GB/xJFGrQ==",
    user: "empty6",
    password: "",
  },
  {
    line:
      "empty7:$7$101$DdskadSY97dc/bTv$C5REgwnksNBaqs1PG9GyAlGzyMo12oFNZpJlQUwid5DgTynvkFLMbdivLc4xoldgvwM/iY5YoJfvVwUE4ZAHdw==",
    user: "empty7",
    password: "",
  },
];
const [SHA512, PBKDF2] = WRITTEN.map(({ line }) =>
  line.slice(line.indexOf(":") + 1)
);

for (const { line, user, password } of WRITTEN) {
  Deno.test(`users: the password of ${user} is right, others are not`, async () => {
    const hash = parsePasswordFile(line, "passwd").get(user)!;
    assertEquals(await verifyPassword(hash, password), true);
    assertEquals(
      await verifyPassword(hash, new TextEncoder().encode(password)),
      true,
    );
    for (
      const wrong of [`${password} `, `x${password}`, line, user + 1]
    ) {
      assertEquals(await verifyPassword(hash, wrong), false, wrong);
    }
  });
}

Deno.test("users: the number of rounds counts", async () => {
  const hash = parsePasswordFile(WRITTEN[1].line, "passwd").get("Test")!;
  assertEquals(hash.scheme, "$7$");
  assertEquals(hash.iterations, 101);
  assertEquals(
    await verifyPassword({ ...hash, iterations: 100 }, "test"),
    false,
  );
});

Deno.test("users: comments, blank lines, CRLF and blanks around are passed over", () => {
  const users = parsePasswordFile(
    `# two: users\r\n\r\n a b :${SHA512} \r\n  \n__proto__:${PBKDF2}`,
    "passwd",
  );
  assertEquals([...users.keys()], ["a b", "__proto__"]);
  assertEquals(parsePasswordFile("", "passwd").size, 0);
});

const HOSTILE_USERS: [string, string][] = [
  ["no colon", "chat"],
  ["no name", `:${SHA512}`],
  ["a blank name", `  :${SHA512}`],
  ["no hash", "chat:"],
  ["a plain password", "chat:chat"],
  ["another scheme", "chat:$5$c2FsdA==$c2FsdA=="],
  ["bcrypt", "chat:$2y$05$abcdefghijklmnopqrstuu"],
  ["no salt", `chat:$6$$${SHA512.split("$")[3]}`],
  ["a salt that is not base64", `chat:${SHA512.replace("AB3K", "A_3K")}`],
  ["a short hash", "chat:$6$AB3KKmlp1HKpS8ws$AAAA"],
  ["a longer hash", `chat:${SHA512.replace("==", "AA==")}`],
  ["a fourth field", `chat:${SHA512}$AAAA`],
  ["a comment after the hash", `chat:${SHA512} # mine`],
  ["no rounds", `chat:${PBKDF2.replace("$101", "")}`],
  ["zero rounds", `chat:${PBKDF2.replace("101", "0")}`],
  ["negative rounds", `chat:${PBKDF2.replace("101", "-101")}`],
  ["hexadecimal rounds", `chat:${PBKDF2.replace("101", "0x65")}`],
  ["rounds that take minutes", `chat:${PBKDF2.replace("101", "99999999")}`],
  ["rounds beyond numbers", `chat:${PBKDF2.replace("101", "9".repeat(400))}`],
  ["a user again", `first:${PBKDF2}`],
];

for (const [what, line] of HOSTILE_USERS) {
  Deno.test(`users: ${what} is an error that names file and line`, () => {
    const error = assertThrows(
      () =>
        parsePasswordFile(`# one\nfirst:${SHA512}\n${line}\n`, "some/passwd"),
      AccessFileError,
    );
    assertEquals([error.file, error.line], ["some/passwd", 3]);
    assertStringIncludes(error.message, "some/passwd, line 3: ");
    assertEquals(error.message.includes("$gfIk"), false, "shows a hash");
  });
}
