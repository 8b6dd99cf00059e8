import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Line, readLines, readWhole } from "../../lib/terminal/input.ts";

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
    // Chunks cut characters.
    ["héllo\n日本語\n👩‍👩‍👧\na", ["héllo", "日本語", "👩‍👩‍👧", "a"]],
  ];
  for (const [input, lines] of cases) {
    for (const size of [1, 2, 3, 5, 7, 1024]) {
      const found = await linesOf(input, size);
      assertEquals(found, lines.map(text), JSON.stringify([input, size]));
    }
  }
});

Deno.test("lines: the limit, to the byte; what is not UTF-8", async () => {
  const fits = "é".repeat(5);
  const b = text("b");
  const cases: [string | Uint8Array, Line[]][] = [
    [`${fits}\n`, [text(fits)]],
    [`${fits}\r\nb`, [text(fits), b]],
    [`${fits}a\nb\n`, [{ type: "too long", bytes: 11 }, b]],
    [
      Uint8Array.of(0x61, 0x0a, 0x67, 0xfc, 0x0a, 0x62, 0x0a),
      [text("a"), { type: "not UTF-8" }, b],
    ],
  ];
  for (const size of [1, 7, 1024]) {
    for (const [input, lines] of cases) {
      assertEquals(await linesOf(input, size, 10), lines);
    }
  }
});

Deno.test("lines: one without an end takes no memory, a short one doesn't wait", async () => {
  const chunk = new Uint8Array(65_536).fill(0x61);
  const usage = () => Deno.memoryUsage().external;
  const before = usage();
  let growth = 0;
  async function* endless() {
    for (let chunks = 0; chunks < 1000; chunks++) {
      growth = Math.max(growth, usage() - before);
      yield await Promise.resolve(chunk);
    }
  }
  const lines = await Array.fromAsync(readLines(endless(), 65_536));
  assertEquals(lines, [{ type: "too long", bytes: 1000 * 65_536 }]);
  assert(growth < 10_000_000, `${growth} bytes`);
  // What tells UTF-16 may come later.
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const later = readLines(readable, 100);
  writer.write(encoder.encode("a\n"));
  assertEquals((await later.next()).value, text("a"));
  await writer.close();
  await later.next();
});

Deno.test("lines: UTF-16 is refused by its name, marked or not", async () => {
  for (const isLittle of [true, false]) {
    const name = isLittle ? "(little-endian)" : "(big-endian)";
    const mark = isLittle ? [0xff, 0xfe] : [0xfe, 0xff];
    const units = Array.from(encoder.encode("hi\n"));
    const wide = units.flatMap((unit) => isLittle ? [unit, 0] : [0, unit]);
    for (const start of [[], mark]) {
      const bytes = Uint8Array.from([...start, ...wide]);
      for (const size of [1, 2, 3, 1024]) {
        await assertRejects(() => linesOf(bytes, size), Error, name);
      }
    }
  }
});

Deno.test("whole: one message, without the line break at its end, to the byte", async () => {
  const fits = "é".repeat(5);
  const cases: [input: string | Uint8Array, Line][] = [
    ["", text("")],
    ["\n", text("")],
    ["a", text("a")],
    ["a\r\nb\r\n", text("a\r\nb")],
    ["a\n\nb\n\n", text("a\n\nb\n")],
    ["\ufeffé\n", text("é")],
    [`${fits}\r\n`, text(fits)],
    [`${fits}a`, { type: "too long", bytes: 11 }],
    [`${fits}abc`, { type: "too long", bytes: 13 }],
    [Uint8Array.of(0x61, 0xff), { type: "not UTF-8" }],
  ];
  for (const [input, expected] of cases) {
    for (const size of [1, 3, 7, 1024]) {
      const bytes = typeof input === "string" ? encoder.encode(input) : input;
      assertEquals(await readWhole(chunked(bytes, size), 10), expected);
    }
  }
});
