/** Leaving the prompt: the room reads it, and the terminal is as it was. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { openBroker } from "../support/brokers.ts";
import {
  assertGoodBye,
  assertSane,
  bottom,
  command,
  follower,
  openTerminal,
  say,
  scene,
  test,
} from "../support/prompt_scene.ts";
import type { Terminal } from "../support/tmux.ts";

scene(
  "Ctrl-C clears the line, then leaves, and the terminal is sane",
  async ({ terminal, grace }) => {
    await terminal.enter("sent");
    await terminal.until("Ada: sent");
    await terminal.type("not sent");
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
  },
);

scene(
  "Ctrl-D leaves, and the terminal is sane",
  async ({ terminal, grace }) => {
    // It doesn't while there is text, and Ctrl-Z never does.
    await terminal.type("a");
    await terminal.press("C-d", "C-z", "BSpace", "C-d");
    await assertSane(terminal, 0);
    await assertGoodBye(grace);
  },
);

const CODES = { TERM: 0, HUP: 0, INT: 0, QUIT: 131 };
for (const [signal, code] of Object.entries(CODES)) {
  scene(
    `SIG${signal} leaves the terminal sane`,
    async ({ terminal, grace }) => {
      await terminal.type("typed");
      await terminal.until("Ada> typed");
      const pid = await follower(terminal);
      Deno.kill(pid, `SIG${signal}` as Deno.Signal);
      await assertSane(terminal, code);
      await grace.texts(2);
    },
  );
}

scene(
  "a blocked terminal does not keep the program from ending",
  async (all) => {
    const { tmux, terminal, grace } = all;
    const pid = await follower(terminal);
    const server = Number(await tmux.run(["display-message", "-p", "#{pid}"]));
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
  },
  "--timeout 1",
);

scene("offline, commands don't wait behind what can't be sent", async (all) => {
  const { broker, terminal } = all;
  await broker.close();
  await terminal.until("Disconnected from");
  await terminal.type("a line\n".repeat(300));
  await terminal.enter("/help");
  await terminal.until("/me waves");
  await terminal.enter("/quit");
  await terminal.until("300 lines, 1 to 300, were not acknowledged");
  await assertSane(terminal, 5);
  const hints = (await terminal.history()).match(/No connection;/g);
  assertEquals(hints?.length, 1);
}, "--timeout 1");

scene("leaving while the broker is away", async (all) => {
  const { broker, terminal } = all;
  await terminal.type("typed");
  await terminal.until("Ada> typed");
  await broker.close();
  const screen = await terminal.until(/^Disconnected from /m);
  assertEquals(bottom(screen), "Ada (offline)> typed");
  await terminal.press("Enter");
  await terminal.until("No connection; your lines are sent when it is back.");
  assertMatch(await terminal.screen(), /^Ada \(offline\)> typed$/m);
  await terminal.press("C-d");
  await terminal.until("Line 1 was not acknowledged");
  await assertSane(terminal, 5);
}, "--timeout 2");

/** Plays a scene that begins at the question for a password. */
function atPassword(name: string, play: (terminal: Terminal) => Promise<void>) {
  test(`prompt: ${name} leaves the terminal sane`, async () => {
    await using broker = await openBroker();
    await using stage = await openTerminal();
    const { terminal } = stage;
    await terminal.enter(command(broker, "-u nobody"));
    await terminal.until("Password of nobody:");
    await play(terminal);
  });
}

atPassword("a broker that refuses", async (terminal) => {
  await terminal.enter("secret");
  const screen = await terminal.until("publisher: ");
  assert(!screen.includes("secret"), screen);
  await assertSane(terminal, 3);
});

for (const key of ["C-c", "C-d"]) {
  atPassword(`${key} at the password`, async (terminal) => {
    await terminal.press("x", key);
    await terminal.until('publisher: no answer to "Password of nobody:"');
    await assertSane(terminal, 1);
  });
}

const PASSWORD_CODES = { SIGTERM: 1, SIGQUIT: 131 } as const;
for (const [signal, code] of Object.entries(PASSWORD_CODES)) {
  atPassword(`${signal} at the password`, async (terminal) => {
    Deno.kill(await follower(terminal), signal as Deno.Signal);
    await assertSane(terminal, code);
  });
}

test("prompt: keys edit a password that is not shown", async () => {
  await using broker = await openBroker();
  await using stage = await openTerminal();
  const { terminal } = stage;
  await terminal.enter(command(broker, "-u Server"));
  await terminal.until("Password of Server:");
  await terminal.press("BSpace");
  await terminal.type("wrong");
  await terminal.press("C-u");
  await terminal.type("a👩‍👩‍👧");
  await terminal.press("BSpace", "Left", "Delete", "F5", "C-x");
  await terminal.type("\x1b[<0;1;1Mdmin");
  await terminal.press("Enter");
  await terminal.until(/now subscribed .*\nAda>$/);
  assert(!(await terminal.history()).match(/wrong|dmin$/m));
  // A line break ends it also in a paste.
  await terminal.press("C-d");
  await terminal.until(/^\$$/m);
  await terminal.enter(command(broker, "-u Server"));
  await terminal.until(/^Password of Server:$/m);
  await terminal.paste("admin\nnext\nlines\n");
  await terminal.until(/now subscribed .*\nAda>/);
});

test("prompt: a program that exits by itself leaves the terminal sane", async () => {
  await using stage = await openTerminal();
  const { terminal } = stage;
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
