/** What the scripts say of a connection that breaks over what they send. */

import { assertEquals, assertMatch } from "@std/assert";
import { at, FakeBroker, letIn } from "../support/brokers.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { messageOf, puback, suback } from "../support/packets.ts";
import { assertEnds, run, start } from "../support/processes.ts";

Deno.test("probation: one line is named, the others are sent, exit 5", async () => {
  await using broker = new FakeBroker(letIn({
    publish(packet, link) {
      if (messageOf(packet) === "bad") return "close";
      setTimeout(() => link.send(puback(packet)).catch(() => {}), 20);
    },
  }));
  const stdin = "1\n2\n3\nbad\n5\n6\n";
  const outcome = await run("publisher.ts", at(broker), { stdin });
  const line = /Line 4 was not sent.* three times while only this was unanswe/;
  assertEnds(outcome, 5, line);
  assertEquals(outcome.stderr.match(/not sent/g)?.length, 1, outcome.stderr);
  assertEquals(outcome.stderr.includes("may or may not"), false);
});

Deno.test("probation: 10,000 lines into a room that is refused end soon, exit 3", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => "close" }));
  const stdin = Array.from({ length: 10_000 }, (_, i) => `${i}\n`).join("");
  const outcome = await run("publisher.ts", at(broker), { stdin });
  assertEnds(outcome, 3, /Line 1 was not sent\..* three times while only this/);
  assertMatch(
    outcome.stderr,
    /Line 2 was not sent\..* takes no messages for t/,
  );
  assertEquals(broker.connections <= 5, true, `${broker.connections}`);
});

for (const packet of ["publish", "subscribe"] as const) {
  Deno.test(`probation: a denied ${packet} over a slow link ends in exit 3`, async () => {
    await using broker = new FakeBroker(letIn({ [packet]: () => "close" }));
    await using proxy = await FaultProxy.start({ targetPort: broker.port });
    // A round trip takes longer than any guess by the clock allowed.
    proxy.delay(150);
    const script = packet === "publish" ? "publisher.ts" : "listener.ts";
    await using started = start(script, at(proxy));
    if (packet === "publish") await started.write("hi\n"); // and goes on
    const { code, stderr } = await started.outcome();
    assertEquals(code, 3, stderr);
    assertEquals(broker.all(packet).length, 4);
  });
}

Deno.test("probation: a line at QoS 0 over which the broker closes, exit 5", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) => messageOf(packet) === "bad" ? "close" : undefined,
  }));
  await using publisher = start("publisher.ts", at(broker, "-q", "0"));
  await publisher.write("1\n");
  await broker.next("pingreq");
  await publisher.write("bad\n");
  await publisher.stderr.line(/^Connected again /);
  assertEnds(
    await publisher.finish("3\n"),
    5,
    /: Line 2 was not acknowledged and may or may not have arrived; .*: 2\.\n$/,
  );
});

Deno.test("probation: rooms and a pipe outlast a room that was revoked", async () => {
  let isRevoked = false;
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      isRevoked && packet.subscriptions[0].topic === "b"
        ? "close"
        : suback(packet, 1),
  }));
  const topics = ["-t", "a", "-t", "b", "-t", "c", "--no-announce"];
  await using listener = start("listener.ts", at(broker, ...topics));
  await listener.stderr.line(/^Reading c /);
  isRevoked = true;
  broker.drop();
  const isTried = (seconds: number) =>
    RegExp(`^b is not read for now: .* Trying again in ${seconds} s\\.$`);
  assertMatch(await listener.stderr.line(isTried(1)), / three times /);
  await listener.stderr.line(/^Reading a /);
  await listener.stderr.line(/^Reading c /);
  await listener.stderr.line(isTried(2));
  isRevoked = false;
  await listener.stderr.line(/^Reading b /);
});
