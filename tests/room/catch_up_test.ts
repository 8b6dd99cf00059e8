/**
 * A reader that catches up with a kept room, with a broker and timers of the
 * test's own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { ChatClient, Grant } from "../../lib/client.ts";
import type { Received } from "../../lib/protocol.ts";
import { joinNotice } from "../../lib/room/members.ts";
import { encodeHistory } from "../../lib/room/history.ts";
import type { ReaderOptions } from "../../lib/room/room.ts";
import { message, notice, received } from "../support/line_fixtures.ts";
import { pureTests } from "../support/pure.ts";
import { namesIn, read, ROOM } from "../support/rooms.ts";

const SESSION = "abcdefghijklmnop";
const broker = { scheme: "mqtt", host: "a", port: 1883, path: "" } as const;
const connected = { type: "connected", broker, version: 5 } as const;

const START = Date.now();

/** What somebody said so many seconds ago, with a number. */
const said = (n: number, ago = 0) => ({
  ...message(`${n}`, "Ada"),
  id: `${SESSION}-${n}`,
  at: new Date(START - ago * 1000).toISOString(),
});

/** The reader's own notice. */
const joinedOwn = () => ({ ...notice(joinNotice("me", ROOM), "me"), id: "x" });

/** Lets promises settle. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** A reader that catches up; what it joins, and how its time passes. */
function begin(options: Partial<ReaderOptions> = {}) {
  const joined: string[] = [];
  const timers = new Map<() => void, number>();
  let now = 0;
  const { reader, lines } = read({
    history: 20,
    tellsNone: true,
    wait(milliseconds, then) {
      timers.set(then, now + milliseconds);
      return () => timers.delete(then);
    },
    ...options,
  });
  const client = {
    online: true,
    join(topics: string[]): Promise<Grant[]> {
      joined.push(...topics.map((topic) => `+${topic}`));
      return Promise.resolve(
        topics.map((topic) => ({ topic, qos: 1 as const })),
      );
    },
    leave(topics: string[]) {
      joined.push(...topics.map((topic) => `-${topic}`));
      return Promise.resolve();
    },
  };
  const pass = async (milliseconds: number) => {
    await turn();
    now += milliseconds;
    for (const [then, at] of timers) {
      if (at <= now && timers.delete(then)) then();
    }
    await turn();
  };
  /** The room's history comes, with some messages. */
  const history = (
    payloads: (ReturnType<typeof said>)[],
    { here = [] as string[], since = 3600 } = {},
  ) => {
    const messages = payloads.map((payload) => ({
      payload,
      time: Date.parse(payload.at),
    }));
    const at = new Date().toISOString();
    const from = new Date(Date.now() - since * 1000).toISOString();
    receive(
      encodeHistory({ from: "Keeper", at, since: from, messages, here }),
      `${ROOM}/$history`,
    );
  };
  const receive = (payload: Received["payload"], topic = ROOM) =>
    reader.receive({ ...received(payload, topic), receivedAt: new Date() });
  reader.announce(client as unknown as ChatClient);
  /** The connection is lost, and is there again. */
  const lose = (gap: number) => {
    reader.onStatus({ type: "disconnected", broker, reason: "it went" });
    reader.onStatus({ ...connected, gap, sessionPresent: false });
    reader.onStatus({ type: "subscribed", topic: ROOM, qos: 1 });
  };
  return { reader, lines, joined, pass, history, receive, lose };
}

/** The same, with a history that is read and shown. */
async function beginRead() {
  const scene = begin();
  await scene.pass(0);
  scene.history([said(1, 100)]);
  await scene.pass(1_500);
  scene.lines.length = 0;
  return scene;
}

const test = pureTests("catching up");

test("first what was said before, then what comes meanwhile", async () => {
  const { reader, lines, joined, pass, history, receive } = begin();
  receive(joinedOwn());
  receive(said(4));
  await pass(100);
  assertEquals(lines, []);
  // The keeper has heard of the newcomer.
  const own = { ...joinedOwn(), at: new Date().toISOString() };
  const before = [said(1, 9), said(2, 8), said(3, 7), said(4, 0)];
  history([...before, own as never], { here: ["Bob"] });
  await pass(0);
  assertEquals(lines, [
    "== 3 messages from before you came",
    ...["1", "2", "3"].map((text) => `Ada: ${text}`),
    "== now",
    `-- ${joinNotice("me", ROOM)}`,
    "Ada: 4",
  ]);
  assertEquals(joined, [`+${ROOM}/$history`]);
  // The keeper may not have written yet what was said right before.
  history([said(1, 9), said(3, 7), said(5, 1)]);
  assertEquals(lines.at(-1), "Ada: 5");
  await pass(1_500);
  assertEquals(joined.at(-1), `-${ROOM}/$history`);
  receive(said(6));
  assertEquals(lines.at(-1), "Ada: 6");
  assertEquals(namesIn(reader.roster).sort(), ["Ada", "Bob", "me"]);
  reader.stop();
});

test("a room without a keeper says so, once", async () => {
  const { reader, lines, pass, receive, joined } = begin();
  receive(said(1));
  await pass(499);
  assertEquals(lines, []);
  await pass(1);
  assertEquals(lines, ["== This room keeps no history.", "Ada: 1"]);
  await pass(1_000);
  assertEquals(joined.at(-1), `-${ROOM}/$history`);
  reader.stop();
});

test("the last so many messages, and nobody's coming and going", async () => {
  const { reader, lines, pass, history } = begin({ history: 2 });
  const came = { ...said(9), ...notice(joinNotice("Bob", ROOM), "Bob") };
  await pass(0);
  history([said(1), said(2), said(3), came as never]);
  await pass(0);
  assertEquals(lines, [
    "== 2 messages from before you came",
    "Ada: 2",
    "Ada: 3",
    "== now",
  ]);
  reader.stop();
});

test("what was missed follows the gap, and what comes meanwhile follows that", async () => {
  const { reader, lines, pass, history, receive, lose } = await beginRead();
  lose(60);
  receive(said(4));
  await pass(0);
  history([said(1, 100), said(2, 50), said(3, 40)]);
  await pass(1_499);
  assertEquals(lines, []);
  await pass(1);
  assertEquals(lines, [
    "== Connected to a:1883 after 60.0 s without a connection. 2 messages of " +
    "that time follow; nothing is missing.",
    ...["2", "3", "4"].map((text) => `Ada: ${text}`),
  ]);
  reader.stop();
  assertEquals(lines.length, 4);
});

test("a gap says only what is known", async () => {
  const gap = "== Connected to a:1883 after 60.0 s without a connection.";
  const cases: [
    kept: Parameters<ReturnType<typeof begin>["history"]>,
    rest: string,
  ][] = [
    [[[said(1, 100)]], "Nothing is missing."],
    // What is kept does not reach back.
    [
      [[said(7, 5)]],
      "1 message of that time follows; others may be missing.",
    ],
    // The keeper was away as well.
    [[[said(1, 100)], { since: 30 }], "Messages may be missing here."],
  ];
  for (const [kept, rest] of cases) {
    const { reader, lines, pass, history, lose } = await beginRead();
    lose(60);
    await pass(0);
    history(...kept);
    await pass(1_500);
    assertEquals(lines[0], `${gap} ${rest}`);
    reader.stop();
  }
});

test("a connection that is lost again keeps nothing back", async () => {
  const { reader, lines, pass, receive, lose } = await beginRead();
  lose(60);
  receive(said(2));
  reader.onStatus({ type: "disconnected", broker, reason: "it went" });
  assertEquals(lines.length, 2);
  assertEquals(lines[1], "Ada: 2");
  reader.stop();
  await pass(5_000);
  assertEquals(lines.length, 2);
});

test("what is missing is looked for before it is told", async () => {
  const { reader, lines, receive } = await beginRead();
  for (const n of [2, 3, 7]) receive(said(n));
  reader.stop();
  // At the end there is no time for that.
  assertEquals(lines.at(-1), "== 3 messages of Ada did not arrive.");
});

test("what is sealed, not sealed or rubbish is told as such", async () => {
  const cases: [Partial<Received>, string][] = [
    [
      { payload: { type: "sealed", sealed: "A" } },
      "What is kept of this room is sealed (--secret-file FILE opens it).",
    ],
    [
      { payload: { type: "history", wire: { messages: [] } }, sealed: false },
      "What is kept of this room is not sealed; it is not shown.",
    ],
    [
      { payload: { type: "history", wire: { messages: 5, from: "a" } } },
      "What is kept of this room can't be read.",
    ],
  ];
  for (const [what, sentence] of cases) {
    const { reader, lines, pass } = begin();
    await pass(0);
    reader.receive({ ...received(message(""), `${ROOM}/$history`), ...what });
    await pass(0);
    assertEquals(lines, [`== ${sentence}`]);
    reader.stop();
  }
});

test("a flood is not held back for long", async () => {
  const { reader, lines, pass, receive } = begin();
  for (let n = 1; n <= 1_001; n++) receive(said(n));
  assertEquals(lines.length, 1_001);
  await pass(500);
  reader.stop();
});

test("at the end nothing is held back", async () => {
  const { reader, lines, receive, pass } = begin();
  receive(said(1));
  reader.stop();
  await pass(5_000);
  assertEquals(lines, ["Ada: 1"]);
});

test("nothing is read where several rooms are, or none is wanted", async () => {
  for (const options of [{ history: 0 }, { topics: ["a/#"] }]) {
    const { reader, joined, lines, pass, receive } = begin(options);
    receive(said(1));
    assertEquals(lines.length, 1);
    await pass(5_000);
    assertEquals(joined, []);
    reader.stop();
  }
});
