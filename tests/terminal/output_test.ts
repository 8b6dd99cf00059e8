import { setImmediate } from "node:timers";
import { assertEquals } from "@std/assert";
import {
  type ByteSink,
  LineWriter,
  openStderr,
} from "../../lib/terminal/output.ts";

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

/** A writer to a sink that takes nothing until the test says so. */
function slow(maxWaiting?: number) {
  const sink = new SlowSink();
  const onDropped = (count: number) => `(${count} dropped)`;
  return { sink, writer: new LineWriter(sink, onDropped, maxWaiting) };
}

Deno.test("writer: what comes during a write goes out together", async () => {
  const { sink, writer } = slow();
  await writer.flushed();
  for (const line of ["a", "", "c"]) writer.write(line);
  assertEquals(sink.writes, ["a\n"]);
  await sink.answer();
  writer.write("d");
  assertEquals(sink.writes, ["a\n", "\nc\n"]);
  let isFlushed = false;
  const flushed = writer.flushed().then(() => isFlushed = true);
  await sink.answer();
  assertEquals([sink.writes.at(-1), isFlushed], ["d\n", false]);
  await sink.answer();
  await flushed;
  // A partial write is continued, to the byte.
  sink.writes.length = 0;
  writer.write("abc");
  await sink.answer(1);
  writer.write("d");
  for (const count of [2, 1, Infinity]) await sink.answer(count);
  assertEquals(sink.writes, ["abc\n", "bc\n", "\n", "d\n"]);
  await writer.flushed();
});

Deno.test("writer: lines count as written after their write, not before", async () => {
  const { sink, writer } = slow(20);
  const counts = () => [writer.added, writer.written, writer.isFull];
  const moved = writer.progress;
  for (const line of ["a", "b", "c"]) writer.write(line);
  assertEquals(counts(), [3, 0, false]);
  await sink.answer();
  await moved;
  assertEquals(counts(), [3, 1, false]);
  writer.write("x".repeat(10));
  assertEquals(counts(), [4, 1, false]);
  writer.write("x");
  assertEquals(counts(), [5, 1, true]);
  await sink.answer();
  assertEquals(counts(), [5, 3, false]);
  await sink.answer(new Deno.errors.BrokenPipe());
  writer.write("d");
  assertEquals(counts(), [6, 3, false]);
});

Deno.test("writer: a broken sink ends it, with an error unless the reader left", async () => {
  for (const error of [new Deno.errors.BrokenPipe(), new Error("full")]) {
    const { sink, writer } = slow();
    writer.write("a");
    writer.write("b");
    await sink.answer(error);
    const hasLeft = error instanceof Deno.errors.BrokenPipe;
    assertEquals(await writer.broken, hasLeft ? undefined : error);
    writer.write("c");
    await writer.refresh();
    await writer.flushed();
    assertEquals(sink.writes, ["a\n"]);
  }
});

Deno.test("writer: a blocked output drops the oldest lines that wait", async () => {
  const cases: [limit: number, lines: string[], then: string][] = [
    // Their line is where they were missed: before what is newer.
    [6, ["aa", "bb", "cc", "dd", "ee"], "(2 dropped)\ncc\ndd\nee\n"],
    [4, ["aa", "bb"], "aa\nbb\n"],
    [4, ["too long"], "(1 dropped)\n"],
    [
      20,
      Array.from({ length: 100_000 }, (_, i) => `line ${i}`),
      "(99998 dropped)\nline 99998\nline 99999\n",
    ],
  ];
  for (const [limit, lines, then] of cases) {
    const { sink, writer } = slow(limit);
    // What the output takes at once may be as long as it likes.
    writer.write("longer than the limit is");
    assertEquals(sink.writes, ["longer than the limit is\n"]);
    // Each blockage has a count of its own.
    for (let blockage = 0; blockage < 2; blockage++) {
      for (const line of lines) writer.write(line);
      await sink.answer();
      assertEquals(sink.writes.at(-1), then);
    }
    await sink.answer();
    await writer.flushed();
    assertEquals(sink.writes.length, 3);
  }
  // If none is given, the limit is 40 million letters.
  const { sink, writer } = slow();
  writer.write("under way");
  for (let count = 0; count < 40 + 3; count++) {
    writer.write("x".repeat(1024 * 1024 - 1));
  }
  while (writer.isBehind) await sink.answer();
  assertEquals(sink.writes[1].slice(0, 15), "(3 dropped)\nxxx");
  assertEquals(sink.writes.join("").length, 10 + 12 + 40 * 1024 * 1024);
});

Deno.test("writer: at the end it waits as long as something moves", async () => {
  const { sink, writer } = slow();
  assertEquals(await writer.drained(0.01), true);
  writer.write("a");
  assertEquals(await writer.drained(0.01), false);
  writer.write("b");
  const drained = writer.drained(20);
  await sink.answer();
  await sink.answer();
  assertEquals(await drained, true);
});

Deno.test("writer: what an output refuses is written later, once", async () => {
  let text = "";
  let room = 0;
  let refusals = 20;
  // As a non-blocking terminal, it takes at most 512 bytes as a whole or not at
  // all, and of more it takes a part and then fails without saying so.
  const writer = new LineWriter({
    write(bytes) {
      const part = new TextDecoder().decode(bytes);
      if (room < bytes.length && refusals-- > 0) {
        if (bytes.length > 512) text += part.slice(0, room);
        room += 300;
        throw new Deno.errors.WouldBlock();
      }
      room -= bytes.length;
      text += part;
      return bytes.length;
    },
  });
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i} of a flood`);
  for (const line of lines) writer.write(line);
  await writer.flushed();
  assertEquals(text.trimEnd().split("\n"), lines);
});

Deno.test("writer: what it takes for stderr goes out in small parts", async () => {
  const { write } = Deno.stderr;
  const parts: number[] = [];
  try {
    Deno.stderr.write = ({ length }) => {
      parts.push(length);
      return Promise.resolve(length);
    };
    const writer = new LineWriter(openStderr());
    writer.write("x".repeat(1_199));
    await writer.flushed();
  } finally {
    Deno.stderr.write = write;
  }
  assertEquals(parts, [512, 512, 176]);
});

Deno.test("writer: a full pipe is tried again in each turn with lines, and rarely without", async () => {
  const { setTimeout } = globalThis;
  const waits: number[] = [];
  let endWait = () => {};
  globalThis.setTimeout = ((callback: () => void, wait: number) => {
    waits.push(wait);
    endWait = callback;
  }) as typeof setTimeout;
  let tries = 0;
  let isFull = true;
  const parts: number[] = [];
  const writer = new LineWriter({
    isPipe: true,
    write(bytes) {
      tries++;
      if (isFull) throw new Deno.errors.WouldBlock();
      parts.push(bytes.length);
      return bytes.length;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  try {
    // A pipe that has taken some is tried soon when it is full again.
    for (const lines of [1, 3]) {
      tries = 0;
      isFull = true;
      for (let count = 1; count <= 100; count++) {
        for (let line = 0; line < lines; line++) writer.write("x".repeat(99));
        await turn();
        assertEquals(tries, count);
      }
      waits.length = 0;
      for (const wait of [1, 2, 4, 8, 16, 32, 64, 64]) {
        for (let count = 0; count < 10; count++) await turn();
        assertEquals(waits.splice(0), [wait]);
        endWait();
      }
      isFull = false;
      endWait();
      await writer.flushed();
      // What a pipe takes or refuses as a whole: POSIX's PIPE_BUF.
      const whole = Deno.build.os === "linux" ? 4096 : 512;
      assertEquals(Math.max(...parts), whole);
      const sum = parts.splice(0).reduce((sum, part) => sum + part);
      assertEquals(sum, lines * 10_000);
    }
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});
