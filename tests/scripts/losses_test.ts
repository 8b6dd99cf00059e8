/** What a listener makes of ids that are forged, and of losses. */

import { assertEquals } from "@std/assert";
import { hostOf, openBroker } from "../support/brokers.ts";
import { Peer } from "../support/peers.ts";
import { start } from "../support/processes.ts";

const ROOM = "chat/room";

Deno.test("losses: forged ids hide no message and forge no loss", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker);
  await using listener = start("listener.ts", [
    "-h",
    hostOf(broker),
    "-t",
    ROOM,
  ]);
  await listener.stdout.line(/ is now subscribed to /);
  const say = (n: number, message: string, from = "Ada") =>
    peer.publish(
      ROOM,
      JSON.stringify({
        type: "message",
        from,
        message,
        id: `abcdefghijklmnop-${n}`,
      }),
    );
  for (let n = 1; n <= 15; n++) {
    await say(n, `forged ${n}`, "Eve");
    // Sent twice, as after a lost acknowledgement.
    for (let i = 0; i < 2; i++) await say(n, `real ${n}`);
  }
  await say(9_000_000, "forged leap");
  for (const n of [16, 30, 31]) await say(n, `real ${n}`);
  await listener.stdout.line(/ == 13 messages of Ada did not arrive\.$/);
  await say(35, "real 35");
  await listener.stdout.line(/real 35$/);
  listener.signal("SIGTERM");
  const { stdout } = await listener.outcome();
  const lines = stdout.trim().split("\n").slice(1)
    .map((line) => line.replace(/^[\d:]{8} /, ""));
  const both = Array.from(
    { length: 15 },
    (_, i) => [`Eve: forged ${i + 1}`, `Ada: real ${i + 1}`],
  );
  assertEquals(lines, [
    ...both.flat(),
    "Ada: forged leap",
    ...[16, 30, 31].map((n) => `Ada: real ${n}`),
    "== 13 messages of Ada did not arrive.",
    "Ada: real 35",
    "== 3 messages of Ada did not arrive.",
    "-- User chat disconnecting from chat/room.",
  ]);
});
