/**
 * The rights that docs/rooms.md gives to a keeper, with a real Mosquitto: all
 * may write to the rooms, and only the keeper what is kept of them.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { gate, NO_MOSQUITTO } from "../support/gates.ts";
import { page } from "../support/markdown.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Peer } from "../support/peers.ts";
import { run, start } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);

/** A user of the project's password file stands in for the keeper. */
const KEEPER = ["-u", "Server", "-P", "admin"];

/** The lines of the page, for that user. */
function aclOfPage(): string[] {
  const [acl = ""] = page("docs/rooms.md").blocks("acl");
  assert(acl.includes("\nuser keeper\n"), "the page has no rights");
  return acl.replace("user keeper", "user Server").trimEnd().split("\n");
}

/** Whether the broker takes a message; only in MQTT 5 does it say so. */
async function mayWrite(
  broker: Mosquitto,
  topic: string,
  ...login: string[]
): Promise<boolean> {
  const args = ["-h", broker.host, "-V", "5", "-t", topic, "-m", "forged"];
  const { code, stderr } = await run("publisher.ts", [...args, ...login]);
  if (code !== 0) assertMatch(stderr, /not authorized/);
  return code === 0;
}

live("rights: the page's lines leave the history to the keeper", async () => {
  await using broker = await Mosquitto.start({ acl: aclOfPage() });
  assertEquals(
    {
      room: await mayWrite(broker, "chat/room"),
      history: await mayWrite(broker, "chat/room/$history"),
      // As the page says: of this room it can't be taken away.
      top: await mayWrite(broker, "chat/$history"),
      deep: await mayWrite(broker, "chat/red/team"),
      question: await mayWrite(broker, "chat/room/$who"),
      answer: await mayWrite(broker, "chat/room/$who/AAAAAAAAAAAAAAAA"),
      keepers: await mayWrite(broker, "chat/room/$history", ...KEEPER),
      keepersRoom: await mayWrite(broker, "chat/room", ...KEEPER),
    },
    {
      room: true,
      history: false,
      top: true,
      deep: false,
      question: true,
      answer: true,
      keepers: true,
      keepersRoom: false,
    },
  );
});

/**
 * What a newcomer reads of chat/room, until its own notice is there, after a
 * keeper has kept what Ada said.
 */
async function newcomer(broker: Mosquitto): Promise<string[]> {
  await using peer = await Peer.connect(broker, "chat/room/$history");
  const host = ["-h", broker.host];
  const keeping = [...host, ...KEEPER, "-t", "chat/#", "--keep", "9"];
  await using keeper = start("listener.ts", keeping);
  await keeper.stderr.line(/^Reading /);
  const room = [...host, "-t", "chat/room"];
  await run("publisher.ts", [...room, "-n", "Ada", "-m", "hello"]);
  assertMatch((await peer.next()).text, /"message":"hello"/);
  keeper.signal("SIGTERM");
  // In good order, and nothing was denied to it.
  assertEquals((await keeper.outcome()).code, 0);
  await using reader = start("listener.ts", [...room, "--history", "9"]);
  await reader.stdout.line(/chat is now subscribed/);
  return reader.stdout.soFar.trim().split("\n").map((line) => line.slice(9));
}

live("rights: with them a newcomer reads what was said", async () => {
  await using broker = await Mosquitto.start({ acl: aclOfPage() });
  assertEquals(await newcomer(broker), [
    "== 1 message from before you came",
    "Ada: hello",
    "== now",
    "-- User chat is now subscribed to chat/room.",
  ]);
});

live("rights: with `topic deny` no reader gets a history", async () => {
  const acl = [
    "user chat",
    "topic readwrite chat/#",
    "topic deny chat/+/$history",
    "user Server",
    "topic readwrite chat/#",
  ];
  await using broker = await Mosquitto.start({ acl });
  assertEquals(await newcomer(broker), [
    "-- User chat is now subscribed to chat/room.",
  ]);
});
