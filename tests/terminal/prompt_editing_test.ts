/** Editing at the prompt in a real terminal: search, pastes, several lines. */

import { assertEquals } from "@std/assert";
import { assertSane, say, scene } from "../support/prompt_scene.ts";

scene("a search shows in the prompt, and its end is a line", async (all) => {
  const { terminal, grace } = all;
  // A program's lines are sent one by one.
  await terminal.type("git push\ngood morning\n\n   \ngit pull\n");
  await terminal.until(/Ada: git pull\nAda>$/);
  await terminal.type("draft");
  await terminal.press("C-r");
  await terminal.type("git");
  await terminal.until(/^\(search\)`git': git pull$/m);
  assertEquals((await terminal.cursor()).column, "(search)`git': ".length);
  // The room goes on above it.
  await say(grace, "meanwhile");
  await terminal.until(/Grace: meanwhile\n\(search\)`git': git pull$/);
  // Ctrl-C leaves the search, not the room.
  await terminal.type("!");
  await terminal.until(/^\(not found\)`git!': git pull$/m);
  await terminal.press("C-c");
  await terminal.until(/^Ada> draft$/m);
  await terminal.press("C-r");
  await terminal.type("morn");
  // The time for which ESC may be the start of more passes before the letter.
  await terminal.press("Escape");
  await terminal.until(/^Ada> good morning$/m);
  await terminal.press("C-e");
  await terminal.type("!");
  await terminal.until(/^Ada> good morning!$/m);
  await terminal.press("C-u", "C-r");
  await terminal.type("push");
  await terminal.paste("!");
  await terminal.until(/^Ada> git !push$/m);
  // Ctrl-D deletes in the line that was found, also over an empty draft.
  await terminal.press("C-e", "C-u", "C-r");
  await terminal.type("push");
  await terminal.press("C-d");
  await terminal.until(/^Ada> git ush$/m);
  await terminal.press("C-u", "C-r");
  await terminal.type("push");
  await terminal.press("Enter");
  await terminal.until(/Ada: git push\nAda>$/);
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
  await terminal.type("one");
  await terminal.press("M-Enter", "M-Enter");
  await terminal.type("/two");
  await terminal.press("Up", "Up", "End");
  await terminal.type("!");
  await terminal.until(/^Ada> one!\n\n\/two$/m);
  await say(grace, "meanwhile");
  await terminal.until(/Grace: meanwhile\nAda> one!\n\n\/two$/);
  await terminal.press("Enter");
  await terminal.until(/Ada: one!\n│\n│ \/two\nAda>$/);
  await terminal.paste(`/${TRACE}\x03\x1b[2J\n`);
  // Half the screen is the prompt's.
  const screen = await terminal.until(/at file_39\.ts:39$/);
  assertEquals(screen.match(/at file/g)?.length, 10);
  await terminal.press("Enter");
  await terminal.until(/file_39\.ts:39\nAda>$/);
  // A paste goes to the cursor, and can be edited further.
  await terminal.type("say this: ok?");
  await terminal.press("M-b");
  await terminal.paste("one line \x03\n");
  await terminal.until(/^Ada> say this: one line ok\?$/m);
  await terminal.press("C-e");
  await terminal.type("\x1b[200~\rand\r\nmore\x1b[201~");
  await terminal.until(/^Ada> say this: one line ok\?\nand\nmore$/m);
  await terminal.press("M-BSpace", "BSpace", "Enter");
  await terminal.until(/ok\?\n│ and\nAda>$/);
  // What is entered before Ctrl-D is sent.
  await terminal.type("last\nwords\n\x04");
  await assertSane(terminal, 0);
  assertEquals(await grace.texts(7), [
    ...["notice", "meanwhile", "one!\n\n/two", `/${TRACE}`],
    ...["say this: one line ok?\nand", "last", "words"],
  ]);
});
