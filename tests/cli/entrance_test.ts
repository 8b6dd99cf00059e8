/**
 * Rooms that one is not let into: one stays where one is, and nothing that was
 * meant for there goes elsewhere.
 *
 * @module
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AbandonedError } from "../../lib/client.ts";
import { type Answers, FakeBroker, letIn } from "../support/brokers.ts";
import { Guest, HALL, ROOM } from "../support/guests.ts";
import { encode, puback, publish, suback } from "../support/packets.ts";

/** A broker that lets one read and write but for what is answered. */
function echoing(answers: Answers): FakeBroker {
  let count = 0;
  return new FakeBroker(letIn({
    publish: (packet) => [
      ...publish(packet.topic, packet.payload.toString(), ++count),
      ...puback(packet),
    ],
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }),
    ...answers,
  }));
}

const HALL_DENIED: Answers = {
  subscribe: (packet) =>
    suback(packet, packet.subscriptions[0].topic === HALL ? 0x87 : 1),
};

/** What a broker was sent, by kind and topic. */
function sentTo(broker: FakeBroker, topic: string): string[] {
  return broker.all("publish").filter((packet) => packet.topic === topic)
    .map(({ payload }) => {
      const { message, notice } = JSON.parse(payload.toString());
      return message ?? notice;
    });
}

Deno.test("entrance: a room one may not read: one stays, and nothing goes astray", async () => {
  await using broker = echoing(HALL_DENIED);
  await using guest = await Guest.enter(broker);
  const { membership } = guest;
  membership.move(HALL);
  const meanwhile = membership.say("for the hall");
  const { message } = await assertRejects(() => meanwhile, Error);
  assertEquals(message, "You are still in chat/room.");
  await membership.say("for the room");
  assertEquals(guest.told.all.at(-1), "ann: for the room");
  assertEquals(
    guest.told.all.at(-2),
    "warning: The broker does not let you read chat/hall: not authorized. " +
      "You are still in chat/room.",
  );
  assertEquals(sentTo(broker, HALL), []);
  assertEquals(sentTo(broker, ROOM).slice(1), ["for the room"]);
  assertEquals(broker.connections, 1);
});

Deno.test("entrance: a room one may not write to: one stays", async () => {
  await using broker = echoing({
    publish: (packet) =>
      packet.topic === HALL
        ? puback(packet, 0x87)
        : [...publish(ROOM, packet.payload.toString(), 1), ...puback(packet)],
  });
  await using guest = await Guest.enter(broker);
  guest.membership.move(HALL);
  await guest.membership.settled();
  assertMatch(
    guest.told.all.at(-1)!,
    /^warning: Nobody sees you join chat\/hall, .* You are still in chat\/room\.$/,
  );
  // Nobody saw one come, so there is no leave.
  assertEquals(sentTo(broker, HALL).length, 1);
  assertEquals((await broker.next("unsubscribe")).unsubscriptions, [HALL]);
});

Deno.test("entrance: a room that stays silent: one goes back", async () => {
  await using broker = echoing({
    publish: (packet) =>
      packet.topic === HALL
        ? puback(packet)
        : [...publish(ROOM, packet.payload.toString(), 1), ...puback(packet)],
  });
  await using guest = await Guest.enter(broker, { timeout: 0.2 });
  guest.membership.move(HALL);
  await guest.membership.settled();
  assertEquals(
    guest.told.all.at(-1),
    "warning: Nothing came back from chat/hall within 0.2 s. You are still " +
      "in chat/room.",
  );
  await broker.next("unsubscribe");
  assertEquals(sentTo(broker, HALL), [
    "User ann is now subscribed to chat/hall.",
    "User ann disconnecting from chat/hall.",
  ]);
});

Deno.test("entrance: whoever leaves while going elsewhere waits for nothing", async () => {
  await using broker = echoing({
    subscribe: (packet) =>
      packet.subscriptions[0].topic === HALL ? undefined : suback(packet, 1),
  });
  await using guest = await Guest.enter(broker);
  guest.membership.move(HALL);
  const meanwhile = guest.membership.say("for the hall");
  guest.membership.end();
  await assertRejects(() => meanwhile, AbandonedError);
});
