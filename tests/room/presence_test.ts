import { assertEquals } from "@std/assert";
import { EchoCheck } from "../../lib/room/presence.ts";
import { pureTests } from "../support/pure.ts";

/** A wait that ends when the test says so. */
interface Wait {
  milliseconds: number;
  then: () => void;
  isStopped: boolean;
}

/** An echo check of some rooms, its waits, and the rooms found silent. */
function begin(...rooms: string[]) {
  const waits: Wait[] = [];
  const silent: string[] = [];
  const echoes = new EchoCheck({
    rooms,
    onSilent: (topic) => silent.push(topic),
    wait(milliseconds, then) {
      const wait = { milliseconds, then, isStopped: false };
      waits.push(wait);
      return () => wait.isStopped = true;
    },
  });
  return { echoes, waits, silent };
}

const test = pureTests("echoes");

test("what comes back first needs no wait", () => {
  const { echoes, waits } = begin("a");
  echoes.heard("a");
  echoes.acknowledged("a", 1);
  assertEquals(waits, []);
  assertEquals(echoes.hasFailed, false);
});

test("what comes back within the wait is no alarm", () => {
  const { echoes, waits, silent } = begin("a");
  echoes.acknowledged("a", 1);
  echoes.heard("a");
  waits[0].then();
  assertEquals([silent, echoes.hasFailed], [[], false]);
});

test("an acknowledgement without an echo is told, once", () => {
  const { echoes, waits, silent } = begin("a");
  echoes.acknowledged("a", 1);
  assertEquals([silent, echoes.hasFailed], [[], false]);
  waits[0].then();
  assertEquals([silent, echoes.hasFailed], [["a"], true]);
  echoes.acknowledged("a", 1); // after a reconnect
  assertEquals([silent, waits.length], [["a"], 1]);
});

test("without an acknowledgement nothing is due", () => {
  const { echoes, waits } = begin("a");
  assertEquals([waits, echoes.hasFailed], [[], false]);
});

test("a slow broker has more time", () => {
  const { echoes, waits } = begin("a", "b", "c", "d");
  echoes.acknowledged("a", 0);
  echoes.acknowledged("b", 500);
  echoes.acknowledged("c", 501);
  echoes.acknowledged("d", 3_000);
  const times = waits.map(({ milliseconds }) => milliseconds);
  assertEquals(times, [5_000, 5_000, 5_010, 30_000]);
});

test("it has failed when every room is silent, not some", () => {
  const { echoes, waits, silent } = begin("a", "b");
  for (const room of ["a", "b"]) echoes.acknowledged(room, 1);
  waits[1].then();
  assertEquals([silent, echoes.hasFailed], [["b"], false]);
  waits[0].then();
  assertEquals([silent, echoes.hasFailed], [["b", "a"], true]);
  echoes.heard("a"); // very late, but it can be read
  assertEquals(echoes.hasFailed, false);
});

test("no rooms, no failure", () => {
  const { echoes, waits } = begin();
  echoes.acknowledged("a", 1);
  echoes.heard("a");
  assertEquals([waits, echoes.hasFailed], [[], false]);
});

test("once stopped, it waits for nothing, until the next notice", () => {
  const { echoes, waits, silent } = begin("a", "b");
  for (const room of ["a", "b"]) echoes.acknowledged(room, 1);
  echoes.stop();
  assertEquals(waits.map(({ isStopped }) => isStopped), [true, true]);
  echoes.acknowledged("a", 1);
  assertEquals(waits[2].isStopped, false);
  waits[2].then();
  assertEquals(silent, ["a"]);
});

test("its own clock can be stopped", () => {
  const silent: string[] = [];
  const onSilent = (topic: string) => silent.push(topic);
  const echoes = new EchoCheck({ rooms: ["a"], onSilent });
  echoes.acknowledged("a", 1);
  echoes.stop(); // a timer that went on would fail this test
  assertEquals(silent, []);
});
