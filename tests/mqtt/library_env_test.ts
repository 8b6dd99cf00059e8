import { assertEquals } from "@std/assert";
import { run } from "../support/processes.ts";

/** A bot that uses the client, two other packages, and variables of its own. */
const BOT = `
import module from "node:module";
import process from "node:process";
if (Deno.args.length > 0) Object.freeze(module);
const { ChatClient } = await import("./lib/client.ts");
await import("mqtt/lib/connect/ws");
const { OURS, OTHER } = process.env;
const require = module.createRequire(import.meta.url);
const loaded = Object.keys(require.cache ?? {});
const hasTimers = loaded.some((path) => path.includes("/worker-timers/"));
// What others load is as they expect it.
const debug = (await import("npm:debug@4")).default;
console.log(JSON.stringify([
  ...[typeof ChatClient.connect, typeof debug.enable],
  ...[hasTimers, OURS, OTHER],
]));
`;

for (
  const [permissions, isFrozen, ...variables] of [
    [["-N"], false, null, null],
    [["-N", "-E=OURS"], false, "one", null],
    [["-A", "--deny-env=OTHER"], false, "one", null],
    [["-A"], false, "one", "two"],
    [["-A"], true, "one", "two"],
  ] as const
) {
  Deno.test(`library env: ${permissions.join(" ")} keeps what it grants, frozen: ${isFrozen}`, async () => {
    const { code, stdout, stderr } = await run("-", isFrozen ? ["x"] : [], {
      stdin: BOT,
      permissions: [...permissions],
      env: { OURS: "one", OTHER: "two" },
    });
    assertEquals([code, stderr], [0, ""]);
    const expected = ["function", "function", isFrozen, ...variables];
    assertEquals(JSON.parse(stdout), expected);
  });
}
