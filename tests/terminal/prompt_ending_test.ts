/** Leaving, stopping and coming back: the terminal is as the shell expects it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeBroker, letIn } from "../support/brokers.ts";
import { puback, suback } from "../support/packets.ts";
import { becomesTrue } from "../support/patience.ts";
import {
  assertGoodBye,
  assertSane,
  atShell,
  bottom,
  command,
  follower,
  HALL,
  modesOf,
  play,
  say,
  scene,
} from "../support/prompt_scene.ts";
import type { Terminal } from "../support/tmux.ts";

scene("Ctrl-C clears the line, then leaves; Ctrl-D deletes", async (all) => {
  const { terminal, grace } = all;
  await play(
    terminal,
    [["sent\n"], "Ada: sent"],
    [["not  sent", "M-b", "Left", "C-d"], /^Ada> not sent$/m],
    [["C-c"], /^Ada>$/m],
    // It can be undone, and the history starts anew.
    [["C-_"], /^Ada> not sent$/m],
    [["Up", "C-c", "Up"], /^Ada> sent$/m],
  );
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
    assert(await becomesTrue(async () => await stateOf("pid", pid) === ""));
  } finally {
    Deno.kill(server, "SIGCONT");
  }
}, "--timeout 1");

/** The states of processes whose column has an id, such as "T"; "" for none. */
async function stateOf(column: "pid" | "ppid", id: number): Promise<string> {
  const args = ["-A", "-o", `${column}=,state=`];
  const { stdout } = await new Deno.Command("ps", { args }).output();
  const rows = new TextDecoder().decode(stdout);
  return RegExp(`^ *${id} +(\\S)`, "m").exec(rows)?.[1] ?? "";
}

/** Starts a program in a terminal that shows nothing else. */
async function startAfresh(terminal: Terminal, line: string): Promise<void> {
  await play(terminal, [["C-u", "clear\n"], (screen) => screen === "$"]);
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
    await play(
      terminal,
      [[], /^Ada>$/m],
      [[`/join ${HALL}\n`], "Waiting to enter chat/hall"],
      [["for the hall\n"], "Ada> for the hall"],
    );
    if (way === "SIGTERM") Deno.kill(await follower(terminal), way);
    else {
      await play(terminal, [["C-d"], "Ctrl-C ends it now"]);
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
  const last = ["Left", "Delete", "F5", "C-x", "\x1b[<0;1;1Mdmin", "Enter"];
  const keys = ["BSpace", "wrong", "C-u", "a👩‍👩‍👧", "BSpace", ...last];
  await play(terminal, [keys, /now subscribed .*\nAda>$/]);
  assert(!(await terminal.history()).match(/secret|wrong|dmin$/m));
  await play(terminal, [["C-d"], /^\$$/m]);
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

const STOPPED = /Stopped.*\n(.*\n)*\$$/;

/** Sets the terminal as most shells do, and brings the program's last row back. */
async function goOn(terminal: Terminal, last: string): Promise<void> {
  // Enter may be another character now.
  await play(terminal, [
    ["stty sane; clear; fg", "C-j"],
    (screen) => screen.startsWith("sh -c") && bottom(screen) === last,
  ]);
}

scene("Ctrl-Z twice stops it, and fg brings the prompt back", async (all) => {
  const { terminal, grace } = all;
  const hint = await play(
    terminal,
    // After one Ctrl-Z any other key is what it was.
    [["alf a sentence", "C-z", "C-a", "h"], /^Ada> half a sentence$/m],
    [["C-z"], (it) => it.match(/^Ctrl-Z again suspends/gm)?.length === 2],
  );
  assertEquals(bottom(hint), "Ada> half a sentence");
  const stopped = await play(terminal, [["C-z"], STOPPED]);
  // The shell's message is where the prompt was.
  assert(!stopped.includes("half a sentence"), stopped);
  const modes = await modesOf(terminal, "clear");
  for (const mode of ["icanon", "echo", "isig", "icrnl"]) {
    assertMatch(modes, new RegExp(`(^| )${mode}[ ;]`, "m"));
  }
  await terminal.paste("echo no marks");
  await play(
    terminal,
    [[], /^\$ echo no marks$/m],
    [["Enter"], /^no marks$/m],
  );
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
  const typed = ["four", "M-Enter", "M-Enter", "M-Enter", "rows"];
  await play(terminal, [typed, /^Ada> four\n\n\nrows$/m]);
  // SIGTSTP is told of first, and gives the terminal back.
  Deno.kill(pid, "SIGTSTP");
  const stopped = await terminal.until(STOPPED);
  assert(!stopped.includes("rows"), stopped);
  await play(terminal, [["echo seen\n"], /^seen$/m]);
  await goOn(terminal, "rows");
  Deno.kill(pid, "SIGSTOP");
  await terminal.until(STOPPED);
  await goOn(terminal, "rows");
  await play(terminal, [["C-a", "x"], /^Ada> four\n\n\nxrows$/m]);
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
  await play(
    terminal,
    [[], /^\d\d:\d\d:\d\d -- User Ada is now .*\nAda>$/m],
    [["C-z"], "Ctrl-Z again suspends"],
    [["C-z"], "Stopped"],
  );
  // What is typed before the program has stopped, too, may be flushed.
  const parent = await follower(terminal);
  assert(await becomesTrue(async () => await stateOf("ppid", parent) === "T"));
  await goOn(terminal, "Ada>");
  await play(terminal, [["x"], /^Ada> x$/m]);
  await terminal.press("C-c", "C-c");
  await assertSane(terminal, 0);
});

atShell("a password stays hidden after a stop", async (all) => {
  const { broker, terminal } = all;
  const question = "Password of nobody:";
  await terminal.enter(command(broker, "-u nobody"));
  await terminal.until(question);
  await terminal.type("se");
  Deno.kill(await follower(terminal), "SIGSTOP");
  await terminal.until(STOPPED);
  await goOn(terminal, question);
  await play(
    terminal,
    [["c", "C-z"], /^Ctrl-Z again suspends.*\n(.*\n)*Password of nobody:$/m],
    [["C-z"], STOPPED],
  );
  await goOn(terminal, question);
  await play(terminal, [["ret\n"], "publisher: "]);
  const shown = await terminal.history();
  assert(!shown.match(/sec|ret$/m), shown);
  await assertSane(terminal, 3);
});
