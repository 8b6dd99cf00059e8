/** Ports of 127.0.0.1. */

import { becomesTrue } from "./patience.ts";

export function freePort(): number {
  return freePorts(1)[0];
}

/**
 * Different ports that nothing listens on now. They are below 32768: from there
 * on the system gives ports to connections and listeners of other tests, also
 * before a server of this test takes its port.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      ports.add(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return [...ports];
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
