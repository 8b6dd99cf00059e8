import { assertEquals } from "@std/assert";
import { type ByteSink, LineWriter } from "../../lib/terminal/output.ts";
import { gate, isInstalled } from "../support/gates.ts";

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

Deno.test("writer: lines count as written after their write, not before", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink, String, 20);
  const counts = () => [writer.added, writer.written, writer.isFull];
  const moved = writer.progress;
  for (const line of ["a", "b", "c"]) writer.write(line);
  assertEquals(counts(), [3, 0, false]);
  await sink.answer();
  await moved;
  assertEquals(counts(), [3, 1, false]);
  writer.write("x".repeat(11));
  assertEquals(counts(), [4, 1, true]);
  await sink.answer();
  assertEquals(counts(), [4, 3, false]);
  await sink.answer(new Deno.errors.BrokenPipe());
  writer.write("d");
  assertEquals(counts(), [5, 3, false]);
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

Deno.test("writer: a broken sink ends it, with an error unless the reader left", async () => {
  for (const error of [new Deno.errors.BrokenPipe(), new Error("full")]) {
    const sink = new SlowSink();
    const writer = new LineWriter(sink);
    writer.write("a");
    writer.write("b");
    await sink.answer(error);
    const hasLeft = error instanceof Deno.errors.BrokenPipe;
    assertEquals(await writer.broken, hasLeft ? undefined : error);
    writer.write("c");
    await writer.flushed();
    assertEquals(sink.writes, ["a\n"]);
  }
});

/** A writer of a bounded queue, whose first write is under way. */
function blocked(maxWaiting: number) {
  const sink = new SlowSink();
  const told: number[] = [];
  const writer = new LineWriter(sink, (count) => {
    told.push(count);
    return `(${count} dropped)`;
  }, maxWaiting);
  writer.write("under way");
  return { sink, writer, told };
}

Deno.test("writer: a blocked output drops the oldest lines that wait", async () => {
  const { sink, writer, told } = blocked(6);
  for (const line of ["aa", "bb", "cc", "dd", "ee"]) writer.write(line);
  assertEquals([sink.writes, told], [["under way\n"], []]);
  await sink.answer();
  // The line in their place is where they were missed: before what is newer.
  assertEquals(sink.writes.slice(1), ["(2 dropped)\ncc\ndd\nee\n"]);
  assertEquals(told, [2]);
  for (const line of ["f", "g"]) writer.write(line);
  await sink.answer();
  assertEquals(sink.writes.slice(2), ["f\ng\n"]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: what waits may be as long as the limit, no longer", async () => {
  const { sink, writer } = blocked(4);
  writer.write("aa");
  writer.write("bb");
  await sink.answer();
  assertEquals(sink.writes.slice(1), ["aa\nbb\n"]);
  writer.write("too long");
  await sink.answer();
  assertEquals(sink.writes.slice(2), ["(1 dropped)\n"]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: each blockage has a count of its own", async () => {
  const { sink, writer, told } = blocked(1);
  for (let count = 1; count <= 3; count++) {
    for (let line = 0; line <= count; line++) writer.write(`${line}`);
    await sink.answer();
    assertEquals(sink.writes.at(-1), `(${count} dropped)\n${count}\n`);
  }
  assertEquals(told, [1, 2, 3]);
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: a count that grows through thousands of lines", async () => {
  const { sink, writer } = blocked(20);
  for (let line = 0; line < 100_000; line++) writer.write(`line ${line}`);
  await sink.answer();
  assertEquals(sink.writes.at(-1), "(99998 dropped)\nline 99998\nline 99999\n");
  await sink.answer();
  await writer.flushed();
});

Deno.test("writer: nothing is dropped while the output takes it", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink, () => "dropped", 3);
  for (const line of ["longer than three", "as long again"]) {
    writer.write(line);
    assertEquals(sink.writes.at(-1), `${line}\n`);
    await sink.answer();
    await writer.flushed();
  }
});

Deno.test("writer: the limit is 40 million letters, if none is given", async () => {
  let length = 0;
  let first = "";
  const hold = Promise.withResolvers<void>();
  const writer = new LineWriter({
    async write(bytes) {
      if (length > 0) first ||= new TextDecoder().decode(bytes.subarray(0, 20));
      await hold.promise;
      length += bytes.length;
      return bytes.length;
    },
  });
  const line = "x".repeat(1024 * 1024 - 1);
  writer.write("under way");
  for (let count = 0; count < 40 + 3; count++) writer.write(line);
  hold.resolve();
  await writer.flushed();
  assertEquals(first, "3 lines dropped\nxxxx");
  assertEquals(length, 10 + 16 + 40 * 1024 * 1024);
});

Deno.test("writer: at the end it waits as long as something moves", async () => {
  const sink = new SlowSink();
  const writer = new LineWriter(sink);
  assertEquals(await writer.drained(0.01), true);
  writer.write("a");
  assertEquals(await writer.drained(0.01), false);
  writer.write("b");
  const drained = writer.drained(20);
  await sink.answer();
  await sink.answer();
  assertEquals(await drained, true);
});

/**
 * A non-blocking terminal or pipe: it takes at most 512 bytes as a whole or not
 * at all, and of more it takes a part and then fails without saying so.
 */
class RefusingSink implements ByteSink {
  text = "";
  #room = 0;
  #refusals: number;

  constructor(refusals: number) {
    this.#refusals = refusals;
  }

  write(bytes: Uint8Array): Promise<number> {
    const text = new TextDecoder().decode(bytes);
    if (this.#room < bytes.length && this.#refusals-- > 0) {
      if (bytes.length > 512) this.text += text.slice(0, this.#room);
      this.#room += 300;
      return Promise.reject(new Deno.errors.WouldBlock());
    }
    this.#room -= bytes.length;
    this.text += text;
    return Promise.resolve(bytes.length);
  }
}

Deno.test("writer: what an output refuses is written later, once", async () => {
  const sink = new RefusingSink(20);
  const writer = new LineWriter(sink);
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i} of a flood`);
  for (const line of lines) writer.write(line);
  await writer.flushed();
  assertEquals(sink.text.trimEnd().split("\n"), lines);
});

/** Writes many lines to stdout or stderr, which are non-blocking pipes. */
const NEIGHBOUR = `
import fcntl, os, sys
for fd in (1, 2):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
os.execvp(sys.argv[1], sys.argv[1:])
`;
const withPython = gate(
  isInstalled("python3", "--version") ? undefined : "python3 is not installed",
);

for (const stream of ["Stdout", "Stderr"]) {
  withPython(
    `writer: open${stream} tears and doubles no line of a full pipe`,
    async () => {
      const url = new URL("../../lib/terminal/output.ts", import.meta.url);
      const program = `import { LineWriter, open${stream} } from "${url}";
      const writer = new LineWriter(open${stream}());
      for (let i = 0; i < 5000; i++) writer.write(i + " " + "x".repeat(90));
      await writer.flushed();`;
      const { stdout } = await new Deno.Command("sh", {
        args: [
          "-c",
          `python3 -c "$NEIGHBOUR" "$DENO" eval --no-lock "$PROGRAM" 2>&1 | ` +
          "(sleep 1; cat)",
        ],
        cwd: new URL("../..", import.meta.url),
        env: { NEIGHBOUR, PROGRAM: program, DENO: Deno.execPath() },
        stdin: "null",
      }).output();
      const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
      const expected = Array.from(
        { length: 5_000 },
        (_, i) => `${i} ${"x".repeat(90)}`,
      );
      assertEquals(lines, expected);
    },
  );
}
