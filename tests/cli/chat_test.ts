/** What the prompt makes of lines and commands, as the room and broker see it. */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import {
  type Answers,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
} from "../support/brokers.ts";
import { Chatter, HALL, ROOM } from "../support/chats.ts";
import { Signer } from "../../lib/client.ts";
import type { Payload } from "../../lib/protocol.ts";
import { KEY, PEM } from "../support/keys.ts";
import { Member } from "../support/members.ts";
import {
  connack,
  encode,
  puback,
  publish,
  suback,
} from "../support/packets.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import { start } from "../support/processes.ts";
import { SecretFile } from "../support/secret_file.ts";

/** A broker that keeps sessions and lets clients read and write but for what is answered. */
function echoing(answers: Answers = {}): FakeBroker {
  let count = 0;
  return new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number > 1),
    publish: (packet) => [
      ...publish(packet.topic, packet.payload.toString(), ++count),
      ...puback(packet),
    ],
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }),
    ...answers,
  }));
}

/** Doesn't grant the hall, on the first connection. */
const HALL_SILENT: Answers = {
  subscribe: (packet, { number }) =>
    number === 1 && packet.subscriptions[0].topic === HALL
      ? undefined
      : suback(packet, 1),
};

/** The next SUBSCRIBE for a topic. */
async function asked(broker: FakeBroker, topic: string) {
  for (;;) {
    const packet = await broker.next("subscribe");
    if (packet.subscriptions[0].topic === topic) return packet;
  }
}

function sentTo(broker: FakeBroker, topic: string): string[] {
  return broker.all("publish").filter((packet) => packet.topic === topic)
    .map(({ payload }) => {
      const { message, notice } = JSON.parse(payload.toString());
      return message ?? notice;
    });
}

function willOf(broker: FakeBroker): string {
  const { will } = broker.all("connect").at(-1)!;
  const { from, notice } = JSON.parse(will!.payload.toString());
  return `${will!.topic} ${from}: ${notice}`;
}

/** What a peer hears, as `topic author: text`. */
async function heard(peer: Peer, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const { topic, text } = await peer.next();
    const { from, message, notice } = JSON.parse(text);
    texts.push(`${topic} ${from}: ${message ?? notice}`);
  }
  return texts;
}

Deno.test("chat: /nick tells the room, and the will has the new name", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  ann.enter("/nick Ann B", "hello");
  assertEquals(await ann.until("Ann B: hello"), [
    "[Ann B> ]",
    "-- User ann is now known as Ann B.",
    "Ann B: hello",
  ]);
  assertEquals(willOf(broker), "chat/room Ann B: User Ann B timed out.");
  assertEquals(await ann.leave(), 0);
  assertEquals(sentTo(broker, ROOM), [
    "User ann is now subscribed to chat/room.",
    "User ann is now known as Ann B.",
    "hello",
    "User Ann B disconnecting from chat/room.",
  ]);
});

Deno.test("chat: /nick refuses in a sentence", async () => {
  await using broker = await openBroker();
  await using ann = await Chatter.follow(broker, "--ignore", "bob");
  for (const name of ["", "ann", "bob", "x".repeat(257)]) {
    ann.enter(`/nick ${name}`);
  }
  ann.enter("/clear");
  assertEquals(await ann.until("[cleared]"), [
    "You are ann; /nick NAME renames you.",
    "You are ann already.",
    "You ignore bob; enter /unignore bob first.",
    "/nick takes 256 characters at most, not 257.",
    "[cleared]",
  ]);
});

Deno.test("chat: /invite names the room that one is in", async () => {
  await using broker = echoing();
  await using file = new SecretFile("hunter2 and more");
  const login = ["-u", "ann", "-P", "hunter2", ...file.flag];
  await using ann = await Chatter.follow(broker, ...login);
  const url = `mqtt://${hostOf(broker)}`;
  ann.enter("/invite", "/join chat/a b", "/invite", "/clear");
  const shown = await ann.until("[cleared]");
  assertEquals(shown.slice(0, 3), [
    `${url}/chat/room`,
    "Others join with:",
    `deno run -N=127.0.0.1 publisher.ts -f ${url}/chat/room -u USER --secret`,
  ]);
  assert(shown.includes(`${url}/chat/a%20b`));
  assertFalse(shown.join().includes("hunter2"));
});

Deno.test("chat: /ignore and --ignore hide a member's lines until /unignore", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using ann = await Chatter.follow(broker, "--ignore", "Mallory");
  const say = (text: string, from: string) =>
    peer.publish(ROOM, said(text, from));
  await say("hidden", "Mallory");
  await say("first", "Grace");
  assertEquals(await ann.until("Grace: first"), ["Grace: first"]);
  ann.enter("/ignore Grace", "/ignore ann");
  await ann.until("You can't ignore yourself.");
  await say("hidden", "Grace");
  await say("shown", "grace");
  assertEquals(await ann.until("grace: shown"), ["grace: shown"]);
  assertEquals(ann.complete("G"), ["grace: "]);
  assertEquals(ann.complete("/unignore g"), ["Grace"]);
  ann.enter("/who", "/unignore Grace");
  const lines = await ann.until("Grace is shown again.");
  assert(lines.some((line) => line.startsWith("  Grace (ignored), wrote ")));
  await say("again", "Grace");
  await ann.until("Grace: again");
});

Deno.test("chat: /join leaves here, and the will goes along", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  ann.enter("here", `/join ${HALL}`, "there");
  assertEquals(await ann.until("ann: there"), [
    "ann: here",
    "-- User ann disconnecting from chat/room.",
    "You are in chat/hall now.",
    "-- User ann is now subscribed to chat/hall.",
    "ann: there",
  ]);
  assertEquals(willOf(broker), "chat/hall ann: User ann timed out.");
  assertEquals(ann.complete("/join chat/"), [HALL, ROOM]);
  assertEquals(await ann.leave(), 0);
  assertEquals(sentTo(broker, ROOM).slice(1), [
    "here",
    "User ann disconnecting from chat/room.",
  ]);
  assertEquals(sentTo(broker, HALL), [
    "User ann is now subscribed to chat/hall.",
    "there",
    "User ann disconnecting from chat/hall.",
  ]);
});

Deno.test("chat: a late message of the room just left is not shown", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`, "there");
  await ann.until("ann: there");
  const { link } = broker.all("connect").at(-1)!;
  await link.send(publish(ROOM, said("too late", "bob"), 101));
  await link.send(publish(HALL, said("welcome", "bob"), 102));
  assertEquals(await ann.until("bob: welcome"), ["bob: welcome"]);
  ann.enter("/who", "/clear");
  assertEquals(
    (await ann.until("[cleared]")).map((line) =>
      line.replace(/, key [^,]*/, "").replace(/ \d.*/, "")
    ).sort(),
    ["  ann (you), seen", "  bob, wrote", "Seen in this session:", "[cleared]"],
  );
});

Deno.test("chat: what the new room shows comes after the old room", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await peer.publish(HALL, said("kept", "bob"), true);
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`);
  const lines = await ann.until("-- User ann is now subscribed to chat/hall.");
  assertMatch(lines.splice(2, 1)[0], /^\(retained\) .*bob: kept$/);
  assertEquals(lines, [
    "-- User ann disconnecting from chat/room.",
    "You are in chat/hall now.",
    "-- User ann is now subscribed to chat/hall.",
  ]);
  ann.enter(`/join ${ROOM}`, "back");
  await ann.until("ann: back");
  ann.enter("/join chat/den", "there");
  await ann.until("ann: there");
  assertEquals(ann.complete("/join chat/"), ["chat/den", ROOM, HALL]);
});

Deno.test("chat: commands and messages are obeyed one after the other", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using ann = await Chatter.follow(broker);
  ann.enter(
    "1",
    `/join ${HALL}`,
    "2",
    "/nick Ann B",
    "3",
    `/join ${ROOM}`,
    "4",
  );
  assertEquals(await ann.leave(), 0);
  const messages = (await heard(peer, 11)).filter((text) => /\d$/.test(text));
  assertEquals(messages, [
    "chat/room ann: 1",
    "chat/hall ann: 2",
    "chat/hall Ann B: 3",
    "chat/room Ann B: 4",
  ]);
});

Deno.test("chat: without --follow only the lines go elsewhere", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using ann = await Chatter.open(broker);
  ann.enter(`/join ${HALL}`, "/nick Ann B", "/who", "hello");
  await ann.until("✓ sent");
  assertEquals(await heard(peer, 1), ["chat/hall Ann B: hello"]);
  assertEquals(ann.screen.all.slice(1), [
    ...[`ann> /join ${HALL}`, "ann> /nick Ann B", "ann> /who", "ann> hello"],
    "Your lines go to chat/hall now.",
    "[Ann B> ]",
    "/who needs --follow.",
    "✓ sent",
  ]);
  assertEquals(await ann.leave(), 0);
});

Deno.test("chat: a /join that is refused leaves the user in the room", async () => {
  await using broker = echoing({
    subscribe: (packet) =>
      suback(packet, packet.subscriptions[0].topic === HALL ? 0x87 : 1),
  });
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`, "for the hall", "/nick Ann B", "for it, too");
  const refusal = "The broker does not let you read chat/hall: not " +
    "authorized. You are still in chat/room.";
  await ann.until(refusal);
  await ann.until("Line 1 was not sent. You are still in chat/room.");
  await ann.until("Line 2 was not sent. You are still in chat/room.");
  ann.enter("for the room");
  await ann.until("Ann B: for the room");
  assertEquals(await ann.leave(), 5);
  assertEquals(sentTo(broker, HALL), []);
  assertEquals(sentTo(broker, ROOM), [
    "User ann is now subscribed to chat/room.",
    "User ann is now known as Ann B.",
    "for the room",
    "User Ann B disconnecting from chat/room.",
  ]);
});

Deno.test("chat: after a refused /join another one takes the lines behind it", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  ann.enter("/join chat/#", "astray", `/join ${HALL}`, "there");
  await ann.until("ann: there");
  assertEquals(await ann.leave(), 5);
  assertEquals(sentTo(broker, HALL).slice(1, -1), ["there"]);
  assertEquals(sentTo(broker, ROOM).length, 2);
});

Deno.test("chat: a room that can't be written is not entered", async () => {
  await using broker = echoing({
    publish: (packet) =>
      packet.topic === HALL
        ? puback(packet, 0x87)
        : [...publish(ROOM, packet.payload.toString(), 1), ...puback(packet)],
  });
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`, "/clear");
  const [refusal] = await ann.until("[cleared]");
  assertMatch(refusal, /chat\/hall.* You are still in chat\/room\.$/);
  assertEquals((await broker.next("unsubscribe")).unsubscriptions, [HALL]);
  assertEquals(await ann.leave(), 0);
  // No member saw a join, so there is no leave.
  assertEquals(sentTo(broker, HALL).length, 1);
});

Deno.test("chat: a room that stays silent is given up after --timeout", async () => {
  await using broker = echoing({
    publish: (packet) =>
      packet.topic === HALL
        ? puback(packet)
        : [...publish(ROOM, packet.payload.toString(), 1), ...puback(packet)],
  });
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`, "for the hall");
  await broker.next("publish");
  await broker.next("publish");
  await ann.clock.advance(1_000);
  await ann.until("Waiting to enter chat/hall; your lines wait, too.");
  await ann.clock.advance(4_000);
  await ann.until(
    "Nothing came back from chat/hall within 5 s. You are still in chat/room.",
  );
  await broker.next("unsubscribe");
  assertEquals(await ann.leave(), 5);
  assertEquals(sentTo(broker, HALL), [
    "User ann is now subscribed to chat/hall.",
    "User ann disconnecting from chat/hall.",
  ]);
});

Deno.test("chat: /join answers in a sentence where there is nothing to do", async () => {
  await using broker = await openBroker();
  await using ann = await Chatter.follow(broker);
  for (const topic of ["", ROOM, "chat/#", "a\u0007", "$share/a/chat"]) {
    ann.enter(`/join ${topic}`);
  }
  ann.enter("/clear");
  assertEquals(await ann.until("[cleared]"), [
    "You are in chat/room; /join TOPIC moves you.",
    "You are in chat/room already.",
    'The topic "chat/#" has a wildcard, + or #; messages go to one room.',
    'The topic "a\\u0007" has a control character or another one that ' +
    "brokers refuse.",
    'The topic "$share/a/chat" is shared with other readers; write its room.',
    "[cleared]",
  ]);
});

Deno.test("chat: offline, lines wait, /join is refused, /nick is not", async () => {
  const broker = await openBroker();
  await using ann = await Chatter.follow(broker);
  await broker.close();
  await ann.until("[ann (offline)> ]");
  ann.enter(`/join ${HALL}`, "astray");
  await ann.until("Line 1 was not sent. You are still in chat/room.");
  // More lines than a pipe may have on their way.
  ann.enter(...Array(300).fill("x"), "/nick Ann B", "/clear");
  const shown = await ann.until("[cleared]");
  assertEquals(shown.filter((line) => line !== "ann> x"), [
    ...["ann> /nick Ann B", "ann> /clear"],
    "No connection; your lines are sent when it is back.",
    "[Ann B (offline)> ]",
    "[cleared]",
  ]);
  const code = ann.leave();
  await ann.clock.advance(1_000);
  await ann.until("Waiting for the broker's last answers; Ctrl-C ends it now.");
  await ann.clock.advance(4_000);
  assertEquals(await code, 5);
  assertMatch(
    ann.screen.all.at(-1)!,
    /^300 lines, 2 to 301, were not acknowledged/,
  );
});

Deno.test("chat: an outage shows in the prompt; /reconnect ends the wait", async () => {
  let isAway = false;
  await using broker = echoing({
    connect: (_, { number }) =>
      isAway ? connack(0x88) : connack(0, {}, number > 1),
  });
  await using ann = await Chatter.follow(broker, "--timeout", "60");
  ann.enter("/reconnect");
  await ann.until("You are connected.");
  isAway = true;
  (await broker.next("subscribe")).link.close();
  await ann.until("[ann (offline)> ]");
  // Tries without a wait; what fails for the same reason has one line.
  for (let tries = 0; tries < 3; tries++) {
    const { connections } = broker;
    ann.enter("/reconnect");
    await becomesTrue(() => Promise.resolve(broker.connections > connections));
  }
  isAway = false;
  ann.enter("/reconnect");
  const lines = await ann.until("[ann> ]");
  await ann.screen.next((line) => line.startsWith("Connected again to "));
  const outage = lines.filter((line) => !line.startsWith("ann> "));
  assertEquals(outage.length, 3, outage.join("\n"));
  assertMatch(outage[0], /^Disconnected from /);
  assertMatch(outage[1], /^No connection to /);
});

Deno.test("chat: --log appends what a listener writes to a pipe", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "before\n");
  const args = [...["-h", hostOf(broker), "-t", ROOM], "--no-announce"];
  await using listener = start("listener.ts", args);
  await listener.stderr.line(/^Reading/);
  {
    await using ann = await Chatter.follow(broker, "--log", path);
    ann.enter("hello");
    await peer.publish(ROOM, said("a\nb\u001b[2J", "bob"));
    await peer.publish(ROOM, "not JSON");
    await ann.screen.next((line) => line.includes("not JSON"));
    await ann.leave();
  }
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome();
  const log = await Deno.readTextFile(path);
  await Deno.remove(path);
  const linesOf = (text: string) =>
    text.replaceAll(/^[\d:]{8} /gm, "").split("\n");
  assertEquals(linesOf(log), ["before", ...linesOf(stdout)]);
  assertEquals(linesOf(log).length, 7);
});

Deno.test("chat: a --log pipe that its reader closes ends the log, not the chat", async () => {
  await using broker = await openBroker();
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const opened = Deno.open(path);
  await using ann = await Chatter.follow(broker, "--log", path);
  (await opened).close();
  await Deno.remove(path);
  ann.enter("hello");
  assertEquals(
    await ann.screen.next((line) => line.includes("--log")),
    "Nothing more is written to --log: its reader has closed it.",
  );
  await ann.leave();
});

Deno.test("chat: each time without a connection has its hint", async () => {
  let broker = await openBroker();
  const { port } = broker;
  await using ann = await Chatter.follow(broker);
  for (const outage of [1, 2]) {
    await broker.close();
    await ann.until("[ann (offline)> ]");
    ann.enter(`a${outage}`, `b${outage}`);
    await ann.until("No connection; your lines are sent when it is back.");
    broker = await openBroker({ port });
    ann.enter("/reconnect");
    await ann.until(`ann: b${outage}`);
  }
  const hints = ann.screen.all.filter((line) => line.startsWith("No conn"));
  assertEquals(hints.length, 2);
  assertEquals(await ann.leave(), 0);
  await broker.close();
});

Deno.test("chat: a room that was left is complained of no more", async () => {
  await using broker = echoing({
    publish: (packet) =>
      packet.topic === ROOM ? puback(packet) : [
        ...publish(packet.topic, packet.payload.toString(), 1),
        ...puback(packet),
      ],
  });
  await using ann = await Chatter.open(broker, "--follow");
  await broker.next("publish");
  ann.enter(`/join ${HALL}`);
  await ann.until("You are in chat/hall now.");
  await ann.clock.advance(20_000);
  ann.enter("there");
  await ann.until("ann: there");
  const complaints = ann.screen.all.filter((line) => line.includes("may "));
  assertEquals(complaints, []);
  assertEquals(await ann.leave(), 0);
});

Deno.test("chat: typed lines stay where no room shows them", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using ann = await Chatter.open(broker, "--follow");
  ann.enter("unread");
  await ann.until("ann> unread");
  await using scene = await joining();
  const { ann: bob } = scene;
  // Where it goes is not known while a /join is pending.
  bob.enter("pending");
  await bob.until("ann> pending");
  await scene.grant();
  await bob.until("ann: pending");
  bob.enter("read");
  await bob.until("ann: read");
  assert(!bob.screen.all.includes("ann> read"));
});

/** A chat with a /join under way that the broker doesn't answer. */
async function joining(answers: Answers = {}) {
  const broker = echoing({ ...HALL_SILENT, ...answers });
  const ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`);
  const { link, ...packet } = await asked(broker, HALL);
  return {
    broker,
    ann,
    /** Lets the user in, with more packets behind that. */
    grant: (...more: number[]) => link.send([...suback(packet, 1), ...more]),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

const GOODBYE = "User ann disconnecting from chat/room.";

Deno.test("chat: Ctrl-D and /quit during a slow /join leave at once", async () => {
  for (const way of ["Ctrl-D", "/quit"]) {
    await using scene = await joining();
    const { ann, broker } = scene;
    if (way === "/quit") ann.enter(way);
    // The clock stands still: nothing is waited for.
    const code = way === "/quit" ? ann.code() : ann.leave();
    assertEquals(await code, 0);
    assertEquals(sentTo(broker, ROOM).at(-1), GOODBYE);
    assertEquals(sentTo(broker, HALL), []);
    const { all } = ann.screen;
    assertEquals(all.filter((line) => line.includes("still in")), []);
  }
});

Deno.test("chat: /quit TEXT sends the text before the user leaves", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  ann.enter(" /quit see you", "unsent");
  assertEquals(await ann.code(), 0);
  assertEquals(sentTo(broker, ROOM).slice(1), ["see you", GOODBYE]);
});

Deno.test("chat: Ctrl-D after a message for the new room waits for it", async () => {
  await using scene = await joining();
  scene.ann.enter("for the hall");
  const code = scene.ann.leave();
  await scene.ann.clock.advance(1_000);
  await scene.ann.until(
    "Waiting for the broker's last answers; Ctrl-C ends it now.",
  );
  await scene.grant();
  assertEquals(await code, 0);
  assertEquals(sentTo(scene.broker, HALL), [
    "User ann is now subscribed to chat/hall.",
    "for the hall",
    "User ann disconnecting from chat/hall.",
  ]);
  assertEquals(sentTo(scene.broker, ROOM).at(-1), GOODBYE);
});

Deno.test("chat: a message for a room that never answers is reported", async () => {
  await using scene = await joining();
  scene.ann.enter("for the hall", "/join chat/den", "for the den");
  const code = scene.ann.leave();
  await scene.ann.clock.advance(5_000);
  assertEquals(await code, 5);
  assertEquals(sentTo(scene.broker, HALL), []);
  assert(!sentTo(scene.broker, "chat/den").includes("for the den"));
  assertEquals(sentTo(scene.broker, ROOM).at(-1), GOODBYE);
  assertMatch(
    scene.ann.screen.all.findLast((line) => line.startsWith("Line 1"))!,
    /^Line 1 was not sent\. You /,
  );
});

Deno.test("chat: leaving while moving says good-bye to both rooms", async () => {
  await using broker = echoing({ unsubscribe: () => undefined });
  await using ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`);
  await broker.next("unsubscribe");
  assertEquals(await ann.leave(), 0);
  assertEquals(sentTo(broker, ROOM).slice(1), [GOODBYE]);
  assertEquals(sentTo(broker, HALL), [
    "User ann is now subscribed to chat/hall.",
    "User ann disconnecting from chat/hall.",
  ]);
});

Deno.test("chat: a room that opens while the user leaves is not entered", async () => {
  const leaving = Promise.withResolvers<() => void>();
  await using scene = await joining({
    publish: (packet, link) => {
      const text = packet.payload.toString();
      const echo = [...publish(packet.topic, text, 9), ...puback(packet)];
      if (!text.includes("disconnecting")) return echo;
      leaving.resolve(() => link.send(echo));
    },
  });
  const { broker, ann } = scene;
  const code = ann.leave();
  const answer = await leaving.promise;
  await scene.grant(...publish(HALL, said("hi"), 1));
  // Both have arrived.
  await broker.next("puback");
  answer();
  assertEquals(await code, 0);
  assertEquals(sentTo(broker, HALL), []);
  assertEquals(broker.connections, 1);
});

Deno.test("chat: a broker that keeps the old socket open holds nothing up", async () => {
  await using broker = echoing();
  await using ann = await Chatter.follow(broker);
  const [{ link }] = broker.all("connect");
  const close = link.close.bind(link);
  link.close = () => {};
  ann.enter("/nick Ann B", "hello");
  await ann.until("Ann B: hello");
  assertEquals(willOf(broker), "chat/room Ann B: User Ann B timed out.");
  close();
});

Deno.test("chat: a broker that does not come back after /nick is not waited for", async () => {
  await using broker = echoing({
    subscribe: (packet, { number }) =>
      number === 1 ? suback(packet, 1) : undefined,
  });
  await using ann = await Chatter.follow(broker);
  ann.enter("/nick Ann B", "/clear");
  await broker.next("connect");
  await broker.next("connect");
  await ann.clock.advance(5_000);
  // Not only when the client itself gives the connection up.
  assertEquals(await ann.until("[cleared]"), [
    "[Ann B> ]",
    "-- User ann is now known as Ann B.",
    "[cleared]",
  ]);
  ann.enter("/quit");
  await ann.clock.advance(5_000);
  assertEquals(await ann.code(), 0);
});

Deno.test("chat: a broker that closes the connection of /nick holds nothing up", async () => {
  await using broker = echoing({
    connect: (_, { number }) => number === 1 ? connack() : "close",
  });
  await using ann = await Chatter.follow(broker);
  ann.enter("/nick Ann B", "/clear");
  await ann.until("[cleared]");
});

Deno.test("chat: a room that can't be read is exit 3, before that a lost line", async () => {
  for (const code of [3, 5]) {
    await using broker = new FakeBroker(letIn({}));
    await using ann = await Chatter.open(broker, "--follow");
    await broker.next("publish");
    // The notice is acknowledged, and nothing comes back.
    if (code === 5) ann.enter("x".repeat(70_000));
    ann.enter("unread");
    await broker.next("publish");
    await ann.clock.advance(5_000);
    await ann.screen.next((line) => line.includes("may only write to it"));
    assertEquals(await ann.leave(), code);
  }
});

Deno.test("chat: a line that is refused gets no check mark", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, 0x97),
  }));
  await using ann = await Chatter.open(broker);
  ann.enter("refused", "/clear");
  await ann.screen.next((line) => line.startsWith("Line 1 was not sent."));
  assertEquals(await ann.leave(), 5);
  assert(!ann.screen.all.includes("✓ sent"));
});

Deno.test("chat: an input that breaks off is reported", async () => {
  await using broker = await openBroker();
  await using ann = await Chatter.open(broker);
  ann.fail(new Error("input/output error"));
  assertEquals(await ann.code(), 1);
  assertEquals(
    ann.screen.all.at(-1),
    "Reading stdin failed: input/output error.",
  );
});

Deno.test("chat: the default name gets a hint once, and none about others named so", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const hint = "Your name is chat; /nick NAME changes it.";
  for (const args of [["--quiet"], []]) {
    await using user = await Chatter.open(
      broker,
      "--follow",
      "--history",
      "0",
      "-n",
      "chat",
      ...args,
    );
    await user.until("-- User chat is now subscribed to chat/room.");
    await peer.publish(ROOM, said("another", "chat"));
    await user.until("chat: another");
    const hints = user.screen.all.filter((line) => line.includes("/nick"));
    assertEquals(hints, args.length > 0 ? [] : [hint]);
    assertEquals(await user.leave(), 0);
  }
});

Deno.test("chat: what others write under the user's name is marked", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using ann = await Chatter.follow(broker);
  await peer.publish(ROOM, said("1", "ann"));
  await ann.until("(unsigned) ann: 1");
  ann.enter("mine");
  await ann.until("ann: mine");
});

Deno.test("chat: /key prints lines for --people, /who fingerprints", async () => {
  await using broker = await openBroker();
  await using bob = await Member.connect(broker, {
    signer: Signer.fromPem(PEM),
  });
  await using ann = await Chatter.follow(broker);
  const say = (from: string) =>
    bob.client.send(ROOM, { type: "message", from, message: "hi" });
  await say("Bob B");
  await ann.until("Bob B: hi");
  ann.enter("/key Bob B", "/key ann", "/key cy", "/who", "/clear");
  const shown = await ann.until("[cleared]");
  assertEquals(shown[0], `Bob B ${KEY}`);
  assertMatch(shown[1], /^ann [\w-]{43}$/);
  assertEquals(shown[2], "No key of cy is known.");
  assertMatch(shown[4], /^ {2}Bob B, key 21FE 31DF, wrote \d/);
  assertMatch(shown[5], /^ {2}ann \(you\), key [\dA-F]{4} [\dA-F]{4}, seen \d/);
});

Deno.test("chat: /who shows who answers, and sends the lines behind it first", async () => {
  await using broker = await openBroker();
  const who = `${ROOM}/$who`;
  await using peer = await Peer.connect(broker, who);
  await using ann = await Chatter.follow(broker);
  ann.enter("/who", "behind");
  const [seen] = await ann.until("ann: behind");
  assertEquals(seen, "Seen in this session:");
  const { from, id } = JSON.parse((await peer.next()).text);
  assertEquals(from, "ann");
  const answer = JSON.stringify({ type: "here", from: "Bob" });
  await peer.publish(`${who}/${id.slice(0, -2)}`, answer);
  await peer.publish(ROOM, said("after it", "Bob"));
  await ann.until("Bob: after it");
  await ann.clock.advance(1_500);
  await ann.until("1 answered: Bob");
  // A question that is not answered yet keeps no user from leaving.
  ann.enter("/who", "/quit");
  assertEquals(await ann.code(), 0);
});

Deno.test("chat: a prompt answers with its name, and in the room it is in", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/+/$who/+");
  await using ann = await Chatter.follow(broker);
  const answers = () =>
    peer.arrived.map(({ topic, text }) => `${topic} ${JSON.parse(text).from}`);
  /** Asks in some rooms, until an answer comes from one. */
  const ask = async (run: string, ...rooms: string[]) => {
    await becomesTrue(async () => {
      for (const room of rooms) {
        const question = { type: "who", from: "Bob", id: `${run}-1` };
        await peer.publish(`${room}/$who`, JSON.stringify(question));
      }
      await ann.clock.advance(1_000);
      return answers().some((answer) => answer.includes(run));
    });
  };
  const [first, second] = ["1", "2"].map((run) => run.padEnd(16, "x"));
  await ask(first, ROOM);
  ann.enter("/nick bea", `/join ${HALL}`);
  await ann.until("-- User bea is now subscribed to chat/hall.");
  await ask(second, ROOM, HALL);
  assertEquals(
    new Set(answers()),
    new Set([
      `${ROOM}/$who/${first} ann`,
      `${HALL}/$who/${second} bea`,
    ]),
  );
});

Deno.test("chat: the default name doesn't sign, a chosen one does", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  await using user = await Chatter.open(
    broker,
    "--follow",
    "--history",
    "0",
    "-n",
    "chat",
  );
  user.enter("/key", "one");
  await user.until("You don't sign; /nick NAME gives you a key for this run.");
  await user.until("chat: one");
  user.enter("/nick bea", "two");
  await user.until("bea: two");
  assertEquals(await user.leave(), 0);
  await peer.publish(ROOM, "end");
  const payloads = (await peer.until("end"))
    .map(({ text }) => JSON.parse(text) as Payload);
  assertEquals(payloads.map(({ from, sig }) => [from, sig !== undefined]), [
    ["chat", false],
    ["chat", false],
    ["chat", true],
    ["bea", true],
    ["bea", true],
  ]);
});
