/**
 * Rooms with a secret on a Mosquitto of the tests' own, where programs that
 * know nothing of ours take part: mosquitto_sub, the older Python program, and
 * one in Python written from docs/sealed-rooms.md.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { joinNotice, timeoutNotice } from "../../lib/protocol.ts";
import { gate, isInstalled, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Process, run, start } from "../support/processes.ts";
import { SecretFile } from "../support/secret_file.ts";

const TOPIC = "chat/room";

/** A sealed payload, and nothing else. */
const SEALED =
  /^\{"type":"notice","from":"sealed","notice":"A sealed message: --secret-file opens it\.","sealed":"A[Q-Za-f][\w-]{37,}"\}$/;

const NOTICE = [
  "notice",
  "sealed",
  "A sealed message: --secret-file opens it.",
];

const sub = gate(
  NO_MOSQUITTO ??
    (isInstalled("sh", "-c", "command -v mosquitto_sub")
      ? undefined
      : "mosquitto_sub is not installed"),
);

const PYTHON = ["/usr/bin/python3", "python3"].find((python) =>
  NO_MOSQUITTO === undefined &&
  isInstalled(python, "-c", "import paho.mqtt, cryptography")
);
const python = gate(
  NO_MOSQUITTO ??
    (PYTHON
      ? undefined
      : "python3-paho-mqtt or python3-cryptography is not installed"),
);

function other(command: string, ...args: string[]): Process {
  const child = new Deno.Command(command, {
    args,
    env: { PYTHONUTF8: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Process(child, [command, ...args].join(" "));
}

function peer(name: string, ...args: string[]): Process {
  const path = new URL(`../support/${name}.py`, import.meta.url).pathname;
  return other(PYTHON!, path, ...args);
}

sub(
  "mosquitto_sub sees nothing but sealed JSON, the will included",
  async () => {
    await using broker = await Mosquitto.start();
    await using file = new SecretFile();
    const login = ["-h", "127.0.0.1", "-p", `${broker.port}`];
    // The listener's join, two lines, its will, and the join of another.
    await using seen = other(
      "stdbuf", // else it writes to a pipe at its end
      ...["-oL", "mosquitto_sub", ...login, "-u", "chat", "-P", "chat"],
      ...["-t", "chat/#", "-q", "1", "-C", "5", "-d"],
    );
    await seen.stdout.line(/^Subscribed/);
    const room = ["-h", broker.host, "-t", TOPIC, ...file.flag];
    await using ann = start("listener.ts", [...room, "-n", "Ann"], file);
    await ann.stdout.line(/Ann is now subscribed/);
    const { code, stderr } = await run("publisher.ts", [...room, "-n", "Bob"], {
      ...file,
      stdin: "the first secret\nanother\n",
    });
    assertEquals([code, stderr], [0, ""]);
    await ann.stdout.line(/Bob: another$/);
    await using bob = start(
      "listener.ts",
      [...room, "-n", "Bob", "-C", "1", "--no-announce"],
      file,
    );
    await bob.stderr.line(/^Reading/);
    ann.signal("SIGKILL");
    assertMatch((await bob.outcome()).stdout, RegExp(timeoutNotice("Ann")));
    await using cy = start(
      "listener.ts",
      [...room, "-n", "Cy", "-C", "1"],
      file,
    );
    await cy.stdout.line(/Cy is now subscribed/);
    const lines = (await seen.outcome()).stdout.split("\n");
    const payloads = lines.filter((line) => line.startsWith("{"));
    assertEquals(payloads.length, 5);
    for (const payload of payloads) assertMatch(payload, SEALED);
  },
);

python("the older Python program prints the notice", async () => {
  await using broker = await Mosquitto.start();
  await using file = new SecretFile();
  await using reader = peer(
    "python_peer",
    ...["read", "127.0.0.1", `${broker.port}`, "chat", "chat", TOPIC, "2"],
  );
  await reader.stdout.line(/^READY$/);
  const { code, stderr } = await run(
    "publisher.ts",
    ["-h", broker.host, "-t", TOPIC, ...file.flag],
    { ...file, stdin: "one\ntwo\n" },
  );
  assertEquals([code, stderr], [0, ""]);
  const { stdout } = await reader.outcome();
  const printed = stdout.split("\n").filter((line) => line.startsWith("["));
  assertEquals(printed.map((line) => JSON.parse(line)), [NOTICE, NOTICE]);
});

python(
  "a peer in Python, from the specification alone, takes part",
  async () => {
    await using broker = await Mosquitto.start();
    await using file = new SecretFile();
    const at = ["127.0.0.1", `${broker.port}`, "chat", "chat"];
    await using reader = peer(
      "sealed_peer",
      ...["read", file.path, TOPIC, ...at, "4"],
    );
    await reader.stdout.line(/^READY$/);
    const room = ["-h", broker.host, "-t", TOPIC];
    await using ann = start(
      "listener.ts",
      [...room, ...file.flag, "-n", "Ann"],
      file,
    );
    await ann.stdout.line(/Ann is now subscribed/);
    await using said = peer(
      "sealed_peer",
      ...["say", file.path, TOPIC, ...at, "grüß Gott"],
    );
    assertEquals((await said.outcome()).code, 0);
    // It opens, so that nothing marks it.
    await ann.stdout.line(/^\d\d:\d\d:\d\d chat: grüß Gott$/);
    const plain = await run("publisher.ts", [...room, "-m", "forgotten"]);
    assertEquals(plain.code, 0);
    await ann.stdout.line(/^\d\d:\d\d:\d\d \(unsealed\) chat: forgotten$/);
    ann.signal("SIGKILL");
    const { stdout } = await reader.outcome();
    const read = stdout.split("\n").filter((line) => /^(\{|null)/.test(line))
      .map((line) => JSON.parse(line))
      .map((payload) => payload && (payload.message ?? payload.notice));
    assertEquals(read, [
      joinNotice("Ann", TOPIC),
      "grüß Gott",
      null,
      timeoutNotice("Ann"),
    ]);
  },
);
