import { assertEquals } from "@std/assert";
import { timedTests } from "../support/patience.ts";
import { run } from "../support/processes.ts";

const test = timedTests("broker");

test("in a pipe the demo shows the bots and sends stdin's lines", async () => {
  const { code, stdout, stderr } = await run("lib/broker/demo.ts", [], {
    stdin: "Hello\n",
    permissions: ["-N=127.0.0.1", "--allow-run"],
  });
  assertEquals(code, 0, stderr);
  const said = stdout.split("\n")
    .map((line) => line.slice("00:00:00 ".length).replace(/: .*/, ""));
  assertEquals(said.slice(0, 7), [
    "-- User Guest is now subscribed to chat/demo.",
    "-- User Ada is now subscribed to chat/demo.",
    "-- User Grace is now subscribed to chat/demo.",
    ...["Ada", "Grace", "Ada", "Grace"],
  ]);
  assertEquals(said[7], "Guest", stdout);
});
