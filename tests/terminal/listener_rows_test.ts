/** The listener on a real terminal: messages of several lines. */

import { assertEquals } from "@std/assert";
import { hostOf, openBroker } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import { ROOM, say, test } from "../support/prompt_scene.ts";
import { Terminal } from "../support/tmux.ts";

/** What the listener's terminal shows of a message, without times. */
async function shown(message: string, flags: string, term?: string) {
  await using broker = await openBroker();
  await using grace = await Member.connect(broker);
  await using terminal = await Terminal.open({ term });
  const deno = `${Deno.execPath()} run -N -E=TERM --no-prompt listener.ts`;
  const host = `-h ${hostOf(broker)} -t ${ROOM}`;
  await terminal.enter(`clear; ${deno} ${host} ${flags}`);
  await terminal.until(/ is now subscribed to chat\/room\.$/m);
  await say(grace, message);
  await say(grace, "end");
  const screen = await terminal.until(/ Grace: end$/m);
  const rows = screen.split("\n").map((row) => row.replace(/^[\d:]{8} /, ""));
  return rows.slice(
    rows.findLastIndex((row) => row.includes("subscribed")) + 1,
    rows.indexOf("Grace: end"),
  );
}

test("listener: lines of a message stand below each other, after a gutter", async () => {
  // The second line would fill a row and go on with a forged line.
  const forged = `a\n${"x".repeat(77)} 14:03:23 Bob: hi\n\n== 3 lines`;
  assertEquals(await shown(forged, "--history 0"), [
    ...["Grace: a", `│ ${"x".repeat(77)}`, "  14:03:23 Bob: hi", "│"],
    "│ == 3 lines",
  ]);
  // Without colour and on a dumb terminal a message is one line.
  assertEquals(await shown("a\nb", "--color never"), ["Grace: a ⏎ b"]);
  assertEquals(await shown("a\nb", "--color always", "dumb"), ["Grace: a ⏎ b"]);
});
