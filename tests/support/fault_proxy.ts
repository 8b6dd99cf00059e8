/**
 * A TCP proxy that fails on demand, between a client and a broker: it cuts
 * links, holds bytes back, or delays them.
 */

import type { Buffer } from "node:buffer";
import { once } from "node:events";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Progress } from "../../lib/timer.ts";

/** A way through the proxy: `up` is to the broker, `down` to the client. */
export type Way = "up" | "down";

interface Link {
  sockets: Socket[];
  ended: Promise<unknown>;
}

/** A proxy on a free port of 127.0.0.1. Disposing of it cuts every link. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #links = new Set<Link>();
  readonly #stalled = new Set<Way>();
  readonly #released = new Progress();
  #delay = 0;
  readonly passed: Record<Way, number> = { up: 0, down: 0 };
  cuts = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (client) => this.#accept(client),
    );
  }

  static async start(
    { targetPort }: { targetPort: number },
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
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
    this.cuts += this.#links.size;
    for (const socket of [...this.#links].flatMap(({ sockets }) => sockets)) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  /** Lets nothing pass one way, of these links and new ones, or all of it. */
  stall(way: Way, isOn = true): void {
    if (isOn) this.#stalled.add(way);
    else this.#stalled.delete(way);
    this.#released.made();
  }

  /** Lets nothing pass any more, neither bytes nor the end of a link. */
  blackHole(): void {
    this.stall("up");
    this.stall("down");
  }

  /** Delays what comes from now on, each way, without slowing the stream. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), "close");
    const ended = [...this.#links].map((link) => link.ended);
    this.cut();
    await Promise.all([closed, ...ended]);
  }

  #accept(client: Socket): void {
    const target = connect({
      host: "127.0.0.1",
      port: this.#targetPort,
      allowHalfOpen: true,
      noDelay: true,
    });
    const ended = Promise.allSettled([
      pipeline(client, this.#lane("up"), target),
      pipeline(target, this.#lane("down"), client),
    ]);
    const link = { sockets: [client, target], ended };
    this.#links.add(link);
    ended.then(() => this.#links.delete(link));
  }

  /** One way through a link: passes everything on, in order, when it may. */
  #lane(way: Way): Transform {
    let last = Promise.resolve();
    const lane: Transform = new Transform({
      transform: (bytes: Buffer, _, done) => {
        const due = sleep(this.#delay);
        last = last.then(async () => {
          await due;
          await this.#release(way);
          if (lane.destroyed) return; // it was cut
          this.passed[way] += bytes.length;
          lane.push(bytes);
        });
        done();
      },
      flush: (done) => {
        last.then(() => this.#release(way)).then(() => done());
      },
    });
    return lane;
  }

  async #release(way: Way): Promise<void> {
    while (this.#stalled.has(way)) await this.#released.next;
  }
}

async function sleep(milliseconds: number): Promise<void> {
  if (milliseconds === 0) return;
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
