import { assertEquals } from "@std/assert";
import { parseBroker } from "../../lib/mqtt/address.ts";
import { Attempts } from "../../lib/mqtt/attempts.ts";
import type { Remedy } from "../../lib/mqtt/reasons.ts";
import { pureTests } from "../support/pure.ts";

const BROKERS = ["a", "b", "c"].map((host) => parseBroker(host));

/** Waits after failures, in seconds and without jitter. */
const waits = (attempts: Attempts, count: number, remedy: Remedy) =>
  Array.from({ length: count }, () => attempts.retryAfter(remedy, 0) / 1000);

const test = pureTests("attempts");

test("waits double from 1 s to 120 s with each round over all brokers", () => {
  const attempts = new Attempts(BROKERS.slice(0, 1), 5);
  const all = [1, 2, 4, 8, 16, 32, 64, 120, 120];
  assertEquals(waits(attempts, 9, "elsewhere"), all);
  const rounds = waits(new Attempts(BROKERS, 5), 7, "elsewhere");
  assertEquals(rounds, [1, 1, 1, 2, 2, 2, 4]);
  // Jitter takes up to a quarter off, in whole milliseconds.
  const wait = (random: number) =>
    new Attempts(BROKERS, 5).retryAfter("elsewhere", random);
  assertEquals([0, 1 / 3, 0.5, 1].map(wait), [1_000, 917, 875, 750]);
});

test("after a refusal, waits begin with 32 s", () => {
  for (const remedy of ["credentials", "trust", "certificate"] as const) {
    const attempts = new Attempts(BROKERS.slice(0, 1), 5);
    assertEquals(waits(attempts, 4, remedy), [32, 64, 120, 120]);
    // After a connection, a lesser failure is only that.
    attempts.lost(Infinity, false);
    assertEquals(waits(attempts, 2, "elsewhere"), [1, 2]);
    // The other brokers are not kept waiting.
    const several = new Attempts(BROKERS, 5);
    assertEquals(waits(several, 4, remedy), [1, 1, 32, 64]);
  }
});

test("each broker is tried in both versions, and may change its mind", () => {
  const attempts = new Attempts(BROKERS.slice(0, 2), "auto");
  const move = (remedy: Remedy) => [attempts.moveOn(remedy), attempts.version];
  assertEquals(move("close"), ["otherwise", 4]);
  assertEquals(move("close"), ["broker", 5]);
  assertEquals(move("version"), ["otherwise", 4]);
  attempts.accepted();
  assertEquals(move("version"), ["otherwise", 5]);
});

test("a round begins with the broker that accepted", () => {
  const attempts = new Attempts(BROKERS, 5);
  assertEquals(waits(attempts, 2, "elsewhere"), [1, 1]);
  attempts.accepted();
  assertEquals(waits(attempts, 5, "elsewhere"), [1, 1, 1, 2, 2]);
  assertEquals(attempts.broker, BROKERS[1]);
});

test("the waits begin anew after progress, or a connection of two waits", () => {
  for (const [stood, hasProgressed] of [[4_000, false], [0, true]] as const) {
    const attempts = new Attempts(BROKERS.slice(0, 1), 5);
    waits(attempts, 1, "elsewhere");
    attempts.lost(1_999, false);
    assertEquals(waits(attempts, 1, "elsewhere"), [2]);
    attempts.lost(3_999, false);
    assertEquals(waits(attempts, 1, "elsewhere"), [4]);
    attempts.lost(stood * 2, hasProgressed);
    assertEquals(waits(attempts, 2, "elsewhere"), [1, 2]);
  }
});
