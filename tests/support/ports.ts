/**
 * Ports of 127.0.0.1.
 *
 * @module
 */

import { becomesTrue } from "./patience.ts";

/** A port that nothing listens on now. */
export function freePort(): number {
  return freePorts(1)[0];
}

/** Different ports that nothing listens on now. */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Waits until a port takes connections, for so many milliseconds. */
export async function accepts(port: number, patience?: number): Promise<void> {
  const isUp = () =>
    Deno.connect({ hostname: "127.0.0.1", port })
      .then((socket) => socket.close())
      .then(() => true, () => false);
  if (await becomesTrue(isUp, patience)) return;
  throw new Error(`Nothing listens on port ${port}.`);
}
