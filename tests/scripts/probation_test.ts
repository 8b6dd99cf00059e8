/** What the scripts say of a connection that breaks over what they send. */

import { assertEquals, assertMatch } from "@std/assert";
import { at, FakeBroker, letIn } from "../support/brokers.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { messageOf, puback, suback } from "../support/packets.ts";
import { run, start } from "../support/processes.ts";

/** Lines of a pipe. */
const lines = (...all: string[]) => all.map((line) => line + "\n").join("");

Deno.test("probation: one line is named, the others are sent, exit 5", async () => {
  await using broker = new FakeBroker(letIn({
    publish(packet, link) {
      if (messageOf(packet) === "bad") return "close";
      setTimeout(() => link.send(puback(packet)).catch(() => {}), 20);
    },
  }));
  const { code, stderr } = await run("publisher.ts", at(broker), {
    stdin: lines("1", "2", "3", "bad", "5", "6"),
  });
  assertEquals(code, 5, stderr);
  const failed = stderr.split("\n").filter((line) => line.includes("not sent"));
  assertEquals(failed.length, 1, stderr);
  assertMatch(
    failed[0],
    /Line 4 .* three times while only this was unanswered/,
  );
  assertEquals(stderr.includes("may or may not"), false);
});

Deno.test("probation: 10,000 lines into a room that is refused end soon, exit 3", async () => {
  await using broker = new FakeBroker(letIn({ publish: () => "close" }));
  const stdin = lines(...Array.from({ length: 10_000 }, (_, i) => `${i}`));
  const { code, stderr } = await run("publisher.ts", at(broker), { stdin });
  assertEquals(code, 3);
  assertMatch(stderr, /Line 1 was not sent\..* three times while only this/);
  assertMatch(stderr, /Line 2 was not sent\..* takes no messages for this/);
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
  await publisher.write("3\n");
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome();
  assertEquals(code, 5, stderr);
  assertMatch(
    stderr,
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
  await listener.stderr.line(
    /^b is not read for now: .* three times .* Trying again in 1 s\.$/,
  );
  await listener.stderr.line(/^Reading a /);
  await listener.stderr.line(/^Reading c /);
  await listener.stderr.line(
    /^b is not read for now: .* Trying again in 2 s\.$/,
  );
  isRevoked = false;
  await listener.stderr.line(/^Reading b /);
});
