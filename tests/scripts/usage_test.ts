import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { assertOneLine, run } from "../support/processes.ts";

/** Arguments that can't be followed, and what is said of them. */
const BOTH: [args: string[], said: RegExp][] = [
  [["--bogus"], /"--bogus"/],
  [["\x1b[2J"], /"\\u001b\[2J"/],
  [["-p", "65536"], /--port "65536"/],
  [["-q", "3"], /--qos "3"/],
  [["--completions", "tcsh"], /it takes one of bash, zsh, fish\./],
  [["-t", ""], /--topic needs a value/],
  [["-t", "a", "-h"], /--host needs a value/],
  [["-k", "30", "-k", "30"], /--keepalive can be given once/],
  [["hello"], /"hello" belongs to no flag/],
  [["--resume"], /--resume needs --id/],
  [["--cert", "c"], /--cert and --key/],
  [["-h", "mqtt://ann:secret@a b"], /--host does not fit/],
];

const CASES: [script: string, ...typeof BOTH[0]][] = [
  ...BOTH.map(([...it]): typeof CASES[0] => ["listener.ts", ...it]),
  ...BOTH.map(([...it]): typeof CASES[0] => ["publisher.ts", ...it]),
  ["listener.ts", ["-C", "none"], /--count "none"/],
  ["listener.ts", ["-t", "chat/#/x"], /--topic "chat\/#\/x"/],
  ["publisher.ts", ["-t", "chat/#"], /--topic "chat\/#" has a wildcard/],
  ["publisher.ts", ["-m", ""], /--message needs a value/],
  ["publisher.ts", ["--follow"], /--follow needs a terminal/],
];

Deno.test("usage: one line on stderr that points to --help", async () => {
  const outcomes = await Promise.all(
    CASES.map(([script, args]) => run(script, args)),
  );
  for (const [index, [script, , said]] of CASES.entries()) {
    const outcome = outcomes[index];
    assertOneLine(outcome, 2, said);
    assertEquals(outcome.stderr.split(":")[0] + ".ts", script);
    assertMatch(outcome.stderr, / Try --help\.\n$/);
    assertFalse(outcome.stderr.includes("secret"));
  }
});

for (const script of ["listener", "publisher"]) {
  Deno.test(`usage: the ${script}'s --help and --version`, async () => {
    const [help, version] = await Promise.all(
      ["--help", "--version"]
        .map((flag) => run(`${script}.ts`, [flag], { permissions: [] })),
    );
    assertEquals([help.code, help.stderr], [0, ""]);
    assertMatch(help.stdout, /^\w+s .*\n(.+\n)+Examples\n(.+\n){3}$/);
    assertEquals([version.code, version.stderr], [0, ""]);
    assertMatch(version.stdout, /^\w+\.ts \d+\.\d+\.\d+\n$/);
    assertEquals(version.stdout.split(".")[0], script);
  });
}

Deno.test("usage: the scripts can be run by their names", {
  ignore: Deno.build.os === "windows",
}, async () => {
  for (const script of ["listener.ts", "publisher.ts"]) {
    const { mode } = await Deno.stat(
      new URL(`../../${script}`, import.meta.url),
    );
    assertEquals(mode! & 0o111, 0o111, script);
  }
});
