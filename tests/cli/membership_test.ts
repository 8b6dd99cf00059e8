/**
 * Going to another room and taking another name, as the room and the broker see
 * it, and what becomes of what is said meanwhile.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { openBroker } from "../support/brokers.ts";
import { Guest, HALL, ROOM } from "../support/guests.ts";
import { Peer, said } from "../support/peers.ts";
import { namesIn } from "../support/rooms.ts";

/** What the next so many publications say. */
async function heard(peer: Peer, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const { topic, text } = await peer.next();
    const { from, message, notice } = JSON.parse(text);
    texts.push(`${topic} ${from}: ${message ?? notice}`);
  }
  return texts;
}

Deno.test("membership: /nick is told, and the will has the new name", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using guest = await Guest.enter(broker);
  const { membership } = guest;
  membership.rename("Ann B");
  await membership.say("hello");
  guest.abort();
  assertEquals(await heard(peer, 4), [
    "chat/room ann: User ann is now subscribed to chat/room.",
    "chat/room ann: User ann is now known as Ann B.",
    "chat/room Ann B: hello",
    "chat/room Ann B: User Ann B timed out.",
  ]);
  const lines = await guest.until("prompt Ann B");
  assertEquals(lines, ["prompt Ann B"]);
  assertEquals(membership.name, "Ann B");
});

Deno.test("membership: /nick refuses, in a sentence", async () => {
  await using broker = await openBroker();
  await using guest = await Guest.enter(broker, { follow: false });
  const { membership } = guest;
  for (const name of ["", "ann", "bob", "x".repeat(257)]) {
    membership.rename(name);
    await membership.settled();
  }
  membership.rename("Ann B");
  assertEquals(await guest.until("prompt Ann B"), [
    "connected",
    "You are ann; /nick NAME gives you another name.",
    "You are ann already.",
    "warning: You ignore bob; /unignore bob comes first.",
    "warning: /nick takes 256 characters at most, not 257.",
    "prompt Ann B",
  ]);
});

Deno.test("membership: /join leaves here, and the will goes along", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using guest = await Guest.enter(broker);
  const { membership } = guest;
  await membership.say("here");
  membership.move(HALL);
  await membership.say("there");
  await guest.until("ann: there");
  await peer.publish(ROOM, said("too late", "bob"));
  await peer.publish(HALL, said("welcome", "bob"));
  const lines = await guest.until("bob: welcome");
  assertEquals(lines, ["bob: welcome"]);
  assertEquals(
    namesIn(membership.reader.roster).toSorted(),
    ["ann", "bob"],
  );
  guest.abort();
  assertEquals(await heard(peer, 8), [
    "chat/room ann: User ann is now subscribed to chat/room.",
    "chat/room ann: here",
    "chat/hall ann: User ann is now subscribed to chat/hall.",
    "chat/room ann: User ann disconnecting from chat/room.",
    "chat/hall ann: there",
    "chat/room bob: too late",
    "chat/hall bob: welcome",
    "chat/hall ann: User ann timed out.",
  ]);
});

Deno.test("membership: what comes from the new room comes after the old one", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await peer.publish(HALL, said("kept", "bob"), true);
  await using guest = await Guest.enter(broker);
  guest.membership.move(HALL);
  assertEquals(await guest.until("You are in chat/hall now."), [
    "-- User ann disconnecting from chat/room.",
    "You are in chat/hall now.",
  ]);
  assertMatch(await guest.told.next(), /^\(retained\) .*bob: kept$/);
  assertEquals(
    await guest.told.next(),
    "-- User ann is now subscribed to chat/hall.",
  );
  // And back again, where it begins anew.
  guest.membership.move(ROOM);
  await guest.membership.say("back");
  await guest.until("ann: back");
  assertEquals(namesIn(guest.membership.reader.roster), ["ann"]);
  assertEquals(guest.membership.topics, [ROOM, HALL]);
});

Deno.test("membership: one after the other, whatever is asked for at once", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using guest = await Guest.enter(broker);
  const { membership } = guest;
  const words: Promise<void>[] = [];
  const say = (text: string) => words.push(membership.say(text));
  say("1");
  membership.move(HALL);
  say("2");
  membership.rename("Ann B");
  say("3");
  membership.move(ROOM);
  say("4");
  await Promise.all(words);
  const messages = (await heard(peer, 10)).filter((text) => /\d$/.test(text));
  assertEquals(messages, [
    "chat/room ann: 1",
    "chat/hall ann: 2",
    "chat/hall Ann B: 3",
    "chat/room Ann B: 4",
  ]);
});

Deno.test("membership: without --follow only the lines go elsewhere", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using guest = await Guest.enter(broker, { follow: false });
  const { membership } = guest;
  membership.move(HALL);
  membership.rename("Ann B");
  await membership.say("hello");
  assertEquals(await heard(peer, 1), ["chat/hall Ann B: hello"]);
  assertEquals(guest.told.all, [
    "connected",
    "What you enter goes to chat/hall now.",
    "prompt Ann B",
  ]);
});

Deno.test("membership: /join refuses, in a sentence", async () => {
  const broker = await openBroker();
  await using guest = await Guest.enter(broker);
  const { membership } = guest;
  const first = guest.told.all.length;
  for (const topic of ["", ROOM, "chat/#", "a\u0007", "$share/a/chat"]) {
    membership.move(topic);
    await membership.settled();
  }
  await broker.close();
  await guest.until("disconnected");
  membership.move(HALL);
  await membership.settled();
  assertEquals(guest.told.all.slice(first), [
    "You are in chat/room; /join TOPIC goes elsewhere.",
    "You are in chat/room already.",
    'warning: The topic "chat/#" has a wildcard, + or #; messages go to one ' +
    "room.",
    'warning: The topic "a\\u0007" has a control character or another one ' +
    "that brokers refuse.",
    'warning: The topic "$share/a/chat" is shared with other readers.',
    "disconnected",
    "reconnecting",
    "warning: There is no connection. You are still in chat/room.",
  ]);
});
