/** Who answers the question who is in a room, and who must not show or keep it. */

import { assert, assertEquals } from "@std/assert";
import { isSigned } from "../../lib/sign.ts";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { becomesTrue } from "../support/patience.ts";
import { type Arrival, Peer, said } from "../support/peers.ts";
import { start } from "../support/processes.ts";

const WHO = `${TOPIC}/$who`;
const RUN = "AAAAAAAAAAAAAAAA";
const QUESTION = JSON.stringify({ type: "who", from: "Eve", id: `${RUN}-1` });

Deno.test("who: an announced listener answers, signed where it signs", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, `${WHO}/+`);
  for (const name of [[], ["-n", "Ada"]]) {
    await using listener = start("listener.ts", at(broker, ...name));
    await listener.stdout.line(/now subscribed/);
    const run = `${RUN}${name.length}`;
    const isAnswer = ({ topic }: Arrival) => topic === `${WHO}/${run}`;
    let n = 0;
    // The listener may not have subscribed to questions yet.
    await becomesTrue(async () => {
      const question = { type: "who", from: "Eve", id: `${run}-${++n}` };
      await peer.publish(WHO, JSON.stringify(question));
      return peer.arrived.some(isAnswer);
    });
    const wire = JSON.parse(peer.arrived.find(isAnswer)!.text);
    assertEquals([wire.type, wire.from], ["here", name[1] ?? "chat"]);
    const { from: author, ...rest } = wire;
    const isOurs = isSigned(`${WHO}/${run}`, { name: author, ...rest });
    assertEquals(isOurs, name.length > 0);
    listener.signal("SIGTERM");
    assertEquals((await listener.outcome()).stderr.includes("$who"), false);
  }
});

Deno.test("who: a wildcard shows none of it, keeps none, and doesn't answer", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, "chat/#");
  const host = at(broker).slice(0, 2);
  const flags = ["-t", "chat/#", "--keep", "5"];
  for (const output of [[], ["--json"]]) {
    await using keeper = start("listener.ts", [...host, ...flags, ...output]);
    await keeper.stderr.line(/^Reading /);
    for (const topic of [WHO, `${WHO}/${RUN}`]) {
      await peer.publish(topic, QUESTION);
      await peer.publish(topic, '{"type":"here","from":"Eve"}');
      await peer.publish(topic, said("a room?", "Eve"));
      await peer.publish(topic, "text");
    }
    await peer.publish(TOPIC, said("end", "Eve"));
    await keeper.stdout.line(/end/);
    keeper.signal("SIGTERM");
    const { code, stdout } = await keeper.outcome();
    assertEquals([code, stdout.trim().split("\n").length], [0, 1], stdout);
  }
  await peer.publish(TOPIC, "end");
  const arrived = await peer.until("end");
  const kept = arrived.filter(({ topic }) => topic.endsWith("/$history"));
  assert(kept.length > 0);
  assertEquals(new Set(kept.map(({ topic }) => topic)).size, 1);
  const isAnswer = ({ text }: Arrival) => text.includes('"type":"here"');
  assertEquals(arrived.filter(isAnswer).length, 4);
});
