/**
 * Asking for a secret on a terminal, without showing it.
 *
 * @module
 */

import { openKeyboard } from "./keyboard.ts";

/** Ctrl-C and Ctrl-D as the keys they are in raw mode. */
const END_KEYS = ["\x03", "\x04"];

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
      if (type === "keys" && END_KEYS.some((key) => text.includes(key))) {
        return interrupt();
      }
      const end = text.search(/[\r\n]/);
      secret = edited(secret + (end === -1 ? text : text.slice(0, end)));
      if (end !== -1) finish();
    },
    onEnd: interrupt,
  });
  function finish(): void {
    // At once, before the next key is read: it belongs to whoever comes next.
    keyboard.close();
    resolve(secret);
  }
  const write = (text: string) =>
    Deno.stderr.write(new TextEncoder().encode(text));
  await write(`${question} `);
  try {
    return await promise;
  } finally {
    keyboard.close();
    keyboard.release();
    await write("\n");
  }
}

/** What the arrow keys and their like send. */
const ESCAPE_SEQUENCES = new RegExp(`${"\x1b"}(?:\\[[\\d;]*[ -~]|O[ -~])`, "g");

/**
 * What is left of keys when those that edit have done their work: Backspace,
 * Ctrl-U, which takes all away, and the others, which do nothing.
 *
 * @param keys What was typed so far.
 * @returns The text.
 */
export function edited(keys: string): string {
  const chars: string[] = [];
  const text = keys.replace(ESCAPE_SEQUENCES, "");
  for (const char of text.slice(text.lastIndexOf("\x15") + 1)) {
    if (char === "\x7f" || char === "\b") chars.pop();
    else if (!/\p{Cc}/u.test(char)) chars.push(char);
  }
  return chars.join("");
}
