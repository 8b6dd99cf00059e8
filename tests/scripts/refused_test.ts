/**
 * The scripts where there is no broker, or one that does not let them do what
 * they came for.
 */

import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import {
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
import { Peer, said } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import {
  assertOneLine,
  assertQuietSuccess,
  type Outcome,
  run,
  start,
} from "../support/processes.ts";

/** Both scripts with the same arguments, to ends that no time-out brings. */
async function runBoth(args: string[]): Promise<Outcome[]> {
  const all = ["--timeout", "600", ...args];
  return await Promise.all([
    run("listener.ts", all),
    run("publisher.ts", all, { stdin: "a\n" }),
  ]);
}

Deno.test("refused: a wrong password, at once", async () => {
  await using broker = await openBroker();
  const address = RegExp.escape(hostOf(broker));
  for (const [user, password] of [["chat", "secret"], ["nobody", ""]]) {
    const login = password ? ["-P", password] : [];
    for (const outcome of await runBoth(at(broker, "-u", user, ...login))) {
      const said = new RegExp(
        `: ${address} refused the connection of user "${user}": .*--password`,
      );
      assertOneLine(outcome, 3, said);
      assertFalse(outcome.stderr.includes("secret"));
    }
  }
});

Deno.test("refused: the default user, or none, and what to try", async () => {
  await using broker = await openBroker();
  const user = 'user "chat": not authorized. Give a user of that broker with ' +
    "-u, or connect without one: --anonymous.";
  const none = "a client without a user: not authorized. Give a user with " +
    "--username (-u).";
  await using strange = new FakeBroker(() => connack(0x87));
  await using closing = new FakeBroker(() => "close");
  const ann = ["-h", `mqtt://ann:x@${hostOf(strange)}`];
  const cases: [args: string[], said: string][] = [
    [at(strange), user],
    [at(closing, ...ann), 'user "ann": not authorized. Check --username and '],
    [at(strange, "-P", "other"), user],
    [at(broker, "--anonymous"), none],
    [at(broker, "-u", ""), none],
  ];
  for (const [args, said] of cases) {
    for (const outcome of await runBoth(args)) {
      assertOneLine(outcome, 3, RegExp(RegExp.escape(said)));
    }
  }
  const open = await openBroker({ users: undefined });
  await using _ = open;
  const outcome = await run("publisher.ts", at(open, "-u", "", "-m", "hi"));
  assertQuietSuccess(outcome);
});

Deno.test("anonymous: CONNECT has neither user nor password", async () => {
  await using broker = new FakeBroker(letIn({}));
  const url = `mqtt://ann:pw@${hostOf(broker)}`;
  const args = ["-h", url, "--anonymous", "-m", "hi"];
  const env = { MQTT_PASSWORD: "x" };
  const permissions = ["-N", "-E=MQTT_PASSWORD"];
  assertQuietSuccess(await run("publisher.ts", args, { env, permissions }));
  const { username, password } = await broker.next("connect");
  assertEquals([username, password], [undefined, undefined]);
});

Deno.test("refused: a user is not tried twice", async () => {
  for (const code of [0x86, 0x87, 0x8a]) {
    await using broker = new FakeBroker(() => connack(code));
    for (const outcome of await runBoth(at(broker))) {
      assertOneLine(outcome, 3, /refused the connection of user "chat"/);
    }
    assertEquals(broker.connections, 2);
  }
});

Deno.test("refused: nothing listens there", async () => {
  const address = hostOf({ port: freePort() });
  const host = `mqtt://ann:secret@${address}`;
  for (const outcome of await runBoth(["-h", host, "-t", TOPIC])) {
    const said = new RegExp(` ${RegExp.escape(address)} .*refused.*--host`);
    assertOneLine(outcome, 4, said);
    assertFalse(outcome.stderr.includes("secret"));
  }
});

Deno.test("refused: a server that accepts and says nothing", async () => {
  await using broker = new FakeBroker();
  for (const outcome of await runBoth(at(broker, "--timeout", "0.5"))) {
    assertOneLine(outcome, 4, /127\.0\.0\.1:\d+ \(no answer/);
  }
});

Deno.test("refused: a server that hangs up, once in each version", async () => {
  await using broker = new FakeBroker(() => "close");
  for (const outcome of await runBoth(at(broker))) {
    assertOneLine(
      outcome,
      4,
      /127\.0\.0\.1:\d+ \(the broker closed the connection/,
    );
  }
  assertEquals(broker.connections, 2 * 2);
});

Deno.test("refused: a broker that is busy", async () => {
  await using broker = new FakeBroker(() => connack(0x88));
  for (const outcome of await runBoth(at(broker))) {
    assertOneLine(outcome, 4, /127\.0\.0\.1:\d+ \(server unavailable\)/);
  }
});

Deno.test("refused: then the next broker", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const args = ["-h", hostOf({ port: freePort() }), ...at(broker, "-m", "a")];
  assertQuietSuccess(await run("publisher.ts", args));
  assertEquals(JSON.parse((await peer.next()).text).message, "a");
});

Deno.test("refused: MQTT 5, then 3.1.1, which --debug tells", async () => {
  await using old = await openBroker();
  await using modern = new FakeBroker(letIn({}));
  const [first, second] = await Promise.all(
    [old, modern].map((broker) =>
      run("publisher.ts", at(broker, "-m", "a", "--debug"))
    ),
  );
  assertEquals([first.code, second.code], [0, 0]);
  assertMatch(
    first.stderr,
    /, MQTT 5: .*protocol version\.\nConnected .*, MQTT 3\.1\.1\.\n/,
  );
  assertMatch(second.stderr, /^Connected to 127\.0\.0\.1:\d+, MQTT 5\.$/m);
});

Deno.test("refused: writing, which ends the publisher", async () => {
  let published = 0;
  const publish = (packet: Parameters<typeof puback>[0]) => {
    published++;
    return puback(packet, 0x87);
  };
  await using broker = new FakeBroker(letIn({ publish }));
  await using publisher = start("publisher.ts", at(broker));
  await publisher.write("secret plans\n"); // and its input stays open
  const outcome = await publisher.outcome();
  assertOneLine(
    outcome,
    3,
    /Line 1 was not sent\..*chat\/room: not authorized/,
  );
  assertEquals(published, 1);
});

Deno.test("refused: one message of many, which does not", async () => {
  let published = 0;
  await using broker = new FakeBroker(letIn({
    publish: (packet) => puback(packet, ++published === 2 ? 0x97 : 0),
  }));
  const options = { stdin: "a\nb\nc\n" };
  const outcome = await run("publisher.ts", at(broker), options);
  assertOneLine(outcome, 5, /Line 2 was not sent\..*quota exceeded/);
  assertEquals(published, 3);
});

Deno.test("refused: reading, in all rooms or in some", async () => {
  await using none = new FakeBroker(letIn({
    subscribe: (packet) => suback(packet, 0x87),
  }));
  const { code, stdout, stderr } = await run("listener.ts", at(none));
  assertEquals([code, stdout], [3, ""]);
  assertMatch(stderr, /\nlistener: .* read none of chat\/room;.*\n$/);
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
  listener.signal("SIGTERM");
  assertEquals((await listener.outcome()).code, 0);
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

Deno.test("refused: the password of a file or the environment, if wrong", async () => {
  await using broker = await openBroker();
  const args = ["-h", hostOf(broker), "-u", "Test", "-t", "test/a", "-m", "a"];
  const env = { MQTT_PASSWORD: "test" };
  const file = ["--password-file", "LICENSE"];
  const outcomes = await Promise.all([
    run("publisher.ts", args, { permissions: ["-N", "-E=MQTT_PASSWORD"], env }),
    run("publisher.ts", args, { env }), // not permitted, so not read
    run("publisher.ts", [...args, ...file], {
      permissions: ["-N", "-R=LICENSE"],
    }),
  ]);
  assertEquals(outcomes.map(({ code }) => code), [0, 3, 3]);
});

Deno.test("refused: HTTP where a WebSocket should be, by its status", async () => {
  for (const status of [302, 404]) {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("", { status, headers: { location: "/" } }),
    );
    const url = `ws://${hostOf(server.addr)}/chat`;
    const said = new RegExp(
      `at ${RegExp.escape(url)} \\(HTTP ${status} in place of a WebSocket` +
        (status === 404 ? ".*/mqtt" : ""),
    );
    const args = ["-h", `${url}?token=abc`, "-m", "hi"];
    const [quiet, debug] = await Promise.all([
      run("publisher.ts", args),
      run("publisher.ts", [...args, "--debug"]),
    ]);
    assertOneLine(quiet, 4, said);
    assertFalse(debug.stderr.includes("abc"), "a token is shown");
  }
});

for (const code of [undefined, 0x87]) {
  const how = code === undefined ? "without a word" : "over rights";

  Deno.test(`refused: a listener reads on where its notice is closed over ${how}`, async () => {
    await using broker = new FakeBroker(letIn({
      publish: () => code === undefined ? "close" : disconnect(code),
    }));
    await using listener = start("listener.ts", at(broker, "--quiet"));
    await listener.stderr.line(/^listener: No right to write to chat\/room/);
    const [last] = broker.all("connect").slice(-1);
    await broker.heard.next(({ cmd, link }) =>
      cmd === "subscribe" && link.number > last.link.number
    );
    const { link } = broker.heard.all.at(-1)!;
    await link.send(publish(TOPIC, said("still here"), 1));
    await listener.stdout.line(/still here$/);
    listener.signal("SIGTERM");
    const { code: exit, stderr } = await listener.outcome();
    assertEquals([exit, stderr.split("\n").length], [0, 2], stderr);
    assertEquals(broker.all("publish").length, 4);
  });

  Deno.test(`refused: a pipe that is closed over ${how}`, async () => {
    await using broker = new FakeBroker(letIn({
      publish: () => code === undefined ? "close" : disconnect(code),
    }));
    const { code: exit, stderr } = await run("publisher.ts", at(broker), {
      stdin: "a\n",
    });
    const last = stderr.trimEnd().split("\n").at(-1)!;
    assertEquals(exit, 3, stderr);
    assertMatch(
      last,
      /^publisher: Line 1 was not sent\. .* broke three times while only this/,
    );
    assertMatch(
      last,
      code === undefined ? /\(no reason given\)\.$/ : /: not authorized\.$/,
    );
  });
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
