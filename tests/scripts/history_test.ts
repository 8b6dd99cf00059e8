/**
 * A room that a listener keeps, and those who come later or were away: the
 * scripts as processes, with the embedded broker.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { at, FakeBroker, letIn, TOPIC } from "../support/brokers.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { HARMFUL } from "../support/line_fixtures.ts";
import { Member } from "../support/members.ts";
import { SecretFile } from "../support/keys.ts";
import { connack, encode, publish, suback } from "../support/packets.ts";
import {
  type Arrival,
  linesOf,
  type Peer,
  roomTests,
  said,
} from "../support/peers.ts";
import { listening, run, start } from "../support/processes.ts";

const HISTORY = `${TOPIC}/$history`;

const test = roomTests("history", Deno.test, [HISTORY]);

/** The payloads that a history has. */
interface Wire {
  messages: Record<string, string>[];
  here: [string, number][];
}

/** Waits until the room's history has a text; returns it. */
async function kept(peer: Peer, text: string): Promise<Wire> {
  let last: Arrival;
  do last = await peer.next(); while (!last.text.includes(text));
  return JSON.parse(last.text);
}

/** What a history says, oldest first. */
const texts = ({ messages }: Wire) =>
  messages.flatMap(({ message }) => message ?? []);

/** Starts a keeper, and waits until it reads the room. */
const startKeeper = (broker: { port: number }, ...args: string[]) =>
  listening(at(broker, "-n", "Keeper", ...args));

/** What a newcomer reads, until its own notice is there. */
async function newcomer(broker: { port: number }, ...args: string[]) {
  await using reader = start("listener.ts", at(broker, "-n", "New", ...args));
  await reader.stdout.line(/New is now subscribed/);
  return linesOf({ stdout: reader.stdout.soFar });
}

/** Sends numbered messages. */
async function send(broker: { port: number }, from: string, count: number) {
  await using member = await Member.connect(broker);
  for (let number = 1; number <= count; number++) {
    const message = `${from} ${number}`;
    await member.client.send(TOPIC, { type: "message", from, message });
  }
}

test("who comes later reads what was said", async ({ broker, peer }) => {
  await using _keeper = await startKeeper(broker, "--keep", "30");
  await send(broker, "Ada", 25);
  await peer.publish(TOPIC, said("from Python", "old"));
  const wire = await kept(peer, "from Python");
  assertEquals(texts(wire).length, 26);
  const lines = await newcomer(broker, "--history", "20");
  assertEquals(lines[0], "== 20 messages from before you came");
  const expected = Array.from({ length: 19 }, (_, i) => `Ada: Ada ${i + 7}`);
  assertEquals(lines.slice(1, 20), expected);
  assertEquals(lines.slice(20, 22), ["old: from Python", "== now"]);
  assertMatch(lines.at(-1)!, /^-- User New is now subscribed/);
  // In a pipe it was not asked for.
  assertEquals((await newcomer(broker)).length, 1);
});

test("in JSON it is marked, and not counted", async ({ broker, peer }) => {
  await using keeper = await startKeeper(broker, "--keep", "5");
  await send(broker, "Ada", 3);
  await peer.publish(TOPIC, said("from Python", "old"));
  await kept(peer, "from Python");
  await using reader = start(
    "listener.ts",
    at(broker, "--json", "--history", "2", "-C", "1", "--no-announce"),
  );
  await reader.stdout.line(/from Python/);
  await send(broker, "Bob", 1);
  const { code, stdout } = await reader.outcome();
  assertEquals(code, 0);
  const all = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(all.map(({ text, history }) => [text, history]), [
    ["Ada 3", true],
    ["from Python", true],
    ["Bob 1", undefined],
  ]);
  // The keeper has seen when that came, which its author doesn't say.
  assert(Math.abs(Date.parse(all[1].at) - Date.now()) < 60_000);
  assertEquals((await keeper.stop("SIGINT")).code, 0);
});

test("a killed keeper goes on, also at QoS 0", async ({ broker, peer }) => {
  {
    await using _killed = await startKeeper(broker, "--keep", "10");
    await send(broker, "Ada", 4);
    await kept(peer, "Ada 4");
  }
  await using _keeper = await startKeeper(broker, "--keep", "6", "-q", "0");
  await send(broker, "Bob", 3);
  const wire = await kept(peer, "Bob 3");
  const expected = ["Ada 2", "Ada 3", "Ada 4", "Bob 1", "Bob 2", "Bob 3"];
  assertEquals(texts(wire), expected);
  assert(wire.here.some(([name]) => name === "Keeper"), `${wire.here}`);
});

test("a keeper that leaves keeps what it heard", async ({ broker, peer }) => {
  await using keeper = await startKeeper(broker, "--keep", "10");
  await kept(peer, "Keeper is now subscribed");
  await send(broker, "Ada", 1);
  await keeper.stdout.line(/Ada 1/);
  assertEquals((await keeper.stop("SIGINT")).code, 0);
  assertEquals(texts(await kept(peer, "Ada 1")), ["Ada 1"]);
});

test("a hostile one leaves a reader whole", async ({ broker, peer }) => {
  const nasty = "\x1b[2J\u202e\n== forged";
  const messages = Array.from({ length: 500 }, (_, i) => ({
    type: "message",
    from: nasty,
    message: `${nasty}${i}`,
    at: i % 2 ? "9999-12-31T23:59:59.999Z" : undefined,
  }));
  const hostile = { type: "history", from: nasty, messages, here: [nasty] };
  const cases: [payload: string | Uint8Array, lines: number][] = [
    [JSON.stringify(hostile), 22],
    [JSON.stringify(hostile).slice(0, 9_000), 1],
    [crypto.getRandomValues(new Uint8Array(65_536)), 1],
  ];
  for (const [payload, count] of cases) {
    await peer.publish(HISTORY, payload, true);
    const lines = await newcomer(broker, "--history", "20");
    assertEquals(lines.length, count + 1, lines.join("\n"));
    for (const line of lines) assert(!HARMFUL.test(line), line);
  }
});

test("a wildcard shows none, keeps every room", async ({ broker, peer }) => {
  const host = at(broker).slice(0, 2);
  const args = ["-t", "chat/#", "--keep", "5", "--no-announce"];
  await using keeper = start("listener.ts", [...host, ...args]);
  await keeper.stderr.line(/^Reading /);
  await peer.publish("chat/a", said("in a"));
  await peer.publish("chat/b", said("in b"));
  const wires = [await kept(peer, "in "), await kept(peer, "in ")];
  assertEquals(wires.flatMap(texts).sort(), ["in a", "in b"]);
  assertEquals(linesOf(await keeper.stop("SIGINT")).length, 2);
}, ["chat/+/$history"]);

test("what was missed is fetched, in order", async ({ broker, peer }) => {
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  await using _keeper = await startKeeper(broker, "--keep", "20");
  await send(broker, "Ada", 2);
  await kept(peer, "Ada 2");
  await using reader = start(
    "listener.ts",
    at(proxy, "-n", "New", "--history", "20", "-q", "0"),
  );
  await reader.stdout.line(/New is now subscribed/);
  proxy.stall("down");
  proxy.cut();
  await send(broker, "Bob", 3);
  await kept(peer, "Bob 3");
  proxy.stall("down", false);
  await reader.stdout.line(/Bob 3/);
  await send(broker, "Cy", 1);
  await reader.stdout.line(/Cy 1/);
  const shown = reader.stdout.soFar;
  const said = [...shown.matchAll(/: (\w+ \d)$/gm)].map(([, text]) => text);
  assertEquals(said, ["Ada 1", "Ada 2", "Bob 1", "Bob 2", "Bob 3", "Cy 1"]);
  const gap = /without a connection.* time follow; nothing is missing\.$/m;
  assertMatch(shown, gap);
});

test("with a secret, all of it is sealed", async ({ broker, peer }) => {
  await using file = new SecretFile();
  const secret = (...args: string[]) => at(broker, ...file.flag, ...args);
  const keep = secret("-n", "Keeper", "--keep", "5");
  await using keeper = await listening(keep, file);
  const stdin = "one\ntwo\n";
  await run("publisher.ts", secret("-n", "Ada"), { ...file, stdin });
  // It may be forged: it is not kept.
  await peer.publish(TOPIC, said("forged", "Ada"));
  await keeper.stdout.line(/\(unsealed\) Ada: forged/);
  await keeper.stop("SIGINT");
  const sealed = /^\{"type":"notice","from":"sealed",.*"sealed":"[\w-]+"\}$/;
  assertMatch((await peer.next()).text, sealed);

  const read = ["--history", "9", "--no-announce", "--json", "-W", "2"];
  const { stdout } = await run("listener.ts", secret(...read), file);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    lines.map(({ text, sealed, history }) => [text, sealed, history]),
    [["one", true, true], ["two", true, true]],
  );
  const shown = await newcomer(broker, "--history", "9");
  assertEquals(shown.length, 2, shown.join("\n"));
  assertMatch(shown[0], /kept of this room is sealed \(--secret-file FILE/);
});

test("of messages of 60 KiB one is kept", async ({ broker, peer }) => {
  await using keeper = await startKeeper(broker, "--keep", "5", "--debug");
  for (const n of [1, 2]) {
    await peer.publish(TOPIC, said(`large ${n} `.padEnd(60 * 1024)));
  }
  const wire = await kept(peer, "large 2");
  assertEquals(texts(wire).map((text) => text.trim()), ["large 2"]);
  await keeper.stderr.line(/Debug: \d of the last payloads of chat\/room are/);
});

Deno.test("history: what a resumed reader holds back for it is acknowledged after its line", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => connack(0, {}, true),
    subscribe(packet) {
      const [{ topic }] = packet.subscriptions;
      // No answer: until then it holds back what arrives.
      if (topic === HISTORY) return publish(TOPIC, said("held"), 1);
      return suback(packet, 1);
    },
  }));
  const args = ["-c", "-i", "reader", "--no-announce", "--history", "5"];
  await using listener = start("listener.ts", at(broker, ...args));
  const { link, ...packet } = await broker.heard.next((packet) =>
    packet.cmd === "subscribe" && packet.subscriptions[0].topic === HISTORY
  );
  // A keeper needs no copy of what it wrote itself (No Local).
  const noLocal = broker.all("subscribe").map(({ subscriptions: [it] }) =>
    it.nl
  );
  assertEquals(noLocal, [false, true]);
  await link.send(encode({ cmd: "pubrel", messageId: 2 }));
  await broker.next("pubcomp");
  assertEquals(broker.all("puback"), []);
  await link.send(suback(packet, 0x87));
  await listener.stdout.line(/ann: held$/);
  await broker.next("puback");
});
