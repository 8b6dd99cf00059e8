/**
 * The scripts against a real Mosquitto with the project's mosquitto.conf, at
 * MQTT_BROKER_URL: its users and rights, MQTT 5 and 3.1.1, and programs of
 * others: mosquitto_pub, and the older one in Python.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import { BROKER_URL, gate, NO_BROKER } from "../support/gates.ts";
import { listen, send } from "../support/live.ts";
import { objectsOf } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  run,
  spawn,
} from "../support/processes.ts";
import { NO_PYTHON, startPython } from "../support/python.ts";

const URL = BROKER_URL ?? "mqtt://127.0.0.1";
const { host, port } = parseBroker(URL);

/** A room of its own for each test, so that they don't hear each other. */
function at(under: string, ...args: string[]): string[] {
  return ["-h", URL, "-t", `${under}/${crypto.randomUUID()}`, ...args];
}

const live = gate(NO_BROKER);
const python = gate(NO_BROKER ?? NO_PYTHON);

for (const [version, name] of [["5", "5"], ["311", "3.1.1"]]) {
  live(`both scripts meet in a room over MQTT ${name}`, async () => {
    const room = at("chat", "-V", version);
    await using reader = await listen([...room, "-C", "2", "--debug"]);
    await send([...room, "-n", "Ann"], ["one", "two 👋"]);
    const { code, stdout, stderr } = await reader.outcome();
    assertEquals(code, 0);
    assertMatch(stdout, /^\S+ -- User chat is now subscribed to \S+\.\n/);
    assertMatch(stdout, /Ann: one\n\S+ Ann: two 👋\n/);
    assertMatch(stderr, RegExp(`^Connected to \\S+, MQTT ${name}\\.$`, "m"));
  });
}

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

live("each user may write to its own rooms, over MQTT 5", async () => {
  for (const [user, password, topic, may] of RIGHTS) {
    const login = ["-h", URL, "-u", user, "-P", password];
    const args = [...login, "-t", topic, "-m", "x"];
    const outcome = await run("publisher.ts", args);
    if (may) assertQuietSuccess(outcome);
    else assertOneLine(outcome, 3, RegExp(`${topic}: not authorized\\.\n$`));
  }
});

live("a user without the right to read a room sees nothing of it", async () => {
  const room = at("test");
  await using reader = await listen([...room, "--no-announce", "-W", "1"]);
  await send([...room, "-u", "Test", "-P", "test"], ["x"]);
  assertEquals((await reader.outcome()).stdout, "");
});

live("mosquitto_pub's own text is shown as unformatted", async () => {
  const room = at("chat");
  await using reader = await listen(room);
  const login = ["-h", host, "-p", `${port}`, "-u", "chat", "-P", "chat"];
  await using _ = spawn("mosquitto_pub", [
    ...[...login, ...room.slice(2), "-m", "Hello World"],
  ]);
  await reader.stdout.line(/^\S+ \?\? Hello World$/);
});

python("the older Python program reads us, and we it", async () => {
  const room = at("chat");
  const topic = room.at(-1)!;
  const login = [host, String(port), "chat", "chat", topic];
  await using theirs = startPython("python_peer.py", "read", ...login, "3");
  await theirs.stdout.line(/^READY$/);
  await send([...room, "-n", "Ann"], ['a "b" 👋']);
  assertEquals((await run("listener.ts", [...room, "-W", "0.1"])).code, 0);
  const { stdout } = await theirs.outcome();
  const [, payloads] = stdout.split("READY\n");
  assertEquals(objectsOf({ stdout: payloads }), [
    ["message", "Ann", 'a "b" 👋'],
    ["notice", "chat", `User chat is now subscribed to ${topic}.`],
    ["notice", "chat", `User chat disconnecting from ${topic}.`],
  ]);
  await using ours = await listen(room);
  const say = ["say", ...login, "grüß Gott"];
  await using speaker = startPython("python_peer.py", ...say);
  await ours.stdout.line(/^\S+ chat: grüß Gott$/);
  // Its will is plain text.
  await ours.stdout.line(/^\S+ \?\? User chat timed out$/);
  assertEquals((await speaker.outcome()).code, 0);
});
