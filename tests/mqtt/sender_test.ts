import { assertEquals, assertRejects } from "@std/assert";
import {
  AbandonedError,
  type Done,
  PublishError,
  Sender,
} from "../../lib/mqtt/sender.ts";
import { pureTests } from "../support/pure.ts";

/** A sender whose messages the test answers. */
function begin() {
  const published: string[] = [];
  const answers: Done[] = [];
  const forgotten: number[] = [];
  let broker = "first";
  const sender = new Sender(({ payload }, done) => {
    published.push(payload);
    answers.push(done);
    return answers.length;
  }, (packetId) => forgotten.push(packetId));
  const send = (text: string) =>
    sender.send(
      { topic: "room", payload: text, qos: 1 },
      () => broker,
    );
  const moveTo = (name: string) => broker = name;
  return { sender, send, published, answers, forgotten, moveTo };
}

/** The first of the answers that are due. */
const answer = (answers: Done[], error?: Error) => answers.shift()!(error);

/** An error of MQTT.js with a reason code. */
const refusal = (code: number) => Object.assign(new Error("no"), { code });

const test = pureTests("sender");

test("what comes before the connection waits, in order", async () => {
  const { sender, send, published, answers } = begin();
  const all = ["a", "b", "c"].map(send);
  assertEquals([published, sender.isOnline], [[], false]);
  sender.goOnline(9);
  assertEquals([published, sender.isOnline], [["a", "b", "c"], true]);
  while (answers.length > 0) answer(answers);
  await Promise.all(all);
});

test("never more unanswered than the window", async () => {
  const { sender, send, published, answers } = begin();
  sender.goOnline(2);
  const all = ["a", "b", "c", "d", "e"].map(send);
  assertEquals(published, ["a", "b"]);
  answer(answers);
  assertEquals(published, ["a", "b", "c"]);
  answers.reverse(); // answers need not come in order
  while (answers.length > 0) answer(answers);
  assertEquals(published, ["a", "b", "c", "d", "e"]);
  await Promise.all(all);
});

test("a refusal makes room too", async () => {
  const { sender, send, published, answers } = begin();
  sender.goOnline(1);
  const [first, second] = ["a", "b"].map(send);
  answer(answers, refusal(151));
  await assertRejects(() => first, PublishError);
  assertEquals(published, ["a", "b"]);
  answer(answers);
  await second;
});

test("an answer at once is as good as any", async () => {
  const published: string[] = [];
  const sender = new Sender(({ payload }, done) => {
    published.push(payload);
    done(payload === "2" ? new Error("too large") : null);
    return undefined;
  }, () => {});
  const send = (payload: string) =>
    sender.send({ topic: "room", payload, qos: 0 }, String);
  const all = Promise.allSettled(["1", "2", "3"].map(send));
  sender.goOnline(1);
  const fates = (await all).map(({ status }) => status);
  assertEquals(fates, ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(published, ["1", "2", "3"]);
});

test("offline, new messages wait, and old ones keep their place", async () => {
  const { sender, send, published, answers } = begin();
  sender.goOnline(2);
  const all = ["a", "b", "c"].map(send);
  sender.goOffline();
  answer(answers);
  all.push(send("d"));
  assertEquals(published, ["a", "b"]);
  sender.goOnline(2); // with b still unanswered
  assertEquals(published, ["a", "b", "c"]);
  while (answers.length > 0) answer(answers);
  await Promise.all(all);
  assertEquals(published, ["a", "b", "c", "d"]);
});

test("another broker's window is another", () => {
  const { sender, send, published } = begin();
  sender.goOnline(3);
  for (const text of ["a", "b", "c", "d"]) send(text);
  sender.goOffline();
  sender.goOnline(1);
  assertEquals(published, ["a", "b", "c"]);
});

test("refusals in words: broker, topic, reason, code", async () => {
  const { sender, send, answers, moveTo } = begin();
  sender.goOnline(9);
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
  const own = new PublishError("Ours.", 149);
  const sent = send("a");
  answer(answers, own);
  assertEquals(await assertRejects(() => sent), own);
});

test("abandoned, everybody is told, once", async () => {
  const { sender, send, published, answers } = begin();
  sender.goOnline(1);
  const all = ["a", "b"].map(send);
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
  const { sender, send, published, answers, forgotten } = begin();
  const [poison, next] = ["poison", "next"].map(send);
  sender.goOnline(9);
  sender.goOffline(false); // a time-out says nothing of the message
  for (let i = 0; i < 2; i++) {
    sender.goOnline(9);
    sender.goOffline(true);
  }
  assertEquals(forgotten, []);
  sender.goOnline(9);
  sender.goOffline(true);
  await assertRejects(() => poison, PublishError, "broke 3 times over it");
  assertEquals(forgotten, [1]);
  sender.goOnline(9);
  answers[1]();
  await next;
  assertEquals(published, ["poison", "next"]);
});

test("an answer shows that the oldest message is not the reason", () => {
  const { sender, send, answers, forgotten } = begin();
  ["a", "b"].map((text) => send(text).catch(() => {}));
  for (let i = 0; i < 4; i++) {
    sender.goOnline(9);
    sender.goOffline(true);
    if (i === 1) answers[1]();
  }
  assertEquals(forgotten, []);
});
