import { assertEquals, assertRejects } from "@std/assert";
import { type ChatClient, PublishError } from "../../lib/client.ts";
import type { Payload, Received } from "../../lib/protocol.ts";
import { Presence } from "../../lib/room/presence.ts";
import { TestClock } from "../support/clock.ts";
import { message, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("presence", () => enterGranted());

const ROOM = "chat/room";
const JOINED = "ann: User ann is now subscribed to chat/room.";

/** A client in rooms, what they are told, and what it is warned of. */
function enter(
  refuses = (_text: string) => false,
  { rooms = [ROOM], version = 5, code = 0x87 } = {},
) {
  const clock = new TestClock();
  const told: string[] = [];
  const echoes: Received[] = [];
  const warnings: string[] = [];
  let latency = 0;
  const presence = new Presence({
    name: "ann",
    username: "chat",
    rooms,
    qos: 1,
    clock,
    warn: (sentence) => warnings.push(sentence),
  });
  const send = async (topic: string, payload: Payload) => {
    const text = payload.type === "notice" ? payload.notice : "a message";
    if (refuses(text)) throw new PublishError("No.", code);
    told.push(`${payload.from}: ${text}`);
    const sent = { ...payload, id: payload.id ?? `id-${told.length}` };
    echoes.push({ ...received(sent, topic), sentTo: topic });
    if (latency > 0) {
      await new Promise<void>((resolve) => clock.after(latency, resolve));
    }
  };
  // Only what a presence uses of a client is there.
  const client = { version, send } as unknown as ChatClient;
  const slow = (milliseconds: number) => latency = milliseconds;
  return { presence, client, told, warnings, clock, echoes, slow };
}

/** A client whose room is granted. */
function enterGranted(...args: Parameters<typeof enter>) {
  const all = enter(...args);
  all.presence.join(all.client);
  all.presence.granted(ROOM);
  return all;
}

/** The text of the will. */
function lastWords({ will }: Presence): string {
  return will?.payload.type === "notice"
    ? `${will.payload.from}: ${will.payload.notice}`
    : "";
}

test("the client joins once the room is granted, and after each reconnect", async () => {
  const { presence, client, told } = enter();
  presence.join(client);
  presence.granted("elsewhere");
  assertEquals(told, []);
  for (const count of [1, 2, 3]) {
    presence.granted(ROOM);
    assertEquals(told, Array(count).fill(JOINED));
    await presence.rename("ann"); // once the join notice has its answer
    assertEquals(told.splice(count).length, 1);
    // A renewed connection sends no second one.
    presence.granted(ROOM);
    assertEquals(told.length, count);
    presence.lost();
  }
});

test("a room that refuses the join notice gets no leave, and no other join", async () => {
  for (
    const [code, start] of [[0x87, "No right to"], [0x97, "Can't"]] as const
  ) {
    const { presence, told, warnings, clock } = enterGranted(() => true, {
      code,
    });
    await presence.leave();
    presence.lost();
    presence.granted(ROOM);
    await clock.advance(0);
    assertEquals(told, []);
    assertEquals(warnings, [
      `${start} write to chat/room: others don't see you. Reading may not work ` +
      "either. No.",
    ]);
  }
});

test("a rename is announced under the old name, and changes the will", async ({ presence, told }) => {
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
});

test("a rename is announced only where the client joined, and warned of where refused", async () => {
  const { presence, client, told } = enter();
  await presence.rename("bob");
  presence.join(client);
  await presence.rename("cy");
  assertEquals(told, []);
  assertEquals(lastWords(presence), "cy: User cy timed out.");
  const refused = enterGranted((text) => text.includes("known as"));
  await refused.presence.rename("bob");
  assertEquals(refused.told, [JOINED]);
  assertEquals(refused.warnings, ["chat/room did not get your new name: No."]);
});

test("an acknowledged notice without an echo is warned of, once", async () => {
  // In 3.1.1 it is not known which right is missing.
  const cases = [
    [5, 'You can\'t read chat/room: user "chat" may only write to it. '],
    [4, 'You can\'t use chat/room: user "chat" lacks rights there. '],
  ] as const;
  for (const [version, start] of cases) {
    const { presence, warnings, clock } = enterGranted(undefined, { version });
    await clock.advance(4_999);
    assertEquals([warnings, presence.isDenied], [[], false]);
    await clock.advance(1);
    assertEquals(presence.isDenied, true);
    presence.lost();
    presence.granted(ROOM);
    await clock.advance(60_000);
    const rest = "Ask the broker's operator, or use another --username.";
    assertEquals(warnings, [start + rest]);
    // Very late, but it can be read.
    presence.receive(received(message("hi")));
    assertEquals([presence.isDenied, presence.isHeard], [false, true]);
  }
});

test("the echo may take ten times as long as the acknowledgement", async () => {
  const { presence, client, warnings, clock, slow } = enter();
  slow(3_000);
  presence.join(client);
  presence.granted(ROOM);
  await clock.advance(32_999);
  assertEquals(warnings, []);
  await clock.advance(1);
  assertEquals(warnings.length, 1);
});

test("rooms count as denied only when all are silent or denied", async () => {
  const rooms = [ROOM, "chat/b"];
  const { presence, clock } = enterGranted(undefined, { rooms });
  presence.granted("chat/b");
  presence.receive(received(message("hi"), "chat/b"));
  await clock.advance(60_000);
  assertEquals([presence.isDenied, presence.isHeard], [false, false]);
  assertEquals(enter(undefined, { rooms: [] }).presence.isDenied, false);
  const other = enterGranted(undefined, { rooms });
  other.presence.denied("chat/b");
  await other.clock.advance(0);
  assertEquals(other.presence.isDenied, false);
  await other.clock.advance(60_000);
  assertEquals(other.presence.isDenied, true);
});

test("a lost connection cancels the wait for the echo", async ({ presence, clock, warnings }) => {
  await clock.advance(1_000);
  presence.lost();
  assertEquals(clock.nextIn, undefined);
  await clock.advance(60_000);
  assertEquals([warnings, presence.isDenied], [[], false]);
});

test("only this connection's own join notice counts as its echo", async ({ presence, clock, echoes }) => {
  presence.receive({ ...echoes[0], sentTo: undefined });
  assertEquals(presence.joinIdIn(ROOM), undefined);
  presence.receive(echoes[0]);
  assertEquals(presence.joinIdIn(ROOM), "id-1");
  await clock.advance(1_000);
  presence.lost();
  presence.granted(ROOM);
  // A kept session brings the earlier one again.
  presence.receive(echoes[0]);
  assertEquals(presence.joinIdIn(ROOM), undefined);
  presence.receive(echoes[1]);
  assertEquals(presence.joinIdIn(ROOM), "id-2");
});

test("entering ends with the echo, or with the reason why there is none", async () => {
  const cases: [reason: string, refuses: boolean, hasEcho: boolean][] = [
    ["", false, true],
    ["You can't read chat/room", false, false],
    ["No right to write to chat/room", true, false],
  ];
  for (const [reason, refuses, hasEcho] of cases) {
    const { presence, client, echoes, warnings, clock } = enter(() => refuses);
    const entered = presence.enter(client);
    const ended = hasEcho
      ? entered
      : assertRejects(() => entered, Error, reason);
    presence.granted(ROOM);
    if (hasEcho) presence.receive(echoes[0]);
    else await clock.advance(10_000);
    await ended;
    await clock.advance(0);
    assertEquals([warnings, clock.nextIn], [[], undefined]);
  }
});
