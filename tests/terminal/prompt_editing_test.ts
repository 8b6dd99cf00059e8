/** Editing at the prompt in a real terminal: search, pastes, several lines. */

import { assertEquals } from "@std/assert";
import { assertSane, say, scene } from "../support/prompt_scene.ts";

scene("Ctrl-R finds what was entered", async ({ terminal, grace }) => {
  for (const line of ["git push", "good morning", "git pull"]) {
    await terminal.enter(line);
    await terminal.until(new RegExp(`Ada: ${line}\nAda>$`));
  }
  await terminal.type("draft");
  await terminal.press("C-r");
  await terminal.until(/^\(search\)`': draft$/m);
  await terminal.type("git");
  await terminal.until(/^\(search\)`git': git pull$/m);
  // The room goes on above it.
  await say(grace, "meanwhile");
  await terminal.until(/Grace: meanwhile\n\(search\)`git': git pull$/);
  await terminal.press("C-r");
  await terminal.until(/^\(search\)`git': git push$/m);
  await terminal.press("C-g");
  await terminal.until(/^Ada> draft$/m);
  // Ctrl-C leaves the search, not the room.
  await terminal.press("C-r");
  await terminal.type("nowhere");
  await terminal.until(/^\(not found\)`nowhere': draft$/m);
  await terminal.press("C-c");
  await terminal.until(/^Ada> draft$/m);
  await terminal.press("C-r");
  await terminal.type("morn");
  await terminal.until(/^\(search\)`morn': good morning$/m);
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

scene("Alt-Enter breaks the line, Enter sends one message", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("one");
  await terminal.press("M-Enter", "M-Enter");
  await terminal.type("/two");
  await terminal.until(/^Ada> one\n\n\/two$/m);
  await terminal.press("Up", "Up", "End");
  await terminal.type("!");
  await terminal.until(/^Ada> one!\n\n\/two$/m);
  // The room goes on above it.
  await say(grace, "meanwhile");
  await terminal.until(/Grace: meanwhile\nAda> one!\n\n\/two$/);
  await terminal.press("Enter");
  await terminal.until(/Ada: one!\n│\n│ \/two\nAda>$/);
  await terminal.press("Up");
  await terminal.until(/^Ada> one!\n\n\/two$/m);
  assertEquals(await grace.texts(3), [
    ...["notice", "meanwhile", "one!\n\n/two"],
  ]);
});

/** A trace with blank lines, blanks and tabs that are worth keeping. */
const TRACE = Array.from(
  { length: 40 },
  (_, i) => i % 7 === 3 ? "" : `${" ".repeat(i % 5)}at\tfile_${i}.ts:${i}`,
).join("\n");

scene("a pasted trace is one message, as it was", async (all) => {
  const { terminal, grace } = all;
  await terminal.paste(`/${TRACE}\x03\x1b[2J\n`);
  // Half the screen is the prompt's.
  const screen = await terminal.until(/at file_39\.ts:39$/);
  assertEquals(screen.match(/at file/g)?.length, 10);
  await terminal.press("Enter");
  await terminal.until(/file_39\.ts:39\nAda>$/);
  assertEquals(await grace.texts(2), ["notice", `/${TRACE}`]);
});

scene("a paste goes to the cursor, and can be edited further", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("say this: ok?");
  await terminal.press("M-b");
  await terminal.paste("one line \x03\n");
  await terminal.until(/^Ada> say this: one line ok\?$/m);
  await terminal.press("C-e");
  await terminal.type("\x1b[200~\rand\r\nmore\x1b[201~");
  await terminal.until(/^Ada> say this: one line ok\?\nand\nmore$/m);
  await terminal.press("M-BSpace", "BSpace", "Enter");
  await terminal.until(/ok\?\n│ and\nAda>$/);
  assertEquals(await grace.texts(2), [
    ...["notice", "say this: one line ok?\nand"],
  ]);
});

scene("a program's lines are sent one by one, EXIT leaves", async (all) => {
  const { terminal, grace } = all;
  await terminal.type("one\ntwo\n\n   \nthree\nfour\n");
  await terminal.until(/Ada: four\nAda>$/);
  assertEquals(await grace.texts(5), [
    ...["notice", "one", "two", "three", "four"],
  ]);
  await terminal.enter("EXIT");
  await assertSane(terminal, 0);
});
