/**
 * Stands in for `@std/cli/prompt-secret` where JSR can't be reached. `setup.ts`
 * puts it into `vendor/`. Unlike the package it reads Ctrl-C itself, so that
 * the terminal echoes again when the program ends there.
 *
 * @module
 */

const [CTRL_C, BACKSPACE, NEWLINE, RETURN, DELETE] = [3, 8, 10, 13, 127];
const CLEAR_LINE = "\r\x1b[K";
/** Exit code of a program that Ctrl-C ended, as shells have it. */
const INTERRUPTED = 130;

/** Options of {@link promptSecret}. */
export interface PromptSecretOptions {
  /** Printed for each byte; `*` if it is left out, nothing if empty. */
  mask?: string;
  /** Clears the line afterwards. */
  clear?: boolean;
}

/**
 * Asks for a line on the terminal without showing it.
 *
 * @param message What to ask.
 * @param options How to show it.
 * @returns The line, or `null` when stdin is not a terminal.
 */
export function promptSecret(
  message = "Secret",
  { mask = "*", clear = false }: PromptSecretOptions = {},
): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  // Some terminals give their width as 0.
  const width = (Deno.consoleSize().columns || 80) - 1;
  const show = (length: number) =>
    write(CLEAR_LINE + `${message} ${mask.repeat(length)}`.slice(-width));
  write(`${message} `);
  Deno.stdin.setRaw(true);
  let bytes: number[] | undefined;
  try {
    bytes = readLine(mask === "" ? () => {} : show);
  } finally {
    write(clear ? CLEAR_LINE : "\n");
    Deno.stdin.setRaw(false);
  }
  if (!bytes) Deno.exit(INTERRUPTED);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Reads up to the end of the line; nothing when Ctrl-C came instead. */
function readLine(onChange: (length: number) => void): number[] | undefined {
  const bytes: number[] = [];
  const buffer = new Uint8Array(1);
  while (Deno.stdin.readSync(buffer)) {
    const [byte] = buffer;
    if (byte === CTRL_C) return undefined;
    if (byte === NEWLINE || byte === RETURN) break;
    if (byte === BACKSPACE || byte === DELETE) bytes.pop();
    else bytes.push(byte);
    onChange(bytes.length);
  }
  return bytes;
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
