/** Connections to the embedded broker: sessions, limits, and the end. */

import { assertEquals, assertRejects } from "@std/assert";
import { ListenError, startBroker } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { Buffer } from "node:buffer";
import { MAX_PACKET_BYTES } from "../../lib/mqtt/stream.ts";
import { openBroker } from "../support/brokers.ts";
import { inTime, timedTests } from "../support/patience.ts";
import { answer, Peer } from "../support/peers.ts";

const test = timedTests("broker");

test("a session outlives its connection and brings what the user may read", async () => {
  await using broker = await openBroker();
  const session = { clean: false, clientId: "resumes" };
  const first = await Peer.login(broker, "chat/chat", session);
  assertEquals(first.sessionPresent, false);
  await first.subscribe("#");
  await first.die();
  await using server = await Peer.login(broker, "Server/admin");
  for (const topic of ["chat/1", "test/2", "chat/3"]) {
    await server.publish(topic, "while away");
  }
  await using second = await Peer.login(broker, "chat/chat", session);
  assertEquals(second.sessionPresent, true);
  await server.publish("chat/4", "back");
  assertEquals(
    await second.lines("chat/4 back"),
    ["chat/1 while away", "chat/3 while away", "chat/4 back"],
  );
});

test("a second client with the same id ends the first", async () => {
  await using broker = await openBroker();
  const first = await Peer.login(broker, "chat/chat", { clientId: "same" });
  await using second = await Peer.login(broker, "chat/chat", {
    clientId: "same",
  });
  await first.closed;
  assertEquals(second.code, 0);
});

test("a packet over the limit ends that connection alone", async () => {
  await using broker = await openBroker();
  await using reader = await Peer.login(broker, "chat/chat");
  await reader.subscribe("chat");
  await using sender = await Peer.login(broker, "chat/chat");
  await sender.publish("chat", "x".repeat(65_536));
  sender.mqtt.publish("chat", "y".repeat(MAX_PACKET_BYTES), { qos: 1 });
  await sender.closed;
  await reader.publish("chat", "last");
  assertEquals(
    (await reader.lines("chat last")).map((line) => line.length),
    [65_541, 9],
  );
});

test("a client that does not speak MQTT is disconnected", async () => {
  await using broker = await openBroker();
  const hostile = [
    "GET / HTTP/1.1\r\n\r\n",
    "\x10\xff\xff\xff\xff\x7f",
    "\x10\xff\xff\xff\x7f",
    "\x30\x05\x00\x01a!!",
    "\x10\x00",
    "\xff\xff\xff",
  ];
  for (const text of hostile) {
    const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
    assertEquals(await answer(broker, bytes), [], JSON.stringify(text));
  }
  await using peer = await Peer.login(broker, "chat/chat");
  assertEquals(peer.code, 0);
});

test("close ends every connection and frees the port", async () => {
  const broker = await openBroker();
  assertEquals(broker.url, `mqtt://127.0.0.1:${broker.port}`);
  using silent = await Deno.connect({
    hostname: "127.0.0.1",
    port: broker.port,
  });
  const peers = [
    await Peer.login(broker, "chat/chat"),
    await Peer.login(broker, "Test/test", {
      clean: false,
      will: { topic: "test/x", payload: Buffer.of(1), qos: 1 },
    }),
  ];
  // Sooner than aedes gives up on a client that sends no CONNECT, 30 s.
  await inTime(broker.close(), () => "It waits for the silent client.", 20_000);
  await Promise.all(peers.map(({ closed }) => closed));
  assertEquals(await silent.read(new Uint8Array(1)), null);
  await broker.close();
  await using again = await startBroker({ port: broker.port });
  assertEquals(again.port, broker.port);
});

test("the error of a port in use names it", async () => {
  await using broker = await startBroker();
  const error = await assertRejects(
    () => startBroker({ port: broker.port }),
    ListenError,
    `127.0.0.1:${broker.port}: the port is taken`,
  );
  assertEquals(error.code, "EADDRINUSE");
});
