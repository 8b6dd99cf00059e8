import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import { Peer } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { run, start } from "../support/processes.ts";

/** Makes Deno write down each permission that is asked for. */
const AUDIT = { DENO_AUDIT_PERMISSIONS: "/dev/stderr" };

/** The permissions in an audit; those of loading the modules left out. */
function audited(stderr: string): string[] {
  const asked = stderr.split("\n")
    .filter((line) => line.startsWith('{"v":1,'))
    .map((line): { permission: string; value: string } => JSON.parse(line))
    .filter(({ permission }) => permission !== "import")
    .map(({ permission, value }) => `${permission} ${value}`);
  return [...new Set(asked)];
}

for (const scope of ["every host", "one address", "one name"]) {
  Deno.test(`permissions: net for ${scope} is all there is`, async () => {
    await using broker = await openBroker();
    const host = scope === "one name"
      ? `localhost:${broker.port}`
      : hostOf(broker);
    const permissions = [scope === "every host" ? "-N" : `-N=${host}`];
    const args = ["--host", host, "--topic", TOPIC];
    const options = { permissions, env: AUDIT };
    await using peer = await Peer.connect(broker, TOPIC);
    await using listener = start("listener.ts", args, options);
    await listener.stderr.line(/^Reading/);
    await listener.stdout.line(/now subscribed/);
    await peer.next();
    const sent = await run("publisher.ts", [...args, "-m", "hi"], options);
    assertEquals(sent.code, 0, sent.stderr);
    assertEquals(JSON.parse((await peer.next()).text).message, "hi");
    await listener.stdout.line(/chat: hi$/);
    listener.signal("SIGINT");
    const read = await listener.outcome();
    assertEquals(read.code, 0, read.stderr);
    for (const { stderr } of [sent, read]) {
      assertEquals(audited(stderr), [`net ${host}`]);
    }
  });
}

Deno.test("permissions: TLS and WebSocket need no other", async () => {
  const address = hostOf({ port: freePort() });
  const schemes = ["mqtts", "ws", "wss"];
  const outcomes = await Promise.all(
    schemes.map((scheme) =>
      run("publisher.ts", ["-h", `${scheme}://${address}`, "-m", "hi"], {
        permissions: [`-N=${address}`],
        env: AUDIT,
      })
    ),
  );
  for (const { code, stderr } of outcomes) {
    // Nothing listens there, which is found out by trying.
    assertEquals(code, 4, stderr);
    assertEquals(audited(stderr), [`net ${address}`]);
  }
});

Deno.test("permissions: one that is missing is one line, with its flag", async () => {
  const granted = hostOf({ port: freePort() });
  const cases: [
    script: string,
    args: string[],
    denied: string,
    all: string,
    command: string,
  ][] = [
    [
      "publisher.ts",
      ["-m", "hi"],
      "localhost:1883",
      "localhost:1883",
      "-N=localhost:1883 publisher.ts --message hi",
    ],
    [
      "listener.ts",
      ["-h", granted, "-p", "7", "-h", "::1"],
      "[::1]:7",
      `${granted},[::1]:7`,
      `'-N=${granted},[::1]:7' listener.ts --host ${granted} --host ::1 --port 7`,
    ],
  ];
  const outcomes = await Promise.all(
    cases.map(([script, args]) =>
      run(script, args, { permissions: [`-N=${granted}`] })
    ),
  );
  for (const [index, [script, , denied, all, rest]] of cases.entries()) {
    const who = script.replace(".ts", "");
    assertEquals(outcomes[index], {
      code: 2,
      stdout: "",
      stderr: `${who}: connecting to ${denied} was not permitted; ` +
        `run with -N=${all}. Type: deno run ${rest}\n`,
    });
  }
});

Deno.test("permissions: the command to type keeps those for the variables in use", async () => {
  const env = { MQTT_CHAT_SECRET: "a".repeat(20) };
  const { code, stderr } = await run("publisher.ts", ["-m", "hi"], {
    permissions: ["-N=127.0.0.1:1", "-E=MQTT_CHAT_SECRET,MQTT_PASSWORD"],
    env,
  });
  assertEquals(code, 2);
  const permissions = "-E=MQTT_CHAT_SECRET -N=localhost:1883";
  assertStringIncludes(
    stderr,
    ` Type: deno run ${permissions} publisher.ts --message hi\n`,
  );
});

Deno.test("permissions: a hostile path stays one harmless line", async () => {
  const args = ["--cafile", "a\n\x1b[2J", "-h", "mqtts://a", "-m", "hi"];
  const { code, stderr } = await run("publisher.ts", args);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^publisher: reading .+ with -R=a ⏎ <U\+001B>\[2J\. .+\n$/,
  );
});

Deno.test("permissions: the environment is left alone unless granted", async () => {
  await using broker = await openBroker();
  const args = ["-h", hostOf(broker), "-u", "Test", "-t", "test/a", "-m", "hi"];
  const env = { ...AUDIT, MQTT_PASSWORD: "test" };
  const { code, stderr } = await run("publisher.ts", args, { env });
  assertEquals(code, 3, stderr);
  assertEquals(audited(stderr), [`net ${hostOf(broker)}`]);
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
  const hosts = [`mqtt://${url}`, `ws://${url}/mqtt?token=hunter2`];
  const flags = [
    "--debug",
    "--quiet",
    "--timeout",
    "1",
    "-P",
    "hunter2",
    "-m",
    "hi",
  ];
  const outcomes = await Promise.all(hosts.flatMap((host) => [
    run("publisher.ts", ["-h", host, ...flags]),
    run("publisher.ts", ["-h", host, ...flags], { permissions: [] }),
  ]));
  for (const { code, stderr } of outcomes) {
    assertEquals([2, 4].includes(code), true, stderr);
    assertEquals(stderr.includes("hunter2"), false, stderr);
    assertEquals(stderr.includes(hostOf(broker)), true, stderr);
    assertMatch(stderr, code === 4 ? /^Debug: (?!times)/m : /not permitted/);
  }
});
