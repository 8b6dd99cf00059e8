import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  EncodingError,
  type Line,
  LineError,
  readLines,
  readWhole,
} from "../../lib/terminal/input.ts";

const encoder = new TextEncoder();

/** A stream of chunks, all in one buffer that each read overwrites. */
async function* chunked(bytes: Uint8Array, size: number) {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    buffer.set(chunk);
    yield await Promise.resolve(buffer.subarray(0, chunk.length));
  }
}

/** The lines of an input that comes in chunks of a size. */
async function linesOf(
  input: string | Uint8Array,
  chunkSize = 1024,
  maxBytes = 100,
): Promise<Line[]> {
  const bytes = typeof input === "string" ? encoder.encode(input) : input;
  return await Array.fromAsync(readLines(chunked(bytes, chunkSize), maxBytes));
}

const text = (text: string): Line => ({ type: "text", text });

Deno.test("lines: LF, CRLF, none at the end, empty ones", async () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\r\nb\n", ["a", "b"]],
    ["a\nb", ["a", "b"]],
    ["a\n\n\r\nb\n", ["a", "", "", "b"]],
    ["\n", [""]],
    ["\r", [""]],
    ["a\rb\r\r\n", ["a\rb\r"]],
    ["\ufeffa\n\ufeffb", ["a", "\ufeffb"]],
    ["\ufeff", []],
    ["\uff21\n", ["\uff21"]],
    ["a\0\n", ["a\0"]],
  ];
  for (const [input, lines] of cases) {
    for (const size of [1, 2, 3, 1024]) {
      const found = await linesOf(input, size);
      assertEquals(found, lines.map(text), JSON.stringify([input, size]));
    }
  }
});

Deno.test("lines: characters cut between chunks", async () => {
  const lines = ["héllo", "日本語", "👩‍👩‍👧", "a"];
  for (const size of [1, 2, 3, 5, 7]) {
    assertEquals(await linesOf(lines.join("\n"), size), lines.map(text));
  }
});

Deno.test("lines: the limit, to the byte", async () => {
  for (const size of [1, 7, 1024]) {
    const fits = "é".repeat(5);
    assertEquals(await linesOf(`${fits}\n`, size, 10), [text(fits)]);
    assertEquals(await linesOf(`${fits}\r\nb`, size, 10), [
      text(fits),
      text("b"),
    ]);
    assertEquals(await linesOf(`${fits}a\nb\n`, size, 10), [
      { type: "too long", bytes: 11 },
      text("b"),
    ]);
  }
});

Deno.test("lines: one without an end takes no memory", async () => {
  const chunk = new Uint8Array(65_536).fill(0x61);
  const usage = () => Deno.memoryUsage().external;
  const before = usage();
  let growth = 0;
  async function* endless() {
    for (let chunks = 0; chunks < 4000; chunks++) {
      growth = Math.max(growth, usage() - before);
      yield await Promise.resolve(chunk);
    }
  }
  const lines = await Array.fromAsync(readLines(endless(), 65_536));
  assertEquals(lines, [{ type: "too long", bytes: 4000 * 65_536 }]);
  assert(growth < 10_000_000, `${growth} bytes`);
});

Deno.test("lines: what is not UTF-8 leaves the others alone", async () => {
  const latin1 = Uint8Array.from([0x61, 0x0a, 0x67, 0xfc, 0x0a, 0x62, 0x0a]);
  for (const size of [1, 1024]) {
    assertEquals(await linesOf(latin1, size), [
      text("a"),
      { type: "not UTF-8" },
      text("b"),
    ]);
  }
});

Deno.test("lines: the sentences for those that can't be sent", () => {
  const long = new LineError({ type: "too long", bytes: 11 }, 10).message;
  assertStringIncludes(long, "11 bytes");
  assertStringIncludes(long, "limit is 10");
  const latin1 = new LineError({ type: "not UTF-8" }, 10).message;
  assertStringIncludes(latin1, "not UTF-8");
});

Deno.test("lines: a short one doesn't wait for what tells UTF-16", async () => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const lines = readLines(readable, 100);
  writer.write(encoder.encode("a\n"));
  assertEquals((await lines.next()).value, text("a"));
  await writer.close();
  await lines.next();
});

Deno.test("lines: UTF-16 is refused by its name, marked or not", async () => {
  const utf16 = (text: string, isLittle: boolean) =>
    Uint8Array.from(text, (char) => char.charCodeAt(0)).reduce<number[]>(
      (bytes, unit) => [...bytes, ...isLittle ? [unit, 0] : [0, unit]],
      [],
    );
  for (const isLittle of [true, false]) {
    const name = isLittle ? "(little-endian)" : "(big-endian)";
    const mark = isLittle ? [0xff, 0xfe] : [0xfe, 0xff];
    for (const start of [[], mark]) {
      const bytes = Uint8Array.from([...start, ...utf16("hi\n", isLittle)]);
      for (const size of [1, 2, 3, 1024]) {
        await assertRejects(() => linesOf(bytes, size), EncodingError, name);
      }
    }
  }
});

Deno.test("whole: one message, without the line break at its end", async () => {
  const cases: [string, string][] = [
    ["", ""],
    ["\n", ""],
    ["a", "a"],
    ["a\r\nb\r\n", "a\r\nb"],
    ["a\n\nb\n\n", "a\n\nb\n"],
    ["\ufeffé\n", "é"],
  ];
  for (const [input, expected] of cases) {
    for (const size of [1, 3, 1024]) {
      const bytes = chunked(encoder.encode(input), size);
      assertEquals(await readWhole(bytes, 100), text(expected));
    }
  }
});

Deno.test("whole: the limit, to the byte; what is not UTF-8", async () => {
  const read = (bytes: Uint8Array) => readWhole(chunked(bytes, 7), 10);
  const fits = "é".repeat(5);
  assertEquals(await read(encoder.encode(`${fits}\r\n`)), text(fits));
  for (const [over, bytes] of [["a", 11], ["abc", 13]] as const) {
    const input = encoder.encode(fits + over);
    assertEquals(await read(input), { type: "too long", bytes });
  }
  assertEquals(await read(Uint8Array.of(0x61, 0xff)), { type: "not UTF-8" });
});
