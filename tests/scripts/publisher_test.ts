import { assert, assertEquals, assertMatch } from "@std/assert";
import { at as inRoom, openBroker, TOPIC } from "../support/brokers.ts";
import { gate, NO_TMUX } from "../support/gates.ts";
import { Peer } from "../support/peers.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type ProcessOptions,
  ROOT,
  run,
  start,
} from "../support/processes.ts";
import { Tmux } from "../support/tmux.ts";

const END = "the end of the test";

const at = (broker: { port: number }, ...args: string[]) =>
  inRoom(broker, "--name", "Paul", ...args);

const publish = (
  broker: { port: number },
  args: string[],
  options?: ProcessOptions,
) => run("publisher.ts", at(broker, ...args), options);

/** The messages of payloads that came before the end was told. */
async function messagesUntilEnd(peer: Peer): Promise<string[]> {
  await peer.publish(TOPIC, END);
  return (await peer.until(END)).map(({ text }) => JSON.parse(text).message);
}

Deno.test("publisher: one message, with all its fields, at each QoS", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const before = Date.now();
  const ids = new Set<string>();
  for (const qos of [0, 1, 2]) {
    const text = `Grüße 👋 "${qos}"\\ `;
    assertQuietSuccess(await publish(broker, ["-m", text, "-q", `${qos}`]));
    const arrival = await peer.next();
    const { id, at, ...rest } = JSON.parse(arrival.text);
    assertEquals(rest, { type: "message", from: "Paul", message: text });
    assertEquals([arrival.topic, arrival.qos], [TOPIC, qos]);
    assertMatch(id, /^.{1,64}$/);
    ids.add(id);
    assertMatch(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert(Date.parse(at) >= before && Date.parse(at) <= Date.now(), at);
  }
  assertEquals(ids.size, 3);
});

Deno.test("publisher: the lines of a pipe", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const stdin =
    "one\r\n\n  two \n\r\ndrei: ü日本👩‍👩‍👧\nexit\nlast, without newline";
  assertQuietSuccess(await publish(broker, [], { stdin }));
  assertEquals(await messagesUntilEnd(peer), [
    "one",
    "  two ",
    "drei: ü日本👩‍👩‍👧",
    "exit",
    "last, without newline",
  ]);
});

Deno.test("publisher: 2,000 lines, in order, each with its own id", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
  assertQuietSuccess(await publish(broker, [], { stdin: lines.join("\n") }));
  await peer.publish(TOPIC, END);
  const payloads = (await peer.until(END)).map(({ text }) => JSON.parse(text));
  assertEquals(payloads.map(({ message }) => message), lines);
  assertEquals(new Set(payloads.map(({ id }) => id)).size, lines.length);
});

Deno.test("publisher: all of stdin as one message", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const trace = "Error: no\n\n  at line 7\n/quit\n";
  assertQuietSuccess(await publish(broker, ["-s"], { stdin: trace }));
  for (const stdin of ["", "\n"]) {
    const empty = await publish(broker, ["-s"], { stdin });
    assertOneLine(empty, 2, /stdin is empty/);
  }
  const long = await publish(broker, ["-s"], { stdin: "x".repeat(70_000) });
  assertOneLine(long, 5, /: The message was not sent\. It takes 70000 bytes/);
  const utf16 = Uint8Array.of(0xff, 0xfe, 0x61, 0);
  const wide = await publish(broker, ["-s"], { stdin: utf16 });
  assertOneLine(wide, 1, /: Reading stdin failed: it is UTF-16/);
  assertEquals(await messagesUntilEnd(peer), [trace.trimEnd()]);
});

Deno.test("publisher: an empty pipe sends nothing", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  assertQuietSuccess(await publish(broker, []));
  assertQuietSuccess(await publish(broker, [], { stdin: "\n\r\n" }));
  assertEquals(await messagesUntilEnd(peer), []);
});

Deno.test("publisher: a line that can't be sent is named, the rest goes on", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const stdin = new TextEncoder().encode(
    `a\n${"x".repeat(70_000)}\n${"y".repeat(65_500)}\n?\nb\n`,
  );
  stdin[stdin.lastIndexOf(0x3f)] = 0xff;
  const { code, stdout, stderr } = await publish(broker, [], { stdin });
  assertEquals([code, stdout], [5, ""]);
  const said = stderr.split("\n");
  assertEquals(said.length, 3 + 1, stderr);
  const find = (line: number) =>
    said.find((text) => text.includes(`Line ${line} was not sent`)) ?? "";
  assertMatch(find(2), /^publisher: .*70000 bytes.*65536/);
  assertMatch(find(3), /^publisher: .*656\d\d bytes.*65536/);
  assertMatch(find(4), /^publisher: .*not UTF-8/);
  assertEquals(await messagesUntilEnd(peer), ["a", "b"]);
});

for (
  const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const
) {
  Deno.test(`publisher: ${signal} before the end of a pipe is exit ${code}`, async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker, TOPIC);
    await using publisher = start("publisher.ts", at(broker));
    await publisher.write("said\n\nsaid, too\nunfinished");
    await peer.next();
    await peer.next();
    publisher.signal(signal);
    assertEquals(await publisher.outcome(), {
      code,
      stdout: "",
      stderr: "publisher: Stopped after line 3; the rest was not read.\n",
    });
    assertEquals(await messagesUntilEnd(peer), []);
  });
}

gate(NO_TMUX)("publisher: progress is one line of a terminal", async () => {
  await using broker = await openBroker();
  await using tmux = new Tmux(`mqtt-chat-progress-${Deno.pid}`);
  const size = { columns: 60, rows: 10 };
  const terminal = await tmux.open(size, ROOT.pathname);
  const publish = `${Deno.execPath()} run -N publisher.ts ${
    at(broker).join(" ")
  }`;
  // The bytes are no message, so a line is written above the progress.
  const input = "(echo a; sleep 4; printf '\\377\\n'; sleep 2; echo b)";
  await terminal.enter(`clear; ${input} | ${publish}; echo code $?`);
  const quiet = await tmux.open(size, ROOT.pathname);
  const slow = "(echo a; sleep 3; echo b)";
  await quiet.enter(`clear; ${slow} | ${publish} --quiet; echo code $?`);
  await terminal.until(/^1 line acknowledged, \d a second$/m);
  assertMatch(await quiet.until(/^code \d$/m), /^code 0\n/);
  const screen = await terminal.until(/^code 5$/m);
  assertMatch(
    screen,
    /^publisher: Line 2 .*\n.*\n2 lines acknowledged in \d s\.\ncode 5$/m,
  );
});
