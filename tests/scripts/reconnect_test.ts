/**
 * The scripts when the broker goes away in the middle, and what they say of
 * what is not certain.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { USERS } from "../../lib/broker/broker.ts";
import {
  at,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import { disconnect, puback, publish, suback } from "../support/packets.ts";
import { linesOf, nextPayload, Peer, said } from "../support/peers.ts";
import {
  assertEnds,
  assertOneLine,
  assertQuietSuccess,
  listening,
  run,
  start,
} from "../support/processes.ts";

Deno.test("reconnect: the listener reads on after a restart, and may be ended meanwhile", async () => {
  const broker = await openBroker();
  const address = RegExp.escape(hostOf(broker));
  await using listener = await listening(at(broker));
  await using other = await listening(at(broker, "--timeout", "600"));
  await broker.close();
  await listener.stderr.line(new RegExp(`^Disconnected from ${address}: `));
  await listener.stderr.line(/^Trying 127\.0\.0\.1:\d+ in \d+\.\d s\.$/);
  await other.stderr.line(/^Trying/);
  assertEquals((await other.stop()).code, 0);
  await using again = await openBroker({ port: broker.port });
  await using peer = await Peer.connect(again, TOPIC);
  await listener.stderr.line(new RegExp(`^Connected again to ${address}\\.$`));
  await listener.stderr.line(/^Reading chat\/room at QoS 1\.$/);
  assertMatch((await peer.next()).text, /now subscribed/);
  await peer.publish(TOPIC, said("still there?"));
  await listener.stdout.line(/ann: still there\?$/);
  assertEquals((await listener.stop("SIGINT")).code, 0);
});

Deno.test("reconnect: the publisher's lines wait for the broker", async () => {
  const broker = await openBroker();
  await using publisher = start("publisher.ts", at(broker));
  {
    await using _ = broker;
    await using peer = await Peer.connect(broker, TOPIC);
    await publisher.write("before\n");
    assertEquals((await nextPayload(peer)).message, "before");
  }
  await publisher.stderr.line(/^Disconnected from/);
  await publisher.write("while\n");
  await using again = await openBroker({ port: broker.port });
  await using peer = await Peer.connect(again, TOPIC);
  await publisher.stderr.line(/^Connected again to/);
  assertEquals((await publisher.finish("after\n")).code, 0);
  await peer.publish(TOPIC, "end");
  // "before" may come again: its acknowledgement may have been lost.
  const texts = (await peer.until("end"))
    .map(({ text }) => JSON.parse(text).message);
  assertEquals(texts.slice(-2), ["while", "after"]);
});

Deno.test("reconnect: without it, the publisher counts what is unanswered", async () => {
  let published = 0;
  await using broker = new FakeBroker(letIn({
    publish: (packet) => ++published <= 2 ? puback(packet) : undefined,
  }));
  const args = at(broker, "--timeout", "3");
  await using publisher = start("publisher.ts", args);
  await publisher.write("1\n2\n3\n4\n5\n");
  for (let line = 1; line <= 5; line++) await broker.next("publish");
  await broker[Symbol.asyncDispose]();
  await publisher.stderr.line(/^Disconnected from 127/);
  assertEnds(
    await publisher.finish(),
    5,
    /\npublisher: 3 lines, 3 to 5, were not acknowledged .*; acknowledged: 2\.\n$/,
  );
});

Deno.test("reconnect: a signal does not hide what is unanswered", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => undefined }));
  const args = at(broker, "--timeout", "600");
  await using pipe = start("publisher.ts", args);
  await pipe.write("a\n");
  await broker.next("publish");
  // The first ends the input, the second the wait for answers.
  pipe.signal("SIGINT");
  const { code, stderr } = await pipe.stop();
  // The system may deliver two pending signals in either order.
  assert([130, 143].includes(code), `${code}`);
  const lines =
    /^publisher: Stopped after line 1; .*\npublisher: Line 1 was no/;
  assertMatch(stderr, lines);
  await using message = start("publisher.ts", [...args, "-m", "a"]);
  await broker.next("publish");
  // Its input has ended.
  const outcome = await message.stop();
  assertOneLine(outcome, 5, /The message was not acknowledged/);
});

Deno.test("reconnect: not after another took over the client id", async () => {
  await using broker = new FakeBroker(letIn({
    publish: () => disconnect(0x8e), // session taken over
  }));
  await using listener = start("listener.ts", at(broker, "--id", "same"));
  const said = /\nlistener: .*gave the session to another client .*--id/;
  assertEnds(await listener.outcome(), 1, said);
  assertEquals(broker.connections, 1);
});

Deno.test("reconnect: a shared room has no session unless resumed, and what isn't shown is for others", async () => {
  const share = "$share/group/chat/room";
  for (
    const [room, flags, hasSession, acknowledged] of [
      [share, [], false, [1]],
      [share, ["--resume", "--id", "one"], true, [1]],
      [TOPIC, [], true, [1, 2]],
    ] as const
  ) {
    await using broker = new FakeBroker(letIn({
      subscribe: (packet) => [
        ...suback(packet, 1),
        ...[1, 2].flatMap((n) => [...publish(TOPIC, said(`${n}`), n)]),
      ],
    }));
    const args = ["--host", hostOf(broker), "--no-announce", "-C", "1"];
    const words = [...args, ...flags, "-t", room];
    const { stdout } = await run("listener.ts", words);
    assertMatch(stdout, /^\S+ (\[.*\] )?ann: 1\n$/);
    const { properties } = await broker.next("connect");
    const expiry = properties?.sessionExpiryInterval ?? 0;
    assertEquals(expiry > 0, hasSession);
    const acks = broker.all("puback").map(({ messageId }) => messageId);
    assertEquals(acks, [...acknowledged]);
  }
});

Deno.test("failover: each broker is told its own user and password", async () => {
  const first = await openBroker({ users: { chat: USERS.chat } });
  await using second = await openBroker({ users: { Server: USERS.Server } });
  await using peer = await Peer.connect(second, "chat/room");
  await using listener = start("listener.ts", [
    ...["-h", `mqtt://chat:chat@${hostOf(first)}`],
    ...["-h", `mqtt://Server:admin@${hostOf(second)}`, "-t", "chat/room"],
  ]);
  await listener.stdout.line(/now subscribed/);
  await first.close();
  await listener.stderr.line(/^Connected again to /);
  await listener.stderr.line(/^Reading chat\/room/);
  await peer.publish("chat/room", said("moved"));
  await listener.stdout.line(/ann: moved$/);
});

Deno.test("failover: what --count leaves is for the next run", async () => {
  await using broker = await openBroker();
  const room = ["-h", hostOf(broker), "-t", "chat/kept"];
  // No notices: that of the first run's end may be kept as well, and counts.
  const reader = [...room, "--no-announce", "-c", "-i", "reader"];
  await run("listener.ts", [...reader, "-W", "0.1"]);
  const stdin = "1\n2\n3\n4\n5\n";
  assertQuietSuccess(await run("publisher.ts", room, { stdin }));
  const read = async (count: number) =>
    linesOf(await run("listener.ts", [...reader, "-C", `${count}`]))
      .flatMap((line) => /chat: \d$/.exec(line) ?? []);
  assertEquals(await read(2), ["chat: 1", "chat: 2"]);
  assertEquals(await read(3), ["chat: 3", "chat: 4", "chat: 5"]);
});
