/**
 * Losing the connection: what is said of it, when it comes back, and when it
 * doesn't.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  NotAuthorizedError,
  RefusedError,
  type Status,
  UnreachableError,
} from "../../lib/client.ts";
import { Link } from "../../lib/mqtt/link.ts";
import type { LinkStatus } from "../../lib/mqtt/link.ts";
import { completeOptions } from "../../lib/client_options.ts";
import type { Version } from "../../lib/mqtt/attempts.ts";
import { loadTransport } from "../../lib/mqtt/stream.ts";
import { FakeBroker, hostOf, letIn, letInOld } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { News } from "../support/news.ts";
import { connack, disconnect, oldConnack } from "../support/packets.ts";
import { inTime } from "../support/patience.ts";

/** Bytes that are no MQTT: a PUBLISH at QoS 3, which there is not. */
const GARBAGE = [0x36, 0x00, 0xff, 0xff];

/** The kinds of what was told, in order, without the steps. */
const kinds = (statuses: { type: string }[]) =>
  statuses.map(({ type }) => type).filter((type) => type !== "step");

Deno.test("link: the broker's reason for a DISCONNECT is shown", async () => {
  const reasons: [number, string][] = [
    [0x8b, "server shutting down"],
    [0x98, "administrative action"],
    [0x8d, "keep alive timeout"],
    [0x00, "it ended the connection in good order"],
  ];
  await Promise.all(reasons.map(async ([code, reason]) => {
    await using broker = new FakeBroker(letIn({}));
    await using member = await Member.connect(broker);
    const { link } = await broker.next("connect");
    await link.send(disconnect(code));
    link.close();
    assertEquals((await member.next("disconnected")).reason, reason);
    await member.next("connected");
    await member.say("still here");
  }));
});

Deno.test("link: a take-over that the broker tells of ends it at once", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using member = await Member.connect(broker, { clientId: "same" });
  const { link } = await broker.next("connect");
  await link.send(disconnect(0x8e));
  const error = await inTime(member.client.lost);
  assertInstanceOf(error, RefusedError);
  assertEquals(
    error.message,
    `${hostOf(broker)} gave the session to another client with the id ` +
      '"same"; end that one, or use another --id.',
  );
  assertEquals(member.client.online, false);
  assertEquals(kinds(member.statuses.all), ["connected"]);
  assertEquals(broker.connections, 1);
});

/** A link whose retries wait for nothing but their turn. */
async function hastyLink(server: { port: number }, clientId?: string) {
  const statuses = new News<LinkStatus>("statuses");
  const options = completeOptions({
    brokers: [hostOf(server)],
    username: "chat",
    clientId,
    protocolVersion: 4,
    timeout: 5,
  });
  const open = await loadTransport(options.brokers);
  const link = new Link(options, open, {
    onStatus: (status) => statuses.add(status),
    onUp() {},
    onPublish() {},
    onDown() {},
    onLost() {},
  }, {
    wait(_, then) {
      queueMicrotask(then);
      return () => {};
    },
  });
  await link.connect();
  return { link, statuses };
}

Deno.test("link: a take-over that nobody tells of is a possibility", async () => {
  await using broker = new FakeBroker(letInOld({}));
  const { link, statuses } = await hastyLink(broker, "same");
  for (let losses = 0; losses < 7; losses++) {
    await statuses.next(({ type }) => type === "connected");
    (await broker.next("connect")).link.close();
  }
  await statuses.next(({ type }) => type === "connected");
  const isHint = ({ type }: LinkStatus) => type === "maybe shared";
  assertEquals(statuses.all.filter(isHint).length, 1);
  link.break();
});

Deno.test("link: with an id of its own, losses are losses", async () => {
  await using broker = new FakeBroker(letInOld({}));
  const { link, statuses } = await hastyLink(broker);
  for (let losses = 0; losses < 12; losses++) {
    await statuses.next(({ type }) => type === "connected");
    (await broker.next("connect")).link.close();
  }
  await statuses.next(({ type }) => type === "connected");
  link.break();
});

Deno.test("link: garbage with the first CONNACK is no connection", async () => {
  await using broker = new FakeBroker(letIn({
    connect: () => [...connack(), ...GARBAGE],
  }));
  await using good = new FakeBroker(letIn({}));
  await using member = await Member.connect([broker, good]);
  assertEquals(member.client.broker.port, good.port);
  await assertRejects(
    () => Member.connect(broker),
    UnreachableError,
    "(it does not speak MQTT there)",
  );
});

Deno.test("link: garbage with a later CONNACK, and a new connection", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) =>
      number === 2 ? [...connack(), ...GARBAGE] : connack(),
  }));
  await using member = await Member.connect(broker);
  (await broker.next("connect")).link.close();
  await member.statuses.next((status) =>
    status.type === "step" && status.text.endsWith("does not speak MQTT there")
  );
  await member.next("connected");
  await member.say("understood");
  assertEquals(broker.connections, 3);
});

Deno.test("link: garbage in the middle of a conversation", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using member = await Member.connect(broker);
  await member.say("before");
  const { link } = await broker.next("publish");
  await link.send(GARBAGE);
  await member.next("disconnected");
  await member.next("connected");
  await member.say("after");
  assertEquals(broker.connections, 2);
});

/** The code of MQTT 5 and 3.1.1 for one refusal. */
const CODES: Record<Version, { busy: number; denied: number }> = {
  5: { busy: 0x88, denied: 0x87 },
  4: { busy: 3, denied: 5 },
};

for (const version of [5, 4] satisfies Version[]) {
  const { busy, denied } = CODES[version];
  const accept = version === 5 ? connack : oldConnack;
  const connectTo = (broker: FakeBroker) =>
    Member.connect(broker, { protocolVersion: version });
  /** Lets everybody in but for the second connection. */
  const refusingOnce = (code: number) =>
    (version === 5 ? letIn : letInOld)({
      connect: (_, { number }) => accept(number === 2 ? code : 0),
    });
  const named = version === 5 ? "MQTT 5" : "MQTT 3.1.1";

  Deno.test(`link: a busy broker is tried again, ${named}`, async () => {
    await using broker = new FakeBroker(refusingOnce(busy));
    await using member = await connectTo(broker);
    (await broker.next("connect")).link.close();
    await member.next("disconnected");
    const { gap } = await member.next("connected");
    assertEquals([broker.connections, gap! > 1.5], [3, true]);
    assertEquals(
      kinds(member.statuses.all),
      [
        "connected",
        "disconnected",
        "reconnecting",
        "reconnecting",
        "connected",
      ],
    );
  });

  Deno.test(`link: a user who is turned away, later, ${named}`, async () => {
    await using broker = new FakeBroker(refusingOnce(denied));
    await using member = await connectTo(broker);
    (await broker.next("connect")).link.close();
    const error = await inTime(member.client.lost);
    assertInstanceOf(error, NotAuthorizedError);
    assertEquals(
      error.message,
      `${hostOf(broker)} does not let the user in any more: not authorized.`,
    );
    const isLast = (status: Status) => status.type !== "step";
    assertEquals(
      member.statuses.all.filter(isLast).at(-1)!.type,
      "reconnecting",
    );
    assertEquals(broker.connections, 2);
  });
}
