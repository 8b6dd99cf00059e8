import { assertEquals } from "@std/assert";
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
    [["-N", "-E"], "one", "two"],
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
