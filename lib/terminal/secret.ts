/** Asks for a secret on a terminal without showing it. */

import { Keyboard, STOP_HINT, textIn } from "./keys.ts";
import { graphemeStart } from "./width.ts";

/**
 * Asks on stderr for a line from stdin, which must be a terminal; `flag` is
 * another way to give it. Throws at Ctrl-C, Ctrl-D, a signal or a hang-up: unlike
 * `promptSecret` of `@std/cli`, it gives the terminal back then.
 */
export async function askSecret(
  question: string,
  flag: string,
): Promise<string> {
  const ask = () => write(`\r${question} `);
  const keyboard = new Keyboard({ marksPastes: false, onContinue: ask });
  let secret = "";
  ask();
  try {
    for await (const { type, text } of keyboard.inputs()) {
      if (type === "text") secret += text;
      else if (type === "paste") {
        // This terminal marks no pastes, so a line break stands for Enter.
        const [line, ...others] = text.split(/[\r\n]/);
        secret += textIn(line);
        if (others.length > 0) return secret;
      } else if (text === "Enter") return secret;
      else if (text === "C-c" || text === "C-d") break;
      else if (text === "C-u") secret = "";
      else if (text === "BSpace") {
        secret = secret.slice(0, graphemeStart(secret, secret.length - 1));
      } else if (text === "C-z") {
        keyboard.letStop();
        write(`\n${STOP_HINT}\n`);
        ask();
      }
    }
    throw new Error(`no answer to "${question}"; ${flag} can give it as well.`);
  } finally {
    keyboard.close();
    keyboard.release();
    write("\n");
  }
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
