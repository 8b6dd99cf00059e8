/**
 * The scripts against brokers and surroundings that mean no good: what once
 * brought them down, or made them say what was not so.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  at,
  FakeBroker,
  hostOf,
  letIn,
  openBroker,
  TOPIC,
} from "../support/brokers.ts";
import { connack, suback } from "../support/packets.ts";
import { Peer, said } from "../support/peers.ts";
import { assertOneLine, ROOT, run, start } from "../support/processes.ts";

/** Packets that end before their packet id: PUBREC, and PUBLISH at QoS 1, 2. */
const TRUNCATED = [
  [0x62, 0x01, 0x00],
  [0x32, 0x03, 0x00, 0x01, 0x78],
  [0x34, 0x03, 0x00, 0x01, 0x78],
];

for (const bytes of TRUNCATED) {
  Deno.test(`hostile: a packet without its id, type ${bytes[0] >> 4}, flags ${bytes[0] & 15}`, async () => {
    await using broker = new FakeBroker(letIn({
      connect: () => connack(),
      subscribe: (packet, { number }) =>
        number === 1 ? [...suback(packet, 1), ...bytes] : suback(packet, 1),
    }));
    await using listener = start("listener.ts", at(broker));
    await listener.stderr.line(
      /^Disconnected .*: the broker sent a malformed packet/,
    );
    await listener.stderr.line(/^Connected again to /);
    listener.signal("SIGTERM");
    assertEquals((await listener.outcome()).code, 0);
  });
}

Deno.test("hostile: a packet of 256 MB is not gathered", async () => {
  await using broker = new FakeBroker(letIn({
    subscribe: (packet, { number }) => [
      ...suback(packet, 1),
      ...number === 1 ? [0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x78] : [],
    ],
  }));
  await using listener = start("listener.ts", at(broker));
  await listener.stderr.line(
    /^Disconnected .*: the broker sent a packet of over/,
  );
  await listener.stderr.line(/^Connected again to /);
});

Deno.test("hostile: a broker that doesn't answer SUBSCRIBE", async () => {
  await using broker = new FakeBroker(letIn({ subscribe: () => undefined }));
  const outcome = await run("listener.ts", at(broker, "--timeout", "1"));
  assertEquals(outcome.code, 3);
  assertMatch(
    outcome.stderr,
    /three times while only this .*: no answer to SUBSCRIBE in 1 s/,
  );
});

Deno.test("hostile: rooms with names that mean something to libraries", async () => {
  await using broker = await openBroker();
  const rooms = ["resubscribe", "7", "__proto__", "chat/z"];
  await using listener = start("listener.ts", [
    ...["--host", hostOf(broker), "-u", "Server", "-P", "admin"],
    ...rooms.flatMap((room) => ["-t", room]),
  ]);
  for (const room of rooms) {
    await listener.stderr.line(new RegExp(`^Reading ${room} at QoS 1\\.$`));
  }
  await using peer = await Peer.connect(broker, TOPIC);
  await peer.publish("chat/z", said("hi"));
  await listener.stdout.line(/\[chat\/z\] ann: hi$/);
});

Deno.test("hostile: a full disk is an error, not a good end", async () => {
  await using broker = await openBroker();
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      '"$0" run --quiet --no-prompt -N listener.ts "$@" > /dev/full',
      Deno.execPath(),
      ...at(broker, "-W", "20"),
    ],
    cwd: ROOT,
    stdin: "null",
  });
  const { code, stderr } = await child.output();
  assertEquals(code, 1);
  assertMatch(
    new TextDecoder().decode(stderr),
    /listener: Writing stdout failed: No space left.*\.$/m,
  );
});

Deno.test("hostile: a full disk for stderr stops no message", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      "printf 'one\\n\\377\\ntwo\\n' | " +
      '"$0" run --quiet --no-prompt -N publisher.ts "$@" 2> /dev/full',
      Deno.execPath(),
      ...at(broker),
    ],
    cwd: ROOT,
    stdin: "null",
  });
  assertEquals((await child.output()).code, 5);
  for (const text of ["one", "two"]) {
    assertEquals(JSON.parse((await peer.next()).text).message, text);
  }
});

Deno.test("hostile: arguments that may be secrets are not repeated", async () => {
  const secret = "seecret";
  for (
    const args of [
      ["-m", "x", `http://u:${secret}@h`],
      ["-m", "x", `mqtt://u:${secret}@h/a b`],
      ["-pw", secret],
    ]
  ) {
    const outcome = await run("publisher.ts", args);
    assertOneLine(outcome, 2, /Try --help\.$/m);
    assertEquals(outcome.stderr.includes(secret), false, outcome.stderr);
  }
});
