import { assertEquals } from "@std/assert";
import { at, openBroker, TOPIC } from "../support/brokers.ts";
import { Peer } from "../support/peers.ts";
import { run } from "../support/processes.ts";

/** A bot that uses the client, another package, and variables of its own. */
const BOT = `
import process from "node:process";
import { ChatClient } from "./lib/client.ts";
import "mqtt/lib/connect/ws";
const { OURS, OTHER } = process.env;
console.log(JSON.stringify([typeof ChatClient.connect, OURS, OTHER]));
`;

for (
  const [permissions, ...variables] of [
    [["-N"], null, null],
    [["-N", "-E=OURS"], "one", null],
    [["-A", "--deny-env=OTHER"], "one", null],
    [["-A"], "one", "two"],
  ] as const
) {
  Deno.test(`library env: ${permissions.join(" ")} keeps what it grants`, async () => {
    const { code, stdout, stderr } = await run("-", [], {
      stdin: BOT,
      permissions: [...permissions],
      env: { OURS: "one", OTHER: "two" },
    });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), ["function", ...variables]);
  });
}

/** Tells what of two packages was loaded when the client had been. */
const PROBE = `
import module from "node:module";
if (Deno.args.includes("another interface")) Object.freeze(module);
const { ChatClient } = await import("./lib/client.ts");
const require = module.createRequire(import.meta.url);
const loaded = Object.keys(require.cache ?? {});
const has = (name) => loaded.some((path) => path.includes("/" + name + "/"));
const debug = (await import("npm:debug@4")).default;
console.log(JSON.stringify({
  client: typeof ChatClient.connect,
  timers: has("worker-timers"),
  // What others load is as they expect it.
  debug: typeof debug.enable,
}));
`;

for (const isAnother of [false, true]) {
  const where = isAnother ? "where the loader is another" : "";
  Deno.test(`unused modules: left out, for MQTT.js alone ${where}`, async () => {
    const args = isAnother ? ["another interface"] : [];
    const { stdout, stderr } = await run("-", args, {
      stdin: PROBE,
      permissions: ["-A"],
    });
    assertEquals(JSON.parse(stdout), {
      client: "function",
      timers: isAnother,
      debug: "function",
    }, stderr);
  });
}

Deno.test("unused modules: the script works with the real ones", async () => {
  await using broker = await openBroker();
  await using peer = await Peer.connect(broker, TOPIC);
  const script = `
    import module from "node:module";
    Object.freeze(module);
    const { main } = await import("./publisher.ts");
    Deno.exit(await main(Deno.args));
  `;
  const outcome = await run("-", at(broker, "-m", "hi"), { stdin: script });
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  assertEquals(JSON.parse((await peer.next()).text).message, "hi");
});
