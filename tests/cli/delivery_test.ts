import { assertEquals, assertMatch } from "@std/assert";
import {
  AbandonedError,
  type ChatClient,
  PublishError,
} from "../../lib/client.ts";
import { Delivery, Ledger } from "../../lib/cli/delivery.ts";
import { UnreachableError } from "../../lib/client.ts";
import type { Line } from "../../lib/terminal/input.ts";
import {
  parsePublisherArgs,
  type PublisherOptions,
} from "../../lib/cli/options.ts";
import { encode, type Payload } from "../../lib/protocol.ts";

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
      reject(new AbandonedError("Nobody answered."));
    }
  }
}

/** The delivery through a fake client, and what it tells people. */
function deliver(
  client: FakeClient,
  { args = [], window }: { args?: string[]; window?: number } = {},
): { delivery: Delivery; told: string[] } {
  const request = parsePublisherArgs(["-t", "room", "-n", "ann", ...args]);
  const { options } = request as { options: PublisherOptions };
  const told: string[] = [];
  const delivery = new Delivery(
    // Only what a delivery uses of it is there.
    client as unknown as ChatClient,
    options,
    (sentence) => told.push(sentence),
    window,
  );
  return { delivery, told };
}

const texts = (...texts: string[]): Line[] =>
  texts.map((text) => ({ type: "text", text }));

const denied = () => new PublishError("Not authorized.", 0x87);
const full = () => new PublishError("Quota exceeded.", 0x97);

/** Ends the microtasks that are due. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("delivery: every line, in order, as asked for", async () => {
  const client = new FakeClient(() => undefined);
  const { delivery, told } = deliver(client, { args: ["-q", "2"] });
  await delivery.pour(texts("a", "", "b", " "));
  assertEquals(await delivery.finish(), 0);
  assertEquals(client.sent, [
    "room message ann 2: a",
    "room message ann 2: b",
    "room message ann 2:  ",
  ]);
  assertEquals([client.ending, told], ["closed", []]);
});

Deno.test("delivery: what can't be sent is named, the rest goes on", async () => {
  const client = new FakeClient((text) => {
    if (text === "full") return full();
    try {
      encode({ type: "message", from: "ann", message: text });
    } catch (error) {
      return error as Error;
    }
  });
  const { delivery, told } = deliver(client);
  const settled: boolean[] = [];
  await delivery.pour([
    ...texts("a", ""),
    { type: "too long", bytes: 70_000 },
    { type: "not UTF-8" },
    ...texts("full", "x".repeat(65_500), "b"),
  ], (isSent) => settled.push(isSent));
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
  assertEquals(settled, [true, false, false, true]);
  assertEquals(client.ending, "closed");
});

Deno.test("delivery: without rights to write, nothing more is tried", async () => {
  const client = new FakeClient(denied);
  const { delivery, told } = deliver(client);
  const lines = Iterator.from(texts("a", "b", "c"));
  async function* slowly() {
    for (const line of lines) {
      yield line;
      await settle();
    }
  }
  await delivery.pour(slowly(), () => delivery.isDenied && delivery.stop());
  assertEquals(await delivery.finish(), 3);
  assertEquals(client.sent.length, 1);
  assertEquals(told, ["Line 1 was not sent. Not authorized."]);
});

Deno.test("delivery: the lines that nobody answered are counted", async () => {
  const client = new FakeClient();
  const { delivery, told } = deliver(client, { args: ["--timeout", "0.01"] });
  await delivery.pour(texts("a", "", "b", "c"));
  client.answers[0].resolve();
  assertEquals(await delivery.finish(), 5);
  assertEquals(client.ending, "aborted");
  assertEquals(told, [
    "2 lines, 3 to 4, were not acknowledged and may or may not have " +
    "arrived; acknowledged: 1.",
  ]);
});

Deno.test("delivery: of one message it speaks without numbers", async () => {
  const silent = new FakeClient();
  const one = deliver(silent, { args: ["-m", "a", "--timeout", "0.01"] });
  await one.delivery.pour(texts("a"));
  assertEquals(await one.delivery.finish(), 5);
  assertEquals(one.told, [
    "The message was not acknowledged; it may or may not have arrived.",
  ]);
  const two = deliver(new FakeClient(denied), { args: ["-m", "a"] });
  await two.delivery.pour(texts("a"));
  assertEquals(await two.delivery.finish(), 3);
  assertEquals(two.told, ["The message was not sent. Not authorized."]);
});

Deno.test("delivery: a connection lost for good ends it", async () => {
  const client = new FakeClient();
  const { delivery, told } = deliver(client);
  const endless = new ReadableStream<Line>({
    start: (controller) => controller.enqueue(texts("a")[0]),
  });
  const poured = delivery.pour(endless);
  await settle();
  client.answers[0].reject(new AbandonedError("Nobody answered."));
  client.lose(new UnreachableError("The broker is gone."));
  await poured;
  assertEquals(await delivery.finish(), 5);
  assertEquals([client.ending, client.sent.length], ["aborted", 1]);
  assertEquals(told[0], "The broker is gone.");
  assertMatch(told[1], /^Line 1 was not acknowledged and may or may not have /);
});

Deno.test("delivery: lost with nothing pending, it is the loss that counts", async () => {
  const client = new FakeClient();
  const { delivery, told } = deliver(client);
  const poured = delivery.pour(new ReadableStream<Line>());
  client.lose(new UnreachableError("The broker is gone."));
  await poured;
  assertEquals(await delivery.finish(), 4);
  assertEquals(told, ["The broker is gone."]);
});

Deno.test("delivery: the input may fail, and what was read counts", async () => {
  const client = new FakeClient(() => undefined);
  const { delivery, told } = deliver(client);
  async function* broken(): AsyncGenerator<Line> {
    yield { type: "text", text: "one" };
    await settle();
    throw new Error("no such pipe");
  }
  await delivery.pour(broken());
  assertEquals(await delivery.finish(), 1);
  assertEquals(client.sent, ["room message ann 1: one"]);
  assertEquals(told, ["The input could not be read on: no such pipe."]);
});

Deno.test("delivery: no more than the window is unanswered", async () => {
  const client = new FakeClient();
  const { delivery, told } = deliver(client, { window: 2 });
  const settled: boolean[] = [];
  const lines = texts("a", "b", "c");
  const poured = delivery.pour(lines, (isSent) => settled.push(isSent));
  await settle();
  assertEquals([client.sent.length, settled], [2, []]);
  client.answers[1].resolve();
  await settle();
  assertEquals([client.sent.length, settled], [3, [true]]);
  client.answers[0].reject(full());
  client.answers[2].resolve();
  await poured;
  assertEquals(await delivery.finish(), 5);
  assertEquals(settled, [true, false, true]);
  assertEquals(told, ["Line 1 was not sent. Quota exceeded."]);
});

Deno.test("ledger: as long as something moves, it is waited for", async () => {
  const ledger = new Ledger(() => {});
  const answers = [1, 2, 3].map(() => Promise.withResolvers<void>());
  for (const [index, { promise }] of answers.entries()) {
    ledger.add(index + 1, promise);
  }
  const settled = ledger.settled(100);
  for (const { resolve } of answers) {
    await settle();
    resolve();
  }
  assertEquals(await settled, true);
  const { promise, resolve } = Promise.withResolvers<void>();
  ledger.add(4, promise);
  assertEquals(await ledger.settled(0.001), false);
  resolve();
});

Deno.test("ledger: exit codes, from what went wrong", () => {
  const conclude = (errors: Error[], lost?: Error) => {
    const ledger = new Ledger(() => {});
    for (const error of errors) ledger.fail(1, error);
    return ledger.conclude(lost);
  };
  const gone = new UnreachableError("gone");
  const silence = new AbandonedError("x");
  assertEquals(conclude([]), 0);
  assertEquals(conclude([silence]), 5);
  assertEquals(conclude([full()]), 5);
  assertEquals(conclude([denied(), full(), silence]), 3);
  assertEquals(conclude([], gone), 4);
  assertEquals(conclude([silence], gone), 5);
});
