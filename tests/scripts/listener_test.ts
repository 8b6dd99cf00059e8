import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { at as inRoom, hostOf, openBroker, TOPIC } from "../support/brokers.ts";
import { becomesTrue } from "../support/patience.ts";
import { Peer, said } from "../support/peers.ts";
import {
  type Outcome,
  type Process,
  run,
  start,
} from "../support/processes.ts";

const at = (broker: { port: number }, ...args: string[]) =>
  inRoom(broker, "--name", "Lea", ...args);

/** A listener, once it reads every room it was told to. */
async function reading(
  broker: { port: number },
  ...args: string[]
): Promise<Process> {
  const listener = start("listener.ts", at(broker, ...args));
  try {
    const topics = args.filter((arg) => arg === "-t").length;
    for (let count = 0; count <= topics; count++) {
      await listener.stderr.line(/^Reading .* at QoS \d\.$/);
    }
  } catch (error) {
    await listener[Symbol.asyncDispose]();
    throw error;
  }
  return listener;
}

/** What a listener shows, without its times, in which none is missing. */
function shown({ stdout }: Outcome): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => {
    assertMatch(line, /^\d\d:\d\d:\d\d /);
    return line.slice("00:00:00 ".length);
  });
}

const JOINED = "User Lea is now subscribed to chat/room.";
const LEFT = "User Lea disconnecting from chat/room.";

for (const signal of ["SIGINT", "SIGTERM"] satisfies Deno.Signal[]) {
  Deno.test(`listener: joins, reads, and leaves at ${signal}`, async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker, TOPIC);
    await using listener = await reading(broker);
    const { id, at, key, sig, ...joined } = JSON.parse(
      (await peer.next()).text,
    );
    assertMatch(`${key} ${sig}`, /^[\w-]{43} [\w-]{86}$/);
    assertEquals(joined, { type: "notice", from: "Lea", notice: JOINED });
    assertMatch(`${id} ${at}`, /^.{1,64} \d{4}-\d\d-\d\dT.*Z$/);
    await listener.stdout.line(/^\d\d:\d\d:\d\d -- User Lea is now subscribed/);
    await peer.publish(TOPIC, said("Grüße 👋"));
    await listener.stdout.line(/^\d\d:\d\d:\d\d ann: Grüße 👋$/);
    await peer.next();
    listener.signal(signal);
    const outcome = await listener.outcome();
    assertEquals(outcome.code, 0);
    assertEquals(
      outcome.stderr,
      `Connected to ${hostOf(broker)}.\nReading chat/room at QoS 1.\n`,
    );
    assertEquals(JSON.parse((await peer.next()).text).notice, LEFT);
    // No will after a leave in good order.
    await peer.publish(TOPIC, "end");
    assertEquals(await peer.until("end"), []);
  });
}

Deno.test("listener: --json is one object a line", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using listener = await reading(broker, "--json", "-C", "3");
  await listener.stdout.line(/now subscribed/);
  await peer.publish(TOPIC, said("a\nb\u001b[2J \u202e"));
  await peer.publish(TOPIC, '{"type":"info","from":"bob","notice":"left"}');
  await peer.publish(TOPIC, Uint8Array.of(0xff, 0x00));
  const outcome = await listener.outcome();
  assertEquals(outcome.code, 0);
  assertFalse(/[^\P{Cc}\n]|\u202e/u.test(outcome.stdout), outcome.stdout);
  const lines = outcome.stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const parts = lines.map(({ type, from, text }) => [type, from, text]);
  assertEquals(parts, [
    ["notice", "Lea", JOINED],
    ["message", "ann", "a\nb\u001b[2J \u202e"],
    ["notice", "bob", "left"],
    ["malformed", undefined, "\ufffd\0"],
  ]);
  for (const { receivedAt, topic, qos, retain } of lines) {
    assertFalse(Number.isNaN(Date.parse(receivedAt)));
    assertEquals([topic, qos, retain], [TOPIC, 1, false]);
  }
});

Deno.test("listener: --count leaves its own notices out", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using listener = await reading(broker, "--count", "2");
  await listener.stdout.line(/now subscribed/);
  for (const text of ["one", "two", "three"]) {
    await peer.publish(TOPIC, said(text));
  }
  const outcome = await listener.outcome();
  assertEquals(outcome.code, 0);
  assertEquals(shown(outcome), [`-- ${JOINED}`, "ann: one", "ann: two"]);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`listener: ${signal} before --count is exit ${code}`, async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker);
    await using listener = await reading(broker, "-C", "2", "-W", "60");
    await listener.stdout.line(/now subscribed/);
    await peer.publish(TOPIC, said("one"));
    await listener.stdout.line(/one$/);
    listener.signal(signal);
    const outcome = await listener.outcome();
    assertEquals(outcome.code, code);
    assertEquals(shown(outcome).at(-1), `-- ${LEFT}`);
  });
}

Deno.test("listener: --count takes others' notices into account", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using listener = await reading(broker, "-C", "1", "--no-announce");
  await peer.publish(TOPIC, '{"type":"notice","from":"Lea","notice":"hi"}');
  assertEquals(shown(await listener.outcome()), ["-- hi"]);
});

Deno.test("listener: --only mentions waits for one, and tells of losses", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const args = ["--only", "mentions", "--json", "-C", "1", "-W", "20"];
  await using listener = await reading(broker, ...args);
  const numbered = (message: string, number: number) => {
    const id = `run-of-ann-12345-${number}`;
    return JSON.stringify({ type: "message", from: "ann", message, id });
  };
  await peer.publish(TOPIC, numbered("hello", 1));
  await peer.publish(TOPIC, numbered("nothing", 2));
  await peer.publish(TOPIC, said("lea?", "Lea"));
  await peer.publish(TOPIC, "lea");
  await peer.publish(TOPIC, numbered("Lea!", 5));
  const { code, stdout, stderr } = await listener.outcome();
  assertEquals(code, 0);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ text }) => text), ["Lea!"]);
  assertMatch(stderr, /^[\d:]{8} == 2 messages of ann did not arrive\.$/m);
});

Deno.test("listener: --wait", async () => {
  await using broker = await openBroker();
  const from = performance.now();
  const outcome = await run("listener.ts", at(broker, "--wait", "2"));
  assertEquals(outcome.code, 0);
  assert(performance.now() - from >= 2000);
  assertEquals(shown(outcome), [`-- ${JOINED}`, `-- ${LEFT}`]);
});

Deno.test("listener: killed, it is reported by the broker", async () => {
  await using broker = await openBroker();
  const args = ["-h", hostOf(broker), "-t", TOPIC, "-n", "Wim", "--json"];
  await using witness = start("listener.ts", args);
  await witness.stdout.line(/"Wim".*now subscribed/);
  await using listener = await reading(broker);
  await witness.stdout.line(/"Lea".*now subscribed/);
  listener.signal("SIGKILL");
  const will = JSON.parse(await witness.stdout.line(/timed out/));
  assertEquals(
    [will.type, will.from, will.text],
    ["notice", "Lea", "User Lea timed out."],
  );
});

Deno.test("listener: unseen with --no-announce and on wildcards", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "#");
  const host = ["-h", hostOf(broker), "-n", "Lea"];
  for (const more of [["-t", TOPIC, "--no-announce"], ["-t", "chat/#"]]) {
    await using listener = start("listener.ts", [...host, ...more]);
    await listener.stderr.line(/^Reading/);
    await peer.publish(TOPIC, said("first"));
    await listener.stdout.line(/first$/);
    listener.signal(more.length > 2 ? "SIGTERM" : "SIGKILL");
    await listener.outcome();
    await peer.publish(TOPIC, "end");
    const seen = (await peer.until("end")).map(({ text }) => text);
    assertEquals(seen, [said("first")]);
  }
});

Deno.test("listener: several topics, each announced and shown", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  await using listener = await reading(broker, "-t", "chat/b", "-C", "2");
  const announced = [await peer.next(), await peer.next()]
    .map(({ topic, text }) => [topic, JSON.parse(text).notice]);
  assertEquals(announced.sort(), [
    ["chat/b", "User Lea is now subscribed to chat/b."],
    ["chat/room", JOINED],
  ]);
  await listener.stdout.line(/\[chat\/b\] -- User Lea/);
  await peer.publish("chat/b", said("in b"));
  await peer.publish(TOPIC, said("in room"));
  const lines = shown(await listener.outcome());
  assertEquals(lines.slice(2), [
    "[chat/b] ann: in b",
    "[chat/room] ann: in room",
  ]);
});

Deno.test("listener: --show-topic, and one topic without it", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await peer.publish(TOPIC, said("kept"), true);
  const once = ["-C", "1", "--no-announce"];
  const [plain, named] = await Promise.all([
    run("listener.ts", at(broker, ...once)),
    run("listener.ts", at(broker, ...once, "-T")),
  ]);
  assertEquals(shown(plain), ["(retained) ann: kept"]);
  assertEquals(shown(named), ["[chat/room] (retained) ann: kept"]);
});

Deno.test("listener: what is no chat payload is one marked line, or none", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const payloads = [
    "User carol timed out.\n", // the Python program's last will, a notice
    Uint8Array.of(0x80, 0x00, 0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0xff),
    "", // clears a retained message
    "x".repeat(70_000),
    '"a string"',
    '{"type":"message","from":"ann"}',
    '{"type":"toString","from":"ann","message":"hi"}',
  ];
  const count = payloads.length - 1;
  const args = ["--no-announce", "-C", `${count}`];
  await using listener = await reading(broker, ...args);
  for (const payload of payloads) await peer.publish(TOPIC, payload);
  const outcome = await listener.outcome();
  assertEquals(outcome.code, 0);
  const lines = shown(outcome);
  assertEquals(lines.length, count);
  const marks = [
    /^-- User carol timed out\.$/,
    /^\?\? �<U\+0000><U\+001B>\[2J ⏎ � \(not UTF-8\)$/,
    /^\?\? x{200}… \(70000 bytes, over the limit of 65536 bytes\)$/,
    /^\?\? "a string"$/,
    /^\?\? .*no text in `message`\)$/,
    /^\?\? .*`type` is neither/,
  ];
  for (const [index, line] of lines.entries()) assertMatch(line, marks[index]);
});

Deno.test("listener: a hostile payload does nothing to a pipe", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  const controls = Array.from({ length: 0xa0 }, (_, code) => code)
    .filter((code) => code < 0x20 || code >= 0x7f)
    .map((code) => String.fromCodePoint(code)).join("");
  const hostile = `${controls}\u202e\u2028\u2066`;
  const args = ["-t", "chat/+", "-C", "3", "--no-announce"];
  await using listener = await reading(broker, ...args);
  await peer.publish("chat/\x1b[2J\n", said(hostile, hostile));
  const notice = { type: "notice", from: hostile, notice: hostile };
  await peer.publish("chat/a", JSON.stringify(notice));
  await peer.publish("chat/a", hostile);
  const outcome = await listener.outcome();
  assertEquals(shown(outcome).length, 3);
  for (const text of [outcome.stdout, outcome.stderr]) {
    const rest = text.replaceAll("\n", "");
    assertFalse(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(rest), rest);
  }
});

Deno.test("listener: a reader that hangs up ends it in good order", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  await using listener = await reading(broker);
  await listener.stdout.line(/now subscribed/);
  await listener.stdout.hangUp();
  let hasEnded = false;
  const ended = listener.outcome().finally(() => hasEnded = true);
  // A read that was pending at the hang-up may still take some lines.
  await becomesTrue(async () => {
    if (!hasEnded) await peer.publish(TOPIC, said("unread"));
    return hasEnded;
  });
  assertEquals((await ended).code, 0);
  while (!(await peer.next()).text.includes("disconnecting from")) {
    // It is News that fails when none comes.
  }
});

Deno.test("listener: a reader that hangs up before --count is exit 141", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using listener = await reading(broker, "-C", "100");
  await listener.stdout.line(/now subscribed/);
  await listener.stdout.hangUp();
  for (let count = 0; count < 10; count++) {
    await peer.publish(TOPIC, said("x".repeat(60_000)));
  }
  assertEquals((await listener.outcome()).code, 141);
});

Deno.test("listener: --quiet says nothing on stderr", async () => {
  await using broker = await openBroker();
  await using listener = start("listener.ts", at(broker, "--quiet"));
  await listener.stdout.line(/now subscribed/);
  listener.signal("SIGTERM");
  const { code, stderr } = await listener.outcome();
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("listener: colours", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await peer.publish(TOPIC, said("hi"), true);
  const see = async (when: string, noColor: string) => {
    const args = at(broker, "-C", "1", "--no-announce", "--color", when);
    const env = { NO_COLOR: noColor };
    return (await run("listener.ts", args, { env })).stdout;
  };
  const [always, wanted, auto, never] = await Promise.all(
    [
      ...[see("always", ""), see("always", "1")],
      ...[see("auto", ""), see("never", "")],
    ],
  );
  const styles = (text: string) => text.replace(/[\d:]{8}/, "");
  assertEquals(styles(wanted), styles(always));
  const esc = "\x1b";
  assertMatch(
    always.replaceAll(esc, "<ESC>"),
    /^<ESC>\[2m.* \(retained\)<ESC>\[22m <ESC>\[38;5;\d+mann<ESC>\[39m: hi\n$/,
  );
  assertFalse(auto.includes(esc));
  assertFalse(never.includes(esc));
});

Deno.test("listener: --wait before --count has a code of its own", async () => {
  await using broker = await openBroker();
  const outcome = await run("listener.ts", at(broker, "-C", "3", "-W", "0.3"));
  assertEquals(outcome.code, 6);
  assertMatch(
    outcome.stderr,
    /^listener: --wait 0\.3 has passed before --count 3\.$/m,
  );
});

Deno.test("listener: --debug says where times are in UTC", async () => {
  await using broker = await openBroker();
  const args = at(broker, "--debug", "-W", "0.1");
  const told = async (TZ: string) => {
    const { stderr } = await run("listener.ts", args, { env: { TZ } });
    return stderr.split("\n").filter((line) => line.includes("in UTC")).length;
  };
  assertEquals(
    await Promise.all(
      ["Europe/Berlin", "CET-1CEST,M3.5.0", "No/Where"].map(told),
    ),
    [0, 1, 1],
  );
});
