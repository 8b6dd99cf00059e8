/**
 * The scripts against a real Mosquitto with the project's mosquitto.conf, at
 * MQTT_BROKER_URL: its users and rights, MQTT 5 and 3.1.1, and a peer in
 * Python.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import {
  BROKER_URL,
  gate,
  isInstalled,
  NO_BROKER,
  NO_MOSQUITTO,
} from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Process, run, start } from "../support/processes.ts";

const URL = BROKER_URL ?? "mqtt://127.0.0.1";
const { host, port } = parseBroker(URL);

/** A room of its own for each test, so that they don't hear each other. */
function room(under: string): string {
  return `${under}/${crypto.randomUUID()}`;
}

async function listener(...args: string[]): Promise<Process> {
  const process = start("listener.ts", ["-h", URL, ...args]);
  await process.stderr.line(/^Reading /);
  return process;
}

const live = gate(NO_BROKER);

for (const version of ["5", "311"]) {
  live(`both scripts meet in a room over MQTT ${version}`, async () => {
    const topic = room("chat");
    await using reader = await listener("-t", topic, "-V", version, "-C", "2");
    const { code, stderr } = await run(
      "publisher.ts",
      ["-h", URL, "-t", topic, "-V", version, "-n", "Ann"],
      { stdin: "one\ntwo 👋\n" },
    );
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const { code: end, stdout } = await reader.outcome();
    assertEquals(end, 0);
    assertMatch(stdout, /^\S+ -- User chat is now subscribed to \S+\.\n/);
    assertMatch(stdout, /Ann: one\n\S+ Ann: two 👋\n/);
  });
}

live("MQTT 5 is spoken where the broker can", async () => {
  const { stderr } = await run("publisher.ts", [
    ...["-h", URL, "-t", "chat", "-m", "x", "--debug"],
  ]);
  assertMatch(stderr, /^Connected to \S+, MQTT 5\.$/m);
});

const RIGHTS: [user: string, password: string, topic: string, may: boolean][] =
  [
    ["Test", "test", "test/room", true],
    ["Test", "test", "test", true],
    ["Test", "test", "chat", false],
    ["Server", "admin", "test/room", true],
    ["Server", "admin", "anything/at/all", true],
    ["chat", "chat", "chat", true],
    ["chat", "chat", "chat/deep/room", true],
    ["chat", "chat", "chatter", false],
  ];

for (const [user, password, topic, may] of RIGHTS) {
  live(`${user} may ${may ? "" : "not "}write ${topic}`, async () => {
    const { code, stderr } = await run("publisher.ts", [
      ...["-h", URL, "-u", user, "-P", password, "-t", topic, "-m", "x"],
    ]);
    assertEquals(code, may ? 0 : 3, stderr);
    if (!may) assertMatch(stderr, /^publisher: .* not authorized\.\n$/);
  });
}

live("who may not read a room sees nothing of it", async () => {
  const topic = room("test");
  await using reader = await listener("-t", topic, "--no-announce", "-W", "1");
  const args = ["-h", URL, "-u", "Test", "-P", "test", "-t", topic, "-m", "x"];
  assertEquals((await run("publisher.ts", args)).code, 0);
  assertEquals((await reader.outcome()).stdout, "");
});

for (const version of ["5", "311"]) {
  live(`a bad password ends MQTT ${version} at once`, async () => {
    for (const script of ["listener.ts", "publisher.ts"]) {
      const { code, stdout, stderr } = await run(script, [
        ...["-h", URL, "-u", "Test", "-P", "wrong", "-V", version],
      ]);
      assertEquals({ code, stdout }, { code: 3, stdout: "" });
      assertMatch(stderr, /^\w+: \S+ refused .* user "Test": .*\.\n$/);
      assert(!stderr.includes("wrong"));
    }
  });
}

live("mosquitto_pub's own text is shown as unformatted", async () => {
  const topic = room("chat");
  await using reader = await listener("-t", topic);
  const [password, text] = ["chat", "Hello World"];
  await new Deno.Command("mosquitto_pub", {
    args: [
      ...["-h", host, "-p", String(port), "-u", "chat", "-P", password],
      ...["-t", topic, "-m", text],
    ],
  }).output();
  await reader.stdout.line(/^\S+ \?\? Hello World$/);
});

live("a killed listener's will arrives as a notice", async () => {
  const topic = room("chat");
  await using reader = await listener("-t", topic, "--json");
  await using victim = await listener("-t", topic, "-n", "Ben");
  await reader.stdout.line(/User Ben is now subscribed/);
  victim.signal("SIGKILL");
  const line = await reader.stdout.line(/timed out/);
  const { type, from, text } = JSON.parse(line);
  assertEquals([type, from, text], ["notice", "Ben", "User Ben timed out."]);
});

const mosquitto = gate(NO_MOSQUITTO);

mosquitto("a listener reads on after the broker was restarted", async () => {
  await using broker = await Mosquitto.start();
  await using reader = start("listener.ts", ["-h", broker.host]);
  await reader.stdout.line(/now subscribed/);
  await broker.down();
  await reader.stderr.line(/^Disconnected from /);
  await broker.up();
  await reader.stderr.line(/^Connected again to /);
  await reader.stderr.line(/^Reading chat at QoS 1/);
  const args = ["-h", broker.host, "-m", "still there?"];
  assertEquals((await run("publisher.ts", args)).code, 0);
  await reader.stdout.line(/chat: still there\?$/);
});

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  NO_BROKER === undefined && isInstalled(python, "-c", "import paho.mqtt")
);
const python = gate(
  NO_BROKER ?? (PYTHON ? undefined : "python3-paho-mqtt is not installed"),
);

function peer(mode: "say" | "read", topic: string, argument: string): Process {
  const script =
    new globalThis.URL("../support/python_peer.py", import.meta.url).pathname;
  const child = new Deno.Command(PYTHON!, {
    args: [
      ...[script, mode, host, String(port), "chat", "chat", topic, argument],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Process(child, `the Python peer (${mode})`);
}

python("the Python program's message and its plain-text will", async () => {
  const topic = room("chat");
  await using reader = await listener("-t", topic);
  await using speaker = peer("say", topic, "grüß Gott");
  await reader.stdout.line(/^\S+ chat: grüß Gott$/);
  await reader.stdout.line(/^\S+ \?\? User chat timed out$/);
  assertEquals((await speaker.outcome()).code, 0);
});

python("the Python program parses what we send", async () => {
  const topic = room("chat");
  await using reader = peer("read", topic, "3");
  await reader.stdout.line(/^READY$/);
  const said = await run("publisher.ts", [
    ...["-h", URL, "-t", topic, "-n", "Ann", "-m", 'a "b" 👋'],
  ]);
  assertEquals(said.code, 0, said.stderr);
  const seen = await run("listener.ts", ["-h", URL, "-t", topic, "-W", "0.1"]);
  assertEquals(seen.code, 0, seen.stderr);
  const { code, stdout, stderr } = await reader.outcome();
  assertEquals(code, 0, stderr);
  assertEquals(stdout.trim().split("\n").slice(1).map((l) => JSON.parse(l)), [
    ["message", "Ann", 'a "b" 👋'],
    ["notice", "chat", `User chat is now subscribed to ${topic}.`],
    ["notice", "chat", `User chat disconnecting from ${topic}.`],
  ]);
});
