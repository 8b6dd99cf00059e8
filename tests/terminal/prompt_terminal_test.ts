/** The prompt in a real terminal: the room above it, commands, other terminals. */

import { assertEquals, assertMatch } from "@std/assert";
import { timeoutNotice } from "../../lib/protocol.ts";
import { textOf } from "../support/members.ts";
import {
  assertSane,
  atShell,
  bottom,
  command,
  follower,
  HALL,
  say,
  scene,
} from "../support/prompt_scene.ts";

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

scene("Tab completes, and commands are obeyed", async ({ terminal, grace }) => {
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
  await terminal.until(/Greta, wrote \d\d:/);
  await terminal.enter("/shrug");
  await terminal.until("Unknown command /shrug, not sent.");
  await terminal.enter("/clear");
  await terminal.until((screen) => screen === "Ada>");
  await terminal.enter("/me waves");
  await terminal.until(/^\d\d:\d\d:\d\d Ada: \*waves\*\nAda>$/);
  await terminal.type("typed");
  await terminal.press("C-l");
  await terminal.until((screen) => screen === "Ada> typed");
  await terminal.press("C-u");
  await terminal.enter("/quit");
  await assertSane(terminal, 0);
});

scene("the name and the room change, and the will with them", async (all) => {
  const { terminal, grace } = all;
  await grace.client.join([HALL], 1);
  await terminal.type("half typed");
  await terminal.until(/^Ada> half typed$/m);
  await terminal.press("C-u");
  await terminal.enter("/nick Ada Byron");
  await terminal.until(/^Ada Byron>$/m);
  await terminal.enter(`/join ${HALL}`);
  await terminal.enter("hello, hall");
  await terminal.until("Ada Byron: hello, hall");
  // What was entered can be found again.
  await terminal.press("Up");
  await terminal.until(/^Ada Byron> hello, hall$/m);
  Deno.kill(await follower(terminal), "SIGKILL");
  const { topic } = await grace.received.next(({ payload }) =>
    payload.type === "notice" && payload.from === "Ada Byron" &&
    payload.notice === timeoutNotice("Ada Byron")
  );
  assertEquals(topic, HALL);
});

scene("what is typed before Ctrl-D is obeyed", async ({ terminal, grace }) => {
  await grace.client.join([HALL], 1);
  await terminal.enter("/nick Ada Byron");
  await terminal.enter(`/join ${HALL}`);
  await terminal.enter("last words");
  await terminal.press("C-d");
  await assertSane(terminal, 0);
  const heard = await grace.received.next(({ payload }) =>
    payload.type === "message"
  );
  assertEquals([heard.topic, textOf(heard)], [HALL, "last words"]);
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

atShell("without --follow, what was sent stays, marked", async (all) => {
  const { broker, terminal, grace } = all;
  await terminal.enter(command(broker).replace("--follow", ""));
  await terminal.until(/^Ada>$/m);
  await terminal.enter("hello");
  await terminal.until(/Ada> hello\n✓ sent\nAda>$/);
  await terminal.paste("12:00:00 Eve: two\n\x1b[2Jlines\n");
  await terminal.press("Enter");
  await terminal.until(/^Ada> 12:00:00 Eve: two ⏎ lines\n✓ sent\nAda>$/m);
  await terminal.enter("/who");
  await terminal.until("/who needs --follow.");
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
  await terminal.press("Enter");
  await say(grace, "hi");
  await terminal.until(/^\d\d:\d\d:\d\d Grace: hi$/m);
  await terminal.enter("/help");
  await terminal.until("/me waves");
  await terminal.press("C-d");
  await assertSane(terminal, 0);
}, "dumb");
