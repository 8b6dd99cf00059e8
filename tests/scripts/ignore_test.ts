/** The listener with an ignored name, in lines and in JSON. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { joinNotice } from "../../lib/protocol.ts";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { Peer, said } from "../support/peers.ts";
import { assertOneLine, run, start } from "../support/processes.ts";

const joined = (name: string) =>
  JSON.stringify({
    ...{ type: "notice", from: name },
    notice: joinNotice(name, TOPIC),
  });

for (const [form, args] of [["lines", []], ["JSON", ["--json"]]] as const) {
  Deno.test(`ignore: not shown and not counted, in ${form}`, async () => {
    await using broker = await openBroker();
    await using peer = await Peer.connect(broker);
    const ignored = ["--ignore", "Bob", "--ignore", '"Bob<U+200B>"'];
    await using listener = start(
      "listener.ts",
      at(broker, "--count", "3", ...ignored, ...args),
    );
    await listener.stdout.line(/now subscribed/);
    for (const name of ["Bob", "Bob\u200b", "bob"]) {
      await peer.publish(TOPIC, joined(name));
      await peer.publish(TOPIC, said(`hi from ${name}`, name));
    }
    // The older program's will has no author but in its words.
    await peer.publish(TOPIC, "User Bob timed out.\n");
    await peer.publish(TOPIC, said("end"));
    const { code, stdout } = await listener.outcome();
    assertEquals(code, 0);
    const [own, ...shown] = stdout.trimEnd().split("\n");
    assertStringIncludes(own, joinNotice("chat", TOPIC));
    assertEquals(
      shown.map((line) => args.length ? JSON.parse(line).text : line.slice(9)),
      args.length
        ? [joinNotice("bob", TOPIC), "hi from bob", "end"]
        : [`-- ${joinNotice("bob", TOPIC)}`, "bob: hi from bob", "ann: end"],
    );
  });
}

Deno.test("ignore: not oneself", async () => {
  const sentence = /: --ignore "Ada" is your own name; --name gives you/;
  for (const script of ["listener.ts", "publisher.ts"]) {
    const outcome = await run(script, ["--ignore", "Ada", "-n", "Ada"]);
    assertOneLine(outcome, 2, sentence);
  }
});
