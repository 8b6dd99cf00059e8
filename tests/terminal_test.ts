import { assertEquals } from "@std/assert";
import { type ByteSink, LineWriter } from "../lib/terminal.ts";

/** A sink whose writes end when the test says so. */
class SlowSink implements ByteSink {
  /** What each write was asked to write. */
  readonly writes: string[] = [];
  #answers: ((count: number | Error) => void)[] = [];

  write(bytes: Uint8Array): Promise<number> {
    this.writes.push(new TextDecoder().decode(bytes));
    return new Promise((resolve, reject) =>
      this.#answers.push((count) =>
        typeof count === "number"
          ? resolve(Math.min(count, bytes.length))
          : reject(count)
      )
    );
  }

  /** Ends the write that is under way: how much it wrote, or why it failed. */
  async answer(count: number | Error = Infinity): Promise<void> {
    this.#answers.shift()!(count);
    // The writer goes on a few microtasks later; a timer's turn is after them.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("writer: a single line goes out at once", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  await writer.flushed();
  writer.write("a");
  assertEquals(sink.writes, ["a\n"]);
  await sink.answer();
  await writer.flushed();
  writer.write("");
  assertEquals(sink.writes, ["a\n", "\n"]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: what comes during a write goes out together", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  for (const line of ["a", "b", "c"]) writer.write(line);
  assertEquals(sink.writes, ["a\n"]);
  await sink.answer();
  writer.write("d");
  assertEquals(sink.writes, ["a\n", "b\nc\n"]);
  await sink.answer();
  assertEquals(sink.writes, ["a\n", "b\nc\n", "d\n"]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: a partial write is continued, to the byte", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  writer.write("abc");
  await sink.answer(1);
  writer.write("d");
  await sink.answer(2);
  assertEquals(sink.writes, ["abc\n", "bc\n", "\n"]);
  await sink.answer();
  assertEquals(sink.writes.slice(3), ["d\n"]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: flushed waits for all that was taken", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  let isFlushed = false;
  writer.write("a");
  writer.write("b");
  const flushed = writer.flushed().then(() => isFlushed = true);
  await sink.answer();
  assertEquals(isFlushed, false);
  await sink.answer();
  await flushed;
});

Deno.test("writer: a broken sink ends it, quietly", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  writer.write("a");
  writer.write("b");
  await sink.answer(new Deno.errors.BrokenPipe());
  await writer.broken;
  writer.write("c");
  await writer.flushed();
  assertEquals(sink.writes, ["a\n"]);
});
