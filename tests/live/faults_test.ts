/**
 * Links that go silent, readers that fall behind or come back, and input
 * without end, against a real Mosquitto.
 */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { Mosquitto, UNLIMITED_QUEUES } from "../support/mosquitto.ts";
import { Peer } from "../support/peers.ts";
import { ROOT, run, start } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);

/** The shortest there is, in seconds. */
const KEEPALIVE = 5;

live("a black hole is noticed within 1.5 × keep alive + 1 s", async () => {
  await using broker = await Mosquitto.start();
  await using proxy = await FaultProxy.start({ targetPort: broker.port });
  const args = ["-h", proxy.host, "-k", String(KEEPALIVE), "--debug"];
  await using listener = start("listener.ts", args);
  await using publisher = start("publisher.ts", args);
  await listener.stdout.line(/now subscribed/);
  await publisher.stderr.line(/^Connected/);
  proxy.blackHole();
  const from = performance.now();
  await Promise.all([listener, publisher].map(async ({ stderr }, index) => {
    await stderr.line(/^Disconnected .*: keepalive timeout/i);
    const seconds = (performance.now() - from) / 1000;
    const who = index === 0 ? "listener" : "publisher";
    console.log(`the ${who} noticed after ${seconds.toFixed(1)} s`);
    assertLess(seconds, 1.5 * KEEPALIVE + 1);
  }));
});

for (const version of ["5", "311"]) {
  live(
    `a resumed session over MQTT ${version} shows what was missed`,
    async () => {
      await using broker = await Mosquitto.start();
      const room = ["-h", broker.host, "-t", "chat/kept", "-V", version];
      const resume = ["-c", "-i", "reader", "-n", "Rita"];
      const first = await run("listener.ts", [...room, ...resume, "-W", "0.1"]);
      assertEquals(first.code, 0, first.stderr);
      const stdin = "one\ntwo\nthree\n";
      assertEquals((await run("publisher.ts", room, { stdin })).code, 0);
      await using again = start("listener.ts", [...room, ...resume]);
      await again.stdout.line(/ == 3 messages came while you were away\.$/);
      await again.stdout.line(
        / -- User Rita is now subscribed to chat\/kept\.$/,
      );
      again.signal("SIGTERM");
      const { code, stdout } = await again.outcome();
      assertEquals(code, 0);
      const sent = String.raw`\(sent \d\d:\d\d:\d\d\) chat:`;
      const kept = ["one", "two", "three"].map((text) =>
        `\\S+ ${sent} ${text}\n`
      );
      assertMatch(stdout, new RegExp(`^${kept.join("")}\\S+ == 3 messages`));
    },
  );
}

for (const version of ["5", "311"]) {
  live(
    `QoS 2 on a slow link loses and doubles nothing, MQTT ${version}`,
    async () => {
      await using broker = await Mosquitto.start();
      await using proxy = await FaultProxy.start({ targetPort: broker.port });
      const room = ["-t", "chat/twice", "-q", "2", "-V", version];
      const reader = ["-h", proxy.host, ...room, "-c", "-i", "reader"];
      const read = async (seconds: number) => {
        const wait = ["--no-announce", "-W", seconds.toFixed(3)];
        const outcome = await run("listener.ts", [...reader, ...wait]);
        assertEquals(outcome.code, 0, outcome.stderr);
        return [...outcome.stdout.matchAll(/ chat: (\d+)$/gm)]
          .map(([, number]) => Number(number));
      };
      assertEquals(await read(0.1), []);
      proxy.delay(60);
      const sender = ["-h", broker.host, ...room];
      await using publisher = start("publisher.ts", sender);
      const numbers = Array.from({ length: 300 }, (_, index) => index + 1);
      const sent = (async () => {
        // For longer than a few runs, so that each ends among messages.
        for (const n of numbers) {
          await publisher.write(`${n}\n`);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await publisher.endInput();
      })();
      const shown: number[] = [];
      let runs = 0;
      // Each run ends somewhere between PUBLISH, PUBREC and PUBREL.
      for (; shown.length < numbers.length; runs++) {
        shown.push(...await read(0.2 + Math.random() / 4));
      }
      await sent;
      console.log(`shown in ${runs} runs`);
      assertEquals(shown, numbers);
    },
  );
}

live("a kept message over the limit is skipped, once", async () => {
  await using broker = await Mosquitto.start();
  const room = ["-h", broker.host, "-t", "chat/large", "-V", "311"];
  const reader = [...room, "-c", "-i", "reader", "--no-announce"];
  assertEquals((await run("listener.ts", [...reader, "-W", "0.1"])).code, 0);
  const peer = await Peer.connect(broker);
  await peer.publish("chat/large", "x".repeat(1_500_000));
  await peer[Symbol.asyncDispose]();
  assertEquals((await run("publisher.ts", [...room, "-m", "hi"])).code, 0);
  const { code, stdout } = await run("listener.ts", [...reader, "-C", "2"]);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /^\S+ == A payload is over the limit of 1048576 bytes\.\n\S+ \(sent \S+\) chat: hi\n/,
  );
  const again = await run("listener.ts", [...reader, "-W", "0.5"]);
  assertMatch(again.stdout, /^\S+ == 0 messages came while you were away\.\n$/);
});

live("filters that overlap show a message once over MQTT 5", async () => {
  await using broker = await Mosquitto.start({
    extra: ["allow_duplicate_messages true"],
  });
  const rooms = ["-t", "chat/#", "-t", "chat/x"];
  const args = ["-h", broker.host, "--no-announce"];
  await using listener = start("listener.ts", [...args, ...rooms]);
  for (const _ of rooms.slice(2)) await listener.stderr.line(/^Reading /);
  const peer = await Peer.connect(broker);
  // Without an id, by which copies are known.
  for (const text of ["21.5", "21.5", "end"]) {
    await peer.publish("chat/x", text);
  }
  await peer[Symbol.asyncDispose]();
  await listener.stdout.line(/ end$/);
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome();
  assertEquals(stdout.match(/\?\? 21\.5$/gm)?.length, 2);
});

live("an orderly exit leaves no session behind", async () => {
  await using broker = await Mosquitto.start();
  const room = ["-h", broker.host, "-t", "chat/left", "-i", "reader"];
  assertEquals((await run("listener.ts", [...room, "-W", "0.1"])).code, 0);
  const args = [...room.slice(0, 4), "-m", "into the void"];
  assertEquals((await run("publisher.ts", args)).code, 0);
  const again = await run("listener.ts", [...room, "-c", "-W", "0.5"]);
  assertEquals(again.stdout.includes("into the void"), false);
  assertEquals(again.stdout.includes("while you were away"), false);
});

live(
  "an output that is blocked loses the oldest lines, and says so",
  async () => {
    await using broker = await Mosquitto.start();
    const room = ["-h", broker.host, "-t", "chat/flood"];
    // Not read until the flood is over.
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "-N", "listener.ts", ...room],
        ...["-k", String(KEEPALIVE), "--no-announce"],
      ],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = child.stderr.pipeThrough(new TextDecoderStream())
      .getReader();
    let said = "";
    while (!said.includes("Reading")) said += (await stderr.read()).value;
    const stdin = `${"x".repeat(2_500)}\n`.repeat(20_000);
    assertEquals((await run("publisher.ts", room, { stdin })).code, 0);
    // Longer than a client that doesn't ping is tolerated.
    await new Promise((ping) => setTimeout(ping, 1500 * KEEPALIVE + 1000));
    assertEquals((await run("publisher.ts", [...room, "-m", "last"])).code, 0);
    let text = "";
    for await (
      const part of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      if (text.endsWith("chat: last\n")) child.kill("SIGINT");
    }
    const { value: more } = await stderr.read();
    await stderr.cancel();
    assertEquals((await child.status).code, 0);
    assertEquals(more, undefined, "it kept its connection");
    const dropped = Number(/ == (\d+) lines dropped here/.exec(text)?.[1]);
    const shown = text.match(/chat: x+$/gm)?.length ?? 0;
    console.log(`of 20000 lines, ${shown} shown, ${dropped} told as dropped`);
    assertEquals(shown + dropped, 20_000);
  },
);

live("with --resume an output that is blocked loses nothing", async () => {
  await using broker = await Mosquitto.start({
    // So that all of it is on its way at once.
    extra: [...UNLIMITED_QUEUES, "max_inflight_messages 0"],
  });
  const count = 20_000;
  const room = ["-h", broker.host, "-t", "chat/flood"];
  // Read only when the flood is over.
  await using child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "-N", "listener.ts", ...room],
      ...["-c", "-i", "reader", "--no-announce", "-C", String(count)],
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = child.stderr.pipeThrough(new TextDecoderStream());
  let said = "";
  const reading = Promise.withResolvers<void>();
  const all = (async () => {
    for await (const text of stderr) {
      said += text;
      if (said.includes("Reading")) reading.resolve();
    }
  })();
  await reading.promise;
  const rest = "x".repeat(2_500);
  const numbers = Array.from({ length: count }, (_, n) => n + 1);
  const stdin = numbers.map((n) => `${n} ${rest}\n`).join("");
  assertEquals((await run("publisher.ts", room, { stdin })).code, 0);
  const stdout = await new Response(child.stdout).text();
  assertEquals((await child.status).code, 0);
  await all;
  const shown = [...stdout.matchAll(/ chat: (\d+) x/g)]
    .map(([, number]) => Number(number));
  assertEquals(shown, numbers);
  // It was connected anew for what it had left to the broker.
  assertMatch(said, /Reading .*\nReading /);
});

live("1,000,000 piped lines take the memory of 10,000", async () => {
  await using broker = await Mosquitto.start();
  const few = await peakMemory(broker, 10_000, SMALL_HEAP);
  const many = await peakMemory(broker, 1_000_000, SMALL_HEAP);
  console.log(`peak RSS: ${few} MB for 10,000 lines, ${many} for 1,000,000`);
  assertLess(many / few, 1.3);
  // V8's young generation grows to its limit within the first 50,000 lines,
  // 50 MB that are no part of what is kept; after that it is flat.
  const [some, more] = [
    await peakMemory(broker, 50_000),
    await peakMemory(broker, 200_000),
  ];
  console.log(`without the flag: ${some} MB for 50,000, ${more} for 200,000`);
  assertLess(more / some, 1.3);
});

/** As `deno task publish` and the compiled executables run it. */
const SMALL_HEAP =
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100";

/** The peak resident memory of a publisher that sends lines, in MB. */
async function peakMemory(
  broker: Mosquitto,
  lines: number,
  ...flags: string[]
): Promise<number> {
  await using publisher = start("publisher.ts", ["-h", broker.host], {
    permissions: ["-N", ...flags],
  });
  let megabytes = 0;
  const look = setInterval(() => {
    const peak = /VmHWM:\s+(\d+) kB/.exec(publisher.systemStatus())?.[1];
    if (peak !== undefined) megabytes = Math.round(Number(peak) / 1024);
  }, 50);
  const batch = 1000;
  for (let first = 1; first <= lines; first += batch) {
    let text = "";
    for (let n = first; n < first + batch; n++) text += `line ${n}\n`;
    await publisher.write(text);
  }
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome(120_000);
  clearInterval(look);
  assertEquals([code, stderr], [0, ""]);
  return megabytes;
}
