import { assertEquals } from "@std/assert";
import { type Entry, messages } from "../../lib/cli/entries.ts";
import type { Line } from "../../lib/terminal/input.ts";

/** What becomes of entries, in order. */
async function outcome(entries: Entry[]): Promise<string[]> {
  const events: string[] = [];
  async function* source() {
    yield* entries;
  }
  const lines = messages(source(), {
    help: () => events.push("help"),
    who: () => events.push("who"),
    clear: () => events.push("clear"),
    refuse: (sentence) => events.push(sentence.slice(0, 24)),
  });
  for await (const line of lines) events.push(shown(line));
  return events;
}

const shown = (line: Line) =>
  line.type === "text" ? `send ${line.text}` : line.type;

const typed = (text: string): Entry => ({
  type: "text",
  text,
  isPasted: false,
});

Deno.test("entries: messages pass, commands are obeyed, in order", async () => {
  const texts = ["hello", "/help", "/me waves", "//x", "/who", "/clear", ""];
  assertEquals(await outcome(texts.map(typed)), [
    "send hello",
    "help",
    "send *waves*",
    "send /x",
    "who",
    "clear",
    "send ",
  ]);
  assertEquals(await outcome([typed("/nix")]), ["There is no command /nix"]);
});

Deno.test("entries: what is pasted is text, whatever it looks like", async () => {
  const pasted = ["/quit", "//x", "exit"].map((text) => ({
    ...typed(text),
    isPasted: true,
  }));
  assertEquals(await outcome(pasted), ["send /quit", "send //x", "send exit"]);
});

Deno.test("entries: lines that can't be sent are not lost here", async () => {
  const bad: Entry = { type: "not UTF-8", isPasted: false };
  assertEquals(await outcome([bad]), ["not UTF-8"]);
});

Deno.test("entries: nothing passes after good-bye", async () => {
  for (const text of ["/quit", "exit", "Exit"]) {
    assertEquals(await outcome([typed("a"), typed(text), typed("b")]), [
      "send a",
    ]);
  }
});
