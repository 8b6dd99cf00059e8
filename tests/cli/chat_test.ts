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
import { KEY, PEM, SecretFile, TextFile } from "../support/keys.ts";
import { Member } from "../support/members.ts";
import {
  connack,
  disconnect,
  encode,
  type PacketOf,
  puback,
  publish,
  suback,
} from "../support/packets.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import { start } from "../support/processes.ts";

let lastId = 0;

/** Acknowledges a message, and sends it back to its sender. */
const echo = (packet: PacketOf<"publish">) => [
  ...publish(packet.topic, packet.payload.toString(), ++lastId),
  ...puback(packet),
];

/** A broker that keeps sessions and lets clients read and write but for what is answered. */
function echoing(answers: Answers = {}): FakeBroker {
  return new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number > 1),
    publish: echo,
    unsubscribe: ({ messageId }) =>
      encode({ cmd: "unsuback", messageId, granted: [0] }),
    ...answers,
  }));
}

/** Registers a test of ann, who follows the room at such a broker. */
function follows(
  title: string,
  { flags = [], ...answers }: Answers & { flags?: string[] },
  test: (scene: { broker: FakeBroker; ann: Chatter }) => Promise<void>,
): void {
  Deno.test(`chat: ${title}`, async () => {
    await using broker = echoing(answers);
    await using ann = await Chatter.follow(broker, ...flags);
    await test({ broker, ann });
  });
}

/** What was sent to a room, with short forms of the notices that name it. */
function sentTo(broker: FakeBroker, topic: string): string[] {
  return broker.all("publish").filter((packet) => packet.topic === topic)
    .map(({ payload }) => {
      const { message, notice } = JSON.parse(payload.toString());
      return message ?? notice.replace(/^User /, "")
        .replace(` is now subscribed to ${topic}.`, " joins")
        .replace(` disconnecting from ${topic}.`, " leaves");
    });
}

function willOf(broker: FakeBroker): string {
  const { will } = broker.all("connect").at(-1)!;
  const { from, notice } = JSON.parse(will!.payload.toString());
  return `${will!.topic} ${from}: ${notice}`;
}

follows("/nick and /join tell the rooms, in order, and the will goes along", {
  subscribe: (packet, { number }) =>
    number === 2 && packet.subscriptions[0].topic === HALL
      ? [...publish(HALL, said("kept", "bob"), ++lastId), ...suback(packet, 1)]
      : suback(packet, 1),
}, async ({ broker, ann }) => {
  assertEquals(willOf(broker), "chat/room ann: User ann timed out.");
  // A broker that keeps the old socket open holds nothing up.
  const [{ link: old }] = broker.all("connect");
  const close = old.close.bind(old);
  old.close = () => {};
  ann.enter("/nick Ann B", "hello");
  assertEquals(await ann.until("Ann B: hello"), [
    "[Ann B> ]",
    "-- User ann is now known as Ann B.",
    "Ann B: hello",
  ]);
  assertEquals(willOf(broker), "chat/room Ann B: User Ann B timed out.");
  ann.enter("here", `/join ${HALL}`, "there");
  // What the new room shows comes after the old room.
  assertEquals(await ann.until("Ann B: there"), [
    "Ann B: here",
    "-- User Ann B disconnecting from chat/room.",
    "You are in chat/hall now.",
    "bob: kept",
    "-- User Ann B is now subscribed to chat/hall.",
    "Ann B: there",
  ]);
  assertEquals(willOf(broker), "chat/hall Ann B: User Ann B timed out.");
  assertEquals(ann.complete("/join chat/"), [HALL, ROOM]);
  // A late message of the room just left is not shown.
  const { link } = broker.all("connect").at(-1)!;
  await link.send(publish(ROOM, said("too late", "cy"), ++lastId));
  await link.send(publish(HALL, said("welcome", "bob"), ++lastId));
  assertEquals(await ann.until("bob: welcome"), ["bob: welcome"]);
  ann.enter("/who", "/clear");
  const seen = (await ann.until("[cleared]")).slice(1, -1).sort()
    .map((line) => line.replace(/, key [^,]*/, "").replace(/ \d.*/, ""));
  assertEquals(seen, ["  Ann B (you), seen", "  bob, wrote"]);
  await ann.enter(`/join ${ROOM}`, "back").until("Ann B: back");
  close();
  // What was entered before Ctrl-D is obeyed.
  ann.enter("/join chat/den", "/nick ann", "last");
  assertEquals(await ann.leave(), 0);
  assertEquals(ann.complete("/join chat/"), ["chat/den", ROOM, HALL]);
  assertEquals(sentTo(broker, ROOM), [
    ...["ann joins", "ann is now known as Ann B.", "hello", "here"],
    ...["Ann B leaves", "Ann B joins", "back", "Ann B leaves"],
  ]);
  assertEquals(sentTo(broker, HALL), ["Ann B joins", "there", "Ann B leaves"]);
  assertEquals(sentTo(broker, "chat/den"), [
    ...["Ann B joins", "Ann B is now known as ann.", "last", "ann leaves"],
  ]);
});

follows("what a command does or can't do is said in a sentence", {
  flags: ["--ignore", "bob"],
}, async ({ ann }) => {
  const long = "x".repeat(257);
  const answers: [command: string, answer: string][] = [
    ["/nick", "You are ann; /nick NAME renames you."],
    ["/nick ann", "You are ann already."],
    ["/nick bob", "You ignore bob; enter /unignore bob first."],
    [`/nick ${long}`, "/nick takes 256 characters at most, not 257."],
    ["/join", "You are in chat/room; /join TOPIC moves you."],
    [`/join ${ROOM}`, "You are in chat/room already."],
    [
      "/join chat/#",
      'The topic "chat/#" has a wildcard, + or #; messages go to one room.',
    ],
    ["/key cy", "No key of cy is known."],
    ["/unignore", "/unignore needs a name. Ignored: bob."],
    ["/unignore Bob", "Bob is not ignored."],
    ["/unignore bob", "bob is shown again."],
    ["/ignore", "No name is ignored; /ignore NAME hides the lines of NAME."],
    ["/ignore ann", "You can't ignore yourself."],
    [
      '/ignore "a: b"',
      'Lines of "a: b" are hidden; /unignore "a: b" shows them.',
    ],
    ["", "No member of exactly this name was seen."],
    ['/ignore "a: b"', '"a: b" is ignored already.'],
    ["/ignore", 'Ignored: "a: b".'],
    ['/unignore "a: b"', '"a: b" is shown again.'],
    ["/unignore a\x1b[2J", '"a<U+001B>[2J" is not ignored.'],
    ["/reconnect", "You are connected."],
    ["/nick a: b", '["a: b"> ]'],
    ["", "-- User ann is now known as a: b."],
    ['/ignore "a: b"', "You can't ignore yourself."],
    ["/clear", "[cleared]"],
  ];
  ann.enter(...answers.map(([command]) => command).filter(Boolean));
  const shown = await ann.until("[cleared]");
  assertEquals(shown, answers.map(([, answer]) => answer));
});

Deno.test("chat: /invite names the room that one is in", async () => {
  await using broker = echoing();
  await using file = new SecretFile("hunter2 more");
  const login = ["-u", "ann", "-P", "hunter2", ...file.flag];
  await using ann = await Chatter.follow(broker, ...login);
  const url = `mqtt://${hostOf(broker)}`;
  ann.enter("/join chat/a b", "/invite");
  const command = `deno run -N=127.0.0.1 publisher.ts -f ${url}/chat/a%20b`;
  const shown = await ann.until(`${command} -u USER --secret`);
  assertFalse(shown.join().includes("hunter2"));
});

Deno.test("chat: /ignore, /key and /who know members by their names and keys", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, `${ROOM}/$who`);
  const signer = Signer.fromPem(PEM);
  await using bob = await Member.connect(broker, { signer });
  await using people = new TextFile(`carol ${KEY}\n`);
  const args = ["--ignore", "Mallory", "--people", people.path];
  await using ann = await Chatter.follow(broker, ...args);
  const say = (text: string, from: string) =>
    peer.publish(ROOM, said(text, from));
  await say("hidden", "Mallory");
  const hi = { type: "message", from: "bob", message: "hi" } as const;
  await bob.client.send(ROOM, hi);
  await say("quoted", "b: b");
  assertEquals(await ann.until('"b: b": quoted'), [
    ...["bob: hi", '"b: b": quoted'],
  ]);
  // What others write under the user's name, or one of --people, is marked.
  for (const name of ["ann", "carol"]) {
    await say("1", name);
    await ann.until(`(unsigned) ${name}: 1`);
  }
  const unseen = "No member of exactly this name was seen.";
  await ann.enter("/ignore Grace").until(unseen);
  await say("hidden", "Grace");
  await say("shown", "grace");
  assertEquals(await ann.until("grace: shown"), ["grace: shown"]);
  const completed = ["G", "an", '"', "/unignore g", "/key b"].map((it) =>
    ann.complete(it)
  );
  assertEquals(completed, [["grace: "], [""], [""], ["Grace"], ["bob"]]);
  ann.enter("/key bob", "/key ann", "/who", "behind");
  const shown = await ann.until("ann: behind");
  assertEquals(shown[0], `bob ${KEY}`);
  assertMatch(shown[1], /^ann [\w-]{43}$/);
  assertEquals(shown[2], "Seen in this session:");
  for (
    const row of [
      /^ {2}Grace \(ignored\), wrote \d/,
      /^ {2}bob, key 21FE 31DF, wrote \d/,
      /^ {2}ann \(you\), key [\dA-F]{4} [\dA-F]{4}, (seen|wrote) \d/,
    ]
  ) assert(shown.some((line) => row.test(line)), shown.join("\n"));
  const { from, id } = JSON.parse((await peer.next()).text);
  assertEquals(from, "ann");
  const answer = JSON.stringify({ type: "here", from: "Bob" });
  await peer.publish(`${ROOM}/$who/${id.slice(0, -2)}`, answer);
  await ann.enter("/unignore Grace").until("Grace is shown again.");
  await say("again", "Grace");
  await ann.until("Grace: again");
  await ann.clock.advance(1_500);
  await ann.until("1 answered: Bob");
  // A question that is not answered yet keeps no user from leaving.
  assertEquals(await ann.enter("/who", "/quit").code(), 0);
});

Deno.test("chat: without --follow only the lines go elsewhere, marked when sent", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) =>
      puback(packet, packet.payload.includes("refused") ? 0x87 : 0),
  }));
  await using ann = await Chatter.open(broker);
  const commands = [`/join ${HALL}`, "/nick Ann B", "/who"];
  const lines = ["hello", "refused", "again"];
  ann.enter(...commands, ...lines);
  for (const _ of ["hello", "again"]) await ann.until("✓ sent");
  const shown = ann.screen.all.slice(1)
    .map((line) => line.replace(/(?<=sent\.).*(?=: not auth)/, ""));
  assertEquals(shown, [
    ...[...commands, ...lines].map((it) => `ann> ${it}`),
    ...["Your lines go to chat/hall now.", "[Ann B> ]", "/who needs --follow."],
    ...["✓ sent", "Line 2 was not sent.: not authorized.", "✓ sent"],
  ]);
  assertEquals(sentTo(broker, HALL), lines);
  ann.fail(new Error("input/output error"));
  assertEquals(await ann.code(), 3);
  const last = ann.screen.all.at(-1);
  assertEquals(last, "Reading stdin failed: input/output error.");
});

follows("a /join that is refused leaves the user in the room", {
  subscribe: (packet) =>
    suback(packet, packet.subscriptions[0].topic === HALL ? 0x87 : 1),
}, async ({ broker, ann }) => {
  ann.enter(`/join ${HALL}`, "for the hall", "/nick Ann B", "for it, too");
  await ann.until(
    "The broker does not let you read chat/hall: not authorized. You are " +
      "still in chat/room.",
  );
  await ann.until("Line 1 was not sent. You are still in chat/room.");
  await ann.until("Line 2 was not sent. You are still in chat/room.");
  await ann.enter("for the room").until("Ann B: for the room");
  // Where nothing is pending, the room shows what was entered.
  assert(!ann.screen.all.includes("Ann B> for the room"));
  // The lines after another /join go to its room.
  ann.enter("/join chat/#", "astray", "/join chat/den", "there");
  await ann.until("Ann B: there");
  assertEquals(await ann.leave(), 5);
  assertEquals(sentTo(broker, HALL), []);
  assertEquals(sentTo(broker, "chat/den").slice(1, -1), ["there"]);
  assertEquals(sentTo(broker, ROOM), [
    ...["ann joins", "ann is now known as Ann B.", "for the room"],
    "Ann B leaves",
  ]);
});

follows("a room that can't be written, or stays silent, is not entered", {
  flags: ["--timeout", "4"],
  publish: (packet) =>
    packet.topic === ROOM
      ? echo(packet)
      : puback(packet, packet.topic === HALL ? 0 : 0x87),
}, async ({ broker, ann }) => {
  const [refusal] = await ann.enter("/join chat/den", "/clear")
    .until("[cleared]");
  assertMatch(refusal, /chat\/den.* You are still in chat\/room\.$/);
  const { unsubscriptions } = await broker.next("unsubscribe");
  assertEquals(unsubscriptions, ["chat/den"]);
  ann.enter(`/join ${HALL}`, "for the hall");
  await broker.next("publish", ({ topic }) => topic === HALL);
  await ann.clock.advance(1_000);
  await ann.until("Waiting to enter chat/hall; your lines wait, too.");
  await ann.clock.advance(3_000);
  await ann.until(
    "Nothing came back from chat/hall within 4 s. You are still in chat/room.",
  );
  await broker.next("unsubscribe");
  // Nothing waits for the hall any more.
  assertEquals(ann.clock.nextIn, undefined);
  assertEquals(await ann.leave(), 5);
  await ann.clock.advance(1_000);
  assertFalse(ann.screen.all.join().includes("Waiting for"));
  // Where no member saw a join, there is no leave.
  assertEquals(sentTo(broker, "chat/den").length, 1);
  assertEquals(sentTo(broker, HALL), ["ann joins", "ann leaves"]);
});

follows("a /join outlasts a connection lost before its echo", {
  publish: (packet, { number }) =>
    packet.topic === HALL && number === 1 ? puback(packet) : echo(packet),
}, async ({ broker, ann }) => {
  ann.enter(`/join ${HALL}`);
  await broker.next("publish", ({ topic }) => topic === HALL);
  await becomesTrue(() => ann.clock.nextIn !== undefined);
  broker.drop();
  await ann.until("[ann (offline)> ]");
  await ann.clock.advance(1_500);
  await ann.until("You are in chat/hall now.");
});

Deno.test("chat: each time offline has its hint; lines wait, /join is refused", async () => {
  let broker = await openBroker();
  const { port } = broker;
  await using ann = await Chatter.follow(broker);
  const hint = "No connection; your lines are sent when it is back.";
  // The connection renewed for a new name changes nothing about that.
  for (const name of ["bea", "cy"]) {
    await ann.enter(`/nick ${name}`, "hello").until(`${name}: hello`);
    await broker.close();
    await ann.until(`[${name} (offline)> ]`);
    await ann.enter("a", "b").until(hint);
    broker = await openBroker({ port });
    await ann.enter("/reconnect").until(`${name}: b`);
  }
  await broker.close();
  await ann.until("[cy (offline)> ]");
  ann.enter(`/join ${HALL}`, "astray");
  await ann.until("Line 7 was not sent. You are still in chat/room.");
  // More lines than a pipe may have on their way.
  ann.enter(...Array(300).fill("x"), "/nick Ann B", "/clear");
  const shown = await ann.until("[cleared]");
  assertEquals(shown.filter((line) => line !== "ann> x"), [
    ...["ann> /nick Ann B", "ann> /clear", hint],
    ...["[Ann B (offline)> ]", "[cleared]"],
  ]);
  assertEquals(ann.screen.all.filter((line) => line === hint).length, 3);
  const code = ann.leave();
  await ann.clock.advance(1_000);
  await ann.until("Waiting for the broker's last answers; Ctrl-C ends it now.");
  await ann.clock.advance(4_000);
  assertEquals(await code, 5);
  assertMatch(
    ann.screen.all.at(-1)!,
    /^300 lines, 8 to 307, were not acknowledged/,
  );
});

let isAway = false;
follows("an outage shows in the prompt; /reconnect ends the wait", {
  flags: ["--timeout", "60"],
  connect: (_, { number }) =>
    isAway ? connack(0x88) : connack(0, {}, number > 1),
}, async ({ broker, ann }) => {
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
  const lines = await ann.enter("/reconnect").until("[ann> ]");
  await ann.screen.next((line) => line.startsWith("Connected again to "));
  const outage = lines.filter((line) => !line.startsWith("ann> "));
  assertEquals(outage.length, 3, outage.join("\n"));
  assertMatch(outage[0], /^Disconnected from /);
  assertMatch(outage[1], /^No connection to /);
  // One that is lost for good ends the chat.
  await broker.all("connect").at(-1)!.link.send(disconnect(0x8e));
  assertEquals(await ann.code(), 1);
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
    await ann.enter(`/join ${HALL}`, "there").until("ann: there");
    // A slow disk is waited for.
    const { write } = Deno.FsFile.prototype;
    try {
      Deno.FsFile.prototype.write = async function (bytes) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        return await write.call(this, bytes);
      };
      await ann.leave();
    } finally {
      Deno.FsFile.prototype.write = write;
    }
  }
  const log = await Deno.readTextFile(path);
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome();
  await Deno.remove(path);
  const linesOf = (text: string) =>
    text.replaceAll(/^[\d:]{8} /gm, "").split("\n");
  // The listener doesn't read the hall.
  const read = linesOf(stdout).slice(0, -1);
  assertEquals(read.length, 5);
  assertEquals(linesOf(log).slice(0, 6), ["before", ...read]);
  assert(linesOf(log).includes("ann: there"), log);
  const left = "-- User ann disconnecting from chat/hall.";
  assertEquals(linesOf(log).at(-2), left);
  // A pipe that its reader closes ends the log, not the chat.
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const opened = Deno.open(path);
  await using bea = await Chatter.follow(broker, "--log", path);
  (await opened).close();
  await Deno.remove(path);
  bea.enter("hello");
  assertEquals(
    await bea.screen.next((line) => line.includes("--log")),
    "Nothing more is written to --log: its reader has closed it.",
  );
});

Deno.test("chat: a room that was left is complained of and waited for no more", async () => {
  await using broker = echoing({
    publish: (packet) => packet.topic === ROOM ? puback(packet) : echo(packet),
  });
  await using ann = await Chatter.open(broker, "--follow");
  await broker.next("publish");
  await ann.enter(`/join ${HALL}`).until("You are in chat/hall now.");
  await ann.clock.advance(20_000);
  await ann.enter("there").until("ann: there");
  const complaint = /may |Waiting/;
  assertEquals(ann.screen.all.filter((line) => complaint.test(line)), []);
  assertEquals(await ann.leave(), 0);
});

/** A chat with a /join under way that the broker doesn't answer. */
async function joining(answers: Answers = {}) {
  const isForHall = (packet: PacketOf<"subscribe">) =>
    packet.subscriptions[0].topic === HALL;
  const broker = echoing({
    subscribe: (packet, { number }) =>
      number === 1 && isForHall(packet) ? undefined : suback(packet, 1),
    ...answers,
  });
  const ann = await Chatter.follow(broker);
  ann.enter(`/join ${HALL}`);
  const { link, ...packet } = await broker.heard.next((packet) =>
    packet.cmd === "subscribe" && isForHall(packet)
  );
  return {
    broker,
    ann,
    /** Lets the user in, with more packets behind that. */
    grant: (...more: number[]) => link.send([...suback(packet, 1), ...more]),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

Deno.test("chat: Ctrl-D and /quit during a slow /join leave at once", async () => {
  for (const way of ["Ctrl-D", "/quit"]) {
    await using scene = await joining();
    const { ann, broker } = scene;
    // The clock stands still: nothing is waited for.
    const code = way === "/quit" ? ann.enter(way).code() : ann.leave();
    assertEquals(await code, 0);
    assertEquals(sentTo(broker, ROOM).at(-1), "ann leaves");
    assertEquals(sentTo(broker, HALL), []);
    assertFalse(ann.screen.all.join().includes("still in"));
  }
});

follows("/quit TEXT sends it, then leaves", {}, async ({ broker, ann }) => {
  assertEquals(await ann.enter(" /quit see you", "unsent").code(), 0);
  assertEquals(sentTo(broker, ROOM).slice(1), ["see you", "ann leaves"]);
});

Deno.test("chat: Ctrl-D after a message for the new room waits for its answer", async () => {
  for (const isGranted of [true, false]) {
    await using scene = await joining();
    const { ann, broker } = scene;
    // It stays where no room shows it: where it goes is not known yet.
    await ann.enter("for the hall").until("ann> for the hall");
    if (!isGranted) ann.enter("/join chat/den", "for the den");
    const code = ann.leave();
    await ann.clock.advance(1_000);
    await ann.until(
      "Waiting for the broker's last answers; Ctrl-C ends it now.",
    );
    if (isGranted) await scene.grant();
    else await ann.clock.advance(4_000);
    assertEquals(await code, isGranted ? 0 : 5);
    assertEquals(
      sentTo(broker, HALL),
      isGranted ? ["ann joins", "for the hall", "ann leaves"] : [],
    );
    assert(!sentTo(broker, "chat/den").includes("for the den"));
    assertEquals(sentTo(broker, ROOM).at(-1), "ann leaves");
    const refused = /^Line 1 was not sent\. You /;
    assertEquals(ann.screen.all.some((it) => refused.test(it)), !isGranted);
  }
});

follows("leaving while moving says good-bye to both rooms", {
  unsubscribe: () => undefined,
}, async ({ broker, ann }) => {
  ann.enter(`/join ${HALL}`);
  await broker.next("unsubscribe");
  assertEquals(await ann.leave(), 0);
  assertEquals(sentTo(broker, ROOM).slice(1), ["ann leaves"]);
  assertEquals(sentTo(broker, HALL), ["ann joins", "ann leaves"]);
});

Deno.test("chat: a room that opens while the user leaves is not entered", async () => {
  const leaving = Promise.withResolvers<() => Promise<void>>();
  await using scene = await joining({
    publish: (packet, link) => {
      const isLeave = packet.payload.includes("disconnecting");
      if (!isLeave) return echo(packet);
      leaving.resolve(() => link.send(echo(packet)));
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

Deno.test("chat: a broker that does not come back after /nick is not waited for", async () => {
  const silent = () =>
    echoing({
      subscribe: (packet, { number }) =>
        number === 1 ? suback(packet, 1) : undefined,
    });
  await using broker = silent();
  // The client itself gives the connection up by the machine's clock.
  await using ann = await Chatter.follow(broker, "--timeout", "90");
  // Nor are the lines of a room just entered held up.
  {
    await using hall = silent();
    await using cy = await Chatter.follow(hall, "--timeout", "90");
    cy.enter(`/join ${HALL}`);
    await cy.until("-- User ann is now subscribed to chat/hall.");
    cy.enter("/quit");
    await cy.clock.advance(90_000);
  }
  ann.enter("/nick Ann B", "/clear");
  await broker.next("connect");
  await broker.next("connect");
  // Until then it is no outage.
  ann.enter("/clear");
  assert(!ann.screen.all.includes("ann> /clear"));
  await ann.clock.advance(90_000);
  assertEquals(await ann.until("[cleared]"), [
    "[Ann B> ]",
    "-- User ann is now known as Ann B.",
    "[cleared]",
  ]);
  ann.enter("/quit");
  await ann.clock.advance(90_000);
  assertEquals(await ann.code(), 0);
  await using closing = echoing({
    connect: (_, { number }) => number === 1 ? connack() : "close",
  });
  await using cy = await Chatter.follow(closing);
  cy.enter("/nick Cy", "/clear");
  await cy.until("[cleared]");
});

Deno.test("chat: a room that can't be read is exit 3, before that a lost line", async () => {
  for (const code of [3, 5]) {
    await using broker = new FakeBroker(letIn({}));
    await using ann = await Chatter.open(broker, "--follow", "-q", "2");
    await broker.next("publish");
    // The notice is acknowledged, and nothing comes back.
    if (code === 5) ann.enter("x".repeat(70_000));
    ann.enter("unread");
    await ann.until("ann> unread");
    await broker.next("publish");
    await ann.clock.advance(5_000);
    // A history is asked for where no flag says how long.
    const filters = broker.all("subscribe").flatMap((it) => it.subscriptions);
    assert(filters.some(({ topic }) => topic === `${ROOM}/$history`));
    assertEquals(filters[0].qos, 2);
    const isTold = (line: string) =>
      line.includes(`user "chat" may only write to it`);
    assert(ann.screen.all.some(isTold));
    assertEquals(await ann.leave(), code);
  }
});

Deno.test("chat: the default name gets one hint, and no key before /nick", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, ROOM);
  const hint = "Your name is chat; /nick NAME changes it.";
  const asChat = ["--follow", "--history", "0", "-n", "chat"];
  {
    await using quiet = await Chatter.open(broker, ...asChat, "--quiet");
    await quiet.until("-- User chat is now subscribed to chat/room.");
    assert(!quiet.screen.all.includes(hint));
  }
  await using user = await Chatter.open(broker, ...asChat);
  await user.until("-- User chat is now subscribed to chat/room.");
  await peer.publish(ROOM, said("another", "chat"));
  await user.until("chat: another");
  user.enter("/key", "/key chat");
  const unsigned = "You don't sign; /nick NAME gives you a key for this run.";
  for (const _ of ["/key", "/key chat"]) await user.until(unsigned);
  user.enter("mine", "/nick bea");
  // A new name takes a new connection; nothing is received between the two.
  await user.screen.until((line) => line.startsWith("== Connected to "));
  await peer.publish(ROOM, said("not hers", "bea"));
  await user.until("(unsigned) bea: not hers");
  user.enter("two", "/nick cy", "three");
  await user.until("cy: three");
  assertEquals(user.screen.all.filter((line) => line === hint).length, 1);
  assertEquals(await user.leave(), 0);
  await peer.publish(ROOM, "end");
  const payloads = (await peer.until("end"))
    .map(({ text }) => JSON.parse(text) as Payload)
    .slice(-9);
  const signed = payloads.map(({ from, sig }) => `${from} ${Boolean(sig)}`);
  assertEquals(signed, [
    ...["chat false", "chat false", "chat false"],
    ...["chat true", "bea false", "bea true", "bea true"],
    ...["cy true", "cy true"],
  ]);
  // One key for the whole run.
  const keys = new Set(payloads.flatMap(({ key }) => key ?? []));
  assertEquals(keys.size, 1);
});
