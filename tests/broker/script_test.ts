import { assert, assertEquals } from "@std/assert";
import { startBroker } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { connect, test } from "../support/callers.ts";
import { run, start } from "../support/processes.ts";

const SCRIPT = "lib/broker/broker.ts";
const OPTIONS = { permissions: ["-N=127.0.0.1", "-R=mosquitto"] };

test("the script serves until it is told to end", async () => {
  await using served = start(SCRIPT, ["--port", "0"], OPTIONS);
  const line = await served.stderr.line(/^Broker on /);
  const found =
    /^Broker on mqtt:\/\/127\.0\.0\.1:(\d+) for users chat, Test, Server; Ctrl-C ends it\.$/
      .exec(line);
  assert(found, line);
  {
    await using peer = await connect({ port: Number(found[1]) }, "chat/chat");
    assertEquals(peer.code, 0);
  }
  served.signal("SIGTERM");
  const { code, stderr } = await served.outcome();
  assertEquals([code, stderr], [0, `${line}\n`]);
});

test("the script says in one line why it can't start", async () => {
  await using broker = await startBroker();
  const cases: [string[], number, string][] = [
    [["--port", String(broker.port)], 4, "is taken"],
    [["--port", "70000"], 2, "No such port: 70000."],
    [["--prt", "1"], 2, "--prt"],
  ];
  for (const [args, code, text] of cases) {
    const { code: actual, stderr } = await run(SCRIPT, args, OPTIONS);
    assertEquals(actual, code, stderr);
    assert(stderr.includes(text) && stderr.split("\n").length <= 3, stderr);
  }
});
