/**
 * The prompt of a terminal that can only print (`TERM=dumb`): lines are read as
 * the terminal sends them, and nothing that is on the screen changes.
 *
 * @module
 */

import type { Entry } from "./entries.ts";
import { readLines } from "./lines.ts";
import type { Prompt, PromptOptions } from "./prompt.ts";
import { MAX_PAYLOAD_BYTES } from "./protocol.ts";
import { LineWriter } from "./terminal.ts";

/**
 * Opens it on stdin and stdout.
 *
 * @param options How it behaves.
 * @returns The prompt.
 */
export function openPlainPrompt({ onDropped }: PromptOptions): Prompt {
  const writer = new LineWriter(Deno.stdout, onDropped);
  const { readable, writable } = new TransformStream<Entry, Entry>();
  const closing = new AbortController();
  pass(writable, closing.signal);
  return {
    entries: readable,
    show: (line) => writer.write(line),
    clear: () => {},
    close: () => closing.abort(),
    flushed: () => writer.flushed(),
  };
}

/** Passes on what is entered, until the terminal ends or nobody takes it. */
async function pass(
  entries: WritableStream<Entry>,
  signal: AbortSignal,
): Promise<void> {
  const writer = entries.getWriter();
  signal.addEventListener("abort", () => writer.close().catch(() => {}));
  try {
    for await (
      const line of readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES)
    ) {
      await writer.write({ ...line, isPasted: false });
    }
    await writer.close();
  } catch { /* Nobody takes it any more. */ }
}
