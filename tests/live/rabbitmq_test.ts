/**
 * The scripts against a RabbitMQ: MQTT 3.1.1 only, no QoS 2, `.` and `/` are
 * one, and what is not allowed is answered by closing the connection.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { gate, NO_RABBITMQ } from "../support/gates.ts";
import { Peer, said } from "../support/peers.ts";
import { type Process, run, start } from "../support/processes.ts";
import { RabbitMQ } from "../support/rabbitmq.ts";

const live = gate(NO_RABBITMQ);

/** What each user may do; a peer is Server. */
const USERS = {
  Server: { password: "admin" },
  chat: {
    password: "chat",
    rights: { write: "^(both|write)\\.", read: "^(both|read)\\." },
  },
};

/**
 * For what takes several connections: a restart takes 6 s, and the next attempt
 * may be as long after it.
 */
const PATIENCE_MS = 60_000;

const QOS = ["0", "1", "2"];

type Scene = (broker: RabbitMQ) => Promise<void>;

/** The arguments that lead a script to a room. */
function at({ host }: RabbitMQ, room: string, ...args: string[]): string[] {
  return ["-h", host, "-t", room, ...args];
}

async function listener(...args: string[]): Promise<Process> {
  const process = start("listener.ts", args);
  await process.stderr.line(/^Reading /);
  return process;
}

function linesOf(text: string, pattern: RegExp): string[] {
  return text.split("\n").filter((line) => pattern.test(line));
}

/** What a script complains of. */
function complaintsOf(stderr: string): string[] {
  return linesOf(stderr, /^(listener|publisher): /);
}

/** How often the broker closed the connection. */
function breaksOf(stderr: string): number {
  return linesOf(stderr, /^Disconnected from /).length;
}

/** One that says nothing yet, and three over the same, each time alone. */
function assertFewBreaks(stderr: string): void {
  assertEquals(breaksOf(stderr), 4, stderr);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The numbers in an author's lines. */
function numbersOf(stdout: string, author: string): number[] {
  return [...stdout.matchAll(new RegExp(` ${author}: (\\d+)$`, "gm"))]
    .map(([, number]) => Number(number));
}

async function membership(broker: RabbitMQ): Promise<void> {
  const room = "both/members";
  await using ann = await listener(...at(broker, room, "-n", "Ann"));
  await using ben = await listener(...at(broker, room, "-n", "Ben"));
  await ann.stdout.line(/ -- User Ben is now subscribed to both\/members\.$/);
  ben.signal("SIGTERM");
  await ann.stdout.line(/ -- User Ben disconnecting from both\/members\.$/);
  await using cat = await listener(...at(broker, room, "-n", "Cat"));
  await ann.stdout.line(/ -- User Cat is now subscribed to both\/members\.$/);
  cat.signal("SIGKILL");
  await ann.stdout.line(/ -- User Cat timed out\.$/);
  assert(!ann.stdout.soFar.includes("Ben timed out"));
}

async function everyQoS(broker: RabbitMQ): Promise<void> {
  const count = 500;
  const room = at(broker, "both/qos");
  const enough = ["--no-announce", "-C", String(QOS.length * count)];
  const readers = await Promise.all(
    QOS.map((qos) => listener(...room, "-q", qos, ...enough)),
  );
  const stdin = upTo(count).join("\n");
  for (const qos of QOS) {
    const args = [...room, "-q", qos, "-n", `at ${qos}`];
    const { code, stderr } = await run("publisher.ts", args, { stdin });
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
  for (const reader of readers) {
    await using process = reader;
    const { code, stdout, stderr } = await process.outcome();
    assertEquals([code, complaintsOf(stderr)], [0, []]);
    for (const qos of QOS) {
      assertEquals(numbersOf(stdout, `at ${qos}`), upTo(count));
    }
  }
}

async function kept(broker: RabbitMQ, qos: string): Promise<void> {
  const count = 3_000;
  const room = at(broker, `both/kept/${qos}`, "-q", qos);
  const resume = ["-c", "-i", `reader-${qos}`, "--no-announce"];
  const first = await run("listener.ts", [...room, ...resume, "-W", "0.1"]);
  assertEquals(first.code, 0, first.stderr);
  const stdin = upTo(count).join("\n");
  const sent = await run("publisher.ts", room, { stdin });
  assertEquals(sent, { code: 0, stdout: "", stderr: "" });
  const args = [...room, ...resume];
  await using again = start("listener.ts", args);
  await again.stdout.line(/ == 3000 messages came while you were away\.$/);
  again.signal("SIGTERM");
  const { code, stdout, stderr } = await again.outcome();
  assertEquals([code, complaintsOf(stderr)], [0, []]);
  assertEquals(numbersOf(stdout, "chat"), upTo(count));
}

/** RabbitMQ gives `both/a.b` back as `both/a/b`: nothing is lost for that. */
async function dots(broker: RabbitMQ): Promise<void> {
  const room = at(broker, "both/a.b");
  // Longer than it waits for its own notice.
  await using reader = await listener(...room, "-n", "Ann", "-W", "12");
  await reader.stdout.line(/ -- User Ann is now subscribed to both\/a\.b\.$/);
  await using killed = await listener(...room, "-n", "Ben");
  killed.signal("SIGKILL");
  await reader.stdout.line(/ -- User Ben timed out\.$/);
  const sent = await run("publisher.ts", [...room, "-m", "dotted"]);
  assertEquals(sent, { code: 0, stdout: "", stderr: "" });
  await reader.stdout.line(/ chat: dotted$/);
  const { code, stdout, stderr } = await reader.outcome();
  assertEquals([code, complaintsOf(stderr)], [0, []]);
  assertEquals(linesOf(stdout, / chat: /).length, 1);
}

/** In a room one may only read. */
async function deniedNotice(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker);
  await using reader = start("listener.ts", at(broker, "read/room"));
  await reader.stderr.line(/^listener: No right to write to /, PATIENCE_MS);
  const breaks = breaksOf(reader.stderr.soFar);
  assertFewBreaks(reader.stderr.soFar);
  // Some seconds, in which the connection stands and what is said is shown.
  while (numbersOf(reader.stdout.soFar, "ann").length < 20) {
    await peer.publish("read/room", said("1"));
    await new Promise((again) => setTimeout(again, 100));
  }
  reader.signal("SIGTERM");
  const { code, stderr } = await reader.outcome();
  assertEquals([code, complaintsOf(stderr).length], [0, 1], stderr);
  assertMatch(complaintsOf(stderr)[0], /write to read\/room/);
  assertEquals(breaksOf(stderr), breaks, stderr);
}

/** To a room one may only read: one message, and a pipe. */
async function deniedMessage(broker: RabbitMQ, qos: string): Promise<void> {
  const args = at(broker, "read/room", "-q", qos);
  await using one = start("publisher.ts", [...args, "-m", "one"]);
  await using pipe = start("publisher.ts", args);
  await pipe.write("one\ntwo\nthree\n");
  await pipe.endInput();
  for (const process of [one, pipe]) {
    const { code, stdout, stderr } = await process.outcome(PATIENCE_MS);
    assertEquals(code, 3, stderr);
    assertEquals(stdout, "");
    const last = stderr.trimEnd().split("\n").at(-1)!;
    assertMatch(
      last,
      /^publisher: .*read\/room.*(three times while only this|no messages for)/,
    );
  }
}

/** A client that was never in a room is not announced in it. */
async function assertUntold(peer: Peer, room: string): Promise<void> {
  await peer.publish(room, "the end");
  assertEquals(await peer.until("the end"), []);
}

/** In a room one may only write to. */
async function deniedReading(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker, "write/room");
  const args = at(broker, "write/room");
  await using reader = start("listener.ts", args);
  const { code, stderr } = await reader.outcome(PATIENCE_MS);
  assertEquals(code, 3, stderr);
  const last = stderr.trimEnd().split("\n").at(-1)!;
  assertMatch(
    last,
    /^listener: .*(lets you read none of|can't use) write\//,
  );
  assertEquals(complaintsOf(stderr).length, 1, stderr);
  assertFewBreaks(stderr);
  await assertUntold(peer, "write/room");
}

/** In two rooms, one of which one may read. */
async function deniedRoom(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker, "write/other");
  // Longer than it waits for its own notices.
  const args = ["-t", "write/other", "-W", "20"];
  await using reader = start("listener.ts", at(broker, "both/other", ...args));
  await reader.stdout.line(/\[both\/other\] -- User chat is now subscribed/);
  await peer.publish("both/other", said("hello"));
  await reader.stdout.line(/ ann: hello$/);
  const { code, stderr } = await reader.outcome(PATIENCE_MS);
  assertEquals(code, 0, stderr);
  assertFewBreaks(stderr);
  assertEquals(linesOf(stderr, /write\/other/).length, 1, stderr);
  await assertUntold(peer, "write/other");
}

async function restart(broker: RabbitMQ): Promise<void> {
  const room = at(broker, "both/restarted");
  const resume = ["-c", "-i", "resuming", "--no-announce"];
  await using reader = await listener(...room);
  await using resuming = await listener(...room, ...resume);
  await using publisher = start("publisher.ts", room);
  await publisher.write("before\n");
  await reader.stdout.line(/ chat: before$/);
  await resuming.stdout.line(/ chat: before$/);
  await broker.down();
  await publisher.stderr.line(/^Disconnected /);
  await publisher.write("meanwhile\n");
  await broker.up();
  const patience = PATIENCE_MS;
  await reader.stdout.line(/ == Connected to .* may be missing here/, patience);
  await reader.stderr.line(/^Reading both\/restarted at QoS 1/, patience);
  await resuming.stdout.line(/ chat: meanwhile$/, patience);
  await publisher.write("after\n");
  await publisher.endInput();
  assertEquals((await publisher.outcome(patience)).code, 0);
  await reader.stdout.line(/ chat: after$/);
  await resuming.stdout.line(/ chat: after$/);
  const messages = linesOf(resuming.stdout.soFar, / chat: /)
    .map((line) => line.replace(/^.* chat: /, ""));
  assertEquals(messages, ["before", "meanwhile", "after"]);
}

const SCENES: [name: string, scene: Scene][] = [
  ["who comes, goes and is lost is told", membership],
  ["QoS 0, 1 and 2: all arrives once, in order", everyQoS],
  ["3,000 kept messages, in order", (broker) => kept(broker, "1")],
  ["3,000 kept messages at QoS 2, in order", (broker) => kept(broker, "2")],
];

/** Those that mostly wait, and do so at the same time. */
const WAITING: [name: string, scene: Scene][] = [
  ["a room with a dot in its name", dots],
  ["a room one may only read, to a listener", deniedNotice],
  [
    "a room one may only read, to a publisher",
    (broker) => deniedMessage(broker, "1"),
  ],
  [
    "a room one may only read, to a publisher at QoS 2",
    (broker) => deniedMessage(broker, "2"),
  ],
  ["a room one may only write to", deniedReading],
  ["two rooms, one of which one may not read", deniedRoom],
];

live("RabbitMQ", async (test) => {
  await using broker = await RabbitMQ.start(USERS);
  for (const [name, scene] of SCENES) {
    await test.step(name, () => scene(broker));
  }
  // Deno wants this where steps overlap.
  const sanitizers = {
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
  };
  await Promise.all(
    WAITING.map(([name, scene]) =>
      test.step({ name, fn: () => scene(broker), ...sanitizers })
    ),
  );
  await test.step("its restart", () => restart(broker));
});
