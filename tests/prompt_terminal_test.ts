/**
 * The prompt in a real terminal, as a person sees it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { openBroker } from "./brokers.ts";
import { Member } from "./members.ts";
import {
  assertGoodBye,
  assertSane,
  bottom,
  command,
  follower,
  openTerminal,
  ROOM,
  say,
  scene,
  test,
} from "./prompt_scene.ts";

scene("typed text survives 1,000 messages, and none is lost", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("half a sen");
  await terminal.until("Ada> half a sen");
  for (let i = 1; i <= 500; i++) say(grace, `message ${i} of 1000`);
  await terminal.type("tence, with 日本 👋");
  for (let i = 501; i <= 999; i++) say(grace, `message ${i} of 1000`);
  await say(grace, "message 1000 of 1000");
  const screen = await terminal.until((screen) =>
    screen.includes("message 1000 of 1000") && screen.includes("👋")
  );
  assertEquals(bottom(screen), "Ada> half a sentence, with 日本 👋");
  assertEquals(screen.match(/Ada>/g)?.length, 1);
  const numbers = (await terminal.history())
    .matchAll(/^\d\d:\d\d:\d\d Grace: message (\d+) of 1000$/gm)
    .map(([, number]) => Number(number)).toArray();
  assertEquals(numbers, Array.from({ length: 1000 }, (_, i) => i + 1));
  await terminal.press("Enter");
  const shown = await terminal.until("Ada: half a sentence, with 日本 👋");
  assertEquals(bottom(shown), "Ada>");
});

scene(
  "typing is echoed in the middle of a flood",
  async ({ terminal, grace }) => {
    let isOver = false;
    const flood = (async () => {
      while (!isOver) {
        const line = "spam ".repeat(20);
        await Promise.all(Array.from({ length: 100 }, () => say(grace, line)));
      }
    })();
    await terminal.until("spam spam");
    for (const word of ["one ", "two ", "three"]) {
      await terminal.type(word);
      await terminal.until((screen) => bottom(screen).endsWith(word.trim()));
    }
    isOver = true;
    await flood;
    assertMatch(bottom(await terminal.screen()), /^Ada> one two three$/);
  },
);

scene("history, word movement and editing", async ({ terminal }) => {
  for (const line of ["first", "second one"]) {
    await terminal.enter(line);
    await terminal.until(new RegExp(`Ada: ${line}\nAda>$`));
  }
  await terminal.press("Up", "Up");
  await terminal.until(/Ada> first$/);
  await terminal.press("Down");
  await terminal.until(/Ada> second one$/);
  await terminal.press("M-b");
  await terminal.type("little ");
  await terminal.until(/Ada> second little one$/);
  await terminal.press("C-a", "M-d");
  await terminal.until(/Ada> +little one$/);
  await terminal.press("C-e", "C-w", "BSpace");
  await terminal.until(/Ada> +little$/);
});

scene("Tab completes names and commands", async ({ terminal, grace }) => {
  await say(grace, "hi", "Grace Hopper");
  await say(grace, "hi", "Greta");
  await terminal.until("Greta: hi");
  await terminal.type("gra");
  await terminal.press("Tab");
  await terminal.type("?");
  await terminal.until(/Ada> Grace Hopper: \?$/);
  await terminal.press("C-u");
  await terminal.type("hi g");
  await terminal.press("Tab", "Tab");
  const screen = await terminal.until("Greta  Grace Hopper");
  assertEquals(bottom(screen), "Ada> hi Gr");
  await terminal.press("C-u");
  await terminal.type("/w");
  await terminal.press("Tab", "Enter");
  await terminal.until(/Greta, seen \d\d:/);
});

scene("commands are obeyed, unknown ones are not sent", async (all) => {
  const { terminal, grace } = all;
  await terminal.enter("/shrug");
  await terminal.until("There is no command /shrug, and nothing was sent.");
  await terminal.enter("/help");
  await terminal.until("/me waves  say what you do");
  await terminal.enter("/me waves");
  await terminal.until("Ada: *waves*");
  await terminal.enter("//shrug");
  await terminal.until("Ada: /shrug");
  assertEquals(await grace.texts(3), [
    "notice",
    "*waves*",
    "/shrug",
  ]);
  await terminal.enter("/who");
  await terminal.until(/^ {2}Ada \(you\), seen \d\d:\d\d:\d\d$/m);
  await terminal.enter("/clear");
  await terminal.until((screen) => screen === "Ada>");
  await terminal.enter("back");
  await terminal.until(/^\d\d:\d\d:\d\d Ada: back\nAda>$/);
  await terminal.type("typed");
  await terminal.press("C-l");
  await terminal.until((screen) => screen === "Ada> typed");
  await terminal.press("C-u");
  await terminal.enter("/quit");
  await assertSane(terminal, 0);
});

scene("pasting twenty lines asks once", async ({ terminal, grace }) => {
  const lines = Array.from({ length: 20 }, (_, i) => `/line ${i + 1}`);
  await terminal.type("typed");
  await terminal.paste(`\n${lines.slice(1).join("\n")}\n`);
  await terminal.until(/^Send these 20 messages\? \(y\/n\)$/m);
  await say(grace, "meanwhile");
  await terminal.until(/Grace: meanwhile\nSend these 20 messages\?/);
  await terminal.enter("n");
  await terminal.until(/^Ada> typed$/m);
  await terminal.press("C-u");
  await terminal.paste(lines.join("\n"));
  await terminal.until(/^Send these 20 messages\?/m);
  await terminal.enter("yes");
  await terminal.until(/Ada: \/line 20\nAda>$/);
  assertEquals(
    (await grace.texts(22)).slice(2),
    lines,
  );
  // One line can be edited before it is sent, whatever it holds.
  await terminal.paste("one\tline\x03\n");
  await terminal.until(/Ada> one line$/);
  await terminal.press("Enter");
  await terminal.until("Ada: one line");
});

scene("one long pasted line is there at once", async ({ terminal, grace }) => {
  const line = "word ".repeat(2_400).trim();
  await terminal.paste(line);
  await terminal.until(/word word$/);
  await terminal.press("Enter");
  // Ada's own words come back through the room.
  const { payload } = await grace.received.next(({ payload }) =>
    payload.type === "message"
  );
  assert(payload.type === "message");
  assertEquals(payload.message, line);
});

scene("40 columns, and back", async ({ terminal, grace }) => {
  const text = "天地玄黃 a text that is longer than forty columns 👋 end";
  await terminal.type(text);
  await terminal.until(`Ada> ${text}`);
  await terminal.resize({ columns: 40, rows: 20 });
  await terminal.until(
    "Ada> 天地玄黃 a text that is longer tha\nn forty columns 👋 end",
  );
  await say(grace, "hello");
  const narrow = await terminal.until(/Grace: hello$/m);
  assertEquals(narrow.match(/Ada>/g)?.length, 1);
  await terminal.resize({ columns: 100, rows: 20 });
  const wide = await terminal.until(`Ada> ${text}`);
  assertEquals(wide.match(/Ada>/g)?.length, 1);
  assertMatch(wide, /^\d\d:\d\d:\d\d Grace: hello$/m);
  await terminal.press("C-a");
  await terminal.type("x");
  await terminal.until(`Ada> x${text}`);
});

scene(
  "Ctrl-C leaves, and the terminal is sane",
  async ({ terminal, grace }) => {
    await terminal.type("not sent");
    await terminal.press("C-c");
    await assertSane(terminal, 0);
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

for (const signal of ["TERM", "HUP", "INT"]) {
  scene(
    `SIG${signal} leaves the terminal sane`,
    async ({ terminal, grace }) => {
      await terminal.type("typed");
      await terminal.until("Ada> typed");
      const pid = await follower(terminal);
      Deno.kill(pid, `SIG${signal}` as Deno.Signal);
      await assertSane(terminal, 0);
      await grace.texts(2);
    },
  );
}

scene("a terminal that is stuck keeps nothing from ending", async (all) => {
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
}, "--timeout 1");

scene("offline, commands don't wait behind what can't be sent", async (all) => {
  const { broker, terminal } = all;
  await broker.close();
  await terminal.until("Disconnected from");
  await terminal.paste("a line\n".repeat(300));
  await terminal.until("Send these 300 messages?");
  await terminal.enter("y");
  await terminal.enter("/help");
  await terminal.until("/me waves");
  await terminal.enter("/quit");
  await terminal.until("300 lines, 1 to 300, were not acknowledged");
  await assertSane(terminal, 5);
  const hints = (await terminal.history()).match(/No connection/g);
  assertEquals(hints?.length, 1);
}, "--timeout 1");

scene("a broker that goes away, and one's own leaving then", async (all) => {
  const { broker, terminal } = all;
  await terminal.type("typed");
  await terminal.until("Ada> typed");
  await broker.close();
  const screen = await terminal.until(/^Trying /m);
  assertEquals(bottom(screen), "Ada> typed");
  await terminal.press("Enter");
  await terminal.until("No connection; this is sent when there is.");
  assertMatch(await terminal.screen(), /^Ada> typed$/m);
  await terminal.press("C-d");
  await terminal.until("Line 1 was not acknowledged");
  await assertSane(terminal, 5);
}, "--timeout 2");

test("prompt: a broker that refuses leaves the terminal sane", async () => {
  await using broker = await openBroker();
  await using stage = await openTerminal();
  const { terminal } = stage;
  await terminal.enter(command(broker, "-u nobody"));
  await terminal.until("Password of nobody:");
  await terminal.enter("secret");
  const screen = await terminal.until("publisher: ");
  assert(!screen.includes("secret"), screen);
  await assertSane(terminal, 3);
});

for (const key of ["C-c", "C-d"]) {
  test(`prompt: ${key} at the password leaves the terminal sane`, async () => {
    await using broker = await openBroker();
    await using stage = await openTerminal();
    const { terminal } = stage;
    await terminal.enter(command(broker, "-u nobody"));
    await terminal.until("Password of nobody:");
    await terminal.press("x", key);
    await terminal.until('publisher: no answer to "Password of nobody:"');
    await assertSane(terminal, 1);
  });
}

test("prompt: SIGTERM at the password leaves the terminal sane", async () => {
  await using broker = await openBroker();
  await using stage = await openTerminal();
  const { terminal } = stage;
  await terminal.enter(command(broker, "-u nobody"));
  await terminal.until("Password of nobody:");
  Deno.kill(await follower(terminal), "SIGTERM");
  await assertSane(terminal, 1);
});

test("prompt: without --follow, what was sent stays, marked", async () => {
  await using broker = await openBroker();
  await using grace = await Member.connect(broker);
  await grace.client.join([ROOM], 1);
  await using stage = await openTerminal();
  const { terminal } = stage;
  await terminal.enter(command(broker).replace("--follow", ""));
  await terminal.until(/^Ada>$/m);
  await terminal.enter("hello");
  await terminal.until(/Ada> hello\n✓ sent\nAda>$/);
  await terminal.enter("/who");
  await terminal.until("Nobody is seen here without --follow.");
  assertEquals(await grace.texts(1), ["hello"]);
  await terminal.enter("exit");
  await assertSane(terminal, 0);
});

test("prompt: a terminal that can only print gets plain lines", async () => {
  await using broker = await openBroker();
  await using grace = await Member.connect(broker);
  await grace.client.join([ROOM], 1);
  await using stage = await openTerminal("dumb");
  const { terminal } = stage;
  await terminal.enter(command(broker).replace("-N ", "-N -E=TERM "));
  await terminal.until("-- User Ada is now subscribed");
  await terminal.enter("hello");
  await terminal.until(/^hello\n\d\d:\d\d:\d\d Ada: hello$/m);
  await say(grace, "hi");
  await terminal.until(/^\d\d:\d\d:\d\d Grace: hi$/m);
  await terminal.enter("/help");
  await terminal.until("/me waves");
  await terminal.press("C-d");
  await assertSane(terminal, 0);
});

/** Waits until a process has ended. */
async function ended(pid: number): Promise<void> {
  const args = ["-c", `while kill -0 ${pid} 2>&-; do sleep 0.05; done`];
  const { code } = await new Deno.Command("timeout", {
    args: ["20", "sh", ...args],
  }).output();
  assertEquals(code, 0, "it has not ended");
}
