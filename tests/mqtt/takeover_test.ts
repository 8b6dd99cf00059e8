import { assertEquals } from "@std/assert";
import { TakeoverWatch } from "../../lib/mqtt/takeover.ts";
import { pureTests } from "../support/pure.ts";

/** A connection that is lost after some seconds, again and again. */
function lose(
  watch: TakeoverWatch,
  times: number,
  { seconds = 1, kept = true, silent = true } = {},
) {
  for (let i = 0; i < times; i++) {
    watch.opened(kept, 0);
    watch.closed(silent, seconds * 1000);
  }
  return [watch.isPossible, watch.isWorthMentioning];
}

const test = pureTests("takeover");

test("possible after one silent loss, worth mentioning after five", () => {
  const watch = new TakeoverWatch(true);
  assertEquals([watch.isPossible, watch.isWorthMentioning], [false, false]);
  assertEquals(lose(watch, 1), [true, false]);
  assertEquals(lose(watch, 3), [true, false]);
  assertEquals(lose(watch, 1), [true, true]);
  assertEquals(lose(watch, 1), [true, false]); // once is enough
});

test("other explanations count", () => {
  const cases = [{ seconds: 10 }, { kept: false }, { silent: false }];
  for (const explanation of cases) {
    const watch = new TakeoverWatch(true);
    lose(watch, 4);
    assertEquals(lose(watch, 1, explanation), [false, false]);
  }
  const watch = new TakeoverWatch(true);
  lose(watch, 4);
  watch.failed();
  assertEquals(lose(watch, 1), [true, false]);
});

test("nobody else has a random id", () => {
  assertEquals(lose(new TakeoverWatch(false), 9), [false, false]);
});
