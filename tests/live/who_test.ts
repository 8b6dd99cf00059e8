/** Who is in a room, on several brokers, and where it may not be asked. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Chatter } from "../support/chats.ts";
import {
  gate,
  NO_CLUSTER,
  NO_MOSQUITTO,
  NO_RABBITMQ,
} from "../support/gates.ts";
import { listen } from "../support/live.ts";
import { Mosquitto, NatsCluster, RabbitMQ } from "../support/servers.ts";
import { start } from "../support/processes.ts";

const live = gate(NO_MOSQUITTO);

const ROOM = "chat/room";

/** A user of all brokers who may do all; the prompt is `chat`. */
const SERVER = ["-u", "Server", "-P", "admin"];

async function member(port: number, name: string, ...flags: string[]) {
  const host = ["-h", `127.0.0.1:${port}`, "-t", ROOM, "-n", name];
  const listener = start("listener.ts", [...host, ...flags]);
  await listener.stdout.line(/is now subscribed/);
  return listener;
}

const isAnswer = (line: string) => / answered: /.test(line);

/** A newcomer hears of two listeners; a wildcard shows nothing of that. */
async function askAndAnswer(port: number, ...flags: string[]): Promise<void> {
  await using ada = await member(port, "Ada", ...flags);
  await using bob = await member(port, "Bob", ...flags);
  const all = ["-h", `127.0.0.1:${port}`, "-t", "chat/#", ...SERVER, ...flags];
  await using wildcard = await listen([...all, "--keep", "9"]);
  await using ann = await Chatter.followLive({ port }, ...flags);
  let line: string;
  do {
    ann.enter("/who");
    line = await ann.screen.next(isAnswer);
    // A broker may take a moment to subscribe a member.
  } while (!line.startsWith("2 "));
  const key = "\\(key [\\dA-F]{4} [\\dA-F]{4}\\)";
  assertMatch(line, new RegExp(`^2 answered: \\w+ ${key}, \\w+ ${key}$`));
  assertEquals(line.match(/Ada|Bob/g)!.sort(), ["Ada", "Bob"]);
  ann.enter("end");
  for (const process of [ada, bob, wildcard]) {
    await process.stdout.line(/ann: end$/);
    assertEquals(process.stdout.soFar.match(/\?\?|==|who/g), null);
  }
  const { code, stderr } = await wildcard.stop();
  assertEquals([code, stderr.match(/\$who/g)], [0, null]);
}

for (const version of ["5", "311"]) {
  live(`who: Mosquitto, ${version}: members answer`, async () => {
    await using broker = await Mosquitto.start();
    await askAndAnswer(broker.port, "-V", version);
  });

  live(`who: Mosquitto, ${version}: no right to ask is silent`, async () => {
    const acl = ["user chat", "topic read chat/#", "topic write chat/+"];
    await using broker = await Mosquitto.start({ acl });
    await using _ada = await member(broker.port, "Ada", "-V", version);
    await using ann = await Chatter.follow(broker, "-V", version);
    const before = ann.screen.all.length;
    for (let n = 0; n < 2; n++) {
      ann.enter("/who", `${n}`);
      await ann.until(`ann: ${n}`);
      await ann.clock.advance(2_000);
    }
    const lines = ann.screen.all.slice(before).map((line) =>
      line.replace(/\d\d:.*|, key .*/, "")
    );
    const seen = ["Seen in this session:", "  ann (you)"];
    assertEquals(lines, [...seen, "ann: 0", ...seen, "ann: 1"]);
    assertEquals(await ann.leave(), 0);
  });
}

gate(NO_CLUSTER)("who: NATS: members answer", async () => {
  await using cluster = await NatsCluster.start();
  await askAndAnswer(cluster.port);
});

gate(NO_RABBITMQ)("who: RabbitMQ: members answer, or nothing", async () => {
  const password = "chat";
  const may = (read: string, write = read) => ({
    password,
    rights: { read, write },
  });
  await using broker = await RabbitMQ.start({
    Server: { password: "admin" },
    chat: may("^chat\\."),
    room: may("^chat\\.room$"),
    asks: may("^chat\\.", "^chat\\.room$"),
  });
  await askAndAnswer(broker.port);
  for (const user of ["room", "asks"]) {
    const args = ["-u", user, "-P", password];
    await using ann = await Chatter.followLive(broker, ...args);
    if (user === "asks") ann.enter("/who");
    // The break that counts is the one over nothing else.
    const isBreak = (line: string) => line.startsWith("Disconnected ");
    const isBack = (line: string) => line.startsWith("Connected again ");
    for (let n = 0; n < 2; n++) {
      await ann.screen.next(isBreak);
      await ann.screen.next(isBack);
    }
    ann.enter("/who", "still here");
    await ann.until("ann: still here");
    const breaks = ann.screen.all.filter(isBreak).length;
    assert(breaks <= 3, `${breaks}`);
    assertEquals(ann.screen.all.filter(isAnswer), []);
    assertEquals(await ann.leave(), 0);
  }
});
