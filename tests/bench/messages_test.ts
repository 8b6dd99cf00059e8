import { assertEquals } from "@std/assert";
import { batchOf, LAST, lineOf } from "../../bench/messages.ts";
import { type IPublishPacket, parser } from "mqtt-packet";
import { Buffer } from "node:buffer";
import { decode } from "../../lib/protocol.ts";

/** The messages of a batch, as a reader gets them. */
function messagesOf(packets: Uint8Array): IPublishPacket[] {
  const messages: IPublishPacket[] = [];
  parser().on("packet", (packet) => messages.push(packet as IPublishPacket))
    .parse(Buffer.from(packets));
  return messages;
}

function textOf({ payload }: IPublishPacket): string | undefined {
  const decoded = decode(payload as Buffer);
  return decoded?.type === "message" ? decoded.message : undefined;
}

Deno.test("batchOf: topics in turn, ids that go round and are never 0", () => {
  const count = 65_537;
  const { packets } = batchOf(count, { topics: ["a", "b/ü"], qos: 1 });
  const messages = messagesOf(packets);
  assertEquals(messages.length, count);
  assertEquals(
    messages.slice(0, 3).map(({ topic, qos, messageId }) => ({
      topic,
      qos,
      messageId,
    })),
    [
      { topic: "a", qos: 1, messageId: 1 },
      { topic: "b/ü", qos: 1, messageId: 2 },
      { topic: "a", qos: 1, messageId: 3 },
    ],
  );
  assertEquals(messages.slice(-2).map(({ messageId }) => messageId), [1, 2]);
});

Deno.test("batchOf: no packet id at QoS 0; the last says so, and no other", () => {
  const messages = messagesOf(batchOf(3, { topics: ["a"], qos: 0 }).packets);
  assertEquals(messages.map(({ messageId }) => messageId), [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(messages.map(textOf), [
    lineOf(0),
    lineOf(1),
    `${lineOf(2)} ${LAST}`,
  ]);
});
