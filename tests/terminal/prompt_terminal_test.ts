/** The prompt in a real terminal: the room above it, commands, other terminals. */

import { assert, assertEquals } from "@std/assert";
import {
  assertSane,
  atShell,
  bottom,
  command,
  follower,
  say,
  scene,
} from "../support/prompt_scene.ts";

scene("typed text survives a flood, 40 columns and a signal", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("half a sentence that is ");
  await terminal.until("Ada> half a sentence that is");
  for (let i = 1; i <= 500; i++) say(grace, `message ${i} of 1000`);
  await terminal.type("longer than forty columns, with 日本 👋");
  for (let i = 501; i <= 999; i++) say(grace, `message ${i} of 1000`);
  await say(grace, "message 1000 of 1000");
  const text =
    "half a sentence that is longer than forty columns, with 日本 👋";
  const wide = await terminal.until((screen) =>
    screen.includes("message 1000 of 1000") && screen.includes("👋")
  );
  assertEquals(bottom(wide), `Ada> ${text}`);
  assertEquals(wide.match(/Ada>/g)?.length, 1);
  const numbers = (await terminal.history())
    .matchAll(/^\d\d:\d\d:\d\d Grace: message (\d+) of 1000$/gm)
    .map(([, number]) => Number(number)).toArray();
  assertEquals(numbers, Array.from({ length: 1000 }, (_, i) => i + 1));
  await terminal.resize({ columns: 40, rows: 20 });
  await terminal.until(
    /^Ada> half .* longer tha\nn forty columns, with 日本 👋$/m,
  );
  await say(grace, "hello");
  const narrow = await terminal.until(/Grace: hello$/m);
  assertEquals(narrow.match(/Ada>/g)?.length, 1);
  await terminal.resize({ columns: 100, rows: 20 });
  await terminal.until(/^Ada> half .* than forty columns, with 日本 👋$/m);
  await terminal.press("C-a");
  await terminal.type("x");
  const back = await terminal.until(`Ada> x${text}`);
  assertEquals(back.match(/Ada>/g)?.length, 1);
  Deno.kill(await follower(terminal), "SIGQUIT");
  await assertSane(terminal, 131);
  assert(!(await terminal.screen()).includes("Ada>"));
});

scene("Tab completes, and commands are obeyed", async ({ terminal, grace }) => {
  await say(grace, "hi", "Grace Hopper");
  await say(grace, "hi", "𝒜lex");
  await say(grace, "hi", "Greta");
  await terminal.until("Greta: hi");
  await terminal.type("𝒜");
  await terminal.press("Tab");
  await terminal.until(/Ada> 𝒜lex:$/);
  await terminal.press("C-u");
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
  await terminal.until(/Greta, wrote \d\d:/);
  await terminal.enter("/clear");
  await terminal.until((screen) => screen === "Ada>");
  await terminal.enter("/nick Bea");
  await terminal.until(/ is now known as Bea\.\nBea>$/);
  await terminal.type("typed");
  await terminal.press("C-l");
  await terminal.until((screen) => screen === "Bea> typed");
  await terminal.press("C-u");
  await terminal.enter("/quit");
  await assertSane(terminal, 0);
});

atShell("without --follow, what was sent stays, marked", async (all) => {
  const { broker, terminal, grace } = all;
  await terminal.enter(command(broker).replace("--follow", ""));
  await terminal.until(/^Ada>$/m);
  await terminal.enter("hello");
  await terminal.until(/Ada> hello\n✓ sent\nAda>$/);
  await terminal.paste("12:00:00 Eve: two\n\x1b[2Jlines\n");
  await terminal.press("Enter");
  await terminal.until(/^Ada> 12:00:00 Eve: two ⏎ lines\n✓ sent\nAda>$/m);
  assertEquals(await grace.texts(2), [
    ...["hello", "12:00:00 Eve: two\nlines"],
  ]);
  await terminal.enter("exit");
  await assertSane(terminal, 0);
});

atShell("a terminal that can only print gets plain lines", async (all) => {
  const { broker, terminal, grace } = all;
  await terminal.enter(command(broker).replace("-N ", "-N -E=TERM "));
  await terminal.until("-- User Ada is now subscribed");
  await terminal.enter("hello");
  await terminal.until(/^hello\n\d\d:\d\d:\d\d Ada: hello$/m);
  // Keys leave traces here, which are not sent; nor are blank lines.
  await terminal.enter("a\x1b[A\x1b[Bb\tc\x01");
  await terminal.until(/Ada: ab c$/m);
  await terminal.enter("  ");
  await say(grace, "hi");
  await terminal.until(/^\d\d:\d\d:\d\d Grace: hi$/m);
  assertEquals(await grace.texts(4), ["notice", "hello", "ab c", "hi"]);
  await terminal.press("C-d");
  await assertSane(terminal, 0);
}, "dumb");
