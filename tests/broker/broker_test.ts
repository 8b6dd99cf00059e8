import { assertEquals } from "@std/assert";
import { readAccess, startBroker } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { Buffer } from "node:buffer";
import type { IClientOptions } from "mqtt";
import { parseAclFile } from "../../lib/broker/rights.ts";
import { parsePasswordFile } from "../../lib/broker/users.ts";
import { openBroker } from "../support/brokers.ts";
import { answer, connect, test } from "../support/callers.ts";
import { connect as connectPacket, oldConnack } from "../support/packets.ts";

test("logins, by mosquitto.conf's users", async () => {
  await using broker = await openBroker();
  const logins: [string | undefined, number][] = [
    ["chat/chat", 0],
    ["Test/test", 0],
    ["Server/admin", 0],
    ["chat/wrong", 5],
    ["chat/", 5],
    ["Chat/chat", 5],
    ["nobody/nothing", 5],
    ["__proto__/x", 5],
    [undefined, 5],
  ];
  for (const [login, code] of logins) {
    await using peer = await connect(broker, login);
    assertEquals(peer.code, code, login);
  }
});

test("both kinds of password hashes", async () => {
  // Both by mosquitto_passwd 2.0.11: `old` of chat, `new` of test.
  const users = parsePasswordFile(
    "old:$6$AB3KKmlp1HKpS8ws$gfIkUs4u7tlMm1u7s8aX8cnDLIe7QNTc7e9HeB7iO4wL7OdvRJPTZICJjVyPdg8O6P9xLbp6kPXtkfjfYKghYg==\n" +
      "new:$7$101$MGTQPEhpaSmoszYI$onAfffF6AXL/caqewdPirm3dqerlKfvgmP0c3Hwf3go3aiPaNey8xYtaOM0eI1Vn4jjFiJsoqdRRSFaBs7aLuA==",
    "passwd",
  );
  await using broker = await startBroker({ users });
  for (const login of ["old/chat", "new/test", "old/test", "new/chat"]) {
    await using peer = await connect(broker, login);
    assertEquals(peer.code, ["old/chat", "new/test"].includes(login) ? 0 : 5);
  }
});

test("without users everybody may log in", async () => {
  await using broker = await startBroker();
  await using named = await connect(broker, "any/thing");
  await using nameless = await connect(broker);
  assertEquals([named.code, nameless.code], [0, 0]);
});

test("rules for clients without a user", async () => {
  const acl = parseAclFile("topic read open/#\n\nuser u\ntopic #", "acl");
  await using broker = await startBroker({ acl });
  await using writer = await connect(broker, "u/x");
  await using reader = await connect(broker);
  await reader.hear("#");
  await reader.say("open/x", "denied");
  await writer.say("closed", "not for you");
  await writer.say("open/x", "for you");
  assertEquals(await reader.until("open/x for you"), ["open/x for you"]);
});

test("MQTT 5 is refused with the CONNACK of 3.1.1, code 1", async () => {
  await using broker = await openBroker();
  await using peer = await connect(broker, "chat/chat", { protocolVersion: 5 });
  assertEquals(peer.code, 1);
  const hello = connectPacket({ protocolVersion: 5 });
  assertEquals(await answer(broker, hello), [...oldConnack(1)]);
});

test("a client gets its own message back", async () => {
  await using broker = await openBroker();
  await using peer = await connect(broker, "Test/test");
  assertEquals(await peer.hear("test/"), 1);
  await peer.say("test/", "Hello World");
  await peer.until("test/ Hello World");
});

test("a subscription to everything brings what may be read, no more", async () => {
  await using broker = await openBroker();
  await using server = await connect(broker, "Server/admin");
  await server.mqtt.publishAsync("kept", "secret", { qos: 1, retain: true });
  await server.mqtt.publishAsync("chat/kept", "hi", { qos: 1, retain: true });
  await using peer = await connect(broker, "chat/chat");
  assertEquals(await peer.hear("#"), 1);
  for (const topic of ["test/x", "chats", "kept", "chat/x"]) {
    await server.say(topic, "1");
  }
  await server.say("chat", "last");
  assertEquals(
    (await peer.until("chat last")).toSorted(),
    ["chat last", "chat/kept hi", "chat/x 1"],
  );
});

for (const qos of [0, 1, 2] as const) {
  test(`a denied message at QoS ${qos} is dropped, the connection stays`, async () => {
    await using broker = await openBroker();
    await using server = await connect(broker, "Server/admin");
    await server.hear("#", 2);
    await using peer = await connect(broker, "chat/chat");
    await peer.say("test/x", "denied", qos);
    await peer.mqtt.publishAsync("test/x", "kept", { qos, retain: true });
    await peer.say("$SYS/x", "denied", qos);
    await peer.say("chat/x", "allowed", qos);
    assertEquals(
      await server.until("chat/x allowed"),
      ["chat/x allowed"],
    );
    await using late = await connect(broker, "Server/admin");
    await late.hear("test/#");
    await server.say("test/y", "nothing was retained");
    assertEquals(
      await late.until("test/y nothing was retained"),
      ["test/y nothing was retained"],
    );
  });
}

test("its own traffic reaches nobody", async () => {
  for (const access of [await readAccess(), {}]) {
    await using broker = await startBroker(access);
    await using reader = await connect(broker, "Server/admin");
    for (const filter of ["#", "$SYS/#", "+/+/#"]) await reader.hear(filter);
    {
      await using passer = await connect(broker, "chat/chat");
      await passer.hear("chat");
    }
    await reader.say("done", "!");
    assertEquals(await reader.until("done !"), ["done !"]);
  }
});

test("the will of a client that dies, and of no other", async () => {
  await using broker = await openBroker();
  await using reader = await connect(broker, "Server/admin");
  await reader.hear("#");
  const will = (topic: string, payload: string): Partial<IClientOptions> => ({
    will: {
      topic,
      payload: Buffer.from(payload),
      qos: 1,
    },
  });
  {
    await using _leaves = await connect(broker, "chat/chat", will("chat", "a"));
  }
  const denied = await connect(broker, "chat/chat", will("test/x", "b"));
  await denied.die();
  const dies = await connect(broker, "chat/chat", will("chat", "timed out"));
  await dies.die();
  assertEquals(
    await reader.until("chat timed out"),
    ["chat timed out"],
  );
});
