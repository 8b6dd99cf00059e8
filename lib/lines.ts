/**
 * Bytes → lines of text, as they come from a pipe. Owns what a line is: ends
 * at LF or CRLF, is UTF-8, has a limit. Memory stays bounded, whatever comes.
 *
 * @module
 */

/** A line, or why there is none to send in its place. */
export type Line =
  | { type: "text"; text: string }
  | { type: "too long"; bytes: number }
  | { type: "not UTF-8" };

/** A line that can't be sent as it came. */
export class LineError extends Error {
  /** The class's name. */
  override name = "LineError";

  /**
   * Makes the sentence for a line.
   *
   * @param line What is known of it.
   * @param maxBytes The limit it may have exceeded.
   */
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
const CR = 0x0d;

/**
 * Cuts a stream of bytes into lines. A last line without a newline counts.
 *
 * @param source The bytes.
 * @param maxBytes The most bytes a line may have; what exceeds it is counted
 * and thrown away.
 * @returns The lines, in order.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  const line = new LineBuffer(maxBytes);
  for await (const chunk of source) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      line.add(chunk.subarray(start, end));
      yield line.take();
      start = end + 1;
    }
    line.add(chunk.subarray(start));
  }
  if (line.size > 0) yield line.take();
}

/** The line that is being read. */
class LineBuffer {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes it has so far, those thrown away included. */
  get size(): number {
    return this.#size;
  }

  add(part: Uint8Array): void {
    this.#size += part.length;
    // One more than the limit is kept: a CR at the end does not count.
    if (this.#size > this.#maxBytes + 1) this.#parts = [];
    // A copy, since the reader may use its buffer again.
    else if (part.length > 0) this.#parts.push(part.slice());
  }

  take(): Line {
    const size = this.#size;
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    if (size > this.#maxBytes + 1) return { type: "too long", bytes: size };
    const bytes = withoutCR(parts.length === 1 ? parts[0] : concat(parts));
    if (bytes.length > this.#maxBytes) {
      return { type: "too long", bytes: bytes.length };
    }
    try {
      return { type: "text", text: this.#decoder.decode(bytes) };
    } catch {
      return { type: "not UTF-8" };
    }
  }
}

/** The bytes without a CR at their end. */
function withoutCR(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
}

/** Several arrays as one. */
function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
