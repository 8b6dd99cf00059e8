/**
 * A TCP proxy that fails on demand, between a client and a broker: it cuts
 * links, holds bytes back, or delays them.
 */

import type { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Progress } from "../../lib/timer.ts";
import { inTime } from "./patience.ts";

/** A way through the proxy: `up` is to the broker, `down` to the client. */
type Way = "up" | "down";

/** A proxy on a free port of 127.0.0.1. Disposing of it cuts every link. */
export class FaultProxy implements AsyncDisposable {
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true });
  /** Each open socket, with its end. */
  readonly #sockets = new Map<Socket, Promise<unknown>>();
  readonly #stalled = new Set<Way>();
  readonly #passed: Record<Way, number> = { up: 0, down: 0 };
  readonly #progress = new Progress();
  #delay = 0;

  static async start({ targetPort }: { targetPort: number }) {
    const proxy = new FaultProxy();
    const accept = (client: Socket) => proxy.#accept(client, targetPort);
    proxy.#server.on("connection", accept).listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends all links now and drops what they hold: by RST, or by FIN. */
  cut(how: "reset" | "close" = "reset"): void {
    for (const socket of this.#sockets.keys()) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  /** Lets nothing pass one way, of these links and new ones, or all of it. */
  stall(way: Way, isOn = true): void {
    if (isOn) this.#stalled.add(way);
    else this.#stalled.delete(way);
    this.#progress.made();
  }

  /** Delays what comes from now on, each way, without slowing the stream. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** Waits until so many more bytes have passed. */
  async passes(way: Way, bytes: number): Promise<void> {
    const goal = this.#passed[way] + bytes;
    const passed = async () => {
      while (this.#passed[way] < goal) await this.#progress.next;
    };
    await inTime(passed(), () => `Nothing more passes ${way}.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), "close");
    const ended = [...this.#sockets.values()];
    this.cut();
    await Promise.all([closed, ...ended]);
  }

  #accept(client: Socket, port: number): void {
    const host = "127.0.0.1";
    const target = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#pass(client, target, "up");
    this.#pass(target, client, "down");
  }

  /** Passes everything on, in order, when it may. */
  #pass(from: Socket, to: Socket, way: Way): void {
    let last: Promise<unknown> = Promise.resolve();
    const pass = (due: Promise<unknown> | undefined, go: () => void) => {
      last = last.then(async () => {
        await due;
        while (this.#stalled.has(way)) await this.#progress.next;
        if (!to.destroyed) go();
      });
    };
    from.on("data", (bytes: Buffer) => {
      const due = this.#delay === 0 ? undefined : sleep(this.#delay);
      pass(due, () => {
        this.#passed[way] += bytes.length;
        to.write(bytes);
        this.#progress.made();
      });
    });
    from.on("end", () => pass(undefined, () => to.end()));
    from.on("error", () => to.destroy());
    const closed = new Promise((resolve) => from.once("close", resolve));
    this.#sockets.set(from, closed);
    closed.then(() => this.#sockets.delete(from));
  }
}
