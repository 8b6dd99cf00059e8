/**
 * The scripts where there is no broker, or one that does not let them do what
 * they came for.
 */

import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import type { Script } from "../../lib/cli/flags.ts";
import {
  type Action,
  type Answer,
  at,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import {
  connack,
  disconnect,
  puback,
  publish,
  suback,
} from "../support/packets.ts";
import { nextPayload, roomTests, said } from "../support/peers.ts";
import {
  assertEnds,
  assertOneLine,
  assertQuietSuccess,
  freePort,
  run,
  start,
} from "../support/processes.ts";

const test = roomTests("refused");

/** Fails unless a script says so in one line, before any time-out. */
async function assertRefused(
  script: Script,
  code: number,
  said: string,
  args: string[],
) {
  const all = ["--timeout", "600", ...args];
  const outcome = await run(`${script}.ts`, all, { stdin: "a\n" });
  assertOneLine(outcome, code, RegExp(said));
  assertFalse(outcome.stderr.includes("secret"));
}

const NOT_AUTHORIZED = RegExp.escape(
  'user "chat": not authorized. Give a user of that broker with -u, or ' +
    "connect without one: --anonymous.",
);
const REFUSALS: [
  what: string,
  answer: Answer | undefined,
  script: Script,
  code: number,
  said: string,
  connections: number,
  ...flags: string[],
][] = [
  ["a ban", () => connack(0x8a), "listener", 3, 'refused .* of user "chat"', 1],
  ["the default user", () => connack(0x87), "listener", 3, NOT_AUTHORIZED, 1],
  ["the default user", () => connack(0x87), "publisher", 3, NOT_AUTHORIZED, 1],
  [
    ...["only a password", () => connack(0x87), "listener", 3] as const,
    ...[NOT_AUTHORIZED, 1, "-P", "own"] as const,
  ],
  ["a busy broker", () => connack(0x88), "publisher", 4, "\\(server unav", 1],
  // Once in each version.
  ["a hang-up", () => "close", "listener", 4, "\\(the broker closed the co", 2],
  ["silence", undefined, "publisher", 4, "\\(no answer", 2, "--timeout=0.5"],
];

for (const refusal of REFUSALS) {
  const [what, answer, script, code, said, connections, ...flags] = refusal;
  Deno.test(`refused: ${what}, ${script}, exit ${code}`, async () => {
    await using broker = new FakeBroker(answer);
    const line = `: .*${RegExp.escape(hostOf(broker))} .*${said}`;
    await assertRefused(script, code, line, at(broker, ...flags));
    assertEquals(broker.connections, connections);
  });
}

Deno.test("refused: a wrong password, a user that is not there, or none", async () => {
  await using broker = await openBroker();
  const address = RegExp.escape(hostOf(broker));
  const refused = (user: string) =>
    `: ${address} refused the connection of user "${user}": .*--password`;
  const none = RegExp.escape(
    "a client without a user: not authorized. Give a user with " +
      "--username (-u).",
  );
  const cases: [script: Script, said: string, ...args: string[]][] = [
    ["listener", refused("chat"), "-u", "chat", "-P", "secret"],
    ["publisher", refused("nobody"), "-u", "nobody"],
    ["listener", none, "--anonymous"],
    ["publisher", none, "-u", ""],
  ];
  for (const [script, said, ...args] of cases) {
    await assertRefused(script, 3, said, at(broker, ...args));
  }
  await using closing = new FakeBroker(() => "close");
  await using strange = new FakeBroker(() => connack(0x87));
  const ann = ["-h", `mqtt://ann:x@${hostOf(strange)}`];
  const check = 'user "ann": not authorized\\. Check --username and ';
  await assertRefused("listener", 3, check, at(closing, ...ann));
});

Deno.test("anonymous: neither user nor password, where the broker lets it", async () => {
  await using broker = new FakeBroker(letIn({}));
  const url = `mqtt://ann:pw@${hostOf(broker)}`;
  const args = ["-h", url, "--anonymous", "-m", "hi"];
  const env = { MQTT_PASSWORD: "x" };
  const permissions = ["-N", "-E=MQTT_PASSWORD"];
  assertQuietSuccess(await run("publisher.ts", args, { env, permissions }));
  const { username, password } = await broker.next("connect");
  assertEquals([username, password], [undefined, undefined]);
  await using open = await openBroker({ users: undefined });
  const nameless = at(open, "-u", "", "-m", "hi");
  assertQuietSuccess(await run("publisher.ts", nameless));
});

test("nothing listens, then the next broker", async ({ broker, peer }) => {
  const address = hostOf({ port: freePort() });
  const host = ["-h", `mqtt://ann:secret@${address}`];
  const said = ` ${RegExp.escape(address)} .*refused.*--host`;
  await assertRefused("listener", 4, said, host);
  const args = ["-h", address, ...at(broker, "-m", "a")];
  assertQuietSuccess(await run("publisher.ts", args));
  assertEquals((await nextPayload(peer)).message, "a");
});

Deno.test("refused: MQTT 5, then 3.1.1, which --debug tells", async () => {
  await using old = await openBroker();
  await using modern = new FakeBroker(letIn({}));
  const send = (broker: { port: number }) =>
    run("publisher.ts", at(broker, "-m", "a", "--debug"));
  const versions =
    /, MQTT 5: .*protocol version\.\nConnected .*, MQTT 3\.1\.1\./;
  assertEnds(await send(old), 0, versions);
  assertEnds(await send(modern), 0, /^Connected to 127\S+:\d+, MQTT 5\.$/m);
});

Deno.test("refused: writing, which ends the publisher, or one message, which does not", async () => {
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, 0x87),
  }));
  await using publisher = start("publisher.ts", at(broker));
  await publisher.write("secret plans\n"); // and its input stays open
  const denied = /Line 1 was not sent\..*chat\/room: not authorized/;
  assertOneLine(await publisher.outcome(), 3, denied);
  assertEquals(broker.all("publish").length, 1);

  let published = 0;
  await using full = new FakeBroker(letIn({
    publish: (packet) => puback(packet, ++published === 2 ? 0x97 : 0),
  }));
  const outcome = await run("publisher.ts", at(full), { stdin: "a\nb\nc\n" });
  assertOneLine(outcome, 5, /Line 2 was not sent\..*quota exceeded/);
  assertEquals(published, 3);
});

Deno.test("refused: reading, in all rooms or in some", async () => {
  await using none = new FakeBroker(letIn({
    subscribe: (packet) => suback(packet, 0x87),
  }));
  const outcome = await run("listener.ts", at(none));
  assertEnds(outcome, 3, /\nlistener: .* read none of chat\/room;.*\n$/);
  assertEquals(outcome.stdout, "");
  await using some = new FakeBroker(letIn({
    subscribe: (packet) =>
      suback(packet, packet.subscriptions[0].topic === TOPIC ? 0x87 : 0),
  }));
  await using listener = start("listener.ts", at(some, "-t", "chat/b"));
  // Where both answers come at once, either line may be first.
  const lines =
    /let you read chat\/room: not auth|^Reading chat\/b at QoS 0\.$/;
  const shown = [
    await listener.stderr.line(lines),
    await listener.stderr.line(lines),
  ];
  assertEquals(shown.filter((line) => line.startsWith("Reading")).length, 1);
  assertEquals((await listener.stop()).code, 0);
});

Deno.test("refused: reading in silence, which --wait before --count reports", async () => {
  // A denied room and one whose join notice does not come back.
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      suback(packet, packet.subscriptions[0].topic === TOPIC ? 0x87 : 1),
  }));
  const outcomes = await Promise.all(["6", "0.5"].map((seconds) => {
    const args = at(broker, "-t", "chat/b", "-C", "1", "-W", seconds);
    return run("listener.ts", args);
  }));
  // After half a second it is not known yet.
  assertEquals(outcomes.map(({ code }) => code), [3, 6]);
});

Deno.test("refused: HTTP where a WebSocket should be, by its status", async () => {
  for (const [status, hint] of [[302, ""], [404, ".*/mqtt"]] as const) {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("", { status, headers: { location: "/" } }),
    );
    const url = `ws://${hostOf(server.addr)}/chat`;
    const args = ["-h", `${url}?token=abc`, "-m", "hi", "--debug"];
    const outcome = await run("publisher.ts", args);
    const said = `at ${RegExp.escape(url)} \\(HTTP ${status} in place of a Web`;
    assertEnds(outcome, 4, RegExp(`^publisher: .*${said}Socket${hint}`, "m"));
    assertFalse(outcome.stderr.includes("abc"), "a token is shown");
  }
});

/** Ways to close a connection, and the reason that is given then. */
const CLOSINGS: [close: () => Action, reason: RegExp][] = [
  [() => "close", /\(no reason given\)\.$/],
  [() => disconnect(0x87), /: not authorized\.$/],
];

// Both at once: they wait for the clock of the machine.
Deno.test("refused: a listener reads on whose notice closes the connection", () =>
  forBoth(async (close) => {
    await using broker = new FakeBroker(letIn({ publish: close }));
    await using listener = start("listener.ts", at(broker, "--quiet"));
    await listener.stderr.line(/^listener: No right to write to chat\/room/);
    const [last] = broker.all("connect").slice(-1);
    const { link } = await broker.heard.next(({ cmd, link }) =>
      cmd === "subscribe" && link.number > last.link.number
    );
    await link.send(publish(TOPIC, said("still here"), 1));
    await listener.stdout.line(/still here$/);
    const { code, stderr } = await listener.stop();
    assertEquals([code, stderr.split("\n").length], [0, 2], stderr);
    assertEquals(broker.all("publish").length, 4);
  }));

Deno.test("refused: a pipe whose line closes the connection", () =>
  forBoth(async (close, reason) => {
    await using broker = new FakeBroker(letIn({ publish: close }));
    const stdin = "a\n";
    const outcome = await run("publisher.ts", at(broker), { stdin });
    const line =
      "publisher: Line 1 was not sent\\. .* broke three times while ";
    assertEnds(outcome, 3, RegExp(`\\n${line}only this.*\\n$`));
    assertMatch(outcome.stderr.trimEnd(), reason);
  }));

async function forBoth(
  play: (...closing: typeof CLOSINGS[0]) => Promise<void>,
) {
  await Promise.all(CLOSINGS.map((closing) => play(...closing)));
}

Deno.test("refused: a room that could be read is tried again later", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet, { number }) =>
      number === 1 || number > 5 ? suback(packet, 1) : "close",
  }));
  await using listener = start("listener.ts", at(broker));
  await listener.stderr.line(/^Reading /);
  (await broker.next("subscribe")).link.close();
  await listener.stderr.line(
    /^chat\/room is not read for now: .* Trying again in 1 s\.$/,
  );
  await listener.stderr.line(/^Reading /);
});
