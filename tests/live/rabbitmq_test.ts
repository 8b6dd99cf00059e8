/**
 * The scripts against a RabbitMQ: MQTT 3.1.1 only, no QoS 2, `.` and `/` are
 * one, and what is not allowed is answered by closing the connection.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { gate, NO_RABBITMQ } from "../support/gates.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { Peer, said } from "../support/peers.ts";
import { type Outcome, run, start } from "../support/processes.ts";
import { RabbitMQ } from "../support/servers.ts";

const live = gate(NO_RABBITMQ);

/** What each user may do; a peer is Server. */
const USERS = {
  Server: { password: "admin" },
  chat: {
    password: "chat",
    rights: { write: "^(both|write)\\.", read: "^(both|read)\\." },
  },
};

const QOS = ["0", "1", "2"];

type Scene = (broker: RabbitMQ) => Promise<void>;

/** The arguments that lead a script to a room. */
function at({ host }: RabbitMQ, room: string, ...args: string[]): string[] {
  return ["-h", host, "-t", room, ...args];
}

function linesOf(text: string, pattern: RegExp): string[] {
  return text.split("\n").filter((line) => pattern.test(line));
}

/** What a script complains of. */
function complaintsOf(stderr: string): string[] {
  return linesOf(stderr, /^(listener|publisher): /);
}

/** Waits for the good end of a listener that complains of nothing. */
async function shownBy(ended: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assertEquals([code, complaintsOf(stderr)], [0, []]);
  return stdout;
}

/** One that says nothing yet, and three over the same, each time alone. */
function assertFewBreaks(stderr: string): void {
  assertEquals(linesOf(stderr, /^Disconnected from /).length, 4, stderr);
}

async function membership(broker: RabbitMQ): Promise<void> {
  const join = (name: string) => listen(at(broker, "both/members", "-n", name));
  await using ann = await join("Ann");
  await using ben = await join("Ben");
  await ann.stdout.line(/ -- User Ben is now subscribed to both\/members\.$/);
  ben.signal("SIGTERM");
  await ann.stdout.line(/ -- User Ben disconnecting from both\/members\.$/);
  await using cat = await join("Cat");
  await ann.stdout.line(/ -- User Cat is now subscribed to both\/members\.$/);
  cat.signal("SIGKILL");
  await ann.stdout.line(/ -- User Cat timed out\.$/);
  assertEquals(ann.stdout.soFar.match(/Ben timed out/), null);
}

async function everyQoS(broker: RabbitMQ): Promise<void> {
  const count = 500;
  const room = at(broker, "both/qos");
  const enough = ["--no-announce", "-C", String(QOS.length * count)];
  const readers = await Promise.all(
    QOS.map((qos) => listen([...room, "-q", qos, ...enough])),
  );
  for (const qos of QOS) {
    await send([...room, "-q", qos, "-n", `at ${qos}`], upTo(count));
  }
  for (const reader of readers) {
    await using process = reader;
    const stdout = await shownBy(process.outcome());
    for (const qos of QOS) {
      assertEquals(numbersIn(stdout, `at ${qos}`), upTo(count));
    }
  }
}

async function kept(broker: RabbitMQ): Promise<void> {
  for (const qos of ["1", "2"]) {
    const room = at(broker, `both/kept/${qos}`, "-q", qos);
    const reader = [...room, "-c", "-i", `reader-${qos}`, "--no-announce"];
    assertEquals((await run("listener.ts", [...reader, "-W", "0.1"])).code, 0);
    await send(room, upTo(3_000));
    await using again = start("listener.ts", reader);
    await again.stdout.line(/ == 3000 messages came while you were away\.$/);
    assertEquals(numbersIn(await shownBy(again.stop())), upTo(3_000));
  }
}

/** RabbitMQ gives `both/a.b` back as `both/a/b`: nothing is lost for that. */
async function dots(broker: RabbitMQ): Promise<void> {
  const room = at(broker, "both/a.b");
  // Longer than it waits for its own notice.
  await using reader = await listen([...room, "-n", "Ann", "-W", "12"]);
  await reader.stdout.line(/ -- User Ann is now subscribed to both\/a\.b\.$/);
  await using killed = await listen([...room, "-n", "Ben"]);
  killed.signal("SIGKILL");
  await reader.stdout.line(/ -- User Ben timed out\.$/);
  await send(room, ["dotted"]);
  await reader.stdout.line(/ chat: dotted$/);
  assertEquals(linesOf(await shownBy(reader.outcome()), / chat: /).length, 1);
}

/** In a room that the user may only read. */
async function deniedNotice(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker);
  await using reader = start("listener.ts", at(broker, "read/room"));
  await reader.stderr.line(/^listener: No right to write to read\/room/);
  // Some seconds, in which the connection stands and what is said is shown.
  while (numbersIn(reader.stdout.soFar, "ann").length < 20) {
    await peer.publish("read/room", said("1"));
    await new Promise((again) => setTimeout(again, 100));
  }
  const { code, stderr } = await reader.stop();
  assertEquals([code, complaintsOf(stderr).length], [0, 1], stderr);
  assertFewBreaks(stderr);
}

/** To a room that the user may only read: one message, and a pipe. */
async function deniedMessage(broker: RabbitMQ): Promise<void> {
  await Promise.all(["1", "2"].map(async (qos) => {
    const args = at(broker, "read/room", "-q", qos);
    const stdin = "one\ntwo\nthree\n";
    for (
      const outcome of await Promise.all([
        run("publisher.ts", [...args, "-m", "one"]),
        run("publisher.ts", args, { stdin }),
      ])
    ) {
      const { code, stdout, stderr } = outcome;
      assertEquals([code, stdout], [3, ""], stderr);
      assertMatch(
        stderr.trimEnd().split("\n").at(-1)!,
        /^publisher: .*read\/room.*(three times while only this|no messages for)/,
      );
    }
  }));
}

/** A client that was never in a room is not announced in it. */
async function assertUnannounced(peer: Peer, room: string): Promise<void> {
  await peer.publish(room, "the end");
  assertEquals(await peer.until("the end"), []);
}

/** In a room that the user may only write to. */
async function deniedReading(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker, "write/room");
  const { code, stderr } = await run("listener.ts", at(broker, "write/room"));
  assertEquals(code, 3, stderr);
  assertEquals(complaintsOf(stderr).length, 1, stderr);
  assertMatch(
    stderr.trimEnd().split("\n").at(-1)!,
    /^listener: .*(lets you read none of|can't use) write\//,
  );
  assertFewBreaks(stderr);
  await assertUnannounced(peer, "write/room");
}

/** In two rooms, of which the user may read one. */
async function deniedRoom(broker: RabbitMQ): Promise<void> {
  await using peer = await Peer.connect(broker, "write/other");
  // Longer than it waits for its own notices.
  const args = ["-t", "write/other", "-W", "20"];
  await using reader = start("listener.ts", at(broker, "both/other", ...args));
  await reader.stdout.line(/\[both\/other\] -- User chat is now subscribed/);
  await peer.publish("both/other", said("hello"));
  await reader.stdout.line(/ ann: hello$/);
  const { code, stderr } = await reader.outcome();
  assertEquals(code, 0, stderr);
  assertFewBreaks(stderr);
  assertEquals(linesOf(stderr, /write\/other/).length, 1, stderr);
  await assertUnannounced(peer, "write/other");
}

async function restart(broker: RabbitMQ): Promise<void> {
  const room = at(broker, "both/restarted");
  await using reader = await listen(room);
  const resume = ["-c", "-i", "resuming", "--no-announce"];
  await using resuming = await listen([...room, ...resume]);
  await using publisher = start("publisher.ts", room);
  await publisher.write("before\n");
  await reader.stdout.line(/ chat: before$/);
  await resuming.stdout.line(/ chat: before$/);
  await broker.down();
  await publisher.stderr.line(/^Disconnected /);
  await publisher.write("meanwhile\n");
  await broker.up();
  await reader.stdout.line(/ == Connected to .* may be missing here/);
  await reader.stderr.line(/^Reading both\/restarted at QoS 1/);
  await resuming.stdout.line(/ chat: meanwhile$/);
  await publisher.write("after\n");
  await publisher.endInput();
  assertEquals((await publisher.outcome()).code, 0);
  await reader.stdout.line(/ chat: after$/);
  await resuming.stdout.line(/ chat: after$/);
  const messages = linesOf(resuming.stdout.soFar, / chat: /)
    .map((line) => line.replace(/^.* chat: /, ""));
  assertEquals(messages, ["before", "meanwhile", "after"]);
}

const SCENES: [name: string, scene: Scene][] = [
  ["joins, leaves and losses are shown", membership],
  ["QoS 0, 1 and 2: all arrives once, in order", everyQoS],
  ["3,000 kept messages at QoS 1 and 2, in order", kept],
];

/** Those that mostly wait, and do so at the same time. */
const WAITING: [name: string, scene: Scene][] = [
  ["a room with a dot in its name", dots],
  ["a room to read alone, to a listener", deniedNotice],
  ["a room to read alone, to publishers", deniedMessage],
  ["a room to write to alone", deniedReading],
  ["two rooms, of which one may not be read", deniedRoom],
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
