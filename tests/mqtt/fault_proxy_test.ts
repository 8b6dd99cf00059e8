import { assert, assertEquals, assertRejects } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { freePort } from "../support/mosquitto.ts";
import { PATIENCE_MS } from "../support/text_lines.ts";

/** A server that sends back what it gets, until the other side ends. */
class EchoServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving = this.#serve();
  /** How many connections it has got. */
  connections = 0;

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Sends the same to all. */
  async tellAll(text: string): Promise<void> {
    for (const connection of this.#open) await send(connection, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      this.#open.add(connection);
      served.push(this.#echo(connection));
    }
    await Promise.all(served);
  }

  async #echo(connection: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await connection.read(chunk);
        if (count === null) break;
        await writeAll(connection, chunk.subarray(0, count));
      }
    } catch {
      // It was reset, or we are closing.
    }
    if (this.#open.delete(connection)) connection.close();
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await to.write(bytes.subarray(sent));
  }
}

async function send(to: Deno.TcpConn, text: string): Promise<void> {
  await writeAll(to, new TextEncoder().encode(text));
}

/** Reads what comes next; null at the end. */
async function receive(from: Deno.TcpConn): Promise<string | null> {
  const chunk = new Uint8Array(1000);
  // Nothing within the patience: closing ends the reading with an error.
  const timer = setTimeout(() => from.close(), PATIENCE_MS);
  const count = await from.read(chunk).finally(() => clearTimeout(timer));
  if (count === null) return null;
  return new TextDecoder().decode(chunk.subarray(0, count));
}

/** Waits until something has become true. */
async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    assert(performance.now() < deadline, `It never was that ${isTrue}.`);
    await new Promise((again) => setTimeout(again, 1));
  }
}

async function dial({ port }: { port: number }): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Starts a proxy in front of an echo server, and a client of it. */
async function open() {
  const server = new EchoServer();
  const proxy = await FaultProxy.start({ targetPort: server.port });
  const client = await dial(proxy);
  return {
    server,
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("proxy: bytes and the end pass, both ways, counted", async () => {
  await using lab = await open();
  await send(lab.client, "hello");
  assertEquals(await receive(lab.client), "hello");
  assertEquals(lab.proxy.passed, { up: 5, down: 5 });
  assertEquals([lab.proxy.links, lab.proxy.openLinks], [1, 1]);
  await lab.client.closeWrite();
  assertEquals(await receive(lab.client), null);
  await until(() => lab.proxy.openLinks === 0);
  assertEquals([lab.proxy.links, lab.proxy.held], [1, 0]);
});

Deno.test("proxy: a cut resets every link; new ones work", async () => {
  await using lab = await open();
  using second = await dial(lab.proxy);
  for (const client of [lab.client, second]) {
    await send(client, "x");
    await receive(client);
  }
  assertEquals(lab.proxy.cut(), 2);
  for (const client of [lab.client, second]) {
    await assertRejects(() => receive(client), Deno.errors.ConnectionReset);
  }
  await until(() => lab.proxy.openLinks === 0);
  using third = await dial(lab.proxy);
  await send(third, "again");
  assertEquals(await receive(third), "again");
  assertEquals([lab.proxy.links, lab.proxy.cuts], [3, 2]);
});

Deno.test("proxy: a cut can be a plain close", async () => {
  await using lab = await open();
  await send(lab.client, "x");
  await receive(lab.client);
  lab.proxy.cut("close");
  assertEquals(await receive(lab.client), null);
});

Deno.test("proxy: a black hole passes nothing, then all of it", async () => {
  await using lab = await open();
  await send(lab.client, "before");
  assertEquals(await receive(lab.client), "before");
  lab.proxy.blackHole(true);
  await send(lab.client, "up");
  await lab.server.tellAll("down");
  await until(() => lab.proxy.held === "up".length + "down".length);
  using late = await dial(lab.proxy);
  await send(late, "late");
  await until(() => lab.proxy.links === 2);
  // The server accepts in order: had it been told of that one, it came first.
  using direct = await dial(lab.server);
  await send(direct, "x");
  await receive(direct);
  assertEquals(lab.server.connections, 2);
  assertEquals(lab.proxy.passed, { up: 6, down: 6 });
  lab.proxy.blackHole(false);
  assertEquals(await receive(lab.client), "down");
  assertEquals(await receive(lab.client), "up");
  assertEquals(await receive(late), "late");
});

Deno.test("proxy: a black hole hides that a side has gone", async () => {
  await using lab = await open();
  const gone = await dial(lab.proxy);
  await send(gone, "x");
  await receive(gone);
  lab.proxy.blackHole(true);
  await send(gone, "last words");
  gone.close();
  await until(() => lab.proxy.held === "last words".length);
  assertEquals(lab.proxy.openLinks, 2);
  lab.proxy.blackHole(false);
  await until(() => lab.proxy.openLinks === 1);
  assertEquals(lab.proxy.passed.up, "x".length + "last words".length);
});

Deno.test("proxy: a stall is one-way", async () => {
  await using lab = await open();
  await send(lab.client, "x");
  await receive(lab.client);
  lab.proxy.stall("up");
  await send(lab.client, "up");
  await until(() => lab.proxy.held === 2);
  await lab.server.tellAll("down");
  assertEquals(await receive(lab.client), "down");
  lab.proxy.stall("up", false);
  assertEquals(await receive(lab.client), "up");
  lab.proxy.stall("down");
  await send(lab.client, "echo");
  await until(() => lab.proxy.held === 4);
  assertEquals(lab.proxy.passed.up, 7);
  lab.proxy.stall("down", false);
  assertEquals(await receive(lab.client), "echo");
});

Deno.test("proxy: delay is added each way, to the stream as a whole", async () => {
  await using lab = await open();
  lab.proxy.delay(50);
  const start = performance.now();
  // Sent one by one, these would take 100 times as long.
  for (let i = 0; i < 100; i++) await send(lab.client, "0123456789");
  for (let got = 0; got < 1000;) got += (await receive(lab.client))!.length;
  const milliseconds = performance.now() - start;
  assert(milliseconds >= 100, `${milliseconds} ms are too few`);
  assert(milliseconds < 5000, `${milliseconds} ms are too many`);
});

Deno.test("proxy: a refused link is closed without a word", async () => {
  await using lab = await open();
  lab.proxy.refuse(true);
  using refused = await dial(lab.proxy);
  assertEquals(await receive(refused), null);
  lab.proxy.refuse(false);
  using served = await dial(lab.proxy);
  await send(served, "x");
  assertEquals(await receive(served), "x");
  assertEquals(lab.proxy.links, 3);
});

Deno.test("proxy: nobody behind it ends the link", async () => {
  await using proxy = await FaultProxy.start({ targetPort: freePort() });
  using client = await dial(proxy);
  await assertRejects(() => receive(client), Deno.errors.ConnectionReset);
});

Deno.test("proxy: what a slow reader leaves waits with the sender", async () => {
  const MiB = 1024 * 1024;
  await using lab = await open();
  let sent = 0;
  let most = 0;
  const sending = (async () => {
    const chunk = new Uint8Array(MiB);
    for (; sent < 64 * MiB; sent += MiB) {
      await writeAll(lab.client, chunk);
      most = Math.max(most, lab.proxy.held);
    }
  })();
  // The echo comes to a halt all the way back, since nobody reads it.
  for (let before = -1; before < lab.proxy.passed.up;) {
    before = lab.proxy.passed.up;
    await new Promise((later) => setTimeout(later, 200));
  }
  assert(sent < 64 * MiB, "the sender was never held up");
  const sink = new Uint8Array(MiB);
  for (let got = 0; got < 64 * MiB;) got += (await lab.client.read(sink))!;
  await sending;
  assert(most < 3 * MiB, `it held ${most} bytes`);
  assertEquals(lab.proxy.passed, { up: 64 * MiB, down: 64 * MiB });
});
