import { assert, assertEquals } from "@std/assert";
import { batchWrites } from "../../lib/mqtt/batched_writes.ts";
import { openBroker } from "../support/brokers.ts";
import { Member } from "../support/members.ts";

/** A stream that only takes bytes. */
class FakeStream {
  readonly written: unknown[] = [];
  hasEnded = false;
  writableNeedDrain = false;
  cork? = () => {};
  write(part: Uint8Array | string): boolean {
    this.written.push(part);
    return true;
  }
  end(): void {
    this.hasEnded = true;
  }
  /** All of it; fails where something is no copy, or text. */
  get text(): string {
    return this.written.map((part) => {
      assert(part instanceof Uint8Array, `${typeof part}`);
      return new TextDecoder().decode(part);
    }).join("");
  }
}

/** The end of the turn of the event loop. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("batch: what is written in a turn goes out as one", async () => {
  const stream = new FakeStream();
  batchWrites(stream);
  const shared = new Uint8Array([0x61]);
  stream.write(shared);
  shared[0] = 0x62;
  stream.write(shared);
  stream.write("ü");
  assertEquals(stream.written, []);
  await turn();
  assertEquals([stream.written.length, stream.text], [1, "abü"]);
  stream.write("c");
  await turn();
  assertEquals([stream.written.length, stream.text], [2, "abüc"]);
  assertEquals(stream.cork, undefined);
});

Deno.test("batch: large parts keep their place, and are bytes", async () => {
  for (const length of [5_000, 16_384, 16_385, 65_536, 200_000]) {
    const stream = new FakeStream();
    batchWrites(stream);
    const large = "ü".repeat(length / 2);
    stream.write("a");
    stream.write(large);
    stream.write("b");
    stream.write(new TextEncoder().encode(large));
    stream.write("c");
    await turn();
    assert(stream.text === `a${large}b${large}c`, `${length}`);
  }
});

Deno.test("batch: an end waits for nothing, and comes last", () => {
  const stream = new FakeStream();
  batchWrites(stream);
  stream.write("good-bye");
  stream.end();
  assertEquals([stream.text, stream.hasEnded], ["good-bye", true]);
});

Deno.test("batch: the stream's wish to wait is passed on", () => {
  const stream = new FakeStream();
  batchWrites(stream);
  assertEquals(stream.write("a"), true);
  stream.writableNeedDrain = true;
  assertEquals(stream.write("b"), false);
});

Deno.test("batch: messages of every size arrive whole", async () => {
  await using broker = await openBroker();
  await using ann = await Member.connect(broker);
  await using bob = await Member.connect(broker);
  await bob.client.join(["chat/room"]);
  const texts = Array.from(
    { length: 60 },
    (_, i) => "x".repeat((i * 9_973) % 65_000) + i,
  );
  await Promise.all(texts.map((text) => ann.say(text, "chat/room")));
  assertEquals(await bob.texts(texts.length), texts);
});
