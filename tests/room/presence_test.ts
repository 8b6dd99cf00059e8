import { assertEquals, assertMatch, assertRejects } from "@std/assert";
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

test("the client joins once the room is granted, and after each reconnect", () => {
  const { presence, client, told } = enter();
  presence.join(client);
  assertEquals(told, []);
  presence.granted("elsewhere");
  presence.granted(ROOM);
  assertEquals(told, [JOINED]);
});

test("a renewed connection sends no second join", async ({ presence, told }) => {
  await presence.leave(); // once the join notice has its answer
  presence.granted(ROOM);
  assertEquals(told.length, 2);
  presence.lost();
  presence.granted(ROOM);
  assertEquals(told[2], JOINED);
});

test("a room that refuses the join notice gets no leave notice", async () => {
  for (
    const [code, start] of [[0x87, "No right to"], [0x97, "Can't"]] as const
  ) {
    const { presence, client, told, warnings, clock } = enter(
      () => true,
      { code },
    );
    presence.join(client);
    presence.granted(ROOM);
    await presence.leave();
    // Nor another join notice.
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

test("a rename is announced only where the client joined", async () => {
  const { presence, client, told } = enter();
  await presence.rename("bob");
  presence.join(client);
  await presence.rename("cy");
  assertEquals(told, []);
  assertEquals(lastWords(presence), "cy: User cy timed out.");
});

test("a refused rename notice is warned of", async () => {
  const { presence, told, warnings } = enterGranted((text) =>
    text.includes("known as")
  );
  await presence.rename("bob");
  assertEquals(told, [JOINED]);
  assertEquals(warnings, [
    "chat/room did not get your new name: No.",
  ]);
});

test("an acknowledged notice without an echo is warned of, once", async ({ presence, warnings, clock }) => {
  await clock.advance(4_999);
  assertEquals([warnings, presence.isDenied], [[], false]);
  await clock.advance(1);
  assertEquals(presence.isDenied, true);
  assertMatch(
    warnings[0],
    /^You can't read chat\/room: user "chat" may only write to it\./,
  );
  presence.lost();
  presence.granted(ROOM);
  await clock.advance(60_000);
  assertEquals(warnings.length, 1);
  // Very late, but it can be read.
  presence.receive(received(message("hi")));
  assertEquals([presence.isDenied, presence.isHeard], [false, true]);
});

test("in MQTT 3.1.1 the warning names neither right", async () => {
  const { warnings, clock } = enterGranted(undefined, {
    version: 4,
  });
  await clock.advance(5_000);
  assertMatch(
    warnings[0],
    /^You can't use chat\/room: user "chat" lacks rights there\./,
  );
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

test("rooms count as denied only when all are silent", async () => {
  const rooms = [ROOM, "chat/b"];
  const { presence, clock } = enterGranted(undefined, { rooms });
  presence.granted("chat/b");
  presence.receive(received(message("hi"), "chat/b"));
  await clock.advance(60_000);
  assertEquals([presence.isDenied, presence.isHeard], [false, false]);
  assertEquals(enter(undefined, { rooms: [] }).presence.isDenied, false);
});

test("a room that the broker denies counts as silent", async () => {
  const { presence, clock } = enterGranted(undefined, {
    rooms: [ROOM, "chat/b"],
  });
  presence.denied("chat/b");
  await clock.advance(0);
  assertEquals(presence.isDenied, false);
  await clock.advance(60_000);
  assertEquals(presence.isDenied, true);
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

test("entering ends with the echo", async () => {
  const { presence, client, echoes, warnings } = enter();
  const entered = presence.enter(client, 10);
  presence.granted(ROOM);
  presence.receive(echoes[0]);
  await entered;
  assertEquals(warnings, []);
});

/** Why a room is not entered: what is refused, and whether it is granted. */
const NOT_ENTERED: [reason: string, refuses: boolean, isGranted: boolean][] = [
  ["You can't read chat/room", false, true],
  ["No right to write to chat/room", true, true],
  ["Nothing came back from chat/room", false, false],
];

for (const [reason, refuses, isGranted] of NOT_ENTERED) {
  test(`entering fails: ${reason}`, async () => {
    const { presence, client, clock, warnings } = enter(() => refuses);
    const entered = presence.enter(client, 10);
    const failed = assertRejects(() => entered, Error, reason);
    if (isGranted) presence.granted(ROOM);
    await clock.advance(10_000);
    await failed;
    assertEquals(warnings, []);
  });
}
