/**
 * Stopping the program from the shell and going on: the shell gets the terminal as
 * it was, and the prompt comes back.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  assertSane,
  atShell,
  bottom,
  command,
  follower,
  modesOf,
  say,
  scene,
} from "../support/prompt_scene.ts";
import type { Terminal } from "../support/tmux.ts";

const STOPPED = /Stopped.*\n(.*\n)*\$$/;

/** Sets the terminal as most shells do, and brings the program's last row back. */
async function goOn(terminal: Terminal, last: string): Promise<void> {
  await terminal.type("stty sane; clear; fg");
  // Enter may be another character now.
  await terminal.press("C-j");
  await terminal.until((screen) =>
    screen.startsWith("sh -c") && bottom(screen) === last
  );
}

scene("Ctrl-Z twice stops it, and fg brings the prompt back", async (all) => {
  const { terminal, grace } = all;
  // After one Ctrl-Z any other key is what it was.
  await terminal.type("alf a sentence");
  await terminal.press("C-z", "C-a");
  await terminal.type("h");
  await terminal.until(/^Ada> half a sentence$/m);
  await terminal.press("C-z");
  const hint = await terminal.until((screen) =>
    screen.match(/^Ctrl-Z again suspends/gm)?.length === 2
  );
  assertEquals(bottom(hint), "Ada> half a sentence");
  await terminal.press("C-z");
  const stopped = await terminal.until(STOPPED);
  // The shell's message is where the prompt was.
  assert(!stopped.includes("half a sentence"), stopped);
  const modes = await modesOf(terminal, "clear");
  for (const mode of ["icanon", "echo", "isig", "icrnl"]) {
    assertMatch(modes, new RegExp(`(^| )${mode}[ ;]`, "m"));
  }
  await terminal.paste("echo no marks");
  await terminal.until(/^\$ echo no marks$/m);
  await terminal.press("Enter");
  await terminal.until(/^no marks$/m);
  await say(grace, "meanwhile");
  await goOn(terminal, "Ada> half a sentence");
  // The line may come after the prompt.
  await terminal.until(/Grace: meanwhile\nAda> half a sentence$/);
  // Keys are keys again, and pastes are marked.
  await terminal.press("C-a");
  await terminal.paste("a\nb\x03\x1a\n");
  await terminal.until(/^Ada> a\nbhalf a sentence$/m);
  await terminal.press("C-c", "C-c");
  await assertSane(terminal, 0);
});

scene("stopped by signals, it leaves one prompt", async (all) => {
  const { terminal, grace } = all;
  const pid = await follower(terminal);
  await terminal.type("four");
  await terminal.press("M-Enter", "M-Enter", "M-Enter");
  await terminal.type("rows");
  await terminal.until(/^Ada> four\n\n\nrows$/m);
  // SIGTSTP is told of first, and gives the terminal back.
  Deno.kill(pid, "SIGTSTP");
  const stopped = await terminal.until(STOPPED);
  assert(!stopped.includes("rows"), stopped);
  await terminal.enter("echo seen");
  await terminal.until(/^seen$/m);
  await goOn(terminal, "rows");
  Deno.kill(pid, "SIGSTOP");
  await terminal.until(STOPPED);
  await goOn(terminal, "rows");
  await terminal.press("C-a");
  await terminal.type("x");
  await terminal.until(/^Ada> four\n\n\nxrows$/m);
  await say(grace, "hi");
  const screen = await terminal.until(/Grace: hi\nAda> four\n\n\nxrows$/);
  assertEquals(screen.match(/^Ada>/gm)?.length, 1);
  await terminal.press("C-c", "C-c");
  await assertSane(terminal, 0);
});

atShell("stopped with its parent, it goes on with it", async (all) => {
  const { broker, terminal } = all;
  const alone = command(broker);
  await terminal.enter(
    alone.replace("exec ", "").replace(/'$/, "; exit $?'"),
  );
  await terminal.until(/^\d\d:\d\d:\d\d -- User Ada is now .*\nAda>$/m);
  await terminal.press("C-z");
  await terminal.until("Ctrl-Z again suspends");
  await terminal.press("C-z");
  await terminal.until("Stopped");
  await goOn(terminal, "Ada>");
  await terminal.type("x");
  await terminal.until(/^Ada> x$/m);
  await terminal.press("C-c", "C-c");
  await assertSane(terminal, 0);
});

atShell("a password stays hidden after a stop", async (all) => {
  const { broker, terminal } = all;
  await terminal.enter(command(broker, "-u nobody"));
  await terminal.until("Password of nobody:");
  await terminal.type("se");
  Deno.kill(await follower(terminal), "SIGSTOP");
  await terminal.until(STOPPED);
  await goOn(terminal, "Password of nobody:");
  await terminal.type("c");
  await terminal.press("C-z");
  await terminal.until(
    /^Ctrl-Z again suspends.*\n(.*\n)*Password of nobody:$/m,
  );
  await terminal.press("C-z");
  await terminal.until(STOPPED);
  await goOn(terminal, "Password of nobody:");
  await terminal.enter("ret");
  await terminal.until("publisher: ");
  const shown = await terminal.history();
  assert(!shown.match(/sec|ret$/m), shown);
  await assertSane(terminal, 3);
});
