/** Connecting: which broker, in which version, now and after a loss. */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  NotAuthorizedError,
  RefusedError,
  UnreachableError,
} from "../../lib/client.ts";
import {
  type Action,
  type Answers,
  FakeBroker,
  hostOf,
  letIn,
  letInOld,
} from "../support/brokers.ts";
import { TestClock } from "../support/clock.ts";
import { Member } from "../support/members.ts";
import { connack, oldConnack } from "../support/packets.ts";
import { freePort } from "../support/ports.ts";

/** The versions in which a broker was asked, in order. */
const versions = (broker: FakeBroker) =>
  broker.all("connect").map(({ protocolVersion }) => protocolVersion);

/** How brokers of MQTT 3.1.1 refuse MQTT 5. */
const REFUSALS: [string, Action][] = [
  ["reason code 1, as 3.1.1 has it", oldConnack(1)],
  ["reason code 132", connack(132)],
  ["reason code 132, as 3.1.1 would have it", oldConnack(132)],
  ["a close without CONNACK", "close"],
];

/** An old broker's answers. */
const refusing = (refusal: Action): Answers => ({
  connect: ({ protocolVersion }) =>
    protocolVersion === 4 ? oldConnack() : refusal,
});

for (const [how, refusal] of REFUSALS) {
  Deno.test(`link: 3.1.1 after ${how}`, async () => {
    await using broker = new FakeBroker(letInOld(refusing(refusal)));
    await using member = await Member.connect(broker);
    assertEquals([versions(broker), member.client.version], [[5, 4], 4]);
    assertEquals((await member.next("connected")).version, 4);
    await member.say("in 3.1.1");
  });
}

Deno.test("link: no other version than the one that was asked for", async () => {
  await using modern = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      protocolVersion === 5 ? connack() : "close",
  }));
  await using old = new FakeBroker(letInOld({}));
  for (const [broker, protocolVersion] of [[old, 5], [modern, 4]] as const) {
    const { message } = await assertRejects(
      () => Member.connect(broker, { protocolVersion }),
      UnreachableError,
      "--protocol-version",
    );
    const name = protocolVersion === 5 ? "MQTT 5" : "MQTT 3.1.1";
    assertEquals(message.includes(`no broker speaks ${name} with us`), true);
    assertEquals(versions(broker), [protocolVersion]);
  }
  for (const [broker, protocolVersion] of [[old, 4], [modern, 5]] as const) {
    await using member = await Member.connect(broker, { protocolVersion });
    assertEquals(member.client.version, protocolVersion);
    assertEquals(broker.connections, 2);
  }
});

Deno.test("link: the first broker that answers", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using good = new FakeBroker(letIn({}));
  await using spare = new FakeBroker(letIn({}));
  const servers = [{ port: freePort() }, busy, good, spare];
  await using member = await Member.connect(servers);
  assertEquals(member.client.broker.port, good.port);
  assertEquals([busy, good, spare].map((b) => b.connections), [1, 1, 0]);
});

/** Lets a client's attempt end for want of an answer. */
async function outwait(broker: FakeBroker, clock: TestClock): Promise<void> {
  await broker.next("connect");
  await clock.advance(5_000);
}

Deno.test("link: silence costs each version one whole time-out", async () => {
  await using silent = new FakeBroker();
  await using good = new FakeBroker(letIn({}));
  const clock = new TestClock();
  const connecting = Member.connect([silent, good], { clock });
  await silent.next("connect");
  await clock.advance(4_999);
  assertEquals(versions(silent), [5]);
  await clock.advance(1);
  await outwait(silent, clock);
  await using member = await connecting;
  assertEquals(versions(silent), [5, 4]);
  assertEquals(member.client.broker.port, good.port);
});

Deno.test("link: a slow broker is given the whole time-out", async () => {
  await using broker = new FakeBroker(() => undefined);
  const clock = new TestClock();
  const connecting = Member.connect(broker, { clock, timeout: 10 });
  const { link } = await broker.next("connect");
  await clock.advance(6_000);
  await link.send(connack());
  await using member = await connecting;
  assertEquals([member.client.version, broker.connections], [5, 1]);
});

for (const guess of ["silence", "close"] as const) {
  Deno.test(`link: 3.1.1 after ${guess} is for one connection`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: ({ protocolVersion }, { number }) =>
        protocolVersion === 4
          ? oldConnack()
          : number > 1
          ? connack()
          : guess === "close"
          ? "close"
          : undefined,
      pingreq: undefined,
    }));
    const clock = new TestClock();
    const connecting = Member.connect(broker, { clock });
    if (guess === "silence") await outwait(broker, clock);
    await using member = await connecting;
    assertEquals(member.client.version, 4);
    broker.drop();
    await member.next("reconnecting");
    await clock.advance(1_000);
    await broker.next("connect");
    await member.statuses.next((status) =>
      status.type === "connected" && status.version === 5
    );
    assertEquals(versions(broker), [5, 4, 5]);
  });
}

Deno.test("link: a reset without CONNACK is a close, too", async () => {
  const server = createServer((socket) => {
    socket.once("data", (bytes) => {
      // After the fixed header and the name MQTT comes the version.
      if (bytes[bytes.indexOf("MQTT") + 4] === 5) socket.resetAndDestroy();
      else socket.write(oldConnack());
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  {
    await using member = await Member.connect({ port });
    assertEquals(member.client.version, 4);
  }
  await once(server.close(), "close");
});

Deno.test("link: a version that is refused later is learnt", async () => {
  let isOld = false;
  await using broker = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      isOld ? oldConnack(protocolVersion === 4 ? 0 : 1) : connack(),
  }));
  await using member = await Member.connect(broker);
  isOld = true;
  for (let losses = 0; losses < 2; losses++) {
    broker.drop();
    await member.statuses.next((status) =>
      status.type === "connected" && status.version === 4
    );
  }
  assertEquals(versions(broker), [5, 5, 4, 4]);
  const [{ reason }] = member.reports("failed");
  assertEquals(reason, "unacceptable protocol version");
});

Deno.test("link: a broker that spoke MQTT 5 is not doubted for a close", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => number === 2 ? "close" : connack(),
  }));
  await using member = await Member.connect(broker);
  broker.drop();
  await member.next("failed");
  await member.next("connected");
  assertEquals(versions(broker), [5, 5, 5]);
});

Deno.test("link: all of them are named when none answers", async () => {
  await using busy = new FakeBroker(() => connack(0x89));
  await using silent = new FakeBroker();
  const gone = { port: freePort() };
  const servers = [busy, gone, silent];
  const clock = new TestClock();
  const connecting = assertRejects(
    () => Member.connect(servers, { clock }),
    UnreachableError,
  );
  await outwait(silent, clock);
  await outwait(silent, clock);
  const { message } = await connecting;
  const [a, b, c] = servers.map(hostOf);
  assertStringIncludes(
    message,
    `No broker answers at ${a} (server busy) or ${b} (connection refused, ` +
      `nothing listens there) or ${c} (no answer in time).`,
  );
});

Deno.test("link: what no broker can help with ends it at the first", async () => {
  await using good = new FakeBroker(letIn({}));
  for (const code of [134, 135, 138, 140]) {
    await using strict = new FakeBroker(() => connack(code));
    await assertRejects(
      () => Member.connect([strict, good]),
      NotAuthorizedError,
      `${hostOf(strict)} refused the connection of user "chat": `,
    );
  }
  assertEquals(good.connections, 0);
});

Deno.test("link: what another broker may take is tried there", async () => {
  await using odd = new FakeBroker(() => connack(133));
  await using good = new FakeBroker(letIn({}));
  await using member = await Member.connect([odd, good]);
  assertEquals(member.client.broker.port, good.port);
  await assertRejects(
    () => Member.connect(odd),
    RefusedError,
    `${hostOf(odd)} refused the connection: client identifier not valid.`,
  );
});

Deno.test("link: the next in turn at a loss, each in its version", async () => {
  await using old = new FakeBroker(letInOld({}));
  await using modern = new FakeBroker(letIn({
    connect: ({ protocolVersion }) =>
      protocolVersion === 5 ? connack() : "close",
  }));
  await using member = await Member.connect([old, modern]);
  assertEquals(versions(old), [5, 4]);
  await member.next("connected");
  for (const [from, to] of [[old, modern], [modern, old]]) {
    from.drop();
    assertEquals((await member.next("disconnected")).broker.port, from.port);
    assertEquals((await member.next("reconnecting")).broker.port, to.port);
    assertEquals((await member.next("connected")).broker.port, to.port);
  }
  assertEquals([versions(old), versions(modern)], [[5, 4, 4], [5]]);
  assertEquals(member.client.version, 4);
});

Deno.test("link: a broker that is gone is passed over", async () => {
  const first = new FakeBroker(letIn({}));
  await using second = new FakeBroker(letIn({}));
  await using member = await Member.connect([first, second]);
  await first[Symbol.asyncDispose]();
  await member.next("disconnected");
  await member.next("connected");
  assertEquals(member.client.broker.port, second.port);
  await member.say("still here");
});
