import { assert, assertEquals } from "@std/assert";
import { startBroker, USERS } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import type { IClientOptions } from "mqtt";
import { openBroker } from "../support/brokers.ts";
import { timedTests } from "../support/patience.ts";
import { answer, Peer } from "../support/peers.ts";
import { connect as connectPacket, oldConnack } from "../support/packets.ts";
import { ROOT } from "../support/processes.ts";

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
  const logins: [string | undefined, number][] = [
    ["chat/chat", 0],
    ["Test/test", 0],
    ["Server/admin", 0],
    ["chat/wrong", 5],
    ["chat/", 5],
    ["Chat/chat", 5],
    ["chat/admin", 5],
    ["other/", 5],
    ["__proto__/x", 5],
    ["__proto__", 5],
    ["constructor", 5],
    [undefined, 5],
  ];
  for (const [login, code] of logins) {
    await using peer = await Peer.login(broker, login);
    assertEquals(peer.code, code, login);
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
});

test("MQTT 5 is refused with the CONNACK of 3.1.1, code 1", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.login(broker, "chat/chat", {
    protocolVersion: 5,
  });
  assertEquals(peer.code, 1);
  const hello = connectPacket({ protocolVersion: 5 });
  assertEquals(await answer(broker, hello), [...oldConnack(1)]);
});

test("a client receives its own message", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.login(broker, "Test/test");
  assertEquals(await peer.subscribe("test/"), 1);
  await peer.publish("test/", "Hello World");
  await peer.lines("test/ Hello World");
});

test("a subscription to # brings what the user may read, and no more", async () => {
  await using broker = await openBroker();
  await using server = await Peer.login(broker, "Server/admin");
  await server.mqtt.publishAsync("kept", "secret", { qos: 1, retain: true });
  await server.mqtt.publishAsync("chat/kept", "hi", { qos: 1, retain: true });
  await using peer = await Peer.login(broker, "chat/chat");
  assertEquals(await peer.subscribe("#"), 1);
  for (const topic of ["test/x", "chats", "kept", "chat/x"]) {
    await server.publish(topic, "1");
  }
  await server.publish("chat", "last");
  assertEquals(
    (await peer.lines("chat last")).toSorted(),
    ["chat last", "chat/kept hi", "chat/x 1"],
  );
});

for (const qos of [0, 1, 2] as const) {
  test(`a denied message at QoS ${qos} closes the connection`, async () => {
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
    await server.publish("last", "!");
    assertEquals(await server.lines("last !"), ["last !"]);
    await using late = await Peer.login(broker, "Server/admin");
    await late.subscribe("#");
    await server.publish("last", "nothing was retained");
    assertEquals(
      await late.lines("last nothing was retained"),
      ["last nothing was retained"],
    );
  });
}

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
  const will = (topic: string, payload: string): Partial<IClientOptions> => ({
    will: { topic, payload: Buffer.from(payload), qos: 1 },
  });
  {
    await using _leaves = await Peer.login(
      broker,
      "chat/chat",
      will("chat", "a"),
    );
  }
  const denied = await Peer.login(broker, "chat/chat", will("test/x", "b"));
  await denied.die();
  const dies = await Peer.login(broker, "chat/chat", will("chat", "timed out"));
  await dies.die();
  assertEquals(
    await reader.lines("chat timed out"),
    ["chat timed out"],
  );
  assertEquals(lines, ["user chat may not write test/x"]);
});

test("a connection is reported once, with its first denied message", async () => {
  const lines: string[] = [];
  await using broker = await openBroker({ onDenied: (it) => lines.push(it) });
  const will = { topic: "cat/will", payload: Buffer.of(1), qos: 1 as const };
  const peer = await Peer.login(broker, "chat/chat", { will });
  for (const topic of ["cat/1", "cat/2"]) peer.mqtt.publish(topic, "denied");
  await peer.closed;
  await using _next = await Peer.login(broker, "chat/chat");
  assertEquals(lines, ["user chat may not write cat/1"]);
});
