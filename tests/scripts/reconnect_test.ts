/**
 * The scripts when the broker goes away in the middle, and what they say of
 * what is not certain.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  at,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import { disconnect, puback } from "../support/packets.ts";
import { Peer, said } from "../support/peers.ts";
import { assertOneLine, start } from "../support/processes.ts";

Deno.test("reconnect: the listener reads on after a restart", async () => {
  const broker = await openBroker();
  const address = RegExp.escape(hostOf(broker));
  await using listener = start("listener.ts", at(broker));
  await listener.stdout.line(/now subscribed/);
  await broker.close();
  await listener.stderr.line(new RegExp(`^Disconnected from ${address}: `));
  await listener.stderr.line(/^Trying 127\.0\.0\.1:\d+ in \d+\.\d s\.$/);
  await using again = await openBroker({ port: broker.port });
  await using peer = await Peer.connect(again, TOPIC);
  await listener.stderr.line(new RegExp(`^Connected again to ${address}\\.$`));
  await listener.stderr.line(/^Reading chat\/room at QoS 1\.$/);
  assertMatch((await peer.next()).text, /now subscribed/);
  await peer.publish(TOPIC, said("still there?"));
  await listener.stdout.line(/ann: still there\?$/);
  listener.signal("SIGINT");
  assertEquals((await listener.outcome()).code, 0);
});

Deno.test("reconnect: the listener may be ended meanwhile", async () => {
  const broker = await openBroker();
  const args = at(broker, "--timeout", "600");
  await using listener = start("listener.ts", args);
  await listener.stdout.line(/now subscribed/);
  await broker.close();
  await listener.stderr.line(/^Trying/);
  listener.signal("SIGTERM");
  assertEquals((await listener.outcome()).code, 0);
});

Deno.test("reconnect: the publisher's lines wait for the broker", async () => {
  const broker = await openBroker();
  await using publisher = start("publisher.ts", at(broker));
  {
    await using _ = broker;
    await using peer = await Peer.connect(broker, TOPIC);
    await publisher.write("before\n");
    assertEquals(JSON.parse((await peer.next()).text).message, "before");
  }
  await publisher.stderr.line(/^Disconnected from/);
  await publisher.write("while\n");
  await using again = await openBroker({ port: broker.port });
  await using peer = await Peer.connect(again, TOPIC);
  await publisher.stderr.line(/^Connected again to/);
  await publisher.write("after\n");
  await publisher.endInput();
  assertEquals((await publisher.outcome()).code, 0);
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
  await publisher.endInput();
  const { code, stdout, stderr } = await publisher.outcome();
  assertEquals([code, stdout], [5, ""]);
  assertMatch(
    stderr,
    /\npublisher: 3 lines, 3 to 5, were not acknowledged .*; acknowledged: 2\.\n$/,
  );
});

Deno.test("reconnect: a signal does not hide what is unanswered", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => undefined }));
  const args = at(broker, "--timeout", "600");
  await using publisher = start("publisher.ts", args);
  await publisher.write("a\n");
  await broker.next("publish");
  // The first ends the input, the second the wait for answers.
  publisher.signal("SIGINT");
  publisher.signal("SIGTERM");
  const { code, stderr } = await publisher.outcome();
  // The system may deliver two pending signals in either order.
  assert([130, 143].includes(code), `${code}`);
  assertMatch(
    stderr,
    /^publisher: Stopped after line 1; .*\npublisher: Line 1 was not acknowledged/m,
  );
});

Deno.test("reconnect: a signal after the end of the input leaves exit 5", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => undefined }));
  const args = at(broker, "--timeout", "600", "-m", "a");
  await using publisher = start("publisher.ts", args);
  await broker.next("publish");
  publisher.signal("SIGTERM");
  const outcome = await publisher.outcome();
  assertOneLine(outcome, 5, /The message was not acknowledged/);
});

Deno.test("reconnect: not after another took over the client id", async () => {
  await using broker = new FakeBroker(letIn({
    publish: () => disconnect(0x8e), // session taken over
  }));
  await using listener = start("listener.ts", at(broker, "--id", "same"));
  const { code, stderr } = await listener.outcome();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /\nlistener: .*gave the session to another client .*--id/,
  );
  assertEquals(broker.connections, 1);
});

Deno.test("reconnect: a shared room has no session that would keep its part", async () => {
  await using broker = new FakeBroker(letIn({}));
  const filter = "$share/group/chat/room";
  await using listener = start("listener.ts", [
    ...["--host", hostOf(broker), "--no-announce", "-t", filter],
  ]);
  const { properties } = await broker.next("connect");
  assertEquals(properties?.sessionExpiryInterval ?? 0, 0);
  await broker.next("subscribe");
  listener.signal("SIGTERM");
  assertEquals((await listener.outcome()).code, 0);
});
