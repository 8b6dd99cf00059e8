import { assertEquals } from "@std/assert";
import { limitsOf, publishBytes } from "../../lib/mqtt/sender.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("limits");

test("the standard's, where a broker announces none", () => {
  const standard = {
    qos: 2,
    packetBytes: 268_435_460,
    inFlight: 60_000,
    retains: true,
  };
  assertEquals(limitsOf(5) as unknown, standard);
  assertEquals(limitsOf(5, {}) as unknown, standard);
});

test("those that a broker announces", () => {
  assertEquals(
    limitsOf(5, { maximumQoS: 0, maximumPacketSize: 100, receiveMaximum: 5 }),
    { qos: 0, packetBytes: 100, inFlight: 5, retains: true },
  );
  assertEquals(limitsOf(5, { maximumQoS: 1 }).qos, 1);
  assertEquals(limitsOf(5, { maximumQoS: 2 }).qos, 2);
  assertEquals(limitsOf(5, { receiveMaximum: 65_535 }).inFlight, 60_000);
  // Beyond the standard: what a broker can't mean is not obeyed.
  assertEquals(limitsOf(5, { maximumQoS: 7 }).qos, 2);
});

test("what is retained is kept, unless a broker says that it is not", () => {
  assertEquals(limitsOf(5, { retainAvailable: false }).retains, false);
  assertEquals(limitsOf(5, { retainAvailable: true }).retains, true);
  assertEquals(limitsOf(5, { retainAvailable: undefined }).retains, true);
  // MQTT 3.1.1 can't say.
  assertEquals(limitsOf(4).retains, true);
});

test("a packet's size, by version and QoS", () => {
  // Fixed header 2, topic 2 + 4, packet id 2, properties' length 1, payload 3.
  assertEquals(publishBytes("room", 3, 0, 4), 11);
  assertEquals(publishBytes("room", 3, 0, 5), 12);
  for (const qos of [1, 2] as const) {
    assertEquals(publishBytes("room", 3, qos, 4), 13);
    assertEquals(publishBytes("room", 3, qos, 5), 14);
  }
});

test("a topic is measured in UTF-8", () => {
  assertEquals(publishBytes("é👋", 0, 0, 4), 2 + 2 + 6);
});

test("the length field grows by a byte for each 7 bits", () => {
  // 3 bytes of topic, the rest payload, so that `size` follows the header.
  const bytes = (size: number) => publishBytes("t", size - 3, 0, 4) - size;
  const growth = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  assertEquals(growth.map(bytes), [2, 3, 3, 4, 4, 5]);
  assertEquals(bytes(268_435_455), 5);
});
