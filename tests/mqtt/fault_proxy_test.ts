/** The tests' proxy fails as they expect. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { FaultProxy } from "../support/fault_proxy.ts";
import { becomesTrue, inTime } from "../support/patience.ts";

/** A client of a proxy in front of a server that sends back what it gets. */
async function open() {
  const server = createServer((socket) => {
    socket.on("error", () => {}).pipe(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port: targetPort } = server.address() as AddressInfo;
  const proxy = await FaultProxy.start({ targetPort });
  const { port } = proxy;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    proxy,
    async send(text: string) {
      await client.write(new TextEncoder().encode(text));
    },
    /** What comes next; nothing at the end. */
    async receive() {
      const chunk = new Uint8Array(1000);
      const count = await inTime(client.read(chunk)) ?? 0;
      return new TextDecoder().decode(chunk.subarray(0, count));
    },
    end: () => client.closeWrite(),
    async [Symbol.asyncDispose]() {
      client.close();
      await proxy[Symbol.asyncDispose]();
      await once(server.close(), "close");
    },
  };
}

Deno.test("proxy: a cut is a reset, or a plain close", async () => {
  await using lab = await open();
  await lab.send("x");
  await lab.receive();
  lab.proxy.cut();
  await assertRejects(lab.receive, Deno.errors.ConnectionReset);
  await using other = await open();
  await other.send("x");
  await other.receive();
  other.proxy.cut("close");
  assertEquals(await other.receive(), "");
  assertEquals([lab.proxy.cuts, other.proxy.cuts], [1, 1]);
});

Deno.test("proxy: a stall is one-way, and keeps what it holds", async () => {
  await using lab = await open();
  lab.proxy.stall("down");
  await lab.send("a");
  assert(await becomesTrue(() => lab.proxy.passed.up === 1));
  lab.proxy.stall("up");
  lab.proxy.stall("down", false);
  await lab.send("b");
  await lab.end();
  assertEquals(await lab.receive(), "a");
  assertEquals(lab.proxy.passed, { up: 1, down: 1 });
  lab.proxy.stall("up", false);
  assertEquals(await lab.receive(), "b");
  assertEquals(await lab.receive(), "");
});

Deno.test("proxy: delay is added each way, to the stream as a whole", async () => {
  await using lab = await open();
  lab.proxy.delay(50);
  const start = performance.now();
  // Sent one by one, these would take 100 times as long.
  for (let i = 0; i < 100; i++) await lab.send("0123456789");
  for (let got = 0; got < 1000;) got += (await lab.receive()).length;
  const milliseconds = performance.now() - start;
  assert(milliseconds >= 99, `${milliseconds} ms are too few`);
});
