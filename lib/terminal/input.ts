/** Cuts bytes from a pipe into lines of UTF-8 text; memory stays bounded. */

import { Buffer } from "node:buffer";

/**
 * A line, or why it can't be sent. One that was entered at the prompt may have
 * line breaks; it is a message then, whatever it begins with.
 */
export type Line =
  | { type: "text"; text: string }
  | { type: "too long"; bytes: number }
  | { type: "not UTF-8" };

/** A line that can't be sent as it came. */
export class LineError extends Error {
  static {
    this.prototype.name = "LineError";
  }

  constructor(line: Exclude<Line, { type: "text" }>, maxBytes: number) {
    super(
      line.type === "too long"
        ? `It takes ${line.bytes} bytes, the limit is ${maxBytes}; send it ` +
          "in parts."
        : "It is not UTF-8; convert it, with iconv for instance.",
    );
  }
}

const LF = 0x0a;

/** How much of stdin is read at a time, in bytes. */
const READ_BYTES = 64 * 1024;

/**
 * Reads stdin to its end, into one buffer: `Deno.stdin.readable` makes a buffer
 * of 64 KiB for each line that comes alone, and they bring garbage collections.
 */
export async function* stdinBytes(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/**
 * Cuts a stream of bytes into lines that end at LF or CRLF. A last line without
 * one counts, a byte order mark at the beginning does not. Of a line that is too
 * long, only the size is kept. Throws if the input is UTF-16.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  const line = new LineBuffer(maxBytes);
  for await (const chunk of withoutMark(source)) {
    let start = 0;
    if (line.size > 0) {
      const end = chunk.indexOf(LF);
      line.add(chunk.subarray(0, end === -1 ? chunk.length : end));
      if (end === -1) continue;
      yield line.take();
      start = end + 1;
    }
    const end = Math.max(start, chunk.lastIndexOf(LF) + 1);
    const whole = chunk.subarray(start, end);
    for (const one of wholeLines(whole, maxBytes)) yield one;
    line.add(chunk.subarray(end));
  }
  if (line.size > 0) yield line.take();
}

/** Reads all of a stream as one message, without the line break at its end. */
export async function readWhole(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Line> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of withoutMark(source)) {
    size += part.length;
    // Two more than the limit: a line break at the end does not count.
    if (size <= maxBytes + 2) parts.push(part.slice());
  }
  if (size > maxBytes + 2) return { type: "too long", bytes: size };
  const text = decode(Buffer.concat(parts))?.replace(/\r?\n$/, "");
  if (text === undefined) return { type: "not UTF-8" };
  const bytes = Buffer.byteLength(text);
  return bytes > maxBytes
    ? { type: "too long", bytes }
    : { type: "text", text };
}

/** The bytes without a byte order mark. */
async function* withoutMark(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of source) {
    if (start === undefined) {
      yield chunk;
    } else {
      start = Buffer.concat([start, chunk]);
      if (isOpen(start)) continue;
      yield checked(start);
      start = undefined;
    }
  }
  if (start !== undefined) yield checked(start);
}

/** Whether the encoding needs more bytes to tell. A short line must not wait for them. */
function isOpen({ length, 0: a, 1: b }: Uint8Array): boolean {
  return length < 2 || (length < 4 && (a === 0xef || a === 0 || b === 0));
}

/** The beginning of an input, without its byte order mark. */
function checked(start: Uint8Array): Uint8Array {
  const [a, b, c, d] = start;
  const isLittle = a === 0xff && b === 0xfe || (a && b === 0 && c && d === 0);
  const isBig = a === 0xfe && b === 0xff || (a === 0 && b && c === 0 && d);
  if (isLittle || isBig) {
    const [order, code] = isLittle ? ["little", "LE"] : ["big", "BE"];
    throw new Error(
      `it is UTF-16 (${order}-endian); convert it, with iconv -f UTF-16${code} ` +
        "-t UTF-8 for instance",
    );
  }
  return a === 0xef && b === 0xbb && c === 0xbf ? start.subarray(3) : start;
}

/** Cuts up whole lines: as one text, or one by one where some are not UTF-8. */
function* wholeLines(bytes: Uint8Array, maxBytes: number): Generator<Line> {
  if (bytes.length === 0) return;
  const text = decode(bytes.subarray(0, -1));
  if (text !== undefined) {
    for (const line of text.split("\n")) yield measured(line, maxBytes);
    return;
  }
  const line = new LineBuffer(maxBytes);
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(LF, start);
    line.add(bytes.subarray(start, end));
    yield line.take();
    start = end + 1;
  }
}

function measured(line: string, maxBytes: number): Line {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const bytes = Buffer.byteLength(text);
  return bytes > maxBytes
    ? { type: "too long", bytes }
    : { type: "text", text };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return undefined;
  }
}

/** The line that is being read. */
class LineBuffer {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Its length in bytes, including those thrown away. */
  get size(): number {
    return this.#size;
  }

  add(part: Uint8Array): void {
    this.#size += part.length;
    // One more than the limit: a CR at the end does not count.
    if (this.#size > this.#maxBytes + 1) this.#parts = [];
    // A copy: the reader may reuse its buffer.
    else if (part.length > 0) this.#parts.push(part.slice());
  }

  take(): Line {
    const size = this.#size;
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    if (size > this.#maxBytes + 1) return { type: "too long", bytes: size };
    const text = decode(Buffer.concat(parts));
    return text === undefined
      ? { type: "not UTF-8" }
      : measured(text, this.#maxBytes);
  }
}
