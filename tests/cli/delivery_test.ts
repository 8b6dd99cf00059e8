import { assertEquals, assertMatch } from "@std/assert";
import {
  AbandonedError,
  type ChatClient,
  PublishError,
  UnreachableError,
} from "../../lib/client.ts";
import { Delivery } from "../../lib/cli/delivery.ts";
import type { Line } from "../../lib/terminal/input.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "../../lib/cli/options.ts";
import { encode, type Payload } from "../../lib/protocol.ts";
import { TestClock } from "../support/clock.ts";

/** A client that leaves the answers to the test. */
class FakeClient {
  readonly #lost = Promise.withResolvers<Error>();
  readonly lost = this.#lost.promise;
  readonly sent: string[] = [];
  readonly answers: PromiseWithResolvers<void>[] = [];
  ending = "";

  constructor(readonly answer?: (text: string) => Error | undefined) {}

  send(topic: string, payload: Payload, qos: number): Promise<void> {
    const text = payload.type === "message" ? payload.message : payload.notice;
    this.sent.push(`${topic} ${payload.type} ${payload.from} ${qos}: ${text}`);
    const answer = Promise.withResolvers<void>();
    this.answers.push(answer);
    if (this.answer) {
      const error = this.answer(text);
      if (error) answer.reject(error);
      else answer.resolve();
    }
    return answer.promise;
  }

  lose(error: Error): void {
    this.#lost.resolve(error);
  }

  close(): Promise<void> {
    this.ending = "closed";
    return Promise.resolve();
  }

  abort(): void {
    this.ending = "aborted";
    for (const { reject } of this.answers) {
      reject(new AbandonedError("No answer."));
    }
  }
}

/** A delivery through a fake client, and what it reports. */
function deliver(client = new FakeClient(), args: string[] = []) {
  const request = parsePublisherArgs(["-t", "room", "-n", "ann", ...args]);
  const { options } = request as { options: PublisherOptions };
  const told: string[] = [];
  const clock = new TestClock();
  const delivery = new Delivery(
    // Only what a delivery uses of it is there.
    client as unknown as ChatClient,
    options,
    (sentence) => told.push(sentence),
    clock,
  );
  return { client, delivery, told, clock };
}

const texts = (...texts: string[]): Line[] =>
  texts.map((text) => ({ type: "text", text }));

const denied = () => new PublishError("Not authorized.", 0x87);
const full = () => new PublishError("Quota exceeded.", 0x97);

const obliging = () => new FakeClient(() => undefined);

const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("delivery: every line is sent, in order, as asked for", async () => {
  const { client, delivery, told } = deliver(obliging(), ["-q", "2"]);
  await delivery.pour(texts("a", "", "b", " "));
  assertEquals(await delivery.finish(), 0);
  assertEquals(client.sent, [
    "room message ann 2: a",
    "room message ann 2: b",
    "room message ann 2:  ",
  ]);
  assertEquals([client.ending, told], ["closed", []]);
});

Deno.test("delivery: a line that can't be sent is named, the rest goes on", async () => {
  const client = new FakeClient((text) => {
    if (text === "full") return full();
    try {
      encode({ type: "message", from: "ann", message: text });
    } catch (error) {
      return error as Error;
    }
  });
  const { delivery, told } = deliver(client);
  await delivery.pour([
    ...texts("a", ""),
    { type: "too long", bytes: 70_000 },
    { type: "not UTF-8" },
    ...texts("full", "x".repeat(65_500), "b"),
  ]);
  assertEquals(await delivery.finish(), 5);
  assertEquals(told.length, 4);
  assertMatch(told[0], /^Line 3 was not sent\. It takes 70000 bytes.* 65536/);
  assertMatch(told[1], /^Line 4 was not sent\. It is not UTF-8/);
  assertMatch(told[2], /^Line 5 was not sent\. Quota exceeded\.$/);
  assertMatch(
    told[3],
    /^Line 6 was not sent\. The message takes 655\d\d bytes/,
  );
  assertEquals(client.sent.at(-1), "room message ann 1: b");
  assertEquals(client.ending, "closed");
});

Deno.test("delivery: without the right to write, no further line is tried", async () => {
  const { client, delivery, told } = deliver(new FakeClient(denied));
  async function* slowly() {
    for (const line of texts("a", "b", "c")) {
      yield line;
      await settle();
    }
  }
  await delivery.pour(slowly());
  assertEquals(await delivery.finish(), 3);
  for (let turn = 0; turn < 3; turn++) await settle();
  assertEquals(client.sent.length, 1);
  assertEquals(told, ["Line 1 was not sent. Not authorized."]);
});

Deno.test("delivery: a denied line counts for the exit code before all else", async () => {
  const errors = [full(), denied()];
  const { delivery } = deliver(new FakeClient(() => errors.shift()));
  await delivery.pour(texts("a", "b"));
  assertEquals(await delivery.finish(), 3);
});

Deno.test("delivery: a line typed at the prompt may be denied, the next is sent", async () => {
  const errors = [denied()];
  const client = new FakeClient(() => errors.shift());
  const { delivery, told } = deliver(client);
  const [a, b] = texts("a", "b");
  assertEquals(await delivery.send(a, "hall", "Ann"), false);
  assertEquals(await delivery.send(b, "hall", "Ann"), true);
  delivery.refuse(new Error("You are still in room."));
  assertEquals(client.sent, [
    "hall message Ann 1: a",
    "hall message Ann 1: b",
  ]);
  assertEquals(told, [
    "Line 1 was not sent. Not authorized.",
    "Line 3 was not sent. You are still in room.",
  ]);
  assertEquals(delivery.hasStopped, false);
  assertEquals(await delivery.finish(), 3);
});

Deno.test("delivery: unanswered lines are counted, beside the first refusal", async () => {
  for (const refusal of ["", "Line 1 was not sent. Quota exceeded."]) {
    const { client, delivery, told, clock } = deliver();
    await delivery.pour(texts("a", "", "b", "c"));
    const code = delivery.finish();
    // Each answer begins the time-out anew.
    await clock.advance(9_000);
    if (refusal) client.answers[0].reject(full());
    else client.answers[0].resolve();
    await clock.advance(9_000);
    assertEquals(client.ending, "");
    await clock.advance(1_000);
    assertEquals(await code, 5);
    assertEquals(client.ending, "aborted");
    const count = "2 lines, 3 to 4, were not acknowledged and may or may not " +
      "have arrived; acknowledged: ";
    assertEquals(
      told,
      refusal ? [refusal, `${count}0. ${refusal}`] : [`${count}1.`],
    );
  }
});

Deno.test("delivery: a single message has no line number", async () => {
  for (const args of [["-m", "a"], ["--stdin-file"]]) {
    const one = deliver(new FakeClient(), args);
    await one.delivery.pour(texts("a"));
    const code = one.delivery.finish();
    await one.clock.advance(10_000);
    assertEquals(await code, 5);
    assertEquals(one.told, [
      "The message was not acknowledged; it may or may not have arrived.",
    ]);
    const two = deliver(new FakeClient(denied), args);
    await two.delivery.pour(texts("a"));
    assertEquals(await two.delivery.finish(), 3);
    assertEquals(two.told, ["The message was not sent. Not authorized."]);
  }
});

Deno.test("delivery: a connection lost for good ends it", async () => {
  const { client, delivery, told } = deliver();
  const endless = new ReadableStream<Line>({
    start: (controller) => controller.enqueue(texts("a")[0]),
  });
  const poured = delivery.pour(endless);
  await settle();
  client.answers[0].reject(new AbandonedError("No answer."));
  client.lose(new UnreachableError("The broker is gone."));
  await poured;
  assertEquals(await delivery.finish(), 5);
  assertEquals([client.ending, client.sent.length], ["aborted", 1]);
  assertEquals(told[0], "The broker is gone.");
  assertMatch(told[1], /^Line 1 was not acknowledged and may or may not have /);
});

Deno.test("delivery: with no line unanswered, the lost connection counts", async () => {
  const { client, delivery, told } = deliver();
  const poured = delivery.pour(new ReadableStream<Line>());
  client.lose(new UnreachableError("The broker is gone."));
  await poured;
  assertEquals(await delivery.finish(), 4);
  assertEquals(told, ["The broker is gone."]);
});

Deno.test("delivery: what was read before the input failed is sent", async () => {
  const { client, delivery, told } = deliver(obliging());
  async function* broken(): AsyncGenerator<Line> {
    yield { type: "text", text: "one" };
    await settle();
    throw new Error("no such pipe");
  }
  await delivery.pour(broken());
  assertEquals(await delivery.finish(), 1);
  assertEquals(client.sent, ["room message ann 1: one"]);
  assertEquals(told, ["Reading stdin failed: no such pipe."]);
});

Deno.test("delivery: at most 256 lines of a pipe are unanswered", async () => {
  const { client, delivery } = deliver();
  const poured = delivery.pour(texts(...Array(300).fill("a")));
  await settle();
  assertEquals(client.sent.length, 256);
  // Any answer makes room for the next line.
  client.answers[1].resolve();
  await settle();
  assertEquals(client.sent.length, 257);
  client.answers[0].reject(full());
  for (const { resolve } of client.answers) resolve();
  await settle();
  for (const { resolve } of client.answers) resolve();
  await poured;
  assertEquals(await delivery.finish(), 5);
  assertEquals(client.sent.length, 300);
});

Deno.test("delivery: at QoS 0 at most 1,024 lines are unconfirmed", async () => {
  const { client, delivery } = deliver(new FakeClient(), ["-q", "0"]);
  const poured = delivery.pour(texts(...Array(1_030).fill("a")));
  await settle();
  assertEquals(client.sent.length, 1_024);
  for (const { resolve } of client.answers) resolve();
  await settle();
  for (const { resolve } of client.answers) resolve();
  await poured;
  assertEquals([client.sent.length, await delivery.finish()], [1_030, 0]);
});

Deno.test("delivery: a long pipe shows how far it is, a short one doesn't", async () => {
  for (const seconds of [1, 4]) {
    const { delivery, clock } = deliver(obliging());
    const shown: string[] = [];
    delivery.showProgress({
      tell: (line) => shown.push(line),
      progress: (text) => shown.push(`[${text}]`),
    });
    const slowly = async function* () {
      for (let second = 0; second < seconds; second++) {
        yield* Array.from({ length: 600 }, () => texts("a")[0]);
        await clock.advance(1_000);
      }
    };
    await delivery.pour(slowly());
    assertEquals(await delivery.finish(), 0);
    await clock.advance(10_000);
    assertEquals(
      shown,
      seconds === 1 ? [] : [
        "[1,200 lines acknowledged, 600 a second]",
        "[1,800 lines acknowledged, 600 a second]",
        "[2,400 lines acknowledged, 600 a second]",
        "[]",
        "2,400 lines acknowledged in 4 s.",
      ],
    );
  }
});
