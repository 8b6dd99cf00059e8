/**
 * What a room is told of somebody, over connections that come and go.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { type ChatClient, PublishError } from "../../lib/client.ts";
import type { Payload } from "../../lib/protocol.ts";
import { Presence } from "../../lib/room/presence.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("presence");

const ROOM = "chat/room";
const JOINED = "ann: User ann is now subscribed to chat/room.";

/** Somebody in a room, what it is told, and what they are warned of. */
function enter(refuses = (_text: string) => false) {
  const told: string[] = [];
  const warnings: string[] = [];
  const presence = new Presence({
    name: "ann",
    username: "chat",
    rooms: [ROOM],
    qos: 1,
    warn: (sentence) => warnings.push(sentence),
  });
  const send = (_topic: string, payload: Payload) => {
    const text = payload.type === "notice" ? payload.notice : "a message";
    if (refuses(text)) return Promise.reject(new PublishError("No.", 0x87));
    told.push(`${payload.from}: ${text}`);
    return Promise.resolve();
  };
  // Only what a presence uses of a client is there.
  const client = { version: 5, send } as unknown as ChatClient;
  return { presence, client, told, warnings };
}

/** What the broker says of somebody who is lost. */
function lastWords({ will }: Presence): string {
  return will?.payload.type === "notice"
    ? `${will.payload.from}: ${will.payload.notice}`
    : "";
}

test("one joins once the room may be read, and again after a loss", () => {
  const { presence, client, told } = enter();
  presence.join(client);
  assertEquals(told, []);
  presence.granted("elsewhere");
  presence.granted(ROOM);
  assertEquals(told, [JOINED]);
  presence.stop();
});

test("a connection that is renewed is no return", async () => {
  const { presence, client, told } = enter();
  presence.join(client);
  presence.granted(ROOM);
  await presence.leave(); // once the join notice has its answer
  presence.granted(ROOM);
  assertEquals(told.length, 2);
  presence.lost();
  presence.granted(ROOM);
  assertEquals(told[2], JOINED);
  presence.stop();
});

test("a room that refuses one's joining is not left", async () => {
  const { presence, client, told, warnings } = enter(() => true);
  presence.join(client);
  presence.granted(ROOM);
  await presence.leave();
  assertEquals(told, []);
  assertMatch(warnings[0], /^Nobody sees you join chat\/room, .*: No\.$/);
});

test("another name is told by the old one, and the will has it", async () => {
  const { presence, client, told } = enter();
  presence.join(client);
  presence.granted(ROOM);
  await presence.rename("Ann B.");
  assertEquals(lastWords(presence), "Ann B.: User Ann B. timed out.");
  presence.lost();
  presence.granted(ROOM);
  await presence.leave();
  assertEquals(told, [
    JOINED,
    "ann: User ann is now known as Ann B..",
    "Ann B.: User Ann B. is now subscribed to chat/room.",
    "Ann B.: User Ann B. disconnecting from chat/room.",
  ]);
  presence.stop();
});

test("nobody is told of a new name who wasn't told of the old one", async () => {
  const { presence, client, told } = enter();
  await presence.rename("bob");
  presence.join(client);
  await presence.rename("cy");
  assertEquals(told, []);
  assertEquals(lastWords(presence), "cy: User cy timed out.");
  presence.stop();
});

test("where a new name is not told, that is warned of", async () => {
  const { presence, client, told, warnings } = enter((text) =>
    text.includes("known as")
  );
  presence.join(client);
  presence.granted(ROOM);
  await presence.rename("bob");
  assertEquals(told, [JOINED]);
  assertEquals(warnings, [
    "Nobody in chat/room is told of your new name: No.",
  ]);
  presence.stop();
});
