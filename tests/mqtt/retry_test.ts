import { assertEquals } from "@std/assert";
import { retryDelay } from "../../lib/mqtt/retry.ts";
import { pureTests } from "../support/pure.ts";

const test = pureTests("retry");

test("a second, doubling to two minutes", () => {
  const seconds = Array.from(
    { length: 9 },
    (_, failures) => retryDelay(failures, 0) / 1000,
  );
  assertEquals(seconds, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
  assertEquals(retryDelay(5_000, 0), 120_000);
});

test("less up to a quarter, in whole milliseconds", () => {
  assertEquals(retryDelay(0, 1), 750);
  assertEquals(retryDelay(0, 0.5), 875);
  assertEquals(retryDelay(20, 1), 90_000);
  assertEquals(retryDelay(0, 1 / 3), 917);
});
