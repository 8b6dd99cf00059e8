/**
 * Links that go silent, sessions that are resumed or left, readers that fall
 * behind, and input without end, against a real Mosquitto.
 */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { FaultProxy } from "../support/fault_proxy.ts";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { listen, numbersIn, send, upTo } from "../support/live.ts";
import { Mosquitto } from "../support/servers.ts";
import { Peer } from "../support/peers.ts";
import { ROOT, run, start, TextLineReader } from "../support/processes.ts";

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
  proxy.stall("up");
  proxy.stall("down");
  const from = performance.now();
  await Promise.all([listener, publisher].map(async ({ stderr }) => {
    await stderr.line(/^Disconnected .*: keepalive timeout/i);
    assertLess((performance.now() - from) / 1000, 1.5 * KEEPALIVE + 1);
  }));
});

for (const version of ["5", "311"]) {
  live(`MQTT ${version}: a session is resumed, or none is left`, async () => {
    await using broker = await Mosquitto.start();
    const room = ["-h", broker.host, "-t", "chat/kept", "-V", version];
    const reader = [...room, "-i", "reader", "-n", "Rita"];
    const resume = [...reader, "-c"];
    const first = await run("listener.ts", [...resume, "-W", "0.1"]);
    assertEquals(first.code, 0, first.stderr);
    await send(room, ["one", "two"]);
    {
      await using peer = await Peer.connect(broker);
      await peer.publish("chat/kept", "x".repeat(1_500_000));
    }
    await send(room, ["three"]);
    await using again = await listen(resume);
    // MQTT 5 tells the broker of the limit: 3.1.1 skips the message, and once.
    const count = version === "311" ? 4 : 3;
    await again.stdout.line(
      RegExp(` == ${count} messages came while you were away\\.$`),
    );
    await again.stdout.line(/ -- User Rita is now subscribed to chat\/kept\.$/);
    const { code, stdout } = await again.stop();
    const shown = stdout.split("\n").slice(0, count)
      .map((line) => line.replace(/^\S+ (\(sent [\d:]{8}\) )?/, "$1"))
      .map((line) => line.replace(/[\d:]{8}/, "TIME"));
    const tooLarge = "== A payload is over the limit of 1048576 bytes.";
    assertEquals([code, shown], [0, [
      "(sent TIME) chat: one",
      "(sent TIME) chat: two",
      ...version === "311" ? [tooLarge] : [],
      "(sent TIME) chat: three",
    ]]);
    const more = await run("listener.ts", [...resume, "-W", "0.5"]);
    assertMatch(more.stdout, /^\S+ == 0 messages came while you were away\.\n/);
    // Without --resume, nothing is kept after an orderly exit.
    assertEquals((await run("listener.ts", [...reader, "-W", "0.1"])).code, 0);
    await send(room, ["into the void"]);
    const late = await run("listener.ts", [...resume, "-W", "0.5"]);
    assertEquals(late.stdout.match(/void|while you were away/g), null);
  });

  live(`MQTT ${version}: on a slow link QoS 2 is exactly once`, async () => {
    await using broker = await Mosquitto.start();
    await using proxy = await FaultProxy.start({ targetPort: broker.port });
    const room = ["-t", "chat/twice", "-q", "2", "-V", version];
    const reader = ["-h", proxy.host, ...room, "-c", "-i", "reader"];
    const read = async (seconds: number) => {
      const wait = ["--no-announce", "-W", seconds.toFixed(3)];
      const outcome = await run("listener.ts", [...reader, ...wait]);
      assertEquals(outcome.code, 0, outcome.stderr);
      return numbersIn(outcome.stdout);
    };
    assertEquals(await read(0.1), []);
    proxy.delay(60);
    const sender = ["-h", broker.host, ...room];
    await using publisher = start("publisher.ts", sender);
    const numbers = upTo(300);
    const sent = (async () => {
      // For longer than a few runs, so that each ends among messages.
      for (const n of numbers) {
        await publisher.write(`${n}\n`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await publisher.endInput();
    })();
    const shown: number[] = [];
    // Each run ends somewhere between PUBLISH, PUBREC and PUBREL.
    while (shown.length < numbers.length) {
      shown.push(...await read(0.2 + Math.random() / 4));
    }
    await sent;
    assertEquals(shown, numbers);
  });

  live(`MQTT ${version}: QoS 2 after the session is lost`, async () => {
    await using broker = await Mosquitto.start();
    await using proxy = await FaultProxy.start({ targetPort: broker.port });
    const room = ["-t", "chat/twice", "-q", "2", "-V", version];
    const reader = ["-h", proxy.host, ...room, "--no-announce"];
    await using listener = await listen(reader);
    // PUBREC does not get through, so that the packet id stays in use.
    proxy.stall("up");
    await send(["-h", broker.host, ...room], ["before"]);
    await listener.stdout.line(/ chat: before$/);
    await broker.down("SIGKILL");
    proxy.stall("up", false);
    await broker.up();
    await listener.stderr.line(/^Reading /);
    // The new session begins with the same packet id.
    await send(["-h", broker.host, ...room], ["after"]);
    await listener.stdout.line(/ chat: after$/);
  });
}

live("filters that overlap show a message once over MQTT 5", async () => {
  await using broker = await Mosquitto.start({
    extra: ["allow_duplicate_messages true"],
  });
  const args = ["-h", broker.host, "--no-announce"];
  await using listener = start(
    "listener.ts",
    [...args, "-t", "chat/#", "-t", "chat/x"],
  );
  for (let room = 0; room < 2; room++) await listener.stderr.line(/^Reading /);
  await using peer = await Peer.connect(broker);
  // Without an id, by which copies are known.
  for (const text of ["21.5", "21.5", "end"]) {
    await peer.publish("chat/x", text);
  }
  await listener.stdout.line(/ end$/);
  assertEquals(listener.stdout.soFar.match(/\?\? 21\.5$/gm)?.length, 2);
});

/** A listener, with stdout unread for now. */
async function startUnread(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-N", "listener.ts", ...args],
    ...{ cwd: ROOT, stdin: "null", stdout: "piped", stderr: "piped" },
  }).spawn();
  const stderr = new TextLineReader(child.stderr, "stderr");
  await stderr.line(/^Reading /);
  return { child, stderr };
}

live("a blocked output drops lines and says so; --resume none", async () => {
  await using broker = await Mosquitto.start({
    // So that all of it is on its way at once.
    extra: ["max_inflight_messages 0"],
  });
  const count = 20_000;
  const room = ["-h", broker.host, "-t", "chat/flood"];
  const flags = ["--no-announce", "-k", String(KEEPALIVE)];
  await using dropping = (await startUnread(...room, ...flags)).child;
  const resume = ["-c", "-i", "reader", "-C", String(count)];
  const keeping = await startUnread(...room, ...flags, ...resume);
  await using _ = keeping.child;
  const rest = "x".repeat(2_500);
  await send(room, upTo(count).map((n) => `${n} ${rest}`));
  // Longer than a client that doesn't ping is tolerated.
  await new Promise((ping) => setTimeout(ping, 1500 * KEEPALIVE + 1000));
  await send(room, ["last"]);
  let [text, end] = ["", ""];
  const stdout = dropping.stdout.pipeThrough(new TextDecoderStream());
  for await (const part of stdout) {
    text += part;
    end = (end + part).slice(-20);
    if (end.endsWith(" chat: last\n")) dropping.kill("SIGINT");
  }
  assertEquals((await dropping.status).code, 0);
  const dropped = Number(/ == (\d+) lines dropped here/.exec(text)?.[1]);
  assertEquals(numbersIn(text).length + dropped, count);
  // A connection that was lost in between would be reported, too.
  assertEquals(text.match(/ == /g)?.length, 1);
  const kept = await new TextLineReader(keeping.child.stdout, "stdout").text();
  assertEquals((await keeping.child.status).code, 0);
  assertEquals(numbersIn(kept), upTo(count));
  // It was connected anew for what it had left to the broker.
  assert(/Reading .*\nReading /.test(await keeping.stderr.text()));
});

/** As `deno task publish` and the compiled executables run it. */
const SMALL_HEAP =
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100";

live("many piped lines take the memory of a few", async () => {
  await using broker = await Mosquitto.start();
  const few = await peakMemory(broker, 10_000, SMALL_HEAP);
  const many = await peakMemory(broker, 1_000_000, SMALL_HEAP);
  assertLess(many / few, 1.3);
  // Without the flag, V8's young generation grows to its limit within the
  // first 50,000 lines; after that it is flat.
  const some = await peakMemory(broker, 50_000);
  const more = await peakMemory(broker, 200_000);
  assertLess(more / some, 1.3);
});

/** The peak resident memory of a publisher that sends lines, in kB. */
async function peakMemory(
  broker: Mosquitto,
  lines: number,
  ...flags: string[]
): Promise<number> {
  await using publisher = start("publisher.ts", ["-h", broker.host], {
    permissions: ["-N", ...flags],
  });
  let peak = 0;
  const look = setInterval(() => {
    const status = publisher.systemStatus();
    peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? peak);
  }, 50);
  const batch = 1000;
  for (let first = 1; first <= lines; first += batch) {
    const text = upTo(batch).map((n) => `line ${first + n}\n`).join("");
    await publisher.write(text);
  }
  await publisher.endInput();
  const { code, stderr } = await publisher.outcome(120_000);
  clearInterval(look);
  assertEquals([code, stderr], [0, ""]);
  return peak;
}
