import { assertEquals } from "@std/assert";
import { SelfTest } from "../../lib/room/self_test.ts";

/** A wait that ends when the test says so. */
interface Wait {
  milliseconds: number;
  then: () => void;
  isStopped: boolean;
}

/** A self-test of some rooms, its waits, and the rooms found silent. */
function begin(...rooms: string[]) {
  const waits: Wait[] = [];
  const silent: string[] = [];
  const selfTest = new SelfTest({
    rooms,
    onSilent: (topic) => silent.push(topic),
    wait(milliseconds, then) {
      const wait = { milliseconds, then, isStopped: false };
      waits.push(wait);
      return () => wait.isStopped = true;
    },
  });
  return { selfTest, waits, silent };
}

/** A test without any permission. */
const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name: `self-test: ${name}`, permissions: "none", fn });

test("what comes back first needs no wait", () => {
  const { selfTest, waits } = begin("a");
  selfTest.heard("a");
  selfTest.acknowledged("a", 1);
  assertEquals(waits, []);
  assertEquals(selfTest.hasFailed, false);
});

test("what comes back within the wait is no alarm", () => {
  const { selfTest, waits, silent } = begin("a");
  selfTest.acknowledged("a", 1);
  selfTest.heard("a");
  waits[0].then();
  assertEquals([silent, selfTest.hasFailed], [[], false]);
});

test("an acknowledgement without an echo is told, once", () => {
  const { selfTest, waits, silent } = begin("a");
  selfTest.acknowledged("a", 1);
  assertEquals([silent, selfTest.hasFailed], [[], false]);
  waits[0].then();
  assertEquals([silent, selfTest.hasFailed], [["a"], true]);
  selfTest.acknowledged("a", 1); // after a reconnect
  assertEquals([silent, waits.length], [["a"], 1]);
});

test("without an acknowledgement nothing is due", () => {
  const { selfTest, waits } = begin("a");
  assertEquals([waits, selfTest.hasFailed], [[], false]);
});

test("a slow broker has more time", () => {
  const { selfTest, waits } = begin("a", "b", "c", "d");
  selfTest.acknowledged("a", 0);
  selfTest.acknowledged("b", 500);
  selfTest.acknowledged("c", 501);
  selfTest.acknowledged("d", 3_000);
  const times = waits.map(({ milliseconds }) => milliseconds);
  assertEquals(times, [5_000, 5_000, 5_010, 30_000]);
});

test("it has failed when every room is silent, not some", () => {
  const { selfTest, waits, silent } = begin("a", "b");
  for (const room of ["a", "b"]) selfTest.acknowledged(room, 1);
  waits[1].then();
  assertEquals([silent, selfTest.hasFailed], [["b"], false]);
  waits[0].then();
  assertEquals([silent, selfTest.hasFailed], [["b", "a"], true]);
  selfTest.heard("a"); // very late, but it can be read
  assertEquals(selfTest.hasFailed, false);
});

test("no rooms, no failure", () => {
  const { selfTest, waits } = begin();
  selfTest.acknowledged("a", 1);
  selfTest.heard("a");
  assertEquals([waits, selfTest.hasFailed], [[], false]);
});

test("once stopped, it waits for nothing, until the next notice", () => {
  const { selfTest, waits, silent } = begin("a", "b");
  for (const room of ["a", "b"]) selfTest.acknowledged(room, 1);
  selfTest.stop();
  assertEquals(waits.map(({ isStopped }) => isStopped), [true, true]);
  selfTest.acknowledged("a", 1);
  assertEquals(waits[2].isStopped, false);
  waits[2].then();
  assertEquals(silent, ["a"]);
});

test("its own clock can be stopped", () => {
  const silent: string[] = [];
  const onSilent = (topic: string) => silent.push(topic);
  const selfTest = new SelfTest({ rooms: ["a"], onSilent });
  selfTest.acknowledged("a", 1);
  selfTest.stop(); // a timer that went on would fail this test
  assertEquals(silent, []);
});
