/** The client's options, what it sends, and the answers that its calls get. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  AbandonedError,
  AddressError,
  type ChatMessage,
  type ClientOptions,
  PayloadTooLargeError,
  PublishError,
  TopicError,
} from "../lib/client.ts";
import { completeOptions } from "../lib/client_options.ts";
import { parseId } from "../lib/ids.ts";
import { type FakeBroker, hostOf } from "./support/brokers.ts";
import { Member, memberTests } from "./support/members.ts";
import { connack, encode, puback, publish, suback } from "./support/packets.ts";

const LOCAL = { scheme: "mqtt", host: "localhost", port: 1883, path: "" };

Deno.test("client options: brokers and a user are enough", () => {
  const given = { brokers: ["localhost"], username: "ann" };
  const { clientId, ...settings } = completeOptions(given);
  assertMatch(clientId, /^chat[0-9a-f]{16}$/);
  assertEquals<object>(settings, {
    ...{ brokers: [LOCAL], username: "ann", password: undefined },
    ...{ hasRandomId: true, isDefaultUser: undefined, keepalive: 30 },
    ...{ protocolVersion: "auto", timeout: 10, tls: undefined },
    ...{ acknowledges: "received", session: { resume: false, expiry: 300 } },
  });
  const session = { resume: true };
  const kept = completeOptions({ ...given, session }).session;
  assertEquals(kept, { resume: true, expiry: 86_400 });
});

Deno.test("client options: what is given replaces the defaults", () => {
  const said: Partial<ClientOptions> = {
    ...{ username: "ann", password: "secret", clientId: "ann-1" },
    ...{ keepalive: 5, protocolVersion: 4, timeout: 1.5, tls: { ca: "PEM" } },
    ...{ acknowledges: "asked", session: { resume: true, expiry: 60 } },
  };
  const brokers = ["wss://ann:pw@a.example/mqtt", { ...LOCAL } as never, "a"];
  assertEquals<object>(completeOptions({ ...said, brokers }), {
    ...said,
    brokers: [
      {
        ...{ scheme: "wss", host: "a.example", port: 443, path: "/mqtt" },
        ...{ username: "ann", password: "pw" },
      },
      LOCAL,
      // With something to trust or to show, it is not spoken to in plain.
      { scheme: "mqtts", host: "a", port: 8883, path: "" },
    ],
    hasRandomId: false,
    isDefaultUser: undefined,
  });
  const [{ scheme }] = completeOptions({ brokers: ["a"], tls: {} }).brokers;
  assertEquals(scheme, "mqtt");
});

Deno.test("client options: one sentence for each fault, by name", () => {
  const brokers = ["a"];
  const complete = (more: object) => completeOptions({ brokers, ...more });
  const refused =
    "`brokers[1]` does not fit: a mqtt:// URL that can't be read.";
  const bad = ["a", "mqtt://ann:secret@a b"];
  const faultOf = (brokers: string[]) =>
    assertThrows(() => complete({ brokers }), AddressError).message;
  assertEquals(faultOf([]), "`brokers` is empty; name at least one.");
  assertEquals(faultOf(bad), refused);
  for (const timeout of [0, -1, NaN, Infinity, 2_147_484]) {
    const sentence = "`timeout` takes seconds above 0, 2147483 at most.";
    assertThrows(() => complete({ timeout }), RangeError, sentence);
  }
  for (const keepalive of [-1, 1.5, NaN, 65_536]) {
    const sentence = "`keepalive` takes whole seconds from 0 to 65535.";
    assertThrows(() => complete({ keepalive }), RangeError, sentence);
  }
  const { keepalive, timeout } = complete({ keepalive: 0, timeout: 2_147_483 });
  assertEquals([keepalive, timeout], [0, 2_147_483]);
  assertEquals(complete({ keepalive: 65_535 }).keepalive, 65_535);
});

/** The numbers of all messages that came, and how many runs those are of. */
function idsOf(broker: FakeBroker) {
  const ids = broker.all("publish").map(({ payload }) => {
    const counted = parseId(JSON.parse(payload.toString()).id);
    assert(counted !== undefined, `${payload}`);
    return counted;
  });
  const runs = new Set(ids.map(({ run }) => run)).size;
  return { numbers: ids.map(({ number }) => number), runs };
}

const test = memberTests("client");

test("one run of numbers a room; what is refused leaves a hole", {
  connect: () => connack(0, { maximumPacketSize: 1_000 }),
  // MQTT 5 §3.4.2.1 does not list 149, which Mosquitto 2.0.11 sends; 16 is no
  // error, but says that there are no subscribers.
  publish: (packet) =>
    puback(packet, packet.payload.includes('"no"') ? 149 : 16),
}, async ({ broker, member: ann }) => {
  await ann.say("a", "hall");
  await ann.client.send("hall", { type: "notice", from: "ann", notice: "c" });
  const sent = ["a", "x".repeat(70_000), "y".repeat(2_000), "no", "b"]
    .map((text) => ann.say(text));
  await assertRejects(() => sent[1], PayloadTooLargeError);
  await assertRejects(() => sent[2], PublishError);
  const refusal = `${
    hostOf(broker)
  } did not take a message for room: packet too large.`;
  await assertRejects(() => sent[3], PublishError, refusal);
  await Promise.all([sent[0], sent[4]]);
  assertEquals(idsOf(broker), { numbers: [1, 2, 1, 4, 5], runs: 2 });
  assertEquals(broker.connections, 1);
});

test("two calls of join, over two connections, get an answer each", {
  subscribe: (packet, { number }) => number > 1 ? suback(packet, 1) : undefined,
}, async ({ broker, member: ann }) => {
  const left = ann.client.join(["hall"]);
  const both = [ann.client.join(["room"]), ann.client.join(["room", "room"])];
  await broker.next("subscribe");
  // A room that is left first is not granted.
  ann.client.leave(["hall"]);
  const [{ qos, reason }] = await left;
  assertEquals([qos, reason], [undefined, "it was left"]);
  broker.drop();
  const granted = { topic: "room", qos: 1 } as const;
  assertEquals(await Promise.all(both), [[granted], [granted, granted]]);
  const asked = broker.all("subscribe").filter(({ link }) => link.number > 1);
  assertEquals(asked.map((it) => it.subscriptions[0].topic), ["room"]);
});

const HI: ChatMessage = { type: "message", from: "ann", message: "hi" };

test("sends and joins at QoS 1 unless told otherwise", {
  options: { username: "ada" },
}, async ({ broker, member: ann }) => {
  await ann.client.join(["room"]);
  const { subscriptions } = await broker.next("subscribe");
  assertEquals(subscriptions.map(({ qos }) => qos), [1]);
  // A payload keeps the id and the time that it has.
  const own = { ...HI, id: "own", at: "2026-01-02T03:04:05.678Z" };
  await ann.client.send("room", own);
  const { qos, payload } = await broker.next("publish");
  assertEquals([qos, JSON.parse(payload.toString())], [1, own]);
  // Without a name, the user's is said.
  await ann.client.say("room", "hi", 0);
  const said = await broker.next("publish");
  const { from, message } = JSON.parse(said.payload.toString());
  assertEquals([from, message, said.qos], ["ada", "hi", 0]);
});

test("what would break the connection is not sent", {}, async (scene) => {
  const { broker, member: ann } = scene;
  const refusal =
    'The topic "room/+" has a wildcard, + or #; messages go to one room.';
  const topic = "room/+";
  const will = { topic, payload: HI };
  await assertRejects(() => ann.client.send(topic, HI), TopicError, refusal);
  await assertRejects(
    () => Member.connect(broker, { will }),
    TopicError,
    refusal,
  );
  await assertRejects(
    () => ann.client.join(["room", "room/#/a"]),
    TopicError,
    'The topic filter "room/#/a" has a # before its end.',
  );
  await ann.say("hi");
  const kinds = broker.heard.all.map(({ cmd }) => cmd);
  assertEquals(kinds, ["connect", "publish"]);
  await ann.client.close();
  await assertRejects(() => ann.client.join(["room"]), AbandonedError);
});

test("a topic of a history is a room while it is joined", {
  unsubscribe: ({ messageId }) =>
    encode({ cmd: "unsuback", messageId, granted: [0] }),
}, async ({ broker, member: ann }) => {
  await ann.client.join(["a/$history", "b"]);
  const { link } = await broker.next("subscribe");
  await ann.clock.advance(60_000);
  await link.send(publish("a/$history", "1", 1));
  const { historyOf, receivedAt } = await ann.received.next();
  assertEquals([historyOf, +receivedAt], [undefined, ann.clock.wall()]);
  await ann.client.leave(["a/$history"]);
  await link.send(publish("a/$history", "2", 2));
  assertEquals((await ann.received.next()).historyOf, "a");
  // What was left is asked for no more.
  link.close();
  await ann.say("later");
  const asked = broker.all("subscribe").filter(({ link }) => link.number > 1);
  const [{ topic, rh }] = asked.flatMap(({ subscriptions }) => subscriptions);
  // A room is not optional, whatever it was joined with.
  assertEquals([asked.length, topic, rh], [1, "b", 1]);
});
