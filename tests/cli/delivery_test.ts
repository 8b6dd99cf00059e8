import { assertEquals } from "@std/assert";
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
import type { ChatMessage } from "../../lib/protocol.ts";
import { TestClock } from "../support/clock.ts";

/** A client that leaves the answers to the test. */
class FakeClient {
  readonly losing = Promise.withResolvers<Error>();
  readonly lost = this.losing.promise;
  readonly sent: string[] = [];
  readonly answers: PromiseWithResolvers<void>[] = [];
  ending = "";

  constructor(readonly answer?: (text: string) => Error | undefined) {}

  send(topic: string, payload: ChatMessage, qos: number): Promise<void> {
    const text = payload.message;
    this.sent.push(`${topic} ${payload.from} ${qos}: ${text}`);
    const answer = Promise.withResolvers<void>();
    this.answers.push(answer);
    const error = this.answer?.(text);
    if (error) answer.reject(error);
    else if (this.answer) answer.resolve();
    return answer.promise;
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

Deno.test("delivery: unanswered lines are counted, beside the first refusal", async () => {
  const { client, delivery, told, clock } = deliver();
  await delivery.pour(texts("a", "", "b", "c", "d"));
  const code = delivery.finish();
  // Each answer begins the time-out anew.
  await clock.advance(9_000);
  client.answers[0].reject(full());
  await clock.advance(9_000);
  client.answers[1].reject(new PublishError("Too large.", 0x95));
  await clock.advance(9_000);
  assertEquals(client.ending, "");
  await clock.advance(1_000);
  assertEquals(client.ending, "aborted");
  assertEquals(await code, 5);
  const first = "Line 1 was not sent. Quota exceeded.";
  assertEquals(told, [
    ...[first, "Line 3 was not sent. Too large."],
    "2 lines, 4 to 5, were not acknowledged and may or may not have arrived; " +
    `acknowledged: 0. ${first}`,
  ]);
});

/** What befalls a pipe: an answer to its next line, or none; a signal; its loss. */
type Fate = Error | "taken" | "silence" | "lost" | "no input" | Deno.Signal;

const GONE = "It is gone.";
const UNREAD = "Reading stdin failed: no such pipe.";
const UNANSWERED = "Line 1 was not acknowledged and may or may not have " +
  "arrived; acknowledged: 0.";
const stopped = (when: string) => `Stopped ${when}; the rest was not read.`;

/** One after the other, the exit code, and what is said, but of refusals. */
const FATES: [fates: Fate[], code: number, ...told: string[]][] = [
  [["SIGTERM"], 143, stopped("before line 1")],
  [["taken", "SIGHUP"], 129, stopped("after line 1")],
  [["taken", full(), "SIGINT"], 130, stopped("after line 2")],
  [["SIGINT", denied()], 130, stopped("after line 1")],
  [["SIGINT", "SIGTERM"], 130, stopped("before line 1")],
  [["SIGINT", "lost"], 130, GONE, stopped("before line 1")],
  [["lost"], 4, GONE],
  [["silence", "lost"], 5, GONE, UNANSWERED],
  [["lost", "SIGINT"], 4, GONE],
  [[full(), "lost"], 5, GONE],
  [["no input", "lost"], 4, UNREAD, GONE],
  [[full(), "no input"], 5, UNREAD],
  [[full(), denied()], 3],
  [[denied(), "lost"], 3, GONE],
  [[denied(), "SIGINT"], 3],
  [["taken", "no input"], 1, UNREAD],
  [["no input", "SIGINT"], 1, UNREAD],
];

Deno.test("delivery: of several reasons to fail one is the exit code", async () => {
  const { addSignalListener, removeSignalListener } = Deno;
  const listeners = new Map<Deno.Signal, () => void>();
  try {
    Deno.addSignalListener = (signal, listener) => {
      listeners.set(signal, listener);
    };
    Deno.removeSignalListener = (signal) => {
      listeners.delete(signal);
    };
    for (const [fates, code, ...sentences] of FATES) {
      const { client, delivery, told } = deliver();
      const answers = fates.map((fate) =>
        typeof fate !== "string" || fate === "taken" || fate === "silence"
      );
      const count = answers.filter(Boolean).length;
      let input!: ReadableStreamDefaultController<Line>;
      const lines = new ReadableStream<Line>({
        start: (controller) => {
          input = controller;
        },
      });
      texts(...Array(count).fill("a")).forEach((line) => input.enqueue(line));
      const poured = delivery.pour(lines);
      await settle();
      const unanswered = client.answers.values();
      for (const [index, fate] of fates.entries()) {
        const answer = answers[index] ? unanswered.next().value : undefined;
        if (fate === "taken") answer?.resolve();
        else if (typeof fate !== "string") answer?.reject(fate);
        else if (fate === "lost") {
          client.losing.resolve(new UnreachableError("It is gone."));
        } else if (fate === "no input") input.error(new Error("no such pipe"));
        else listeners.get(fate as Deno.Signal)?.();
        // Another signal may come in the same turn.
        if (fate !== "SIGINT") await settle();
      }
      await poured;
      // What comes later is not tried.
      if (!fates.includes("no input")) input.enqueue(texts("late")[0]);
      assertEquals(await delivery.finish(), code, fates.join());
      await settle();
      assertEquals(client.sent.length, count);
      const others = told.filter((it) => !it.includes("was not sent"));
      assertEquals(others, sentences, fates.join());
      assertEquals(
        client.ending,
        fates.includes("lost") ? "aborted" : "closed",
      );
      assertEquals(listeners.size, 0);
    }
  } finally {
    Object.assign(Deno, { addSignalListener, removeSignalListener });
  }
});

Deno.test("delivery: so many lines of a pipe are unanswered at most", async () => {
  for (const [qos, most] of [["0", 1_024], ["1", 256], ["2", 256]] as const) {
    const { client, delivery } = deliver(new FakeClient(), ["-q", qos]);
    const poured = delivery.pour(texts(...Array(most + 44).fill("a")));
    await settle();
    assertEquals(client.sent.length, most);
    // Any answer makes room for the next line.
    client.answers[1].resolve();
    await settle();
    assertEquals(client.sent.length, most + 1);
    client.answers[0].reject(full());
    for (let turn = 0; turn < 2; turn++) {
      for (const { resolve } of client.answers) resolve();
      await settle();
    }
    await poured;
    assertEquals(await delivery.finish(), 5);
    assertEquals(client.sent.length, most + 44);
  }
});

Deno.test("delivery: a long pipe shows how far it is, a short one doesn't", async () => {
  for (const seconds of [1, 4]) {
    const { delivery, clock } = deliver(obliging());
    const shown: string[] = [];
    delivery.showProgress({
      tell: (line) => shown.push(line),
      progress: (text) => shown.push(`[${text}]`),
    });
    const slower = async function* () {
      for (const count of [600, 600, 500, 400].slice(0, seconds)) {
        yield* texts(...Array(count).fill("a"));
        await clock.advance(1_000);
      }
    };
    await delivery.pour(slower());
    assertEquals(await delivery.finish(), 0);
    await clock.advance(10_000);
    assertEquals(
      shown,
      seconds === 1 ? [] : [
        "[1,200 lines acknowledged, 600 a second]",
        "[1,700 lines acknowledged, 500 a second]",
        "[2,100 lines acknowledged, 400 a second]",
        "[]",
        "2,100 lines acknowledged in 4 s.",
      ],
    );
  }
});
