/**
 * Asking for a secret on a terminal, without showing it.
 *
 * @module
 */

import { graphemeStart } from "./graphemes.ts";
import { openKeyboard, STOP_HINT } from "./keyboard.ts";
import { isText, keyName, tokens } from "./keys.ts";

/**
 * Asks on stderr for a line from stdin, which must be a terminal. Unlike
 * `promptSecret` of `@std/cli`, which waits for each key and for nothing else,
 * it gives the terminal back when a signal comes.
 *
 * @param question What to ask.
 * @param flag A flag that could give the answer as well.
 * @returns The line.
 * @throws {Error} At Ctrl-C, Ctrl-D, a signal, a hang-up.
 */
export async function askSecret(
  question: string,
  flag: string,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const interrupt = () =>
    reject(
      new Error(
        `no answer to "${question}"; ${flag} can give it as well.`,
      ),
    );
  let secret = "";
  const keyboard = openKeyboard({
    marksPastes: false,
    onInput({ type, text }) {
      const key = type === "keys" ? keyName(text) : "";
      if (key === "C-c" || key === "C-d") return interrupt();
      if (key === "C-z") return mayStop();
      const end = text.search(/[\r\n]/);
      secret = edited(secret + (end === -1 ? text : text.slice(0, end)));
      if (end !== -1) finish();
    },
    onEnd: interrupt,
    onContinue: ask,
  });
  function finish(): void {
    // At once, before the next key is read: it belongs to whoever comes next.
    keyboard.close();
    resolve(secret);
  }
  function mayStop(): void {
    keyboard.letStop();
    write(`\n${STOP_HINT}\n`);
    ask();
  }
  function ask(): void {
    write(`\r${question} `);
  }
  ask();
  try {
    return await promise;
  } finally {
    keyboard.close();
    keyboard.release();
    write("\n");
  }
}

/**
 * What is left of keys when those that edit have done their work: Backspace,
 * Ctrl-U, which takes all away, and the others, which do nothing.
 *
 * @param keys What was typed so far.
 * @returns The text.
 */
export function edited(keys: string): string {
  let text = "";
  for (const token of tokens(keys)) {
    if (isText(token)) text += token;
    else if (keyName(token) === "C-u") text = "";
    else if (keyName(token) === "BSpace") {
      text = text.slice(0, Math.max(0, graphemeStart(text, text.length - 1)));
    }
  }
  return text;
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
