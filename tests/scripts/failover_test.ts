/**
 * Several brokers with users of their own: what belongs to one is not shown to
 * another.
 */

import { assertEquals } from "@std/assert";
import { hostOf, openBroker } from "../support/brokers.ts";
import { Peer, said } from "../support/peers.ts";
import { run, start } from "../support/processes.ts";
import { USERS } from "../../lib/broker/broker.ts";

Deno.test("failover: each broker is told its own user and password", async () => {
  const first = await openBroker({ users: { chat: USERS.chat } });
  await using second = await openBroker({ users: { Server: USERS.Server } });
  await using peer = await Peer.connect(second, "chat/room");
  await using listener = start("listener.ts", [
    ...["-h", `mqtt://chat:chat@${hostOf(first)}`],
    ...["-h", `mqtt://Server:admin@${hostOf(second)}`, "-t", "chat/room"],
  ]);
  await listener.stdout.line(/now subscribed/);
  await first.close();
  await listener.stderr.line(/^Connected again to /);
  await listener.stderr.line(/^Reading chat\/room/);
  await peer.publish("chat/room", said("moved"));
  await listener.stdout.line(/ann: moved$/);
});

Deno.test("failover: what --count leaves is for the next run", async () => {
  await using broker = await openBroker();
  // No notices: that of the first run's end may be kept as well, and counts.
  const room = ["-h", hostOf(broker), "-t", "chat/kept", "--no-announce"];
  room.push("-c", "-i", "reader");
  await run("listener.ts", [...room, "-W", "0.1"]);
  const stdin = "1\n2\n3\n4\n5\n";
  const publisher = ["-h", hostOf(broker), "-t", "chat/kept"];
  assertEquals((await run("publisher.ts", publisher, { stdin })).code, 0);
  const limited = [...room, "-C", "2"];
  const { code, stdout, stderr } = await run("listener.ts", limited);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.match(/chat: \d$/gm)?.length, 2);
  const again = await run("listener.ts", [...room, "-C", "3"]);
  const kept = again.stdout.match(/chat: \d$/gm);
  assertEquals(kept, ["chat: 3", "chat: 4", "chat: 5"]);
});
