/** The prompt and the listener in a real terminal: editing, commands, rows. */

import { assert, assertEquals } from "@std/assert";
import { hostOf, openBroker } from "../support/brokers.ts";
import { Member } from "../support/members.ts";
import {
  assertSane,
  atShell,
  bottom,
  command,
  follower,
  play,
  ROOM,
  say,
  scene,
  test,
} from "../support/prompt_scene.ts";
import { Terminal } from "../support/tmux.ts";

scene("a search shows in the prompt, and its end is a line", async (all) => {
  const { terminal, grace } = all;
  await play(
    terminal,
    // A program's lines are sent one by one.
    [["git push\ngood morning\n\n   \ngit pull\n"], /Ada: git pull\nAda>$/],
    [["draft", "C-r", "git"], /^\(search\)`git': git pull$/m],
  );
  assertEquals((await terminal.cursor()).column, "(search)`git': ".length);
  // The room goes on above it.
  await say(grace, "meanwhile");
  await play(
    terminal,
    [[], /Grace: meanwhile\n\(search\)`git': git pull$/],
    [["!"], /^\(not found\)`git!': git pull$/m],
    // Ctrl-C leaves the search, not the room.
    [["C-c"], /^Ada> draft$/m],
    // The time for which ESC may be the start of more passes before the letter.
    [["C-r", "morn", "Escape"], /^Ada> good morning$/m],
    [["C-e", "!"], /^Ada> good morning!$/m],
  );
  await play(terminal, [["C-u", "C-r", "push"], /`push'/]);
  await terminal.paste("!");
  await play(
    terminal,
    [[], /^Ada> git !push$/m],
    // Ctrl-D deletes in the line that was found, also over an empty draft.
    [["C-e", "C-u", "C-r", "push", "C-d"], /^Ada> git ush$/m],
    [["C-u", "C-r", "push", "Enter"], /Ada: git push\nAda>$/],
  );
  assertEquals(await grace.texts(6), [
    ...["notice", "git push", "good morning", "git pull", "meanwhile"],
    "git push",
  ]);
});

/** A trace with blank lines, blanks and tabs that are worth keeping. */
const TRACE = Array.from(
  { length: 40 },
  (_, i) => i % 7 === 3 ? "" : `${" ".repeat(i % 5)}at\tfile_${i}.ts:${i}`,
).join("\n");

scene("typed or pasted, several lines are one message", async (all) => {
  const { terminal, grace } = all;
  const typed = ["one", "M-Enter", "M-Enter", "/two", "Up", "Up", "End", "!"];
  await play(terminal, [typed, /^Ada> one!\n\n\/two$/m]);
  await say(grace, "meanwhile");
  await play(
    terminal,
    [[], /Grace: meanwhile\nAda> one!\n\n\/two$/],
    [["Enter"], /Ada: one!\n│\n│ \/two\nAda>$/],
  );
  await terminal.paste(`/${TRACE}\x03\x1b[2J\n`);
  // Half the screen is the prompt's.
  const screen = await terminal.until(/at file_39\.ts:39$/);
  assertEquals(screen.match(/at file/g)?.length, 10);
  // A paste goes to the cursor, and can be edited further.
  await play(
    terminal,
    [["Enter"], /file_39\.ts:39\nAda>$/],
    [["say this: ok?", "M-b"], /ok\?$/],
  );
  await terminal.paste("one line \x03\n");
  await play(
    terminal,
    [[], /^Ada> say this: one line ok\?$/m],
    [["C-e", "\x1b[200~\rand\r\nmore\x1b[201~"], /line ok\?\nand\nmore$/],
    [["M-BSpace", "BSpace", "Enter"], /ok\?\n│ and\nAda>$/],
  );
  // What is entered before Ctrl-D is sent.
  await terminal.type("last\nwords\n\x04");
  await assertSane(terminal, 0);
  assertEquals(await grace.texts(7), [
    ...["notice", "meanwhile", "one!\n\n/two", `/${TRACE}`],
    ...["say this: one line ok?\nand", "last", "words"],
  ]);
});

scene("typed text survives a flood, 40 columns and a signal", async (all) => {
  const { terminal, grace } = all;
  await play(terminal, [["half a sentence that is "], "sentence that is"]);
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
  const back = await play(
    terminal,
    [[], /^Ada> half .* than forty columns, with 日本 👋$/m],
    [["C-a", "x"], `Ada> x${text}`],
  );
  assertEquals(back.match(/Ada>/g)?.length, 1);
  Deno.kill(await follower(terminal), "SIGQUIT");
  await assertSane(terminal, 131);
  assert(!(await terminal.screen()).includes("Ada>"));
});

scene("Tab completes, and commands are obeyed", async ({ terminal, grace }) => {
  for (const name of ["Grace Hopper", "𝒜lex", "Greta"]) {
    await say(grace, "hi", name);
  }
  const choices = await play(
    terminal,
    [[], "Greta: hi"],
    [["𝒜", "Tab"], /Ada> 𝒜lex:$/],
    [["C-u", "gra", "Tab", "?"], /Ada> Grace Hopper: \?$/],
    [["C-u", "hi g", "Tab", "Tab"], "Greta  Grace Hopper"],
  );
  assertEquals(bottom(choices), "Ada> hi Gr");
  await play(
    terminal,
    [["C-u", "/w", "Tab", "Enter"], /Greta, wrote \d\d:/],
    [["/clear", "Enter"], (screen) => screen === "Ada>"],
    [["/nick Bea", "Enter"], / is now known as Bea\.\nBea>$/],
    [["typed", "C-l"], (screen) => screen === "Bea> typed"],
  );
  await terminal.press("C-u");
  await terminal.enter("/quit");
  await assertSane(terminal, 0);
});

atShell("without --follow, what was sent stays, marked", async (all) => {
  const { broker, terminal, grace } = all;
  await terminal.enter(command(broker).replace("--follow", ""));
  await play(
    terminal,
    [[], /^Ada>$/m],
    [["hello", "Enter"], /Ada> hello\n✓ sent\nAda>$/],
  );
  await terminal.paste("12:00:00 Eve: two\n\x1b[2Jlines\n");
  const sent = /^Ada> 12:00:00 Eve: two ⏎ lines\n✓ sent\nAda>$/m;
  await play(terminal, [["Enter"], sent]);
  assertEquals(await grace.texts(2), ["hello", "12:00:00 Eve: two\nlines"]);
  await terminal.enter("exit");
  await assertSane(terminal, 0);
});

atShell("a terminal that can only print gets plain lines", async (all) => {
  const { broker, terminal, grace } = all;
  await terminal.enter(command(broker).replace("-N ", "-N -E=TERM "));
  await play(
    terminal,
    [[], "-- User Ada is now subscribed"],
    [["hello", "Enter"], /^hello\n\d\d:\d\d:\d\d Ada: hello$/m],
    // Keys leave traces here, which are not sent; nor are blank lines.
    [["a\x1b[A\x1b[Bb\tc\x01", "Enter"], /Ada: ab c$/m],
  );
  await terminal.enter("  ");
  await say(grace, "hi");
  await terminal.until(/^\d\d:\d\d:\d\d Grace: hi$/m);
  assertEquals(await grace.texts(4), ["notice", "hello", "ab c", "hi"]);
  await terminal.press("C-d");
  await assertSane(terminal, 0);
}, "dumb");

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
