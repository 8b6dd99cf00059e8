/**
 * The terminal's size, and when it changes.
 *
 * @module
 */

import type { TerminalSize } from "./area.ts";
import { onSignal } from "./signals.ts";

/** The size now; the usual one where the terminal doesn't know its own. */
export function terminalSize(): TerminalSize {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns || 80, rows: rows || 24 };
}

/** Calls back when it changes, where the system says so. */
export function onResize(onChange: () => void): () => void {
  return onSignal("SIGWINCH", onChange);
}
