/** Leaving the prompt: the room reads it, and the terminal is as it was. */

import { assert, assertEquals } from "@std/assert";
import { FakeBroker, letIn } from "../support/brokers.ts";
import { puback, suback } from "../support/packets.ts";
import {
  assertGoodBye,
  assertSane,
  atShell,
  command,
  follower,
  HALL,
  say,
  scene,
} from "../support/prompt_scene.ts";
import type { Terminal } from "../support/tmux.ts";

scene("Ctrl-C clears the line, then leaves; Ctrl-D deletes", async (all) => {
  const { terminal, grace } = all;
  await terminal.enter("sent");
  await terminal.until("Ada: sent");
  await terminal.type("not  sent");
  await terminal.press("M-b", "Left", "C-d");
  await terminal.until(/^Ada> not sent$/m);
  await terminal.press("C-c");
  await terminal.until(/^Ada>$/m);
  // It can be undone, and the history starts anew.
  await terminal.press("C-_");
  await terminal.until(/^Ada> not sent$/m);
  await terminal.press("Up", "C-c", "Up");
  await terminal.until(/^Ada> sent$/m);
  await terminal.press("C-c", "C-c");
  await assertSane(terminal, 0);
  assertEquals(await grace.texts(2), ["notice", "sent"]);
  await assertGoodBye(grace);
});

scene("a blocked terminal doesn't hold up the end", async (all) => {
  const { terminal, grace } = all;
  const pid = await follower(terminal);
  const server = Number(await terminal.run("display-message", "-p", "#{pid}"));
  Deno.kill(server, "SIGSTOP");
  try {
    const line = "x".repeat(60_000);
    await Promise.all(Array.from({ length: 20 }, () => say(grace, line)));
    Deno.kill(pid, "SIGTERM");
    await assertGoodBye(grace);
    await ended(pid);
  } finally {
    Deno.kill(server, "SIGCONT");
  }
}, "--timeout 1");

/** Starts a program in a terminal that shows nothing else. */
async function startAfresh(terminal: Terminal, line: string): Promise<void> {
  await terminal.press("C-u");
  await terminal.enter("clear");
  await terminal.until((screen) => screen === "$");
  await terminal.enter(line);
}

atShell("a signal during a slow /join leaves at once", async ({ terminal }) => {
  // The broker never answers for the hall, and in the end to no leave notice.
  let isDeaf = false;
  await using broker = new FakeBroker(letIn({
    subscribe: (packet) =>
      packet.subscriptions[0].topic === HALL ? undefined : suback(packet, 1),
    publish: (packet) => isDeaf ? undefined : puback(packet),
  }));
  for (const way of ["SIGTERM", "Ctrl-C after Ctrl-D"]) {
    await startAfresh(terminal, command(broker, "--timeout 600"));
    await terminal.until(/^Ada>$/m);
    await terminal.enter(`/join ${HALL}`);
    await terminal.until("Waiting to enter chat/hall");
    await terminal.enter("for the hall");
    await terminal.until("Ada> for the hall");
    if (way === "SIGTERM") Deno.kill(await follower(terminal), way);
    else {
      await terminal.press("C-d");
      await terminal.until("Ctrl-C ends it now");
      isDeaf = true;
      await terminal.press("C-c");
    }
    await terminal.until("Line 1 was not sent.");
    await assertSane(terminal, 5);
  }
});

atShell("a password is hidden, edited, and sanely given up", async (all) => {
  const { broker, terminal } = all;
  const askFor = async (user: string) => {
    await startAfresh(terminal, command(broker, `-u ${user}`));
    await terminal.until(`Password of ${user}:`);
  };
  const ways = { "C-c": 1, "C-d": 1, SIGTERM: 1, SIGQUIT: 131, Enter: 3 };
  for (const [way, code] of Object.entries(ways)) {
    await askFor("nobody");
    if (way.startsWith("SIG")) {
      Deno.kill(await follower(terminal), way as Deno.Signal);
    } else {
      await terminal.type("secret");
      await terminal.press(way);
    }
    if (code < 131) await terminal.until("publisher: ");
    const isGivenUp = (await terminal.screen()).includes(": no answer to ");
    assertEquals(isGivenUp, code === 1);
    await assertSane(terminal, code);
  }
  await askFor("Server");
  await terminal.press("BSpace");
  await terminal.type("wrong");
  await terminal.press("C-u");
  await terminal.type("a👩‍👩‍👧");
  await terminal.press("BSpace", "Left", "Delete", "F5", "C-x");
  await terminal.type("\x1b[<0;1;1Mdmin");
  await terminal.press("Enter");
  await terminal.until(/now subscribed .*\nAda>$/);
  assert(!(await terminal.history()).match(/secret|wrong|dmin$/m));
  await terminal.press("C-d");
  await terminal.until(/^\$$/m);
  // A line break ends it also in a paste.
  await askFor("Server");
  await terminal.paste("admin\nnext\nlines\n");
  await terminal.until(/now subscribed .*\nAda>/);
});

atShell("a program that exits leaves the terminal sane", async (all) => {
  const { terminal } = all;
  const program = 'import { Keyboard } from "./lib/terminal/keys.ts"; ' +
    "new Keyboard({ marksPastes: true, onContinue() {} }); Deno.exit(7);";
  await terminal.enter(`clear; ${Deno.execPath()} eval '${program}'`);
  await assertSane(terminal, 7);
});

async function ended(pid: number): Promise<void> {
  const args = ["-c", `while kill -0 ${pid} 2>&-; do sleep 0.05; done`];
  const { code } = await new Deno.Command("timeout", {
    args: ["20", "sh", ...args],
  }).output();
  assertEquals(code, 0, "it has not ended");
}
