import { assertEquals } from "@std/assert";
import {
  connect,
  PACKET,
  PacketCounter,
  publishes,
  subscribe,
} from "../../bench/packets.ts";
import { PacketReader, readConnect, readPublish } from "../support/packets.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("connect and subscribe: as MQTT 3.1.1 has them", () => {
  const [packet] = new PacketReader().read(connect("bare"));
  const { version, clean, clientId } = readConnect(packet);
  assertEquals([version, clean, clientId], [4, true, "bare"]);
  assertEquals(
    [...subscribe("a/b")],
    [0x82, 8, 0, 1, 0, 3, ...bytesOf("a/b"), 0],
  );
});

Deno.test("publishes: topics in turn, ids that go round and are never 0", () => {
  const count = 65_537;
  const batch = publishes({
    count,
    topics: ["a", "b/ü"],
    qos: 1,
    payload: (index) => bytesOf(`n ${index}`),
  });
  const packets = [...new PacketReader().read(batch.subarray(0, 100))]
    .map((packet) => readPublish(packet, 4));
  assertEquals(packets.slice(0, 3), [
    { topic: "a", text: "n 0", qos: 1, id: 1 },
    { topic: "b/ü", text: "n 1", qos: 1, id: 2 },
    { topic: "a", text: "n 2", qos: 1, id: 3 },
  ]);
  const last = [...new PacketReader().read(batch.subarray(-31))]
    .map((packet) => readPublish(packet, 4));
  assertEquals(last.map(({ text, id }) => [text, id]), [
    ["n 65535", 1],
    ["n 65536", 2],
  ]);
});

Deno.test("publishes: no packet id at QoS 0, long payloads", () => {
  const text = "x".repeat(20_000);
  const batch = publishes({
    count: 1,
    topics: ["a"],
    qos: 0,
    payload: () => bytesOf(text),
  });
  const [packet] = new PacketReader().read(batch);
  assertEquals(readPublish(packet, 4), {
    topic: "a",
    text,
    qos: 0,
    id: undefined,
  });
});

Deno.test("PacketCounter: packets by type, however they are cut", () => {
  const stream = new Uint8Array([
    ...[0x20, 2, 0, 0],
    ...publishes({
      count: 3,
      topics: ["a"],
      qos: 0,
      payload: (index) => new Uint8Array(index * 100),
    }),
    ...[0x40, 2, 0, 1],
    ...[0xd0, 0],
    ...[0x40, 2, 0, 2],
  ]);
  for (let size = 1; size <= stream.length; size++) {
    const counter = new PacketCounter();
    for (let at = 0; at < stream.length; at += size) {
      counter.read(stream.subarray(at, at + size));
    }
    const { connack, publish, puback, suback } = PACKET;
    assertEquals(
      [connack, publish, puback, suback, 13].map((type) => counter.count(type)),
      [1, 3, 2, 0, 1],
      `cut every ${size} bytes`,
    );
  }
});

Deno.test("PacketCounter: a packet counts when all of it has come", () => {
  const counter = new PacketCounter();
  counter.read(new Uint8Array([0x30, 0x80, 0x01, ...new Uint8Array(127)]));
  assertEquals(counter.count(PACKET.publish), 0);
  counter.read(new Uint8Array(1));
  assertEquals(counter.count(PACKET.publish), 1);
});
