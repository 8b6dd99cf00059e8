/** Sessions: what CONNECT asks for, and messages that outlast a connection. */

import { assertEquals } from "@std/assert";
import type { Version } from "../../lib/mqtt/attempts.ts";
import { FakeBroker, letIn, letInOld } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { said } from "../support/peers.ts";
import {
  connack,
  messageOf,
  oldConnack,
  oldPuback,
  puback,
  publish,
} from "../support/packets.ts";

/** What a client says of its session. */
interface Case {
  version: Version;
  clientId?: string;
  session: { resume: boolean; expiry: number };
  /** The clean flag of the first and the next connection. */
  clean: [boolean, boolean];
  /** The expiry that an orderly DISCONNECT says, if it says one. */
  expiryAtExit?: number;
}

const OUTAGE = { resume: false, expiry: 300 };
const KEPT = { resume: true, expiry: 86_400 };

/** Each kind of client, by its name. */
const CASES: Record<string, Case> = {
  // A random id has no session to discard.
  "MQTT 5": {
    version: 5,
    session: OUTAGE,
    clean: [false, false],
    expiryAtExit: 0,
  },
  "MQTT 5 with an id": {
    version: 5,
    clientId: "ann",
    session: OUTAGE,
    clean: [true, false],
    expiryAtExit: 0,
  },
  "MQTT 5, resumed": {
    version: 5,
    clientId: "ann",
    session: KEPT,
    clean: [false, false],
  },
  "MQTT 3.1.1": { version: 4, session: OUTAGE, clean: [true, true] },
  "MQTT 3.1.1 with an id": {
    version: 4,
    clientId: "ann",
    session: OUTAGE,
    clean: [true, true],
  },
  "MQTT 3.1.1, resumed": {
    version: 4,
    clientId: "ann",
    session: KEPT,
    clean: [false, false],
  },
};

Deno.test("session: what is asked for", async () => {
  await Promise.all(Object.entries(CASES).map(checkCase));
});

/** Connects, loses the connection, comes back, and leaves in good order. */
async function checkCase([name, wanted]: [string, Case]): Promise<void> {
  const { version, clientId, session, clean, expiryAtExit } = wanted;
  await using broker = new FakeBroker((version === 5 ? letIn : letInOld)({}));
  await using member = await Member.connect(broker, {
    protocolVersion: version,
    clientId,
    session,
  });
  const first = await broker.next("connect");
  first.link.close();
  await member.next("disconnected");
  const second = await broker.next("connect");
  await member.next("connected");
  const asked = [first, second];
  assertEquals(asked.map((connect) => connect.clean), clean, name);
  const expiry = version === 5 ? session.expiry : undefined;
  for (const { properties } of asked) {
    assertEquals(properties?.sessionExpiryInterval, expiry, name);
  }
  assertEquals(asked[0].clientId, asked[1].clientId);
  if (clientId) assertEquals(asked[0].clientId, clientId);
  await member.client.close();
  const { properties } = await broker.next("disconnect");
  assertEquals(properties?.sessionExpiryInterval, expiryAtExit, name);
}

Deno.test("session: ids made up are long, and differ", async () => {
  await using broker = new FakeBroker(letIn({}));
  await using _first = await Member.connect(broker);
  await using _second = await Member.connect(broker);
  const [a, b] = [await broker.next("connect"), await broker.next("connect")]
    .map(({ clientId }) => clientId);
  assertEquals([a.length, b.length, a === b], [20, 20, false]);
});

Deno.test("session: whether it was kept is reported", async () => {
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => connack(0, {}, number === 2),
  }));
  await using member = await Member.connect(broker);
  assertEquals((await member.next("connected")).sessionPresent, false);
  broker.drop();
  assertEquals((await member.next("connected")).sessionPresent, true);
});

/** What a session has kept, as PUBLISH packets. */
const kept = (...texts: string[]) =>
  texts.flatMap((text, index) => [
    ...publish("room", said(text, "bob"), 1 + index),
  ]);

Deno.test("session: what comes with CONNACK is not lost", async () => {
  // One write, so that it is one segment, also after a reconnect.
  await using broker = new FakeBroker(letIn({
    connect: (_, { number }) => [
      ...connack(0, {}, true),
      ...kept(`a${number}`, `b${number}`, `c${number}`),
    ],
  }));
  const session = { resume: true, expiry: 60 };
  const options = { clientId: "ann", session };
  await using member = await Member.connect(broker, options);
  assertEquals(await member.texts(3), ["a1", "b1", "c1"]);
  broker.drop();
  assertEquals(await member.texts(3), ["a2", "b2", "c2"]);
});

for (const version of [5, 4] satisfies Version[]) {
  const [accept, acknowledge] = version === 5
    ? [() => connack(0, {}, true), puback]
    : [() => oldConnack(0, true), oldPuback];
  const named = version === 5 ? "MQTT 5" : "MQTT 3.1.1";

  Deno.test(`session: what was unanswered goes out again, in order, ${named}`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: accept,
      // The second is acknowledged, the others are not, until it is back.
      publish: (packet, { number }) =>
        number > 1 || packet.payload.includes('"2"')
          ? acknowledge(packet)
          : undefined,
    }));
    await using member = await Member.connect(broker, {
      protocolVersion: version,
    });
    const sent = ["1", "2", "3"].map((text) => member.say(text));
    await sent[1];
    for (let count = 0; count < 3; count++) await broker.next("publish");
    broker.drop();
    await member.next("disconnected");
    sent.push(...["4", "5"].map((text) => member.say(text)));
    await Promise.all(sent);
    const again = broker.all("publish").filter(({ link }) => link.number === 2);
    assertEquals(again.map(messageOf), ["1", "3", "4", "5"]);
  });
}
