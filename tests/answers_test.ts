import { assertEquals } from "@std/assert";
import { Answers, answerTopicOf } from "../lib/answers.ts";
import type { Received, RollCall } from "../lib/protocol.ts";
import { TestClock } from "./support/clock.ts";

const RUN = "RXmlzNpZYNHo2V0d";
const ANSWERS = `chat/room/$who/${RUN}`;

Deno.test("answers: a question is of a room of the member, live, with a run", () => {
  const answersTo = (
    changes: Partial<Received> = {},
    call: Partial<RollCall> = {},
  ) =>
    answerTopicOf({
      ...{ topic: "chat/room/$who", whoOf: "chat/room", qos: 0, retain: false },
      ...{ receivedAt: new Date(0), duplicate: false },
      payload: { type: "who", name: "eve", id: `${RUN}-1`, ...call },
      ...changes,
    }, ["hall", "chat/room"]);
  assertEquals(answersTo(), ANSWERS);
  // Some brokers turn `/` into `.`.
  assertEquals(answersTo({ whoOf: "chat.room" }), ANSWERS);
  for (const changes of [{ retain: true }, { sealed: false }, { whoOf: "a" }]) {
    assertEquals(answersTo(changes), undefined);
  }
  for (const id of [undefined, "short-1"]) {
    assertEquals(answersTo({}, { id }), undefined);
  }
  assertEquals(answersTo({}, { type: "here" }), undefined);
});

/** A member whose answers are recorded; `fails` is their outcome. */
class Answering {
  readonly clock = new TestClock();
  readonly answers = new Answers(this.clock);
  readonly sent: string[] = [];
  name = "bot";
  online = true;
  fails = false;

  call(topic: string, { type, name }: RollCall): Promise<void> {
    this.sent.push(`${topic} ${type} ${name}`);
    return this.fails ? Promise.reject(new Error("no")) : Promise.resolve();
  }

  async asked(milliseconds = 1_000): Promise<string[]> {
    this.answers.answerSoon(ANSWERS, this, this);
    await this.clock.advance(milliseconds);
    return this.sent.splice(0);
  }
}

Deno.test("answers: within a second, under the name of then, one at a time", async () => {
  const bot = new Answering();
  for (let count = 0; count < 3; count++) {
    bot.answers.answerSoon(ANSWERS, bot, bot);
  }
  bot.name = "robot";
  assertEquals(await bot.asked(), [`${ANSWERS} here robot`]);
  assertEquals(bot.clock.nextIn, undefined);
  // None while offline, none after the end.
  bot.online = false;
  assertEquals(await bot.asked(2_000), []);
  bot.online = true;
  assertEquals((await bot.asked(2_000)).length, 1);
  bot.answers.answerSoon(ANSWERS, bot, bot);
  bot.answers.stop();
  assertEquals(bot.clock.nextIn, undefined);
});

Deno.test("answers: two failures in a row are the last", async () => {
  const bot = new Answering();
  for (const fails of [true, false, true, true]) {
    bot.fails = fails;
    assertEquals((await bot.asked(2_000)).length, 1);
  }
  assertEquals([bot.answers.isRefused, await bot.asked()], [true, []]);
});
