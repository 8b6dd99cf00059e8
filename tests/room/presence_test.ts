import { assertEquals, assertRejects } from "@std/assert";
import {
  AbandonedError,
  type ChatClient,
  PublishError,
} from "../../lib/client.ts";
import {
  type ChatNotice,
  type Payload,
  type Received,
  timeoutNotice,
} from "../../lib/protocol.ts";
import { Presence } from "../../lib/room/presence.ts";
import { TestClock } from "../support/clock.ts";
import { message, received, ROOM } from "../support/line_fixtures.ts";
import { pureTests, scenesIn } from "../support/pure.ts";

const test = pureTests("presence");

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
    ...{ name: "ann", username: "chat", rooms, qos: 1, clock },
    warn: (sentence) => warnings.push(sentence),
  });
  const send = async (topic: string, payload: Payload) => {
    const text = payload.type === "notice" ? payload.notice : "a message";
    if (refuses(text)) throw new PublishError("No.", code);
    told.push(`${payload.from}: ${text}`);
    const sent = { ...payload, id: payload.id ?? `id-${echoes.length + 1}` };
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

/** What happens to a client, and in short what it tells and is warned of. */
const SCENES = `
the client joins once the room is granted, and after each reconnect
  granted, told, joins, told ann joins, granted, told, lost, granted,
  told ann joins, waits 1, granted, lost, joins, told, granted, told ann joins
a join that is unanswered is not sent twice
  slow 9000, joins, granted, told ann joins, lost, granted, told, waits 9000,
  lost, granted, told ann joins
a room that is granted elsewhere is not joined
  joins, granted chat/b, told
a rename is announced under the old name, and changes the will
  joins, granted, waits 1, renames Bob, will Bob, lost, granted, waits 1, leaves,
  told ann joins; ann becomes Bob; Bob joins; Bob leaves
a rename is announced only where the client joined
  renames Bob, joins, renames Cy, told, will Cy
a slow join is awaited before the leave
  slow 9000, joins, granted, told ann joins, leaves at once, waits 8999, told,
  waits 1, told ann leaves
the echo may take ten times as long as the acknowledgement
  slow 3000, joins, granted, waits 32999, warned 0, waits 1, warned 1
a lost connection cancels the wait for the echo
  joins, granted, waits 1000, lost, timers 0, waits 60000, warned 0, is open
an echo ends the wait for it
  joins, granted, waits 1, echo 1, waits 60000, warned 0, is heard
only this connection's own join notice counts as its echo
  joins, granted, foreign 1, joined, echo 1, joined id-1, waits 1000, lost, joined,
  echo 1, joined, granted, echo 1, joined, echo 2, joined id-2
`;

const inShort = (line: string) =>
  line.replace(/^(\w+): User \w+ /, "$1 ").replace(/is now subs.*/, "joins")
    .replace(/disconnecting.*/, "leaves")
    .replace(/is now known as (.*)\.$/, "becomes $1");

for (const [title, scene] of scenesIn(SCENES)) {
  test(title, async () => {
    const { presence, client, told, warnings, clock, echoes, slow } = enter();
    for (const step of scene.split(", ")) {
      const [does, what = ""] = step.split(" ");
      const number = Number(what);
      const acts: Record<string, () => unknown> = {
        joins: () => presence.join(client),
        granted: () => presence.granted(what || ROOM),
        lost: () => presence.lost(),
        renames: () => presence.rename(what),
        leaves: () => what === "" ? presence.leave() : void presence.leave(),
        slow: () => slow(number),
        waits: () => clock.advance(number),
        echo: () => presence.receive(echoes[number - 1]),
        foreign: () => presence.receive({ ...echoes[0], sentTo: undefined }),
        told: () => told.splice(0).map(inShort).join("; "),
        joined: () => presence.joinIdIn(ROOM) ?? "",
        warned: () => `${warnings.length}`,
        timers: () => `${clock.nextIn === undefined ? 0 : 1}`,
        is: () =>
          presence.isDenied ? "denied" : presence.isHeard ? "heard" : "open",
        will: () => {
          const { from, notice } = presence.will!.payload as ChatNotice;
          return notice === timeoutNotice(from) ? from : notice;
        },
      };
      const result = await acts[does]();
      const expected = step.replace(/^\w+ ?/, "");
      if (typeof result === "string") assertEquals(result, expected, step);
    }
  });
}

test("a room that refuses the join notice gets no leave, and no other join", async () => {
  for (const [code, may] of [[0x87, "No right to"], [0x97, "Can't"]] as const) {
    const all = enter(() => true, { code });
    const { presence, client, told, warnings, clock } = all;
    presence.join(client);
    presence.granted(ROOM);
    await presence.leave();
    presence.lost();
    presence.granted(ROOM);
    await clock.advance(0);
    assertEquals(told, []);
    assertEquals(warnings, [
      `${may} write to chat/room: others don't see you. Reading may not work ` +
      "either. No.",
    ]);
  }
  const other = enter((text) => text.includes("known as"));
  other.presence.join(other.client);
  other.presence.granted(ROOM);
  await other.presence.rename("bob");
  assertEquals(other.told.map(inShort), ["ann joins"]);
  assertEquals(other.warnings, ["chat/room did not get your new name: No."]);
  // That the client is closed is reported elsewhere.
  const closed = enter(() => {
    throw new AbandonedError("Closed.");
  });
  closed.presence.join(closed.client);
  closed.presence.granted(ROOM);
  await closed.presence.rename("bob");
  assertEquals(closed.warnings, []);
});

test("an acknowledged notice without an echo is warned of, once", async () => {
  // In 3.1.1 it is not known which right is missing.
  const cases = [
    [5, 'You can\'t read chat/room: user "chat" may only write to it. '],
    [4, 'You can\'t use chat/room: user "chat" lacks rights there. '],
  ] as const;
  for (const [version, start] of cases) {
    const { presence, client, warnings, clock } = enter(undefined, { version });
    presence.join(client);
    presence.granted(ROOM);
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

test("rooms count as denied only when all are silent or denied", async () => {
  const rooms = [ROOM, "chat/b"];
  const { presence, client, clock } = enter(undefined, { rooms });
  presence.join(client);
  for (const room of rooms) presence.granted(room);
  presence.receive(received(message("hi"), "chat/b"));
  await clock.advance(60_000);
  assertEquals([presence.isDenied, presence.isHeard], [false, false]);
  presence.denied("chat/b");
  assertEquals(presence.isDenied, true);
  assertEquals(enter(undefined, { rooms: [] }).presence.isDenied, false);
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
  const { presence, client } = enter(undefined, { rooms: [] });
  await presence.enter(client);
});
