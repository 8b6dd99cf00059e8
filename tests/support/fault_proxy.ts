/**
 * A TCP proxy that fails on demand, between a client and a broker: it cuts
 * links, holds bytes back, delays them, or turns clients away.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";

/** A way through the proxy: `up` is to the broker, `down` to the client. */
export type Way = "up" | "down";

/** What all links share. */
interface Faults {
  readonly stalled: Set<Way>;
  delay: number;
  readonly passed: Record<Way, number>;
}

/** How many bytes one way of a link holds; what exceeds it stays unread. */
const MAX_HELD = 1_048_576;

/** A proxy on a free port of 127.0.0.1. Disposing of it cuts every link. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #links = new Set<Link>();
  readonly #faults: Faults = {
    stalled: new Set(),
    delay: 0,
    passed: { up: 0, down: 0 },
  };
  #refuses = false;
  /** How many links clients have opened, refused ones included. */
  links = 0;
  /** How many links {@link cut} has ended. */
  cuts = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (client) => this.#accept(client),
    );
  }

  /** Starts one in front of a port of 127.0.0.1. */
  static async start(
    { targetPort }: { targetPort: number },
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await new Promise<void>((resolve) =>
      proxy.#server.listen(0, "127.0.0.1", resolve)
    );
    return proxy;
  }

  /** Where clients find it. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The same, as `--host` takes it. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many links there are now. */
  get openLinks(): number {
    return this.#links.size;
  }

  /** How many bytes have passed, each way, through all links. */
  get passed(): Readonly<Record<Way, number>> {
    return { ...this.#faults.passed };
  }

  /** How many bytes it holds now. */
  get held(): number {
    return [...this.#links].reduce((sum, link) => sum + link.held, 0);
  }

  /**
   * Ends all links now, on both sides; what they hold is lost.
   *
   * @param how `reset` as a host that was restarted does (RST), `close` as one
   * that hangs up (FIN).
   * @returns How many links there were.
   */
  cut(how: "reset" | "close" = "reset"): number {
    const count = this.#links.size;
    for (const link of this.#links) link.cut(how);
    this.cuts += count;
    return count;
  }

  /**
   * Lets nothing pass any more, neither bytes nor the end of a link, nor
   * anything of new links, which it accepts; or lets it all pass again, what
   * it has held first.
   */
  blackHole(isOn: boolean): void {
    this.stall("up", isOn);
    this.stall("down", isOn);
  }

  /** Lets nothing pass one way, or lets it pass again. */
  stall(way: Way, isOn = true): void {
    if (isOn) this.#faults.stalled.add(way);
    else this.#faults.stalled.delete(way);
    for (const link of this.#links) link.flush();
  }

  /** Delays what comes from now on, each way, without slowing the stream. */
  delay(milliseconds: number): void {
    this.#faults.delay = milliseconds;
  }

  /** Accepts links and closes them without a word, or serves them again. */
  refuse(isOn: boolean): void {
    this.#refuses = isOn;
  }

  /** Ends all links and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const ended = [...this.#links].map((link) => link.ended);
    for (const link of this.#links) link.cut("reset");
    await Promise.all([closed, ...ended]);
  }

  #accept(client: Socket): void {
    this.links++;
    if (this.#refuses) {
      client.on("error", () => {});
      client.destroy();
      return;
    }
    const link = new Link(client, this.#targetPort, this.#faults);
    this.#links.add(link);
    link.ended.then(() => this.#links.delete(link));
  }
}

/** A client's connection and the one to the broker that it is joined to. */
class Link {
  readonly #client: Socket;
  readonly #targetPort: number;
  readonly #faults: Faults;
  readonly #ended = Promise.withResolvers<void>();
  #target?: Socket;
  #up?: Lane;
  #down?: Lane;

  constructor(client: Socket, targetPort: number, faults: Faults) {
    this.#client = client;
    this.#targetPort = targetPort;
    this.#faults = faults;
    client.pause();
    // A reset shows as `close`, which the lanes look at.
    client.on("error", () => {});
    client.once("close", () => this.#onClose());
    this.flush();
  }

  /** When both connections are closed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** How many bytes it holds. */
  get held(): number {
    return (this.#up?.held ?? 0) + (this.#down?.held ?? 0);
  }

  /** Passes on what may pass now. */
  flush(): void {
    if (!this.#target && !this.#faults.stalled.has("up")) this.#join();
    this.#up?.flush();
    this.#down?.flush();
  }

  /** Ends both connections. */
  cut(how: "reset" | "close"): void {
    this.#up?.stop();
    this.#down?.stop();
    for (const socket of [this.#client, this.#target]) {
      if (how === "reset") socket?.resetAndDestroy();
      else socket?.destroy();
    }
  }

  /** Opens the connection to the broker. */
  #join(): void {
    const target = connect({
      host: "127.0.0.1",
      port: this.#targetPort,
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#target = target;
    target.on("error", () => {});
    target.once("close", () => this.#onClose());
    this.#up = new Lane("up", this.#client, target, this.#faults);
    this.#down = new Lane("down", target, this.#client, this.#faults);
  }

  #onClose(): void {
    // In a black hole there may be no target yet.
    if (this.#client.closed && this.#target?.closed !== false) {
      this.cut("close");
      this.#ended.resolve();
    }
  }
}

/** What a lane holds: bytes, or how the sender ended. */
interface Held {
  what: Buffer | "end" | "reset";
  /** When it may leave, on the clock of `performance.now()`. */
  due: number;
}

/** One way through a link. */
class Lane {
  readonly #way: Way;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Faults;
  readonly #queue: Held[] = [];
  #timer?: ReturnType<typeof setTimeout>;
  /** How many bytes it holds. */
  held = 0;

  constructor(way: Way, from: Socket, to: Socket, faults: Faults) {
    this.#way = way;
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    from.on("data", (bytes: Buffer) => this.#hold(bytes));
    from.once("end", () => this.#hold("end"));
    from.once("close", (hadError) => this.#hold(hadError ? "reset" : "end"));
    to.on("drain", () => this.flush());
    from.resume();
  }

  /** Passes on what may pass now. */
  flush(): void {
    while (this.#queue.length > 0 && this.#isOpen()) {
      const wait = this.#queue[0].due - performance.now();
      if (wait > 0) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.flush(), wait);
        return;
      }
      this.#pass(this.#queue.shift()!.what);
    }
    if (this.held < MAX_HELD) this.#from.resume();
  }

  /** Passes nothing on any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.held = 0;
  }

  #isOpen(): boolean {
    return !this.#faults.stalled.has(this.#way) && !this.#to.writableNeedDrain;
  }

  #hold(what: Held["what"]): void {
    this.#queue.push({ what, due: performance.now() + this.#faults.delay });
    if (typeof what !== "string") this.held += what.length;
    if (this.held >= MAX_HELD) this.#from.pause();
    this.flush();
  }

  #pass(what: Held["what"]): void {
    if (what === "end") {
      this.#to.end();
    } else if (what === "reset") {
      this.#to.resetAndDestroy();
    } else {
      this.held -= what.length;
      this.#faults.passed[this.#way] += what.length;
      this.#to.write(what);
    }
  }
}
