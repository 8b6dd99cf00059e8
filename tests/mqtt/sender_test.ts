import { assertEquals, assertRejects } from "@std/assert";
import { AbandonedError, PublishError } from "../../lib/mqtt/errors.ts";
import { type Limits, limitsOf } from "../../lib/mqtt/limits.ts";
import type { Done } from "../../lib/mqtt/mqtt_js.ts";
import { Sender } from "../../lib/mqtt/sender.ts";
import type { QoS } from "../../lib/protocol.ts";
import { pureTests } from "../support/pure.ts";

/** How a connection ends over a message, and how it just ends. */
const OVER_MESSAGE = { mayBeMessage: true };
const BY_ITSELF = { mayBeMessage: false };

/** A sender whose messages the test answers. */
function begin() {
  const published: string[] = [];
  const resent: number[] = [];
  const answers: Done[] = [];
  const forgotten: number[] = [];
  const timers: (() => void)[] = [];
  const told: string[] = [];
  let broker = "first";
  const sender = new Sender({
    mqtt: {
      publish(_topic, payload, _how, done) {
        published.push(payload);
        answers.push(done);
        return answers.length;
      },
      resend: (packetId) => resent.push(packetId),
      forget: (packetId) => forgotten.push(packetId),
    },
    timeout: 5,
    broker: () => broker,
    onLowered: (qos) => told.push(`lowered to ${qos}`),
    onStuck: () => told.push("stuck"),
    wait(milliseconds, then) {
      assertEquals(milliseconds, 5_000);
      timers.push(then);
      return () => timers.splice(timers.indexOf(then), 1);
    },
  });
  const send = (text: string, qos: QoS = 1) =>
    sender.send({ topic: "room", encode: () => text, qos });
  const goOnline = (inFlight: number, limits: Partial<Limits> = {}) =>
    sender.goOnline({ ...limitsOf(5), inFlight, ...limits }, 5);
  const moveTo = (name: string) => broker = name;
  const seen = { published, resent, forgotten, timers, told };
  return { sender, send, goOnline, answers, moveTo, ...seen };
}

/** The first of the answers that are due. */
const answer = (answers: Done[], error?: Error) => answers.shift()!(error);

/** An error of MQTT.js with a reason code. */
const refusal = (code: number) => Object.assign(new Error("no"), { code });

const test = pureTests("sender");

test("what comes before the connection waits, in order", async () => {
  const { sender, goOnline, send, published, answers } = begin();
  const all = ["a", "b", "c"].map((text) => send(text));
  assertEquals([published, sender.isOnline], [[], false]);
  goOnline(9);
  assertEquals([published, sender.isOnline], [["a", "b", "c"], true]);
  while (answers.length > 0) answer(answers);
  await Promise.all(all);
});

test("never more unanswered than the window", async () => {
  const { goOnline, send, published, answers } = begin();
  goOnline(2);
  const all = ["a", "b", "c", "d", "e"].map((text) => send(text));
  assertEquals(published, ["a", "b"]);
  answer(answers);
  assertEquals(published, ["a", "b", "c"]);
  answers.reverse(); // answers need not come in order
  while (answers.length > 0) answer(answers);
  assertEquals(published, ["a", "b", "c", "d", "e"]);
  await Promise.all(all);
});

test("a refusal makes room too", async () => {
  const { goOnline, send, published, answers } = begin();
  goOnline(1);
  const [first, second] = ["a", "b"].map((text) => send(text));
  answer(answers, refusal(151));
  await assertRejects(() => first, PublishError);
  assertEquals(published, ["a", "b"]);
  answer(answers);
  await second;
});

test("an answer at once is as good as any, however many", async () => {
  const published: string[] = [];
  const sender = new Sender({
    mqtt: {
      publish(_topic, payload, _how, done) {
        published.push(payload);
        done(payload === "2" ? new Error("too large") : undefined);
        return undefined;
      },
      resend() {},
      forget() {},
    },
    timeout: 5,
    broker: String,
    onLowered() {},
    onStuck() {},
  });
  const texts = Array.from({ length: 20_000 }, (_, i) => `${i + 1}`);
  const all = Promise.allSettled(
    texts.map((text) =>
      sender.send({ topic: "room", encode: () => text, qos: 0 })
    ),
  );
  sender.goOnline(limitsOf(4), 4);
  const fates = (await all).map(({ status }) => status);
  assertEquals(fates.slice(0, 3), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(published, texts);
});

test("offline, new messages wait, and old ones keep their place", async () => {
  const { sender, goOnline, send, published, answers } = begin();
  goOnline(2);
  const all = ["a", "b", "c"].map((text) => send(text));
  sender.goOffline(BY_ITSELF);
  answer(answers);
  all.push(send("d"));
  assertEquals(published, ["a", "b"]);
  goOnline(2); // with b still unanswered
  assertEquals(published, ["a", "b", "c"]);
  while (answers.length > 0) answer(answers);
  await Promise.all(all);
  assertEquals(published, ["a", "b", "c", "d"]);
});

test("another broker's window is another", () => {
  const { sender, goOnline, send, published } = begin();
  goOnline(3);
  for (const text of ["a", "b", "c", "d"]) send(text);
  sender.goOffline(BY_ITSELF);
  goOnline(1);
  assertEquals(published, ["a", "b", "c"]);
});

test("refusals in words: broker, topic, reason, code", async () => {
  const { goOnline, send, answers, moveTo } = begin();
  goOnline(9);
  const cases: [Error, string, number | undefined, boolean][] = [
    [refusal(135), "not authorized", 135, true],
    [refusal(151), "quota exceeded", 151, false],
    [new Error("odd"), "odd", undefined, false],
  ];
  moveTo("second"); // the broker at the time of the answer, not of sending
  for (const [error, reason, code, isDenied] of cases) {
    const sent = send("a");
    answer(answers, error);
    const thrown = await assertRejects(
      () => sent,
      PublishError,
      `second did not take a message for room: ${reason}.`,
    );
    assertEquals([thrown.reasonCode, thrown.isDenied], [code, isDenied]);
  }
});

test("abandoned, everybody is told, once", async () => {
  const { sender, goOnline, send, published, answers } = begin();
  goOnline(1);
  const all = ["a", "b"].map((text) => send(text));
  sender.abandon();
  for (const sent of all) {
    await assertRejects(
      () => sent,
      AbandonedError,
      "Nobody answered for room.",
    );
  }
  answer(answers); // too late to matter, and nothing else goes out
  assertEquals([published, sender.isOnline], [["a"], false]);
  sender.abandon();
});

test("a message over which connections break is given up", async () => {
  const { sender, goOnline, send, published, answers, forgotten } = begin();
  const [poison, next] = ["poison", "next"].map((text) => send(text));
  goOnline(9);
  sender.goOffline(BY_ITSELF); // a time-out says nothing of the message
  for (let i = 0; i < 2; i++) {
    goOnline(9);
    sender.goOffline(OVER_MESSAGE);
  }
  assertEquals(forgotten, []);
  goOnline(9);
  sender.goOffline(OVER_MESSAGE);
  await assertRejects(() => poison, PublishError, "broke 3 times over it");
  assertEquals(forgotten, [1]);
  goOnline(9);
  answers[1]();
  await next;
  assertEquals(published, ["poison", "next"]);
});

test("an answer shows that the oldest message is not the reason", () => {
  const { sender, goOnline, send, answers, forgotten } = begin();
  ["a", "b"].map((text) => send(text).catch(() => {}));
  for (let i = 0; i < 4; i++) {
    goOnline(9);
    sender.goOffline(OVER_MESSAGE);
    if (i === 1) answers[1]();
  }
  assertEquals(forgotten, []);
});

test("what is unanswered goes out again, first, within the window", async () => {
  const { sender, goOnline, send, published, resent, answers } = begin();
  goOnline(3);
  const all = ["a", "b", "c", "d"].map((text) => send(text));
  sender.goOffline(BY_ITSELF);
  goOnline(2);
  assertEquals([published, resent], [["a", "b", "c"], [1, 2]]);
  answers[0]();
  assertEquals(resent, [1, 2, 3]);
  answers[1]();
  assertEquals(published, ["a", "b", "c", "d"]);
  answers[2]();
  answers[3]();
  await Promise.all(all);
});

test("a packet id that the broker no longer knows is an answer", async () => {
  const { sender, goOnline, send, answers } = begin();
  goOnline(9);
  const [first, second] = [send("a", 2), send("b", 2)];
  answers[1](refusal(146)); // not sent again: the broker lost it
  await assertRejects(() => second, PublishError);
  sender.goOffline(BY_ITSELF);
  goOnline(9);
  answers[0](refusal(146));
  await first;
});

test("a broker that answers nothing sent again is left, in the end for it", async () => {
  const { sender, goOnline, send, answers, timers, told, forgotten } = begin();
  goOnline(9);
  const [poison, next] = ["a", "b"].map((text) => send(text));
  assertEquals(timers.length, 0); // a first answer may take its time
  for (let i = 0; i < 3; i++) {
    sender.goOffline(BY_ITSELF);
    assertEquals(timers.length, 0);
    goOnline(9);
    assertEquals([timers.length, told.length], [1, i]);
    timers[0]();
  }
  await assertRejects(
    () => poison,
    PublishError,
    "first did not take a message for room: it was not acknowledged on 3 " +
      "connections.",
  );
  assertEquals([told, forgotten], [["stuck", "stuck", "stuck"], [1]]);
  sender.goOffline(BY_ITSELF);
  goOnline(9);
  answers[1]();
  await next;
  assertEquals(timers.length, 0);
});

test("the broker's reason for breaking over a message is its refusal", async () => {
  const { sender, goOnline, send } = begin();
  const sent = send("a");
  for (let i = 0; i < 3; i++) {
    goOnline(9);
    sender.goOffline({ mayBeMessage: true, reasonCode: 135 });
  }
  const { message, isDenied } = await assertRejects(() => sent, PublishError);
  assertEquals(isDenied, true);
  assertEquals(message.endsWith("3 times over it: not authorized."), true);
});

test("a limit of the broker's: a lower QoS, told once; a size", async () => {
  const { goOnline, send, told, published } = begin();
  goOnline(9, { qos: 0, packetBytes: 20 });
  send("a").catch(() => {});
  send("b").catch(() => {});
  assertEquals([told, published], [["lowered to 0"], ["a", "b"]]);
  const { reasonCode } = await assertRejects(
    () => send("x".repeat(20)),
    PublishError,
    "first takes packets of 20 bytes at most, this message needs 29",
  );
  assertEquals(reasonCode, 149);
  assertEquals(published.length, 2);
});
