import { assert, assertEquals, assertMatch } from "@std/assert";
import { at as inTheRoom, TOPIC } from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import { type Peer, roomTests } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type ProcessOptions,
  run,
  start,
} from "../support/processes.ts";
import { Terminal } from "../support/tmux.ts";

const test = roomTests("publisher");

const END = "the end of the test";

const at = (broker: { port: number }, ...args: string[]) =>
  inTheRoom(broker, "--name", "Paul", ...args);

const publish = (
  broker: { port: number },
  args: string[],
  stdin?: ProcessOptions["stdin"],
) => run("publisher.ts", at(broker, ...args), { stdin });

/** The messages of payloads that came before the end was told. */
async function messagesUntilEnd(peer: Peer): Promise<string[]> {
  await peer.publish(TOPIC, END);
  return (await peer.until(END)).map(({ text }) => JSON.parse(text).message);
}

test("one message, with all fields, at each QoS", async ({ broker, peer }) => {
  const before = Date.now();
  const ids = new Set<string>();
  for (const qos of [0, 1, 2]) {
    const text = `Grüße 👋 "${qos}"\\ `;
    assertQuietSuccess(await publish(broker, ["-m", text, "-q", `${qos}`]));
    const arrival = await peer.next();
    const { id, at, ...rest } = JSON.parse(arrival.text);
    assertEquals(rest, { type: "message", from: "Paul", message: text });
    assertEquals([arrival.topic, arrival.qos], [TOPIC, qos]);
    assertMatch(`${id} ${at}`, /^.{1,64} [\d-]{10}T[\d:]{8}\.\d{3}Z$/);
    ids.add(id);
    assert(Date.parse(at) >= before && Date.parse(at) <= Date.now(), at);
  }
  assertEquals(ids.size, 3);
});

test("the lines of a pipe, and none", async ({ broker, peer }) => {
  const stdin =
    "one\r\n\n  two \n\r\ndrei: ü日本👩‍👩‍👧\nexit\nlast, without newline";
  assertQuietSuccess(await publish(broker, [], stdin));
  const lines = ["one", "  two ", "drei: ü日本👩‍👩‍👧", "exit"];
  const all = [...lines, "last, without newline"];
  assertEquals(await messagesUntilEnd(peer), all);
  for (const none of ["", "\n\r\n"]) {
    assertQuietSuccess(await publish(broker, [], none));
  }
  assertEquals(await messagesUntilEnd(peer), []);
});

test("2,000 lines in order, each with its own id", async ({ broker, peer }) => {
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
  assertQuietSuccess(await publish(broker, [], lines.join("\n")));
  await peer.publish(TOPIC, END);
  const payloads = (await peer.until(END)).map(({ text }) => JSON.parse(text));
  assertEquals(payloads.map(({ message }) => message), lines);
  assertEquals(new Set(payloads.map(({ id }) => id)).size, lines.length);
});

test("all of stdin as one message", async ({ broker, peer }) => {
  const trace = "Error: no\n\n  at line 7\n/quit\n";
  assertQuietSuccess(await publish(broker, ["-s"], trace));
  const cases: [stdin: string | Uint8Array, code: number, said: RegExp][] = [
    ["\n", 2, /stdin is empty/],
    ["x".repeat(70_000), 5, /: The message was not sent\. It takes 70000 byt/],
    [Uint8Array.of(0xff, 0xfe, 0x61, 0), 1, /: Reading stdin failed: it is UT/],
  ];
  for (const [stdin, code, said] of cases) {
    assertOneLine(await publish(broker, ["-s"], stdin), code, said);
  }
  assertEquals(await messagesUntilEnd(peer), [trace.trimEnd()]);
});

test("one bad line is named, the rest goes on", async ({ broker, peer }) => {
  const stdin = new TextEncoder().encode(
    `a\n${"x".repeat(70_000)}\n${"y".repeat(65_500)}\n?\nb\n`,
  );
  stdin[stdin.lastIndexOf(0x3f)] = 0xff;
  const { code, stdout, stderr } = await publish(broker, [], stdin);
  assertEquals([code, stdout], [5, ""]);
  const said = stderr.trimEnd().split("\n").sort();
  assertEquals(said.length, 3, stderr);
  assertMatch(said[0], /^publisher: Line 2 was not sent.*70000 bytes.*65536/);
  assertMatch(said[1], /^publisher: Line 3 was not sent.*656\d\d bytes.*65536/);
  assertMatch(said[2], /^publisher: Line 4 was not sent.*not UTF-8/);
  assertEquals(await messagesUntilEnd(peer), ["a", "b"]);
});

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
for (const [signal, code] of Object.entries(SIGNALS)) {
  test(`${signal} ends a pipe with exit ${code}`, async ({ broker, peer }) => {
    await using publisher = start("publisher.ts", at(broker));
    await publisher.write("said\n\nsaid, too\nunfinished");
    await peer.next();
    await peer.next();
    const outcome = await publisher.stop(signal as Deno.Signal);
    assertOneLine(outcome, code, /: Stopped after line 3; the rest was not r/);
    assertEquals(await messagesUntilEnd(peer), []);
  });
}

const inTmux = roomTests("publisher", gate(NO_TMUX));

inTmux("progress is one line of a terminal", async ({ broker }) => {
  const words = [Deno.execPath(), "run", "-N", "publisher.ts", ...at(broker)];
  const pipe = async (lines: string, ...flags: string[]) => {
    const terminal = await Terminal.open({ columns: 60 });
    const publish = [...words, ...flags].join(" ");
    await terminal.enter(`clear; (${lines}) | ${publish}; echo code $?`);
    return terminal;
  };
  // The bytes are no message, so a line is written above the progress.
  const lines = "echo a; sleep 4; printf '\\377\\n'; sleep 2; echo b";
  await using terminal = await pipe(lines);
  await using quiet = await pipe("echo a; sleep 3; echo b", "--quiet");
  await terminal.until(/^1 line acknowledged, \d a second$/m);
  assertMatch(await quiet.until(/^code \d$/m), /^code 0\n/);
  const screen = await terminal.until(/^code 5$/m);
  assertMatch(
    screen,
    /^publisher: Line 2 .*\n.*\n2 lines acknowledged in \d s\.\ncode 5$/m,
  );
});
