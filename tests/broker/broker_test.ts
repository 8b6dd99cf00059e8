import { assert, assertEquals } from "@std/assert";
import { startBroker, USERS } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import { MAX_PACKET_BYTES } from "../../lib/mqtt/stream.ts";
import { openBroker } from "../support/brokers.ts";
import { inTime, timedTests } from "../support/patience.ts";
import { answer, Peer } from "../support/peers.ts";
import { connect as connectPacket, oldConnack } from "../support/packets.ts";
import { ROOT, run, start } from "../support/processes.ts";

const test = timedTests("broker");

test("its users are those of Mosquitto's files", async () => {
  const read = (name: string) =>
    Deno.readTextFile(new URL(`mosquitto/${name}`, ROOT));
  const acl = (await read("acl")).replace(/^(#.*)?\n/gm, "");
  const sections = Object.entries(USERS)
    .map(([name, { topics }]) => `user ${name}\ntopic readwrite ${topics}\n`);
  assertEquals(acl.match(/user .*\ntopic .*\n/g)?.sort(), sections.sort());
  assertEquals(acl, acl.match(/user .*\ntopic .*\n/g)?.join(""));
  const lines = (await read("passwd")).trim().split("\n");
  assertEquals(lines.length, Object.keys(USERS).length);
  for (const line of lines) {
    const [name, scheme, rounds, salt, hash] = line.split(/:?\$/);
    assertEquals(scheme, "7");
    const { password } = USERS[name];
    const [bytes, count] = [Buffer.from(salt, "base64"), Number(rounds)];
    const derived = pbkdf2Sync(password, bytes, count, 64, "sha512");
    assertEquals(derived.toString("base64"), hash, name);
  }
});

test("a login needs a user and the user's password", async () => {
  await using broker = await openBroker();
  const wrong = [
    ...["chat/wrong", "chat/", "Chat/chat", "chat/admin", "other/"],
    ...["__proto__/x", "__proto__", "constructor", undefined],
  ];
  for (const login of ["chat/chat", "Test/test", "Server/admin", ...wrong]) {
    await using peer = await Peer.login(broker, login);
    assertEquals(peer.code, wrong.includes(login) ? 5 : 0, login);
  }
});

test("without users every login is accepted, and may write", async () => {
  await using broker = await startBroker();
  await using named = await Peer.login(broker, "any/thing");
  await using nameless = await Peer.login(broker);
  assertEquals([named.code, nameless.code], [0, 0]);
  await nameless.subscribe("cat/room");
  await named.publish("cat/room", "Hello");
  await nameless.lines("cat/room Hello");
  // MQTT 5 is refused with the CONNACK of 3.1.1, code 1.
  const hello = connectPacket({ protocolVersion: 5 });
  assertEquals(await answer(broker, hello), [...oldConnack(1)]);
});

test("a session brings what the user may read, and outlives its connection", async () => {
  await using broker = await openBroker();
  await using server = await Peer.login(broker, "Server/admin");
  await server.publish("kept", "secret", true);
  await server.publish("chat/kept", "hi", true);
  const session = { clean: false, clientId: "resumes" };
  const first = await Peer.login(broker, "chat/chat", session);
  assertEquals(first.sessionPresent, false);
  assertEquals(await first.subscribe("#"), 1);
  const say = async (...topics: string[]) => {
    for (const topic of topics) await server.publish(topic, "1");
  };
  await say("test/x", "chats", "kept", "chat/x", "chat");
  const before = await first.lines("chat 1");
  assertEquals(before.sort(), ["chat 1", "chat/kept hi", "chat/x 1"]);
  await first.die();
  await say("chat/1", "test/2", "chat/3");
  await using second = await Peer.login(broker, "chat/chat", session);
  assertEquals(second.sessionPresent, true);
  await say("chat/4");
  // The last one before may not have been acknowledged.
  const after = (await second.lines("chat/4 1")).slice(-3);
  assertEquals(after, ["chat/1 1", "chat/3 1", "chat/4 1"]);
});

test("a denied message closes the connection, at each QoS", async () => {
  for (const qos of [0, 1, 2] as const) {
    const lines: string[] = [];
    await using broker = await openBroker({ onDenied: (it) => lines.push(it) });
    await using server = await Peer.login(broker, "Server/admin");
    await server.subscribe("#", 2);
    for (const topic of ["cat/room", "chats", "$SYS/x", "cat/\x1b[2J"]) {
      const peer = await Peer.login(broker, "chat/chat");
      let isSent = false;
      peer.mqtt.publish(topic, "denied", { qos, retain: true }, (error) => {
        isSent = qos > 0 && !error;
      });
      await peer.closed;
      assert(!isSent, topic);
    }
    assertEquals(lines, [
      "user chat may not write cat/room",
      "user chat may not write chats",
      "user chat may not write $SYS/x",
      'user chat may not write "cat/<U+001B>[2J"',
    ]);
    // Nothing was delivered, and nothing retained.
    await using late = await Peer.login(broker, "Server/admin");
    await late.subscribe("#");
    await server.publish("last", "!");
    for (const reader of [server, late]) {
      assertEquals(await reader.lines("last !"), ["last !"]);
    }
  }
});

test("the broker's own messages reach no client", async () => {
  for (const access of [{ users: USERS }, {}]) {
    await using broker = await startBroker(access);
    await using reader = await Peer.login(broker, "Server/admin");
    for (const filter of ["#", "$SYS/#", "+/+/#"]) {
      await reader.subscribe(filter);
    }
    {
      await using passer = await Peer.login(broker, "chat/chat");
      await passer.subscribe("chat");
    }
    await reader.publish("done", "!");
    assertEquals(await reader.lines("done !"), ["done !"]);
  }
});

test("a will is published for a lost client alone, where it may write", async () => {
  const lines: string[] = [];
  await using broker = await openBroker({ onDenied: (it) => lines.push(it) });
  await using reader = await Peer.login(broker, "Server/admin");
  await reader.subscribe("#");
  const enter = (topic: string, text: string) => {
    const will = { topic, payload: Buffer.from(text), qos: 1 as const };
    return Peer.login(broker, "chat/chat", { will });
  };
  await (await enter("chat", "a"))[Symbol.asyncDispose]();
  await (await enter("test/x", "b")).die();
  // A connection is reported once, with its first denied message.
  const denied = await enter("cat/will", "c");
  for (const topic of ["cat/1", "cat/2"]) denied.mqtt.publish(topic, "no");
  await denied.closed;
  await (await enter("chat", "timed out")).die();
  assertEquals(await reader.lines("chat timed out"), ["chat timed out"]);
  const may = "user chat may not write";
  assertEquals(lines, [`${may} test/x`, `${may} cat/1`]);
});

test("a packet over the limit, or no MQTT, ends that connection alone", async () => {
  await using broker = await openBroker();
  await using reader = await Peer.login(broker, "chat/chat");
  await reader.subscribe("chat");
  await using sender = await Peer.login(broker, "chat/chat");
  await sender.publish("chat", "x".repeat(65_536));
  sender.mqtt.publish("chat", "y".repeat(MAX_PACKET_BYTES), { qos: 1 });
  await sender.closed;
  await reader.publish("chat", "last");
  const lines = await reader.lines("chat last");
  assertEquals(lines.map(({ length }) => length), [65_541, 9]);
  const hostile = [
    ...["GET / HTTP/1.1\r\n\r\n", "\x10\xff\xff\xff\xff\x7f"],
    ...["\x10\xff\xff\xff\x7f", "\x30\x05\x00\x01a!!", "\x10\x00"],
    "\xff\xff\xff",
  ];
  for (const text of hostile) {
    const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
    assertEquals(await answer(broker, bytes), [], JSON.stringify(text));
  }
  await reader.publish("chat", "still here");
});

test("close ends every connection and frees the port", async () => {
  const broker = await openBroker();
  assertEquals(broker.url, `mqtt://127.0.0.1:${broker.port}`);
  using silent = await Deno.connect(broker);
  const will = { topic: "test/x", payload: Buffer.of(1), qos: 1 } as const;
  const peers = [
    await Peer.login(broker, "chat/chat"),
    await Peer.login(broker, "Test/test", { clean: false, will }),
  ];
  // Sooner than aedes gives up on a client that sends no CONNECT, 30 s.
  await inTime(broker.close(), () => "It waits for the silent client.", 20_000);
  await Promise.all(peers.map(({ closed }) => closed));
  assertEquals(await silent.read(new Uint8Array(1)), null);
  await broker.close();
  await using again = await startBroker({ port: broker.port });
  assertEquals(again.port, broker.port);
});

const SCRIPT = "lib/broker/broker.ts";
const OPTIONS = { permissions: ["-N"] };

test("the script serves until SIGTERM, and prints who may not write where", async () => {
  await using served = start(SCRIPT, ["--port", "0"], OPTIONS);
  const line = await served.stderr.line(/^Broker on /);
  const [, port] = /^Broker on mqtt:..127.0.0.1:(\d+) for users /.exec(line)!;
  assert(line.endsWith(" chat, Test, Server; Ctrl-C ends it."), line);
  const room = ["--port", port, "--topic"];
  const denied = await run("publisher.ts", [...room, "cat/a", "-m", "Hello"]);
  assert(denied.code !== 0, denied.stderr);
  const sent = await run("publisher.ts", [...room, "chat/a", "-m", "Hello"]);
  assertEquals(sent.code, 0, sent.stderr);
  served.signal("SIGTERM");
  const { code, stderr } = await served.outcome();
  const lines = new Set(stderr.trimEnd().split("\n"));
  assertEquals([...lines], [line, "user chat may not write cat/a"]);
  assertEquals(code, 0);
});

test("on the network the script says what to type elsewhere", async () => {
  const network = ["--host", "0.0.0.0", "--port", "0"];
  await using served = start(SCRIPT, network, OPTIONS);
  const line = await served.stderr.line(/^The passwords are public\. /);
  const typed = / deno run -N (publisher\.ts .*) \(ADDRESS: this/.exec(line)!;
  const [script, ...args] = typed[1].replace("ADDRESS", "127.0.0.1")
    .replace("--follow ", "").split(" ");
  const { code, stderr } = await run(script, args, { stdin: "Hello\n" });
  assertEquals(code, 0, stderr);
});

test("the script says in one line why it does not start", async () => {
  await using broker = await startBroker();
  const cases: [string[], number, string][] = [
    [["--port", String(broker.port)], 4, "is taken"],
    [["--port", "70000"], 2, "No such port: 70000."],
    [["--prt", "1"], 2, "--prt"],
    [["--host", "no such host"], 4, "ENOTFOUND"],
    [["--host", ""], 2, "--host needs an address."],
  ];
  for (const [args, code, text] of cases) {
    const { code: actual, stderr } = await run(SCRIPT, args, OPTIONS);
    assertEquals(actual, code, stderr);
    assert(stderr.includes(text) && stderr.split("\n").length <= 5, stderr);
  }
});

test("in a pipe the demo shows the bots and sends stdin's lines", async () => {
  const { code, stdout, stderr } = await run("lib/broker/demo.ts", [], {
    stdin: "Hello\n",
    permissions: ["-N=127.0.0.1", "--allow-run"],
  });
  assertEquals(code, 0, stderr);
  const said = stdout.split("\n")
    .map((line) => line.slice("00:00:00 ".length).replace(/: .*/, ""));
  assertEquals(said.slice(0, 8), [
    "-- User Guest is now subscribed to chat/demo.",
    "-- User Ada is now subscribed to chat/demo.",
    "-- User Grace is now subscribed to chat/demo.",
    ...["Ada", "Grace", "Ada", "Grace", "Guest"],
  ]);
});
