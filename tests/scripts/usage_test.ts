import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { helpText } from "../../lib/cli/flags.ts";
import {
  at,
  FakeBroker,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import { Peer } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  ROOT,
  run,
} from "../support/processes.ts";
import { Tmux } from "../support/tmux.ts";

/** Arguments that can't be followed, and what is said of them. */
const BOTH: [args: string[], said: RegExp][] = [
  [["--topik", "x"], /unknown flag --topik; did you mean --topic\?/],
  [["\x1b[2J"], /"\\u001b\[2J"/],
  [["-p", "65536"], /--port "65536"/],
  [["-h", "mqtt://ann:secret@a b"], /--host does not fit/],
];

const CASES: [script: string, ...typeof BOTH[0]][] = [
  ...BOTH.map(([...it]): typeof CASES[0] => ["listener.ts", ...it]),
  ...BOTH.map(([...it]): typeof CASES[0] => ["publisher.ts", ...it]),
  ["listener.ts", ["-C", "none"], /--count "none"/],
  ["publisher.ts", ["-t", "chat/#"], /--topic "chat\/#" has a wildcard/],
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
    assertMatch(outcome.stderr, /[.?] Try --help\.\n$/);
    assertFalse(outcome.stderr.includes("secret"));
  }
});

for (const script of ["listener", "publisher"] as const) {
  Deno.test(`usage: the ${script}'s --help and --version`, async () => {
    const [help, version] = await Promise.all(
      ["--help", "--version"]
        .map((flag) => run(`${script}.ts`, [flag], { permissions: [] })),
    );
    assertEquals([help.code, help.stderr], [0, ""]);
    assertEquals(help.stdout, `${helpText(script)}\n`);
    assertEquals([version.code, version.stderr], [0, ""]);
    assertMatch(version.stdout, /^\w+\.ts \d+\.\d+\.\d+\n$/);
    assertEquals(version.stdout.split(".")[0], script);
  });
}

gate(NO_TMUX)("usage: headings are coloured on a terminal only", async () => {
  await using tmux = new Tmux(`mqtt-chat-help-${Deno.pid}`);
  const folder = fileURLToPath(ROOT);
  const terminal = await tmux.open({ columns: 200, rows: 70 }, folder);
  for (const when of ["auto", "never"]) {
    const help = `'${Deno.execPath()}' run publisher.ts --help --color=${when}`;
    await terminal.enter(`clear; ${help}; echo ${when} ends`);
    await terminal.until(RegExp(`^${when} ends$`, "m"));
    const isBold = (await terminal.capture()).includes("\x1b[1mExamples:");
    assertEquals(isBold, when === "auto");
  }
});

Deno.test("usage: a bug is one line, and exit code 1", async () => {
  const bug = (kind: string) => `
    import { parsePublisherArgs } from "./lib/cli/options.ts";
    import { runScript } from "./lib/cli/script.ts";
    await runScript("publisher", [], parsePublisherArgs, () => {
      ${kind};
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    });
  `;
  for (
    const kind of [
      'queueMicrotask(() => { throw new Error("a\\nb") })',
      'Promise.reject(new Error("a\\nb"))',
    ]
  ) {
    const outcome = await run("-", [], { stdin: bug(kind) });
    assertEquals(outcome, {
      code: 1,
      stdout: "",
      stderr: "publisher: This is a bug, please report it: a ⏎ b\n",
    });
  }
});

Deno.test("usage: -m sends any text, and an empty one is no message", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  for (const text of ["", "-ab=1", "--help"]) {
    const outcome = await run("publisher.ts", at(broker, "-m", text));
    assertQuietSuccess(outcome);
  }
  const texts = [(await peer.next()).text, (await peer.next()).text];
  assertEquals(texts.map((text) => JSON.parse(text).message), [
    "-ab=1",
    "--help",
  ]);
});

Deno.test("usage: flags of the connection reach the broker", async () => {
  await using broker = new FakeBroker(letIn({}));
  const args = ["-i", "me", "-cx", "77", "-k9", "-u", "ann", "-V5", "-m", "hi"];
  assertEquals((await run("publisher.ts", at(broker, ...args))).code, 0);
  const { clientId, clean, keepalive, username, properties } = await broker
    .next("connect");
  assertEquals(
    [clientId, clean, keepalive, username, properties?.sessionExpiryInterval],
    ["me", false, 9, "ann", 77],
  );
});

Deno.test("usage: the scripts can be run by their names", {
  ignore: Deno.build.os === "windows",
}, async () => {
  for (const script of ["listener.ts", "publisher.ts"]) {
    const { mode } = await Deno.stat(
      new URL(script, ROOT),
    );
    assertEquals(mode! & 0o111, 0o111, script);
  }
});
