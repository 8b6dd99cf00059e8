/**
 * The prompt of a terminal that can only print: lines as it sends them, nothing
 * on the screen changes.
 *
 * @module
 */

import { type Line, readLines } from "./input.ts";
import { textIn } from "./keys.ts";
import { LineWriter } from "./output.ts";
import type { Prompt, PromptOptions } from "./prompt.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";

/** Opens one on stdin and stdout. */
export function plainPrompt({ onDropped }: PromptOptions): Prompt {
  const writer = new LineWriter(Deno.stdout, onDropped);
  return {
    lines: typed(readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES)),
    show: (line) => writer.write(line),
    clear: () => {},
    setText: () => {},
    close: () => {},
    flushed: () => writer.flushed(),
  };
}

/** What was typed but for blank lines; here keys such as arrows leave traces. */
async function* typed(lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  for await (const line of lines) {
    if (line.type !== "text") yield line;
    else {
      const text = textIn(line.text).replaceAll("\t", " ");
      if (text.trim() !== "") yield { ...line, text };
    }
  }
}
