/**
 * The prompt of a terminal that can only print (`TERM=dumb`): lines are read as
 * the terminal sends them, and nothing that is on the screen changes.
 *
 * @module
 */

import type { Entry } from "../cli/entries.ts";
import { readLines } from "./input.ts";
import type { Prompt, PromptOptions } from "./prompt.ts";
import { MAX_PAYLOAD_BYTES } from "../protocol.ts";
import { LineWriter } from "./output.ts";

/**
 * Opens it on stdin and stdout.
 *
 * @param options How it behaves.
 * @returns The prompt.
 */
export function openPlainPrompt({ onDropped }: PromptOptions): Prompt {
  const writer = new LineWriter(Deno.stdout, onDropped);
  return {
    entries: entered(),
    show: (line) => writer.write(line),
    clear: () => {},
    close: () => {},
    flushed: () => writer.flushed(),
  };
}

/** What is entered, until the terminal ends or nobody takes it any more. */
async function* entered(): AsyncGenerator<Entry> {
  for await (const line of readLines(Deno.stdin.readable, MAX_PAYLOAD_BYTES)) {
    yield { ...line, isPasted: false };
  }
}
