import { assertEquals } from "@std/assert";
import { Ending } from "../../lib/terminal/signals.ts";
import { TestClock } from "../support/clock.ts";

/** Whether an end is hurried by signals, each with the time before it. */
async function isHurried(...signals: [after: number, Deno.Signal][]) {
  const clock = new TestClock();
  const ending = new Ending(clock);
  let isHurried = false;
  ending.hurried.then(() => isHurried = true);
  for (const [after, signal] of signals) {
    await clock.advance(after);
    ending.insist(signal);
  }
  await clock.advance(0);
  assertEquals(ending.signal, signals[0][1]);
  return isHurried;
}

Deno.test("signals: a second one hurries the end, the same one twice doesn't", async () => {
  assertEquals(await isHurried([0, "SIGTERM"]), false);
  assertEquals(await isHurried([500, "SIGTERM"], [100, "SIGTERM"]), false);
  assertEquals(await isHurried([0, "SIGTERM"], [101, "SIGTERM"]), true);
  const one = [60, "SIGTERM"] as [number, Deno.Signal];
  assertEquals(await isHurried(one, one, one), true);
  assertEquals(await isHurried([0, "SIGINT"], [0, "SIGTERM"]), true);
});

Deno.test("signals: where the end has begun otherwise, the first one hurries", async () => {
  const ending = new Ending(new TestClock());
  ending.begin();
  ending.insist("SIGINT");
  await ending.hurried;
  assertEquals(ending.signal, undefined);
});
