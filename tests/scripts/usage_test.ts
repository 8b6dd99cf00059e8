/** Flags, rooms as URLs, and what the scripts may do. */

import {
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { helpText, type Script } from "../../lib/cli/flags.ts";
import {
  at,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
} from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import {
  assertEnds,
  assertOneLine,
  assertQuietSuccess,
  freePort,
  type Outcome,
  run,
  spawn,
  start,
} from "../support/processes.ts";
import { linesOf, nextPayload, roomTests } from "../support/peers.ts";
import { Terminal } from "../support/tmux.ts";

const test = roomTests("usage");

/** Arguments that can't be followed, and what is said; never a secret. */
const CASES: [script: Script, args: string[], said: RegExp][] = [
  [
    "listener",
    ["--topik", "x"],
    /unknown flag --topik; did you mean --topic\?/,
  ],
  ["publisher", ["--topik", "x"], /unknown flag --topik; did you mean --topic/],
  ["listener", ["\x1b[2J"], /"\\u001b\[2J"/],
  ["listener", ["-C", "none"], /--count "none"/],
  ["publisher", ["-h", "mqtt://ann:secret@a b"], /--host does not fit/],
  ["publisher", ["-m", "x", "http://u:secret@h"], /: one argument belongs to /],
  ["publisher", ["-pw", "seecret"], /--port/],
  ["publisher", ["--secret", "seecret"], /one argument belongs to no flag/],
  ["publisher", ["--follow"], /--follow needs a terminal/],
];

Deno.test("usage: one line on stderr that points to --help", async () => {
  for (const [script, args, said] of CASES) {
    const outcome = await run(`${script}.ts`, args);
    assertOneLine(outcome, 2, said);
    assertEquals(outcome.stderr.split(":")[0], script);
    assertMatch(outcome.stderr, /[.?] Try --help\.\n$/);
    assertFalse(/see?cret(?!-)/.test(outcome.stderr), outcome.stderr);
  }
});

for (const script of ["listener", "publisher"] as const) {
  Deno.test(`usage: the ${script}'s --help and --version`, async () => {
    const shown = (flag: string) =>
      run(`${script}.ts`, [flag], { permissions: [] });
    const stdout = `${helpText(script)}\n`;
    assertEquals(await shown("--help"), { code: 0, stdout, stderr: "" });
    const version = await shown("--version");
    assertEquals([version.code, version.stderr], [0, ""]);
    assertMatch(
      version.stdout,
      RegExp(`^${script}\\.ts \\d+\\.\\d+\\.\\d+\\n$`),
    );
  });
}

gate(NO_TMUX)("usage: headings are coloured on a terminal only", async () => {
  await using terminal = await Terminal.open({ columns: 200, rows: 70 });
  for (const when of ["auto", "never"]) {
    const help = `'${Deno.execPath()}' run publisher.ts --help --color=${when}`;
    await terminal.enter(`clear; ${help}; echo ${when} ends`);
    await terminal.until(RegExp(`^${when} ends$`, "m"));
    const isBold = (await terminal.capture()).includes("\x1b[1mExamples:");
    assertEquals(isBold, when === "auto");
  }
});

Deno.test("usage: a bug is one line, and exit code 1", async () => {
  for (
    const kind of [
      'queueMicrotask(() => { throw new Error("a\\nb") })',
      'Promise.reject(new Error("a\\nb"))',
    ]
  ) {
    const stdin = `
      import { parsePublisherArgs } from "./lib/cli/options.ts";
      import { runScript } from "./lib/cli/script.ts";
      await runScript("publisher", [], parsePublisherArgs, () => {
        ${kind};
        return new Promise((resolve) => setTimeout(resolve, 60_000));
      });
    `;
    const stderr = "publisher: This is a bug, please report it: a ⏎ b\n";
    const outcome = await run("-", [], { stdin });
    assertEquals(outcome, { code: 1, stdout: "", stderr });
  }
});

test("-m sends any text but an empty one", async ({ broker, peer }) => {
  for (const text of ["", "--help"]) {
    assertQuietSuccess(await run("publisher.ts", at(broker, "-m", text)));
  }
  assertEquals((await nextPayload(peer)).message, "--help");
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

/** Makes Deno write down each permission that is asked for. */
const AUDIT = { DENO_AUDIT_PERMISSIONS: "/dev/stderr" };

/** The permissions in an audit; those of loading the modules left out. */
function audited({ stderr }: { stderr: string }): string[] {
  const asked = stderr.split("\n")
    .filter((line) => line.startsWith('{"v":1,'))
    .map((line): { permission: string; value: string } => JSON.parse(line))
    .filter(({ permission }) => permission !== "import")
    .map(({ permission, value }) => `${permission} ${value}`);
  return [...new Set(asked)];
}

test("a URL names the room, -N its host, and no more", async ({ broker }) => {
  const url = `mqtt://chat:chat@${hostOf(broker)}/chat/b%C3%BCro%201`;
  const local = url.replace("127.0.0.1", "localhost");
  const listen = { permissions: [`-N=localhost:${broker.port}`], env: AUDIT };
  await using listener = start("listener.ts", [local, "-C", "1"], listen);
  await listener.stderr.line(/^Reading chat\/büro 1 at/);
  // The second of two brokers is used where the first one is not there.
  const gone = hostOf({ port: freePort() });
  const two = [url.replace(hostOf(broker), gone), "-L", url];
  const permissions = [`-N=${gone},${hostOf(broker)}`];
  for (const args of [two, [url, "-t", "chat/other"]]) {
    const send = [...args, "-m", "hi"];
    const sent = await run("publisher.ts", send, { permissions, env: AUDIT });
    assertEquals(sent.code, 0, sent.stderr);
    const asked = args === two ? [gone, hostOf(broker)] : [hostOf(broker)];
    assertEquals(audited(sent), asked.map((host) => `net ${host}`));
  }
  const outcome = await listener.outcome();
  assertEquals([outcome.code, linesOf(outcome)[1]], [0, "chat: hi"]);
  assertEquals(audited(outcome), [`net localhost:${broker.port}`]);
});

Deno.test("usage: TLS and WebSocket need no more", async () => {
  const address = hostOf({ port: freePort() });
  const options = { permissions: [`-N=${address}`], env: AUDIT };
  const outcomes = await Promise.all(
    ["mqtts", "ws", "wss"].map((scheme) => {
      const args = ["-h", `${scheme}://${address}`, "-m", "hi"];
      return run("publisher.ts", args, options);
    }),
  );
  for (const outcome of outcomes) {
    // Nothing listens there, which is found out by trying.
    assertEquals(outcome.code, 4, outcome.stderr);
    assertEquals(audited(outcome), [`net ${address}`]);
  }
});

Deno.test("usage: a missing permission is one line, with its flag", async () => {
  const granted = hostOf({ port: freePort() });
  const all = `${granted},[::1]:7`;
  const secret = "-E=MQTT_CHAT_SECRET,MQTT_PASSWORD";
  const room = "10.0.0.5:1884/chat/room";
  const cases: [
    run: (...args: string[]) => Promise<Outcome>,
    string[],
    string,
  ][] = [
    [
      permitted("listener.ts", `-N=${granted}`),
      ["-h", granted, "-p", "7", "-h", "::1"],
      `connecting to [::1]:7 was not permitted; run with -N=${all}. ` +
      `Type: deno run '-N=${all}' listener.ts --host ${granted} ` +
      "--host ::1 --port 7",
    ],
    [
      permitted("publisher.ts", `-N=${granted}`, secret),
      ["-m", "hi"],
      "connecting to localhost:1883 was not permitted; run with " +
      "-N=localhost:1883. Type: deno run -E=MQTT_CHAT_SECRET " +
      "-N=localhost:1883 publisher.ts --message hi",
    ],
    [
      permitted("publisher.ts", "-N"),
      ["--cafile", "a\n\x1b[2J", "-h", "mqtts://a", "-m", "hi"],
      " with -R=a ⏎ <U+001B>[2J. ",
    ],
    [
      task,
      ["publish", `mqtt://ann:hunter2@${room}`, "-m", "hi", "-n", "Ada B"],
      "run with -N=10.0.0.5:1884. Type: deno run -N=10.0.0.5:1884 " +
      `publisher.ts mqtt://ann@${room} --message hi --name 'Ada B'\n`,
    ],
    [
      task,
      ["listen", `mqtt://ann:hunter2@${room}`, "--secret-file", "a.secret"],
      "Type: deno run -N=10.0.0.5:1884 -R=a.secret listener.ts " +
      `mqtt://ann@${room} --secret-file a.secret\n`,
    ],
  ];
  for (const [run, args, said] of cases) {
    assertOneLine(await run(...args), 2, RegExp(RegExp.escape(said)));
  }
});

/** Runs a script with permissions, and with a secret in the environment. */
const permitted = (script: string, ...permissions: string[]) => {
  // Only what a run uses is in the command to type.
  const env = { MQTT_CHAT_SECRET: "a".repeat(20) };
  return (...args: string[]) => run(script, args, { permissions, env });
};

Deno.test("password: of a file, or the environment where that is granted", async () => {
  await using broker = await openBroker();
  const args = ["-h", hostOf(broker), "-u", "Test", "-t", "test/a", "-m", "a"];
  const env = { ...AUDIT, MQTT_PASSWORD: "test" };
  const send = (permissions: string[], ...flags: string[]) =>
    run("publisher.ts", [...args, ...flags], { permissions, env });
  const [read, unseen, wrong] = await Promise.all([
    send(["-N", "-E=MQTT_PASSWORD"]),
    send(["-N"]),
    send(["-N", "-R=LICENSE"], "--password-file", "LICENSE"),
  ]);
  assertEquals([read.code, unseen.code, wrong.code], [0, 3, 3]);
  assertEquals(audited(unseen), [`net ${hostOf(broker)}`]);
});

Deno.test("password: that of a broker's URL wins over --password", async () => {
  await using first = new FakeBroker(() => "close");
  await using second = new FakeBroker(letIn({}));
  const own = `mqtt://ann:own@${hostOf(first)}`;
  const args = ["-h", own, "-h", hostOf(second), "-P", "flag", "-m", "hi"];
  const { code, stderr } = await run("publisher.ts", args);
  assertEquals(code, 0, stderr);
  const passwords = [first, second]
    .map((broker) => `${broker.all("connect")[0].password}`);
  assertEquals(passwords, ["own", "flag"]);
});

Deno.test("password: neither it nor a URL's token shows on stderr", async () => {
  await using broker = new FakeBroker(() => "close");
  const url = `ann:hunter2@${hostOf(broker)}`;
  const flags = ["--debug", "--quiet", "--timeout", "1", "-P", "hunter2"];
  const send = (host: string, options = {}) =>
    run("publisher.ts", ["-h", host, ...flags, "-m", "hi"], options);
  const ws = `ws://${url}/mqtt?token=hunter2`;
  const [plain, web, denied] = await Promise.all([
    ...[send(`mqtt://${url}`), send(ws), send(ws, { permissions: [] })],
  ]);
  for (const tried of [plain, web]) assertEnds(tried, 4, /^Debug: (?!times)/m);
  assertEnds(denied, 2, /not permitted/);
  for (const { stderr } of [plain, web, denied]) {
    assertFalse(stderr.includes("hunter2"), stderr);
    assertStringIncludes(stderr, hostOf(broker));
  }
});

/** Runs a task with an empty input. */
async function task(...args: string[]): Promise<Outcome> {
  await using task = spawn(Deno.execPath(), ["task", "--quiet", ...args]);
  return await task.finish();
}

test("tasks permit every port of this machine", async ({ broker, peer }) => {
  for (const name of ["chat", "listen", "publish"] as const) {
    const { command } = config.tasks[name];
    assertMatch(command, / --no-prompt -N=localhost,127\.0\.0\.1 -E=TERM /);
  }
  for (const host of ["127.0.0.1", "localhost"]) {
    const url = `mqtt://${host}:${broker.port}/chat/room`;
    assertQuietSuccess(await task("publish", url, "-m", "hi"));
    assertEquals((await nextPayload(peer)).message, "hi");
  }
});
