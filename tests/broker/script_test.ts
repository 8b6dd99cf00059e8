import { assert, assertEquals } from "@std/assert";
import { startBroker } from "../../lib/broker/broker.ts"; // first: it empties the environment mqtt reads
import { timedTests } from "../support/patience.ts";
import { run, start } from "../support/processes.ts";

const test = timedTests("broker");

const SCRIPT = "lib/broker/broker.ts";
const OPTIONS = { permissions: ["-N"] };

test("the script serves until SIGTERM, and prints who may not write where", async () => {
  await using served = start(SCRIPT, ["--port", "0"], OPTIONS);
  const line = await served.stderr.line(/^Broker on /);
  const found =
    /^Broker on mqtt:\/\/127\.0\.0\.1:(\d+) for users chat, Test, Server; Ctrl-C ends it\.$/
      .exec(line);
  assert(found, line);
  const room = ["--port", found[1], "--topic"];
  const denied = await run("publisher.ts", [...room, "cat/a", "-m", "Hello"]);
  assert(denied.code !== 0, denied.stderr);
  const sent = await run("publisher.ts", [...room, "chat/a", "-m", "Hello"]);
  assertEquals(sent.code, 0, sent.stderr);
  served.signal("SIGTERM");
  const { code, stderr } = await served.outcome();
  const lines = new Set(stderr.trimEnd().split("\n"));
  assertEquals([...lines], [line, "user chat may not write cat/a"]);
  assertEquals(code, 0);
});

test("on the network the script says what to type elsewhere", async () => {
  const network = ["--host", "0.0.0.0", "--port", "0"];
  await using served = start(SCRIPT, network, OPTIONS);
  const line = await served.stderr.line(/^The passwords are public\. /);
  const typed = / deno run -N (publisher\.ts .*) \(ADDRESS: this/.exec(line)!;
  const command = typed[1].replace("ADDRESS", "127.0.0.1").replace(
    "--follow ",
    "",
  );
  const [script, ...args] = command.split(" ");
  const { code, stderr } = await run(script, args, { stdin: "Hello\n" });
  assertEquals(code, 0, stderr);
});

test("the script says in one line why it does not start", async () => {
  await using broker = await startBroker();
  const cases: [string[], number, string][] = [
    [["--port", String(broker.port)], 4, "is taken"],
    [["--port", "70000"], 2, "No such port: 70000."],
    [["--prt", "1"], 2, "--prt"],
    [["--host", "no such host"], 4, "ENOTFOUND"],
    [["--host", ""], 2, "--host needs an address."],
  ];
  for (const [args, code, text] of cases) {
    const { code: actual, stderr } = await run(SCRIPT, args, OPTIONS);
    assertEquals(actual, code, stderr);
    assert(stderr.includes(text) && stderr.split("\n").length <= 5, stderr);
  }
});
